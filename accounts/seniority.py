"""Whom platform staff may act on: nobody above, not themselves, and not the last of their kind (ASSIGN-3, ASSIGN-4).

A legacy administrator counts as staff of the role that their legacy value stands for (ROLE-11).
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db import models

from accounts.models import User
from roles.access import priority_of
from roles.actions.assign import OWNERS, lock_holders
from roles.legacy import standing_membership
from roles.models import Membership
from tenancy.actors import Actor
from tenancy.errors import AccessDenied, ActionRefused, Denial, Reason
from tenancy.policies import decide, require

RESOURCE = "accounts.user"


@dataclass(frozen=True, slots=True)
class PersonalKeys:
    """The permissions that something done to a person needs: for people of organizations, and for platform staff."""

    people: tuple[str, ...]
    staff: tuple[str, ...]

    def held_at_all(self, actor: Actor) -> bool:
        """Whether the actor may do this to anyone."""
        return any(all(decide(actor, key) is None for key in keys) for keys in (self.people, self.staff))


#: Banning staff takes the right to update admins too, for the catalogue has no key that bans them.
BAN = PersonalKeys(("users:ban",), ("users:ban", "admins:update"))
UNBAN = PersonalKeys(("users:unban",), ("users:unban", "admins:update"))
RESET_PASSWORD = PersonalKeys(("users:reset-password",), ("admins:reset-password",))
END_SESSIONS = PersonalKeys(("users:update",), ("admins:revoke-sessions",))
MANAGE_SECOND_FACTORS = PersonalKeys(("users:update",), ("admins:manage-2fa",))


def staff_membership(user: User) -> Membership | None:
    """Return the user's membership of the platform, or what their legacy value gives them in place of one.

    None for someone who only belongs to organizations.
    """
    held = Membership.objects.select_related("role").filter(user=user, organization=None).first()
    return held or standing_membership(user.pk)


def require_may_act_on(actor: Actor, user: User, keys: PersonalKeys) -> tuple[str, ...]:
    """Return the permissions that allow it. Raise AccessDenied without them, for oneself, or for someone above.

    Everybody without a platform role ranks below all platform staff.
    """
    post = staff_membership(user)
    needed = keys.people if post is None else keys.staff
    for key in needed:
        require(actor, key)
    if user.pk == actor.user_id:
        raise AccessDenied(_denial(Reason.SELF, needed[0], user, "Nobody does this to their own account here."))
    if post is not None and post.role.priority > priority_of(actor):
        raise AccessDenied(_denial(Reason.OUTRANKED, needed[0], user, f"{user}'s role ranks above your own."))
    return needed


def require_not_last_holder(user: User, key: str) -> None:
    """Raise when the user is the last active owner of an organization, or the last active super admin.

    A legacy super admin is protected like any other and never counts as the one who is left: what an earlier system
    said of an account is not who an installation should depend on. So there has to be a mapped one.
    """
    for post in _posts(user):
        if not _holders(post).filter(user__is_active=True, user__is_service=False).exclude(user=user).exists():
            where = f"of {post.organization}" if post.organization else "of the platform"
            raise AccessDenied(
                _denial(
                    Reason.LAST_OF_ITS_KIND,
                    key,
                    user,
                    f"{user} is the last active {post.role.display_name.lower()} {where}."
                    " Give someone else that role first.",
                )
            )


def lock_fellow_holders(user: User) -> None:
    """Lock every membership that could take over from the user as owner or super admin, until the transaction ends.

    Two requests that each take out the other's last colleague then wait for one another: the second one looks with a
    statement of its own, after the first has committed. The order is one for all, so that they never wait in a ring.
    """
    for post in sorted(_posts(user), key=lambda post: str(post.organization_id)):
        lock_holders(post)


def require_person(user: User) -> None:
    """Raise when the account is a service's: it has no session, no password and no second factor."""
    if user.is_service:
        raise ActionRefused(f"{user} is a service account: it works through tokens only.")


def _posts(user: User) -> list[Membership]:
    """Return where the user is owner or super admin, also as a legacy one."""
    owned = Membership.objects.select_related("role", "organization").filter(
        user=user, role__name__in=OWNERS, role__is_system=True
    )
    legacy = standing_membership(user.pk)
    return [*owned, legacy] if legacy and legacy.role.name in OWNERS else list(owned)


def _holders(post: Membership) -> models.QuerySet[Membership]:
    return Membership.objects.filter(role_id=post.role_id, organization_id=post.organization_id)


def _denial(reason: Reason, key: str, user: User, sentence: str) -> Denial:
    return Denial(reason, key, RESOURCE, str(user.pk), sentence)
