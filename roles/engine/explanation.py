"""Why a decision came out as it did, in a form that can be checked and in words (PDP-2)."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from roles import catalogue
from roles.engine.objects import Need, Rule
from roles.family import Relative
from tenancy.errors import Reason

if TYPE_CHECKING:
    from roles.engine.snapshot import Person, Version


class Reach(StrEnum):
    """How an allowed object is within the subject's reach."""

    PLACE = "place"
    ALL = "all"
    ASSIGNED = "assigned"
    OWN = "own"


# An explanation may take twice as long as its decision, no more (PERF-1). To read a member off an enumeration takes as
# long as a look-up, so they are read here, once; and `made(Witness, values)` takes half as long as `Witness(*values)`.
made = tuple.__new__
GRANTED = Reason.GRANTED
PLACE, READ, CHANGE, OWN, ANY = Need.PLACE, Need.READ, Need.CHANGE, Need.OWN, Need.ANY
REACHES_ALL, REACHES_ASSIGNED = Reach.ALL, Reach.ASSIGNED


class Route(NamedTuple):
    """Where a role has a permission from: the roles up to the one that holds it, nearest first, with their ids, and the
    key held there, which may be a wildcard."""

    line: tuple[Relative, ...]
    ids: tuple[UUID, ...]
    held: str


class Witness(NamedTuple):
    """What proves an allowed decision, all of it ids of stored rows: see tests/roles/engine/checker.py."""

    user_id: str
    membership_id: UUID
    roles: tuple[UUID, ...]
    held: str
    key: str
    reach: Reach
    kind: str
    object_id: str


class Explanation(NamedTuple):
    """A decision with what it rests on."""

    reason: Reason
    person: Person | None
    rule: Rule | None
    witness: Witness | None
    kind: str
    object_id: str
    version: Version

    @property
    def allowed(self) -> bool:
        """Whether the decision is to allow."""
        return self.reason is GRANTED

    @property
    def route(self) -> Route | None:
        """Where the permission comes from, or None for a denial."""
        if self.reason is not GRANTED or self.person is None or self.rule is None:
            return None
        return self.person.held.routes[self.rule.key]

    @property
    def reach(self) -> Reach | None:
        """How the object is within reach, or None for a denial."""
        return self.witness.reach if self.witness else None

    def __str__(self) -> str:
        """One sentence for people."""
        if self.person is None:
            return "They have no role here."
        name = self.person.email
        if self.rule is None:
            return f"There is no such action on a thing of the kind “{self.kind}”."
        wanted = f"“{_name(self.rule)}” ({self.rule.key})"
        role = self.person.held.role
        if self.route is not None:
            return f"{name} has {wanted} {_from(self.route, self.rule.key)}, {_REACHED[self.reach or Reach.PLACE]}."
        return {
            Reason.BANNED: f"{name} is banned.",
            Reason.SUSPENDED: "The organization is suspended.",
            Reason.ROLE_INACTIVE: f"{name}'s role “{role}” is inactive and grants nothing.",
            Reason.SECOND_FACTOR: f"{name}'s role “{role}” wants a second factor, and none is set up.",
            Reason.MISSING_PERMISSION: f"{name}'s role “{role}” does not include {wanted}.",
            Reason.READ_ONLY: f"{name} has {wanted}, and is assigned to this {self.kind} to read only.",
        }.get(self.reason, f"{name} has {wanted}, and this {self.kind} is not within their reach or does not exist.")


#: How an object is within reach for needs that no assignment answers.
REACH_BY_NEED = {PLACE: Reach.PLACE, OWN: Reach.OWN, ANY: Reach.ALL, Need.NAMED: Reach.ASSIGNED}
_REACHED = {
    Reach.PLACE: "which holds everywhere here",
    Reach.ALL: "which reaches everything of its kind",
    Reach.ASSIGNED: "and is assigned to it",
    Reach.OWN: "and it is their own",
}


def _name(rule: Rule) -> str:
    entry = catalogue.entries().get(rule.key)
    return entry.name if entry else rule.name or rule.key


def _from(route: Route, key: str) -> str:
    role, *above = route.line
    way = f"by the role “{role}”" + "".join(f", which inherits from “{relative}”" for relative in above)
    return way if route.held == key else f"{way}, by {route.held}"
