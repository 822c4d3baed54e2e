"""What an upload would become: its columns as they are mapped, and its first rows as they are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice

from agents.imports import Accepted, Field, Plan, Refused, RowError, open_table, plan_import, read_clients
from agents.models import ImportRun

ROWS = 5


@dataclass(frozen=True, slots=True)
class PreviewRow:
    """A row by the fields that are mapped: as it would be imported, or as written with its problems."""

    row: int
    cells: tuple[str, ...]
    errors: tuple[RowError, ...] = ()


@dataclass(frozen=True, slots=True)
class Preview:
    """The beginning of a file, read by a plan."""

    headings: tuple[str, ...]
    plan: Plan
    fields: tuple[Field, ...]
    rows: tuple[PreviewRow, ...]


def preview(run: ImportRun, mapping: Mapping[str, str] | None = None) -> Preview:
    """Return the first rows of a run's file, read by `mapping` or by the run's own.

    Raises ImportFileError for a mapping that does not fit.
    """
    with run.file.open("rb") as stream:
        table = open_table(stream)
        plan = plan_import(table.headings, run.mapping if mapping is None else mapping)
        fields = tuple(field for field in Field if field in plan.columns)
        rows = tuple(_row(outcome, plan, fields) for outcome in islice(read_clients(table, plan), ROWS))
        return Preview(table.headings, plan, fields, rows)


def _row(outcome: Accepted | Refused, plan: Plan, fields: tuple[Field, ...]) -> PreviewRow:
    if isinstance(outcome, Accepted):
        return PreviewRow(outcome.row, tuple(_shown(outcome, field) for field in fields))
    places = [plan.columns[field].positions for field in fields]
    written = (" ".join(outcome.cells[place] for place in p if place < len(outcome.cells)).strip() for p in places)
    return PreviewRow(outcome.row, tuple(written), outcome.errors)


def _shown(accepted: Accepted, field: Field) -> str:
    client = accepted.client
    if field.startswith("contact_"):
        return getattr(client.contact, field.removeprefix("contact_")) if client.contact else ""
    value = getattr(client, field.value)
    return "" if value is None else str(value)
