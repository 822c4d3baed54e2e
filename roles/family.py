"""The roles that one role inherits from and those that inherit from it, read at once and reckoned with in memory.

Ceiling, preview and matrix ask it the same question before and after an edit, so that none of them has an idea of
inheritance of its own (ROLE-8).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple
from uuid import UUID

from django.db import connection

from roles import catalogue
from roles.catalogue import NO_KEYS

_QUERY = """
WITH RECURSIVE
above (id, parent_id) AS (
    SELECT id, parent_id FROM roles_role WHERE id = ANY (%(above)s)
    UNION SELECT r.id, r.parent_id FROM roles_role r JOIN above ON r.id = above.parent_id
),
below (id) AS (
    SELECT id FROM roles_role WHERE id = ANY (%(below)s)
    UNION SELECT r.id FROM roles_role r JOIN below ON r.parent_id = below.id
)
SELECT r.id, r.parent_id, r.organization_id, r.name, r.display_name, r.priority, r.reach, r.is_active,
       ARRAY(SELECT g.permission_id FROM roles_rolepermission g WHERE g.role_id = r.id),
       CASE WHEN row_number() OVER () = 1 THEN ARRAY(
           SELECT p.key FROM roles_permission p
           WHERE p.organization_id = nullif(current_setting('app.organization_id', true), '')::uuid
       ) END
FROM roles_role r
WHERE r.id IN (SELECT id FROM above UNION SELECT id FROM below)
"""


class Relative(NamedTuple):
    """One role as far as inheritance is concerned. `own` are its own permissions, wildcards as they stand."""

    id: UUID
    parent_id: UUID | None
    organization_id: UUID | None
    name: str
    display_name: str
    priority: int
    reach: str | None
    is_active: bool
    own: frozenset[str]

    def __str__(self) -> str:
        return self.display_name


@dataclass(frozen=True)
class Family:
    """Roles by id. A role whose parent is missing here inherits nothing: unknown grants nothing.

    `applications` are the keys of the organization's applications, for `admin:*` covers them too. The platform looks at
    roles of many organizations at once and reads none: there the wildcard stands for them.
    """

    members: Mapping[UUID, Relative]
    applications: frozenset[str] = NO_KEYS

    def spelled(self, keys: frozenset[str]) -> frozenset[str]:
        """Return what keys of these roles amount to, wildcards spelled out."""
        return catalogue.expand(keys, self.applications)

    def line(self, role_id: UUID | None) -> list[Relative]:
        """Return the role and the ones it inherits from, nearest first."""
        line: list[Relative] = []
        relative = self.members.get(role_id) if role_id else None
        while relative is not None and relative not in line:
            line.append(relative)
            relative = self.members.get(relative.parent_id) if relative.parent_id else None
        return line

    def effective(self, role_id: UUID) -> frozenset[str]:
        """Return what the role grants: its own and inherited keys, up to an inactive role, wildcards spelled out."""
        held: set[str] = set()
        for relative in self.line(role_id):
            if not relative.is_active:
                break
            held |= relative.own
        return self.spelled(frozenset(held))

    def potential(self, role_id: UUID) -> frozenset[str]:
        """Return what the role would grant if it and all above it were active. The ceiling goes by this: a permission
        put into an inactive role, or inherited from one, waits there for whoever switches it on."""
        return self.spelled(frozenset().union(*(relative.own for relative in self.line(role_id))))

    def sources(self, role_id: UUID) -> Mapping[str, Relative]:
        """Return each inherited key that is in force, spelled out, with the nearest role above that it comes from."""
        found: dict[str, Relative] = {}
        for relative in self.line(role_id)[1:]:
            if not relative.is_active:
                break
            for key in self.spelled(relative.own):
                found.setdefault(key, relative)
        return found

    def heirs(self, role_id: UUID) -> list[Relative]:
        """Return the roles that inherit from this one, to any depth, by name."""
        lines = ((one, self.line(one.id)[1:]) for one in self.members.values())
        return sorted(
            (one for one, line in lines if any(above.id == role_id for above in line)),
            key=lambda one: (one.display_name, str(one.id)),
        )

    def with_role(self, relative: Relative) -> Family:
        """Return the family as it would be with that role so."""
        return replace(self, members={**self.members, relative.id: relative})


def family_of(role_id: UUID | None, *also_above: UUID | None) -> Family:
    """Return the role with all above and below it, and further roles with all above them, as the context shows them."""
    below = [role_id] if role_id else []
    return read_family(above=[*below, *(one for one in also_above if one)], below=below)


def read_family(*, above: Iterable[UUID] = (), below: Iterable[UUID] = ()) -> Family:
    """Return the roles of `above` with all that they inherit from, and of `below` with all that inherit from them."""
    with connection.cursor() as cursor:
        cursor.execute(_QUERY, {"above": list(above), "below": list(below)})
        rows = cursor.fetchall()
    relatives = [Relative._make((*row[:-2], frozenset(row[-2]))) for row in rows]
    return Family({relative.id: relative for relative in relatives}, frozenset(rows[0][-1]) if rows else NO_KEYS)
