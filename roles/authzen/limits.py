"""Who has been refused so often that they are not listened to for a while: a look-up of a token that is not valid, and
the record of the attempt, cost far more than the request.

Counted in this process alone. It belongs to one event loop.
"""

from __future__ import annotations

import math
import re
from collections import OrderedDict
from collections.abc import MutableMapping
from dataclasses import dataclass
from io import BytesIO
from ipaddress import IPv6Address, ip_address
from time import monotonic
from typing import Any, Self

from django.core.exceptions import ImproperlyConfigured
from django.core.handlers.asgi import ASGIRequest

from roles.authzen.errors import TooManyRefusals
from tenancy.middleware import client_address

Scope = MutableMapping[str, Any]

MOST_ADDRESSES = 10_000
RATE = re.compile(r"(?P<most>[1-9][0-9]*)/(?P<unit>[smhd])[a-z]*")
SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


@dataclass(frozen=True, slots=True)
class Rate:
    """So many within so many seconds."""

    most: int
    seconds: int

    @classmethod
    def parse(cls, written: str) -> Self:
        """Return a rate written as “60/min”. Raises ImproperlyConfigured."""
        found = RATE.fullmatch(written)
        if found is None:
            raise ImproperlyConfigured(f"“{written}” is not a rate: write a number, “/” and s, min, hour or day.")
        return cls(int(found["most"]), SECONDS[found["unit"]])


@dataclass(slots=True)
class _Refusals:
    """What one caller was refused from a moment on; `ends_at` is when it is forgotten."""

    ends_at: float
    counted: int = 0
    is_told: bool = False


class RefusalLimit:
    """Counts refusals by address, of the most recently refused `capacity` addresses.

    A window begins with a first refusal. The one that reaches the rate closes the address for as long as a window is.
    """

    def __init__(self, rate: Rate, capacity: int = MOST_ADDRESSES) -> None:
        self._rate = rate
        self._capacity = capacity
        #: By when they end: all windows are of one length.
        self._windows: OrderedDict[str, _Refusals] = OrderedDict()

    def __len__(self) -> int:
        """Return how many addresses are kept."""
        return len(self._windows)

    def require_open(self, address: str | None) -> None:
        """Raise TooManyRefusals for an address that is closed. The first of them is for the record."""
        window = self._windows.get(_network(address))
        if window is None or window.counted < self._rate.most:
            return
        left = window.ends_at - monotonic()
        if left > 0:
            is_first, window.is_told = not window.is_told, True
            raise TooManyRefusals(math.ceil(left), is_first=is_first)

    def count(self, address: str | None) -> None:
        """Take note that somebody at the address was refused."""
        now = monotonic()
        while self._windows and next(iter(self._windows.values())).ends_at <= now:
            self._windows.popitem(last=False)
        network = _network(address)
        window = self._windows.get(network)
        if window is None:
            if len(self._windows) >= self._capacity:
                self._windows.popitem(last=False)
            window = self._windows[network] = _Refusals(now + self._rate.seconds)
        window.counted += 1
        if window.counted == self._rate.most:
            window.ends_at = now + self._rate.seconds
            self._windows.move_to_end(network)


def address_of(scope: Scope) -> str | None:
    """Return the address of who sent a request, as `tenancy.middleware.client_address` tells it."""
    return client_address(request_of(scope))


def request_of(scope: Scope) -> ASGIRequest:
    """Return the request as Django knows it, without its content type, which Django cannot always read."""
    headers = [one for one in scope["headers"] if one[0] != b"content-type"]
    return ASGIRequest({**scope, "headers": headers}, BytesIO())


def _network(address: str | None) -> str:
    """Return what stands for a caller: of IPv6 the /64, in which one host has as many addresses as it likes."""
    try:
        parsed = ip_address(address or "")
    except ValueError:
        return address or ""
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    return str(parsed.ipv4_mapped or IPv6Address(int(parsed) >> 64 << 64))
