"""The versions that caches go by, and the changes that moved them."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models


class PolicyVersion(models.Model):
    """Counts the changes that decisions of one organization (or, without one, of everybody) depend on.

    Database triggers bump it, so that a bulk update or raw SQL cannot leave a stale cache. `forgotten` is the newest
    change that is not kept any more.
    """

    organization = models.OneToOneField(
        settings.TENANCY_ORGANIZATION_MODEL, null=True, on_delete=models.CASCADE, related_name="policy_version"
    )
    version = models.BigIntegerField(default=1)
    forgotten = models.BigIntegerField(default=0, db_default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization"], name="roles_policyversion_one", nulls_distinct=False)
        ]

    def __str__(self) -> str:
        return f"{self.organization_id}: {self.version}"


class PolicyChange(models.Model):
    """One change that moved the policy version of an organization (or, without one, of everybody).

    `kind` is what changed: role, rolepermission, membership, user, secondfactor, organization, clientgrant, client,
    apitoken, application, resourcegrant. `subjects` are the roles, people, clients or applications concerned; None: so
    many that all may be. Written by the triggers that count the versions.
    """

    version = models.BigIntegerField(primary_key=True)
    organization_id = models.UUIDField(null=True)
    kind = models.CharField(max_length=30)
    subjects = ArrayField(models.UUIDField(), null=True)
    at = models.DateTimeField()

    class Meta:
        ordering = ["version"]
        indexes = [models.Index(fields=["organization_id", "version"], name="roles_policychange_feed")]

    def __str__(self) -> str:
        return f"{self.version}: {self.kind}"
