"""What a role is, as a value: compared before and after an edit, kept in its history, and restored from there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Self
from uuid import UUID

from roles.family import Relative
from roles.models import Role, RolePermission

#: What a person may set; a role keeps its scope and its organization for life.
EDITABLE = (
    "name",
    "display_name",
    "description",
    "priority",
    "parent_id",
    "color",
    "icon",
    "reach",
    "is_active",
    "requires_second_factor",
    "permissions",
)
LABELS = {
    "name": "slug",
    "display_name": "name",
    "parent_id": "parent",
    "is_active": "active",
    "requires_second_factor": "second factor",
}


@dataclass(frozen=True, slots=True)
class RoleDefinition:
    """A role without its people: its own permissions and what else decides about them, and how it looks."""

    name: str
    display_name: str
    description: str
    scope: str
    organization_id: UUID | None
    priority: int
    parent_id: UUID | None
    color: str
    icon: str
    reach: str | None
    is_active: bool
    requires_second_factor: bool
    permissions: frozenset[str]

    @classmethod
    def of(cls, role: Role) -> Self:
        """Return the definition of a role as it is stored; its permissions are read."""
        own = frozenset(RolePermission.objects.filter(role=role).values_list("permission_id", flat=True))
        return cls(permissions=own, **{field: getattr(role, field) for field in _PLAIN})

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """Return the definition that `state()` was made of. Raises KeyError for a state that lacks a field."""
        values = {field: state[field] for field in _PLAIN}
        for reference in ("organization_id", "parent_id"):
            values[reference] = UUID(values[reference]) if values[reference] else None
        return cls(permissions=frozenset(state["permissions"]), **values)

    def state(self) -> dict[str, Any]:
        """Return the definition in JSON's own types, permissions in order."""
        values: dict[str, Any] = {field: getattr(self, field) for field in _PLAIN}
        for reference in ("organization_id", "parent_id"):
            values[reference] = str(values[reference]) if values[reference] else None
        return {**values, "permissions": sorted(self.permissions)}

    def changed_from(self, before: RoleDefinition) -> tuple[str, ...]:
        """Return the names of the fields that differ, in the order of the class."""
        return tuple(field.name for field in fields(self) if getattr(self, field.name) != getattr(before, field.name))

    def changing(self, values: Mapping[str, Any]) -> Self:
        """Return the definition with other values. Raises TypeError for a name that nobody may set."""
        unknown = values.keys() - set(EDITABLE)
        if unknown:
            raise TypeError(f"A role has nothing to set of that name: {', '.join(sorted(unknown))}.")
        return replace(self, **values)

    def as_relative(self, role_id: UUID) -> Relative:
        """Return the definition as a member of its family."""
        return Relative(
            role_id,
            self.parent_id,
            self.organization_id,
            self.name,
            self.display_name,
            self.priority,
            self.reach,
            self.is_active,
            self.permissions,
        )


_PLAIN = tuple(field.name for field in fields(RoleDefinition) if field.name != "permissions")
