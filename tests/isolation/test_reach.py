"""Reach inside one organization: what hangs on a client is seen, and changed, by those assigned to the client only.

The tables are asked of PostgreSQL, so that a new one with a client is enrolled by existing.
"""

from __future__ import annotations

import os
from typing import Any

import psycopg
import pytest
from django.db import Error
from psycopg.conninfo import make_conninfo

from tests.environment import SUPERUSER, TEMPLATE
from tests.isolation.rows import rows, seen_by
from tests.world import Agency, furnish

pytestmark = [pytest.mark.django_db, pytest.mark.requirement("CLI-5"), pytest.mark.requirement("CLI-2")]

WITH_CLIENT = """
SELECT c.table_name FROM information_schema.columns c WHERE c.table_schema = 'public' AND c.column_name = 'client_id'
UNION SELECT 'clients_client' ORDER BY 1
"""
#: Kept by the database itself; nobody with assigned reach writes them.
DERIVED = frozenset({"clients_clientgrant", "clients_clientword"})


def tables() -> list[str]:
    with psycopg.connect(make_conninfo(os.environ[SUPERUSER], dbname=TEMPLATE)) as server:
        return [name for (name,) in server.execute(WITH_CLIENT)]


TABLES = tables()
each_table = pytest.mark.parametrize("table", TABLES)
each_item_table = pytest.mark.parametrize("table", [name for name in TABLES if name not in DERIVED])


@pytest.fixture
def furnished(agency: Agency) -> Agency:
    furnish(agency)
    return agency


def _clients_of(found: list[dict[str, Any]], table: str) -> set[str]:
    return {row["id" if table == "clients_client" else "client_id"] for row in found}


def test_the_walk_finds_the_client_and_its_workspace() -> None:
    assert {"clients_client", "clients_contact", "clients_document", "clients_clientgrant"} <= set(TABLES)


@each_table
@pytest.mark.parametrize("person", ["member", "viewer"])
def test_only_rows_of_assigned_clients_are_seen(furnished: Agency, table: str, person: str) -> None:
    with seen_by(furnished.actor(person)) as cursor:
        assert _clients_of(rows(cursor, table), table) == {str(furnished.clients[0].pk)}


@each_table
def test_all_reach_sees_the_rows_of_every_client(furnished: Agency, table: str) -> None:
    everyone = {str(client.pk) for client in furnished.clients}
    expected = {str(furnished.clients[0].pk)} if table == "clients_clientgrant" else everyone
    with seen_by(furnished.actor("manager")) as cursor:
        assert _clients_of(rows(cursor, table), table) == expected


@each_item_table
@pytest.mark.parametrize(("person", "may"), [("member", True), ("viewer", False)])
def test_only_a_writing_assignment_changes_rows(furnished: Agency, table: str, person: str, may: bool) -> None:
    with seen_by(furnished.actor(person)) as cursor:
        cursor.execute(f'UPDATE "{table}" SET version = version')
        assert (cursor.rowcount > 0) is may


@each_item_table
@pytest.mark.parametrize(("person", "may"), [("member", True), ("viewer", False)])
def test_a_row_is_not_moved_to_a_client_outside_reach(furnished: Agency, table: str, person: str, may: bool) -> None:
    """Threat 10, for the person who may change the row where it is, and for the one who may not."""
    if table == "clients_client":
        pytest.skip("a client hangs on no other client")
    hidden = furnished.clients[2]
    with seen_by(furnished.actor(person)) as cursor:
        if may:
            with pytest.raises(Error, match="row-level security"):
                cursor.execute(f'UPDATE "{table}" SET client_id = %s', [hidden.pk])
        else:
            cursor.execute(f'UPDATE "{table}" SET client_id = %s', [hidden.pk])
            assert cursor.rowcount == 0


@pytest.mark.parametrize("verb", ["INSERT", "UPDATE", "DELETE"])
def test_a_person_with_assigned_reach_assigns_nobody(furnished: Agency, verb: str) -> None:
    statement = {
        "INSERT": "INSERT INTO clients_clientgrant (organization_id, client_id, user_id, permission_id, created_at)"
        " SELECT organization_id, %(client)s, user_id, permission_id, now() FROM clients_clientgrant",
        "UPDATE": "UPDATE clients_clientgrant SET client_id = %(client)s",
        "DELETE": "DELETE FROM clients_clientgrant",
    }[verb]
    with seen_by(furnished.actor("member")) as cursor, pytest.raises(Error, match="permission denied"):
        cursor.execute(statement, {"client": furnished.clients[2].pk})


def test_who_creates_a_client_with_assigned_reach_is_assigned_to_it(agency: Agency) -> None:
    with seen_by(agency.actor("member")) as cursor:
        cursor.execute(
            "INSERT INTO clients_client SELECT (jsonb_populate_record(c, jsonb_build_object('id', %s::text))).*"
            " FROM clients_client c LIMIT 1",
            ["0198c0de-0000-7000-8000-000000000001"],
        )
        assert len(rows(cursor, "clients_client")) == 2
        assert len(rows(cursor, "clients_clientgrant")) == 2
