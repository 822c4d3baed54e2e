"""The history that django-auditlog's signals do not tell (of objects written in bulk), or tell at a price (AUD-2)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from auditlog.context import disable_auditlog
from auditlog.diff import model_instance_diff
from auditlog.registry import auditlog
from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.db import models

from audit.models import ModelChange
from tenancy import context

BATCH = 1000
_PRIMITIVES = (bool, int, float, str, list, dict)


def record_bulk_created(objects: Sequence[models.Model]) -> None:
    """Write what django-auditlog would have of each object, as created by the current actor, in few statements.

    Call it right after `bulk_create`, in its transaction. Raises RuntimeError outside an acting context and ValueError
    for a model that auditlog does not keep the history of.
    """
    entered = context.current()
    if entered is None:
        raise RuntimeError("There is no acting context: enter tenancy.context.acting(actor) first.")
    actor, origin = entered.actor, entered.origin
    told: dict[str, Any] = {
        "organization_id": actor.organization_id,
        "on_behalf_of_id": actor.on_behalf_of_id,
        "actor_id": actor.user_id,
        "actor_email": actor.label[:254],
        "remote_addr": origin.address,
        "cid": origin.request_id,
        "interface": origin.interface,
        "action": ModelChange.Action.CREATE,
    }
    ModelChange.objects.bulk_create(
        [
            ModelChange(content_type=kind, object_pk=str(obj.pk), object_repr=str(obj), changes=changes, **told)
            for kind, obj, changes in _changes(objects)
        ],
        batch_size=BATCH,
    )


@contextmanager
def recording_update(before: models.Model, after: models.Model) -> Iterator[None]:
    """Save `after` within, and its history is written: what `before`, the object as it was read under lock, differs by.

    It spares the statement by which auditlog would read the object a second time.
    """
    with disable_auditlog():
        yield
    changes = model_instance_diff(before, after, use_json_for_changes=settings.AUDITLOG_STORE_JSON_CHANGES)
    if changes:
        ModelChange.objects.log_create(after, action=ModelChange.Action.UPDATE, changes=changes)


def _changes(objects: Iterable[models.Model]) -> Iterable[tuple[ContentType, models.Model, dict[str, list[Any]]]]:
    for model, alike in groupby(objects, type):
        fields = _tracked(model)
        kind = ContentType.objects.get_for_model(model)
        for obj in alike:
            values = ((field.name, _value(getattr(obj, field.attname))) for field in fields)
            yield kind, obj, {name: [None, value] for name, value in values if value is not None}


def _tracked(model: type[models.Model]) -> list[Any]:
    if not auditlog.contains(model):
        raise ValueError(f"auditlog does not keep the history of {model.__name__}: register it first.")
    left_out = auditlog.get_model_fields(model)["exclude_fields"]
    return [field for field in model._meta.concrete_fields if field.name not in left_out]


def _value(value: Any) -> Any:
    """Return the value as auditlog stores it: JSON's own kinds as they are, times in UTC, the rest as text."""
    if value is None or isinstance(value, _PRIMITIVES):
        return value
    if isinstance(value, datetime) and value.tzinfo is not None:
        value = value.astimezone(UTC).replace(tzinfo=None)
    return str(value)
