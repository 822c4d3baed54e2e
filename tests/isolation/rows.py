"""Rows as PostgreSQL shows them to each of its roles, for tests that enumerate the tables themselves."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection, transaction

from tenancy.actors import Actor
from tenancy.context import tell_database
from tests.environment import SUPERUSER

ALL_ROWS = "to_jsonb(t.*)"


@contextmanager
def seen_by(actor: Actor | None) -> Iterator[Any]:
    """Yield a cursor that sees what PostgreSQL shows this actor, or nobody; what it does is undone."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            tell_database(actor)
            yield cursor
        transaction.set_rollback(True)


def rows(cursor: Any, table: str) -> list[dict[str, Any]]:
    """Return the rows of a table that the cursor sees."""
    cursor.execute(f'SELECT {ALL_ROWS} FROM "{table}" t')
    return [json.loads(row) for (row,) in cursor.fetchall()]


def keys(cursor: Any, table: str) -> set[str]:
    """Return what tells the visible rows of a table apart, whatever its primary key is."""
    cursor.execute(f'SELECT t.ctid::text FROM "{table}" t')
    return {key for (key,) in cursor.fetchall()}


def superuser_dsn() -> str:
    """Return the address of a superuser on the database of this test."""
    from psycopg.conninfo import make_conninfo

    return make_conninfo(os.environ[SUPERUSER], dbname=connection.settings_dict["NAME"])
