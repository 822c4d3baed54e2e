"""A world told to two foreign engines, Cedar and casbin, each in its own way of putting it.

They know nothing of ours: what a role, a wildcard, a reach and an assignment mean is written down here once more.
Whoever is banned, or has an inactive role, is in no role at all; and a role is under its parent if both are active.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Collection, Iterator
from typing import Any, NamedTuple

import casbin
import cedarpy

from tests.roles.engine.plain_world import World

#: Whether somebody may do something to a thing of a kind, all by name.
Ask = Callable[[str, str, str, str], bool]
EVERYTHING, READING, ON_CLIENTS = "admin:*", "reading", "on clients"
READS = ("clients:read", "tasks:read")
WRITES = ("clients:write", "clients:delete", "tasks:write")
OTHERS = ("team:read", "reports:read", EVERYTHING)
ACTIONS = (*READS, *WRITES, *OTHERS)


def _groups(action: str) -> Iterator[str]:
    """Yield what an action is one of."""
    if action != EVERYTHING:
        yield EVERYTHING
    if action in READS:
        yield READING
    if action in READS + WRITES:
        yield ON_CLIENTS


def _under(world: World) -> Iterator[tuple[str, str]]:
    """Yield who or which role has the permissions of which role."""
    for name, person in world.people.items():
        if person.active and world.roles[person.role].active:
            yield name, person.role
    for name, role in world.roles.items():
        if role.parent and role.active and world.roles[role.parent].active:
            yield name, role.parent


def _readers(world: World, client: str) -> list[str]:
    return [name for name, one in world.people.items() if world.roles[one.role].reaches_all or client in one.assigned]


def _changers(world: World, client: str) -> list[str]:
    return [name for name, one in world.people.items() if world.roles[one.role].reaches_all or one.assigned.get(client)]


CEDAR = """
permit (principal in Role::"%s", action in [%s], resource in Organization::"%s")
when {
    resource is Organization ||
    action in Action::"on clients" &&
        (resource.changers.contains(principal) || action in Action::"reading" && resource.readers.contains(principal))
};
"""


def by_cedar(world: World) -> Ask:
    """Return Cedar's answers: people, roles, clients and actions are entities, and each role has a policy."""
    policies = [
        CEDAR % (name, ", ".join(f'Action::"{key}"' for key in sorted(role.keys)), world.place)
        for name, role in world.roles.items()
        if role.keys
    ]
    entities = [
        _entity("Person" if name in world.people else "Role", name, "Role", [role]) for name, role in _under(world)
    ]
    entities += [_entity("Action", action, "Action", _groups(action)) for action in ACTIONS]
    for client in world.clients:
        people = {"readers": _readers(world, client), "changers": _changers(world, client)}
        entities.append(_entity("client", client, "Organization", [world.place], **people))
    policy_set = cedarpy.PolicySet.from_str("".join(policies))
    graph = cedarpy.Entities.from_json_str(json.dumps(entities))

    def ask(person: str, action: str, kind: str, name: str) -> bool:
        request = {"principal": ("Person", person), "action": ("Action", action), "resource": (kind, name)}
        result = cedarpy.is_authorized({part: _uid(*one) for part, one in request.items()}, policy_set, graph)
        return result.allowed

    return ask


def _uid(kind: str, name: str) -> dict[str, str]:
    return {"type": kind.capitalize(), "id": name}


def _entity(kind: str, name: str, above: str, parents: Any = (), **people: list[str]) -> dict[str, Any]:
    return {
        "uid": _uid(kind, name),
        "parents": [_uid(above, parent) for parent in parents],
        "attrs": {what: [{"__entity": _uid("Person", one)} for one in names] for what, names in people.items()},
    }


CASBIN = """
[request_definition]
r = person, action, thing
[policy_definition]
p = role, action
[role_definition]
g = _, _
g2 = _, _
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = g(r.person, p.role) && g2(r.action, p.action) && (r.thing.is_place || g2(r.action, "on clients") && \
    (r.person in r.thing.changers || g2(r.action, "reading") && r.person in r.thing.readers))
"""


class Thing(NamedTuple):
    """What casbin is asked about."""

    is_place: bool = False
    readers: Collection[str] = ()
    changers: Collection[str] = ()


def by_casbin(world: World) -> Ask:
    """Return casbin's answers: roles and groups of actions are its role managers, a policy is a role's permission."""
    model = casbin.Model()
    model.load_model_from_text(CASBIN)
    enforcer = casbin.Enforcer(model)
    logging.getLogger("casbin").setLevel(logging.ERROR)
    enforcer.add_policies([(name, key) for name, role in world.roles.items() for key in role.keys])
    enforcer.add_grouping_policies(list(_under(world)))
    enforcer.add_named_grouping_policies("g2", [(one, group) for one in ACTIONS for group in _groups(one)])
    things = {("organization", world.place): Thing(is_place=True)}
    things |= {("client", one): Thing(False, _readers(world, one), _changers(world, one)) for one in world.clients}

    def ask(person: str, action: str, kind: str, name: str) -> bool:
        return bool(enforcer.enforce(person, action, things.get((kind, name), Thing())))

    return ask
