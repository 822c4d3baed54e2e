"""How the API knows its caller: what the middleware found, handed on to DRF."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from knox.auth import TokenAuthentication
from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from tenancy.routes import Access

SCHEMES = frozenset({"token", "bearer"})


class _Knox(TokenAuthentication):  # type: ignore[misc]
    def _cleanup_token(self, auth_token: Any) -> bool:
        """Whether the token has expired. It is not deleted here: a read does not write, and its owner sees why."""
        return auth_token.expiry is not None and auth_token.expiry < timezone.now()


def authenticate_token(header: str) -> tuple[Any, Any]:
    """Return the (user, token) of an Authorization header. Raises AuthenticationFailed for any but a live token."""
    scheme, _, token = header.partition(" ")
    if scheme.lower() not in SCHEMES or not token or " " in token.strip() or not token.isascii():
        raise AuthenticationFailed("Send the token as “Authorization: Token …” or “Bearer …”.")
    user, credential = _Knox().authenticate_credentials(token.strip().encode())
    return user, credential


class RequestUserAuthentication(SessionAuthentication):
    """The user that the middleware found: by token, or by session and then with CSRF enforced."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        underlying: Any = request._request
        if underlying.token is not None:
            return underlying.user, underlying.token
        if getattr(underlying, "authentication_failed", None) is not None:
            return None
        return super().authenticate(request)

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'


class RoadTaken(BasePermission):
    """Refuse any API view that was reached without the acting middleware having decided."""

    def has_permission(self, request: Request, view: Any) -> bool:
        underlying: Any = request._request
        requirement = getattr(underlying, "requirement", None)
        if requirement is None:
            return False
        return requirement.access is Access.PUBLIC or underlying.actor is not None
