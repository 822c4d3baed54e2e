"""What stands out about roles in a list: nobody has it, long unused, nearly the same as another, dangerous.

Reckoned for all rows of a page at once, from what was read in a number of statements that does not grow with them.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from functools import cache
from typing import NamedTuple
from uuid import UUID

from django.utils import timezone

from roles import access, catalogue
from roles.family import Family
from roles.models import Role
from tenancy.actors import Actor, Scope

UNUSED_AFTER = timedelta(days=90)
#: How alike two sets of permissions are (the size of what they share by the size of both) to be called nearly the same.
NEARLY = 0.9


class HintKind(StrEnum):
    """What there is to notice."""

    UNHELD = "unheld"
    UNUSED = "unused"
    TWIN = "twin"
    DANGEROUS = "dangerous"


@dataclass(frozen=True, slots=True)
class Hint:
    """One thing to notice about a role, in a few words; `other` is the role that it is compared to."""

    kind: HintKind
    words: str
    other: UUID | None = None


@dataclass(frozen=True, slots=True)
class RoleSummary:
    """What a list tells of a role besides its own fields: how much of the catalogue it grants, and when it was used."""

    granted: int
    total: int
    last_used_on: date | None
    hints: tuple[Hint, ...]


def summaries(
    roles: Sequence[Role],
    held: Collection[UUID],
    used: Mapping[UUID, date | None],
    peers: Mapping[UUID, Peer],
    family: Family,
) -> Mapping[UUID, RoleSummary]:
    """Return the summary of each role.

    `held` are those that somebody has, `used` tells when each was used last; `family` has them, their `peers`, and all
    that these inherit from.
    """
    twins = _Twins(family, peers)
    found = {}
    for role in roles:
        granted = _granted(family, role.pk, role.scope)
        hints = _hints(role, granted, role.pk in held, used.get(role.pk), twins)
        known = catalogue.keys_of(Scope(role.scope))
        found[role.pk] = RoleSummary(len(granted & known), len(known), used.get(role.pk), tuple(hints))
    return found


def _hints(role: Role, granted: frozenset[str], is_held: bool, used_on: date | None, twins: _Twins) -> Iterable[Hint]:
    if not is_held:
        yield Hint(HintKind.UNHELD, "Nobody has it")
    elif (used_on or role.created_at.date()) < timezone.now().date() - UNUSED_AFTER:
        yield Hint(HintKind.UNUSED, "Not used for 90 days")
    if not role.is_system and (twin := twins.of(role, granted)):
        yield Hint(HintKind.TWIN, f"Nearly the same as “{twin.display_name}”", twin.pk)
    if any(catalogue.is_dangerous(key) for key in granted):
        yield Hint(HintKind.DANGEROUS, "Grants something dangerous")


class Peer(NamedTuple):
    """As much of a role as it takes to compare others with it."""

    pk: UUID
    display_name: str
    scope: str
    organization_id: UUID | None


def peers_of(actor: Actor, roles: Sequence[Role]) -> dict[UUID, Peer]:
    """Return the roles that could stand for one of these, as far as the actor may know of them: of the same scope, and
    of the same place or of none."""
    places = {role.organization_id for role in roles if role.organization_id}
    seen = access.roles_list_policy(actor).visible(actor).filter(scope__in={role.scope for role in roles})
    rows = (seen.filter(organization=None) | seen.filter(organization__in=places)).values_list(*Peer._fields)
    return {peer.pk: peer for peer in map(Peer._make, rows.order_by("pk"))}


class _Twins:
    """Finds a role with nearly the same permissions, among those of its own place and those of none.

    Sets are numbers with a bit for each key, in order of their size: what differs too much in size is not looked at.
    """

    def __init__(self, family: Family, peers: Mapping[UUID, Peer]) -> None:
        self._bits = _Bits()
        self._by_place: dict[tuple[str, UUID | None], list[tuple[int, int, Peer]]] = defaultdict(list)
        for peer in peers.values():
            granted = _granted(family, peer.pk, peer.scope)
            if granted:
                self._by_place[peer.scope, peer.organization_id].append((len(granted), self._bits.of(granted), peer))
        for candidates in self._by_place.values():
            candidates.sort(key=lambda one: one[0])

    def of(self, role: Role, granted: frozenset[str]) -> Peer | None:
        """Return the role most like this one, if it is nearly the same."""
        own, best, alike = self._bits.of(granted), None, 0.0
        for place in {None, role.organization_id}:
            candidates = self._by_place.get((role.scope, place), [])
            start = bisect_left(candidates, len(granted) * NEARLY, key=lambda one: one[0])
            end = bisect_right(candidates, len(granted) / NEARLY, key=lambda one: one[0])
            for _, bits, peer in candidates[start:end]:
                shared = (own & bits).bit_count() / (own | bits).bit_count()
                if shared >= NEARLY and shared > alike and peer.pk != role.pk:
                    best, alike = peer, shared
        return best


def _granted(family: Family, role_id: UUID, scope: str) -> frozenset[str]:
    return catalogue.within(family.effective(role_id), Scope(scope))


class _Bits:
    """Gives each key a bit: those of the catalogue their place in it, those of applications as they come."""

    def __init__(self) -> None:
        self._values = dict(_bit_values())

    def of(self, keys: Iterable[str]) -> int:
        """Return the number with the bits of these keys."""
        values = self._values
        return sum(values.get(key) or values.setdefault(key, 1 << len(values)) for key in keys)


@cache
def _bit_values() -> Mapping[str, int]:
    return {key: 1 << entry.position for key, entry in catalogue.entries().items()}
