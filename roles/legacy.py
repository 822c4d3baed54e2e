"""Legacy administrators: what an earlier system called them stands for a built-in role until they are mapped (ROLE-11).

An account's legacy value counts while the account has no membership of the platform, and never again once it had one.
PostgreSQL says which role that is (`iam_legacy_role`), for requests and for the rules here alike.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from copy import copy
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db import connection, models

from audit.history import record_bulk_updated
from roles.models import Membership, Role


class LegacyRole(models.TextChoices):
    """The four roles of the earlier system, as its export writes them."""

    SUPER_ADMIN = "SUPER_ADMIN", "Super admin"
    ADMIN = "ADMIN", "Admin"
    SUPPORT = "SUPPORT", "Support"
    ANALYST = "ANALYST", "Analyst"


#: The built-in role that each becomes.
BUILT_IN: Final[Mapping[LegacyRole, str]] = MappingProxyType(
    {
        LegacyRole.SUPER_ADMIN: "super-admin",
        LegacyRole.ADMIN: "platform-admin",
        LegacyRole.SUPPORT: "support-agent",
        LegacyRole.ANALYST: "analyst",
    }
)


def standing_role(user_id: UUID) -> Role | None:
    """Return the built-in role that a user's legacy value stands for now: None once they have a platform membership.

    Asked in the platform's context only: in an organization's PostgreSQL refuses the question.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT iam_legacy_role(%s)", (user_id,))
        (role_id,) = cursor.fetchone()
    return None if role_id is None else Role.objects.get(pk=role_id)


def standing_membership(user_id: UUID) -> Membership | None:
    """Return what a legacy administrator has in place of a membership, for the rules that compare people: never saved.

    Its id is the user's own, as it is in their actor and in a record. None for everybody else.
    """
    role = standing_role(user_id)
    return None if role is None else Membership(pk=user_id, user_id=user_id, role=role)


def settle(users: Collection[Any]) -> None:
    """Clear the users' legacy values, with their history, because memberships of the platform take their place.

    The database clears them in any case when such a membership is made or removed, so that they never come back. It is
    one statement for all, which locks the versions of all their places in one order.
    """
    people: Any = get_user_model().objects
    named = people.filter(pk__in=[user.pk for user in users]).exclude(legacy_role="").order_by("pk")
    holders = list(named.select_for_update(no_key=True, of=("self",)))
    if holders:
        before = [copy(holder) for holder in holders]
        people.filter(pk__in=[holder.pk for holder in holders]).update(legacy_role="")
        for holder in holders:
            holder.legacy_role = ""
        record_bulk_updated(list(zip(before, holders, strict=True)))
    for user in users:
        user.legacy_role = ""


def legacy_standings(users: Sequence[Any]) -> list[Membership]:
    """Return what the legacy administrators among the users have in place of a membership."""
    standings = (standing_membership(user.pk) for user in users if user.legacy_role)
    return [standing for standing in standings if standing is not None]
