"""Which models django-auditlog keeps the history of, and what of them is left out."""

from auditlog.registry import auditlog

from clients import models

DERIVED = ["version", "updated_at"]


def register() -> None:
    """Register every model of this room that a person can change (AUD-2)."""
    auditlog.register(models.Client, exclude_fields=DERIVED)
    for workspace in models.WORKSPACE_MODELS:
        auditlog.register(workspace, exclude_fields=DERIVED)
    auditlog.register(models.ClientGrant)
