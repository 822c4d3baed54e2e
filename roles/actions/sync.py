"""Bringing the catalogue and the built-in roles to what the release ships (ROLE-10)."""

from __future__ import annotations

from dataclasses import dataclass, field

from audit.history import record_bulk_created, record_bulk_deleted
from audit.recording import record_allowed
from roles import catalogue
from roles.definition import RoleDefinition
from roles.events import record_changed, record_created
from roles.models import Permission, Role, RolePermission
from tenancy.actors import SystemActor

SYNC = SystemActor("sync roles", permissions=frozenset({"roles:create", "roles:update"}))
ROLE_FIELDS = ("display_name", "description", "scope", "priority", "color", "icon", "reach")


@dataclass(frozen=True)
class SyncPlan:
    """What differs between the database and the release, as sentences and as work."""

    permissions: tuple[catalogue.CatalogueEntry, ...] = ()
    roles: tuple[catalogue.BuiltInRole, ...] = ()
    grants: tuple[tuple[str, str], ...] = ()
    removals: tuple[tuple[str, str], ...] = ()
    sentences: tuple[str, ...] = field(default=())

    @property
    def is_empty(self) -> bool:
        return not self.sentences


def plan_sync() -> SyncPlan:
    """Return what would change, read in the current context."""
    known = {row.key: row for row in Permission.objects.all()}
    permissions = tuple(entry for entry in catalogue.entries().values() if _differs(known.get(entry.key), entry))
    held = {role.name: role for role in Role.objects.built_in()}
    roles = tuple(shipped for shipped in catalogue.built_in_roles() if _role_differs(held.get(shipped.slug), shipped))
    current = set(
        RolePermission.objects.filter(role__is_system=True).values_list("role__name", "permission_id").order_by()
    )
    wanted = {(role.slug, key) for role in catalogue.built_in_roles() for key in role.permissions}
    grants, removals = tuple(sorted(wanted - current)), tuple(sorted(current - wanted))
    sentences = (
        *(f"{'~' if entry.key in known else '+'} permission {entry.key}" for entry in permissions),
        *(f"{'~' if role.slug in held else '+'} role {role.slug}" for role in roles),
        *(f"+ {role} gains {key}" for role, key in grants),
        *(f"- {role} loses {key}" for role, key in removals),
    )
    return SyncPlan(permissions, roles, grants, removals, sentences)


def apply_sync(plan: SyncPlan, *, allow_removals: bool = False) -> None:
    """Make the database what the release ships. A permission is taken from a role only with `allow_removals`."""
    Permission.objects.bulk_create(
        [
            Permission(key=e.key, name=e.name, scope=e.scope, category=e.category, position=e.position)
            for e in plan.permissions
        ],
        update_conflicts=True,
        unique_fields=["key"],
        update_fields=["name", "scope", "category", "position"],
    )
    before = {role.name: RoleDefinition.of(role) for role in Role.objects.built_in()}
    for shipped in plan.roles:
        _bring_to_release(shipped)
    ids = dict(Role.objects.built_in().values_list("name", "pk"))
    grants = [RolePermission(role_id=ids[slug], permission_id=key) for slug, key in plan.grants]
    record_bulk_created(RolePermission.objects.bulk_create(grants))
    for slug, key in plan.removals if allow_removals else ():
        record_bulk_deleted(list(RolePermission.objects.filter(role_id=ids[slug], permission_id=key)))
    for role in Role.objects.built_in():
        _tell(role, before.get(role.name))
    if not plan.is_empty:
        record_allowed("roles:update", operation="sync_roles", changes=list(plan.sentences)[:500])


def _bring_to_release(shipped: catalogue.BuiltInRole) -> None:
    values = {"display_name": shipped.name, **{name: getattr(shipped, name) for name in ROLE_FIELDS[1:]}}
    Role.objects.update_or_create(
        organization=None, scope=shipped.scope, name=shipped.slug, defaults={**values, "is_system": True}
    )


def _tell(role: Role, before: RoleDefinition | None) -> None:
    """Leave the role's history: a built-in role changes with a release, and that is told like any change."""
    after = RoleDefinition.of(role)
    if before is None:
        record_created(role, after)
    elif after != before:
        Role.objects.filter(pk=role.pk).update(version=role.version + 1)
        role.version += 1
        record_changed(role, before, after)


def _differs(row: Permission | None, entry: catalogue.CatalogueEntry) -> bool:
    return row is None or (row.name, row.scope, row.category, row.position) != (
        entry.name,
        entry.scope.value,
        entry.category,
        entry.position,
    )


def _role_differs(row: Role | None, shipped: catalogue.BuiltInRole) -> bool:
    if row is None:
        return True
    wanted = (
        shipped.name,
        shipped.description,
        shipped.scope.value,
        shipped.priority,
        shipped.color,
        shipped.icon,
        shipped.reach.value if shipped.reach else None,
    )
    return tuple(getattr(row, name) for name in ROLE_FIELDS) != wanted
