"""A Redis cache that falls back to this process's memory while Redis is away, so that nobody is locked out by it."""

from __future__ import annotations

import logging
from typing import Any

from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

logger = logging.getLogger(__name__)
COVERED = ("add", "get", "set", "touch", "delete", "get_many", "has_key", "incr", "set_many", "delete_many", "clear")


class FallbackRedisCache(RedisCache):
    """Rate limits and idempotency markers live here; each keeps working by process while Redis is down.

    No permission is decided from this cache.
    """

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        options = params.setdefault("OPTIONS", {})
        options.setdefault("socket_connect_timeout", 0.5)
        options.setdefault("socket_timeout", 1.0)
        super().__init__(server, params)
        self.fallback = LocMemCache("redis-fallback", {})


def _covered(name: str) -> Any:
    def call(self: FallbackRedisCache, *args: Any, **kwargs: Any) -> Any:
        try:
            return getattr(super(FallbackRedisCache, self), name)(*args, **kwargs)
        except (RedisConnectionError, RedisTimeoutError):
            logger.warning("Redis is away: the cache works from memory.")
            return getattr(self.fallback, name)(*args, **kwargs)

    call.__name__ = name
    return call


for _name in COVERED:
    setattr(FallbackRedisCache, _name, _covered(_name))
