"""The seven kinds of things in a client's workspace, as the pages show them. A new kind is one entry here."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.db import models

from clients.access import workspace_policies
from clients.models import Campaign, Connection, Contact, Document, Invoice, Note, Task, WorkspaceItem
from tenancy.policies import AccessPolicy, Verb


class Show(StrEnum):
    """How a value is shown."""

    TEXT = "text"
    LONG = "long"
    CHIP = "chip"
    DATE = "date"
    TIME = "time"
    NUMBER = "number"
    SIZE = "size"
    EMAIL = "email"
    PHONE = "phone"
    YES = "yes"


@dataclass(frozen=True, slots=True)
class Column:
    """One value of an item, in a table or among the facts of its page."""

    label: str
    field: str
    show: Show = Show.TEXT

    @property
    def align(self) -> str:
        return "end" if self.show in {Show.NUMBER, Show.SIZE} else ""


@dataclass(frozen=True, slots=True)
class Cell:
    """A value ready to be shown."""

    label: str
    value: Any
    show: Show
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """An item in a table: its name, and the values of the kind's columns."""

    item: WorkspaceItem
    cells: tuple[Cell, ...]

    @property
    def edit_label(self) -> str:
        return f"Edit {self.item}"

    @property
    def delete_label(self) -> str:
        return f"Delete {self.item}"


@dataclass(frozen=True)
class Kind:
    """How one model of the workspace appears: `slug` in addresses, `fields` in its form, `columns` in its table.

    `order` names the order of its filter that the table has unless told otherwise; `unbroken` names stay on one line.
    """

    slug: str
    model: type[WorkspaceItem]
    one: str
    many: str
    icon: str
    fields: tuple[str, ...]
    columns: tuple[Column, ...]
    details: tuple[Column, ...] = ()
    related: tuple[str, ...] = ()
    purpose: str = ""
    order: str = ""
    unbroken: bool = False

    @property
    def many_lower(self) -> str:
        return self.many.lower()

    @property
    def add_label(self) -> str:
        return f"Add {self.one}"

    @property
    def empty_title(self) -> str:
        return f"No {self.many_lower} yet"

    @property
    def policy(self) -> AccessPolicy[Any]:
        return workspace_policies[self.model]

    def key(self, verb: Verb) -> str:
        """Return the permission that the verb needs on this kind."""
        return self.policy.keys[verb]

    def row(self, item: WorkspaceItem) -> Row:
        """Return the item as a row of its table."""
        return Row(item, tuple(cell(item, column) for column in self.columns))

    def facts(self, item: WorkspaceItem) -> list[Cell]:
        """Return every value of the item that is filled in."""
        shown = [cell(item, column) for column in (*self.columns, *self.details)]
        return [fact for fact in shown if fact.value not in ("", None, False)]


TONES = {
    "active": "success",
    "completed": "success",
    "done": "success",
    "paid": "success",
    "connected": "success",
    "lead": "info",
    "sent": "info",
    "in_progress": "info",
    "paused": "warning",
    "high": "warning",
    "expired": "warning",
    "overdue": "danger",
    "error": "danger",
    "urgent": "danger",
    "revoked": "danger",
}


def cell(item: models.Model, column: Column) -> Cell:
    """Return the value of a column for an item, in words where the model has words for it."""
    stored: Any = item
    for name in column.field.split("."):
        stored = getattr(stored, name, None)
    words = getattr(item, f"get_{column.field}_display", None)
    if column.show is Show.NUMBER and hasattr(item, "currency"):
        return Cell(column.label, f"{stored:,.2f} {item.currency}", column.show)
    tone = TONES.get(stored, "") if column.show is Show.CHIP else ""
    return Cell(column.label, words() if words else stored, column.show, tone)


KINDS = (
    Kind(
        "contacts",
        Contact,
        "contact",
        "Contacts",
        "users",
        ("first_name", "last_name", "email", "phone", "title", "is_primary"),
        (
            Column("Title", "title"),
            Column("E-mail", "email", Show.EMAIL),
            Column("Phone", "phone", Show.PHONE),
            Column("Primary", "is_primary", Show.YES),
        ),
        purpose="The people you talk to at this client.",
    ),
    Kind(
        "campaigns",
        Campaign,
        "campaign",
        "Campaigns",
        "megaphone",
        ("name", "channel", "status", "budget", "currency", "starts_on", "ends_on"),
        (
            Column("Channel", "channel"),
            Column("Status", "status", Show.CHIP),
            Column("Starts", "starts_on", Show.DATE),
            Column("Ends", "ends_on", Show.DATE),
            Column("Budget", "budget", Show.NUMBER),
        ),
        purpose="What runs for this client, where and for how much.",
    ),
    Kind(
        "documents",
        Document,
        "document",
        "Documents",
        "file-text",
        ("title", "file"),
        (
            Column("File", "filename"),
            Column("Added", "created_at", Show.TIME),
            Column("Size", "size", Show.SIZE),
        ),
        purpose="Contracts, briefs and plans of this client.",
    ),
    Kind(
        "tasks",
        Task,
        "task",
        "Tasks",
        "clipboard-list",
        ("title", "description", "status", "priority", "due_on", "assignee"),
        (
            Column("Status", "status", Show.CHIP),
            Column("Priority", "priority", Show.CHIP),
            Column("Due", "due_on", Show.DATE),
            Column("For", "assignee.user"),
        ),
        (Column("Description", "description", Show.LONG),),
        ("assignee__user",),
        purpose="What there is to do, by when and by whom.",
        order="pressing",
    ),
    Kind(
        "notes",
        Note,
        "note",
        "Notes",
        "sticky-note",
        ("body", "pinned"),
        (Column("Pinned", "pinned", Show.YES), Column("Written", "created_at", Show.TIME)),
        (Column("Note", "body", Show.LONG),),
        purpose="What is worth remembering about this client.",
    ),
    Kind(
        "invoices",
        Invoice,
        "invoice",
        "Invoices",
        "receipt",
        ("number", "status", "amount", "currency", "issued_on", "due_on", "paid_on"),
        (
            Column("Status", "status", Show.CHIP),
            Column("Issued", "issued_on", Show.DATE),
            Column("Due", "due_on", Show.DATE),
            Column("Paid", "paid_on", Show.DATE),
            Column("Amount", "amount", Show.NUMBER),
        ),
        purpose="What this client was billed, and what is still open.",
        order="-issued_on",
        unbroken=True,
    ),
    Kind(
        "connections",
        Connection,
        "connected account",
        "Connected accounts",
        "plug",
        ("provider", "account_name", "external_account_id", "status"),
        (
            Column("Account id", "external_account_id"),
            Column("Status", "status", Show.CHIP),
            Column("Last synchronized", "last_synced_at", Show.TIME),
        ),
        purpose="This client's accounts in outside services.",
    ),
)
KIND_BY_SLUG = {kind.slug: kind for kind in KINDS}
