"""What a role has, and from which role each permission comes (ROLE-3, ROLE-8)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby

from roles.models import Permission, Role, RolePermission


@dataclass(frozen=True, slots=True)
class HeldPermission:
    """A permission of a role: its own, or inherited from `source`."""

    permission: Permission
    source: Role
    is_inherited: bool


def line_of(role: Role) -> list[Role]:
    """Return the role and the ones it inherits from, nearest first, up to the first inactive one."""
    line: list[Role] = []
    above: Role | None = role
    while above is not None and above.is_active and above not in line:
        line.append(above)
        above = Role.objects.filter(pk=above.parent_id).first() if above.parent_id else None
    return line


def held_permissions(role: Role) -> Mapping[str, list[HeldPermission]]:
    """Return what the role has by category, in catalogue order. A permission had twice names the nearest source.

    An inactive role has nothing, and an inactive parent passes nothing on.
    """
    line = {ancestor.pk: (distance, ancestor) for distance, ancestor in enumerate(line_of(role))}
    grants = RolePermission.objects.select_related("permission").filter(role_id__in=line)
    nearest: dict[str, HeldPermission] = {}
    for grant in sorted(grants, key=lambda grant: line[grant.role_id][0]):
        source = line[grant.role_id][1]
        nearest.setdefault(grant.permission_id, HeldPermission(grant.permission, source, source.pk != role.pk))
    ordered = sorted(nearest.values(), key=lambda held: held.permission.position)
    return {category: list(held) for category, held in groupby(ordered, key=lambda held: held.permission.category)}
