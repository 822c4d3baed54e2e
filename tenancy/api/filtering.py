"""Filters of lists that refuse what they do not know: a misspelt filter would otherwise show everything."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework.request import Request

from tenancy.api.problems import QueryRefused


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
