"""The version of each organization's policy, read once for all requests that wait for it.

A request that arrives while a reading is under way waits for the next one, which starts after it has arrived: what was
committed before a request is known to its answer (PDP-6).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from uuid import UUID

import psycopg
from django.db import connections

from roles.authzen.errors import Unavailable
from roles.engine.snapshot import Version

SECONDS_TO_READ = 3.0
#: Under load readings start no more often, so that more requests share each: a thousandth of a second, at most, later.
SECONDS_BETWEEN_READINGS = 0.001
SECONDS_AFTER_FAILURE = 0.1
_STATEMENT = "SELECT o, v.own, v.shared FROM unnest(%s::uuid[]) AS o, iam_policy_version(o) AS v"

logger = logging.getLogger(__name__)

Connection = psycopg.AsyncConnection[tuple[UUID, int, int]]


async def connect() -> Connection:
    """Return a connection of the application to its database, on which every statement is a transaction."""
    parameters = connections["default"].get_connection_params()
    del parameters["cursor_factory"]  # It makes those of Django, which block.
    return await psycopg.AsyncConnection.connect(**parameters, autocommit=True)


class Versions:
    """Reads versions over one connection, each within `seconds`. It belongs to one event loop."""

    def __init__(
        self, connect: Callable[[], Awaitable[Connection]] = connect, *, seconds: float = SECONDS_TO_READ
    ) -> None:
        self._connect = connect
        self._seconds = seconds
        self._connection: Connection | None = None
        self._waiting: list[tuple[UUID, asyncio.Future[Version]]] = []
        self._reading: asyncio.Task[None] | None = None
        self._is_failing = False

    async def read(self, organization_id: UUID) -> Version:
        """Return the version as of a moment after this was called. Raises Unavailable without PostgreSQL."""
        waiter: asyncio.Future[Version] = asyncio.get_running_loop().create_future()
        self._waiting.append((organization_id, waiter))
        if self._reading is None:
            self._reading = asyncio.ensure_future(self._read_for_all())
        return await waiter

    async def close(self) -> None:
        """Give the connection back."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            await connection.close()

    async def _read_for_all(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                began = loop.time()
                waiting, self._waiting = self._waiting, []
                await self._answer(waiting)
                earliest_next = began + (SECONDS_AFTER_FAILURE if self._is_failing else SECONDS_BETWEEN_READINGS)
                await asyncio.sleep(earliest_next - loop.time())
        finally:
            self._reading = None

    async def _answer(self, waiting: Collection[tuple[UUID, asyncio.Future[Version]]]) -> None:
        organizations = {one for one, _ in waiting}
        selecting = asyncio.ensure_future(self._select(organizations))
        await asyncio.wait([selecting], timeout=self._seconds)
        if not selecting.done():
            # It is not waited for: over a connection that leads nowhere, even to give up takes long.
            self._connection = None
            selecting.cancel()
            selecting.add_done_callback(_forget)
            error: BaseException | None = TimeoutError(f"PostgreSQL did not answer within {self._seconds} s.")
        elif (error := selecting.exception()) is None:
            self._is_failing = False
            versions = selecting.result()
            for organization_id, waiter in waiting:
                if not waiter.done():
                    waiter.set_result(versions[organization_id])
            return
        else:
            await self.close()
        if not self._is_failing:
            logger.warning("The version of the policy was not read.", exc_info=error)
        self._is_failing = True
        for _, waiter in waiting:
            if not waiter.done():
                waiter.set_exception(Unavailable())

    async def _select(self, organizations: Collection[UUID]) -> Mapping[UUID, Version]:
        """Return the versions, over a new connection should the old one have ended meanwhile."""
        if (held := self._connection) is not None:
            try:
                return await self._selected(held, organizations)
            except psycopg.OperationalError:
                await held.close()
                if self._connection is not held:
                    raise  # It was given up meanwhile, and another reading has a connection of its own.
        self._connection = await self._connect()
        return await self._selected(self._connection, organizations)

    async def _selected(self, connection: Connection, organizations: Collection[UUID]) -> Mapping[UUID, Version]:
        listed = f"{{{','.join(map(str, organizations))}}}"  # written out: to adapt a list takes longer than to ask
        cursor = await connection.execute(_STATEMENT, (listed,))
        return {one: Version(own, shared) for one, own, shared in await cursor.fetchall()}


def _forget(task: asyncio.Task[Mapping[UUID, Version]]) -> None:
    """Take note of how an abandoned reading ended, which is of no use to anybody."""
    if not task.cancelled():
        task.exception()
