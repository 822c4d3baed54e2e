"""The history that django-auditlog's signals do not tell (of objects written in bulk), or tell at a price (AUD-2)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
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
    _record(ModelChange.Action.CREATE, ((obj, _values(obj, lambda value: [None, value])) for obj in objects))


def record_bulk_deleted(objects: Sequence[models.Model]) -> None:
    """Write that each object was deleted by the current actor, and delete them, in few statements.

    They are deleted without signals and without what hangs on them, so nothing may. Raises as `record_bulk_created`.
    """
    _record(ModelChange.Action.DELETE, ((obj, _values(obj, lambda value: [value, None])) for obj in objects))
    for model, alike in groupby(objects, type):
        rows = model._default_manager.filter(pk__in=[obj.pk for obj in alike])  # type: ignore[attr-defined]
        rows._raw_delete(rows.db)


def record_bulk_updated(changed: Sequence[tuple[models.Model, models.Model]]) -> None:
    """Write how the second object of each pair differs from the first, as changed by the current actor.

    Call it right after `bulk_update`, in its transaction. Raises as `record_bulk_created`.
    """
    differences = (
        (after, model_instance_diff(before, after, use_json_for_changes=settings.AUDITLOG_STORE_JSON_CHANGES) or {})
        for before, after in changed
    )
    _record(ModelChange.Action.UPDATE, ((obj, changes) for obj, changes in differences if changes))


def _record(action: int, changes: Iterable[tuple[models.Model, dict[str, list[Any]]]]) -> None:
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
        "action": action,
    }
    kinds = ContentType.objects.get_for_model
    ModelChange.objects.bulk_create(
        [
            ModelChange(
                content_type=kinds(type(obj)), object_pk=str(obj.pk), object_repr=str(obj), changes=differing, **told
            )
            for obj, differing in changes
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


def _values(obj: models.Model, change: Callable[[Any], list[Any]]) -> dict[str, list[Any]]:
    values = ((field.name, _value(getattr(obj, field.attname))) for field in _tracked(type(obj)))
    return {name: change(value) for name, value in values if value is not None}


@cache
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
