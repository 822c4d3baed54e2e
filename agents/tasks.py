"""What workers do: import, for the person who uploaded the file, and keep imports going."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from celery import shared_task
from django.db import InterfaceError, OperationalError

from agents.actions import DiscardForgotten, RequeueStranded, RunImport, Sender
from tenancy.context import Origin
from tenancy.errors import AccessDenied, Denial, Reason


@shared_task(bind=True, autoretry_for=(OperationalError, InterfaceError), retry_backoff=2, max_retries=5)
def run_import(self: Any, run_id: str) -> None:
    """Import a run's file for its uploader. A database that is away for a moment is waited for."""
    RunImport(UUID(run_id), _sender(self), self.request.id or "").execute()


@shared_task
def requeue_stranded_imports() -> None:
    """Send again the imports that stand still, and discard the uploads that nobody started."""
    RequeueStranded().execute()
    DiscardForgotten().execute()


def _sender(task: Any) -> Sender:
    """Return whose message the task has. Raises AccessDenied for one that names nobody or no organization."""
    sent = task.sender or {}
    if not sent.get("user_id") or not sent.get("organization_id"):
        raise AccessDenied(Denial(Reason.NOT_SIGNED_IN))
    origin = Origin("task", task.name, sent.get("request_id") or "", sent.get("address"))
    return Sender(UUID(sent["user_id"]), UUID(sent["organization_id"]), origin)
