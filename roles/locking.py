"""Who waits for whom when several people change roles at once (ROLE-4, ROLE-8, ROLE-9; threat 7).

What one edit of a role may do depends on other roles: those above it, those below, and how many there are. So edits in
one organization go one after another. Roles that belong to no organization may have heirs in every one: an edit of
theirs waits for the edits of all organizations, and they for it.
"""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from django.db import connection

from roles import catalogue
from roles.actors import RoleActor, effective_permissions
from roles.legacy import standing_membership
from roles.models import Membership
from tenancy.actors import Actor, Reach, Scope
from tenancy.errors import AccessDenied, Denial, Reason

_SHARED = "roles:"


def lock_roles(organization_id: UUID | None) -> None:
    """Wait until nobody else changes the roles of that organization (None: those of no organization), and keep others
    waiting until the transaction ends."""
    with connection.cursor() as cursor:
        if organization_id is None:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (_SHARED,))
        else:
            cursor.execute(
                "SELECT pg_advisory_xact_lock_shared(hashtextextended(%s, 0)),"
                " pg_advisory_xact_lock(hashtextextended(%s, 0))",
                (_SHARED, f"{_SHARED}{organization_id}"),
            )


def in_one_order(place: UUID | None) -> tuple[bool, UUID]:
    """Return by what the places that one transaction changes are sorted, as the database does it: by id, the platform
    last. Each change locks the version of its place, and whoever locks several waits in this order."""
    return place is None, place or UUID(int=0)


def still(actor: Actor) -> Actor:
    """Return the actor with the rights that they have after waiting for a lock: never more than they came with.

    Raises AccessDenied when they may not act here at all any more.
    """
    if not isinstance(actor, RoleActor):
        return actor
    held = Membership.objects.with_people().filter(pk=actor.membership_id).first()
    if held is None and actor.scope is Scope.PLATFORM:
        held = standing_membership(actor.user_id)
    if held is None:
        raise AccessDenied(Denial(Reason.NOT_A_MEMBER))
    if not getattr(held.user, "is_active", False):
        raise AccessDenied(Denial(Reason.BANNED))
    if not held.role.is_active:
        raise AccessDenied(Denial(Reason.ROLE_INACTIVE))
    return replace(
        actor,
        role_id=held.role_id,
        priority=min(held.role.priority, actor.priority),
        reach=actor.reach if actor.reach is Reach.ASSIGNED or held.role.reach is None else Reach(held.role.reach),
        permissions=catalogue.common(effective_permissions(held.role_id), actor.permissions),
    )
