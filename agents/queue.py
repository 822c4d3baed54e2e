"""Handing a run to a worker, once the work that asks for it is committed."""

from __future__ import annotations

import logging
from functools import partial

from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

from agents.models import ImportRun
from tenancy import context
from tenancy.tasks import HEADER

TASK = "agents.tasks.run_import"
logger = logging.getLogger(__name__)


def enqueue(run: ImportRun) -> None:
    """Send the run to a worker when this transaction commits, to act for the person who uploaded the file.

    When the queue is out of reach the run stays queued, and the schedule sends it again later.
    """
    entered = context.current()
    sender = {
        "user_id": str(run.started_by_id),
        "organization_id": str(run.organization_id),
        "request_id": entered.origin.request_id if entered else "",
        "address": entered.origin.address if entered else None,
    }
    transaction.on_commit(partial(_send, str(run.pk), sender))


def _send(run_id: str, sender: dict[str, str | None]) -> None:
    try:
        current_app.send_task(TASK, args=[run_id], headers={HEADER: sender})
    except OperationalError as error:
        logger.warning(
            "The queue is out of reach: an import waits for the schedule.", extra={"run": run_id}, exc_info=error
        )
