"""Worlds as plain values: one organization with its roles, people, clients and assignments, and the snapshot of it.

The snapshot is made of the rows that PostgreSQL would have answered with, by the code that reads them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from uuid import NAMESPACE_URL, UUID, uuid5

from roles.engine.loading import _grants, _snapshot
from roles.engine.snapshot import Snapshot, Version


@dataclass(frozen=True)
class Role:
    """A role with its own keys; `reaches_all` or the assigned clients only."""

    keys: frozenset[str]
    parent: str | None = None
    active: bool = True
    reaches_all: bool = True


@dataclass(frozen=True)
class Person:
    """Somebody with a role. `assigned` tells of each client whether they may change it, or read it only."""

    role: str
    active: bool = True
    assigned: Mapping[str, bool] = field(default_factory=dict)


@dataclass(frozen=True)
class World:
    """One organization, everything in it by name."""

    place: str
    roles: Mapping[str, Role]
    people: Mapping[str, Person]
    clients: frozenset[str] = frozenset()


class Known:
    """The objects of a world; see `roles.engine.snapshot.Objects`."""

    def __init__(self, kind: str, ids: Iterable[str]) -> None:
        self.kind, self.ids = kind, sorted(ids)

    def exists(self, kind: str, object_id: str) -> bool:
        return kind == self.kind and object_id in self.ids

    def confirm(self, kind: str, ids: Iterable[str]) -> set[str]:
        return {one for one in ids if self.exists(kind, one)}

    def following(self, kind: str, after: str, limit: int) -> list[str]:
        return [one for one in self.ids if kind == self.kind and one > after][:limit]


@cache
def id_of(name: str) -> str:
    """Return the id that whatever has this name has in every world of values."""
    return str(uuid5(NAMESPACE_URL, name))


def snapshot_of(world: World) -> Snapshot:
    """Return the snapshot of a world."""
    roles = []
    for name, role in world.roles.items():
        parent, reach = role.parent and id_of(role.parent), "all" if role.reaches_all else "assigned"
        roles.append((id_of(name), parent, None, name, name, 50, reach, role.active, role.keys, False, False))
    members = [
        (
            id_of(name),
            f"{name}@people.example",
            person.active,
            id_of(f"membership of {name}"),
            id_of(person.role),
            False,
        )
        for name, person in world.people.items()
    ]
    assigned = [
        (
            "client",
            id_of(name),
            [id_of(client) for client in person.assigned],
            [id_of(client) for client, may_change in person.assigned.items() if may_change],
        )
        for name, person in world.people.items()
    ]
    place, grants = (id_of(world.place), world.place, "active"), _grants(assigned)
    objects = Known("client", map(id_of, world.clients))
    return _snapshot(
        organization_id=UUID(id_of(world.place)),
        version=Version(1, 1),
        place=place,
        roles=roles,
        members=members,
        outside={},
        grants=grants,
        objects=objects,
    )
