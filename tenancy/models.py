"""What the API remembers so that a repeated request does its work once."""

from __future__ import annotations

from django.db import models

from tenancy.ids import new_id


class IdempotentAnswer(models.Model):
    """The answer to a creation that its sender marked with an Idempotency-Key, kept with what it created.

    It belongs to one person in one organization (none: on the platform), and nobody else ever reads it.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organization_id = models.UUIDField(null=True)
    user_id = models.UUIDField()
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField()
    headers = models.JSONField(default=dict)
    body = models.JSONField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization_id", "user_id", "key"], name="tenancy_answer_once", nulls_distinct=False
            )
        ]
        indexes = [models.Index(fields=["user_id", "created_at"], name="tenancy_answer_by_age")]

    def __str__(self) -> str:
        return self.key
