"""All that decisions of one organization (or of the platform) depend on, as of one version, in memory.

A snapshot never changes. It answers a question with two or three look-ups, and knows why it answered so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from roles import catalogue
from roles.engine.assignees import Assignees, assignees_of, reassigned, renewed
from roles.engine.explanation import (
    ANY,
    CHANGE,
    GRANTED,
    OWN,
    PLACE,
    REACH_BY_NEED,
    REACHES_ALL,
    REACHES_ASSIGNED,
    READ,
    Explanation,
    Route,
    Witness,
    made,
)
from roles.engine.objects import Need, Rule, is_outside
from roles.family import Family, Relative
from tenancy.errors import Reason

NOTHING: Mapping[str, Any] = MappingProxyType({})
MISSING_PERMISSION, OUT_OF_REACH = Reason.MISSING_PERMISSION, Reason.OUT_OF_REACH

#: The objects of one kind that a person is assigned to, each with whether to work with it, or only to read it. Garbage
#: collections pass over a dict of nothing but strings and booleans: a million of these do not hold them up.
Assigned = Mapping[str, bool]


class Version(NamedTuple):
    """How new something is: the counter of the organization's own changes, and that of the changes for everybody.

    It is written `own.shared`.
    """

    own: int
    shared: int

    def __str__(self) -> str:
        return f"{self.own}.{self.shared}"

    @classmethod
    def parse(cls, text: str) -> Version:
        """Return the version that was written so. Raises ValueError for any other text."""
        own, dot, shared = text.partition(".")
        if not (dot and text.isascii() and own.isdigit() and shared.isdigit() and len(text) <= 40):
            raise ValueError(f"{text[:50]!r} is no version: send one back as it was received.")
        return cls(int(own), int(shared))

    def covers(self, other: Version) -> bool:
        """Whether all that `other` has seen is seen in this version too."""
        return self.own >= other.own and self.shared >= other.shared


@dataclass(frozen=True)
class HeldRole:
    """A role with what it grants. `line` are the active roles its permissions come from, itself first.

    `applications` are the keys of the organization's applications.
    """

    role: Relative
    line: tuple[Relative, ...]
    keys: frozenset[str]
    requires_second_factor: bool
    is_built_in: bool
    applications: frozenset[str] = catalogue.NO_KEYS

    @cached_property
    def routes(self) -> Mapping[str, Route]:
        """Where each permission comes from: the nearest role above that holds it, by itself rather than by wildcard."""
        found: dict[str, Route] = {}
        for depth, relative in enumerate(self.line, 1):
            for held in sorted(relative.own, key=lambda key: key.endswith("*")):
                route = Route(self.line[:depth], tuple(one.id for one in self.line[:depth]), held)
                for key in catalogue.expand(frozenset({held}), self.applications):
                    found.setdefault(key, route)
        return found

    @cached_property
    def proofs(self) -> Mapping[str, tuple[tuple[UUID, ...], str]]:
        """What a witness names of each route, ready to be taken apart: the ids of its roles, and the key held there."""
        return {key: (route.ids, route.held) for key, route in self.routes.items()}


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a membership. `keys` are the permissions they may use now: none when there is a `refusal`."""

    id: str
    email: str
    membership_id: UUID
    held: HeldRole
    is_active: bool
    has_second_factor: bool
    refusal: Reason | None
    keys: frozenset[str]
    reaches_all: bool
    assigned: Mapping[str, Assigned]

    def usable(self, kind: str, need: Need) -> Set[str]:
        """Return the ids of the assigned objects of a kind that suffice for the need: to work with, or also to read."""
        assigned = self.assigned.get(kind, {})
        if need is CHANGE:
            return {one for one, may_change in assigned.items() if may_change}
        return assigned.keys()


class Objects(Protocol):
    """The objects that there are. Asked about people who reach all of them, for no assignment names those."""

    def exists(self, kind: str, object_id: str) -> bool:
        """Whether there is such an object."""
        ...

    def confirm(self, kind: str, ids: Iterable[str]) -> set[str]:
        """Return which of these there are, found out at once."""
        ...

    def following(self, kind: str, after: str, limit: int) -> list[str]:
        """Return the ids of up to `limit` objects, in order, that come after this id."""
        ...


class Snapshot:
    """Who may do what in one place, as of one version. `names` are those of the place, its id the first of them."""

    def __init__(
        self,
        *,
        organization_id: UUID | None,
        version: Version,
        names: Sequence[str],
        is_open: bool,
        people: Mapping[str, Person],
        family: Family,
        held: Mapping[UUID, HeldRole],
        rules: Mapping[tuple[str, str], Rule],
        objects: Objects,
    ) -> None:
        self.organization_id = organization_id
        self.version = version
        self.place = names[0] if names else ""
        self.names = frozenset(names)
        self.is_open = is_open
        self.people = people
        self.family = family
        self.held = held
        self.rules = rules
        self.objects = objects
        #: People by id and by e-mail address: a subject may be named by either.
        self._subjects = {**{person.email: person for person in people.values()}, **people}
        #: What searches have put in order already.
        self.ordered: dict[tuple[str, str, Need], Sequence[str]] = {}
        #: The assignees once somebody asked for them: in a list, which is shared by copies that ask of other objects.
        self._assignees: list[Assignees] = []
        #: Whether it has been asked for since the store last looked for what to drop.
        self.is_wanted = False

    @cached_property
    def weight(self) -> int:
        """How much it holds, in people and assignments. A role, with what is known of each of its permissions, takes as
        much memory as a hundred of them."""
        assigned = sum(len(one) for person in self.people.values() for one in person.assigned.values())
        return len(self.people) + assigned + 100 * len(self.held)

    @cached_property
    def people_by_role(self) -> Mapping[UUID, Sequence[str]]:
        """The ids of the people of each role, in order."""
        found: dict[UUID, list[str]] = defaultdict(list)
        for one in sorted(self.people):
            found[self.people[one].held.role.id].append(one)
        return found

    @property
    def assignees(self) -> Assignees:
        """The ids of the people assigned to each object, by kind and id of the object, in order."""
        if not self._assignees:
            self._assignees[:] = [assignees_of(self.people)]
        return self._assignees[0]

    def take_over(self, before: Snapshot) -> None:
        """Take over what searches have put in order in an earlier snapshot, brought up to date."""
        changed = reassigned(before.people, self.people)
        self.ordered = {key: ids for key, ids in before.ordered.copy().items() if key[0] not in changed}
        if before._assignees:
            self._assignees.append(renewed(before.assignees, before.people, self.people, changed))

    @cached_property
    def granted(self) -> Mapping[str, Sequence[str]]:
        """The objects of applications that are granted to somebody, by kind and in order: no others are known here."""
        found: dict[str, set[str]] = defaultdict(set)
        for person in self.people.values():
            for kind, assigned in person.assigned.items():
                if is_outside(kind):
                    found[kind].update(assigned)
        return {kind: sorted(ids) for kind, ids in found.items()}

    @cached_property
    def actions(self) -> Mapping[str, Sequence[str]]:
        """The names of the actions on each kind of object, in order."""
        found: dict[str, list[str]] = defaultdict(list)
        for kind, action in sorted(self.rules):
            found[kind].append(action)
        return found

    def person(self, subject: str) -> Person | None:
        """Return the person of that id or e-mail address, or None."""
        return self._subjects.get(subject)

    def judge(
        self, subject: str, action: str, kind: str, object_id: str, properties: Mapping[str, Any] = NOTHING
    ) -> Reason:
        """Return GRANTED when the subject may do this to the object, else the first thing that is in the way."""
        person, rule = self._subjects.get(subject), self.rules.get((kind, action))
        return self._reason(person, rule, kind, object_id, properties)

    def permits(
        self, subject: str, action: str, kind: str, object_id: str, properties: Mapping[str, Any] = NOTHING
    ) -> bool:
        """Whether the subject may do this to the object."""
        person, rule = self._subjects.get(subject), self.rules.get((kind, action))
        return self._reason(person, rule, kind, object_id, properties) is GRANTED

    def explain(
        self, subject: str, action: str, kind: str, object_id: str, properties: Mapping[str, Any] = NOTHING
    ) -> Explanation:
        """Return the decision with what it rests on."""
        person, rule = self._subjects.get(subject), self.rules.get((kind, action))
        reason = self._reason(person, rule, kind, object_id, properties)
        witness = None
        if reason is GRANTED and person is not None and rule is not None:
            # Written out here, for the call of another function would take a tenth of it all.
            key, need = rule.key, rule.need
            if need is READ or need is CHANGE:
                reach = REACHES_ALL if person.reaches_all else REACHES_ASSIGNED
            else:
                reach = REACH_BY_NEED[need]
            ids, held = person.held.proofs[key]
            witness = made(Witness, (person.id, person.membership_id, ids, held, key, reach, kind, object_id))
        return made(Explanation, (reason, person, rule, witness, kind, object_id, self.version))

    def _reason(
        self, person: Person | None, rule: Rule | None, kind: str, object_id: str, properties: Mapping[str, Any]
    ) -> Reason:
        if person is None:
            return Reason.NOT_A_MEMBER
        if rule is None:
            return Reason.UNKNOWN_PERMISSION
        if rule.key not in person.keys:
            return person.refusal or MISSING_PERMISSION
        need = rule.need
        if need is PLACE:
            return GRANTED if object_id in self.names else OUT_OF_REACH
        if need is CHANGE or need is READ:
            if person.reaches_all:
                return GRANTED if self.objects.exists(kind, object_id) else OUT_OF_REACH
            assigned = person.assigned.get(kind)
            if assigned is None or (may_change := assigned.get(object_id)) is None:
                return OUT_OF_REACH
            return GRANTED if may_change or need is READ else Reason.READ_ONLY
        if need is ANY:
            return GRANTED
        if need is OWN:
            return GRANTED if names_person(properties.get(rule.owner), person) else OUT_OF_REACH
        granted = person.assigned.get(kind)
        return GRANTED if granted is not None and object_id in granted else OUT_OF_REACH


def names_person(value: object, person: Person) -> bool:
    """Whether a property of an object names the person: by id, or by e-mail address in any case."""
    return isinstance(value, str) and value.lower() in {person.id, person.email}
