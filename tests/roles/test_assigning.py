from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError

from audit.models import AccessRecord
from roles.access import priority_of
from roles.actions import AssignRole, RemoveMembership
from roles.actors import RoleActor, resolve
from roles.models import Membership, Role
from tenancy.context import acting
from tenancy.errors import AccessDenied, ActionRefused, NotVisible, Reason
from tests.factories import MembershipFactory, RoleFactory, UserFactory, built_in, inside, on_platform
from tests.world import PLATFORM_ROLES, TENANT_ROLES, Agency, make_staff

pytestmark = [pytest.mark.django_db, pytest.mark.requirement("ASSIGN-2")]


GIVEN_BY = {"super-admin": PLATFORM_ROLES, "platform-admin": ("platform-admin", "support-agent", "analyst")}


def assign(agency: Agency, by: str, person: str, role: Any) -> Membership:
    actor = agency.actor(by)
    given: Role = built_in(role) if isinstance(role, str) else role
    with acting(actor):
        return AssignRole(actor, agency.people[person], given).execute()


def remove(agency: Agency, by: str, person: str) -> None:
    actor = agency.actor(by)
    with acting(actor):
        RemoveMembership(actor, Membership.objects.get(user=agency.people[person])).execute()


def role_of(agency: Agency, person: str) -> str:
    with inside(agency.organization):
        return Membership.objects.get(user=agency.people[person]).role.name


def reason(denied: Any) -> Reason:
    found: Reason = denied.value.denial.reason
    return found


@pytest.mark.requirement("ASSIGN-1")
def test_a_new_role_takes_the_place_of_the_old_one(agency: Agency) -> None:
    assign(agency, "owner", "member", "org-manager")
    assert role_of(agency, "member") == "org-manager"


@pytest.mark.requirement("ASSIGN-1")
@pytest.mark.parametrize("where", ["organization", "platform"])
def test_the_database_keeps_a_second_role_in_one_scope_out(agency: Agency, where: str) -> None:
    organization = agency.organization if where == "organization" else None
    user = agency.member if organization else make_staff("analyst")
    role = built_in("org-viewer" if organization else "support-agent")
    with pytest.raises(IntegrityError, match="roles_membership_one_per_scope"):
        MembershipFactory(user=user, organization=organization, role=role)


@pytest.mark.requirement("ASSIGN-1")
def test_a_person_has_one_role_in_each_of_several_places(agency: Agency, other_agency: Agency) -> None:
    MembershipFactory(user=agency.member, organization=other_agency.organization, role=built_in("org-viewer"))
    MembershipFactory(user=agency.member, organization=None, role=built_in("analyst"))
    places = [
        resolve(agency.member.pk, organization_id=agency.organization.pk),
        resolve(agency.member.pk, organization_id=other_agency.organization.pk),
        resolve(agency.member.pk),
    ]
    assert [place.role_name for place in places if isinstance(place, RoleActor)] == [
        "org-member",
        "org-viewer",
        "analyst",
    ]


@pytest.mark.parametrize("by", ["owner", "admin"])
@pytest.mark.parametrize("role", TENANT_ROLES)
def test_nobody_gives_a_role_of_higher_rank(agency: Agency, by: str, role: str) -> None:
    given = built_in(f"org-{role}")
    if given.priority <= agency.actor(by).priority:
        assert assign(agency, by, "viewer", given).role == given
    else:
        with pytest.raises(AccessDenied) as denied:
            assign(agency, by, "viewer", given)
        assert reason(denied) is Reason.ABOVE_CEILING
        assert role_of(agency, "viewer") == "org-viewer"


@pytest.mark.parametrize("by", PLATFORM_ROLES)
@pytest.mark.parametrize("role", PLATFORM_ROLES)
def test_the_platform_s_roles_obey_the_same_ceiling(db: None, by: str, role: str) -> None:
    given, actor, newcomer = built_in(role), resolve(make_staff(by).pk), UserFactory()
    if role in GIVEN_BY.get(by, ()):
        with acting(actor):
            assert AssignRole(actor, newcomer, given).execute().role == given
    else:
        with pytest.raises(AccessDenied), acting(actor):
            AssignRole(actor, newcomer, given).execute()


def test_nobody_gives_a_permission_that_they_lack(agency: Agency) -> None:
    within = RoleFactory(organization=agency.organization, priority=1, keys=("clients:read",))
    beyond = RoleFactory(organization=agency.organization, priority=1, keys=("clients:read", "org:billing:read"))
    assign(agency, "admin", "viewer", within)
    with pytest.raises(AccessDenied, match="org:billing:read"):
        assign(agency, "admin", "viewer", beyond)
    assign(agency, "owner", "viewer", beyond)


def test_an_inherited_permission_counts_like_an_own_one(agency: Agency) -> None:
    parent = RoleFactory(organization=agency.organization, priority=1, keys=("org:billing:read",))
    child = RoleFactory(organization=agency.organization, priority=1, keys=("clients:read",), parent=parent)
    assign(agency, "owner", "viewer", child)
    with pytest.raises(AccessDenied) as denied:
        assign(agency, "admin", "manager", child)
    assert reason(denied) is Reason.ABOVE_CEILING


@pytest.mark.requirement("PERM-1")
def test_a_wildcard_stands_for_everything_it_covers(agency: Agency) -> None:
    everything = RoleFactory(organization=agency.organization, priority=1, keys=("admin:*",))
    assign(agency, "owner", "manager", everything)
    with pytest.raises(AccessDenied) as denied:
        assign(agency, "admin", "viewer", everything)
    assert reason(denied) is Reason.ABOVE_CEILING


def test_nobody_of_assigned_reach_gives_all_clients(agency: Agency) -> None:
    keys = ("team:roles:assign", "clients:read")
    lead = RoleFactory(organization=agency.organization, priority=60, reach="assigned", keys=keys)
    narrow = RoleFactory(organization=agency.organization, priority=1, reach="assigned", keys=("clients:read",))
    wide = RoleFactory(organization=agency.organization, priority=1, reach="all", keys=("clients:read",))
    assign(agency, "owner", "member", lead)
    assign(agency, "member", "viewer", narrow)
    with pytest.raises(AccessDenied, match="reaches all clients"):
        assign(agency, "member", "viewer", wide)


@pytest.mark.requirement("ROLE-7")
def test_an_inactive_role_is_not_given(agency: Agency) -> None:
    role = RoleFactory(organization=agency.organization, priority=1, keys=("clients:read",))
    assign(agency, "owner", "member", role)
    with on_platform():
        role.is_active = False
        role.save()
    with pytest.raises(ActionRefused, match="inactive"):
        assign(agency, "owner", "viewer", role)


@pytest.mark.requirement("PERM-4")
def test_a_role_of_another_organization_or_scope_is_not_given(agency: Agency, other_agency: Agency) -> None:
    own = RoleFactory(organization=agency.organization, priority=1)
    foreign = RoleFactory(organization=other_agency.organization, priority=1)
    assign(agency, "owner", "member", own)
    for role in (foreign, built_in("analyst")):
        with pytest.raises(AccessDenied) as denied:
            assign(agency, "owner", "viewer", role)
        assert reason(denied) is Reason.OUT_OF_REACH
    assert role_of(agency, "viewer") == "org-viewer"


def test_assigning_takes_the_permission(agency: Agency) -> None:
    assign(agency, "admin", "viewer", "org-member")
    with pytest.raises(AccessDenied) as denied:
        assign(agency, "manager", "viewer", "org-viewer")
    assert denied.value.denial.key == "team:roles:assign"


@pytest.mark.requirement("ASSIGN-3")
def test_nobody_changes_their_own_role(agency: Agency) -> None:
    assign(agency, "admin", "viewer", "org-member")
    with pytest.raises(AccessDenied) as denied:
        assign(agency, "admin", "admin", "org-viewer")
    assert reason(denied) is Reason.SELF


@pytest.mark.requirement("ASSIGN-3")
def test_nobody_removes_themselves(agency: Agency) -> None:
    remove(agency, "admin", "viewer")
    with pytest.raises(AccessDenied) as denied:
        remove(agency, "admin", "admin")
    assert reason(denied) is Reason.SELF


@pytest.mark.requirement("ASSIGN-4")
def test_someone_above_is_not_demoted(agency: Agency) -> None:
    agency.people["peer"] = UserFactory()
    MembershipFactory(user=agency.peer, organization=agency.organization, role=built_in("org-admin"))
    assign(agency, "admin", "peer", "org-viewer")
    with pytest.raises(AccessDenied) as denied:
        assign(agency, "admin", "owner", "org-viewer")
    assert reason(denied) is Reason.OUTRANKED


@pytest.mark.requirement("ASSIGN-4")
def test_someone_above_is_not_removed(agency: Agency) -> None:
    remove(agency, "admin", "manager")
    with pytest.raises(AccessDenied) as denied:
        remove(agency, "admin", "owner")
    assert reason(denied) is Reason.OUTRANKED
    assert role_of(agency, "owner") == "org-owner"


@pytest.mark.requirement("ASSIGN-4")
@pytest.mark.parametrize("fellow_is_active", [True, False])
def test_the_last_active_owner_stays(agency: Agency, fellow_is_active: bool) -> None:
    agency.people["boss"] = UserFactory()
    keys = ("admin:*",)
    equal = RoleFactory(organization=agency.organization, priority=100, keys=keys)
    MembershipFactory(user=agency.boss, organization=agency.organization, role=equal)
    fellow = UserFactory(is_active=fellow_is_active)
    MembershipFactory(user=fellow, organization=agency.organization, role=built_in("org-owner"))
    if fellow_is_active:
        remove(agency, "boss", "owner")
    else:
        for act in (lambda: remove(agency, "boss", "owner"), lambda: assign(agency, "boss", "owner", "org-viewer")):
            with pytest.raises(AccessDenied) as denied:
                act()
            assert reason(denied) is Reason.LAST_OF_ITS_KIND
        assert role_of(agency, "owner") == "org-owner"


@pytest.mark.requirement("CLI-5")
def test_a_member_of_another_organization_is_not_removed(agency: Agency, other_agency: Agency) -> None:
    with on_platform():
        foreign = Membership.objects.get(user=other_agency.viewer)
    for actor in (agency.actor("owner"), resolve(make_staff("platform-admin").pk)):
        with pytest.raises((NotVisible, AccessDenied)), acting(actor):
            RemoveMembership(actor, foreign).execute()
    remove(other_agency, "owner", "viewer")


@pytest.mark.requirement("AUD-3")
def test_assigning_and_removing_are_recorded(agency: Agency) -> None:
    membership = assign(agency, "owner", "viewer", "org-member")
    remove(agency, "owner", "viewer")
    with inside(agency.organization):
        records = AccessRecord.objects.filter(resource_id=str(membership.pk), decision="allow").order_by("at")
        assert [record.operation for record in records] == ["assign_role", "remove_membership"]


@pytest.mark.requirement("AUD-3")
def test_a_refused_assignment_is_recorded_although_its_work_is_not_kept(agency: Agency) -> None:
    with pytest.raises(AccessDenied):
        assign(agency, "admin", "viewer", "org-owner")
    with inside(agency.organization):
        record = AccessRecord.objects.get(decision="deny")
    assert (record.reason, record.actor_id) == (Reason.ABOVE_CEILING, agency.admin.pk)


def test_a_higher_number_ranks_higher(agency: Agency) -> None:
    ranks = [priority_of(agency.actor(role)) for role in TENANT_ROLES]
    assert ranks == sorted(ranks, reverse=True)
