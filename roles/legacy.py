"""Legacy administrators: what an earlier system called them stands for a built-in role until they are mapped (ROLE-11).

An account's legacy value counts while the account has no membership of the platform, and never again once it had one.
PostgreSQL says which role that is (`iam_legacy_role`), for requests and for the rules here alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db import connection, models

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


def settle(user: Any) -> None:
    """Clear the user's legacy value, with its history, because a membership of the platform takes its place.

    The database clears it in any case when such a membership is made or removed, so that the value never comes back.
    """
    locked = get_user_model().objects.select_for_update(no_key=True, of=("self",)).filter(pk=user.pk)
    holder: Any = locked.exclude(legacy_role="").first()
    if holder is not None:
        holder.legacy_role = ""
        holder.save(update_fields=["legacy_role"])
    user.legacy_role = ""


def legacy_standings(users: Sequence[Any]) -> list[Membership]:
    """Return what the legacy administrators among the users have in place of a membership."""
    standings = (standing_membership(user.pk) for user in users if user.legacy_role)
    return [standing for standing in standings if standing is not None]
