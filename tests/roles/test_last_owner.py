"""ASSIGN-4: an organization keeps an owner who can sign in: somebody banned is none, and neither is a program."""

from __future__ import annotations

from typing import Any

import pytest

from roles.actions import AssignRole, RemoveMembership
from roles.actors import resolve
from roles.models import Membership
from tenancy.context import acting
from tenancy.errors import AccessDenied, Reason
from tests.factories import MembershipFactory, UserFactory, built_in, inside
from tests.world import Agency, make_staff

pytestmark = [pytest.mark.django_db, pytest.mark.requirement("ASSIGN-4")]


def second_owner(agency: Agency, **user: Any) -> None:
    MembershipFactory(user=UserFactory(**user), organization=agency.organization, role=built_in("org-owner"))


@pytest.mark.parametrize("verb", ["demote", "remove"])
@pytest.mark.parametrize(
    ("other", "counts"), [({}, True), ({"is_active": False}, False), ({"is_service": True}, False)]
)
def test_only_a_person_who_can_sign_in_counts_as_another_owner(
    agency: Agency, verb: str, other: dict[str, Any], counts: bool
) -> None:
    second_owner(agency, **other)
    staff = resolve(make_staff("super-admin").pk)

    def attempt() -> None:
        with acting(staff):
            held = Membership.objects.get(user=agency.owner, organization=agency.organization)
            if verb == "remove":
                RemoveMembership(staff, held).execute()
            else:
                AssignRole(staff, agency.owner, built_in("org-viewer"), agency.organization.pk).execute()

    if counts:
        attempt()
    else:
        with pytest.raises(AccessDenied) as denied:
            attempt()
        assert denied.value.denial.reason is Reason.LAST_OF_ITS_KIND
    with inside(agency.organization):
        still_owner = Membership.objects.filter(user=agency.owner, role__name="org-owner").exists()
    assert still_owner is not counts
