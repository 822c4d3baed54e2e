"""What a snapshot of plain values answers, and the first thing that it finds in the way."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from roles.engine.objects import Need, Rule
from roles.engine.snapshot import Snapshot, Version
from roles.family import Family
from tenancy.errors import Reason
from tests.roles.engine.plain_world import Known, id_of
from tests.roles.engine.values import HERE, Office, named, role

pytestmark = pytest.mark.requirement("PDP-1")

PLACE = "organization", "larkmoor"


@pytest.fixture
def office() -> Office:
    """Ann reaches all clients, bob those he is assigned to: the harbor to work with, the meadow to read."""
    office = Office(
        [
            role("chief", "clients:read", "clients:write", "team:read", reach="all"),
            role("desk", "clients:read"),
            role("clerk", "clients:write", parent="desk"),
        ],
        clients=["harbor", "meadow", "quarry"],
    )
    office.hire("ann", "chief")
    office.hire("bob", "clerk", reads=["meadow"], changes=["harbor"])
    return office


def judged(office: Office, who: str, action: str, kind: str, name: str, **properties: Any) -> Reason:
    """Return the answer of judge, with which permits and explain have to agree."""
    snapshot = office.snapshot()
    asked = (id_of(who), action, kind, name if kind == "organization" else id_of(name), properties)
    reason = snapshot.judge(*asked)
    explained = snapshot.explain(*asked)
    assert snapshot.permits(*asked) is (reason is Reason.GRANTED) is explained.allowed
    assert explained.reason is reason
    return reason


@pytest.mark.parametrize(
    ("who", "action", "client", "expected"),
    [
        ("ann", "clients:read", "quarry", Reason.GRANTED),
        ("ann", "clients:write", "quarry", Reason.GRANTED),
        ("ann", "clients:write", "nowhere", Reason.OUT_OF_REACH),
        ("ann", "clients:delete", "quarry", Reason.MISSING_PERMISSION),
        ("bob", "clients:read", "meadow", Reason.GRANTED),
        ("bob", "clients:write", "meadow", Reason.READ_ONLY),
        ("bob", "clients:write", "harbor", Reason.GRANTED),
        ("bob", "clients:read", "quarry", Reason.OUT_OF_REACH),
        ("bob", "clients:write", "quarry", Reason.OUT_OF_REACH),
        ("cleo", "clients:read", "harbor", Reason.NOT_A_MEMBER),
        ("ann", "clients:teleport", "harbor", Reason.UNKNOWN_PERMISSION),
    ],
)
def test_permission_and_reach_decide_about_a_client(
    office: Office, who: str, action: str, client: str, expected: Reason
) -> None:
    assert judged(office, who, action, "client", client) is expected


def test_whoever_is_assigned_to_nothing_reaches_nothing(office: Office) -> None:
    office.hire("cleo", "desk")
    assert judged(office, "cleo", "clients:read", "client", "harbor") is Reason.OUT_OF_REACH


@pytest.mark.parametrize(("place", "expected"), [("larkmoor", Reason.GRANTED), (str(HERE), Reason.GRANTED)])
def test_the_organization_is_named_by_id_or_by_slug(office: Office, place: str, expected: Reason) -> None:
    assert judged(office, "ann", "team:read", "organization", place) is expected
    assert judged(office, "ann", "team:read", "organization", place.upper() + "x") is Reason.OUT_OF_REACH


@pytest.mark.parametrize("refusal", [Reason.BANNED, Reason.SUSPENDED, Reason.ROLE_INACTIVE, Reason.SECOND_FACTOR])
def test_what_keeps_somebody_out_is_told_before_all_else(office: Office, refusal: Reason) -> None:
    office.hire("ann", "chief", refusal=refusal)
    assert judged(office, "ann", "clients:read", "client", "quarry") is refusal
    assert judged(office, "ann", "clients:delete", "client", "nowhere") is refusal


@pytest.mark.parametrize(
    ("author", "expected"),
    [
        (id_of("bob"), Reason.GRANTED),
        ("bob@people.example", Reason.GRANTED),
        ("Bob@People.Example", Reason.GRANTED),
        ("ann@people.example", Reason.OUT_OF_REACH),
        (["bob@people.example"], Reason.OUT_OF_REACH),
        (None, Reason.OUT_OF_REACH),
    ],
)
def test_what_is_somebodys_own_names_them_in_a_property(office: Office, author: object, expected: Reason) -> None:
    assert judged(office, "bob", "close", "ticket", "any", author=author) is expected


def test_another_property_makes_nothing_ones_own(office: Office) -> None:
    assert judged(office, "bob", "close", "ticket", "any", reader=id_of("bob")) is Reason.OUT_OF_REACH


def test_a_subject_is_found_by_id_and_by_address(office: Office) -> None:
    snapshot = office.snapshot()
    ann = snapshot.person(id_of("ann"))
    assert ann is not None and ann.id == id_of("ann")
    assert snapshot.person("ann@people.example") is ann
    assert snapshot.person("ann") is None


def test_an_id_wins_over_an_address_that_reads_like_it(office: Office) -> None:
    office.people["trickster"] = replace(office.people[id_of("bob")], id="trickster", email=id_of("ann"))
    assert office.snapshot().person(id_of("ann")) is office.people[id_of("ann")]


def test_a_place_that_there_is_not_has_no_name_and_nobody_in_it() -> None:
    rules = {("organization", "team:read"): Rule("team:read", Need.PLACE)}
    nowhere = Snapshot(
        organization_id=HERE,
        version=Version(0, 0),
        names=(),
        is_open=False,
        people={},
        family=Family({}),
        held={},
        rules=rules,
        objects=Known("client", ()),
    )
    assert nowhere.place == ""
    assert nowhere.judge("ann", "team:read", "organization", "") is Reason.NOT_A_MEMBER
    assert nowhere.weight == 0


def test_a_snapshot_weighs_its_people_what_they_are_assigned_to_and_its_roles(office: Office) -> None:
    office.hire("cleo", "desk", reads=["harbor"])
    snapshot = office.snapshot()
    assert snapshot.weight == 3 + 2 + 1 + 100 * len(snapshot.held)


def test_the_people_assigned_to_an_object_are_listed_in_order(office: Office) -> None:
    for name in ("finn", "cleo", "eve"):
        office.hire(name, "desk", reads=["quarry"])
    assert "ticket" not in office.snapshot().assignees
    assert office.snapshot().assignees["client"][id_of("quarry")] == tuple(
        sorted(id_of(name) for name in ("finn", "cleo", "eve"))
    )


def test_they_are_put_in_order_once(office: Office) -> None:
    snapshot = office.snapshot()
    assert snapshot.assignees is snapshot.assignees


def test_people_are_listed_by_role_in_the_order_of_their_ids(office: Office) -> None:
    for name in ("cleo", "dan", "eve", "finn"):
        office.hire(name, "desk")
    by_role = office.snapshot().people_by_role
    assert by_role[named("desk")] == sorted(map(id_of, ("cleo", "dan", "eve", "finn")))
    assert by_role[named("chief")] == [id_of("ann")]


def test_of_what_is_granted_the_objects_of_applications_alone_are_listed(office: Office) -> None:
    for name, ids in (("bob", {"i-2", "i-1"}), ("ann", {"i-3", "i-1"})):
        person = office.people[id_of(name)]
        granted = {"books:invoice": dict.fromkeys(ids, False)}
        office.people[person.id] = replace(person, assigned={**person.assigned, **granted})
    assert office.snapshot().granted == {"books:invoice": ["i-1", "i-2", "i-3"]}


def test_actions_are_listed_by_kind_in_order(office: Office) -> None:
    actions = office.snapshot().actions
    assert actions["ticket"] == ["close", "stamp"]
    assert list(actions["client"]) == sorted(actions["client"]) and "contacts:write" in actions["client"]
    assert set(actions) == {"client", "ticket", "books:invoice", "organization"}


class TestWhereAPermissionComesFrom:
    def test_it_comes_from_the_nearest_role_that_holds_it(self) -> None:
        office = Office([role("base", "team:read", "reports:read"), role("desk", "team:read", parent="base")])
        routes = office.held[named("desk")].routes
        assert routes["team:read"].ids == (named("desk"),)
        assert routes["reports:read"].ids == (named("desk"), named("base"))
        assert [one.name for one in routes["reports:read"].line] == ["desk", "base"]
        assert routes["reports:read"].held == "reports:read"

    def test_it_is_held_by_itself_rather_than_by_a_wildcard(self) -> None:
        single = ("team:read", "team:list", "team:invite", "clients:read", "clients:write", "reports:read")
        routes = Office([role("chief", "admin:*", *single)]).held[named("chief")].routes
        assert {key: routes[key].held for key in single} == {key: key for key in single}
        assert routes["clients:delete"].held == "admin:*"


class TestVersions:
    def test_a_version_is_written_with_a_dot_and_read_back(self) -> None:
        assert str(Version(12, 3)) == "12.3"
        assert Version.parse("12.3") == Version(12, 3)

    @pytest.mark.parametrize("text", ["", "12", "12.", ".3", "a.3", "12.b", "1.2.3", "-1.2", "1 .2", "².3", "."])
    def test_anything_else_is_no_version(self, text: str) -> None:
        with pytest.raises(ValueError, match="no version"):
            Version.parse(text)

    def test_a_version_has_up_to_40_characters(self) -> None:
        longest = "1." + "2" * 38
        assert str(Version.parse(longest)) == longest
        with pytest.raises(ValueError, match="no version"):
            Version.parse(longest + "2")

    def test_no_more_than_50_characters_of_a_wrong_one_are_repeated(self) -> None:
        with pytest.raises(ValueError) as refused:
            Version.parse("x" * 80)
        assert str(refused.value).startswith(f"'{'x' * 50}' is no version")

    @pytest.mark.parametrize(
        ("other", "expected"), [((4, 2), True), ((3, 1), True), ((5, 2), False), ((4, 3), False), ((5, 1), False)]
    )
    def test_a_version_covers_another_when_both_counters_are_as_high(
        self, other: tuple[int, int], expected: bool
    ) -> None:
        assert Version(4, 2).covers(Version(*other)) is expected
