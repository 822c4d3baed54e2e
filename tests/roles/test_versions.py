"""The versions that caches go by: the database moves them on every change that a decision depends on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.db import transaction

from accounts.models import Organization, User
from clients.models import ClientGrant
from roles.models import Membership, PolicyVersion, Role, RolePermission
from tests.factories import RoleFactory, assign, built_in, inside, on_platform
from tests.world import Agency

pytestmark = [pytest.mark.django_db, pytest.mark.requirement("PDP-6")]


def versions() -> dict[Any, int]:
    with on_platform():
        return dict(PolicyVersion.objects.values_list("organization_id", "version"))


def in_bulk(change: Callable[[Agency], Any]) -> Callable[[Agency], None]:
    """Make a change that sends no signal, as a bulk update does."""

    def run(agency: Agency) -> None:
        with on_platform():
            change(agency)

    return run


def _withdraw(agency: Agency) -> None:
    with inside(agency.organization):
        ClientGrant.objects.filter(user=agency.member).delete()


OWN_CHANGES: dict[str, Callable[[Agency], Any]] = {
    "a role is made": lambda a: RoleFactory(organization=a.organization),
    "a role is edited": in_bulk(lambda a: Role.objects.filter(organization=a.organization).update(priority=10)),
    "a role gains a permission": in_bulk(
        lambda a: RolePermission.objects.create(
            role=Role.objects.get(organization=a.organization), permission_id="notes:read"
        )
    ),
    "a role loses a permission": in_bulk(
        lambda a: RolePermission.objects.filter(role__organization=a.organization).delete()
    ),
    "a membership changes": in_bulk(
        lambda a: Membership.objects.filter(user=a.viewer).update(role=built_in("org-member"))
    ),
    "a membership ends": in_bulk(lambda a: Membership.objects.filter(user=a.viewer).delete()),
    "a client is assigned": lambda a: assign(a.member, a.clients[1]),
    "an assignment is withdrawn": _withdraw,
    "a member is banned": in_bulk(lambda a: User.objects.filter(pk=a.member.pk).update(is_active=False)),
    "the organization is suspended": in_bulk(
        lambda a: Organization.objects.filter(pk=a.organization.pk).update(status="suspended")
    ),
}


@pytest.mark.parametrize("what", OWN_CHANGES)
def test_the_version_of_the_organization_moves_and_no_other(agency: Agency, other_agency: Agency, what: str) -> None:
    RoleFactory(organization=agency.organization, keys=("clients:read",))
    before = versions()
    OWN_CHANGES[what](agency)
    after = versions()
    assert after.pop(agency.organization.pk) > before.pop(agency.organization.pk)
    assert after == before


def test_a_change_of_a_built_in_role_moves_what_everybody_shares(agency: Agency) -> None:
    before = versions()
    with on_platform():
        RolePermission.objects.filter(role=built_in("org-member"), permission="notes:read").delete()
    after = versions()
    assert after.pop(None) > before.pop(None)
    assert after == before


@pytest.mark.parametrize("kind", ["totp", "webauthn"])
def test_a_second_factor_moves_the_places_where_its_person_works(agency: Agency, kind: str) -> None:
    """On the platform, too, for whoever works there by a legacy role and has no membership."""
    with on_platform():
        User.objects.filter(pk=agency.member.pk).update(legacy_role="ADMIN")
    places = {agency.organization.pk, None}
    for change in (
        lambda: Authenticator.objects.create(user=agency.member, type=kind, data={}),
        lambda: Authenticator.objects.filter(user=agency.member).delete(),
    ):
        before = versions()
        with on_platform():
            change()
        after = versions()
        assert {place for place, version in after.items() if version > before[place]} == places


def test_what_no_decision_depends_on_moves_nothing(agency: Agency) -> None:
    before = versions()
    with on_platform():
        User.objects.filter(pk=agency.member.pk).update(name="Another name")
        Organization.objects.filter(pk=agency.organization.pk).update(name="Another name")
    assert versions() == before


def test_a_version_that_was_rolled_back_is_never_seen_again(agency: Agency) -> None:
    given_up = 0
    with transaction.atomic():
        RoleFactory(organization=agency.organization)
        given_up = versions()[agency.organization.pk]
        transaction.set_rollback(True)
    assert versions()[agency.organization.pk] < given_up
    RoleFactory(organization=agency.organization)
    assert versions()[agency.organization.pk] > given_up
