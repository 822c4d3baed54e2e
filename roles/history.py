"""Which models django-auditlog keeps the history of, and what of them is left out."""

from auditlog.registry import auditlog

from roles import models


def register() -> None:
    """Register every model of this room that a person can change (AUD-2)."""
    auditlog.register(models.Role, exclude_fields=["version", "updated_at"], m2m_fields={"permissions"})
    auditlog.register(models.RolePermission)
    auditlog.register(models.Membership)
    auditlog.register(models.Application, exclude_fields=["version"])
    auditlog.register(models.ApplicationAction)
    auditlog.register(models.ResourceGrant)
