"""Who asks, and under which name: the host of a request, and the token it may carry."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest
from django.http.request import split_domain_port, validate_host
from django.http.response import HttpResponseBase
from rest_framework.exceptions import AuthenticationFailed

from accounts.authentication import authenticate_token
from accounts.directory import organization_by_host
from accounts.token_use import note_use
from tenancy.errors import Denial, Reason

GetResponse = Callable[[HttpRequest], HttpResponseBase]


class HostMiddleware:
    """Let in the installation's hosts and verified custom domains; answer 400 to any other (threat 18).

    A custom domain shows its organization's pages without the path, and nothing else.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        host, _port = split_domain_port(request.get_host())
        request.organization_slug = None  # type: ignore[attr-defined]
        request.custom_domain = None  # type: ignore[attr-defined]
        if not validate_host(host, settings.INSTALLATION_HOSTS):
            brand = organization_by_host(host)
            if brand is None:
                raise DisallowedHost(f"No organization has verified the host {host!r}.")
            request.organization_slug = brand.slug  # type: ignore[attr-defined]
            request.custom_domain = host  # type: ignore[attr-defined]
            request.brand = brand  # type: ignore[attr-defined]
            request.urlconf = "iam_dashboard.urls_domain"
        return self.get_response(request)


class TokenMiddleware:
    """Authenticate `Authorization: Token …` or `Bearer …` on the API, and note the token's use.

    Where a token is sent, the session is not asked.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request.token = None  # type: ignore[attr-defined]
        if request.path.startswith("/api/") and "Authorization" in request.headers:
            self._authenticate(request)
        response = self.get_response(request)
        actor = getattr(request, "actor", None)
        if actor is not None and request.token is not None:  # type: ignore[attr-defined]
            note_use(actor)
        return response

    def _authenticate(self, request: Any) -> None:
        try:
            request.user, request.token = authenticate_token(request.headers["Authorization"])
        except AuthenticationFailed:
            request.user = AnonymousUser()
            request.authentication_failed = Denial(Reason.TOKEN_REFUSED)
