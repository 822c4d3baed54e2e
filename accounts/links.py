"""Addresses of an organization's pages: under /o/<slug>/, or without the path on its own domain."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse


def org_url(request: HttpRequest, name: str, *args: Any) -> str:
    """Return the path of the page `org:name` of the request's organization."""
    return _path(name, args, request.organization_slug, own_domain=bool(request.custom_domain))  # type: ignore[attr-defined]


def org_address(slug: str, host: str | None, name: str, *args: Any) -> str:
    """Return the full address of a page of an organization, for e-mails: never built from a request's Host header."""
    path = _path(name, args, slug, own_domain=bool(host))
    if not host:
        return settings.BASE_URL + path
    return f"{settings.ACCOUNT_DEFAULT_HTTP_PROTOCOL}://{host}{path}"


def _path(name: str, args: tuple[Any, ...], slug: str | None, *, own_domain: bool) -> str:
    if own_domain:
        return reverse(f"org:{name}", urlconf="iam_dashboard.urls_domain", args=args)
    return reverse(f"org:{name}", urlconf="iam_dashboard.urls", args=(slug, *args))
