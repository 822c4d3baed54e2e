"""The actor travels with a Celery message, and the role is looked up afresh when the task runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from celery import Task
from django.conf import settings
from django.utils.module_loading import import_string

from tenancy import context
from tenancy.actors import Actor, Stranger
from tenancy.context import Origin, acting
from tenancy.errors import AccessDenied, Denial, Reason

HEADER = "acting"


class ActingTask(Task):  # type: ignore[misc]
    """A task that carries who sent it, on whose behalf, and from which request."""

    def apply_async(self, args: Any = None, kwargs: Any = None, **options: Any) -> Any:
        entered = context.current()
        if entered is not None and entered.actor.user_id is not None:
            headers = dict(options.pop("headers", None) or {})
            headers.setdefault(
                HEADER,
                {
                    "user_id": str(entered.actor.user_id),
                    "organization_id": _text(entered.actor.organization_id),
                    "request_id": entered.origin.request_id,
                    "address": entered.origin.address,
                },
            )
            options["headers"] = headers
        return super().apply_async(args, kwargs, **options)

    @property
    def sender(self) -> dict[str, Any] | None:
        """Who sent the running message, as its header tells; None for a message that nobody's request sent."""
        return getattr(self.request, HEADER, None) or (self.request.headers or {}).get(HEADER)


@contextmanager
def acting_as_sender(task: ActingTask) -> Iterator[Actor]:
    """Act as the person who sent the running task, with the role they have now.

    Raises AccessDenied when they may no longer act there, or when nobody sent it.
    """
    sender = task.sender
    if sender is None:
        raise AccessDenied(Denial(Reason.NOT_SIGNED_IN))
    origin = Origin("task", task.name or "", sender.get("request_id") or "", sender.get("address"))
    with acting_as(UUID(sender["user_id"]), _uuid(sender["organization_id"]), origin) as actor:
        yield actor


@contextmanager
def acting_as(user_id: UUID, organization_id: UUID | None, origin: Origin) -> Iterator[Actor]:
    """Act as a user with the role they have now. Raises AccessDenied, recorded, when they may not act there."""
    resolve: Callable[..., Actor | Denial] = import_string(settings.TENANCY_ACTOR_BY_ID)
    actor = resolve(user_id, organization_id=organization_id)
    if isinstance(actor, Denial):
        for record in context.after_denial:
            record(context.Acting(Stranger(user_id, f"user {user_id}"), origin), actor)
        raise AccessDenied(actor)
    with acting(actor, origin):
        yield actor


def _text(value: UUID | None) -> str | None:
    return None if value is None else str(value)


def _uuid(value: str | None) -> UUID | None:
    return None if value is None else UUID(value)
