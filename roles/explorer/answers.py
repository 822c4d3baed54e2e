"""What the explorer answers: values without a question left in them, the same for every face."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from roles.catalogue import CatalogueEntry
from roles.engine.explanation import Reach, Route
from roles.engine.objects import is_outside
from roles.engine.remedy import Remedy
from roles.engine.snapshot import Person
from roles.family import Relative
from tenancy.errors import Reason


@dataclass(frozen=True, slots=True)
class Place:
    """Where a question is asked: an organization, or the platform, which has neither id nor slug."""

    id: UUID | None
    slug: str
    name: str

    @property
    def where(self) -> str:
        """The place in a sentence."""
        return f"in {self.name}" if self.id else "on the platform"

    def __str__(self) -> str:
        return self.name


THE_PLATFORM = Place(None, "", "the platform")


@dataclass(frozen=True, slots=True)
class Subject:
    """Somebody a question is about: their account, and what decisions know of them if they have a role in the place."""

    user: Any
    person: Person | None

    @property
    def id(self) -> str:
        return str(self.user.pk)

    @property
    def known_by(self) -> str:
        """What stands beside the name: an e-mail address, but not the one that was made up for a service account."""
        return "service account" if self.user.is_service else self.user.email

    def __str__(self) -> str:
        return str(self.user)


def noun_of(kind: str) -> str:
    """Return what an object of the kind is called in a sentence: one of an application by its type alone."""
    return kind.rpartition(":")[2].replace("_", " ")


class Target(NamedTuple):
    """What a permission is used on, where one of them can be named: its noun, and the property that tells whose it is
    if that is what counts."""

    noun: str
    owner: str = ""


class Extent(NamedTuple):
    """How far a permission reaches for somebody. `usable` are the assigned objects of the kind that it can be used on,
    `only_to_read` those that are assigned, but not for this; `owner` is the property that names whose own one is."""

    reach: Reach
    kind: str = ""
    usable: int = 0
    only_to_read: int = 0
    owner: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to use the permission on."""
        return self.reach is Reach.ASSIGNED and not self.usable

    def __str__(self) -> str:
        if self.reach is Reach.PLACE:
            return "everywhere here"
        if self.reach is Reach.OWN:
            return f"each {noun_of(self.kind)} that names them in “{self.owner}”"
        if is_outside(self.kind):
            return self._in_application()
        if self.reach is Reach.ALL:
            return f"all {self.kind}s"
        if self.usable:
            return f"{self.usable:,} assigned {self.kind}{'' if self.usable == 1 else 's'}"
        return f"{self.only_to_read:,} assigned, to read only" if self.only_to_read else f"no {self.kind} assigned"

    def _in_application(self) -> str:
        """Return it in words that need no plural: applications call their things as they like."""
        noun = noun_of(self.kind)
        if self.reach is Reach.ALL:
            return f"every {noun}"
        return f"each {noun} granted to them ({self.usable:,})" if self.usable else f"no {noun} granted to them"


@dataclass(frozen=True, slots=True)
class Holder:
    """Somebody who may use the permission: by which way, how far."""

    subject: Subject
    role: Relative
    route: Route
    extent: Extent


@dataclass(frozen=True, slots=True)
class Holders:
    """A page of them. `after` leads to the next one and is empty on the last; `hidden` are not for the viewer."""

    shown: Sequence[Holder]
    after: str
    hidden: int


class RoleShare(NamedTuple):
    """A role that grants the permission, how many people have it so, and how many `idle` ones of them have nothing to
    use it on."""

    role: Relative
    people: int
    idle: int


class Grant(NamedTuple):
    """A permission that somebody has."""

    entry: CatalogueEntry
    route: Route
    extent: Extent


@dataclass(frozen=True, slots=True)
class Category:
    """What somebody may and may not do, of one category."""

    name: str
    granted: Sequence[Grant]
    lacking: Sequence[CatalogueEntry]

    @property
    def size(self) -> int:
        """How many permissions it has."""
        return len(self.granted) + len(self.lacking)

    @property
    def usable(self) -> int:
        """How many of them are granted and have something to be used on."""
        return sum(not grant.extent.is_empty for grant in self.granted)


class Step(StrEnum):
    """The links of an answer, in order."""

    PERSON = "person"
    PLACE = "place"
    MEMBERSHIP = "membership"
    ROLE = "role"
    SECOND_FACTOR = "second-factor"
    INHERITANCE = "inheritance"
    PERMISSION = "permission"
    REACH = "reach"


class Link(NamedTuple):
    """One link of the chain that an answer rests on. One that does not hold is the last: it is what is missing."""

    step: Step
    text: str
    detail: str = ""
    role_id: UUID | None = None
    holds: bool = True


@dataclass(frozen=True, slots=True)
class Verdict:
    """May they, and why.

    `remedy` is the smallest change that would allow it, where the viewer could make it; `wants_assignment` tells that
    something has to be assigned to them besides, for the permission reaches nothing else.
    """

    subject: Subject
    entry: CatalogueEntry
    reason: Reason
    sentence: str
    chain: Sequence[Link]
    extent: Extent | None
    remedy: Remedy | None
    wants_assignment: bool

    @property
    def allowed(self) -> bool:
        return self.reason is Reason.GRANTED
