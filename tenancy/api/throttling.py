"""Rate limits by caller, apart for reads and writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.throttling import SimpleRateThrottle

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.views import APIView

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class _CallerThrottle(SimpleRateThrottle):
    def get_cache_key(self, request: Request, view: APIView) -> str | None:
        if (request.method in SAFE) != (self.scope == "read"):
            return None
        return f"throttle:{self.scope}:{getattr(request.user, 'pk', None) or self.get_ident(request)}"


class ReadThrottle(_CallerThrottle):
    scope = "read"


class WriteThrottle(_CallerThrottle):
    scope = "write"
