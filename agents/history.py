"""Which models django-auditlog keeps the history of, and what of them is left out."""

from auditlog.registry import auditlog

from agents import models

PROGRESS = ["attempt", "created_clients", "created_contacts", "done_rows", "heartbeat_at", "message", "refused_rows"]


def register() -> None:
    """Register every model of this room that a person can change (AUD-2)."""
    auditlog.register(models.ImportRun, exclude_fields=PROGRESS)
