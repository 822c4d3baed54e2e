"""Giving a person the one role they have in a scope, and taking it away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from audit.recording import record_allowed
from roles import access
from roles.models import Membership, Role
from tenancy.actors import Actor
from tenancy.errors import AccessDenied, ActionRefused, Denial, NotVisible, Reason

OWNERS = ("org-owner", "super-admin")


@dataclass(frozen=True)
class AssignRole:
    """Give `user` the role in the actor's scope, in place of the one they have there (ASSIGN-1 to -4).

    Raises AccessDenied above the ceiling, on oneself or on someone above; ActionRefused for an inactive role.
    """

    actor: Actor
    user: Any
    role: Role

    def check(self, held: Membership | None) -> None:
        access.require_assignable(self.actor, self.role)
        if held is not None:
            access.require_may_act_on(self.actor, held, access.assign_key(self.actor))
            require_not_last(held, access.assign_key(self.actor), successor=self.role)

    def execute(self) -> Membership:
        """Return the membership as it is now."""
        role = current_role(self.actor, self.role.pk)
        held = held_membership(self.user, self.actor.organization_id)
        AssignRole(self.actor, self.user, role).check(held)
        if held is None:
            held = Membership(user=self.user, organization_id=self.actor.organization_id)
        held.role = role
        held.assigned_by_id = self.actor.user_id
        try:
            with transaction.atomic():
                held.save()
        except IntegrityError as error:
            raise ActionRefused(f"Somebody else has just given {self.user} a role. Look again.") from error
        record_allowed(access.assign_key(self.actor), held, operation="assign_role", role=role.name)
        return held


@dataclass(frozen=True)
class RemoveMembership:
    """Take a person out of the actor's scope, with their assignments and tokens there."""

    actor: Actor
    membership: Membership

    @property
    def key(self) -> str:
        return access.REMOVE_MEMBER if self.actor.organization_id else access.ASSIGN_PLATFORM

    def check(self) -> None:
        access.require_may_act_on(self.actor, self.membership, self.key)
        require_not_last(self.membership, self.key, successor=None)

    def execute(self) -> None:
        """Remove it. Assignments and tokens of the person in this organization end with it, in the database."""
        held = held_membership(self.membership.user_id, self.actor.organization_id)
        if held is None or held.pk != self.membership.pk:
            raise NotVisible(Denial(Reason.OUT_OF_REACH, self.key, "roles.membership", str(self.membership.pk)))
        RemoveMembership(self.actor, held).check()
        record_allowed(self.key, held, operation="remove_membership", user=str(held.user_id))
        held.delete()


def current_role(actor: Actor, pk: UUID) -> Role:
    """Return the role as it is now, locked if the actor's scope can change it. Raises AccessDenied for a hidden one.

    An organization cannot change a built-in role, so PostgreSQL does not let it lock one, nor need it to.
    """
    role = Role.objects.select_for_update(of=("self",)).filter(pk=pk).first() or Role.objects.filter(pk=pk).first()
    if role is None:
        key = access.assign_key(actor)
        raise AccessDenied(Denial(Reason.OUT_OF_REACH, key, "roles.role", str(pk), "There is no such role."))
    return role


def held_membership(user: Any, organization_id: UUID | None) -> Membership | None:
    """Return the user's membership of the organization (None: the platform), locked, or None.

    An owner's is locked along with the other owners', in one order, so that two owners who act on each other wait
    instead of closing a ring.
    """
    here = Membership.objects.filter(organization_id=organization_id)  # type: ignore[misc]  # None: the platform
    owned = here.filter(user=user, role__name__in=OWNERS, role__is_system=True).first()
    if owned is not None:
        lock_holders(owned)
    return here.select_related("role", "user").select_for_update(of=("self",)).filter(user=user).first()


def lock_holders(held: Membership) -> QuerySet[Membership]:
    """Lock everyone who holds that role in that place until the transaction ends, and return them, not yet fetched."""
    here = Membership.objects.filter(organization_id=held.organization_id)  # type: ignore[misc]  # None: the platform
    holders = here.filter(role_id=held.role_id)
    list(holders.select_for_update(of=("self",)).order_by("pk").values_list("pk"))
    return holders


def require_not_last(held: Membership, key: str, *, successor: Role | None) -> None:
    """Raise when `held` is the last active owner or super admin and would be one no more (ASSIGN-4).

    The other holders stay locked until the transaction ends, so that two requests cannot each remove the other's. They
    are counted by a statement after the one that locks: it sees who was removed or banned while this one waited.
    """
    if held.role.name not in OWNERS or not held.role.is_system or (successor and successor.pk == held.role_id):
        return
    if not lock_holders(held).filter(user__is_active=True).exclude(pk=held.pk).exists():
        raise AccessDenied(
            Denial(
                Reason.LAST_OF_ITS_KIND,
                key,
                "roles.membership",
                str(held.pk),
                f"{held.user} is the last {held.role.display_name.lower()}. Give someone else that role first.",
            )
        )
