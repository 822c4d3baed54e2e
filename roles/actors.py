"""From a signed-in user (or a token) to an immutable actor: one query a request, a permission set cached by version."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection
from django.http import HttpRequest

from roles import catalogue
from tenancy.actors import Reach, Scope
from tenancy.errors import Denial, Reason

CACHED_ROLES = 10_000


@dataclass(frozen=True, slots=True)
class RoleActor:
    """A user (or service account) acting in one scope, with the one role they have there."""

    user_id: UUID
    label: str
    scope: Scope
    organization_id: UUID | None
    organization_name: str
    membership_id: UUID
    role_id: UUID
    role_name: str
    role_display_name: str
    priority: int
    reach: Reach | None
    permissions: frozenset[str]
    on_behalf_of_id: UUID | None = None
    token_id: UUID | None = None

    def has(self, key: str) -> bool:
        """Whether the actor holds the permission. An unknown key of the catalogue is not held."""
        return catalogue.covers(self.permissions, key)


class Standing(NamedTuple):
    """A row of the function `iam_standing`: how a user stands in a scope. None: unknown there."""

    user_active: bool | None
    email: str | None
    has_second_factor: bool | None
    organization_id: UUID | None
    organization_name: str | None
    organization_status: str | None
    membership_id: UUID | None
    role_id: UUID | None
    role_name: str | None
    role_display_name: str | None
    role_active: bool | None
    role_priority: int | None
    role_reach: str | None
    role_requires_second_factor: bool | None
    organization_version: int | None
    shared_version: int | None
    token_id: UUID | None
    token_permissions: list[str] | None


def resolve_request(request: HttpRequest, organization: str | None) -> RoleActor | Denial:
    """Return the actor of a request in the organization of that slug (None: on the platform), or why there is none."""
    token: Any = getattr(request, "token", None)
    user: Any = request.user
    return resolve(
        user.pk,
        slug=organization,
        credential=None if token is None else token.digest,
    )


def resolve(
    user_id: UUID,
    *,
    slug: str | None = None,
    organization_id: UUID | None = None,
    credential: str | None = None,
) -> RoleActor | Denial:
    """Return the actor that the user is, by slug or id of an organization or with neither on the platform.

    `credential` is the digest of the API token used, if one was: it must belong to this user and scope.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM iam_standing(%s, %s, %s, %s)", (user_id, slug, organization_id, credential))
        standing = Standing(*cursor.fetchone())
    scope = Scope.PLATFORM if slug is None and organization_id is None else Scope.TENANT
    if refusal := _refusal(standing, scope, credential):
        return Denial(refusal)
    assert standing.role_id is not None and standing.membership_id is not None  # noqa: S101  (told by _refusal)
    held = _permissions(standing.role_id, standing.organization_version or 0, standing.shared_version or 0)
    if standing.token_permissions is not None:
        held = catalogue.common(held, frozenset(standing.token_permissions))
    return RoleActor(
        user_id=user_id,
        label=standing.email or "",
        scope=scope,
        organization_id=standing.organization_id,
        organization_name=standing.organization_name or "",
        membership_id=standing.membership_id,
        role_id=standing.role_id,
        role_name=standing.role_name or "",
        role_display_name=standing.role_display_name or "",
        priority=standing.role_priority or 0,
        reach=Reach(standing.role_reach) if standing.role_reach else None,
        permissions=held,
        token_id=standing.token_id,
    )


def _refusal(standing: Standing, scope: Scope, credential: str | None) -> Reason | None:
    """Return the first thing that keeps the user out, asked in an order that tells strangers nothing."""
    if not standing.user_active:
        return Reason.BANNED
    if scope is Scope.TENANT and standing.organization_id is None:
        return Reason.UNKNOWN_ORGANIZATION
    if standing.membership_id is None:
        return Reason.NOT_A_MEMBER
    if credential is not None and standing.token_id is None:
        return Reason.TOKEN_REFUSED
    if scope is Scope.TENANT and standing.organization_status != "active":
        return Reason.SUSPENDED
    if not standing.role_active:
        return Reason.ROLE_INACTIVE
    if credential is None and standing.role_requires_second_factor and not standing.has_second_factor:
        return Reason.SECOND_FACTOR
    return None


def effective_permissions(role_id: UUID) -> frozenset[str]:
    """Return the keys that a role has now, its own and inherited ones, wildcards spelled out. Inactive: none."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT permission_id FROM iam_effective_permissions(%s)", (role_id,))
        return catalogue.expand(frozenset(key for (key,) in cursor.fetchall()))


@lru_cache(maxsize=CACHED_ROLES)
def _permissions(role_id: UUID, organization_version: int, shared_version: int) -> frozenset[str]:
    """Return the effective permissions of a role as of two policy versions, which are there to be part of the key."""
    return effective_permissions(role_id)
