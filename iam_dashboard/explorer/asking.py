"""What an address of the explorer asks: the place, person and permission that it names, found or to be chosen from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, TypeVar

from django.http import QueryDict

from roles import catalogue
from roles.catalogue import CatalogueEntry
from roles.explorer import Explorer, Place, Subject, Target, find_places, suggested_places
from tenancy.actors import Actor, Scope

MOST_CHOICES = 12
MOST_SUGGESTED = 200
PLACE, PERSON, PERMISSION = "place", "person", "permission"
RESOURCE, OWNER = "resource", "owner"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several things that the words could mean, with the address that means it alone."""

    label: str
    detail: str
    url: str


@dataclass(frozen=True, slots=True)
class Picker(Generic[T]):
    """One field of a question: the words in it, and what they are found to mean. `has_more` tells that they could mean
    more than the choices."""

    words: str
    found: T | None = None
    choices: Sequence[Choice] = ()
    problem: str = ""
    has_more: bool = False


@dataclass(frozen=True)
class Question:
    """What the viewer asks by an address. Nothing is found that they may not know of."""

    viewer: Actor
    query: QueryDict

    def words(self, name: str) -> str:
        """Return what was typed into a field."""
        return " ".join(self.query.get(name, "").split())[:200]

    @cached_property
    def place(self) -> Picker[Place]:
        """The organization that is meant. Without words it is the platform, and nothing is found."""
        return self._picked(
            PLACE,
            lambda words: find_places(self.viewer, words),
            lambda place: (place.name, place.slug, place.slug),
            "There is no such organization.",
        )

    @cached_property
    def explorer(self) -> Explorer | None:
        """The explorer of the place, once that is clear."""
        if self.place.words and self.place.found is None:
            return None
        return Explorer.open(self.viewer, self.place.found.id if self.place.found else None)

    @cached_property
    def person(self) -> Picker[Subject]:
        """The person who is meant, once the place is clear."""
        explorer = self.explorer
        if explorer is None:
            return Picker(self.words(PERSON))
        return self._picked(
            PERSON,
            explorer.find_people,
            lambda subject: (str(subject), _standing(subject), subject.user.email),
            "There is nobody of this name or address.",
        )

    @cached_property
    def permission(self) -> Picker[CatalogueEntry]:
        """The permission that is meant, once the place is clear."""
        explorer = self.explorer
        if explorer is None:
            return Picker(self.words(PERMISSION))
        words = self.words(PERMISSION)
        elsewhere = catalogue.entries().get(words)
        if elsewhere is not None and words not in explorer.permissions:
            used = "on the platform" if elsewhere.scope is Scope.PLATFORM else "in an organization"
            return Picker(words, problem=f"“{words}” is used {used}: change the place.")
        return self._picked(
            PERMISSION,
            explorer.find_permissions,
            lambda entry: (entry.name, f"{entry.category} · {entry.key}", entry.key),
            "There is no such permission.",
        )

    @property
    def target(self) -> Target | None:
        """What the permission is used on, once that is clear and where the viewer may name one."""
        entry = self.permission.found
        return self.explorer.target(entry.key) if self.explorer is not None and entry is not None else None

    @property
    def resource(self) -> Picker[str]:
        """The id of what it is to be used on, as it was written: ids are compared so."""
        written = self.query.get(RESOURCE, "") if self.target is not None else ""
        return Picker(written if written.strip() else "")

    @property
    def owner(self) -> Picker[str]:
        """What the owner property of that is said to be, where it counts."""
        return Picker(self.words(OWNER) if self.target is not None and self.target.owner else "")

    @cached_property
    def suggested_places(self) -> list[Place]:
        """Organizations to choose from, where there are few."""
        return suggested_places(self.viewer, MOST_SUGGESTED)

    @property
    def suggested_permissions(self) -> Sequence[CatalogueEntry]:
        """The permissions of the place, or of both scopes as long as no organization is chosen."""
        if self.place.found is not None and self.explorer is not None:
            return list(self.explorer.permissions.values())
        return list(catalogue.entries().values())

    @property
    def kept(self) -> str:
        """The question as the query of an address, without the page of its answer."""
        return self.address()

    @property
    def names_in_vain(self) -> bool:
        """Whether the address names what the permission chosen is to be used on, and there is nothing to name of it."""
        written = (self.query.get(name, "").strip() and not one.words for name, one in self._named())
        return self.permission.found is not None and any(written)

    def address(self, **changed: str) -> str:
        """Return the question as the query of an address, with some of its words changed."""
        asked = QueryDict(mutable=True)
        for name in (PLACE, PERSON, PERMISSION):
            if words := changed.get(name, self.words(name)):
                asked[name] = words
        # What is named goes with the permission and the place that it is of.
        if not changed.keys() & {PLACE, PERMISSION}:
            asked.update({name: one.words for name, one in self._named() if one.words})
        return asked.urlencode()

    def _named(self) -> Sequence[tuple[str, Picker[str]]]:
        return (RESOURCE, self.resource), (OWNER, self.owner)

    def _picked(
        self,
        name: str,
        find: Callable[[str], Sequence[T]],
        told: Callable[[T], tuple[str, str, str]],
        problem: str,
    ) -> Picker[T]:
        words = self.words(name)
        if not words:
            return Picker("")
        found = find(words)
        if len(found) == 1:
            return Picker(told(found[0])[2], found[0])
        choices = [
            Choice(label, detail, f"?{self.address(**{name: exact})}")
            for label, detail, exact in map(told, found[:MOST_CHOICES])
        ]
        return Picker(words, None, choices, "" if found else problem, len(found) > MOST_CHOICES)


def _standing(subject: Subject) -> str:
    return f"{subject.known_by} · {subject.person.held.role if subject.person else 'no role here'}"


def read(request: Any) -> Question:
    """Return what the request asks."""
    return Question(request.actor, request.GET)
