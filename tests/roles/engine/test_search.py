"""The three searches find what single questions allow, in order, a page at a time."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from roles.engine import search
from tenancy.errors import Reason
from tests.roles.engine.plain_world import id_of
from tests.roles.engine.values import HERE, Office, role

pytestmark = pytest.mark.requirement("PDP-3")

CLIENTS = ("harbor", "meadow", "quarry", "tower", "mill")
READERS = ("bob", "cleo", "dan", "eve")


@pytest.fixture
def office() -> Office:
    """Ann reaches all clients, the others some: bob works with three of them, cleo, dan and eve read two."""
    desk, chief = role("desk", "clients:read", "clients:write", "team:read"), role("chief", "clients:read", reach="all")
    office = Office([chief, desk, role("guest", "reports:read"), role("lead", parent="desk")], clients=CLIENTS)
    office.hire("ann", "chief")
    office.hire("bob", "lead", changes=["quarry", "harbor", "mill"])
    for name in ("cleo", "dan", "eve"):
        office.hire(name, "desk", reads=["harbor", "tower"])
    office.hire("finn", "guest", changes=CLIENTS)
    office.hire("gil", "desk", reads=["harbor"], refusal=Reason.BANNED)
    office.hire("hal", "desk")
    return office


def ids(*names: str) -> list[str]:
    return sorted(map(id_of, names))


def in_pages(page: Callable[[str], list[str]], limit: int) -> list[str]:
    """Return what all pages show together; each but the last is full."""
    found: list[str] = []
    while part := page(found[-1] if found else ""):
        assert len(part) <= limit and len(found) % limit == 0
        found += part
    return found


class TestWhoMayDoThis:
    def test_everybody_who_may_is_found_in_the_order_of_their_ids(self, office: Office) -> None:
        found = search.subjects(office.snapshot(), "clients:read", "client", id_of("harbor"), limit=10)
        assert found == ids("ann", *READERS)

    def test_only_those_are_found_who_may_change_it(self, office: Office) -> None:
        found = search.subjects(office.snapshot(), "clients:write", "client", id_of("harbor"), limit=10)
        assert found == ids("bob")

    def test_a_client_that_there_is_not_is_within_nobodys_reach(self, office: Office) -> None:
        assert search.subjects(office.snapshot(), "clients:read", "client", id_of("nowhere"), limit=10) == []

    def test_whoever_reaches_all_and_is_assigned_besides_is_found_once(self, office: Office) -> None:
        office.hire("ivy", "chief", reads=["harbor"])
        found = search.subjects(office.snapshot(), "clients:read", "client", id_of("harbor"), limit=10)
        assert found == ids("ann", "ivy", *READERS)

    def test_whoever_reaches_all_is_found_where_nobody_is_assigned_to_anything(self) -> None:
        office = Office([role("chief", "clients:read", reach="all")], clients=["harbor"])
        office.hire("ann", "chief")
        assert search.subjects(office.snapshot(), "clients:read", "client", id_of("harbor"), limit=10) == ids("ann")

    @pytest.mark.parametrize("place", ["larkmoor", str(HERE)])
    def test_the_organization_is_within_the_reach_of_all(self, office: Office, place: str) -> None:
        found = search.subjects(office.snapshot(), "team:read", "organization", place, limit=10)
        assert found == ids(*READERS, "hal")

    def test_another_organization_is_within_nobodys(self, office: Office) -> None:
        assert search.subjects(office.snapshot(), "team:read", "organization", "quaymark", limit=10) == []

    def test_an_action_that_there_is_not_is_nobodys(self, office: Office) -> None:
        assert search.subjects(office.snapshot(), "clients:teleport", "client", id_of("harbor"), limit=10) == []

    def test_what_is_somebodys_own_is_theirs_alone(self, office: Office) -> None:
        author = {"author": "cleo@people.example"}
        found = search.subjects(office.snapshot(), "close", "ticket", "any", author, limit=10)
        assert found == ids("cleo")

    @pytest.mark.parametrize("limit", [1, 2, 5])
    def test_pages_follow_one_another_without_gap_or_repetition(self, office: Office, limit: int) -> None:
        snapshot = office.snapshot()
        asked = (snapshot, "clients:read", "client", id_of("harbor"))
        paged = in_pages(lambda after: search.subjects(*asked, after=after, limit=limit), limit)
        assert paged == ids("ann", *READERS)


class TestToWhatMayTheyDoIt:
    def test_those_assigned_are_found_in_order(self, office: Office) -> None:
        snapshot = office.snapshot()
        assert search.resources(snapshot, id_of("cleo"), "clients:read", "client", limit=10) == ids("harbor", "tower")
        assert search.resources(snapshot, id_of("cleo"), "clients:write", "client", limit=10) == []
        worked_with = search.resources(snapshot, id_of("bob"), "clients:write", "client", limit=10)
        assert worked_with == ids("quarry", "harbor", "mill")

    def test_reading_and_changing_are_remembered_apart(self, office: Office) -> None:
        snapshot = office.snapshot()
        for _ in range(2):
            assert len(search.resources(snapshot, id_of("dan"), "clients:read", "client", limit=10)) == 2
            assert search.resources(snapshot, id_of("dan"), "clients:write", "client", limit=10) == []
            assert len(search.resources(snapshot, id_of("bob"), "clients:read", "client", limit=10)) == 3

    def test_the_order_is_found_once(self, office: Office) -> None:
        snapshot = office.snapshot()
        search.resources(snapshot, id_of("bob"), "clients:write", "client", limit=1)
        [kept] = snapshot.ordered.values()
        search.resources(snapshot, id_of("bob"), "clients:write", "client", limit=2)
        assert list(snapshot.ordered.values()) == [kept] and next(iter(snapshot.ordered.values())) is kept

    def test_whoever_reaches_all_finds_all(self, office: Office) -> None:
        found = search.resources(office.snapshot(), id_of("ann"), "clients:read", "client", limit=10)
        assert found == ids(*CLIENTS)

    def test_the_one_place_is_found_unless_it_was_on_the_page_before(self, office: Office) -> None:
        asked = (office.snapshot(), id_of("bob"), "team:read", "organization")
        assert search.resources(*asked, limit=10) == [str(HERE)]
        assert search.resources(*asked, limit=0) == []
        assert search.resources(*asked, after=str(HERE), limit=10) == []

    @pytest.mark.parametrize(
        ("who", "action", "kind"),
        [
            ("stranger", "clients:read", "client"),
            ("cleo", "clients:teleport", "client"),
            ("cleo", "clients:read", "unicorn"),
            ("finn", "clients:read", "client"),
            ("gil", "clients:read", "client"),
            ("bob", "close", "ticket"),
        ],
    )
    def test_without_a_permission_nothing_is_found(self, office: Office, who: str, action: str, kind: str) -> None:
        assert search.resources(office.snapshot(), id_of(who), action, kind, limit=10) == []

    @pytest.mark.parametrize("action", ["read", "pay"])
    def test_of_an_application_nothing_is_found_that_is_granted_to_nobody(self, office: Office, action: str) -> None:
        for who in ("ann", "bob"):
            assert search.resources(office.snapshot(), id_of(who), action, "books:invoice", limit=10) == []

    def test_somebody_assigned_to_nothing_finds_nothing(self, office: Office) -> None:
        assert search.resources(office.snapshot(), id_of("hal"), "clients:read", "client", limit=10) == []

    @pytest.mark.parametrize("who", ["ann", "bob"])
    @pytest.mark.parametrize("limit", [1, 2, 5])
    def test_pages_follow_one_another_without_gap_or_repetition(self, office: Office, who: str, limit: int) -> None:
        asked = (office.snapshot(), id_of(who), "clients:read", "client")
        paged = in_pages(lambda after: search.resources(*asked, after=after, limit=limit), limit)
        assert paged == ids(*(CLIENTS if who == "ann" else ("quarry", "harbor", "mill")))


class TestWhatMayTheyDo:
    def test_the_actions_are_found_by_name_in_order(self, office: Office) -> None:
        snapshot = office.snapshot()
        asked = (id_of("bob"), "client", id_of("harbor"))
        assert search.actions(snapshot, *asked, limit=10) == ["clients:read", "clients:write"]
        assert search.actions(snapshot, *asked, limit=1) == ["clients:read"]
        assert search.actions(snapshot, *asked, after="clients:read", limit=10) == ["clients:write"]
        assert search.actions(snapshot, id_of("cleo"), "client", id_of("harbor"), limit=10) == ["clients:read"]

    def test_properties_of_the_object_count(self, office: Office) -> None:
        snapshot = office.snapshot()
        own = {"author": id_of("bob")}
        assert search.actions(snapshot, id_of("bob"), "ticket", "any", own, limit=10) == ["close"]
        assert search.actions(snapshot, id_of("bob"), "ticket", "any", limit=10) == []

    def test_nothing_is_done_to_a_kind_that_there_is_not(self, office: Office) -> None:
        assert search.actions(office.snapshot(), id_of("bob"), "unicorn", "any", limit=10) == []
