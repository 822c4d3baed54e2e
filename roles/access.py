"""Who may do what to roles and to the people who hold them. Each rule of requirements.md is one function here.

Platform staff work under `roles:*`, `users:*` and `admins:*`; the people of an organization under `team:*`.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db import models

from roles import catalogue
from roles.actors import RoleActor, effective_permissions
from roles.models import Membership, Permission, Role
from tenancy.actors import Actor, Reach, Scope, SystemActor
from tenancy.errors import AccessDenied, ActionRefused, Denial, Reason
from tenancy.policies import AccessPolicy, Verb, guard, require

PLATFORM_ROLE_KEYS = {
    Verb.VIEW: "roles:read",
    Verb.ADD: "roles:create",
    Verb.CHANGE: "roles:update",
    Verb.DELETE: "roles:delete",
}
LIST_ROLES = "roles:list"
ASSIGN_PLATFORM = "roles:assign"
ASSIGN_TENANT = "team:roles:assign"
LIST_TEAM = "team:list"
REMOVE_MEMBER = "team:remove"
INVITE = "team:invite"


def _platform_only(actor: Actor, rows: models.QuerySet[models.Model]) -> models.QuerySet[models.Model]:
    return rows if actor.scope is Scope.PLATFORM else rows.none()


role_policy = guard(
    AccessPolicy(Role, PLATFORM_ROLE_KEYS, lambda actor, verb: _platform_only(actor, Role.objects.all()))  # type: ignore[arg-type,return-value]
)
role_list_policy = AccessPolicy(Role, {Verb.VIEW: LIST_ROLES}, role_policy.rows)
permission_policy = guard(
    AccessPolicy(Permission, {Verb.VIEW: LIST_ROLES}, lambda actor, verb: Permission.objects.all())
)


def _memberships(actor: Actor, verb: Verb) -> models.QuerySet[Membership]:
    """Return every membership for platform staff to view, and the platform's own for them to change."""
    seen = Membership.objects.visible_to(actor)
    return seen if verb is Verb.VIEW else seen.filter(organization=None)


membership_policy = guard(
    AccessPolicy(
        Membership,
        {Verb.VIEW: LIST_ROLES, Verb.ADD: ASSIGN_PLATFORM, Verb.CHANGE: ASSIGN_PLATFORM, Verb.DELETE: ASSIGN_PLATFORM},
        _memberships,
    )
)
member_policy = AccessPolicy(
    Membership,
    {Verb.VIEW: LIST_TEAM, Verb.ADD: INVITE, Verb.CHANGE: ASSIGN_TENANT, Verb.DELETE: REMOVE_MEMBER},
    lambda actor, verb: Membership.objects.visible_to(actor),
)


def memberships_policy(actor: Actor) -> AccessPolicy[Membership]:
    """Return the policy of memberships in the actor's scope: the console's, or the organization's."""
    return membership_policy if actor.scope is Scope.PLATFORM else member_policy


def assign_key(actor: Actor) -> str:
    """Return the permission that assigning a role needs in the actor's scope."""
    return ASSIGN_PLATFORM if actor.scope is Scope.PLATFORM else ASSIGN_TENANT


def priority_of(actor: Actor) -> int:
    """Return the priority of the actor's role; the installation itself ranks above everyone."""
    if isinstance(actor, SystemActor):
        return 101
    return actor.priority if isinstance(actor, RoleActor) else -1


def ceiling_gap(actor: Actor, keys: Iterable[str]) -> frozenset[str]:
    """Return which of `keys`, wildcards spelled out, the actor may not hand on because they lack them (ASSIGN-2)."""
    wanted = catalogue.expand(frozenset(keys))
    if isinstance(actor, SystemActor):
        return frozenset()
    return frozenset(key for key in wanted if not actor.has(key))


def require_within_ceiling(actor: Actor, role: Role) -> None:
    """Raise unless the actor may hand on the role: priority no higher than theirs, and no permission they lack.

    Reach is part of it: someone who works with assigned clients only cannot give anyone all clients.
    """
    if sentence := _above_ceiling(actor, role):
        raise AccessDenied(_about_role(Reason.ABOVE_CEILING, actor, role, sentence))


def _above_ceiling(actor: Actor, role: Role) -> str:
    """Return what puts the role above the actor's ceiling, or nothing."""
    if role.priority > priority_of(actor):
        return f"“{role}” ranks above your own role, so you cannot assign it."
    if gap := ceiling_gap(actor, effective_permissions(role.pk)):
        listed = ", ".join(sorted(gap)[:5]) + (" …" if len(gap) > 5 else "")
        return f"“{role}” holds permissions that you lack: {listed}."
    if actor.scope is Scope.TENANT and actor.reach is Reach.ASSIGNED and role.reach == Reach.ALL:
        return f"“{role}” reaches all clients, and you reach assigned ones."
    return ""


def require_assignable(actor: Actor, role: Role) -> None:
    """Raise unless the actor may give the role to someone: the permission, the ceiling, and an active role in place."""
    require(actor, assign_key(actor))
    if actor.scope is Scope.TENANT and role.organization_id not in {None, actor.organization_id}:
        raise AccessDenied(_about_role(Reason.OUT_OF_REACH, actor, role, "There is no such role."))
    if not role.is_active:
        raise ActionRefused(f"“{role}” is inactive: reactivate it first, or choose another role.")
    require_within_ceiling(actor, role)


def require_may_act_on(actor: Actor, target: Membership, key: str) -> None:
    """Raise unless the actor may change the person behind `target`: not themselves, and nobody above (ASSIGN-3, -4)."""
    require(actor, key)
    if actor.user_id == target.user_id:
        raise AccessDenied(
            Denial(Reason.SELF, key, "roles.membership", str(target.pk), "Nobody changes their own assignment.")
        )
    if target.role.priority > priority_of(actor):
        raise AccessDenied(
            Denial(
                Reason.OUTRANKED, key, "roles.membership", str(target.pk), f"{target.user}'s role ranks above your own."
            )
        )


def _about_role(reason: Reason, actor: Actor, role: Role, sentence: str) -> Denial:
    return Denial(reason, assign_key(actor), "roles.role", str(role.pk), sentence)
