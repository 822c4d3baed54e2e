"""Who is on the list of demo people, with a password and a token that work."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from django.contrib.auth.hashers import check_password
from django.utils import timezone
from knox.crypto import hash_token
from knox.models import AuthToken

from accounts.models import ApiToken, User
from iam_dashboard.demo.generators import records
from iam_dashboard.demo.seeding.people_file import DemoPerson, KeptAccess
from roles.models import Membership

TOKEN_NAME: Final = "Demo"  # noqa: S105 - what it is called, not what it is
TOKEN_LIFETIME: Final = timedelta(days=365)


def list_access(world: records.World, kept: KeptAccess, password: str, encoded: str) -> tuple[DemoPerson, ...]:
    """Return one active person of each built-in role that the demo's people hold now, platform staff first.

    `encoded` is the hash of `password`. Call it in the platform's context.
    """
    emails = [person.email for person in world.platform_people]
    emails += [person.email for agency in world.organizations for person in agency.people]
    listed = _one_of_each_role(emails, [agency.slug for agency in world.organizations])
    _renew_passwords(emails, listed, password, encoded)
    kept_credentials = _kept_credentials(kept)
    return tuple(
        DemoPerson(
            email=membership.user.email,
            password=password,
            role=membership.role.name,
            organization=_slug(membership),
            token=_token(membership, kept, kept_credentials),
        )
        for membership in listed
    )


def _one_of_each_role(emails: Sequence[str], slugs: Sequence[str]) -> list[Membership]:
    """Return for each scope and role the first of the people who holds it now and is active."""
    position = {email: place for place, email in enumerate(emails)}
    memberships = Membership.objects.select_related("user", "role", "organization").filter(
        user__email__in=emails, user__is_active=True, role__is_system=True
    )
    first: dict[tuple[str | None, str], Membership] = {}
    for membership in sorted(memberships, key=lambda found: position[found.user.email]):
        if _slug(membership) in (None, *slugs):
            first.setdefault((_slug(membership), membership.role.name), membership)
    return list(first.values())


def _slug(membership: Membership) -> str | None:
    return membership.organization.slug if membership.organization else None


def _renew_passwords(emails: Sequence[str], listed: Sequence[Membership], password: str, encoded: str) -> None:
    """Give the password to listed people whom it does not let in, and to all who share theirs with one of these."""
    stored = {membership.user.password for membership in listed}
    stale = [other for other in stored if not check_password(password, other)]
    User.objects.filter(email__in=emails, password__in=stale).update(password=encoded)


def _kept_credentials(kept: KeptAccess) -> set[tuple[str, UUID, UUID | None]]:
    """Return which of the kept tokens still open something: digest, user and organization."""
    alive = ApiToken.objects.filter(
        credential__in=[hash_token(secret) for secret in kept.tokens.values()], credential__expiry__gt=timezone.now()
    )
    return set(alive.values_list("credential", "user", "organization"))


def _token(membership: Membership, kept: KeptAccess, alive: set[tuple[str, UUID, UUID | None]]) -> str:
    """Return the kept token of a person in that scope, or issue one; an earlier one that nobody knows is deleted."""
    secret = kept.tokens.get((membership.user.email, _slug(membership)))
    if secret and (hash_token(secret), membership.user_id, membership.organization_id) in alive:
        return secret
    ApiToken.objects.filter(user=membership.user, organization=membership.organization, name=TOKEN_NAME).delete()
    credential, secret = AuthToken.objects.create(membership.user, expiry=TOKEN_LIFETIME)
    ApiToken.objects.create(
        credential=credential, user=membership.user, organization=membership.organization, name=TOKEN_NAME
    )
    return str(secret)
