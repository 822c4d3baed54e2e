"""Importing in tests: a file from rows, an upload, a run worked through in this process."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.models.signals import post_save

from accounts.models import Organization
from agents.actions import RunImport, Sender, StartImport, UploadImport
from agents.models import ImportRun
from clients.models import Client
from roles.actors import resolve
from tenancy.actors import SystemActor
from tenancy.context import Origin, acting
from tests.factories import inside

FILES = Path(__file__).parent / "files"
HUBSPOT = ("Record ID", "Company name", "City")
GOOGLE = ("First Name", "Last Name", "Organization Name", "E-mail 1 - Value")


def csv_bytes(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> bytes:
    """Return a CSV file."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([headings, *rows])
    return text.getvalue().encode()


def companies(number: int, first: int = 1) -> bytes:
    """Return a HubSpot export of that many companies."""
    return csv_bytes(HUBSPOT, [(str(i), f"Company {i}", "Lyon") for i in range(first, first + number)])


def people(number: int) -> bytes:
    """Return a Google export of that many people, each of an organization of their own."""
    return csv_bytes(GOOGLE, [(f"Ada {i}", "Byron", f"Company {i}", f"ada{i}@people.example") for i in range(number)])


def uploaded(content: bytes | str, name: str = "clients.csv") -> SimpleUploadedFile:
    """Return an upload of these bytes, or of one of the example files."""
    if isinstance(content, str):
        name, content = content, (FILES / content).read_bytes()
    return SimpleUploadedFile(name, content, "text/csv")


def started(actor: Any, content: bytes | str, mapping: dict[str, str] | None = None) -> ImportRun:
    """Return a run that the actor uploaded and started, waiting for a worker."""
    with acting(actor):
        run = UploadImport(actor, uploaded(content)).execute()
        return StartImport(actor, run.pk, mapping).execute()


def work(run: ImportRun, message: str = "message-1") -> ImportRun:
    """Work a run through as a worker would, and return it as it is then."""
    sender = Sender(run.started_by_id, run.organization_id, Origin("task", "agents.tasks.run_import", "request-1"))
    RunImport(run.pk, sender, message).execute()
    return fresh(run)


def imported(actor: Any, content: bytes | str, mapping: dict[str, str] | None = None) -> ImportRun:
    """Return a run that the actor uploaded and started, worked through."""
    return work(started(actor, content, mapping))


@contextmanager
def at_every_chunk(happens: Callable[[ImportRun], None]) -> Iterator[None]:
    """Let something happen each time a worker is about to commit rows: within its transaction, as the last thing."""

    def told(sender: Any, instance: ImportRun, update_fields: frozenset[str] | None, **signal: Any) -> None:
        if update_fields and "done_rows" in update_fields:
            happens(instance)

    post_save.connect(told, sender=ImportRun)
    try:
        yield
    finally:
        post_save.disconnect(told, sender=ImportRun)


def fresh(run: ImportRun) -> ImportRun:
    """Return the run as the database has it."""
    with acting(SystemActor("test", run.organization_id)):
        return ImportRun.objects.get(pk=run.pk)


def clients_of(organization: Organization) -> list[Client]:
    """Return the imported clients of an organization, by name."""
    with inside(organization):
        found = Client.objects.filter(organization=organization).exclude(source="")
        return list(found.order_by("name", "external_id").prefetch_related("contacts"))


def actor_of(user: Any, organization: Organization) -> Any:
    """Return the actor that the user is there now."""
    return resolve(user.pk, organization_id=organization.pk)


def refused_text(run: ImportRun) -> str:
    """Return the file of refused rows."""
    with run.refused_file.open("rb") as file:
        return file.read().decode("utf-8-sig")
