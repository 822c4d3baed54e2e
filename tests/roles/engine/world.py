"""A small world of access as a value, its rules in a few lines, and the same world as rows written by plain SQL.

The rows are changed behind the product's back, as a bulk update or a database console would: what the product keeps in
memory has to notice by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID, uuid5

import psycopg

SEED = UUID("5f0d3c1e-8f0a-4e0e-9a52-0d6f3f1f2a77")
READS = ("clients:read", "contacts:read")
CHANGES = ("clients:write", "contacts:delete")
GENERAL = ("reports:read", "team:read")
KEYS = (*READS, *CHANGES, *GENERAL)
INVOICE, REPORT = "billing:invoice", "billing:report"
OUTSIDE = ((INVOICE, "read"), (INVOICE, "update"), (REPORT, "update"))


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
    """May the person do this to that: a client, the organization as a whole, or a resource of its application?

    `author` is whom the asker tells to be the author of the resource, if anybody.
    """

    person: str
    action: str
    target: str
    kind: str = "client"
    author: str = ""


class Application(NamedTuple):
    """What a place has registered. `reach` tells of each action on what it may be done: on all, assigned or own."""

    name: str
    reach: Mapping[tuple[str, str], str]

    def key(self, kind: str, action: str) -> str:
        """Return the key of the permission for an action on a kind of resource."""
        return f"app-{str(named(self.name))[-8:]}:{kind.removeprefix('billing:')}:{action}"

    @property
    def keys(self) -> list[str]:
        return [self.key(*about) for about in OUTSIDE]


@dataclass
class World:
    """Who is where with which role. `assigned` tells whether they may change the client; `factors` who has one.

    `granted` are the resources of applications: the person, the place, the kind and what it is called.
    """

    places: dict[str, bool] = field(default_factory=dict)
    people: dict[str, bool] = field(default_factory=dict)
    factors: set[str] = field(default_factory=set)
    roles: dict[str, Role] = field(default_factory=dict)
    members: dict[tuple[str, str], str] = field(default_factory=dict)
    clients: dict[str, str] = field(default_factory=dict)
    assigned: dict[tuple[str, str], bool] = field(default_factory=dict)
    applications: dict[str, Application] = field(default_factory=dict)
    granted: set[tuple[str, str, str, str]] = field(default_factory=set)

    def holds(self, name: str | None, key: str) -> bool:
        """Whether a role grants the key: up to an inactive one, it and those it inherits from."""
        held: set[str] = set()
        while name is not None and self.roles[name].active:
            held |= self.roles[name].own
            name = self.roles[name].parent
        return not held.isdisjoint({key, "admin:*"})

    def allows(self, place: str, asked: Question) -> bool:
        """Whether the answer to the question is yes: everything that it takes is there."""
        person, action, target, kind, author = asked
        name = self.members.get((person, place))
        if name is None or not self.people[person] or not self.places[place]:
            return False
        role, application = self.roles[name], self.applications.get(place)
        if role.second_factor and person not in self.factors:
            return False
        if kind in {INVOICE, REPORT}:
            if application is None or not self.holds(name, application.key(kind, action)):
                return False
            is_granted = (person, place, kind, target) in self.granted
            within = {"all": True, "assigned": is_granted, "own": author == person}
            return within.get(application.reach.get((kind, action), ""), False)
        if not self.holds(name, action):
            return False
        if kind == "organization":
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

    def register(self, place: str, application: Application) -> None:
        with self.server.transaction():
            self.server.execute(
                "INSERT INTO roles_application (id, organization_id, slug, name, description, created_at, version)"
                " VALUES (%s, %s, 'billing', 'Billing', '', now(), 1)",
                (named(application.name), named(place)),
            )
            for key in application.keys:
                self.server.execute(
                    "INSERT INTO roles_permission (key, organization_id, name, scope, category, position)"
                    " VALUES (%s, %s, %s, 'TENANT', 'Billing', 99)",
                    (key, named(place), key),
                )
            for about in OUTSIDE:
                self.set_action(place, application, about)

    def set_action(self, place: str, application: Application, about: tuple[str, str]) -> None:
        """Store the action as the application has it; one that it has no reach for is gone."""
        key = application.key(*about)
        with self.server.transaction():
            self.server.execute("DELETE FROM roles_applicationaction WHERE permission_id = %s", (key,))
            if reach := application.reach.get(about):
                kind, action = about[0].removeprefix("billing:"), about[1]
                owner = "author" if reach == "own" else ""
                self.server.execute(
                    "INSERT INTO roles_applicationaction (id, organization_id, application_id, resource_type, action,"
                    " name, reach, owner_property, permission_id)"
                    " VALUES (gen_random_uuid(), %s, %s, %s, %s, %s, %s, %s, %s)",
                    (named(place), named(application.name), kind, action, key, reach, owner, key),
                )

    def unregister(self, application: Application) -> None:
        """Delete the application, its permissions, and what roles hold of them."""
        with self.server.transaction():
            self.server.execute("DELETE FROM roles_rolepermission WHERE permission_id = ANY (%s)", (application.keys,))
            self.server.execute("DELETE FROM roles_application WHERE id = %s", (named(application.name),))
            self.server.execute("DELETE FROM roles_permission WHERE key = ANY (%s)", (application.keys,))

    def set_granted(
        self, person: str, place: str, application: Application, kind: str, resource: str, is_so: bool
    ) -> None:
        about = (named(place), named(application.name), kind.removeprefix("billing:"), resource, named(person))
        if is_so:
            self.server.execute(
                "INSERT INTO roles_resourcegrant (id, organization_id, application_id, resource_type, resource_id,"
                " user_id, created_at) VALUES (gen_random_uuid(), %s, %s, %s, %s, %s, now())",
                about,
            )
        else:
            self.server.execute(
                "DELETE FROM roles_resourcegrant WHERE (organization_id, application_id, resource_type, resource_id,"
                " user_id) = (%s, %s, %s, %s, %s)",
                about,
            )
