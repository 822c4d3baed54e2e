"""Plays of what an event loop does, and a way to the database that tells what went over it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import psycopg

from roles.authzen.versions import Connection, connect

Result = TypeVar("Result")
#: Many times what a play takes.
MOST_SECONDS = 5


def played(play: Coroutine[Any, Any, Result]) -> Result:
    """Return what comes of it, within many times the seconds that it takes."""

    async def within() -> Result:
        async with asyncio.timeout(MOST_SECONDS):
            return await play

    return asyncio.run(within())


class Line:
    """The way to the database. It counts the statements, and knows each connection that was opened.

    `failures` are what the next connections end in instead.
    """

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.opened: list[Connection] = []
        self.statements = 0

    async def connect(self) -> Connection:
        line = self

        class Counted(psycopg.AsyncConnection[Any]):
            async def execute(self, *args: Any, **named: Any) -> Any:
                line.statements += 1
                return await super().execute(*args, **named)

        if self.failures:
            raise self.failures.pop(0)
        plain = await connect()
        parameters = plain.info.get_parameters() | {"password": plain.info.password}
        await plain.close()
        self.opened.append(await Counted.connect(**parameters, autocommit=True))
        return self.opened[-1]
