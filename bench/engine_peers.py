"""The peers of bench.engine, each told of the same world in its own way and with all preparation done beforehand."""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import casbin
import cedarpy
import psycopg
from guardian.core import ObjectPermissionChecker
from rolepermissions.checkers import has_permission
from rolepermissions.roles import AbstractUserRole

from accounts.models import User
from bench.engine_world import KEYS, KIND, READING, Question, World
from bench.harness import note
from clients.models import Client

Check = Callable[[str, str, str, str], bool]


@dataclass(frozen=True)
class Peer:
    """Another way to answer. `asked` is how many questions a round has, and `compared` how many were before; `at_least`
    how many times as long as ours it has to take, None: for comparison."""

    name: str
    check: Check
    asked: int
    at_least: float | None = None
    is_floor: bool = False

    @property
    def compared(self) -> int:
        """How many answers are compared before anything is timed."""
        return max(self.asked, 500)


def peers(world: World, questions: list[Question], dsn: str) -> Iterator[Peer]:
    """Yield every peer that is installed."""
    yield Peer("a frozenset of all that is allowed", _floor(world, questions), 2000, is_floor=True)
    yield Peer("casbin Enforcer", _casbin(world, fast=False), 10)
    yield Peer("casbin FastEnforcer", _casbin(world, fast=True), 200, 40)
    yield Peer("cedarpy, a policy for each role that lists its actions", _cedar_lists(world), 200, 70)
    yield Peer("cedarpy, a policy for each role, actions in groups", _cedar_groups(world), 200)
    yield Peer("cedarpy, one policy, roles' actions as attributes", _cedar_attributes(world), 200)
    try:
        yield Peer("oso", _oso(world), 100)
    except ImportError as error:
        note(f"oso is left out: {error}")
    write_for_guardian(world, dsn)
    yield Peer("django-guardian, prefetched", _guardian_prefetched(world, questions), 500)
    yield Peer("django-guardian, a checker for each call", _guardian(world), 20)
    yield Peer("django-role-permissions, rows fetched before", _role_permissions(world), 500)


def _floor(world: World, questions: list[Question]) -> Check:
    allowed = frozenset(
        (one, action, client) for one, action, _, client in questions if world.allows(one, action, client)
    )

    def check(subject: str, action: str, kind: str, client: str) -> bool:
        return (subject, action, client) in allowed

    return check


# The cheap comparisons come first. What is assigned is a look-up of ours: as assertions, it would take far longer.
CASBIN = """
[request_definition]
r = sub, obj, act, id
[policy_definition]
p = sub, obj, act
[role_definition]
g = _, _
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = r.act == p.act && r.obj == p.obj && g(r.sub, p.sub) && within(r.sub, r.act, r.id)
"""


def _casbin(world: World, *, fast: bool) -> Check:
    logging.getLogger("casbin").setLevel(logging.ERROR)
    model = casbin.FastModel([1, 2]) if fast else casbin.Model()
    model.load_model_from_text(CASBIN)
    enforcer = casbin.FastEnforcer(model, cache_key_order=[1, 2]) if fast else casbin.Enforcer(model)
    enforcer.add_function("within", world.within)
    enforcer.add_policies([(role, KIND, key) for role, keys in world.roles.items() for key in sorted(keys)])
    enforcer.add_grouping_policies([(subject, member.role) for subject, member in world.members.items()])

    def check(subject: str, action: str, kind: str, client: str) -> bool:
        return bool(enforcer.enforce(subject, kind, action, client))

    return check


CEDAR_WITHIN = (
    'if action in Action::"reading" then principal.reads.contains(resource) else principal.changes.contains(resource)'
)


def _cedar_lists(world: World) -> Check:
    policies = [
        f'permit (principal in Role::"{role}", action in [{", ".join(map(_action, sorted(keys)))}], resource is Client)'
        f" when {{ {CEDAR_WITHIN} }};"
        for role, keys in world.roles.items()
    ]
    return _cedar(world, policies, lambda key: [])


def _cedar_groups(world: World) -> Check:
    policies = [
        f'permit (principal in Role::"{role}", action in {_action(role)}, resource is Client)'
        f" when {{ {CEDAR_WITHIN} }};"
        for role in world.roles
    ]
    return _cedar(world, policies, lambda key: [role for role, keys in world.roles.items() if key in keys])


def _cedar_attributes(world: World) -> Check:
    policy = "permit (principal is Person, action, resource is Client)"
    return _cedar(
        world,
        [f"{policy} when {{ principal.role.actions.contains(action) && ({CEDAR_WITHIN}) }};"],
        lambda key: [],
    )


def _action(name: str) -> str:
    return f'Action::"{name}"'


def _cedar(world: World, policies: list[str], groups: Callable[[str], list[str]]) -> Check:
    entities = [
        _entity("Action", key, [("Action", one) for one in (*groups(key), *(["reading"] if key in READING else []))])
        for key in KEYS
    ]
    entities += [_entity("Role", role, actions=[("Action", key) for key in keys]) for role, keys in world.roles.items()]
    for subject, member in world.members.items():
        assigned = {"reads": member.reads, "changes": member.changes}
        values = {what: [("Client", one) for one in clients] for what, clients in assigned.items()}
        entities.append(_entity("Person", subject, [("Role", member.role)], role=("Role", member.role), **values))
    policy_set = cedarpy.PolicySet.from_str("\n".join(policies))
    graph = cedarpy.Entities.from_json_str(json.dumps(entities))

    def check(subject: str, action: str, kind: str, client: str) -> bool:
        request = {
            "principal": {"type": "Person", "id": subject},
            "action": {"type": "Action", "id": action},
            "resource": {"type": "Client", "id": client},
        }
        return cedarpy.is_authorized(request, policy_set, graph).allowed

    return check


def _entity(kind: str, name: str, parents: list[tuple[str, str]] | None = None, **attributes: Any) -> dict[str, Any]:
    def reference(value: Any) -> Any:
        if isinstance(value, list):
            return [reference(one) for one in value]
        return {"__entity": _uid(*value)}

    values = {what: reference(value) for what, value in attributes.items()}
    return {"uid": _uid(kind, name), "attrs": values, "parents": [_uid(*one) for one in parents or []]}


def _uid(kind: str, name: str) -> dict[str, str]:
    return {"type": kind, "id": name}


def _oso(world: World) -> Check:
    from oso import Oso

    class Person:
        def __init__(self, subject: str) -> None:
            self.subject, self.role = subject, world.members[subject].role

        def reaches(self, action: str, client: str) -> bool:
            return world.within(self.subject, action, client)

    oso = Oso()
    oso.register_class(Person)
    facts = [f'grants("{role}", "{key}");' for role, keys in world.roles.items() for key in keys]
    rule = "allow(person: Person, action, client) if grants(person.role, action) and person.reaches(action, client);"
    oso.load_str("\n".join([rule, *facts]))
    people = {subject: Person(subject) for subject in world.members}

    def check(subject: str, action: str, kind: str, client: str) -> bool:
        return bool(oso.is_allowed(people[subject], action, client))

    return check


ORGANIZATION = """
INSERT INTO accounts_organization (id, name, slug, status, suspension_reason, created_at, updated_at)
VALUES (%s, 'Agency', 'agency', 'active', '', now(), now())
"""
PEOPLE = """
INSERT INTO accounts_user (id, email, name, password, is_active, is_superuser, is_service, created_at)
SELECT one, one || '@people.example', '', '!', true, false, false, now() FROM unnest(%s::uuid[]) one
"""
MEMBERSHIPS = """
INSERT INTO roles_membership (id, user_id, organization_id, role_id, assigned_at, created_at)
SELECT one, one, %s, (SELECT id FROM roles_role WHERE is_system AND name = 'org-member'), now(), now()
FROM unnest(%s::uuid[]) one
"""
CLIENTS = """
INSERT INTO clients_client (id, organization_id, name, status, industry, website, email, phone, street, city,
    region, postal_code, country, employees, annual_revenue, description, source, external_id, created_at,
    updated_at, version)
SELECT one, %s, one, 'active', '', '', '', '', '', '', '', '', '', NULL, NULL, '', '', '', now(), now(), 1
FROM unnest(%s::uuid[]) one
"""
# The product does without guardian's groups, and gives nobody access to them.
OPEN = "GRANT SELECT ON guardian_groupobjectpermission, accounts_user_groups, auth_group, auth_permission TO PUBLIC"
GRANTS = """
INSERT INTO clients_clientgrant (organization_id, user_id, client_id, permission_id, created_at)
SELECT %s, user_id, client_id, p.id, now()
FROM unnest(%s::uuid[], %s::uuid[], %s::text[]) AS g (user_id, client_id, codename)
JOIN auth_permission p ON p.codename = g.codename
"""


def write_for_guardian(world: World, dsn: str) -> None:
    """Write the people, clients and assignments of a world into the database, as its superuser."""
    assigned = [
        (subject, client, "change_client" if client in member.changes else "view_client")
        for subject, member in world.members.items()
        for client in member.reads
    ]
    with psycopg.connect(dsn) as server:
        server.execute("SELECT set_config('app.organization_id', %s, true)", [str(world.place)])
        server.execute(OPEN)
        server.execute(ORGANIZATION, [world.place])
        server.execute(PEOPLE, [list(world.members)])
        server.execute(MEMBERSHIPS, [world.place, list(world.members)])
        server.execute(CLIENTS, [world.place, world.clients])
        server.execute(GRANTS, [world.place, *map(list, zip(*assigned, strict=True))])


def _guarded(world: World, checker: Callable[[str], ObjectPermissionChecker], clients: dict[str, Client]) -> Check:
    """Return how guardian answers. What a role permits, which it does not keep, is looked up in a set."""

    def check(subject: str, action: str, kind: str, client: str) -> bool:
        if action not in world.roles[world.members[subject].role]:
            return False
        held = checker(subject)
        if held.has_perm("change_client", clients[client]):
            return True
        return action in READING and held.has_perm("view_client", clients[client])

    return check


def _guardian_prefetched(world: World, questions: list[Question]) -> Check:
    clients = {str(one.pk): one for one in Client.objects.all()}
    asked: dict[str, set[str]] = defaultdict(set)
    for subject, _, _, client in questions:
        asked[subject].add(client)
    checkers = {}
    for user in User.objects.filter(pk__in=list(asked)):
        checker = checkers[str(user.pk)] = ObjectPermissionChecker(user)
        checker.prefetch_perms([clients[one] for one in asked[str(user.pk)]])
    return _guarded(world, checkers.__getitem__, clients)


def _guardian(world: World) -> Check:
    users = {str(one.pk): one for one in User.objects.filter(pk__in=list(world.members))}
    clients = {str(one.pk): one for one in Client.objects.all()}
    return _guarded(world, lambda subject: ObjectPermissionChecker(users[subject]), clients)


class _Rows(list[Any]):
    """Rows that were fetched before, as a prefetched relation answers."""

    def all(self) -> _Rows:
        return self


def _role_permissions(world: World) -> Check:
    """Return how django-role-permissions answers about users whose groups and permissions are fetched already."""
    rows = {}
    for role, keys in world.roles.items():
        type(role, (AbstractUserRole,), {"role_name": role, "available_permissions": dict.fromkeys(keys, True)})
        rows[role] = _Rows([SimpleNamespace(name=role)]), _Rows(SimpleNamespace(codename=key) for key in sorted(keys))
    users = {}
    for subject, member in world.members.items():
        groups, permissions = rows[member.role]
        users[subject] = SimpleNamespace(is_superuser=False, groups=groups, user_permissions=permissions)

    def check(subject: str, action: str, kind: str, client: str) -> bool:
        return bool(has_permission(users[subject], action)) and world.within(subject, action, client)

    return check
