"""From the database to a snapshot, in one statement, so that all of it is as of one moment.

PostgreSQL is told of the organization first (`tenancy.context.acting`), so that row-level security shows the statement
exactly the rows of that organization.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import chain, takewhile
from sys import intern
from typing import Any
from uuid import UUID

import msgspec
from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connection

from roles.catalogue import NO_KEYS
from roles.engine.existing import StoredObjects
from roles.engine.objects import Need, Rule, kinds, rules_of
from roles.engine.snapshot import Assigned, HeldRole, Objects, Person, Snapshot, Version
from roles.family import Family, Relative
from tenancy.actors import Reach, Scope, SystemActor
from tenancy.context import acting
from tenancy.errors import Reason

#: What people are assigned to, by person and kind.
Grants = Mapping[str, Mapping[str, Assigned]]

_PLATFORM = "SELECT json_build_array('platform', 'platform', 'active')"
_ROLES = """
SELECT coalesce(json_agg(json_build_array(r.id, r.parent_id, r.organization_id, r.name, r.display_name, r.priority,
    r.reach, r.is_active, ARRAY(SELECT g.permission_id FROM roles_rolepermission g WHERE g.role_id = r.id),
    r.requires_second_factor, r.is_system)), '[]')
FROM roles_role r WHERE r.scope = %(scope)s
"""
# A service account works by tokens alone, which no second factor guards: it stands there as if it had one.
_MEMBERS = """
SELECT string_agg(json_build_array(u.id, u.email, u.is_active, m.id, m.role_id,
    f.user_id IS NOT NULL OR u.is_service)::text, E'\\n')
FROM roles_membership m JOIN {users} u ON u.id = m.user_id LEFT JOIN iam_second_factors() f ON f.user_id = u.id
WHERE m.organization_id = %(organization)s
"""
# A legacy administrator stands there with their own id in place of a membership's, as in iam_standing.
_STAFF = """
SELECT string_agg(json_build_array(u.id, u.email, u.is_active, coalesce(m.id, u.id),
    coalesce(m.role_id, iam_legacy_role(u.id)),
    EXISTS (SELECT FROM mfa_authenticator a WHERE a.user_id = u.id AND a.type IN ('totp', 'webauthn')))::text, E'\\n')
FROM {users} u LEFT JOIN roles_membership m ON m.user_id = u.id AND m.organization_id IS NULL
WHERE m.id IS NOT NULL OR u.legacy_role <> ''
"""
_PLACE = "SELECT json_build_array(o.id, o.slug, o.status) FROM {organizations} o WHERE o.id = %(organization)s"
_ASSIGNED = """
SELECT string_agg(json_build_array('{kind}', a.user_id, a.reads, a.changes)::text, E'\\n')
FROM (
    SELECT g.user_id, array_agg(g.object_id) AS reads, array_agg(g.object_id) FILTER (WHERE g.may_change) AS changes
    FROM ({grants}) AS g (user_id, object_id, may_change) {only} GROUP BY g.user_id
) AS a
"""
_NO_RULES, _NO_ROWS = "SELECT '[]'::json", "SELECT ''"
_ACTIONS = """
SELECT coalesce(json_agg(json_build_array(a.slug || ':' || x.resource_type, x.action, x.permission_id, x.reach,
    x.owner_property, x.name)), '[]')
FROM roles_applicationaction x JOIN roles_application a ON a.id = x.application_id
WHERE x.organization_id = %(organization)s
"""
_GRANTED = """
SELECT string_agg(json_build_array(a.kind, a.user_id, a.ids, NULL)::text, E'\\n')
FROM (
    SELECT g.kind, g.user_id, array_agg(g.object_id) AS ids
    FROM (
        SELECT a.slug || ':' || r.resource_type, r.user_id, r.resource_id
        FROM roles_resourcegrant r JOIN roles_application a ON a.id = r.application_id
        WHERE r.organization_id = %(organization)s
    ) AS g (kind, user_id, object_id) {only} GROUP BY g.kind, g.user_id
) AS a
"""
_NEEDS = {"all": Need.ANY, "assigned": Need.NAMED, "own": Need.OWN}
_SINCE = "organization_id = %(organization)s AND version > %(since)s"
_TOUCHED = f"WHERE g.user_id IN (SELECT unnest(subjects) FROM roles_policychange WHERE {_SINCE})"  # noqa: S608
# Whether each change tells whom it concerns and none is forgotten; whom; and whether an object has come to its end.
_CHANGES = f"""
SELECT json_build_array(
    coalesce(bool_and(subjects IS NOT NULL), true)
        AND %(since)s >= (SELECT own FROM iam_policy_forgotten(%(organization)s)),
    (SELECT coalesce(json_agg(DISTINCT one), '[]') FROM roles_policychange, unnest(subjects) AS one WHERE {_SINCE}),
    coalesce(bool_or(kind = ANY (%(kinds)s)), false))
FROM roles_policychange WHERE {_SINCE}
"""  # noqa: S608


def read_version(organization_id: UUID | None) -> Version:
    """Return the version that the decisions of a place have now."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT own, shared FROM iam_policy_version(%s)", (organization_id,))
        return Version(*cursor.fetchone())


def load(organization_id: UUID | None) -> Snapshot:
    """Return the snapshot of a place as it is now. An unknown organization has nobody in it."""
    own, shared, place, roles, members, actions, *grants = _read(organization_id)
    return _snapshot(
        organization_id,
        Version(own, shared),
        place,
        roles,
        _rows(members),
        _outside_rules(actions),
        _grants(chain.from_iterable(map(_rows, grants))),
        StoredObjects(organization_id),
    )


def renew(before: Snapshot) -> Snapshot:
    """Return the snapshot as it is now, of which only the assignments are read that have changed since `before`.

    They are what is large; where it is not known whose have changed, everything is read.
    """
    if before.organization_id is None:
        return load(None)
    read = _read(before.organization_id, since=before.version.own)
    own, shared, place, roles, members, actions, changes, *grants = read
    is_told, touched, has_ended = changes
    if not is_told:
        return load(before.organization_id)
    kept = {one: person.assigned for one, person in before.people.items() if person.assigned}
    for one in touched:
        kept.pop(one, None)
    after = _snapshot(
        before.organization_id,
        Version(own, shared),
        place,
        roles,
        _rows(members),
        _outside_rules(actions),
        {**kept, **_grants(chain.from_iterable(map(_rows, grants)))},
        StoredObjects(before.organization_id) if has_ended else before.objects,
    )
    after.take_over(before)
    return after


def _read(organization_id: UUID | None, *, since: int | None = None) -> Sequence[Any]:
    scope = Scope.PLATFORM if organization_id is None else Scope.TENANT
    asked = {"organization": organization_id, "scope": scope, "since": since, "kinds": list(kinds())}
    with acting(SystemActor("decisions", organization_id)), connection.cursor() as cursor:
        cursor.execute(_statement(scope, since is not None), asked)
        row: Sequence[Any] = cursor.fetchone()
    return row


@cache
def _statement(scope: Scope, is_since: bool) -> str:
    """Return the one statement that reads a place, each part of it as JSON, or what is large as lines of JSON: a row at
    a time took far longer."""
    users = get_user_model()._meta.db_table
    if scope is Scope.PLATFORM:
        parts = [_PLATFORM, _ROLES, _STAFF.format(users=users), _NO_RULES, _NO_ROWS]
    else:
        organizations = apps.get_model(settings.TENANCY_ORGANIZATION_MODEL)._meta.db_table
        parts = [_PLACE.format(organizations=organizations), _ROLES, _MEMBERS.format(users=users), _ACTIONS]
        parts += [_CHANGES] if is_since else []
        only = _TOUCHED if is_since else ""
        parts.append(_GRANTED.format(only=only))
        parts += [_ASSIGNED.format(kind=kind.name, grants=kind.grants, only=only) for kind in kinds().values()]
    listed = ", ".join(f"({part})" for part in parts)
    return f"SELECT v.own, v.shared, {listed} FROM iam_policy_version(%(organization)s) v"  # noqa: S608


def _snapshot(
    organization_id: UUID | None,
    version: Version,
    place: Sequence[str] | None,
    roles: Iterable[Sequence[Any]],
    members: Iterable[Sequence[Any]],
    outside: Mapping[tuple[str, str], Rule],
    grants: Grants,
    objects: Objects,
) -> Snapshot:
    family, held = _held_roles(roles, frozenset(rule.key for rule in outside.values()))
    is_open = place is not None and place[2] == "active"
    return Snapshot(
        organization_id=organization_id,
        version=version,
        names=place[:2] if place else (),
        is_open=is_open,
        people=_people(members, held, is_open, grants),
        family=family,
        held=held,
        rules={**rules_of(Scope.PLATFORM if organization_id is None else Scope.TENANT), **outside},
        objects=objects,
    )


def _outside_rules(rows: Iterable[Sequence[str]]) -> dict[tuple[str, str], Rule]:
    """Return the rule of each action of the organization's applications, by kind and name."""
    return {(kind, action): Rule(key, _NEEDS[reach], owner, name) for kind, action, key, reach, owner, name in rows}


def _held_roles(
    rows: Iterable[Sequence[Any]], applications: frozenset[str] = NO_KEYS
) -> tuple[Family, Mapping[UUID, HeldRole]]:
    relatives, traits = {}, {}
    for role_id, parent_id, organization_id, name, display_name, priority, reach, is_active, own, *others in rows:
        relative = Relative(
            UUID(role_id),
            UUID(parent_id) if parent_id else None,
            UUID(organization_id) if organization_id else None,
            name,
            display_name,
            priority,
            reach,
            is_active,
            frozenset(own),
        )
        relatives[relative.id], traits[relative.id] = relative, others
    family = Family(relatives, applications)
    held = {
        role_id: HeldRole(
            relative,
            tuple(takewhile(lambda above: above.is_active, family.line(role_id))),
            family.effective(role_id),
            requires_second_factor=traits[role_id][0],
            is_built_in=traits[role_id][1],
            applications=applications,
        )
        for role_id, relative in relatives.items()
    }
    return family, held


def _rows(lines: str | None) -> Iterator[Sequence[Any]]:
    """Yield each row. Between two of them others may have the interpreter, which they could not while a million
    assignments were taken apart at once."""
    return map(msgspec.json.decode, lines.split("\n")) if lines else iter(())


def _grants(rows: Iterable[Sequence[Any]]) -> Grants:
    """Return what is assigned, by person, from rows of (kind, user id, ids to read, ids to work with or None).

    Ids are kept once each, whenever they are read: many people are assigned to the same objects.
    """
    grants: dict[str, dict[str, Assigned]] = defaultdict(dict)
    for kind, user_id, reads, changes in rows:
        assigned = dict.fromkeys(map(intern, reads), False)
        assigned |= dict.fromkeys(map(intern, changes or ()), True)
        grants[user_id][kind] = assigned
    return grants


def _people(
    rows: Iterable[Sequence[Any]], held: Mapping[UUID, HeldRole], is_open: bool, grants: Grants
) -> dict[str, Person]:
    people = {}
    for user_id, email, is_active, membership_id, role_id, has_factor in rows:
        role = held[UUID(role_id)]
        refusal = _refusal(is_active, is_open, role, has_factor)
        people[user_id] = Person(
            id=user_id,
            email=email,
            membership_id=UUID(membership_id),
            held=role,
            is_active=is_active,
            has_second_factor=has_factor,
            refusal=refusal,
            keys=frozenset() if refusal else role.keys,
            reaches_all=role.role.reach == Reach.ALL,
            assigned=grants.get(user_id, {}),
        )
    return people


def _refusal(is_active: bool, is_open: bool, held: HeldRole, has_factor: bool) -> Reason | None:
    """Return what keeps a member out whatever their role grants, in the order of roles.actors.resolve."""
    if not is_active:
        return Reason.BANNED
    if not is_open:
        return Reason.SUSPENDED
    if not held.role.is_active:
        return Reason.ROLE_INACTIVE
    return Reason.SECOND_FACTOR if held.requires_second_factor and not has_factor else None
