"""Giving a person the one role they have in a scope, and taking it away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from audit.recording import record_allowed
from roles import access
from roles.models import Membership, Role
from tenancy.actors import Actor
from tenancy.errors import AccessDenied, Denial, Reason

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
        role = Role.objects.select_for_update(of=("self",)).get(pk=self.role.pk)
        held = held_membership(self.user, self.actor.organization_id)
        AssignRole(self.actor, self.user, role).check(held)
        if held is None:
            held = Membership(user=self.user, organization_id=self.actor.organization_id)
        held.role = role
        held.assigned_by_id = self.actor.user_id
        held.save()
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
        self.check()
        record_allowed(self.key, self.membership, operation="remove_membership", user=str(self.membership.user_id))
        self.membership.delete()


def held_membership(user: Any, organization_id: object) -> Membership | None:
    """Return the user's membership of the organization (None: the platform), locked, or None."""
    rows = Membership.objects.select_related("role", "user").select_for_update(of=("self",))
    return rows.filter(user=user, organization_id=organization_id).first()


def require_not_last(held: Membership, key: str, *, successor: Role | None) -> None:
    """Raise when `held` is the last active owner or super admin and would be one no more (ASSIGN-4).

    The other holders stay locked until the transaction ends, so that two requests cannot each remove the other's.
    """
    if held.role.name not in OWNERS or not held.role.is_system or (successor and successor.pk == held.role_id):
        return
    holders = list(
        Membership.objects.select_for_update(of=("self",))
        .filter(role_id=held.role_id, organization_id=held.organization_id, user__is_active=True)
        .order_by("pk")
        .values_list("pk", flat=True)
    )
    if set(holders) <= {held.pk}:
        raise AccessDenied(
            Denial(
                Reason.LAST_OF_ITS_KIND,
                key,
                "roles.membership",
                str(held.pk),
                f"{held.user} is the last {held.role.display_name.lower()}. Give someone else that role first.",
            )
        )
