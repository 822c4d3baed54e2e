"""Which models django-auditlog keeps the history of, and what is left out: secrets, and what follows by itself."""

from auditlog.registry import auditlog

from accounts import models


def register() -> None:
    """Register every model of this room that a person can change (AUD-2)."""
    auditlog.register(models.User, exclude_fields=["password", "last_login"])
    auditlog.register(models.Organization, exclude_fields=["updated_at"])
    auditlog.register(models.Branding)
    auditlog.register(models.CustomDomain, exclude_fields=["verification_token"])
    auditlog.register(models.Invitation, exclude_fields=["token_digest"])
    auditlog.register(models.ApiToken, exclude_fields=["credential", "last_used_at"])
