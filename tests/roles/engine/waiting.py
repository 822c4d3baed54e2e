"""Locks that a test itself holds, which make a moment certain: nothing here depends on how fast the machine is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from tests.concurrency import PATIENCE
from tests.isolation.rows import superuser_dsn


@contextmanager
def held(statement: str, *values: Any) -> Iterator[None]:
    """Keep what the statement locks locked until the block ends."""
    with psycopg.connect(superuser_dsn()) as holder:
        holder.execute(statement, values)  # type: ignore[arg-type]
        yield
        holder.rollback()


def until(condition: Callable[[], bool], what: str) -> None:
    """Return once it is so."""
    with psycopg.connect(superuser_dsn(), autocommit=True) as clock:
        for _ in range(PATIENCE * 50):
            if condition():
                return
            clock.execute("SELECT pg_sleep(0.02)")
    pytest.fail(f"It did not come to this: {what}.")


def number_of(statement: str) -> int:
    with psycopg.connect(superuser_dsn(), autocommit=True) as database:
        [found] = database.execute(statement).fetchone() or [0]  # type: ignore[arg-type]
    return int(found)
