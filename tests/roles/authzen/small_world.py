"""A world small enough to say what each answer in it is, and a service that asks there without any server.

It has six people, three clients, and the notes of an application's desk, which have an author.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from threading import current_thread
from typing import Any
from uuid import UUID

from roles.actors import RoleActor
from roles.authzen.errors import Refused
from roles.authzen.places import Place
from roles.authzen.routes import ENDPOINTS
from roles.engine.objects import Need, Rule
from roles.engine.snapshot import Snapshot
from tenancy.actors import Reach, Scope
from tests.roles.authzen.asking import Answer, Service
from tests.roles.engine.plain_world import Known, Person, Role, World, id_of, snapshot_of

ROLES = {
    "owner": Role(frozenset({"team:read", "clients:read", "clients:write"})),
    "narrow": Role(frozenset({"team:read", "clients:read"}), reaches_all=False),
    "worker": Role(frozenset({"clients:read", "clients:write"}), reaches_all=False),
    "blind": Role(frozenset({"team:read"})),
    "alone": Role(frozenset({"clients:read"})),
}
PEOPLE = {
    "ada": Person("owner"),
    "ned": Person("narrow", assigned={"alder": False}),
    "ida": Person("narrow"),
    "wil": Person("worker", assigned={"alder": True, "birch": False}),
    "bea": Person("blind"),
    "eve": Person("alone"),
}
CLIENTS = ("alder", "birch", "cedar")
NOTE = "desk:note"
#: Who is granted which notes. The actions on a note need the permission to read clients.
GRANTED = {"ned": {"n-1": True}, "wil": {"n-1": True, "n-2": True}}
RULES = {
    (NOTE, "edit"): Rule("clients:read", Need.OWN, owner="author"),
    (NOTE, "sign"): Rule("clients:read", Need.NAMED),
    (NOTE, "list"): Rule("clients:read", Need.ANY),
}
ACTIONS = {"client": ("clients:delete", "clients:read", "clients:write"), NOTE: ("edit", "list", "sign")}
OBJECTS = {"client": [*map(id_of, (*CLIENTS, "no client")), ""], NOTE: ["n-1", "n-2", "n-3", ""]}
EVERY_THING = [(kind, one) for kind, ids in OBJECTS.items() for one in ids]
ASKERS = ("ada", "ned", "ida", "bea")


class Clients(Known):
    """The clients, and for how many of them was looked each time, in which thread."""

    def __init__(self, ids: Iterable[str]) -> None:
        super().__init__("client", ids)
        self.looked_for: list[tuple[int, str]] = []

    def following(self, kind: str, after: str, limit: int) -> list[str]:
        self.looked_for.append((limit, current_thread().name))
        return super().following(kind, after, limit)


def make_snapshot() -> Snapshot:
    plain = snapshot_of(World("place", ROLES, PEOPLE))
    people = dict(plain.people)
    for name, granted in GRANTED.items():
        person = people[id_of(name)]
        people[person.id] = replace(person, assigned={**person.assigned, NOTE: granted})
    return Snapshot(
        organization_id=plain.organization_id,
        version=plain.version,
        names=(plain.place, "place"),
        is_open=True,
        people=people,
        family=plain.family,
        held=plain.held,
        rules={**plain.rules, **RULES},
        objects=Clients(map(id_of, CLIENTS)),
    )


@dataclass
class Plain(Service):
    """A service whose questions go straight to what answers them: its token is the name of who asks."""

    app: Any = None
    threads: Executor = field(default_factory=lambda: ThreadPoolExecutor(1))
    snapshot: Snapshot = field(default_factory=make_snapshot)

    def post(self, path: str, body: Any, **headers: str) -> Answer:
        try:
            told = self.runner.run(asyncio.wait_for(self._answer(path, json.dumps(body).encode()), 3))
        except Refused as refused:
            return Answer(refused.status, {}, json.dumps({"detail": str(refused)}).encode())
        return Answer(200, {}, told)

    async def _answer(self, path: str, body: bytes) -> bytes:
        endpoint, place, actor = ENDPOINTS[path], Place(self.snapshot, self.threads), actor_of(self.token or "")
        asked = endpoint.read(body)
        endpoint.require(asked, actor)
        if all(self.snapshot.version.covers(one) for one in endpoint.versions(asked)):
            return await endpoint.answer(asked, actor, place)
        return b'{"decision": "later"}'


def actor_of(name: str) -> RoleActor:
    role = ROLES[PEOPLE[name].role]
    return RoleActor(
        user_id=UUID(id_of(name)),
        label=f"{name}@people.example",
        scope=Scope.TENANT,
        organization_id=UUID(id_of("place")),
        organization_name="Place",
        membership_id=UUID(id_of(f"membership of {name}")),
        role_id=UUID(id_of(PEOPLE[name].role)),
        role_name=PEOPLE[name].role,
        role_display_name=PEOPLE[name].role,
        priority=50,
        reach=Reach.ALL if role.reaches_all else Reach.ASSIGNED,
        permissions=role.keys,
    )


def is_permitted(person: str, action: str, kind: str, one: str, author: str = "") -> bool:
    """Whether the person may do it, said anew."""
    keys, reaches_all = ROLES[PEOPLE[person].role].keys, ROLES[PEOPLE[person].role].reaches_all
    if kind == "client":
        assigned = {id_of(client): may_change for client, may_change in PEOPLE[person].assigned.items()}
        within = one in map(id_of, CLIENTS) if reaches_all else one in assigned
        return action in keys and within and (reaches_all or action == "clients:read" or assigned[one])
    named = {"list": True, "sign": one in GRANTED.get(person, {}), "edit": author == person}
    return "clients:read" in keys and named[action]


def is_seen(asker: str, action: str, kind: str, one: str) -> bool:
    """Whether the asker may know of the object by asking for the action, said anew."""
    if ROLES[PEOPLE[asker].role].reaches_all or action in ("list", "edit"):
        return True
    return one in (map(id_of, PEOPLE[asker].assigned) if kind == "client" else GRANTED.get(asker, {}))
