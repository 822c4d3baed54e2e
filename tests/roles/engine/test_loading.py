"""What a snapshot holds of the rows, and that one brought up to date is the one that would be read anew."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from allauth.mfa.models import Authenticator
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from roles.engine import search
from roles.engine.loading import load, read_version, renew
from roles.engine.snapshot import Snapshot, Version
from roles.engine.watch import forget_changes
from roles.models import Membership, PolicyVersion, Role
from tenancy.errors import Reason
from tests.accounts.legacy import legacy_admin
from tests.factories import (
    MembershipFactory,
    OrganizationFactory,
    RoleFactory,
    UserFactory,
    assign,
    built_in,
    inside,
    on_platform,
)
from tests.isolation.rows import superuser_dsn
from tests.world import Agency, make_agency, make_staff

pytestmark = pytest.mark.requirement("PDP-1")


def hire(agency: Agency, role: Any, **traits: Any) -> Any:
    user = UserFactory(**traits)
    MembershipFactory(user=user, organization=agency.organization, role=role)
    return user


def told(snapshot: Snapshot) -> dict[str, Any]:
    """Return all that a snapshot holds, the objects that it asks of aside."""
    shown = {name: getattr(snapshot, name) for name in ("organization_id", "version", "names", "place", "is_open")}
    return shown | {"people": snapshot.people, "held": snapshot.held, "rules": snapshot.rules}


@pytest.mark.django_db
class TestOfAnOrganization:
    def test_it_has_its_names_and_its_version(self, agency: Agency) -> None:
        snapshot = load(agency.organization.pk)
        assert snapshot.organization_id == agency.organization.pk
        assert snapshot.place == str(agency.organization.pk)
        assert snapshot.names == {str(agency.organization.pk), "larkmoor"}
        assert snapshot.is_open
        assert snapshot.version == read_version(agency.organization.pk) and snapshot.version.own > 0

    def test_an_unknown_one_has_no_name_and_nobody(self) -> None:
        snapshot = load(uuid4())
        assert (snapshot.place, snapshot.names, snapshot.is_open, snapshot.people) == ("", frozenset(), False, {})

    def test_its_counter_and_the_shared_one_are_two(self, agency: Agency) -> None:
        before = read_version(agency.organization.pk)
        hire(agency, built_in("org-viewer"))
        own = read_version(agency.organization.pk)
        assert own.own > before.own and own.shared == before.shared
        RoleFactory(name="shared")
        shared = read_version(agency.organization.pk)
        assert shared.own == own.own and shared.shared > own.shared
        assert read_version(None) == Version(shared.shared, shared.shared)

    def test_its_people_are_its_members(self, agency: Agency, other_agency: Agency) -> None:
        assert set(load(agency.organization.pk).people) == {str(user.pk) for user in agency.people.values()}

    def test_a_person_is_as_their_rows_tell(self, agency: Agency) -> None:
        snapshot = load(agency.organization.pk)
        with inside(agency.organization):
            membership = Membership.objects.get(user=agency.viewer)
        person = snapshot.people[str(agency.viewer.pk)]
        assert person.id == str(agency.viewer.pk) and person.email == "viewer@larkmoor.example"
        assert person.membership_id == membership.pk and person.held.role.id == membership.role_id
        assert person.is_active and not person.has_second_factor and person.refusal is None
        assert person.keys == person.held.keys != frozenset() and not person.reaches_all
        assert person.assigned == {"client": {str(agency.clients[0].pk): False}}
        assert snapshot.people[str(agency.owner.pk)].reaches_all
        assert snapshot.people[str(agency.owner.pk)].assigned == {}

    def test_a_service_account_wants_no_second_factor_just_as_its_token_does(self, agency: Agency) -> None:
        role = RoleFactory(organization=agency.organization, keys=("clients:read",), requires_second_factor=True)
        account, person = UserFactory(is_service=True), UserFactory()
        for user in (account, person):
            MembershipFactory(user=user, organization=agency.organization, role=role)
        people = load(agency.organization.pk).people
        assert people[str(account.pk)].keys == {"clients:read"} and people[str(account.pk)].refusal is None
        assert people[str(person.pk)].refusal is Reason.SECOND_FACTOR

    def test_assignments_to_work_with_and_to_read_are_told_apart(self, agency: Agency) -> None:
        first, second, third = agency.clients
        assign(agency.member, second, "view_client")
        assign(agency.member, third, "change_client")
        assigned = load(agency.organization.pk).people[str(agency.member.pk)].assigned["client"]
        assert assigned == {str(first.pk): True, str(second.pk): False, str(third.pk): True}

    def test_an_id_that_many_are_assigned_to_is_kept_once(self, agency: Agency) -> None:
        people = load(agency.organization.pk).people
        [for_member] = people[str(agency.member.pk)].assigned["client"]
        [for_viewer] = people[str(agency.viewer.pk)].assigned["client"]
        assert for_member is for_viewer

    def test_a_role_is_as_its_rows_tell(self, agency: Agency) -> None:
        base = RoleFactory(organization=agency.organization, name="base", keys=("team:read",), is_active=False)
        made = RoleFactory(
            organization=agency.organization,
            name="desk",
            display_name="Front desk",
            priority=33,
            keys=("clients:read", "team:list"),
            parent=base,
            reach="assigned",
            requires_second_factor=True,
        )
        held = load(agency.organization.pk).held
        desk = held[made.pk]
        assert desk.role == (
            made.pk, base.pk, agency.organization.pk, "desk", "Front desk", 33, "assigned", True,
            frozenset({"clients:read", "team:list"}),
        )  # fmt: skip
        assert desk.keys == desk.role.own and desk.requires_second_factor and not desk.is_built_in
        assert desk.line == (desk.role,) and held[base.pk].line == () and held[base.pk].keys == frozenset()
        owner = held[built_in("org-owner").pk]
        assert owner.is_built_in and not owner.requires_second_factor
        assert owner.role.organization_id is None and owner.role.parent_id is None

    def test_what_is_inherited_is_granted(self, agency: Agency) -> None:
        base = RoleFactory(organization=agency.organization, keys=("team:read",))
        heir = RoleFactory(organization=agency.organization, keys=("team:list",), parent=base)
        snapshot = load(agency.organization.pk)
        assert snapshot.held[heir.pk].keys == {"team:read", "team:list"}
        assert [one.id for one in snapshot.held[heir.pk].line] == [heir.pk, base.pk]
        assert [one.id for one in snapshot.family.line(heir.pk)] == [heir.pk, base.pk]

    def test_the_roles_of_others_and_of_the_platform_are_not_there(self, agency: Agency, other_agency: Agency) -> None:
        theirs = RoleFactory(organization=other_agency.organization)
        assert not {theirs.pk, built_in("super-admin").pk} & set(load(agency.organization.pk).held)

    def test_its_clients_are_asked_about(self, agency: Agency, other_agency: Agency) -> None:
        objects = load(agency.organization.pk).objects
        assert objects.exists("client", str(agency.clients[2].pk))
        assert not objects.exists("client", str(other_agency.clients[2].pk))


@pytest.mark.django_db
class TestOfWhatKeepsPeopleOut:
    def refusal(self, agency: Agency, user: Any) -> Reason | None:
        person = load(agency.organization.pk).people[str(user.pk)]
        assert bool(person.keys) is (person.refusal is None)
        return person.refusal

    def test_a_ban(self, agency: Agency) -> None:
        user = hire(agency, built_in("org-viewer"), is_active=False)
        assert self.refusal(agency, user) is Reason.BANNED
        assert not load(agency.organization.pk).people[str(user.pk)].is_active

    def test_a_suspension(self) -> None:
        organization = OrganizationFactory(status="suspended")
        user = UserFactory()
        MembershipFactory(user=user, organization=organization, role=built_in("org-owner"))
        snapshot = load(organization.pk)
        assert not snapshot.is_open and snapshot.people[str(user.pk)].refusal is Reason.SUSPENDED

    def test_a_role_that_is_inactive(self, agency: Agency) -> None:
        role = RoleFactory(organization=agency.organization, keys=("team:read",), is_active=False)
        assert self.refusal(agency, hire(agency, role)) is Reason.ROLE_INACTIVE

    def test_a_second_factor_that_is_wanted(self, agency: Agency) -> None:
        role = RoleFactory(organization=agency.organization, keys=("team:read",), requires_second_factor=True)
        user = hire(agency, role)
        assert self.refusal(agency, user) is Reason.SECOND_FACTOR
        with on_platform():
            Authenticator.objects.create(user=user, type=Authenticator.Type.TOTP, data={})
        assert self.refusal(agency, user) is None
        assert load(agency.organization.pk).people[str(user.pk)].has_second_factor


@pytest.mark.django_db
class TestOfThePlatform:
    def test_it_is_a_place_of_its_own(self, agency: Agency) -> None:
        support = make_staff("support-agent")
        snapshot = load(None)
        assert (snapshot.organization_id, snapshot.place, snapshot.names) == (None, "platform", {"platform"})
        assert snapshot.is_open and set(snapshot.people) == {str(support.pk)}
        assert built_in("super-admin").pk in snapshot.held and built_in("org-owner").pk not in snapshot.held
        assert ("platform", "users:read") in snapshot.rules and ("organization", "team:read") not in snapshot.rules
        assert snapshot.permits(str(support.pk), "users:read", "platform", "platform")

    def test_a_legacy_administrator_stands_there_by_their_own_id(self) -> None:
        user = legacy_admin("ADMIN")
        person = load(None).people[str(user.pk)]
        assert person.membership_id == user.pk and person.keys

    def test_it_is_always_read_whole(self) -> None:
        before = load(None)
        support = make_staff("support-agent")
        assert str(support.pk) in renew(before).people


def renewed(before: Snapshot) -> Snapshot:
    """Return the snapshot brought up to date, which is what would be read anew."""
    after = renew(before)
    assert told(after) == told(load(before.organization_id))
    return after


def is_read_whole(before: Snapshot) -> bool:
    """Whether the assignments of everybody are read to bring it up to date."""
    with CaptureQueriesContext(connection) as statements:
        renew(before)
    return any("array_agg" in one["sql"] and "IN (SELECT unnest(subjects)" not in one["sql"] for one in statements)


@pytest.mark.django_db
class TestBroughtUpToDate:
    def test_without_a_change_it_is_the_same(self, agency: Agency) -> None:
        before = load(agency.organization.pk)
        after = renewed(before)
        assert told(after) == told(before) and after.objects is before.objects
        assert not is_read_whole(before)

    def test_an_assignment_more_or_less_shows(self, agency: Agency) -> None:
        before = load(agency.organization.pk)
        assign(agency.member, agency.clients[1])
        with inside(agency.organization):
            agency.clients[0].grants.filter(user=agency.viewer).delete()
        after = renewed(before)
        assert len(after.people[str(agency.member.pk)].assigned["client"]) == 2
        assert after.people[str(agency.viewer.pk)].assigned == {}
        assert after.objects is before.objects and not is_read_whole(before)

    def test_assignments_of_others_are_kept_without_being_read(self, agency: Agency) -> None:
        before = load(agency.organization.pk)
        assign(agency.manager, agency.clients[1])
        after = renewed(before)
        kept = str(agency.member.pk)
        assert after.people[kept].assigned is before.people[kept].assigned
        assert after.people[str(agency.manager.pk)].assigned["client"].keys() == {str(agency.clients[1].pk)}

    def test_what_searches_put_in_order_is_taken_over(self, agency: Agency) -> None:
        first, second = agency.clients[-2:]
        viewer, member = str(agency.viewer.pk), str(agency.member.pk)
        assign(agency.viewer, first)
        assign(agency.member, first)
        before = load(agency.organization.pk)
        assert viewer in search.subjects(before, "clients:read", "client", str(first.pk), limit=10)
        for one in (viewer, member):
            assert str(first.pk) in search.resources(before, one, "clients:read", "client", limit=10)
        assign(agency.member, second)
        after = renew(before)
        assert after._assignees == [load(agency.organization.pk).assignees] != before._assignees
        assert {key[0] for key in after.ordered} == {viewer}
        assert str(second.pk) in search.resources(after, member, "clients:read", "client", limit=10)

    def test_nothing_is_put_in_order_that_nobody_searched(self, agency: Agency) -> None:
        before = load(agency.organization.pk)
        assign(agency.member, agency.clients[0])
        after = renew(before)
        assert not after._assignees and not after.ordered

    def test_people_who_came_and_went_show(self, agency: Agency) -> None:
        before = load(agency.organization.pk)
        newcomer = hire(agency, built_in("org-viewer"))
        with inside(agency.organization):
            Membership.objects.get(user=agency.member).delete()
        after = renewed(before)
        assert str(newcomer.pk) in after.people and str(agency.member.pk) not in after.people

    def test_a_change_of_a_role_shows(self, agency: Agency) -> None:
        role = RoleFactory(organization=agency.organization, keys=("team:read",))
        user = hire(agency, role)
        before = load(agency.organization.pk)
        with inside(agency.organization):
            Role.objects.filter(pk=role.pk).update(is_active=False)
        assert renewed(before).people[str(user.pk)].refusal is Reason.ROLE_INACTIVE

    def test_a_client_that_came_to_its_end_is_not_remembered(self, agency: Agency) -> None:
        before = load(agency.organization.pk)
        gone, stays = agency.clients[2], agency.clients[1]
        assert before.objects.exists("client", str(gone.pk)) and before.objects.exists("client", str(stays.pk))
        with inside(agency.organization):
            gone.delete()
        after = renewed(before)
        assert after.objects is not before.objects
        assert not after.objects.exists("client", str(gone.pk)) and after.objects.exists("client", str(stays.pk))

    def test_everything_is_read_when_changes_have_been_forgotten(self, agency: Agency) -> None:
        before = load(agency.organization.pk)
        with inside(agency.organization):
            agency.clients[0].grants.filter(user=agency.viewer).delete()
        forget_changes(timezone.now() + timedelta(hours=1))
        with on_platform():
            assert PolicyVersion.objects.get(organization_id=agency.organization.pk).forgotten > before.version.own
        assert is_read_whole(before)
        assert renewed(before).people[str(agency.viewer.pk)].assigned == {}


def test_everything_is_read_when_it_is_not_told_whom_a_change_concerns(module_db: str) -> None:
    agency = make_agency("Untold")
    before = load(agency.organization.pk)
    assign(agency.member, agency.clients[1])
    with psycopg.connect(superuser_dsn(), autocommit=True) as server:
        server.execute("UPDATE roles_policychange SET subjects = NULL WHERE version > %s", (before.version.own,))
    assert is_read_whole(before)
    assert len(renewed(before).people[str(agency.member.pk)].assigned["client"]) == 2
