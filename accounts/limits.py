"""How often the same caller may try something that a stranger could guess at (threat 18)."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass

from django.core.cache import cache


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `attempts` in each window of `seconds`."""

    name: str
    attempts: int
    seconds: int


#: Opening the page of an invitation, by address and by link.
JOIN_BY_ADDRESS = Limit("join-address", attempts=60, seconds=600)
JOIN_BY_TOKEN = Limit("join-token", attempts=20, seconds=600)


def too_many(limit: Limit, identity: str) -> bool:
    """Count one attempt of `identity` and return whether it is more than the limit allows in the current window.

    The identity (an address, a link) is kept as a digest. While Redis is away each process counts for itself.
    """
    window = int(time.time()) // limit.seconds
    digest = hashlib.sha256(identity.encode()).hexdigest()
    key = f"limit:{limit.name}:{window}:{digest}"
    cache.add(key, 0, timeout=limit.seconds)
    try:
        return cache.incr(key) > limit.attempts
    except ValueError:
        # The window ended between the two calls: this is the first attempt of the next one.
        return False


def join_refused(address: str | None, token: str) -> bool:
    """Count one opening of an invitation's link and return whether its address or the link has had too many."""
    by_address = too_many(JOIN_BY_ADDRESS, address or "unknown")
    return too_many(JOIN_BY_TOKEN, token) or by_address
