"""Granting people resources of an application one by one, many to many, and taking them back."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from itertools import product
from typing import Any, NamedTuple
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from audit.history import record_bulk_created, record_bulk_deleted
from audit.recording import record_allowed
from roles import access
from roles.applications import resource_id_problem
from roles.locking import still
from roles.models import ActionReach, Application, ApplicationAction, Membership, ResourceGrant
from tenancy.actors import Actor
from tenancy.errors import Denial, NotVisible, Reason

MOST_AT_ONCE = 1000
MOST_GRANTS = 20_000


class Granted(NamedTuple):
    """How many grants a bulk grant made, and how many of them there were already."""

    new: int
    unchanged: int


@dataclass(frozen=True)
class GrantResources:
    """Grant each of these resources of one type, by the ids that the application knows them by, to each of the people.

    What they may do to it follows from their role. Raises NotVisible for an application or a person that is not here,
    AccessDenied, ValidationError by field, also for a type of which no action has the reach “assigned”.
    """

    actor: Actor
    application_id: Any
    resource_type: str
    resource_ids: Collection[str]
    user_ids: Collection[UUID]

    def execute(self) -> Granted:
        """Return how many grants were made and how many were there."""
        access.require_for_everybody(self.actor, access.GRANT_RESOURCES)
        access.require_may_grant_to(self.actor, self.user_ids)
        application = _locked(self.actor, self.application_id)
        access.require_for_everybody(still(self.actor), access.GRANT_RESOURCES)
        ids, people = _resources(self.resource_ids), _people(self.actor, self.user_ids)
        _require_type(application, self.resource_type)
        if len(ids) * len(people) > MOST_GRANTS:
            raise ValidationError(
                f"This would be {len(ids) * len(people):,} grants; do at most {MOST_GRANTS:,} at once."
            )
        rows = _grants(application, self.resource_type, ids, people)
        held = set(rows.values_list("resource_id", "user_id"))
        new = [
            ResourceGrant(
                organization_id=application.organization_id,
                application=application,
                resource_type=self.resource_type,
                resource_id=resource_id,
                user_id=user_id,
            )
            for resource_id, user_id in product(ids, people)
            if (resource_id, user_id) not in held
        ]
        record_bulk_created(ResourceGrant.objects.bulk_create(new, batch_size=1000))
        _record(self, "grant_resources", application)
        return Granted(len(new), len(held))


@dataclass(frozen=True)
class RevokeResources:
    """Take each of these resources of one type from each of the people, whatever the actions on it reach by now.

    Raises NotVisible for an application or a person that is not here, AccessDenied, ValidationError by field.
    """

    actor: Actor
    application_id: Any
    resource_type: str
    resource_ids: Collection[str]
    user_ids: Collection[UUID]

    def execute(self) -> int:
        """Return how many grants ended."""
        access.require_for_everybody(self.actor, access.GRANT_RESOURCES)
        application = _locked(self.actor, self.application_id)
        access.require_for_everybody(still(self.actor), access.GRANT_RESOURCES)
        ids, people = _resources(self.resource_ids), _people(self.actor, self.user_ids)
        held = list(_grants(application, self.resource_type, ids, people))
        record_bulk_deleted(held)
        _record(self, "revoke_resources", application)
        return len(held)


def visible_application(actor: Actor, pk: Any) -> Application:
    """Return the application. Whoever grants what is in it need not be one who may look at it. Raises NotVisible."""
    return _first(Application.objects.visible_to(actor), pk)


def _locked(actor: Actor, pk: Any) -> Application:
    """Return the application, whose actions do not change meanwhile."""
    return _first(Application.objects.visible_to(actor).select_for_update(of=("self",), no_key=True), pk)


def _first(rows: QuerySet[Application], pk: Any) -> Application:
    found = rows.filter(pk=pk).first()
    if found is None:
        raise NotVisible(Denial(Reason.OUT_OF_REACH, access.GRANT_RESOURCES, "roles.application", str(pk)[:100]))
    return found


def _require_type(application: Application, resource_type: str) -> None:
    """Raise ValidationError unless a grant on a resource of the type permits something."""
    actions = ApplicationAction.objects.filter(application=application)
    reaches = set(actions.values_list("resource_type", "reach"))
    types = sorted({known for known, _ in reaches})
    if resource_type not in types:
        told = f"“{application}” has no resources of this type. "
        told += f"Known are: {', '.join(types)}." if types else "It has none yet."
    elif (resource_type, ActionReach.ASSIGNED) not in reaches:
        told = f"No action on “{resource_type}” asks for a grant: it would permit nothing. "
        told += f"First let one of its actions reach “{ActionReach.ASSIGNED}”."
    else:
        return
    raise ValidationError({"resource_type": told})


def _resources(sent: Collection[str]) -> tuple[str, ...]:
    """Return the ids, each once, as they were sent: they are compared as they are written."""
    ids = tuple(dict.fromkeys(sent))
    problem = next(filter(None, map(resource_id_problem, ids)), "")
    if not 1 <= len(ids) <= MOST_AT_ONCE:
        problem = f"Name 1 to {MOST_AT_ONCE:,} resources."
    if problem:
        raise ValidationError({"resource_ids": problem})
    return ids


def _people(actor: Actor, sent: Collection[UUID]) -> tuple[UUID, ...]:
    ids = tuple(dict.fromkeys(sent))
    if not 1 <= len(ids) <= MOST_AT_ONCE:
        raise ValidationError({"users": f"Name 1 to {MOST_AT_ONCE:,} people."})
    # Nobody leaves meanwhile: what is granted hangs on the membership.
    members = Membership.objects.visible_to(actor).filter(user_id__in=ids).order_by("pk")
    here = members.select_for_update(of=("self",), no_key=True).values_list("user_id", flat=True)
    for missing in sorted(set(ids) - set(here)):
        raise NotVisible(Denial(Reason.OUT_OF_REACH, access.GRANT_RESOURCES, "roles.membership", str(missing)))
    return ids


def _grants(
    application: Application, resource_type: str, ids: Collection[str], people: Collection[UUID]
) -> QuerySet[ResourceGrant]:
    rows = ResourceGrant.objects.filter(application=application, resource_type=resource_type)
    return rows.filter(resource_id__in=ids, user_id__in=people)


def _record(verb: GrantResources | RevokeResources, operation: str, application: Application) -> None:
    record_allowed(
        access.GRANT_RESOURCES,
        application,
        operation=operation,
        resource_type=verb.resource_type,
        resources=list(verb.resource_ids),
        people=[str(one) for one in verb.user_ids],
    )
