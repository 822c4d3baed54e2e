from __future__ import annotations

from typing import Any

import pytest

from accounts.limits import JOIN_BY_ADDRESS, JOIN_BY_TOKEN, Limit, join_refused, too_many

pytestmark = pytest.mark.requirement("ORG-3")

TWICE = Limit("test", attempts=2, seconds=600)
DEAD_REDIS = "redis://127.0.0.1:1/0"


def test_an_attempt_past_the_limit_is_one_too_many() -> None:
    assert [too_many(TWICE, "198.51.100.7") for _ in range(4)] == [False, False, True, True]


def test_each_identity_is_counted_for_itself() -> None:
    assert [too_many(TWICE, address) for address in ("a", "b", "a", "b")] == [False] * 4


def test_a_new_window_starts_afresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("accounts.limits.time.time", lambda: 1_000_000.0)
    assert [too_many(TWICE, "a") for _ in range(3)][-1]
    monkeypatch.setattr("accounts.limits.time.time", lambda: 1_000_600.0)
    assert not too_many(TWICE, "a")


def test_the_limit_holds_while_redis_is_away(settings: Any) -> None:
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": DEAD_REDIS}}
    assert [too_many(TWICE, "198.51.100.7") for _ in range(3)] == [False, False, True]


def test_a_link_is_tried_so_often_from_any_address() -> None:
    tries = [join_refused(f"198.51.100.{number}", "guess") for number in range(JOIN_BY_TOKEN.attempts + 1)]
    assert (tries[0], tries[-2], tries[-1]) == (False, False, True)


def test_an_address_tries_so_many_links() -> None:
    tries = [join_refused("198.51.100.7", f"guess {number}") for number in range(JOIN_BY_ADDRESS.attempts + 1)]
    assert (tries[0], tries[-2], tries[-1]) == (False, False, True)
