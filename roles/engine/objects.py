"""What decisions are about: kinds of objects, the actions on them, and the rule for each action.

In the words of AuthZEN 1.0 (section 5.2) a kind is a resource's type. The rooms above add their own kinds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from roles import catalogue
from tenancy.actors import Scope

ORGANIZATION = "organization"
PLATFORM = "platform"


class Need(Enum):
    """What an action needs besides its permission."""

    PLACE = "place"  # nothing: it is about the organization, or the platform, as a whole
    READ = "read"  # the object within reach, to read at least
    CHANGE = "change"  # the object within reach, to work with
    OWN = "own"  # a property of the object that names the subject


class Rule(NamedTuple):
    """What one action on one kind of object needs. `owner` names the property that tells whose the object is."""

    key: str
    need: Need
    owner: str = ""


@dataclass(frozen=True, slots=True)
class ObjectKind:
    """A kind of object that people may be assigned to one by one.

    `rules` are by action. The others are queries in the organization that the database is told of: `grants` of (user
    id, object id, whether to change), `existing` of those of the parameter `ids` that there are, `following` of the
    first `limit` ids after `after`, in order. `assigning` is the permission to assign people to one.
    """

    name: str
    rules: Mapping[str, Rule]
    grants: str
    existing: str
    following: str
    assigning: str


_kinds: dict[str, ObjectKind] = {}


def register(kind: ObjectKind) -> None:
    """Add a kind of object. Raises ValueError when there is one of that name."""
    if kind.name in {ORGANIZATION, PLATFORM, *_kinds}:
        raise ValueError(f"There is a kind {kind.name!r} already.")
    _kinds[kind.name] = kind


def kinds() -> Mapping[str, ObjectKind]:
    """Return the registered kinds by name."""
    return _kinds


def rules_of(scope: Scope) -> dict[tuple[str, str], Rule]:
    """Return the rule of each (kind, action) that there is in a scope, by the catalogue and the registered kinds."""
    place = PLATFORM if scope is Scope.PLATFORM else ORGANIZATION
    rules = {(place, key): Rule(key, Need.PLACE) for key in catalogue.keys_of(scope)}
    if scope is Scope.TENANT:
        for kind in _kinds.values():
            rules |= {(kind.name, action): rule for action, rule in kind.rules.items()}
    return rules
