"""A remedy is shown to those alone who could carry out every step of it."""

from __future__ import annotations

from typing import Any

import pytest

from roles.actors import RoleActor, resolve
from roles.engine.loading import load
from roles.engine.remedy import Change, Remedy, Step, possible_for
from roles.engine.snapshot import Person, Snapshot
from roles.models import Membership
from tenancy.context import acting
from tests.factories import MembershipFactory, RoleFactory, UserFactory, built_in, inside
from tests.world import Agency, make_staff

pytestmark = [pytest.mark.django_db, pytest.mark.requirement("PDP-2")]


def hire(agency: Agency, *keys: str, priority: int = 50, reach: str = "all") -> Any:
    role = RoleFactory(organization=agency.organization, keys=keys, priority=priority, reach=reach)
    user = UserFactory()
    MembershipFactory(user=user, organization=agency.organization, role=role)
    return user


def acts(agency: Agency, user: Any) -> RoleActor:
    actor = resolve(user.pk, organization_id=agency.organization.pk)
    assert isinstance(actor, RoleActor)
    return actor


def possible(by: RoleActor, step: Step, *, to: Person | None, kind: str = "client") -> bool:
    with acting(by):
        return possible_for(by, to, kind, Remedy((step,), 1))


@pytest.fixture
def snapshot(agency: Agency) -> Snapshot:
    return load(agency.organization.pk)


@pytest.fixture
def member(agency: Agency, snapshot: Snapshot) -> Person:
    return snapshot.people[str(agency.member.pk)]


def test_nobody_mends_what_they_lack_themselves(agency: Agency, snapshot: Snapshot) -> None:
    step = Step(Change.ASSIGN, object_id=str(agency.clients[1].pk))
    owner = snapshot.people[str(agency.owner.pk)]
    assert possible(agency.actor("admin"), step, to=owner)
    assert not possible(agency.actor("owner"), step, to=owner)


def test_every_step_has_to_be_possible(agency: Agency, member: Person) -> None:
    owner, assigning, unban = agency.actor("owner"), Step(Change.ASSIGN, object_id="any"), Step(Change.UNBAN)
    with acting(owner):
        assert possible_for(owner, member, "client", Remedy((assigning, assigning), 2))
        assert not possible_for(owner, member, "client", Remedy((assigning, unban), 1))
        assert not possible_for(owner, member, "client", Remedy((unban, assigning), 1))


@pytest.mark.parametrize("change", [Change.UNBAN, Change.RESTORE, Change.SECOND_FACTOR])
def test_bans_suspensions_and_second_factors_are_not_theirs_to_change(
    agency: Agency, member: Person, change: Change
) -> None:
    assert not possible(agency.actor("owner"), Step(change), to=member)


class TestAssigning:
    @pytest.mark.parametrize(
        ("keys", "reach", "expected"),
        [(("team:update",), "all", True), (("team:update",), "assigned", False), (("team:read",), "all", False)],
    )
    def test_it_takes_the_permission_and_reach_to_all(
        self, agency: Agency, member: Person, keys: tuple[str, ...], reach: str, expected: bool
    ) -> None:
        by = acts(agency, hire(agency, *keys, reach=reach))
        assert possible(by, Step(Change.ASSIGN, object_id="any"), to=member) is expected
        assert possible(by, Step(Change.ASSIGN, object_id="any"), to=None) is expected

    def test_things_of_an_unknown_kind_are_assigned_by_nobody(self, agency: Agency, member: Person) -> None:
        assert not possible(agency.actor("owner"), Step(Change.ASSIGN, object_id="any"), to=member, kind="unicorn")


class TestGivingARole:
    def step(self, snapshot: Snapshot, name: str) -> Step:
        return Step(Change.GIVE_ROLE, snapshot.held[built_in(name).pk].role)

    def test_it_takes_the_permission_to_assign_and_the_ceiling(
        self, agency: Agency, snapshot: Snapshot, member: Person
    ) -> None:
        assert possible(agency.actor("owner"), self.step(snapshot, "org-owner"), to=member)
        assert possible(agency.actor("admin"), self.step(snapshot, "org-manager"), to=member)
        assert not possible(agency.actor("admin"), self.step(snapshot, "org-owner"), to=member)
        assert not possible(agency.actor("manager"), self.step(snapshot, "org-viewer"), to=member)

    def test_somebody_above_is_given_none(self, agency: Agency, snapshot: Snapshot) -> None:
        owner = snapshot.people[str(agency.owner.pk)]
        assert not possible(agency.actor("admin"), self.step(snapshot, "org-viewer"), to=owner)

    def test_somebody_who_is_not_here_yet_is_invited_too(self, agency: Agency, snapshot: Snapshot) -> None:
        assert possible(agency.actor("owner"), self.step(snapshot, "org-viewer"), to=None)
        viewer = built_in("org-viewer")
        rights = [one for one in snapshot.held[viewer.pk].keys if one != "team:invite"]
        only_assigns = acts(agency, hire(agency, *rights, "team:roles:assign"))
        assert possible(only_assigns, self.step(snapshot, "org-viewer"), to=snapshot.people[str(agency.viewer.pk)])
        assert not possible(only_assigns, self.step(snapshot, "org-viewer"), to=None)

    def test_a_role_that_they_cannot_see_is_not_given(
        self, agency: Agency, other_agency: Agency, member: Person
    ) -> None:
        theirs = RoleFactory(organization=other_agency.organization, keys=())
        role = load(other_agency.organization.pk).held[theirs.pk].role
        assert not possible(agency.actor("owner"), Step(Change.GIVE_ROLE, role), to=member)

    def test_somebody_who_has_left_is_given_none(self, agency: Agency, snapshot: Snapshot, member: Person) -> None:
        with inside(agency.organization):
            Membership.objects.filter(user=agency.member).delete()
        assert not possible(agency.actor("owner"), self.step(snapshot, "org-viewer"), to=member)

    def test_staff_give_roles_to_the_people_of_an_organization(self, snapshot: Snapshot, member: Person) -> None:
        by = resolve(make_staff("super-admin").pk)
        assert isinstance(by, RoleActor)
        assert possible(by, self.step(snapshot, "org-viewer"), to=member)

    @pytest.mark.parametrize(("name", "expected"), [("super-admin", True), ("support-agent", False)])
    def test_on_the_platform_nobody_need_be_invited(self, name: str, expected: bool) -> None:
        by = resolve(make_staff(name).pk)
        assert isinstance(by, RoleActor)
        step = Step(Change.GIVE_ROLE, load(None).held[built_in("analyst").pk].role)
        assert possible(by, step, to=None, kind="platform") is expected


class TestChangingARole:
    def step(self, agency: Agency, change: Change, key: str = "", **traits: Any) -> Step:
        values = {"organization": agency.organization, "keys": ("clients:read",), "reach": "assigned", **traits}
        role = RoleFactory(**values)
        return Step(change, load(agency.organization.pk).held[role.pk].role, key)

    def test_a_role_of_their_own_place_is_changed_by_whoever_may(self, agency: Agency, member: Person) -> None:
        owner, admin, manager = (agency.actor(name) for name in ("owner", "admin", "manager"))
        add = self.step(agency, Change.ADD_PERMISSION, "clients:write")
        wake = self.step(agency, Change.ACTIVATE_ROLE, is_active=False)
        for by, expected in ((owner, True), (admin, True), (manager, False)):
            assert possible(by, add, to=member) is expected
            assert possible(by, wake, to=member) is expected

    def test_the_ceiling_holds_for_what_is_added(self, agency: Agency, member: Person) -> None:
        by = acts(agency, hire(agency, "team:roles:assign", "team:read", "clients:read"))
        assert possible(by, self.step(agency, Change.ADD_PERMISSION, "team:read"), to=member)
        assert not possible(by, self.step(agency, Change.ADD_PERMISSION, "clients:write"), to=member)

    def test_the_ceiling_holds_for_what_is_woken(self, agency: Agency, member: Person) -> None:
        by = acts(agency, hire(agency, "team:roles:assign", "team:read", "clients:read"))
        asleep = {"is_active": False}
        assert possible(by, self.step(agency, Change.ACTIVATE_ROLE, **asleep), to=member)
        above = self.step(agency, Change.ACTIVATE_ROLE, keys=("clients:write",), **asleep)
        assert not possible(by, above, to=member)

    def test_a_role_shared_by_all_is_not_changed(self, agency: Agency, member: Person) -> None:
        shared = self.step(agency, Change.ADD_PERMISSION, "clients:write", organization=None)
        assert not possible(agency.actor("owner"), shared, to=member)
