"""A caller who is refused again and again costs a look-up and a record each time, until nobody listens (threat 12)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connections

from accounts.models import ApiToken
from audit.models import AccessRecord
from roles.authzen import limits
from roles.authzen.askers import MOST_STRANGERS_AT_ONCE
from roles.authzen.limits import Rate, RefusalLimit
from roles.models import Role
from tests.factories import inside, on_platform
from tests.roles.authzen.asking import EVALUATION, Answer, Service, question
from tests.roles.authzen.conftest import hire, token_of
from tests.roles.authzen.test_freshness import move, unreachable
from tests.world import Agency

pytestmark = pytest.mark.requirement("PDP-3")

MOST = 5
FLOOD = "198.51.100.1"


class Clock:
    """The time of the limit, which stands still unless it is told to go on."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(limits, "monotonic", clock)
    return clock


@dataclass
class Door:
    """A decision point behind one proxy, and what is known of who comes to it."""

    service: Service
    body: dict[str, Any]

    def ask(self, token: str | None, address: str = FLOOD, **headers: str) -> Answer:
        return self.service.post(EVALUATION, self.body, **self._headers(token, address), **headers)

    def crowd(self, tokens: Iterable[str]) -> list[int]:
        """Return the statuses of requests that come at once, each with one of the tokens."""

        async def all_at_once() -> list[Answer]:
            calls = (self.service.call("POST", EVALUATION, sent, **self._headers(token, FLOOD)) for token in tokens)
            return await asyncio.gather(*calls)

        sent = json.dumps(self.body).encode()
        return [answer.status for answer in self.service.runner.run(all_at_once())]

    def _headers(self, token: str | None, address: str) -> dict[str, str]:
        return {"x_forwarded_for": address, "authorization": f"Bearer {token}" if token else ""}

    def knock(self, times: int, address: str = FLOOD) -> list[int]:
        """Return the statuses of requests with tokens that are not valid."""
        return [self.ask(f"iam_guess{number}", address).status for number in range(times)]


@pytest.fixture
def door(settings: Any, runner: asyncio.Runner, agency: Agency) -> Door:
    settings.ACCESS_REFUSED_RATE = f"{MOST}/min"
    settings.TRUSTED_PROXY_HOPS = 1
    return Door(Service(runner, None), question(agency.owner, "clients:read", "client", agency.clients[0]))


@pytest.fixture
def token(agency: Agency) -> str:
    return token_of(agency, agency.owner)


def recorded() -> int:
    with on_platform():
        return AccessRecord.objects.count()


def test_an_address_that_was_refused_too_often_is_told_to_wait(door: Door, clock: Clock) -> None:
    assert door.knock(MOST) == [401] * MOST
    clock.now += 20.5
    answer = door.ask("iam_another")
    assert answer.status == 429 and answer.headers["retry-after"] == "40"
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json["status"] == 429 and answer.json["title"] == "Too Many Requests" and answer.json["detail"]


def test_no_token_at_all_is_a_refusal_like_any_other(door: Door) -> None:
    assert [door.ask(None).status for _ in range(MOST + 1)] == [*[401] * MOST, 429]


def test_a_holder_whose_role_is_closed_is_refused_like_any_other(door: Door, agency: Agency) -> None:
    closed = hire(agency, "team:read")
    secret = token_of(agency, closed)
    with inside(agency.organization):
        Role.objects.filter(memberships__user=closed).update(is_active=False)
    assert [door.ask(secret).status for _ in range(MOST + 1)] == [*[403] * MOST, 429]


def test_forbidden_questions_count_and_go_on_being_answered(door: Door, agency: Agency) -> None:
    narrow = token_of(agency, hire(agency, "clients:read"))
    assert [door.ask(narrow).status for _ in range(MOST + 1)] == [403] * (MOST + 1)
    assert door.knock(1) == [429]


def test_a_window_ends_and_another_begins(door: Door, clock: Clock) -> None:
    door.knock(MOST)
    clock.now += 59.5
    assert door.knock(1) == [429]
    clock.now += 1
    assert door.knock(MOST + 1) == [*[401] * MOST, 429]


def test_refusals_that_are_far_apart_add_up_to_nothing(door: Door, clock: Clock) -> None:
    for _ in range(3):
        assert door.knock(MOST - 1) == [401] * (MOST - 1)
        clock.now += 60


def test_refusals_do_not_prolong_the_window_they_are_counted_in(door: Door, clock: Clock) -> None:
    door.knock(MOST - 2)
    clock.now += 40
    door.knock(1)
    clock.now += 20
    assert door.knock(MOST + 1) == [*[401] * MOST, 429]


def test_the_wait_is_as_long_whenever_in_a_window_it_begins(door: Door, clock: Clock) -> None:
    door.knock(1)
    clock.now += 59
    door.knock(MOST - 1)
    clock.now += 59
    assert door.knock(1) == [429]
    clock.now += 1
    assert door.knock(1) == [401]


def test_a_wait_goes_on_when_the_window_of_another_address_ends(door: Door, clock: Clock) -> None:
    door.knock(1, "198.51.100.2")
    clock.now += 50
    door.knock(MOST)
    clock.now += 10
    door.knock(1, "198.51.100.3")
    assert door.knock(1) == [429]


def test_asking_on_does_not_prolong_the_wait(door: Door, clock: Clock) -> None:
    door.knock(MOST)
    clock.now += 59
    door.knock(3 * MOST)
    clock.now += 1
    assert door.knock(1) == [401]


def test_a_token_in_use_passes_meanwhile(door: Door, token: str) -> None:
    assert door.ask(token).decision
    assert door.knock(MOST + 1)[-1] == 429
    assert door.ask(token).decision


def test_a_token_in_use_passes_when_the_policy_has_moved(door: Door, agency: Agency, token: str) -> None:
    assert door.ask(token).decision
    door.knock(MOST)
    move(agency)
    assert set(door.crowd([token] * 20)) == {200}


def test_a_token_in_use_passes_after_the_database_was_away(door: Door, module_db: str, token: str) -> None:
    assert door.ask(token).decision
    door.knock(MOST)
    with unreachable(module_db.rpartition("/")[2]):
        assert door.ask(token).status == 503
    assert door.ask(token).decision


def test_a_token_that_was_revoked_is_in_use_no_more(door: Door, agency: Agency, token: str) -> None:
    assert door.ask(token).decision
    door.knock(MOST)
    with inside(agency.organization):
        ApiToken.objects.filter(user=agency.owner).delete()
    assert [door.ask(token).status for _ in range(2)] == [401, 429]


def test_a_good_token_that_is_new_waits_with_its_address(door: Door, clock: Clock, token: str) -> None:
    door.knock(MOST)
    assert door.ask(token).status == 429
    clock.now += 60
    assert door.ask(token).decision


def test_another_address_is_listened_to(door: Door, token: str) -> None:
    door.knock(MOST)
    assert door.knock(1, "198.51.100.2") == [401]
    assert door.ask(token, "198.51.100.3").decision


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("fe80::1", "fe80::2", True),
        ("198.51.100.7", "::ffff:198.51.100.7", True),
    ],
)
def test_one_host_is_known_by_its_network(door: Door, one: str, other: str, alike: bool) -> None:
    door.knock(MOST, one)
    assert door.knock(1, other) == [429 if alike else 401]


@pytest.mark.parametrize("kind", ["application/json; a*=bogus''%41", "application/json; charset=nowhere"])
def test_a_content_type_that_cannot_be_read_does_not_help(door: Door, kind: str) -> None:
    assert [door.ask(None, content_type=kind).status for _ in range(MOST + 1)] == [*[401] * MOST, 429]


@pytest.mark.parametrize("told", ["unknown", "198.51.100.1:4711", "fe80::1%eth0", "a" * 300])
def test_what_is_no_address_is_left_aside(door: Door, told: str) -> None:
    before = recorded()
    assert door.knock(1, told) == [401]
    assert recorded() == before + 1


def test_the_record_tells_once_that_an_address_is_not_listened_to(door: Door) -> None:
    before = recorded()
    door.knock(MOST)
    assert recorded() == before + MOST
    assert door.ask("iam_another", x_request_id="first").status == 429
    with on_platform():
        told = AccessRecord.objects.get(request_id="first")
    assert told.decision == "deny" and told.address == FLOOD
    assert set(door.knock(20)) == {429}
    assert recorded() == before + MOST + 1


def test_nothing_is_looked_up_for_an_address_that_is_not_listened_to(door: Door, module_db: str) -> None:
    door.knock(MOST + 1)
    with unreachable(module_db.rpartition("/")[2]):
        assert door.knock(1) == [429]
        assert door.knock(1, "198.51.100.2") == [503]
    connections.close_all()


def test_a_crowd_at_once_gets_no_further_than_one_after_another(door: Door) -> None:
    before = recorded()
    statuses = door.crowd(f"iam_guess{number}" for number in range(100))
    assert set(statuses) == {401, 429}
    # Another look-up was under way beside the one that closed the address.
    assert MOST <= statuses.count(401) < MOST + MOST_STRANGERS_AT_ONCE
    assert recorded() == before + statuses.count(401) + 1


def test_newcomers_with_good_tokens_are_let_in_as_a_crowd(door: Door, agency: Agency) -> None:
    tokens = [token_of(agency, agency.owner) for _ in range(3 * MOST)]
    assert set(door.crowd(tokens)) == {200}


def test_the_addresses_of_a_flood_do_not_fill_the_memory(clock: Clock) -> None:
    limit = RefusalLimit(Rate(1, 60), capacity=100)
    for number in range(1_000):
        limit.count(f"10.0.{number // 250}.{number % 250}")
        assert len(limit) <= 100
    with pytest.raises(limits.TooManyRefusals):
        limit.require_open("10.0.3.249")
    limit.require_open("10.0.0.0")
    clock.now += 60
    limit.count("192.0.2.1")
    assert len(limit) == 1


@pytest.mark.parametrize(
    ("written", "rate"), [("60/min", Rate(60, 60)), ("5/s", Rate(5, 1)), ("900/hour", Rate(900, 3_600))]
)
def test_a_rate_is_read(written: str, rate: Rate) -> None:
    assert Rate.parse(written) == rate


@pytest.mark.parametrize("written", ["", "60", "0/min", "-1/min", "60/", "60/week", "many/min"])
def test_a_rate_that_cannot_be_read_stops_the_start(
    settings: Any, service_of: Callable[..., Service], agency: Agency, written: str
) -> None:
    settings.ACCESS_REFUSED_RATE = written
    with pytest.raises(ImproperlyConfigured, match="not a rate"):
        service_of(agency, agency.owner)
