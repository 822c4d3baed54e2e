"""Pages of a model in the console besides Django's: declared beside it, with the permissions that each way in needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, QueryDict

from tenancy.routes import declares, permission


@dataclass(frozen=True)
class ConsoleRoute:
    """One page: `view` is called with the model's page, the request, and what the path names.

    `keys` are needed to look, `keys_to_post` to send (None: the same). Where `only_post`, there is nothing to look at.
    """

    name: str
    path: str
    view: Callable[..., HttpResponse]
    keys: tuple[str, ...]
    keys_to_post: tuple[str, ...] | None = None
    only_post: bool = False

    def view_of(self, page: Any) -> Callable[..., HttpResponse]:
        """Return the view for the URL configuration, marked with what it needs."""
        sending = self.keys if self.keys_to_post is None else self.keys_to_post

        @declares({"get": permission(*self.keys), "post": permission(*sending)})
        def view(request: HttpRequest, **named: Any) -> HttpResponse:
            refuse_null_characters(request.GET)
            if self.only_post and request.method != "POST":
                return HttpResponseNotAllowed(["POST"])
            return self.view(page, request, **named)

        return view


def refuse_null_characters(query: QueryDict) -> None:
    """Raise SuspiciousOperation for an address that PostgreSQL could not look for."""
    if any("\x00" in value for values in query.lists() for value in (values[0], *values[1])):
        raise SuspiciousOperation("An address has no null characters.")
