"""Who may do what to roles and to the people who hold them. Each rule of requirements.md is one function here.

Platform staff work under `roles:*`, `users:*` and `admins:*`; the people of an organization under `team:*`, where
whoever may assign roles also makes and changes them: the catalogue has no other key for it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from uuid import UUID

from django.db import models

from roles import catalogue
from roles.actors import RoleActor
from roles.family import Family, Relative, read_family
from roles.models import Application, Membership, Permission, ResourceGrant, Role, RoleEvent
from tenancy.actors import Actor, Reach, Scope, SystemActor
from tenancy.errors import AccessDenied, ActionRefused, Denial, NotVisible, Reason
from tenancy.policies import AccessPolicy, Verb, decide, guard, require

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
READ_APPLICATIONS = "org:integrations:read"
WRITE_APPLICATIONS = "org:integrations:write"
SEE_GRANTS = "team:read"
GRANT_RESOURCES = "team:update"


TENANT_ROLE_KEYS = {
    Verb.VIEW: "team:read",
    Verb.ADD: ASSIGN_TENANT,
    Verb.CHANGE: ASSIGN_TENANT,
    Verb.DELETE: ASSIGN_TENANT,
}
PLATFORM_HISTORY = "audit:read"
TENANT_HISTORY = "org:audit:read"


def _roles(actor: Actor, verb: Verb) -> models.QuerySet[Role]:
    """Return the roles the actor may know of, and of those, to change, the custom ones of their own place.

    Whether one of them is above the actor's ceiling, or their own, `edit_denials` says.
    """
    seen = Role.objects.visible_to(actor)
    if verb in {Verb.VIEW, Verb.ADD}:
        return seen
    custom = seen.custom()
    return custom if actor.scope is Scope.PLATFORM else custom.of_organization(actor.organization_id)


def _platform_roles(actor: Actor, verb: Verb) -> models.QuerySet[Role]:
    return _roles(actor, verb) if actor.scope is Scope.PLATFORM else Role.objects.none()


role_policy = guard(AccessPolicy(Role, PLATFORM_ROLE_KEYS, _platform_roles))
role_list_policy = AccessPolicy(Role, {Verb.VIEW: LIST_ROLES}, _platform_roles)
team_role_policy = AccessPolicy(Role, TENANT_ROLE_KEYS, _roles)
team_role_list_policy = AccessPolicy(Role, {Verb.VIEW: LIST_TEAM}, _roles)


def roles_policy(actor: Actor) -> AccessPolicy[Role]:
    """Return the policy of roles in the actor's scope: the platform's, or the organization's."""
    return role_policy if actor.scope is Scope.PLATFORM else team_role_policy


def roles_list_policy(actor: Actor) -> AccessPolicy[Role]:
    """Return the policy of the list of roles, which needs less than reading one."""
    return role_list_policy if actor.scope is Scope.PLATFORM else team_role_list_policy


def _events(actor: Actor, verb: Verb) -> models.QuerySet[RoleEvent]:
    return RoleEvent.objects.visible_to(actor)


role_event_policy = guard(AccessPolicy(RoleEvent, {Verb.VIEW: PLATFORM_HISTORY}, _events))
team_role_event_policy = AccessPolicy(RoleEvent, {Verb.VIEW: TENANT_HISTORY}, _events)


def role_history(actor: Actor, role_id: UUID) -> models.QuerySet[RoleEvent]:
    """Return what happened to the role as far as the actor may know, latest first: nothing without the permission."""
    policy = role_event_policy if actor.scope is Scope.PLATFORM else team_role_event_policy
    return policy.visible(actor).filter(role_id=role_id)


def require_history(actor: Actor, role_id: UUID) -> models.QuerySet[RoleEvent]:
    """Return what happened to the role, latest first; that of a deleted role stays.

    Raises AccessDenied without the permission, and NotVisible when the actor may know of no such role, now or before.
    """
    policy = role_event_policy if actor.scope is Scope.PLATFORM else team_role_event_policy
    policy.require(actor, Verb.VIEW)
    events = role_history(actor, role_id)
    if not events.exists() and not roles_policy(actor).rows(actor, Verb.VIEW).filter(pk=role_id).exists():
        raise NotVisible(Denial(Reason.OUT_OF_REACH, policy.keys[Verb.VIEW], "roles.role", str(role_id)))
    return events


permission_policy = guard(
    AccessPolicy(Permission, {Verb.VIEW: LIST_ROLES}, lambda actor, verb: Permission.objects.shipped())
)

team_permission_policy = AccessPolicy(
    Permission, {Verb.VIEW: LIST_TEAM}, lambda actor, verb: Permission.objects.usable_in(actor.organization_id)
)


def permissions_policy(actor: Actor) -> AccessPolicy[Permission]:
    """Return the policy of permissions in the actor's scope: the platform sees the catalogue, and an organization the
    tenant part of it and the permissions of its own applications."""
    return permission_policy if actor.scope is Scope.PLATFORM else team_permission_policy


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


application_policy = guard(
    AccessPolicy(
        Application,
        {
            Verb.VIEW: READ_APPLICATIONS,
            Verb.ADD: WRITE_APPLICATIONS,
            Verb.CHANGE: WRITE_APPLICATIONS,
            Verb.DELETE: WRITE_APPLICATIONS,
        },
        lambda actor, verb: Application.objects.visible_to(actor),
    )
)
resource_grant_policy = guard(
    AccessPolicy(
        ResourceGrant,
        {Verb.VIEW: SEE_GRANTS, Verb.ADD: GRANT_RESOURCES, Verb.DELETE: GRANT_RESOURCES},
        lambda actor, verb: ResourceGrant.objects.visible_to(actor),
    )
)


def require_for_everybody(actor: Actor, key: str) -> None:
    """Raise unless the actor may use the key on what concerns everybody in the organization.

    That is in their own name only, and with reach to everything.
    """
    require(actor, key)
    require_for_oneself(actor, key)
    if actor.reach is not Reach.ALL:
        sentence = "Only someone who reaches all clients does this: it is about everybody's access."
        raise AccessDenied(Denial(Reason.OUT_OF_REACH, key, sentence=sentence))


def require_may_redefine(actor: Actor, keys: Iterable[str]) -> None:
    """Raise unless the actor may change what these held permissions of an application allow (ASSIGN-2).

    It raises everyone who holds one, perhaps the actor: so it is for those who have every permission there is.
    """
    held = ", ".join(sorted(keys))
    if held and not isinstance(actor, SystemActor) and not actor.has(catalogue.ADMIN):
        sentence = f"Roles hold {held}: what it reaches is changed by someone who holds every permission here."
        raise AccessDenied(Denial(Reason.ABOVE_CEILING, WRITE_APPLICATIONS, "roles.application", "", sentence))


def require_may_grant_to(actor: Actor, user_ids: Collection[UUID]) -> None:
    """Raise when the actor is among those to whom they grant resources, unless they have every permission there is."""
    if actor.user_id in user_ids and not actor.has(catalogue.ADMIN):
        sentence = "Nobody grants a resource to themselves."
        raise AccessDenied(Denial(Reason.SELF, GRANT_RESOURCES, "roles.resourcegrant", "", sentence))


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
    if denial := ceiling_denial(actor, role.pk, read_family(above=[role.pk]), assign_key(actor)):
        raise AccessDenied(denial)


def ceiling_denial(actor: Actor, role_id: UUID, family: Family, key: str) -> Denial | None:
    """Return what puts a role of the family above the actor's ceiling, or None (ASSIGN-2)."""
    role = family.members.get(role_id)
    if role is None:  # deleted a moment ago
        return Denial(Reason.OUT_OF_REACH, key, "roles.role", str(role_id), "There is no such role.")
    sentence = ""
    if role.priority > priority_of(actor):
        sentence = f"“{role.display_name}” ranks above your own role (priority {role.priority})."
    elif gap := ceiling_gap(actor, family.potential(role_id)):
        listed = ", ".join(sorted(gap)[:5]) + (" …" if len(gap) > 5 else "")
        sentence = f"“{role.display_name}” holds permissions that you lack: {listed}."
    elif actor.scope is Scope.TENANT and actor.reach is Reach.ASSIGNED and role.reach == Reach.ALL:
        sentence = f"“{role.display_name}” reaches all clients, and you reach assigned ones."
    return Denial(Reason.ABOVE_CEILING, key, "roles.role", str(role_id), sentence) if sentence else None


def held_role_ids(actor: Actor) -> frozenset[UUID]:
    """Return the roles that the person behind the actor holds, wherever the actor may look."""
    if actor.user_id is None:
        return frozenset()
    return frozenset(Membership.objects.filter(user_id=actor.user_id).values_list("role_id", flat=True))


def edit_denial(actor: Actor, role: Role, family: Family, key: str, held: frozenset[UUID]) -> Denial | None:
    """Return why the actor may not change the role, as it stands, at all; or None (ROLE-4, ASSIGN-2).

    Built-in roles change with a release only. Nobody changes the role they hold, or one that it inherits from. What is
    above the actor's ceiling is out of their hands, and so is another organization's.
    """
    if denial := decide(actor, key):
        return denial
    about = (key, "roles.role", str(role.pk))
    if actor.on_behalf_of_id is not None:
        return Denial(Reason.IMPERSONATING, *about, "Roles are not changed while acting for somebody else.")
    if role.is_system:
        return Denial(Reason.BUILT_IN, *about, f"“{role}” is built in: only a release changes it. Clone it instead.")
    if actor.scope is Scope.TENANT and role.organization_id != actor.organization_id:
        return Denial(Reason.BUILT_IN, *about, f"“{role}” is shared by the platform. Clone it instead.")
    if role.pk in held:
        return Denial(Reason.OWN_ROLE, *about, f"You hold “{role}” yourself. Somebody else has to change it.")
    if any(above.id == role.pk for one in held for above in family.line(one)):
        return Denial(Reason.OWN_ROLE, *about, f"Your own role inherits from “{role}”. Somebody else has to change it.")
    return ceiling_denial(actor, role.pk, family, key)


def edit_denials(actor: Actor, roles: Iterable[Role], verb: Verb = Verb.CHANGE) -> Mapping[UUID, Denial | None]:
    """Return for each role why the actor may not change (or delete) it, or None: for the buttons of a list."""
    asked = list(roles)
    ids = [role.pk for role in asked]
    family, held = read_family(above=ids, below=ids), held_role_ids(actor)
    key = roles_policy(actor).keys[verb]
    return {role.pk: edit_denial(actor, role, family, key, held) for role in asked}


def require_may_create(actor: Actor, role_id: UUID, after: Family) -> None:
    """Raise unless the actor may make the role that `after` tells of: nothing in it is above their ceiling."""
    key = roles_policy(actor).keys[Verb.ADD]
    require(actor, key)
    require_for_oneself(actor, key)
    if denial := ceiling_denial(actor, role_id, after, key):
        raise AccessDenied(denial)


def require_may_change(actor: Actor, role: Role, before: Family, after: Family) -> None:
    """Raise unless the actor may make the role of `before` the one of `after` (ROLE-4, ASSIGN-2).

    The ceiling counts what the role was and becomes, and every role that inherits from it when what it passes on
    changes: all of them have to be within the actor's reach of hand before and after.
    """
    key = roles_policy(actor).keys[Verb.CHANGE]
    if denial := edit_denial(actor, role, before, key, held_role_ids(actor)):
        raise AccessDenied(denial)
    touched = [role.pk]
    if _passes_on(before.members[role.pk]) != _passes_on(after.members[role.pk]):
        touched += [heir.id for heir in before.heirs(role.pk)]
    for family in (before, after):
        for role_id in touched:
            if denial := ceiling_denial(actor, role_id, family, key):
                raise AccessDenied(denial)


def _passes_on(role: Relative) -> tuple[object, ...]:
    return role.own, role.parent_id, role.is_active


def require_may_delete(actor: Actor, role: Role, family: Family) -> None:
    """Raise unless the actor may delete the role: the rules of changing it, under the key of deleting."""
    key = roles_policy(actor).keys[Verb.DELETE]
    if denial := edit_denial(actor, role, family, key, held_role_ids(actor)):
        raise AccessDenied(denial)


def require_may_reach_into(actor: Actor, place: UUID | None, held: Iterable[Membership], key: str) -> None:
    """Raise unless platform staff could give back what they take from people of an organization.

    Their own place is the platform: within an organization rank alone does not do, for the scopes' ranks are apart.
    """
    if actor.scope is not Scope.PLATFORM or place is None:
        return
    roles = {membership.role_id for membership in held}
    family = read_family(above=roles)
    for role_id in sorted(roles):
        if denial := ceiling_denial(actor, role_id, family, key):
            raise AccessDenied(denial)


def require_for_oneself(actor: Actor, key: str) -> None:
    """Raise for someone who acts on behalf of another: they hand out no rights (ORG-5)."""
    if actor.on_behalf_of_id is not None:
        sentence = "Roles are not changed while acting for somebody else."
        raise AccessDenied(Denial(Reason.IMPERSONATING, key, "roles.role", "", sentence))


def require_assignable(actor: Actor, role: Role) -> None:
    """Raise unless the actor may give the role to someone: the permission, the ceiling, and an active role in place."""
    key = assign_key(actor)
    require(actor, key)
    require_for_oneself(actor, key)
    if actor.scope is Scope.TENANT and role.organization_id not in {None, actor.organization_id}:
        raise AccessDenied(Denial(Reason.OUT_OF_REACH, key, "roles.role", str(role.pk), "There is no such role."))
    if not role.is_active:
        raise ActionRefused(f"“{role}” is inactive: reactivate it first, or choose another role.")
    require_within_ceiling(actor, role)


def assignment_denials(actor: Actor, roles: Iterable[Role]) -> Mapping[UUID, Denial | None]:
    """Return for each role why the actor may not give it to anyone, or None: for the choices of a form (ASSIGN-2).

    Whether the role is active, and fits the place, is the action's to ask.
    """
    ids = [role.pk for role in roles]
    key = assign_key(actor)
    if denial := decide(actor, key):
        return dict.fromkeys(ids, denial)
    family = read_family(above=ids)
    return {role_id: ceiling_denial(actor, role_id, family, key) for role_id in ids}


def require_may_act_on(actor: Actor, target: Membership, key: str) -> None:
    """Raise unless the actor may change the person behind `target`: not themselves, and nobody above (ASSIGN-3, -4)."""
    require(actor, key)
    require_for_oneself(actor, key)
    if denial := target_denial(actor, target, key):
        raise AccessDenied(denial)


def target_denial(actor: Actor, target: Membership, key: str) -> Denial | None:
    """Return why the person behind `target` is out of the actor's hands, or None."""
    about = (key, "roles.membership", str(target.pk))
    if actor.user_id == target.user_id:
        return Denial(Reason.SELF, *about, "Nobody changes their own assignment.")
    if target.role.priority > priority_of(actor):
        return Denial(Reason.OUTRANKED, *about, f"{target.user}'s role ranks above your own.")
    return None
