"""Which column of this file becomes which field: by the file's format, or as the person chose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from agents.imports.errors import FileProblem, ImportFileError
from agents.imports.formats import FORMATS, Field, Format, Origin, detect
from agents.imports.reading import normalised, shown

_FIELDS: Final = tuple(field.value for field in Field)
_SHOWN_HEADINGS: Final = 12


@dataclass(frozen=True, slots=True)
class Column:
    """The place of a field in every row: positions from 0, and the headings over them."""

    positions: tuple[int, ...]
    headings: tuple[str, ...]
    joined: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """How the rows of one file are read."""

    format: Format
    columns: Mapping[Field, Column]
    ignored: tuple[str, ...]

    def chosen(self) -> dict[str, tuple[str, ...]]:
        """Return the headings of each field, for a preview page."""
        return {field.value: column.headings for field, column in self.columns.items()}


def plan_import(headings: Sequence[str], mapping: Mapping[str, str] | None = None) -> Plan:
    """Return the plan for a file with these headings.

    `mapping` (our field: heading of the file) is the person's own choice. Unless it is empty it replaces what the
    format would do; the format still tells where the clients come from, and a field left at the heading that the format
    reads first keeps the format's other headings for it. Raises ImportFileError when the mapping names an unknown field
    or heading, or when nothing would give a client its name.
    """
    known = detect(tuple(headings))
    columns = _columns(known.origins, headings)
    if mapping:
        columns = _columns(_chosen(mapping, columns, known, headings), headings)
    _require_name(known, columns, headings)
    used = {place for column in columns.values() for place in column.positions}
    ignored = tuple(heading for place, heading in enumerate(headings) if heading and place not in used)
    return Plan(known, columns, ignored)


def detected_mapping(headings: Sequence[str]) -> dict[str, str]:
    """Return what the format of these headings maps (our field: its first heading), which may lack the name."""
    columns = _columns(detect(tuple(headings)).origins, headings)
    return {field.value: column.headings[0] for field, column in columns.items()}


def _chosen(
    mapping: Mapping[str, str], detected: Mapping[Field, Column], known: Format, headings: Sequence[str]
) -> dict[Field, Origin]:
    present = {normalised(heading) for heading in headings if heading}
    origins: dict[Field, Origin] = {}
    for name, heading in mapping.items():
        if name not in _FIELDS:
            raise ImportFileError(
                FileProblem.MAPPING, f"There is no field {shown(name)}. Choose one of: {', '.join(_FIELDS)}."
            )
        if normalised(heading) not in present:
            raise ImportFileError(
                FileProblem.MAPPING,
                f"The field “{name}” is to come from {shown(heading)}, but the file has no such heading. "
                f"It has: {_listed(headings)}.",
            )
        field = Field(name)
        kept = field in detected and normalised(detected[field].headings[0]) == normalised(heading)
        origins[field] = known.origins[field] if kept else Origin((heading,))
    return origins


def _columns(origins: Mapping[Field, Origin], headings: Sequence[str]) -> dict[Field, Column]:
    positions = {normalised(heading): place for place, heading in enumerate(headings) if heading}
    return {
        field: column
        for field, origin in origins.items()
        if (column := _column(origin, positions, headings)) is not None
    }


def _column(origin: Origin, positions: Mapping[str, int], headings: Sequence[str]) -> Column | None:
    places = tuple(positions[key] for heading in origin.headings if (key := normalised(heading)) in positions)
    if not places:
        return None
    return Column(places, tuple(headings[place] for place in places), origin.joined)


def _require_name(known: Format, columns: Mapping[Field, Column], headings: Sequence[str]) -> None:
    if Field.NAME in columns:
        return
    person = {Field.CONTACT_FIRST_NAME, Field.CONTACT_LAST_NAME} & columns.keys()
    if known.person_as_client and person:
        return
    expected = "; ".join(f"{shown(form.origins[Field.NAME].headings[0])} ({form.title})" for form in FORMATS)
    raise ImportFileError(
        FileProblem.MISSING_COLUMN,
        f"No column holds the name of the client. Expected is {expected}. The file has: {_listed(headings)}. "
        "Rename the heading, or choose the column for the name yourself.",
    )


def _listed(headings: Sequence[str]) -> str:
    named = [shown(heading) for heading in headings if heading]
    more = len(named) - _SHOWN_HEADINGS
    return ", ".join(named[:_SHOWN_HEADINGS]) + (f" and {more} more" if more > 0 else "")
