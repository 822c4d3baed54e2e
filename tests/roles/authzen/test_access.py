"""What an asker may learn, and what the record is told of those who may not ask."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest

from roles.authzen.access import NO_OBJECT, Sight, require_about, require_about_others
from roles.authzen.errors import Forbidden
from tenancy.errors import Reason
from tests.roles.authzen.small_world import NOTE, actor_of, make_snapshot
from tests.roles.engine.plain_world import id_of

pytestmark = [pytest.mark.requirement("PDP-3"), pytest.mark.requirement("PDP-4")]


def test_a_refusal_names_who_asked_and_the_permission_that_is_missing() -> None:
    eve = actor_of("eve")
    with pytest.raises(Forbidden) as refused:
        require_about_others(eve)
    assert refused.value.attempt is not None
    actor, denial = refused.value.attempt
    assert actor is eve and (denial.reason, denial.key) == (Reason.MISSING_PERMISSION, "team:read")


@pytest.mark.parametrize("others", [[id_of("ada")], [id_of("eve"), id_of("ada")], ["nobody"], [""]])
def test_whoever_may_ask_about_others_asks_about_anybody(others: list[str]) -> None:
    require_about(actor_of("ned"), others)
    with pytest.raises(Forbidden):
        require_about(actor_of("eve"), others)


def test_oneself_is_named_by_id_or_address() -> None:
    require_about(actor_of("eve"), [id_of("eve"), "eve@people.example"])
    require_about(actor_of("eve"), [])


def test_an_asker_who_is_not_in_the_snapshot_may_know_of_no_client_and_no_granted_note() -> None:
    sight = Sight(replace(actor_of("ada"), user_id=UUID(int=0)), make_snapshot())
    assert not sight.is_whole and not sight.listed("client")
    assert sight.seen("clients:read", "client", id_of("alder")) == sight.seen("sign", NOTE, "n-1") == NO_OBJECT
