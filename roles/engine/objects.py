"""What decisions are about: kinds of objects, the actions on them, and the rule for each action.

In the words of AuthZEN 1.0 (section 5.2) a kind is a resource's type. The rooms above add their own kinds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from roles import catalogue
from roles.access import GRANT_RESOURCES
from tenancy.actors import Scope

ORGANIZATION = "organization"
PLATFORM = "platform"


class Need(Enum):
    """What an action needs besides its permission."""

    PLACE = "place"  # nothing: it is about the organization, or the platform, as a whole
    READ = "read"  # the object within reach, to read at least
    CHANGE = "change"  # the object within reach, to work with
    OWN = "own"  # a property of the object that names the subject
    ANY = "any"  # nothing: every object of an application's is within reach, for which ones there are is not known
    NAMED = "named"  # the object granted to the subject, whatever else their role reaches


@dataclass(frozen=True, slots=True)
class Rule:
    """What one action on one kind of object needs.

    `owner` names the property that tells whose the object is; `name` is what a permission is called that the catalogue
    does not know.
    """

    key: str
    need: Need
    owner: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class ObjectKind:
    """A kind of object that people may be assigned to one by one.

    `rules` are by action. The others are queries in the organization that the database is told of: `grants` of (user
    id, object id, whether to change), `existing` of those of the parameter `ids` that there are, `following` of the
    first `limit` ids after `after`, in order. `assigning` is the permission to assign people to one,
    `reading` the one to know which there are.
    """

    name: str
    rules: Mapping[str, Rule]
    grants: str
    existing: str
    following: str
    assigning: str
    reading: str


_kinds: dict[str, ObjectKind] = {}


def register(kind: ObjectKind) -> None:
    """Add a kind of object. Raises ValueError when there is one of that name."""
    if kind.name in {ORGANIZATION, PLATFORM, *_kinds} or is_outside(kind.name):
        raise ValueError(f"There is a kind {kind.name!r} already.")
    _kinds[kind.name] = kind


def kinds() -> Mapping[str, ObjectKind]:
    """Return the registered kinds by name."""
    return _kinds


def is_outside(kind: str) -> bool:
    """Whether a kind is a resource type of an application: it is called `application:type`."""
    return ":" in kind


def assigning_key(kind: str) -> str | None:
    """Return the permission to assign people to an object of the kind, or None when nobody is assigned to one."""
    if is_outside(kind):
        return GRANT_RESOURCES
    return _kinds[kind].assigning if kind in _kinds else None


def rules_of(scope: Scope) -> dict[tuple[str, str], Rule]:
    """Return the rule of each (kind, action) that there is in a scope, by the catalogue and the registered kinds.

    Those of an organization's applications come from its rows: see `roles.engine.loading`.
    """
    place = PLATFORM if scope is Scope.PLATFORM else ORGANIZATION
    rules = {(place, key): Rule(key, Need.PLACE) for key in catalogue.keys_of(scope)}
    if scope is Scope.TENANT:
        for kind in _kinds.values():
            rules |= {(kind.name, action): rule for action, rule in kind.rules.items()}
    return rules
