"""Roles that inherit from one another, reckoned with in memory."""

from __future__ import annotations

from uuid import UUID

import pytest

from roles import catalogue
from roles.family import Family, Relative, family_of, read_family
from tenancy.actors import Scope
from tenancy.context import acting
from tests.factories import RoleFactory, on_platform
from tests.roles.applications import keys_of, register
from tests.roles.engine.values import named, role
from tests.world import Agency

pytestmark = pytest.mark.requirement("ROLE-8")

BASE = role("base", "team:read", "reports:read")
DESK = role("desk", "team:list", "team:read", parent="base")
CLERK = role("clerk", "clients:read", parent="desk")
APART = role("apart", "team:invite", parent="missing")


def family(*roles: Relative) -> Family:
    return Family({one.id: one for one in roles})


ALL = family(BASE, DESK, CLERK, APART)
ASLEEP = family(BASE, DESK._replace(is_active=False), CLERK)


def names(line: list[Relative]) -> list[str]:
    return [one.name for one in line]


def test_a_line_leads_from_a_role_to_the_top() -> None:
    assert names(ALL.line(named("clerk"))) == ["clerk", "desk", "base"]
    assert names(ALL.line(named("base"))) == ["base"]


def test_a_parent_that_is_not_there_ends_the_line() -> None:
    assert names(ALL.line(named("apart"))) == ["apart"]
    assert ALL.line(named("missing")) == [] and ALL.line(None) == []


def test_a_circle_ends_where_it_began() -> None:
    circle = family(BASE._replace(parent_id=named("clerk")), DESK, CLERK)
    assert names(circle.line(named("clerk"))) == ["clerk", "desk", "base"]


def test_a_role_grants_what_it_holds_and_inherits() -> None:
    assert ALL.effective(named("clerk")) == {"clients:read", "team:list", "team:read", "reports:read"}
    assert ALL.effective(named("missing")) == frozenset()


def test_what_stands_at_or_above_a_sleeping_role_is_not_granted_but_waits() -> None:
    assert ASLEEP.effective(named("clerk")) == {"clients:read"}
    assert ASLEEP.effective(named("desk")) == frozenset()
    assert ASLEEP.potential(named("clerk")) == ALL.effective(named("clerk"))


def test_wildcards_are_spelled_out() -> None:
    chief = family(role("chief", "admin:*"))
    everything = catalogue.keys_of(Scope.TENANT)
    assert chief.effective(named("chief")) >= everything and chief.potential(named("chief")) >= everything
    assert ALL.potential(named("missing")) == frozenset()


def test_a_wildcard_covers_the_applications_of_the_organization() -> None:
    apps = frozenset({"app-1:read", "app-1:edit"})
    with_apps = Family({named("chief"): role("chief", "admin:*")}, apps)
    assert with_apps.effective(named("chief")) >= apps and with_apps.spelled(frozenset({"admin:*"})) >= apps
    assert not with_apps.spelled(frozenset({"team:read"})) & apps
    assert not family(role("chief", "admin:*")).effective(named("chief")) & apps


def test_each_inherited_permission_is_traced_to_the_nearest_role() -> None:
    assert {key: one.name for key, one in ALL.sources(named("clerk")).items()} == {
        "team:list": "desk",
        "team:read": "desk",
        "reports:read": "base",
    }
    assert ASLEEP.sources(named("clerk")) == {} and ALL.sources(named("base")) == {}


def test_an_inherited_wildcard_is_traced_spelled_out() -> None:
    chief = family(role("chief", "admin:*"), role("deputy", parent="chief"))
    assert chief.sources(named("deputy"))["clients:delete"].name == "chief"


def test_heirs_are_found_to_any_depth_by_name() -> None:
    other = role("another", parent="base")._replace(display_name="Desk", id=UUID(int=1))
    assert names(family(CLERK, DESK, BASE, other).heirs(named("base"))) == ["clerk", "another", "desk"]
    assert names(ALL.heirs(named("desk"))) == ["clerk"] and ALL.heirs(named("clerk")) == []


def test_a_family_can_be_asked_as_it_would_be() -> None:
    changed = ALL.with_role(BASE._replace(own=frozenset({"clients:write"})))
    assert changed.effective(named("base")) == {"clients:write"}
    assert ALL.effective(named("base")) == BASE.own and set(changed.members) == set(ALL.members)


@pytest.mark.django_db
class TestReadFromTheDatabase:
    def test_a_role_comes_with_all_above_and_below_it(self) -> None:
        top = RoleFactory(name="top", keys=("team:read",))
        middle = RoleFactory(name="middle", parent=top, keys=("team:list", "clients:read"), reach="assigned")
        low = RoleFactory(name="low", parent=middle, is_active=False, priority=7)
        beside = RoleFactory(name="beside", parent=top)
        lonely = RoleFactory(name="lonely")
        with on_platform():
            read = family_of(middle.pk)
            wider = family_of(None, lonely.pk, None)
            below, above = read_family(below=[top.pk]), read_family(above=[low.pk])
        assert set(read.members) == {top.pk, middle.pk, low.pk}
        assert read.members[middle.pk] == Relative(
            middle.pk, top.pk, None, "middle", middle.display_name, 50, "assigned", True,
            frozenset({"team:list", "clients:read"}),
        )  # fmt: skip
        assert str(read.members[low.pk]) == low.display_name and not read.members[low.pk].is_active
        assert set(wider.members) == {lonely.pk}
        assert set(below.members) == {top.pk, middle.pk, low.pk, beside.pk}
        assert set(above.members) == {top.pk, middle.pk, low.pk}

    def test_an_organization_reads_the_keys_of_its_applications_with_its_roles(
        self, agency: Agency, other_agency: Agency
    ) -> None:
        keys = set(keys_of(register(agency)).values())
        ours = RoleFactory(organization=agency.organization)
        with acting(agency.actor("owner")):
            read, nothing = read_family(above=[ours.pk]), read_family()
        with acting(other_agency.actor("owner")):
            theirs = family_of(RoleFactory(organization=other_agency.organization).pk)
        with on_platform():
            of_all = family_of(ours.pk)
        assert read.applications == keys
        assert nothing.applications == theirs.applications == of_all.applications == frozenset()
