"""What the schedule does: runs that stand still go on, uploads that nobody started go."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.utils import timezone

from agents.access import EXECUTE
from agents.actions.ending import end
from agents.models import ImportRun
from agents.queue import enqueue
from audit.recording import record_allowed
from tenancy.actors import SystemActor
from tenancy.context import Origin, acting

ORIGIN = Origin("schedule", "imports")
State = ImportRun.State


@dataclass(frozen=True)
class RequeueStranded:
    """Send again every run that waits or works and has not been heard of for a while: the queue or its worker died."""

    now: datetime | None = None

    def execute(self) -> int:
        """Return how many were sent."""
        now = self.now or timezone.now()
        with acting(SystemActor("requeue imports"), ORIGIN):
            found = list(ImportRun.objects.stranded(now).values_list("organization_id", "pk"))
        return sum(self._requeue(organization_id, pk, now) for organization_id, pk in found)

    def _requeue(self, organization_id: UUID, pk: UUID, now: datetime) -> bool:
        with acting(SystemActor("requeue imports", organization_id), ORIGIN):
            stranded = ImportRun.objects.stranded(now).select_for_update(skip_locked=True)
            run = stranded.filter(organization_id=organization_id, pk=pk).first()
            if run is None:
                return False
            if run.cancel_requested:
                end(run, State.CANCELLED)
            elif run.started_by_id is None:
                end(run, State.FAILED, "The account of the person who started this import is gone.")
            else:
                run.heartbeat_at = now
                run.state = State.QUEUED
                run.save(update_fields=["heartbeat_at", "state"])
                enqueue(run)
            record_allowed(EXECUTE, run, operation="requeue_import", state=run.state)
            return run.is_going_on


@dataclass(frozen=True)
class DiscardForgotten:
    """Cancel the uploads that nobody started within a day, and delete their files."""

    now: datetime | None = None

    def execute(self) -> int:
        """Return how many were discarded."""
        now = self.now or timezone.now()
        with acting(SystemActor("discard uploads"), ORIGIN):
            found = list(ImportRun.objects.forgotten(now).values_list("organization_id", "pk"))
        for organization_id, pk in found:
            with acting(SystemActor("discard uploads", organization_id), ORIGIN):
                forgotten = ImportRun.objects.forgotten(now).select_for_update(skip_locked=True)
                run = forgotten.filter(organization_id=organization_id, pk=pk).first()
                if run is not None:
                    end(run, State.CANCELLED, "It was not started within a day, and the uploaded file was deleted.")
                    record_allowed(EXECUTE, run, operation="discard_upload")
        return len(found)
