"""What an editor of a role may see and tick: every permission of a scope, by category, each with its state (ADM-3).

Pure: it reads the catalogue and the sets it is given. The same locks decide what the form shows and what it takes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from itertools import groupby
from types import MappingProxyType

from roles import catalogue
from roles.catalogue import CatalogueEntry
from tenancy.actors import Scope

WITHHELD_NOTE = "You do not hold this permission, so you cannot grant it."
NOTHING_INHERITED: Mapping[str, str] = MappingProxyType({})
NOTHING_UNUSED: Mapping[str, str] = MappingProxyType({})
NO_APPLICATIONS: Mapping[str, CatalogueEntry] = MappingProxyType({})
#: A category is a grid when at least this part of its cells stands in columns that rows share.
_SHARED_PART = 2 / 3


class CellState(StrEnum):
    """Whether a permission is granted, and whether this editor may change that."""

    OFF = "off"
    ON = "on"
    INHERITED = "inherited"
    WITHHELD = "withheld"


@dataclass(frozen=True, slots=True)
class Cell:
    """One permission of the matrix: `is_on` as it is shown, `is_own` as the role itself holds it in storage.

    `unused` says since when it was held but not used, and is empty for all others.
    """

    key: str
    name: str
    action: str
    state: CellState
    note: str
    position: int
    is_on: bool
    is_own: bool
    is_dangerous: bool
    unused: str
    needs: frozenset[str]

    @property
    def is_locked(self) -> bool:
        """Whether this editor cannot change it."""
        return self.state in {CellState.INHERITED, CellState.WITHHELD}

    @property
    def is_unused(self) -> bool:
        """Whether it is held, but was not used of late."""
        return bool(self.unused)

    @property
    def is_changed(self) -> bool:
        """Whether it is ticked or unticked otherwise than stored."""
        return not self.is_locked and self.is_on != self.is_own


@dataclass(frozen=True, slots=True)
class Row:
    """The permissions of one resource: what stands before the last colon of their keys."""

    resource: str
    label: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Category:
    """A category of the catalogue. Its `columns` are the actions of its rows; a list has none."""

    name: str
    rows: tuple[Row, ...]
    columns: tuple[str, ...]

    @property
    def is_grid(self) -> bool:
        """Whether its rows share enough actions to stand in columns."""
        return bool(self.columns)

    @cached_property
    def cells(self) -> tuple[Cell, ...]:
        """All its cells, in catalogue order."""
        return tuple(sorted((cell for row in self.rows for cell in row.cells), key=lambda cell: cell.position))

    @property
    def aligned(self) -> Iterator[tuple[Row, list[Cell | None]]]:
        """Each row with its cell for each column, or None where the resource has no such action."""
        for row in self.rows:
            by_action = {cell.action: cell for cell in row.cells}
            yield row, [by_action.get(action) for action in self.columns]

    @cached_property
    def notes(self) -> tuple[tuple[CellState, str], ...]:
        """What keeps its cells locked, each reason once."""
        return tuple(dict.fromkeys((cell.state, cell.note) for cell in self.cells if cell.note))

    @cached_property
    def granted(self) -> int:
        """How many of its permissions are on, inherited ones counted."""
        return sum(cell.is_on for cell in self.cells)

    @property
    def total(self) -> int:
        """How many permissions it has."""
        return len(self.cells)

    @cached_property
    def has_changes(self) -> bool:
        """Whether any of its cells differs from what is stored."""
        return any(cell.is_changed for cell in self.cells)


@dataclass(frozen=True)
class Matrix:
    """Every permission of one scope, in catalogue order."""

    scope: Scope
    categories: tuple[Category, ...]

    @cached_property
    def cells(self) -> tuple[Cell, ...]:
        """All cells."""
        return tuple(cell for category in self.categories for cell in category.cells)

    @cached_property
    def granted(self) -> int:
        """How many permissions are on, inherited ones counted."""
        return sum(category.granted for category in self.categories)

    @property
    def total(self) -> int:
        """How many permissions there are."""
        return sum(category.total for category in self.categories)

    @property
    def is_locked(self) -> bool:
        """Whether nothing in it can be changed."""
        return all(cell.is_locked for cell in self.cells)

    def cell(self, key: str) -> Cell:
        """Return the cell of a key. Raises KeyError when the scope has no such key."""
        for cell in self.cells:
            if cell.key == key:
                return cell
        raise KeyError(key)


@dataclass(frozen=True, slots=True)
class Locks:
    """What an editor cannot change: inherited keys with their notes, and those not theirs to grant."""

    inherited: Mapping[str, str]
    withheld: frozenset[str]
    withheld_note: str = WITHHELD_NOTE

    def __contains__(self, key: object) -> bool:
        return key in self.inherited or key in self.withheld

    def state_of(self, key: str, is_on: bool) -> tuple[CellState, str]:
        """Return the state of a key and the sentence that explains it."""
        if note := self.inherited.get(key):
            return CellState.INHERITED, note
        if key in self.withheld:
            return CellState.WITHHELD, self.withheld_note
        return (CellState.ON if is_on else CellState.OFF), ""


def locks(
    own: frozenset[str],
    inherited: Mapping[str, str],
    withheld: frozenset[str],
    withheld_note: str = WITHHELD_NOTE,
    applications: Collection[str] = (),
) -> Locks:
    """Return what cannot be changed in a role that holds `own` itself and `inherited` from the roles named there.

    A wildcard of its own locks what it covers: those keys come with it until it is taken away and saved. It covers the
    keys of `applications` too.
    """
    notes = {key: f"Inherited from {source}" for key, source in inherited.items()}
    outside = frozenset(applications)
    if source := inherited.get(catalogue.ADMIN):
        notes = dict.fromkeys(outside, f"Inherited from {source}") | notes
    for wildcard in (catalogue.SUPER, catalogue.ADMIN):
        if wildcard in own:
            included = f"Included in {catalogue.entries()[wildcard].name}"
            for key in catalogue.expand(frozenset({wildcard}), outside) - {wildcard}:
                notes.setdefault(key, included)
    return Locks(notes, withheld, withheld_note)


def build_matrix(
    scope: Scope,
    own: frozenset[str],
    inherited: Mapping[str, str] = NOTHING_INHERITED,
    withheld: frozenset[str] = frozenset(),
    *,
    chosen: frozenset[str] | None = None,
    unused: Mapping[str, str] = NOTHING_UNUSED,
    withheld_note: str = WITHHELD_NOTE,
    applications: Mapping[str, CatalogueEntry] = NO_APPLICATIONS,
) -> Matrix:
    """Return the matrix of a role that holds `own` itself.

    `inherited` names for each inherited key the role it comes from, `withheld` is what the editor may not grant and
    `withheld_note` says why, `chosen` is what is ticked in a form under way (None: as stored), `unused` says of each
    key that is held but was not used of late, since when. The permissions of an organization's `applications` follow on
    those of the catalogue.
    """
    locked = locks(own, inherited, withheld, withheld_note, applications)
    ticked = own if chosen is None else chosen

    def cell(entry: CatalogueEntry) -> Cell:
        is_own = entry.key in own
        is_on = entry.key in locked.inherited or (is_own if entry.key in locked else entry.key in ticked)
        state, note = locked.state_of(entry.key, is_on)
        return Cell(
            entry.key,
            entry.name,
            entry.key.rpartition(":")[2],
            state,
            note,
            entry.position,
            is_on,
            is_own,
            catalogue.is_dangerous(entry.key),
            unused.get(entry.key, ""),
            catalogue.companions(entry.key),
        )

    listed = [entry for entry in {**catalogue.entries(), **applications}.values() if entry.scope is scope]
    return Matrix(
        scope,
        tuple(
            _category(name, [cell(entry) for entry in entries])
            for name, entries in groupby(listed, key=lambda entry: entry.category)
        ),
    )


def resource_of(key: str) -> str:
    """Return what stands before the last colon of a key."""
    return key.rpartition(":")[0]


def thing_named(name: str) -> str:
    """Return what a permission's name is about: “Client Invoices” of “Create and Edit Client Invoices”."""
    return name.removeprefix("Create and ").partition(" ")[2] or name


def _category(name: str, cells: list[Cell]) -> Category:
    by_resource: dict[str, list[Cell]] = {}
    for cell in cells:
        by_resource.setdefault(resource_of(cell.key), []).append(cell)
    rows = tuple(
        Row(resource, _label(resource, row[0]) if resource else name, tuple(row))
        for resource, row in by_resource.items()
    )
    return Category(name, rows, _columns(rows))


def _label(resource: str, cell: Cell) -> str:
    """Return what a row is about: a resource type of an application is called what it is."""
    return resource.rpartition(":")[2] if catalogue.is_application_key(cell.key) else thing_named(cell.name)


def _columns(rows: tuple[Row, ...]) -> tuple[str, ...]:
    """Return the actions that become columns: all, when most cells share theirs with another row, else none."""
    actions = [cell.action for row in rows for cell in row.cells]
    shared = sum(actions.count(action) > 1 for action in actions)
    if len(rows) < 2 or shared < _SHARED_PART * len(actions):
        return ()
    return tuple(dict.fromkeys(actions))
