"""Pages of lists that are too long to count."""

from __future__ import annotations

from typing import Any, ClassVar

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property
from unfold.views import ChangeList


class CappedPaginator(Paginator):  # type: ignore[type-arg]
    """Counts no further than `cap`, so that a list of ten million rows opens as fast as one of ten thousand.

    What lies beyond is found by filters.
    """

    cap: ClassVar[int] = 10_000

    @cached_property
    def count(self) -> int:  # type: ignore[override]
        """Return the number of rows, or the cap when there are more."""
        rows: QuerySet[Any] = self.object_list  # type: ignore[assignment]
        return rows[: self.cap].count()


class CappedList(ChangeList):  # type: ignore[misc]
    """A list that does not count its rows a second time without the filters."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.full_result_count = self.result_count
