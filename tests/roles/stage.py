"""The cast of a play about roles, in the database and as a `World` of the rules, and what the database holds of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection

from accounts.actions.invitations import digest_of
from accounts.models import Invitation
from roles.actors import RoleActor, resolve
from roles.family import read_family
from roles.models import Membership
from roles.models import Role as StoredRole
from tenancy.errors import Denial
from tests.factories import (
    MembershipFactory,
    OrganizationFactory,
    RoleFactory,
    UserFactory,
    built_in,
    inside,
    on_platform,
)
from tests.roles.rules import CATALOGUE, PLATFORM, TENANT, Actor, Role, World, spelled_out

HERE, ELSEWHERE = "larkmoor", "quaymark"

#: The table of ROLE-10; what each holds is in the catalogue.
BUILT_IN = {
    "super-admin": (100, None),
    "platform-admin": (80, None),
    "support-agent": (60, None),
    "analyst": (40, None),
    "org-owner": (100, "all"),
    "org-admin": (80, "all"),
    "org-manager": (70, "all"),
    "org-member": (60, "assigned"),
    "org-viewer": (40, "assigned"),
}


def _keys(*keys: str) -> frozenset[str]:
    return frozenset(keys)


#: Custom roles; a parent comes before its heirs.
CUSTOM = {
    "ground": Role(TENANT, HERE, 10, _keys("team:read"), reach="assigned"),
    "lead": Role(TENANT, HERE, 60, _keys("team:roles:assign", "clients:read"), "ground", "assigned"),
    "desk": Role(TENANT, HERE, 40, _keys("team:read"), reach="all"),
    "base": Role(TENANT, HERE, 20, _keys("clients:read"), reach="assigned"),
    "heir": Role(TENANT, HERE, 30, _keys("team:read"), "base", "assigned"),
    "chief": Role(TENANT, HERE, 90, _keys("org:billing:read"), "base", "all"),
    "asleep": Role(TENANT, HERE, 30, _keys("org:billing:read"), reach="all", active=False),
    "plain": Role(TENANT, HERE, 20, _keys("clients:read"), reach="assigned"),
    "shared": Role(TENANT, None, 30, _keys("clients:read"), reach="assigned"),
    "theirs": Role(TENANT, ELSEWHERE, 20, _keys("clients:read"), reach="all"),
    "junior": Role(PLATFORM, None, 30, _keys("roles:read"), "analyst"),
    "clerk": Role(
        PLATFORM,
        None,
        60,
        _keys(
            "roles:create", "roles:update", "roles:delete", "roles:assign", "roles:list", "users:read", "admins:read"
        ),
        "junior",
    ),
    "aide": Role(PLATFORM, None, 10, _keys("roles:read")),
    "reader": Role(PLATFORM, None, 100, _keys("roles:list", "roles:read")),
}

#: Who has which role where. The reader and the people elsewhere are never touched.
CAST = {
    Actor("owner", HERE): "org-owner",
    Actor("partner", HERE): "org-owner",
    Actor("admin", HERE): "org-admin",
    Actor("leader", HERE): "lead",
    Actor("member", HERE): "org-member",
    Actor("viewer", HERE): "org-viewer",
    Actor("apprentice", HERE): "heir",
    Actor("super", None): "super-admin",
    Actor("staff", None): "platform-admin",
    Actor("staff", HERE): "desk",
    Actor("clerk", None): "clerk",
    Actor("reader", None): "reader",
    Actor("stranger", ELSEWHERE): "org-owner",
}
NEWCOMERS = ("ada", "ben", "cem")
ISSUED = "the link of {}"


def first_world() -> World:
    """Return the world as the rules see it before anything happens."""
    shipped = {}
    for name, (priority, reach) in BUILT_IN.items():
        own = frozenset(row["key"] for row in CATALOGUE if row[name] == "x")
        shipped[name] = Role(TENANT if reach else PLATFORM, None, priority, own, None, reach, system=True)
    return World({**shipped, **CUSTOM}, CAST)


@dataclass(frozen=True)
class Stage:
    """Names to rows: roles by name, people by name, organizations by slug."""

    roles: dict[str, UUID]
    people: Mapping[str, Any]
    places: Mapping[str | None, Any]

    def person(self, actor: Actor) -> RoleActor | Denial:
        """Return who the actor is at a request."""
        place = self.places[actor.place]
        return resolve(self.people[actor.person].pk, organization_id=place.pk if place else None)

    def actor(self, actor: Actor) -> RoleActor:
        """Return the actor of somebody who may act."""
        real = self.person(actor)
        assert isinstance(real, RoleActor), real
        return real

    def place_id(self, place: str | None) -> UUID | None:
        return self.places[place].pk if place else None

    def stored(self) -> World:
        """Return the world as the tables have it."""
        slugs = {self.place_id(slug): slug for slug in self.places}
        users = {user.pk: name for name, user in self.people.items()}
        with on_platform():
            family = read_family(above=StoredRole.objects.values_list("pk", flat=True))
            names = dict(StoredRole.objects.values_list("pk", "name"))
            facts = {role.pk: (role.scope, role.is_system) for role in StoredRole.objects.all()}
            held = {
                Actor(users[one.user_id], slugs[one.organization_id]): names[one.role_id]
                for one in Membership.objects.all()
            }
            offers = {
                Actor(one.email.partition("@")[0], slugs[one.organization_id]): (
                    names[one.role_id],
                    Actor(users[one.invited_by_id], slugs[one.organization_id]),
                )
                for one in Invitation.objects.pending()
            }
        roles = {
            names[one.id]: Role(
                facts[one.id][0],
                slugs[one.organization_id],
                one.priority,
                one.own,
                names[one.parent_id] if one.parent_id else None,
                one.reach,
                one.is_active,
                facts[one.id][1],
            )
            for one in family.members.values()
        }
        return World(roles, held, offers)

    def by_sql(self) -> dict[str, frozenset[str]]:
        """Return what PostgreSQL says that each role grants, wildcards spelled out."""
        with on_platform(), connection.cursor() as cursor:
            cursor.execute(
                "SELECT name, ARRAY(SELECT permission_id FROM iam_effective_permissions(id)) FROM roles_role"
            )
            return {name: spelled_out(frozenset(keys)) for name, keys in cursor.fetchall()}

    def by_family(self) -> dict[str, frozenset[str]]:
        """Return what ceiling, matrix and preview take each role to grant."""
        with on_platform():
            family = read_family(above=StoredRole.objects.values_list("pk", flat=True))
        return {role.name: family.effective(pk) for pk, role in family.members.items()}

    def know_link(self, person: Actor) -> str:
        """Return a link secret for the open invitation of a person, which goes by e-mail otherwise."""
        token = ISSUED.format(person.person)
        with inside(self.places[person.place]):
            invited = Invitation.objects.pending().filter(email=self.people[person.person].email)
            assert invited.update(token_digest=digest_of(token)) == 1
        return token


def build_stage() -> Stage:
    """Put the cast into the database."""
    places = {slug: OrganizationFactory(name=slug.title(), slug=slug) for slug in (HERE, ELSEWHERE)}
    names = dict.fromkeys([*(actor.person for actor in CAST), *NEWCOMERS])
    people = {name: UserFactory(name=name.title(), email=f"{name}@people.example") for name in names}
    rows: dict[str, Any] = {name: built_in(name) for name in BUILT_IN}
    for name, role in CUSTOM.items():
        rows[name] = RoleFactory(
            name=name,
            scope=role.scope,
            organization=places[role.place] if role.place else None,
            priority=role.priority,
            reach=role.reach,
            is_active=role.active,
            parent=rows[role.parent] if role.parent else None,
            keys=tuple(role.own),
        )
    for actor, name in CAST.items():
        organization = places[actor.place] if actor.place else None
        MembershipFactory(user=people[actor.person], organization=organization, role=rows[name])
    return Stage({name: row.pk for name, row in rows.items()}, people, {None: None, **places})
