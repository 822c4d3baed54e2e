"""Filters of lists that refuse what they do not know: a misspelt filter would otherwise show everything."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import django_filters
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django_filters.fields import IsoDateTimeField
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework.request import Request

from tenancy.api.problems import QueryRefused
from tenancy.api.serializers import StrictInput


def read_query(query: type[StrictInput], request: Request) -> dict[str, Any]:
    """Return the parameters of the query as the serializer reads them. Raises QueryRefused for those not right."""
    given = query(data=request.query_params)
    if not given.is_valid():
        raise QueryRefused(given.errors)
    values: dict[str, Any] = given.validated_data
    return values


class StrictFilters(DjangoFilterBackend):  # type: ignore[misc]
    """django-filter's backend, with unknown parameters and unusable values answered by 400."""

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: Any) -> QuerySet[Any]:
        """Return the filtered queryset. Raises QueryRefused."""
        filterset = self.get_filterset(request, queryset, view)
        known = set(filterset.filters) if filterset is not None else set()
        known |= getattr(view.paginator, "parameters", frozenset())
        unknown = sorted(request.query_params.keys() - known)
        if unknown:
            listed = ", ".join(sorted(known))
            raise QueryRefused({name: [f"There is no such parameter. Known are: {listed}."] for name in unknown})
        if filterset is None:
            return queryset
        if not filterset.is_valid():
            raise QueryRefused({name: list(errors) for name, errors in filterset.errors.items()})
        found: QuerySet[Any] = filterset.qs
        return found


class _MomentField(IsoDateTimeField):  # type: ignore[misc]
    """A time in UTC: PostgreSQL does not know every offset from it that ISO 8601 lets one write."""

    def to_python(self, value: Any) -> datetime | None:
        read: datetime | None = super().to_python(value)
        try:
            return read.astimezone(UTC) if read else None
        except OverflowError:
            raise ValidationError(self.error_messages["invalid"], code="invalid") from None


class MomentFilter(django_filters.IsoDateTimeFilter):  # type: ignore[misc]
    """Filters by a moment, written as in ISO 8601."""

    field_class = _MomentField


class Ordering(django_filters.OrderingFilter):  # type: ignore[misc]
    """Orders by one of a few named fields, ties by the key, so that pages do not overlap."""

    def filter(self, qs: QuerySet[Any], value: Any) -> QuerySet[Any]:
        """Return the rows in the order asked for."""
        if not value:
            return qs
        ordered = super().filter(qs, value)
        return ordered.order_by(*ordered.query.order_by, "pk")  # type: ignore[no-any-return]
