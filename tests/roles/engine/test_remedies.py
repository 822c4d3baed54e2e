"""What would turn a denial into an allow, smallest first, in an organization of plain values."""

from __future__ import annotations

from dataclasses import replace

import pytest

from roles.engine.remedy import Change, Remedy, Step, remedies
from tenancy.errors import Reason
from tests.roles.engine.plain_world import id_of
from tests.roles.engine.values import HERE, Office, role

pytestmark = pytest.mark.requirement("PDP-2")

PLACE = "organization", "larkmoor"


def offered(office: Office, who: str, action: str, kind: str, name: str, **properties: object) -> list[Remedy]:
    object_id = id_of(name) if kind == "client" else name
    return remedies(office.snapshot(), id_of(who), action, kind, object_id, properties)


def told(office: Office, who: str, action: str, kind: str, name: str) -> list[tuple[list[str], int]]:
    """Return the steps of each remedy in words, and what is gained by them."""
    return [([str(step) for step in one.steps], one.gained) for one in offered(office, who, action, kind, name)]


def give(name: str) -> str:
    return f"Give them the role “{name}”."


ASSIGN_TO_READ, ASSIGN_TO_WORK = "Assign them to it, to read.", "Assign them to it, to work with."


def test_what_is_allowed_wants_no_remedy() -> None:
    office = Office([role("desk", "team:read"), role("chief", "team:read")])
    office.hire("bob", "desk")
    assert offered(office, "bob", "team:read", *PLACE) == []


@pytest.mark.parametrize("who", ["bob", "stranger"])
@pytest.mark.parametrize(
    ("action", "kind", "name"),
    [
        ("paint", "organization", "larkmoor"),
        ("team:read", "organization", "quaymark"),
        ("clients:read", "client", "nowhere"),
    ],
)
def test_what_there_is_not_has_no_remedy(who: str, action: str, kind: str, name: str) -> None:
    office = Office([role("desk", "team:list"), role("chief", "team:read", "clients:read", reach="all")])
    office.hire("bob", "desk")
    assert offered(office, who, action, kind, name) == []


def test_ones_own_thing_wants_no_remedy_either() -> None:
    office = Office([role("desk", "clients:write")])
    office.hire("bob", "desk")
    assert offered(office, "bob", "close", "ticket", "any", author=id_of("bob")) == []


@pytest.mark.parametrize("names", [("alpha", "beta"), ("beta", "alpha")])
def test_remedies_of_the_same_size_come_in_one_order(names: tuple[str, str]) -> None:
    office = Office([role(name, "team:read") for name in names])
    other_way_round = Office([role(name, "team:read") for name in reversed(names)])
    found = offered(office, "stranger", "team:read", *PLACE)
    assert len(found) == 2 and found == offered(other_way_round, "stranger", "team:read", *PLACE)


class TestForSomebodyWithoutARole:
    def test_each_active_role_that_would_do_is_offered_the_smallest_first(self) -> None:
        office = Office(
            [
                role("chief", "team:read", "team:list", "reports:read"),
                role("desk", "team:read"),
                role("guest", "reports:read"),
                role("asleep", "team:read", active=False),
            ]
        )
        assert told(office, "stranger", "team:read", *PLACE) == [([give("Desk")], 1), ([give("Chief")], 3)]

    def test_a_client_is_assigned_too_unless_the_role_reaches_all(self) -> None:
        office = Office(
            [role("desk", "clients:read"), role("chief", "clients:read", "clients:write", "team:read", reach="all")],
            clients=["harbor"],
        )
        assert told(office, "stranger", "clients:read", "client", "harbor") == [
            ([give("Chief")], 3),
            ([give("Desk"), ASSIGN_TO_READ], 2),
        ]

    def test_a_suspended_organization_is_restored_and_a_second_factor_set_up(self) -> None:
        office = Office([role("desk", "team:read")], wary=frozenset({"desk"}), is_open=False)
        assert told(office, "stranger", "team:read", *PLACE) == [
            ([give("Desk"), "Restore the organization.", "Let them set up a second factor."], 1)
        ]

    @pytest.mark.parametrize("author", [id_of("stranger"), id_of("stranger").upper()])
    def test_a_role_is_all_that_is_missing_for_a_thing_of_their_own(self, author: str) -> None:
        office = Office([role("desk", "clients:write")])
        [remedy] = offered(office, "stranger", "close", "ticket", "any", author=author)
        assert [step.change for step in remedy.steps] == [Change.GIVE_ROLE]
        office.hire("stranger", "desk")
        assert office.snapshot().permits(id_of("stranger"), "close", "ticket", "any", {"author": author})

    @pytest.mark.parametrize("author", [id_of("ann"), "", None, 7])
    def test_no_role_makes_the_thing_of_another_or_of_nobody_their_own(self, author: object) -> None:
        office = Office([role("desk", "clients:write")])
        assert offered(office, "stranger", "close", "ticket", "any", author=author) == []
        assert offered(office, "stranger", "close", "ticket", "any") == []

    def test_a_stranger_is_known_by_the_name_that_was_asked_about_alone(self) -> None:
        office = Office([role("desk", "clients:write")])
        asked = "close", "ticket", "any", {"author": "new@people.example"}
        assert [one.steps[0].change for one in remedies(office.snapshot(), "new@people.example", *asked)] == [
            Change.GIVE_ROLE
        ]
        assert remedies(office.snapshot(), "NEW@people.example", *asked) == []


class TestOfReach:
    @pytest.fixture
    def office(self) -> Office:
        office = Office([role("desk", "clients:read", "clients:write")], clients=["harbor", "meadow", "quarry"])
        office.hire("bob", "desk", reads=["meadow"], changes=["harbor"])
        return office

    def test_a_client_out_of_reach_is_assigned_for_what_is_asked(self, office: Office) -> None:
        [read] = offered(office, "bob", "clients:read", "client", "quarry")
        [write] = offered(office, "bob", "clients:write", "client", "quarry")
        assert read == Remedy((Step(Change.ASSIGN, object_id=id_of("quarry"), to_change=False),), 1)
        assert write == Remedy((Step(Change.ASSIGN, object_id=id_of("quarry"), to_change=True),), 1)
        assert str(read.steps[0]) == ASSIGN_TO_READ and str(write.steps[0]) == ASSIGN_TO_WORK

    def test_a_client_assigned_to_read_is_assigned_to_work_with(self, office: Office) -> None:
        assert told(office, "bob", "clients:write", "client", "meadow") == [([ASSIGN_TO_WORK], 1)]

    def test_somebody_assigned_to_nothing_yet_is_assigned(self, office: Office) -> None:
        office.hire("cleo", "desk")
        assert told(office, "cleo", "clients:read", "client", "harbor") == [([ASSIGN_TO_READ], 1)]

    @pytest.mark.parametrize(
        ("action", "client", "steps"),
        [
            ("clients:read", "meadow", []),
            ("clients:read", "quarry", [ASSIGN_TO_READ]),
            ("clients:write", "harbor", []),
            ("clients:write", "meadow", [ASSIGN_TO_WORK]),
        ],
    )
    def test_whoever_is_assigned_already_wants_the_permission_alone(
        self, office: Office, action: str, client: str, steps: list[str]
    ) -> None:
        office.roles = [*office.roles, role("guest")]
        office.hire("cleo", "guest", reads=["meadow"], changes=["harbor"])
        added = [f"Add {action} to the role “Guest”.", *steps]
        assert added in [found for found, _ in told(office, "cleo", action, "client", client)]

    def test_nothing_makes_the_thing_of_another_ones_own(self, office: Office) -> None:
        assert offered(office, "bob", "close", "ticket", "any", author=id_of("ann")) == []

    def test_ones_own_thing_wants_the_permission_alone(self, office: Office) -> None:
        office.roles = [*office.roles, role("guest", "team:read")]
        office.hire("cleo", "guest")
        for_cleo = offered(office, "cleo", "close", "ticket", "any", author="cleo@people.example")
        assert [[step.change for step in one.steps] for one in for_cleo] == [
            [Change.ADD_PERMISSION],
            [Change.GIVE_ROLE],
        ]


class TestOfAnApplication:
    @pytest.fixture
    def office(self) -> Office:
        office = Office([role("chief", "clients:read", reach="all"), role("guest", reach="all")])
        office.hire("ann", "chief")
        office.hire("bob", "guest")
        return office

    def test_what_is_for_all_wants_the_permission_alone(self, office: Office) -> None:
        assert offered(office, "ann", "read", "books:invoice", "i-1") == []
        assert told(office, "bob", "read", "books:invoice", "i-1") == [
            (["Add clients:read to the role “Guest”."], 1),
            ([give("Chief")], 1),
        ]

    def test_what_is_for_those_named_is_granted_however_far_they_reach(self, office: Office) -> None:
        assert told(office, "ann", "pay", "books:invoice", "i-1") == [([ASSIGN_TO_WORK], 1)]
        ann = office.people[id_of("ann")]
        office.people[ann.id] = replace(ann, assigned={"books:invoice": {"i-1": False}})
        assert offered(office, "ann", "pay", "books:invoice", "i-1") == []
        bob = office.people[id_of("bob")]
        office.people[bob.id] = replace(bob, assigned={"books:invoice": {"i-1": False}})
        assert [steps for steps, _ in told(office, "bob", "pay", "books:invoice", "i-1")] == [
            ["Add clients:read to the role “Guest”."],
            [give("Chief")],
        ]


class TestOfWhatKeepsSomebodyOut:
    def test_a_ban_is_lifted_and_the_organization_restored(self) -> None:
        office = Office([role("desk", "team:read")], is_open=False)
        office.hire("bob", "desk", active=False, refusal=Reason.BANNED)
        assert told(office, "bob", "team:read", *PLACE) == [(["Lift the ban.", "Restore the organization."], 0)]

    def test_a_second_factor_is_set_up_by_whoever_has_none(self) -> None:
        office = Office([role("desk", "team:read"), role("guest")], wary=frozenset({"desk"}))
        office.hire("bob", "desk", refusal=Reason.SECOND_FACTOR)
        assert told(office, "bob", "team:read", *PLACE) == [(["Let them set up a second factor."], 0)]
        office.hire("cleo", "guest")
        office.hire("dan", "guest", second_factor=True)
        with_factor, without = (
            [steps for steps, _ in told(office, who, "team:read", *PLACE) if give("Desk") in steps]
            for who in ("dan", "cleo")
        )
        assert with_factor == [[give("Desk")]]
        assert without == [["Let them set up a second factor.", give("Desk")]]

    def test_an_assignment_is_added_to_what_is_lifted(self) -> None:
        office = Office([role("desk", "clients:read")], clients=["harbor"])
        office.hire("bob", "desk", active=False, refusal=Reason.BANNED)
        assert told(office, "bob", "clients:read", "client", "harbor") == [(["Lift the ban.", ASSIGN_TO_READ], 1)]

    def test_whoever_reaches_all_wants_no_assignment(self) -> None:
        office = Office([role("chief", "clients:read", reach="all")], clients=["harbor"])
        office.hire("ann", "chief", active=False, refusal=Reason.BANNED)
        assert told(office, "ann", "clients:read", "client", "harbor") == [(["Lift the ban."], 0)]


class TestOfAPermission:
    def test_it_is_added_to_the_role_or_another_role_is_given(self) -> None:
        office = Office([role("desk", "team:list"), role("chief", "team:read", "team:list", "reports:read")])
        for name in ("bob", "cleo", "dan"):
            office.hire(name, "desk")
        assert told(office, "bob", "team:read", *PLACE) == [
            ([give("Chief")], 2),
            (["Add team:read to the role “Desk”."], 3),
        ]

    def test_a_change_of_the_role_keeps_its_reach_and_another_role_brings_its_own(self) -> None:
        office = Office(
            [
                role("chief", "team:read", reach="all"),
                role("desk", "clients:read"),
                role("lead", "clients:read", reach="all"),
            ],
            clients=["harbor"],
        )
        office.hire("ann", "chief")
        office.hire("bob", "desk", refusal=None)
        assert told(office, "ann", "clients:read", "client", "harbor") == [
            (["Add clients:read to the role “Chief”."], 1),
            ([give("Lead")], 1),
            ([give("Desk"), ASSIGN_TO_READ], 2),
        ]

    def test_what_the_heirs_would_gain_by_it_counts(self) -> None:
        office = Office([role("desk", "team:list"), role("clerk", "reports:read", parent="desk")])
        for name, held in (("bob", "desk"), ("cleo", "clerk"), ("dan", "clerk")):
            office.hire(name, held)
        assert told(office, "bob", "team:read", *PLACE) == [(["Add team:read to the role “Desk”."], 3)]

    @pytest.mark.parametrize("kind", ["built in", "shared"])
    def test_a_role_that_is_not_the_organizations_own_is_not_changed(self, kind: str) -> None:
        owner = None if kind == "shared" else HERE
        office = Office(
            [role("desk", "team:list", organization=owner)],
            built_in=frozenset({"desk"} if kind == "built in" else ()),
        )
        office.hire("bob", "desk")
        assert offered(office, "bob", "team:read", *PLACE) == []

    def test_a_sleeping_role_is_activated_before_it_is_added_to(self) -> None:
        office = Office([role("desk", "team:list", active=False)])
        office.hire("bob", "desk", refusal=Reason.ROLE_INACTIVE)
        assert told(office, "bob", "team:read", *PLACE) == [
            (["Activate the role “Desk”.", "Add team:read to the role “Desk”."], 2)
        ]
        [remedy] = offered(office, "bob", "team:read", *PLACE)
        assert [(step.change, step.key) for step in remedy.steps] == [
            (Change.ACTIVATE_ROLE, ""),
            (Change.ADD_PERMISSION, "team:read"),
        ]

    def test_sleeping_roles_are_activated_up_to_the_one_that_holds_it(self) -> None:
        office = Office(
            [
                role("top", "reports:read", active=False),
                role("base", "team:read", parent="top", active=False),
                role("middle", "team:invite", parent="base"),
                role("desk", "team:list", parent="middle", active=False),
            ]
        )
        for name in ("bob", "cleo"):
            office.hire(name, "desk", refusal=Reason.ROLE_INACTIVE)
        office.hire("dan", "middle")
        assert told(office, "bob", "team:read", *PLACE) == [
            (["Activate the role “Desk”.", "Add team:read to the role “Desk”."], 2 * 3),
            (["Activate the role “Desk”.", "Activate the role “Base”."], 2 * 3 + 1),
        ]

    def test_to_wake_a_role_above_is_not_the_only_way(self) -> None:
        """It may hand out more, and may not be for whoever could add the permission here."""
        shared = role("base", "reports:read", "clients:read", "clients:write", active=False)
        office = Office([shared, role("desk", "team:list", parent="base")])
        office.hire("bob", "desk")
        assert told(office, "bob", "reports:read", *PLACE) == [
            (["Add reports:read to the role “Desk”."], 1),
            (["Activate the role “Base”."], 3),
        ]

    def test_what_the_sleeping_role_itself_holds_is_not_added_to_it(self) -> None:
        office = Office([role("base", "team:read"), role("desk", "team:read", parent="base", active=False)])
        office.hire("bob", "desk", refusal=Reason.ROLE_INACTIVE)
        assert [steps for steps, _ in told(office, "bob", "team:read", *PLACE)] == [
            ["Activate the role “Desk”."],
            [give("Base")],
        ]

    def test_what_is_in_the_way_besides_is_lifted_first(self) -> None:
        office = Office([role("desk", "team:list"), role("lead", "team:read", "team:list")], is_open=False)
        office.hire("bob", "desk", active=False, refusal=Reason.BANNED)
        lifted = ["Lift the ban.", "Restore the organization."]
        assert told(office, "bob", "team:read", *PLACE) == [
            ([*lifted, "Add team:read to the role “Desk”."], 1),
            ([*lifted, give("Lead")], 1),
        ]

    def test_a_wildcard_of_a_sleeping_role_is_as_good_as_the_permission(self) -> None:
        office = Office([role("desk", "admin:*", active=False)])
        office.hire("bob", "desk", refusal=Reason.ROLE_INACTIVE)
        [[steps, _]] = told(office, "bob", "team:read", *PLACE)
        assert steps == ["Activate the role “Desk”."]
