"""Ways to come to more than one has (threats 1 to 5), each beside somebody who may make the same change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from roles.actions import UpdateRole
from roles.models import RoleEvent
from tenancy.context import acting
from tests.roles.faces import Change
from tests.roles.rules import PLATFORM, Actor
from tests.roles.stage import ELSEWHERE, HERE, Stage

OWNER, PARTNER, ADMIN, LEADER = (Actor(name, HERE) for name in ("owner", "partner", "admin", "leader"))
SUPER, STAFF, CLERK = (Actor(name, None) for name in ("super", "staff", "clerk"))
STRANGER = Actor("stranger", ELSEWHERE)
BILLING, BAN, REFUNDS = "org:billing:read", "users:ban", "billing:refunds"


def edit(role: str, keys: str | None = None, **values: Any) -> Change:
    """Return the change of a role's own permissions, written in a row, or of other values."""
    return Change("edit", role, values if keys is None else {**values, "permissions": keys.split()})


def clone(role: str, **values: Any) -> Change:
    return Change("clone", role, {"name": "new", **values})


def create(key: str, scope: str = "TENANT") -> Change:
    values = {"name": "new", "display_name": "New", "priority": 10, "permissions": [key]}
    return Change("create", values=values, scope=scope)


def give(role: str, *people: str, place: str | None = None) -> Change:
    return Change("assign", role, people=people, place=place)


def take(role: str, *people: str) -> Change:
    return Change("unassign", role, people=people)


def replaced(role: str, replacement: str) -> Change:
    return Change("delete", role, replacement=replacement)


def restored(role: str, key: str, by: Actor) -> Callable[[Stage], Change]:
    """Return a preparation: the role held a permission and lost it, and is to be what it was before."""

    def prepare(stage: Stage) -> Change:
        actor, pk = stage.actor(by), stage.roles[role]
        with acting(actor):
            had = UpdateRole(actor, pk, {"permissions": [key]}).execute()
            event = RoleEvent.objects.get(role_id=pk, role_version=had.version, kind="PERMISSIONS_CHANGED")
            UpdateRole(actor, pk, {"permissions": []}).execute()
        return Change("restore", role, event=event.pk)

    return prepare


#: What everybody here may do: the attack does not fail for want of something simpler.
SPARE, AIDE = edit("spare", description="Harmless"), edit("aide", description="Harmless")


@dataclass(frozen=True)
class Attack:
    """A change that the attacker may not make and somebody else may. `harmless` is one that the attacker may make."""

    threat: int
    by: Actor
    may: Actor
    name: str
    change: Change | Callable[[Stage], Change]
    harmless: Change

    @property
    def faces(self) -> list[str]:
        return ["actions", "api"] if self.by.place else ["actions", "api", "console"]


Row = tuple[str, Change | Callable[[Stage], Change]] | tuple[str, Change | Callable[[Stage], Change], Change]

_TABLE: dict[tuple[int, Actor, Actor], list[Row]] = {
    (1, LEADER, OWNER): [
        ("a permission added to another role", edit("spare", f"clients:read {BILLING}")),
        ("a permission added to one's own role", edit("lead", f"team:roles:assign {BILLING}")),
        ("a permission that one has added to one's own role", edit("lead", "team:roles:assign clients:read team:read")),
        ("a permission that one has added to the parent of one's own role", edit("ground", "team:read clients:read")),
        ("a permission that one has added to a parent of a role above", edit("base", "clients:read team:read")),
        ("a clone of a stronger role", clone("org-admin")),
        ("a clone with a permission more", clone("spare", permissions=[BILLING])),
        ("a new role with a permission that one lacks", create(BILLING)),
    ],
    (1, ADMIN, OWNER): [
        ("a role as it was before it lost a permission", restored("spare", BILLING, OWNER)),
        ("a clone of a role above", clone("org-owner")),
    ],
    (1, CLERK, SUPER): [
        ("a permission added to another role", edit("aide", f"roles:read {BAN}")),
        ("a permission taken from one's own role", edit("clerk", "roles:update")),
        ("a permission that one has added to the parent of one's own role", edit("junior", "roles:read roles:update")),
        ("a permission that one has added to a parent of a role above", edit("root", "roles:read roles:update")),
        ("a clone of a stronger role", clone("platform-admin")),
        ("a new role with a permission that one lacks", create(BAN, PLATFORM)),
    ],
    (1, STAFF, SUPER): [
        ("a role as it was before it lost a permission", restored("aide", REFUNDS, SUPER)),
    ],
    (2, LEADER, OWNER): [
        ("a stronger role for oneself", give("org-admin", "leader"), give("spare", "viewer")),
        ("any role for oneself", give("spare", "leader"), give("spare", "viewer")),
        ("a stronger role for a peer", give("org-admin", "apprentice"), give("spare", "apprentice")),
        ("a role of wider reach for a peer", give("desk", "apprentice"), give("spare", "apprentice")),
        ("many people and oneself among them", give("spare", "apprentice", "leader"), give("spare", "apprentice")),
        ("many people and one above among them", give("spare", "apprentice", "admin"), give("spare", "apprentice")),
    ],
    (2, ADMIN, OWNER): [
        ("a replacement that is stronger", replaced("heir", "chief"), replaced("heir", "spare")),
    ],
    (2, CLERK, SUPER): [
        ("a stronger role for oneself", give("platform-admin", "clerk"), give("aide", "ada")),
        ("a stronger role for a newcomer", give("platform-admin", "ada"), give("aide", "ada")),
        ("many people and one above among them", give("aide", "ada", "staff"), give("aide", "ada")),
        ("a replacement that is stronger", replaced("aide", "platform-admin"), replaced("aide", "junior")),
    ],
    (3, LEADER, OWNER): [
        ("a higher priority of one's own role", edit("lead", priority=100)),
        ("a wider reach of one's own role", edit("lead", reach="all")),
        ("a stronger parent of one's own role", edit("lead", parent="org-admin")),
        ("a stronger parent of the parent of one's own role", edit("ground", parent="org-admin")),
        ("a priority above one's own", edit("spare", priority=61), edit("spare", priority=60)),
        ("a reach wider than one's own", edit("spare", reach="all")),
        ("a stronger parent", edit("spare", parent="org-admin"), edit("spare", parent="ground")),
    ],
    (3, ADMIN, OWNER): [
        ("an inactive and strong parent", edit("spare", parent="asleep"), edit("spare", parent="desk")),
        ("a role switched on that holds more", edit("asleep", is_active=True)),
    ],
    (3, CLERK, SUPER): [
        ("a higher priority of one's own role", edit("clerk", priority=100)),
        ("a stronger parent of one's own role", edit("clerk", parent="platform-admin")),
        ("a priority above one's own", edit("aide", priority=61), edit("aide", priority=60)),
        ("an inactive and strong parent", edit("aide", parent="sleeper"), edit("aide", parent="analyst")),
        ("a role switched on that holds more", edit("sleeper", is_active=True)),
    ],
    (4, ADMIN, PARTNER): [
        ("someone above demoted", give("org-viewer", "owner"), give("org-viewer", "member")),
        ("someone above removed", take("org-owner", "owner"), take("org-member", "member")),
    ],
    (4, CLERK, SUPER): [
        ("someone above demoted", give("aide", "staff"), give("aide", "ada")),
        ("someone above removed", take("platform-admin", "staff")),
    ],
    (5, ADMIN, OWNER): [("a wildcard", edit("spare", "clients:read admin:*"))],
    (5, STAFF, SUPER): [
        ("a wildcard", edit("aide", "roles:read super:*")),
        ("a wildcard in a role of an organization", edit("spare", "clients:read admin:*")),
        ("a role of an organization that holds what one lacks", give("spare", "ada", place=HERE), give("aide", "ada")),
    ],
    (5, OWNER, SUPER): [
        ("a role of another organization changed", edit("theirs", priority=1)),
        ("a role of another organization given", give("theirs", "ada", place=ELSEWHERE)),
        ("a shared role changed by an organization", edit("shared", priority=1)),
    ],
    (5, OWNER, STRANGER): [("a role of another organization cloned", clone("theirs"))],
}
ATTACKS = [
    Attack(threat, by, may, row[0], row[1], row[2] if len(row) == 3 else SPARE if by.place else AIDE)
    for (threat, by, may), rows in _TABLE.items()
    for row in rows
]
