"""What a role has, and from which role each permission comes (ROLE-3, ROLE-8)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby, takewhile

from roles.applications import entries_named
from roles.catalogue import CatalogueEntry
from roles.family import Family, Relative, family_of
from roles.models import Role


@dataclass(frozen=True, slots=True)
class HeldPermission:
    """A permission that a role has: its own, or inherited from `source`."""

    permission: CatalogueEntry
    source: Relative
    is_inherited: bool


def held_permissions(role: Role, family: Family | None = None) -> Mapping[str, list[HeldPermission]]:
    """Return what is in force for the role by category, in catalogue order and then by application, wildcards as they
    stand.

    A permission had twice names the nearest source. An inactive role has nothing and passes nothing on.
    """
    nearest: dict[str, HeldPermission] = {}
    line = list(takewhile(lambda above: above.is_active, (family or family_of(None, role.pk)).line(role.pk)))
    entries = entries_named(key for source in line for key in source.own)
    for source in line:
        for key in source.own & entries.keys():
            nearest.setdefault(key, HeldPermission(entries[key], source, source.id != role.pk))
    ordered = sorted(nearest.values(), key=lambda held: held.permission.position)
    return {category: list(held) for category, held in groupby(ordered, key=lambda held: held.permission.category)}
