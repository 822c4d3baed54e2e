"""Worlds of bench.engine, as values: ten roles, two hundred permissions, people with ten clients each.

The catalogue has no two hundred permissions for one organization, so the snapshots are not read from the database:
their rules are about two hundred keys of the whole catalogue, half of which need a client to read and half to change.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from uuid import UUID

from roles import catalogue
from roles.engine.loading import _grants, _snapshot
from roles.engine.objects import Need, Rule
from roles.engine.snapshot import Snapshot, Version
from roles.engine.store import SnapshotStore

Question = tuple[str, str, str, str]
KIND = "client"
PERMISSIONS, ROLES, ASSIGNMENTS = 200, 10, 10
KEYS = [key for key in catalogue.entries() if not key.endswith("*")][:PERMISSIONS]
RULES = {(KIND, key): Rule(key, Need.CHANGE if number % 2 else Need.READ) for number, key in enumerate(KEYS)}
READING = frozenset(KEYS[::2])


@dataclass(frozen=True)
class Member:
    """Somebody in a world: their role, and the clients they may read and those they may change too."""

    role: str
    reads: frozenset[str]
    changes: frozenset[str]


@dataclass(frozen=True)
class World:
    """One organization; `roles` are the permissions of each role."""

    place: UUID
    roles: dict[str, frozenset[str]]
    members: dict[str, Member]
    clients: Sequence[str]

    def within(self, subject: str, action: str, client: str) -> bool:
        """Whether the client is assigned to the person, as the action needs it: the part that no role decides."""
        member = self.members[subject]
        return client in (member.reads if action in READING else member.changes)

    def allows(self, subject: str, action: str, client: str) -> bool:
        """Whether the person may do this, as plainly as can be said."""
        return action in self.roles[self.members[subject].role] and self.within(subject, action, client)

    @cached_property
    def snapshot(self) -> Snapshot:
        """The world as the engine holds it, made of rows as the database answers with them."""
        ids = {name: str(UUID(int=number)) for number, name in enumerate(self.roles)}
        roles = [
            (ids[name], None, str(self.place), name, name, 50, "assigned", True, keys, False, False)
            for name, keys in self.roles.items()
        ]
        members = [
            (subject, f"person{number}@people.example", True, str(UUID(int=number)), ids[member.role], False)
            for number, (subject, member) in enumerate(self.members.items())
        ]
        grants = _grants((KIND, one, has.reads, has.changes) for one, has in self.members.items())
        place = (str(self.place), "agency", "active")
        snapshot = _snapshot(
            organization_id=self.place,
            version=Version(1234, 567),
            place=place,
            roles=roles,
            members=members,
            outside={},
            grants=grants,
            objects=_Clients(frozenset(self.clients)),
        )
        snapshot.rules = RULES
        return snapshot

    def guarded(self) -> tuple[SnapshotStore, UUID, Version]:
        """Return a store that holds the snapshot, and what a request asks it with: equal to its keys, not identical."""
        store = SnapshotStore(1_000_000_000)
        store._keep(self.place.int, self.snapshot, settled=True)
        return store, UUID(str(self.place)), Version.parse(str(self.snapshot.version))


@dataclass(frozen=True)
class _Clients:
    """The clients of a world. Nobody reaches all of them, so a check looks none up; a remedy does."""

    ids: frozenset[str]

    def exists(self, kind: str, object_id: str) -> bool:
        return object_id in self.ids

    def confirm(self, kind: str, ids: Iterable[str]) -> set[str]:
        return set(self.ids.intersection(ids))

    def following(self, kind: str, after: str, limit: int) -> list[str]:
        return sorted(one for one in self.ids if one > after)[:limit]


def make_world(people: int, seed: int = 2026) -> World:
    """Return a world of so many people and as many clients: role n has 20·n permissions, everybody ten clients, seven
    of which they may change."""
    chance = random.Random(seed)
    clients = [_id(chance) for _ in range(people)]
    roles = {f"role-{n}": frozenset(chance.sample(KEYS, PERMISSIONS // ROLES * n)) for n in range(1, ROLES + 1)}
    names = list(roles)
    members = {}
    for number in range(people):
        mine = [clients[chance.randrange(people)] for _ in range(ASSIGNMENTS)]
        members[_id(chance)] = Member(names[number % ROLES], frozenset(mine), frozenset(mine[:7]))
    return World(UUID(int=chance.getrandbits(128)), roles, members, clients)


def random_questions(world: World, many: int, *, in_a_row: int = 1, seed: int = 7) -> list[Question]:
    """Return questions about people drawn at random, `in_a_row` about each; four of five are about a client of theirs.

    The texts are copies: a request brings its own, and does not share those of the snapshot.
    """
    chance = random.Random(seed)
    subjects = list(world.members)
    found: list[Question] = []
    while len(found) < many:
        subject = chance.choice(subjects)
        mine = sorted(world.members[subject].reads)
        for _ in range(in_a_row):
            client = chance.choice(mine if chance.random() < 0.8 else world.clients)
            found.append((_copy(subject), _copy(chance.choice(KEYS)), _copy(KIND), _copy(client)))
    return found


def _id(chance: random.Random) -> str:
    return str(UUID(int=chance.getrandbits(128)))


def _copy(text: str) -> str:
    return text.encode().decode()
