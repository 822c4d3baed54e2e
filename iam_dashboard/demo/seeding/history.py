"""A past for rows that were all written in one moment."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from django.db.models import DateTimeField, DurationField, ExpressionWrapper, QuerySet, Value
from django.db.models.functions import Now, Random

NOW: Final = timedelta(0)


def date_back(rows: QuerySet[Any], created: timedelta, changed: timedelta = NOW) -> None:
    """Let the rows have been created at chance moments between `created` and `changed` ago, and changed since then."""
    moments = {"created_at": _between(created, changed)}
    if any(column.name == "updated_at" for column in rows.model._meta.fields):
        moments["updated_at"] = _between(changed, NOW)
    rows.update(**moments)


def _between(oldest: timedelta, newest: timedelta) -> ExpressionWrapper:
    span = ExpressionWrapper(Random() * Value(oldest - newest), output_field=DurationField())
    return ExpressionWrapper(Now() - Value(newest) - span, output_field=DateTimeField())
