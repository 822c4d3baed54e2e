"""Rate limits by caller, apart for reads and writes, told in the standard headers.

A sliding window from two counters: the last window's share still in sight, and this window's count. Each request costs
one atomic increment, so that many at once cannot slip through together.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.core.cache import cache
from rest_framework.throttling import SimpleRateThrottle

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.views import APIView

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class RateState:
    """How a caller stands with one limit; `window` and `reset` in seconds."""

    policy: str
    limit: int
    window: int
    remaining: int
    reset: int

    def headers(self) -> dict[str, str]:
        """Return the fields of draft-ietf-httpapi-ratelimit-headers-10, and the three of its earlier editions."""
        return {
            "RateLimit-Policy": f'"{self.policy}";q={self.limit};w={self.window}',
            "RateLimit": f'"{self.policy}";r={self.remaining};t={self.reset}',
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset),
        }


class _CallerThrottle(SimpleRateThrottle):
    num_requests: int | None
    duration: int | None
    state: RateState | None = None

    def get_cache_key(self, request: Request, view: APIView) -> str | None:
        if (request.method in SAFE) != (self.scope == "read"):
            return None
        return f"throttle:{self.scope}:{getattr(request.user, 'pk', None) or self.get_ident(request)}"

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Count the request and say whether it may go on; the view's answer tells the caller how they stand."""
        key = self.get_cache_key(request, view)
        if key is None or self.num_requests is None or self.duration is None:
            return True
        self.state = _count(key, self.scope or "", self.num_requests, self.duration)
        view.headers.update(self.state.headers())
        return self.state.remaining >= 0

    def wait(self) -> float | None:
        """Return after how many seconds to try again."""
        return float(self.state.reset) if self.state else None


class ReadThrottle(_CallerThrottle):
    scope = "read"


class WriteThrottle(_CallerThrottle):
    scope = "write"


def _count(key: str, policy: str, limit: int, window: int) -> RateState:
    now = time.time()
    number, passed = divmod(now, window)
    this, last = f"{key}:{int(number)}", f"{key}:{int(number) - 1}"
    before = cache.get(last, 0)
    counted = 1 if cache.add(this, 1, timeout=window * 2) else cache.incr(this)
    used = before * (1 - passed / window) + counted
    return RateState(policy, limit, window, math.floor(limit - used), max(1, math.ceil(window - passed)))
