"""A small world of access as a value, its rules in a few lines, and the same world as rows written by plain SQL.

The rows are changed behind the product's back, as a bulk update or a database console would: what the product keeps in
memory has to notice by itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID, uuid5

import psycopg

SEED = UUID("5f0d3c1e-8f0a-4e0e-9a52-0d6f3f1f2a77")
READS = ("clients:read", "contacts:read")
CHANGES = ("clients:write", "contacts:delete")
GENERAL = ("reports:read", "team:read")
KEYS = (*READS, *CHANGES, *GENERAL)


def named(name: str) -> UUID:
    """Return the id of the thing of that name."""
    return uuid5(SEED, name)


class Role(NamedTuple):
    """`place` is an organization, or None: shared by all."""

    place: str | None
    own: frozenset[str]
    parent: str | None = None
    active: bool = True
    reach: str = "assigned"
    second_factor: bool = False


class Question(NamedTuple):
    """May the person do this to that: a client, or the organization as a whole?"""

    person: str
    action: str
    target: str


@dataclass
class World:
    """Who is where with which role. `assigned` tells whether they may change the client; `factors` who has one."""

    places: dict[str, bool] = field(default_factory=dict)
    people: dict[str, bool] = field(default_factory=dict)
    factors: set[str] = field(default_factory=set)
    roles: dict[str, Role] = field(default_factory=dict)
    members: dict[tuple[str, str], str] = field(default_factory=dict)
    clients: dict[str, str] = field(default_factory=dict)
    assigned: dict[tuple[str, str], bool] = field(default_factory=dict)

    def granted(self, name: str | None) -> set[str]:
        """Return what a role grants: up to an inactive one, it and those it inherits from."""
        held: set[str] = set()
        while name is not None and self.roles[name].active:
            held |= self.roles[name].own
            name = self.roles[name].parent
        return held | set(KEYS) if "admin:*" in held else held

    def allows(self, place: str, asked: Question) -> bool:
        """Whether the answer to the question is yes: everything that it takes is there."""
        person, action, target = asked
        name = self.members.get((person, place))
        if name is None or not self.people[person] or not self.places[place]:
            return False
        role = self.roles[name]
        if action not in self.granted(name) or (role.second_factor and person not in self.factors):
            return False
        if action in GENERAL:
            return target == place
        if self.clients.get(target) != place:
            return False
        may_change = self.assigned.get((person, target))
        return role.reach == "all" or (may_change is not None and (may_change or action in READS))


class Rows:
    """The rows of a world, written as PostgreSQL's superuser and committed at once."""

    def __init__(self, dsn: str) -> None:
        self.server = psycopg.connect(dsn, autocommit=True)

    def add_place(self, name: str) -> None:
        self.server.execute(
            "INSERT INTO accounts_organization (id, name, slug, status, suspension_reason, created_at, updated_at)"
            " VALUES (%s, %s, %s, 'active', '', now(), now())",
            (named(name), name, name),
        )

    def add_person(self, name: str, *, service: bool = False) -> None:
        self.server.execute(
            "INSERT INTO accounts_user (id, email, name, password, is_active, is_superuser, is_service, created_at)"
            " VALUES (%s, %s, %s, '!', true, false, %s, now())",
            (named(name), f"{name}@people.example", name, service),
        )

    def add_role(self, name: str, role: Role) -> None:
        self.server.execute(
            "INSERT INTO roles_role (id, organization_id, name, display_name, description, scope, priority, parent_id,"
            " color, icon, reach, is_system, is_active, requires_second_factor, version, created_at, updated_at)"
            " VALUES (%s, %s, %s, %s, '', 'TENANT', 50, %s, '#10B981', 'user', %s, false, %s, %s, 1, now(), now())",
            (
                named(name),
                role.place and named(role.place),
                name,
                name,
                role.parent and named(role.parent),
                role.reach,
                role.active,
                role.second_factor,
            ),
        )
        self.set_keys(name, role.own)

    def set_role(self, name: str, role: Role) -> None:
        self.server.execute(
            "UPDATE roles_role SET parent_id = %s, reach = %s, is_active = %s, requires_second_factor = %s"
            " WHERE id = %s",
            (role.parent and named(role.parent), role.reach, role.active, role.second_factor, named(name)),
        )

    def set_keys(self, name: str, keys: frozenset[str]) -> None:
        with self.server.transaction():
            self.server.execute("DELETE FROM roles_rolepermission WHERE role_id = %s", (named(name),))
            self.server.execute(
                "INSERT INTO roles_rolepermission (role_id, permission_id) SELECT %s, unnest(%s::text[])",
                (named(name), sorted(keys)),
            )

    def set_member(self, person: str, place: str, role: str | None) -> None:
        """Give the person the role in the place, or take them out of it."""
        about = {"user": named(person), "place": named(place), "role": role and named(role)}
        if role is None:
            self.server.execute(
                "DELETE FROM roles_membership WHERE user_id = %(user)s AND organization_id = %(place)s", about
            )
            return
        self.server.execute(
            "INSERT INTO roles_membership (id, user_id, organization_id, role_id, assigned_at, created_at)"
            " VALUES (gen_random_uuid(), %(user)s, %(place)s, %(role)s, now(), now())"
            " ON CONFLICT (user_id, organization_id) DO UPDATE SET role_id = excluded.role_id",
            about,
        )

    def set_active(self, person: str, is_active: bool) -> None:
        self.server.execute("UPDATE accounts_user SET is_active = %s WHERE id = %s", (is_active, named(person)))

    def set_open(self, place: str, is_open: bool) -> None:
        status = "active" if is_open else "suspended"
        self.server.execute("UPDATE accounts_organization SET status = %s WHERE id = %s", (status, named(place)))

    def set_factor(self, person: str, has_one: bool) -> None:
        if has_one:
            self.server.execute(
                "INSERT INTO mfa_authenticator (user_id, type, data, created_at) VALUES (%s, 'totp', '{}', now())",
                (named(person),),
            )
        else:
            self.server.execute("DELETE FROM mfa_authenticator WHERE user_id = %s", (named(person),))

    def add_client(self, name: str, place: str) -> None:
        with self.server.transaction():
            # The trigger that keeps the words of search is told the organization, like the product's own requests.
            self.server.execute("SELECT set_config('app.organization_id', %s, true)", (str(named(place)),))
            self.server.execute(
                "INSERT INTO clients_client (id, organization_id, name, status, industry, website, email, phone,"
                " street, city, region, postal_code, country, description, source, external_id, created_at, updated_at,"
                " version) VALUES (%s, %s, %s, 'active', '', '', '', '', '', '', '', '', '', '', '', '', now(), now(),"
                " 1)",
                (named(name), named(place), name),
            )

    def delete_client(self, name: str) -> None:
        self.server.execute("DELETE FROM clients_client WHERE id = %s", (named(name),))

    def set_assigned(self, person: str, client: str, place: str, may_change: bool | None) -> None:
        """Assign the person to the client, to change it or to read; None withdraws it."""
        about = {"user": named(person), "client": named(client), "place": named(place)}
        self.server.execute(
            "DELETE FROM clients_clientgrant WHERE user_id = %(user)s AND client_id = %(client)s", about
        )
        if may_change is not None:
            self.server.execute(
                "INSERT INTO clients_clientgrant (user_id, client_id, organization_id, permission_id, created_at)"
                " SELECT %(user)s, %(client)s, %(place)s, p.id, now() FROM auth_permission p"
                " JOIN django_content_type c ON c.id = p.content_type_id"
                " WHERE c.app_label = 'clients' AND c.model = 'client' AND p.codename = %(codename)s",
                about | {"codename": "change_client" if may_change else "view_client"},
            )
