"""ROLE-5: what becomes of invitations when the role that they offer is deleted."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.actions import Invite
from accounts.models import Invitation
from roles.actions import CreateRole, DeleteRole
from roles.actors import resolve
from roles.models import Role
from tenancy.actors import Scope
from tenancy.context import acting
from tenancy.errors import ActionRefused
from tests.factories import RoleFactory, built_in, inside
from tests.world import Agency, make_staff

pytestmark = [pytest.mark.django_db, pytest.mark.requirement("ROLE-5")]


@pytest.fixture
def role(agency: Agency) -> Role:
    return RoleFactory(organization=agency.organization, name="planner", keys=("clients:read",))  # type: ignore[no-any-return]


def invite(agency: Agency, role: Role, email: str = "new@larkmoor.example", **closed: Any) -> Invitation:
    actor = agency.actor("owner")
    with acting(actor):
        [invitation] = Invite(actor, [email], role, []).execute()
        Invitation.objects.filter(pk=invitation.pk).update(**closed)
    return invitation


def delete(agency: Agency, role: Role, replacement: Role | None = None) -> None:
    actor = agency.actor("owner")
    with acting(actor):
        DeleteRole(actor, role.pk, replacement).execute()


def now(agency: Agency, invitation: Invitation) -> Invitation:
    with inside(agency.organization):
        return Invitation.objects.select_related("role").get(pk=invitation.pk)


def test_a_role_that_is_offered_to_somebody_is_not_deleted_without_a_replacement(agency: Agency, role: Role) -> None:
    invitation = invite(agency, role)
    with pytest.raises(ActionRefused, match="One person is invited"):
        delete(agency, role)
    assert now(agency, invitation).role == role


def test_an_open_invitation_offers_the_replacement(agency: Agency, role: Role) -> None:
    invitation = invite(agency, role)
    delete(agency, role, built_in("org-viewer"))
    assert now(agency, invitation).role == built_in("org-viewer")


def test_a_closed_invitation_outlives_the_role(agency: Agency, role: Role) -> None:
    used = invite(agency, role, "used@larkmoor.example", accepted_at=timezone.now())
    revoked = invite(agency, role, "revoked@larkmoor.example", revoked_at=timezone.now())
    delete(agency, role)
    assert [now(agency, one).role for one in (used, revoked)] == [None, None]


def test_an_invitation_that_ran_out_is_closed_with_the_role(agency: Agency, role: Role) -> None:
    late = invite(agency, role, expires_at=timezone.now() - timedelta(minutes=1))
    delete(agency, role)
    assert (now(agency, late).role, now(agency, late).revoked_at is not None) == (None, True)


def test_a_shared_role_leaves_the_invitations_of_every_organization(agency: Agency, other_agency: Agency) -> None:
    staff = resolve(make_staff("super-admin").pk)
    values = {"name": "crew", "display_name": "Crew", "priority": 10, "reach": "all", "permissions": ["clients:read"]}
    with acting(staff):
        shared = CreateRole(staff, values, Scope.TENANT).execute()
    invitations = [(one, invite(one, shared, f"new@{one.slug}.example")) for one in (agency, other_agency)]
    with pytest.raises(ActionRefused, match="2 people are invited"), acting(staff):
        DeleteRole(staff, shared.pk).execute()
    with acting(staff):
        DeleteRole(staff, shared.pk, built_in("org-viewer")).execute()
    assert {now(one, invitation).role.name for one, invitation in invitations} == {"org-viewer"}


def test_the_list_of_invitations_shows_one_whose_role_has_gone(agency: Agency, role: Role, call: Any) -> None:
    invite(agency, role, revoked_at=timezone.now())
    delete(agency, role)
    [shown] = call(agency.owner).get(f"/api/orgs/{agency.slug}/invitations/").json()["results"]
    assert (shown["state"], shown["role"]) == ("revoked", None)
