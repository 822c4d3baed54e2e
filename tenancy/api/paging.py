"""Lists come in numbered pages."""

from __future__ import annotations

from typing import Any

from rest_framework.pagination import PageNumberPagination
from rest_framework.request import Request

from tenancy.api.problems import QueryRefused


class Pages(PageNumberPagination):
    """Numbered pages of 50, of at most 200, with the count of all rows."""

    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200

    @property
    def parameters(self) -> frozenset[str]:
        """The query parameters that are read here."""
        return frozenset({self.page_query_param, self.page_size_query_param})

    def get_page_size(self, request: Request) -> int:
        """Return how many rows a page has. Raises QueryRefused for anything but a number from 1 to the most."""
        sent = request.query_params.get(self.page_size_query_param)
        if sent is None:
            return self.page_size
        if not (sent.isascii() and sent.isdigit() and len(sent) < 5 and 1 <= int(sent) <= self.max_page_size):
            raise QueryRefused({self.page_size_query_param: [f"Give a number from 1 to {self.max_page_size}."]})
        return int(sent)

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        """Return the description of the parameters, with their bounds."""
        described: list[dict[str, Any]] = super().get_schema_operation_parameters(view)
        for parameter in described:
            most = {"maximum": self.max_page_size} if parameter["name"] == self.page_size_query_param else {}
            parameter["schema"] = {"type": "integer", "minimum": 1, **most}
        return described

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Return the schema of a page, in which every member is always there."""
        page: dict[str, Any] = super().get_paginated_response_schema(schema)
        page["required"] = ["count", "next", "previous", "results"]
        return page
