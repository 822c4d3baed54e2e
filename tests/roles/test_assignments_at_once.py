from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from roles.actions import AssignRole, RemoveMembership
from roles.actors import RoleActor, resolve
from roles.models import Membership
from tenancy.context import acting
from tenancy.errors import AccessDenied, ActionRefused, Reason
from tests.concurrency import at_once, failures
from tests.factories import MembershipFactory, UserFactory, built_in, inside, on_platform
from tests.world import make_agency, make_staff

pytestmark = pytest.mark.requirement("ASSIGN-4")

ROUNDS = 5


def demote(actor: RoleActor, user: Any, role: str, organization_id: UUID | None = None) -> Callable[[], Any]:
    lower = built_in(role)

    def call() -> Any:
        with acting(actor):
            return AssignRole(actor, user, lower, organization_id).execute()

    return call


def remove(actor: RoleActor, user: Any) -> Callable[[], Any]:
    def call() -> Any:
        with acting(actor):
            held = Membership.objects.get(user=user, organization_id=actor.organization_id)
            return RemoveMembership(actor, held).execute()

    return call


@pytest.mark.parametrize(
    "verb", [lambda actor, user: demote(actor, user, "org-viewer"), remove], ids=["demote", "remove"]
)
def test_two_owners_who_take_each_other_out_at_once_leave_one(committed_db: str, verb: Any) -> None:
    for number in range(ROUNDS):
        agency = make_agency(f"Agency{number}", clients=0)
        agency.people["second"] = UserFactory()
        MembershipFactory(user=agency.second, organization=agency.organization, role=built_in("org-owner"))
        first, second = agency.actor("owner"), agency.actor("second")
        outcomes = at_once([verb(first, agency.second), verb(second, agency.owner)])
        [refused] = failures(outcomes)
        assert isinstance(refused, AccessDenied), refused
        assert refused.denial.reason in {Reason.NOT_A_MEMBER, Reason.MISSING_PERMISSION}, refused
        with inside(agency.organization):
            assert Membership.objects.filter(role__name="org-owner").count() == 1


def test_two_owners_whom_two_others_take_out_at_once_leave_one(committed_db: str) -> None:
    staff = [make_staff("super-admin"), UserFactory()]
    MembershipFactory(user=staff[1], organization=None, role=built_in("super-admin"))
    for number in range(ROUNDS):
        agency = make_agency(f"Agency{number}", clients=0)
        second = UserFactory()
        MembershipFactory(user=second, organization=agency.organization, role=built_in("org-owner"))
        pairs = zip([resolve(user.pk) for user in staff], (agency.owner, second), strict=True)
        outcomes = at_once([demote(actor, user, "org-viewer", agency.organization.pk) for actor, user in pairs])
        [refused] = failures(outcomes)
        assert isinstance(refused, AccessDenied), refused
        assert refused.denial.reason is Reason.LAST_OF_ITS_KIND
        with inside(agency.organization):
            assert Membership.objects.filter(role__name="org-owner").count() == 1


def test_two_super_admins_who_take_each_other_out_at_once_leave_one(committed_db: str) -> None:
    users = [make_staff("super-admin"), UserFactory()]
    MembershipFactory(user=users[1], organization=None, role=built_in("super-admin"))
    actors = [resolve(user.pk) for user in users]
    outcomes = at_once([demote(actors[0], users[1], "analyst"), demote(actors[1], users[0], "analyst")])
    [refused] = failures(outcomes)
    assert isinstance(refused, AccessDenied), refused
    with on_platform():
        assert Membership.objects.filter(role__name="super-admin").count() == 1


@pytest.mark.requirement("ASSIGN-1")
def test_two_roles_given_to_a_newcomer_at_once_leave_one_membership(committed_db: str) -> None:
    agency = make_agency("Larkmoor", clients=0)
    newcomer, staff, place = UserFactory(), resolve(make_staff("super-admin").pk), agency.organization.pk
    assert isinstance(staff, RoleActor)
    outcomes = at_once([demote(staff, newcomer, role, place) for role in ("org-viewer", "org-member")])
    assert all(isinstance(failure, ActionRefused) for failure in failures(outcomes))
    with inside(agency.organization):
        assert Membership.objects.filter(user=newcomer).count() == 1
