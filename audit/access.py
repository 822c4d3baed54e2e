"""Who reads the record: platform staff all of it by permission, and nobody changes any of it."""

from __future__ import annotations

from typing import TypeVar

from django.db import models

from audit.models import AccessRecord, ModelChange
from tenancy.actors import Actor, Scope
from tenancy.policies import AccessPolicy, Verb, guard

READ = "audit:read"
M = TypeVar("M", bound=models.Model)


def _policy(model: type[M]) -> AccessPolicy[M]:
    """Return the policy of records: the platform reads every one, an organization its own."""

    def readable(actor: Actor, verb: Verb) -> models.QuerySet[M]:
        rows = model._default_manager.all()
        return rows if actor.scope is Scope.PLATFORM else rows.filter(organization_id=actor.organization_id)

    return guard(AccessPolicy(model, {Verb.VIEW: READ}, readable))


access_record_policy = _policy(AccessRecord)
model_change_policy = _policy(ModelChange)
