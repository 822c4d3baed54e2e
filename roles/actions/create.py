"""Making a role, from nothing or as a clone of another (ROLE-1, ROLE-6)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError

from audit.recording import record_allowed
from roles import access
from roles.actions.assign import AssignMany, organization_exists
from roles.actions.shaping import read_values, store_new, validate
from roles.definition import RoleDefinition
from roles.events import record_created
from roles.family import family_of
from roles.locking import lock_roles, still
from roles.models import Role
from tenancy.actors import Actor, Scope
from tenancy.policies import Verb

DEFAULTS: Mapping[str, Any] = {
    "description": "",
    "priority": 0,
    "parent_id": None,
    "color": "#6B7280",
    "icon": "user",
    "is_active": True,
    "requires_second_factor": False,
    "permissions": frozenset(),
}


def new_role(scope: Scope) -> dict[str, Any]:
    """Return the values of a new role of that scope of which nothing is said but its name."""
    values = {**DEFAULTS, "reach": "assigned" if scope is Scope.TENANT else None}
    values["parent"] = values.pop("parent_id")
    return values


@dataclass(frozen=True)
class CreateRole:
    """Make a custom role with its permissions, and give it to people if any are named, all or nothing.

    An organization makes its own. The platform says the scope, and for a tenant role the organization it belongs to;
    one of none is shared by all. `values` are named as in `roles.definition.EDITABLE`, with `parent` a role or its id.

    Raises AccessDenied above the ceiling, ValidationError by field, ActionRefused for an organization's eleventh role.
    """

    actor: Actor
    values: Mapping[str, Any]
    scope: Scope = Scope.TENANT
    organization_id: UUID | None = None
    people: Collection[UUID] = field(default=())
    origin: Role | None = None

    def definition(self) -> RoleDefinition:
        """Return what the role will be. Raises ValidationError by field."""
        within = self.actor.scope is Scope.TENANT
        scope = Scope.TENANT if within else self.scope
        place = self.actor.organization_id if within else self.organization_id if scope is Scope.TENANT else None
        if not within:
            _require_place(scope, self.organization_id)
        given = {"name": "", "display_name": "", **DEFAULTS, **read_values(self.actor, self.values)}
        given.setdefault("reach", "assigned" if scope is Scope.TENANT else None)
        return RoleDefinition(scope=scope.value, organization_id=place, **given)

    def execute(self) -> Role:
        """Return the new role."""
        access.roles_policy(self.actor).require(self.actor, Verb.ADD)
        role, after = Role(), self.definition()
        validate(role, after)
        lock_roles(after.organization_id)
        actor = still(self.actor)
        family = family_of(None, after.parent_id).with_role(after.as_relative(role.pk))
        access.require_may_create(actor, role.pk, family)
        store_new(role, after.permissions)
        record_created(role, after, self.origin)
        record_allowed(
            access.roles_policy(actor).keys[Verb.ADD],
            role,
            operation="create_role" if self.origin is None else "clone_role",
            permissions=sorted(after.permissions),
        )
        if self.people:
            AssignMany(self.actor, self.people, role, role.organization_id).execute()
        return role


def _require_place(scope: Scope, organization_id: UUID | None) -> None:
    if organization_id is None:
        return
    if scope is Scope.PLATFORM:
        raise ValidationError({"organization": "A platform role belongs to no organization: leave it out."})
    if not organization_exists(organization_id):
        raise ValidationError({"organization": "There is no such organization."})


@dataclass(frozen=True)
class CloneRole:
    """Make a custom role that starts as another, built in or not, that the actor may read.

    It is made where the other one belongs, or in the actor's organization. `values` differ from the original; without
    them it is named after it. A parent that does not fit there gives its permissions instead.

    Raises NotVisible for a role out of sight, and what CreateRole raises.
    """

    actor: Actor
    pk: Any
    values: Mapping[str, Any] = field(default_factory=dict)

    def execute(self) -> Role:
        """Return the new role."""
        policy = access.roles_policy(self.actor)
        original = policy.get(self.actor, self.pk)
        policy.require(self.actor, Verb.ADD)
        values = clone_values(self.actor, original) | dict(self.values)
        return CreateRole(
            self.actor, values, Scope(original.scope), original.organization_id, origin=original
        ).execute()


def clone_values(actor: Actor, original: Role) -> dict[str, Any]:
    """Return the values that a clone of the role starts from, under a slug that is free."""
    own = RoleDefinition.of(original)
    within = actor.scope is Scope.TENANT
    place = actor.organization_id if within else own.organization_id
    family = family_of(None, original.pk)
    parent = family.members.get(own.parent_id) if own.parent_id else None
    fits = parent is not None and parent.organization_id in {None, place}
    inherited = frozenset() if fits or parent is None else family.effective(parent.id)
    return {
        "name": _free_slug(own.name, own.scope, place),
        "display_name": f"{own.display_name} (copy)"[:100],
        "description": own.description,
        "priority": own.priority,
        "parent": parent.id if parent is not None and fits else None,
        "color": own.color,
        "icon": own.icon,
        "reach": own.reach,
        "is_active": True,
        "requires_second_factor": own.requires_second_factor,
        "permissions": own.permissions | inherited,
    }


def _free_slug(name: str, scope: str, place: UUID | None) -> str:
    stem = name[:50]
    taken = set(
        Role.objects.filter(organization_id=place, scope=scope, name__startswith=stem).values_list("name", flat=True)  # type: ignore[misc]  # None: the platform
    )
    candidates = (f"{stem}-copy{'' if number == 1 else f'-{number}'}" for number in range(1, len(taken) + 2))
    return next(slug for slug in candidates if slug not in taken)
