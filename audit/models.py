"""The record: access attempts, and the changes of every model a person can change. Append-only for the application."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from auditlog.models import AbstractLogEntry
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q
from django.utils import timezone

from tenancy import context
from tenancy.ids import first_id_of, new_id


class Decision(models.TextChoices):
    """How an access attempt was decided."""

    ALLOW = "allow", "Allowed"
    DENY = "deny", "Denied"


class AccessRecordQuerySet(models.QuerySet["AccessRecord"]):
    def since(self, moment: datetime) -> AccessRecordQuerySet:
        """Return the records made from that moment on, found by their ids, which are ordered in time."""
        return self.filter(id__gte=first_id_of(moment))


class AccessRecord(models.Model):
    """One access attempt: who, on whose behalf, what, on which object, the decision and why, from where, when (AUD-3).

    People and organizations are kept by id and label, not by foreign key: a record outlives what it tells of.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    at = models.DateTimeField(default=timezone.now, editable=False)
    organization_id = models.UUIDField(null=True)
    actor_id = models.UUIDField(null=True)
    actor_label = models.CharField(max_length=254)
    on_behalf_of_id = models.UUIDField(null=True)
    role = models.CharField(max_length=100, blank=True)
    action = models.CharField(max_length=200, help_text="The permission, or what the route is open to.")
    operation = models.CharField(max_length=200, help_text="The route or verb that asked.")
    resource_type = models.CharField(max_length=100, blank=True)
    resource_id = models.CharField(max_length=100, blank=True)
    decision = models.CharField(max_length=5, choices=Decision.choices)
    reason = models.CharField(max_length=40)
    status = models.PositiveSmallIntegerField(null=True, help_text="The HTTP status answered, where there is one.")
    interface = models.CharField(max_length=20)
    request_id = models.CharField(max_length=128, blank=True)
    address = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=400, blank=True)
    detail = models.JSONField(default=dict, blank=True)

    objects = AccessRecordQuerySet.as_manager()

    class Meta:
        verbose_name = "access attempt"
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["organization_id", "-id"], name="audit_access_org_id"),
            models.Index(fields=["actor_id", "-id"], name="audit_access_actor_id"),
            models.Index(fields=["request_id"], name="audit_access_request_id"),
            models.Index(fields=["resource_id", "-id"], condition=~Q(resource_id=""), name="audit_access_resource_id"),
            models.Index(fields=["-id"], condition=Q(decision=Decision.DENY), name="audit_access_denied"),
        ]

    @property
    def why(self) -> str:
        """The reason in words."""
        return self.reason.replace("-", " ")

    def __str__(self) -> str:
        return f"{self.actor_label} {self.get_decision_display().lower()}: {self.action}"


class ModelChange(AbstractLogEntry):
    """django-auditlog's entry, told by the context who acts: under a session, a token or a task alike (AUD-2)."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organization_id = models.UUIDField(null=True, editable=False)
    on_behalf_of_id = models.UUIDField(null=True, editable=False)
    interface = models.CharField(max_length=20, editable=False)

    class Meta(AbstractLogEntry.Meta):
        abstract = False
        verbose_name = "change"
        verbose_name_plural = "changes"
        indexes = [models.Index(fields=["organization_id", "-timestamp"], name="audit_change_org_time")]

    def save(self, *args: Any, **kwargs: Any) -> None:
        entered = context.current()
        if entered is not None and self._state.adding:
            actor, origin = entered.actor, entered.origin
            self.organization_id = actor.organization_id
            self.on_behalf_of_id = actor.on_behalf_of_id
            self.actor_id = actor.user_id
            self.actor_email = actor.label[:254]
            self.remote_addr = origin.address
            self.cid = origin.request_id
            self.interface = origin.interface
        # Auditlog hands lists of ids on as they are; its field knows JSON's own types only.
        self.changes = json.loads(json.dumps(self.changes, cls=DjangoJSONEncoder))  # type: ignore[has-type]
        super().save(*args, **kwargs)
