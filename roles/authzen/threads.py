"""Blocking work (Django and its database) beside the event loop, done once for all that wait for the same."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Hashable
from concurrent.futures import Executor
from typing import Generic, TypeVar, TypeVarTuple

from django.db import Error, connections
from psycopg_pool import PoolClosed, PoolTimeout

from roles.authzen.errors import Unavailable

#: Within these is answered, though the thread may be held on: by a connection to a database that has gone silent.
MOST_SECONDS = 30.0

Arguments = TypeVarTuple("Arguments")
Key = TypeVar("Key", bound=Hashable)
Result = TypeVar("Result")


class Shared(Generic[Key, Result]):
    """Does `work` for a key in a thread. Whoever asks while it is under way waits for the next time it is done, with
    all others who do, so that no result is older than the question."""

    def __init__(self, work: Callable[[Key], Result], threads: Executor) -> None:
        self._work = work
        self._threads = threads
        self._waiting: dict[Key, asyncio.Task[Result]] = {}
        self._running: dict[Key, asyncio.Task[Result]] = {}

    async def __call__(self, key: Key) -> Result:
        waiting = self._waiting.get(key)
        if waiting is None:
            waiting = self._waiting[key] = asyncio.ensure_future(self._run(key, self._running.get(key)))
        return await asyncio.shield(waiting)

    async def _run(self, key: Key, before: asyncio.Task[Result] | None) -> Result:
        if before is not None:
            await asyncio.wait([before])
        self._running[key] = self._waiting.pop(key)
        try:
            return await in_thread(self._threads, self._work, key)
        finally:
            del self._running[key]


class Together(Generic[Key, Result]):
    """Does `work` in a thread for many things at once. What is asked for while it is under way waits for the next time
    it is done, with all else that does, so that no result is older than the question."""

    def __init__(self, work: Callable[[set[Key]], Result], threads: Executor) -> None:
        self._work = work
        self._threads = threads
        self._asked: set[Key] = set()
        self._next: asyncio.Task[Result] | None = None
        self._running: asyncio.Task[Result] | None = None

    async def __call__(self, keys: Collection[Key]) -> Result:
        self._asked.update(keys)
        if self._next is None:
            self._next = asyncio.ensure_future(self._run(self._running))
        return await asyncio.shield(self._next)

    async def _run(self, before: asyncio.Task[Result] | None) -> Result:
        if before is not None:
            await asyncio.wait([before])
        self._running, self._next = self._next, None
        asked, self._asked = self._asked, set()
        return await in_thread(self._threads, self._work, asked)


async def in_thread(threads: Executor, work: Callable[[*Arguments], Result], *args: *Arguments) -> Result:
    """Return what `work` returns. Raises Unavailable when its database does not answer, or not in time."""
    working = asyncio.get_running_loop().run_in_executor(threads, _and_leave, work, *args)
    try:
        return await asyncio.wait_for(working, MOST_SECONDS)
    except TimeoutError as late:
        raise Unavailable from late


def _and_leave(work: Callable[[*Arguments], Result], *args: *Arguments) -> Result:
    try:
        return work(*args)
    except (Error, PoolTimeout, PoolClosed) as error:
        raise Unavailable from error
    finally:
        connections.close_all()
