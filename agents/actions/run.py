"""The work of an import: chunk by chunk, each in a transaction of its own, under the rights the uploader has then."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from uuid import UUID

from django.utils import timezone

from agents.access import WRITE_CLIENTS, import_policy, require_may_import
from agents.actions.chunk import ChunkWriter, Row
from agents.actions.ending import end
from agents.imports import Accepted, Grouping, ImportFileError, Plan, Table, open_table, plan_import, read_clients
from agents.models import ImportRun
from audit.recording import record_allowed
from tenancy.actors import SystemActor
from tenancy.context import Origin, acting
from tenancy.errors import AccessDenied
from tenancy.policies import Verb
from tenancy.tasks import acting_as

CHUNK = 500
#: A run that this many workers died of, or gave up, is not handed to another.
MAX_ATTEMPTS = 10
State = ImportRun.State


@dataclass(frozen=True, slots=True)
class Sender:
    """Whose message a worker has: the person it acts for, where, and the request that it came from."""

    user_id: UUID
    organization_id: UUID
    origin: Origin


class Stop(Exception):
    """The run comes to an early end; the message tells the person why."""

    def __init__(self, state: ImportRun.State, problem: str = "") -> None:
        super().__init__(problem)
        self.state = state
        self.problem = problem


class Superseded(Exception):
    """Another worker has taken the run up, or it is over: nothing is left to do here."""


@dataclass(frozen=True)
class RunImport:
    """Import what is left of a run's file for the person who uploaded it (AGT-3).

    Each chunk commits with its progress, its history and its record, under an actor resolved anew: a right lost in
    between stops the run, and what was imported stays. A worker that dies loses its open chunk only, and the next goes
    on behind the last committed one. Two workers never both write: the later to take a run up locks the earlier out.
    """

    run_id: UUID
    sender: Sender
    message: str

    def execute(self) -> None:
        """Return when the run is over, or not this worker's to do."""
        attempt: int | None = None
        try:
            run = self._take_up()
            attempt = run.attempt
            with run.file.open("rb") as stream:
                table = open_table(stream)
                plan = plan_import(table.headings, run.mapping)
                self._import(run, table, plan)
        except Superseded:
            return
        except Stop as stop:
            self._end(attempt, stop.state, stop.problem)
        except AccessDenied as refused:
            self._end(attempt, State.FAILED, f"{refused.denial} The import stopped there.")
        except ImportFileError as error:
            self._end(attempt, State.FAILED, error.message)
        except FileNotFoundError:
            self._end(attempt, State.FAILED, "The uploaded file is gone. Upload it again.")
        else:
            self._end(attempt, State.SUCCEEDED)

    def _take_up(self) -> ImportRun:
        """Return the run, now this worker's.

        Raises Superseded when another worker holds it, unless that one came by the same message: the queue hands a
        message on when its worker died.
        """
        with acting_as(self.sender.user_id, self.sender.organization_id, self.sender.origin) as actor:
            import_policy.require(actor, Verb.ADD)
            mine = import_policy.rows(actor, Verb.ADD).filter(pk=self.run_id, started_by_id=self.sender.user_id)
            run = mine.select_for_update(of=("self",)).first()
            if run is None or not run.is_going_on or (run.is_held() and run.message != self.message):
                raise Superseded
            run.state = State.RUNNING
            run.attempt += 1
            run.message = self.message
            run.heartbeat_at = timezone.now()
            run.started_at = run.started_at or run.heartbeat_at
            run.save(update_fields=["state", "attempt", "message", "heartbeat_at", "started_at"])
            record_allowed(WRITE_CLIENTS, run, operation="run_import", attempt=run.attempt, done_rows=run.done_rows)
        return run

    def _import(self, run: ImportRun, table: Table, plan: Plan) -> None:
        if run.attempt > MAX_ATTEMPTS:
            raise Stop(State.FAILED, "Its workers stopped without a reason that we know. Upload the file again.")
        writer = ChunkWriter(run.pk, plan)
        rows = _grouped(table, plan)
        for row in islice(rows, run.done_rows):
            writer.note(row)
        while chunk := list(islice(rows, CHUNK)):
            self._import_chunk(run.attempt, writer, chunk)

    def _import_chunk(self, attempt: int, writer: ChunkWriter, rows: list[Row]) -> None:
        with acting_as(self.sender.user_id, self.sender.organization_id, self.sender.origin) as actor:
            require_may_import(actor, writer.plan)
            run = _held(import_policy.rows(actor, Verb.ADD), self.run_id, attempt)
            if run.cancel_requested:
                raise Stop(State.CANCELLED)
            written = writer.write(actor, run, rows)
            run.done_rows += len(rows)
            run.created_clients += written.clients
            run.created_contacts += written.contacts
            run.refused_rows += written.refused
            run.heartbeat_at = timezone.now()
            run.save(update_fields=["done_rows", "created_clients", "created_contacts", "refused_rows", "heartbeat_at"])
            record_allowed(
                WRITE_CLIENTS,
                run,
                operation="import_rows",
                rows=[rows[0].outcome.row, rows[-1].outcome.row],
                clients=written.clients,
                contacts=written.contacts,
                refused=written.refused,
            )

    def _end(self, attempt: int | None, state: ImportRun.State, problem: str = "") -> None:
        """End the run as the installation: noting that a person may go no further takes none of their rights."""
        with acting(SystemActor("import", self.sender.organization_id), self.sender.origin):
            own = ImportRun.objects.filter(started_by_id=self.sender.user_id, state__in=ImportRun.GOING_ON)
            try:
                run = _held(own, self.run_id, attempt)
            except Superseded:
                return
            if attempt is None and run.is_held() and run.message != self.message:
                return
            end(run, state, problem)
            record_allowed(WRITE_CLIENTS, run, operation="end_import", state=state.value, done_rows=run.done_rows)


def _held(runs: object, run_id: UUID, attempt: int | None) -> ImportRun:
    """Return the run, locked. Raises Superseded when it is not among `runs` or is at another attempt."""
    found = runs.filter(pk=run_id, state__in=ImportRun.GOING_ON)  # type: ignore[attr-defined]
    if attempt is not None:
        found = found.filter(attempt=attempt)
    run: ImportRun | None = found.select_for_update(of=("self",)).first()
    if run is None:
        raise Superseded
    return run


def _grouped(table: Table, plan: Plan) -> Iterator[Row]:
    grouping = Grouping()
    for outcome in read_clients(table, plan):
        yield Row(outcome, grouping.first_row(outcome) if isinstance(outcome, Accepted) else outcome.row)
