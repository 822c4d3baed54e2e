"""What an explanation tells: the witness, the reach, and one sentence."""

from __future__ import annotations

import pytest

from roles.engine.explanation import Reach
from roles.engine.snapshot import Version
from tenancy.errors import Reason
from tests.roles.engine.plain_world import id_of
from tests.roles.engine.values import Office, name_of, named, role

pytestmark = pytest.mark.requirement("PDP-2")


@pytest.fixture
def office() -> Office:
    """Ann reaches all clients by a wildcard; bob reads the meadow and works with the harbor, by inheritance."""
    office = Office(
        [
            role("chief", "admin:*", reach="all"),
            role("base", "clients:write"),
            role("desk", "team:read", parent="base"),
            role("clerk", "clients:read", parent="desk"),
        ],
        clients=["harbor", "meadow"],
    )
    office.hire("ann", "chief")
    office.hire("bob", "clerk", reads=["meadow"], changes=["harbor"])
    return office


def told(office: Office, who: str, action: str, kind: str, object_id: str, **properties: str) -> str:
    return str(office.snapshot().explain(id_of(who), action, kind, object_id, properties))


def words(key: str) -> str:
    return f"“{name_of(key)}” ({key})"


def test_a_witness_names_every_row_that_the_decision_rests_on(office: Office) -> None:
    explained = office.snapshot().explain(id_of("bob"), "clients:write", "client", id_of("harbor"))
    assert explained.witness is not None and explained.witness._asdict() == {
        "user_id": id_of("bob"),
        "membership_id": office.people[id_of("bob")].membership_id,
        "roles": (named("clerk"), named("desk"), named("base")),
        "held": "clients:write",
        "key": "clients:write",
        "reach": Reach.ASSIGNED,
        "kind": "client",
        "object_id": id_of("harbor"),
    }
    assert (explained.kind, explained.object_id, explained.version) == ("client", id_of("harbor"), Version(4, 2))
    assert explained.route is not None and explained.route.ids == explained.witness.roles


@pytest.mark.parametrize(
    ("who", "action", "kind", "name", "reach"),
    [
        ("ann", "clients:read", "client", "harbor", Reach.ALL),
        ("ann", "clients:write", "client", "harbor", Reach.ALL),
        ("bob", "clients:read", "client", "meadow", Reach.ASSIGNED),
        ("bob", "clients:write", "client", "harbor", Reach.ASSIGNED),
        ("bob", "team:read", "organization", "larkmoor", Reach.PLACE),
        ("bob", "close", "ticket", "any", Reach.OWN),
    ],
)
def test_the_reach_of_an_allowed_object_is_told(
    office: Office, who: str, action: str, kind: str, name: str, reach: Reach
) -> None:
    object_id = id_of(name) if kind == "client" else name
    explained = office.snapshot().explain(id_of(who), action, kind, object_id, {"author": "bob@people.example"})
    assert explained.allowed and explained.reach is reach


def test_a_denial_has_neither_witness_nor_route_nor_reach(office: Office) -> None:
    for who in ("bob", "stranger"):
        explained = office.snapshot().explain(id_of(who), "clients:write", "client", id_of("meadow"))
        assert not explained.allowed
        assert (explained.witness, explained.route, explained.reach) == (None, None, None)


def test_the_sentence_of_an_allow_tells_the_way_and_the_reach(office: Office) -> None:
    harbor = id_of("harbor")
    assert told(office, "ann", "clients:write", "client", harbor) == (
        f"ann@people.example has {words('clients:write')} by the role “Chief”, by admin:*,"
        " which reaches everything of its kind."
    )
    assert told(office, "bob", "clients:write", "client", harbor) == (
        f"bob@people.example has {words('clients:write')} by the role “Clerk”, which inherits from “Desk”,"
        " which inherits from “Base”, and is assigned to it."
    )
    assert told(office, "bob", "team:read", "organization", "larkmoor") == (
        f"bob@people.example has {words('team:read')} by the role “Clerk”, which inherits from “Desk”,"
        " which holds everywhere here."
    )
    assert told(office, "bob", "close", "ticket", "any", author=id_of("bob")).endswith(", and it is their own.")


@pytest.mark.parametrize(
    ("who", "action", "kind", "name", "sentence"),
    [
        ("stranger", "clients:read", "client", "harbor", "They have no role here."),
        ("ann", "paint", "client", "harbor", "There is no such action on a thing of the kind “client”."),
        ("bob", "stamp", "ticket", "any", "{bob}'s role “Clerk” does not include “tickets:stamp” (tickets:stamp)."),
        ("bob", "clients:delete", "client", "harbor", "{bob}'s role “Clerk” does not include {clients:delete}."),
        (
            "bob",
            "clients:write",
            "client",
            "meadow",
            "{bob} has {clients:write}, and is assigned to this client to read only.",
        ),
        (
            "bob",
            "clients:read",
            "client",
            "quarry",
            "{bob} has {clients:read}, and this client is not within their reach or does not exist.",
        ),
        (
            "bob",
            "close",
            "ticket",
            "any",
            "{bob} has {clients:write}, and this ticket is not within their reach or does not exist.",
        ),
    ],
)
def test_the_sentence_of_a_denial_tells_what_is_missing(
    office: Office, who: str, action: str, kind: str, name: str, sentence: str
) -> None:
    for key in ("clients:delete", "clients:write", "clients:read"):
        sentence = sentence.replace(f"{{{key}}}", words(key))
    assert told(office, who, action, kind, id_of(name)) == sentence.replace("{bob}", "bob@people.example")


@pytest.mark.parametrize(
    ("refusal", "sentence"),
    [
        (Reason.BANNED, "bob@people.example is banned."),
        (Reason.SUSPENDED, "The organization is suspended."),
        (Reason.ROLE_INACTIVE, "bob@people.example's role “Clerk” is inactive and grants nothing."),
        (Reason.SECOND_FACTOR, "bob@people.example's role “Clerk” wants a second factor, and none is set up."),
    ],
)
def test_the_sentence_tells_what_keeps_somebody_out(office: Office, refusal: Reason, sentence: str) -> None:
    office.hire("bob", "clerk", changes=["harbor"], refusal=refusal)
    assert told(office, "bob", "clients:read", "client", id_of("harbor")) == sentence
