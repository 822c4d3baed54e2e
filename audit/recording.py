"""Writing access attempts: allowed ones with the work they describe, denied ones on their own."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import models, transaction
from django.http import HttpRequest

from audit.models import AccessRecord, Decision
from tenancy import context
from tenancy.actors import Actor
from tenancy.context import Acting, Origin
from tenancy.errors import Denial, Reason
from tenancy.routes import Access, Requirement


def record_allowed(action: str, resource: models.Model | None = None, *, operation: str = "", **detail: Any) -> None:
    """Note that the current actor was allowed `action` on `resource`; it is written as the context is left.

    Raises RuntimeError outside an acting context: work without an actor cannot be recorded, so it may not happen.
    """
    entered = context.current()
    if entered is None:
        raise RuntimeError("There is no acting context: enter tenancy.context.acting(actor) first.")
    entered.pending.append(
        _record(
            entered.actor,
            entered.origin,
            action=action,
            operation=operation or entered.origin.operation,
            resource_type=resource._meta.label_lower if resource is not None else "",
            resource_id=str(resource.pk) if resource is not None else "",
            decision=Decision.ALLOW,
            reason=Reason.GRANTED,
            detail=detail,
        )
    )


def record_request(request: HttpRequest, requirement: Requirement | None, status: int) -> None:
    """Note a request that its actor was allowed to make, unless an action has already told of it more exactly."""
    entered = context.current()
    if entered is None:
        raise RuntimeError("There is no acting context: a request is recorded within it.")
    if entered.pending:
        for record in entered.pending:
            record.status = status
        return
    match = request.resolver_match
    named = match.kwargs if match else {}
    target = named.get("pk") or named.get("object_id", "")
    member = requirement is not None and requirement.access is Access.MEMBER
    entered.pending.append(
        _record(
            entered.actor,
            entered.origin,
            action=" + ".join(requirement.keys) if requirement and requirement.keys else "membership",
            operation=f"{request.method} {entered.origin.operation}",
            resource_type=_resource_type(request) if target else "",
            resource_id=str(target),
            decision=Decision.ALLOW,
            reason=Reason.PUBLIC if member else Reason.GRANTED,
            status=status,
        )
    )


def _resource_type(request: HttpRequest) -> str:
    match = request.resolver_match
    view: Any = match.func if match else None
    owner = getattr(view, "cls", None) or getattr(view, "view_class", None)
    model = getattr(getattr(owner, "queryset", None), "model", None) or getattr(owner, "model", None)
    return model._meta.label_lower if model is not None else ""


def write_pending(entered: Acting) -> None:
    """Write what was noted in this context, within its transaction, in one statement."""
    if entered.pending:
        AccessRecord.objects.bulk_create(entered.pending)


def record_denial(entered: Acting, denial: Denial) -> None:
    """Write a denied attempt in a transaction of its own: it stays although the request's work is rolled back."""
    with transaction.atomic():
        context.tell_database(entered.actor if entered.actor.role_name else None)
        AccessRecord.objects.bulk_create(
            [
                _record(
                    entered.actor,
                    entered.origin,
                    action=denial.key,
                    operation=entered.origin.operation,
                    resource_type=denial.resource_type,
                    resource_id=denial.resource_id,
                    decision=Decision.DENY,
                    reason=denial.reason,
                )
            ]
        )
        outer = context.current()
        context.tell_database(outer.actor if outer else None)


def _record(
    actor: Actor, origin: Origin, *, action: str, operation: str, detail: dict[str, Any] | None = None, **fields: Any
) -> AccessRecord:
    organization: UUID | None = actor.organization_id
    return AccessRecord(
        organization_id=organization,
        actor_id=actor.user_id,
        actor_label=actor.label[:254],
        on_behalf_of_id=actor.on_behalf_of_id,
        role=actor.role_name,
        action=action[:200],
        operation=operation[:200],
        interface=origin.interface,
        request_id=origin.request_id,
        address=origin.address,
        user_agent=origin.user_agent,
        detail=detail or {},
        **fields,
    )
