"""Uploading a file of clients, starting its import, and stopping it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from django.core.files.uploadedfile import UploadedFile
from django.utils import timezone

from agents.access import EXECUTE, WRITE_CLIENTS, import_policy, require_may_import, require_uploader
from agents.actions.ending import end
from agents.imports import open_table, plan_import
from agents.models import ImportRun
from agents.queue import enqueue
from audit.recording import record_allowed
from tenancy.actors import Actor
from tenancy.context import undo_on_rollback
from tenancy.errors import ActionRefused
from tenancy.policies import Verb

State = ImportRun.State


@dataclass(frozen=True)
class UploadImport:
    """Keep a file of clients to be looked over and then imported.

    `mapping` (our field: heading of the file) replaces what the file's format tells. Raises ImportFileError for a file
    that cannot be imported, of which nothing is kept.
    """

    actor: Actor
    upload: UploadedFile
    mapping: Mapping[str, str] | None = None

    def check(self) -> None:
        import_policy.require(self.actor, Verb.ADD)

    def execute(self) -> ImportRun:
        """Return the run, not started yet."""
        self.check()
        table = open_table(self.upload)  # type: ignore[arg-type]
        mapping = dict(self.mapping or {})
        plan = plan_import(table.headings, mapping)
        require_may_import(self.actor, plan)
        run = ImportRun(
            organization_id=self.actor.organization_id,
            started_by_id=self.actor.user_id,
            filename=shown_name(self.upload.name or ""),
            source_format=plan.format.source.value,
            mapping=mapping,
            total_rows=table.rows,
        )
        self.upload.seek(0)
        run.file.save(run.filename, self.upload, save=False)
        undo_on_rollback(partial(run.file.storage.delete, run.file.name))
        run.save(force_insert=True)
        record_allowed(EXECUTE, run, operation="upload_import", rows=table.rows, format=run.source_format)
        return run


@dataclass(frozen=True)
class StartImport:
    """Hand an uploaded file to a worker, which imports it for the actor with the rights they have then.

    `mapping` (our field: heading of the file) replaces the one the upload came with; None leaves that. Raises
    ImportFileError for a mapping that does not fit the file, ActionRefused for a run that was started before.
    """

    actor: Actor
    pk: UUID | str
    mapping: Mapping[str, str] | None = None

    def check(self, run: ImportRun) -> None:
        import_policy.require(self.actor, Verb.ADD)
        require_uploader(self.actor, run)
        if run.state != State.DRAFT:
            raise ActionRefused("This import was started before.")

    def execute(self) -> ImportRun:
        """Return the run, queued."""
        run = import_policy.get(self.actor, self.pk, Verb.ADD, lock=True)
        self.check(run)
        mapping = run.mapping if self.mapping is None else dict(self.mapping)
        with run.file.open("rb") as stream:
            plan = plan_import(open_table(stream).headings, mapping)
        require_may_import(self.actor, plan)
        run.mapping = mapping
        run.state = State.QUEUED
        run.heartbeat_at = timezone.now()
        run.save(update_fields=["mapping", "state", "heartbeat_at"])
        record_allowed(WRITE_CLIENTS, run, operation="start_import", mapping=mapping)
        enqueue(run)
        return run


@dataclass(frozen=True)
class CancelImport:
    """Stop an import: at once when no worker has it, else before its next rows. What was imported stays."""

    actor: Actor
    pk: UUID | str

    def check(self, run: ImportRun) -> None:
        import_policy.require(self.actor, Verb.CHANGE)
        if run.is_over:
            raise ActionRefused("This import is over, so there is nothing to stop.")

    def execute(self) -> ImportRun:
        """Return the run: cancelled, or about to be."""
        run = import_policy.get(self.actor, self.pk, Verb.CHANGE, lock=True)
        self.check(run)
        if run.is_held():
            run.cancel_requested = True
            run.save(update_fields=["cancel_requested"])
        else:
            end(run, State.CANCELLED)
        record_allowed(EXECUTE, run, operation="cancel_import")
        return run


def shown_name(filename: str) -> str:
    """Return the name of an upload as it may be shown: printable, in one line, with its end when it is long."""
    printable = "".join(sign for sign in filename if sign.isprintable()).strip()
    return printable[-200:] or "clients.csv"
