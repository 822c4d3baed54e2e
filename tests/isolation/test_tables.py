"""Threat 11: raw SQL as the application's own database role. The tables are asked of PostgreSQL, so that a new one is
enrolled by existing: it fails here until it is isolated, and until `furnish` puts rows of two organizations into it."""

from __future__ import annotations

import json
from typing import Any

import psycopg
import pytest
from django.db import Error, connection, transaction

from tenancy.actors import SystemActor
from tenancy.context import acting, tell_database
from tenancy.inspection import login_faults, tenant_tables
from tests.environment import TEMPLATE
from tests.isolation.rows import keys, rows, seen_by
from tests.world import Agency, furnish

pytestmark = [pytest.mark.django_db, pytest.mark.requirement("CLI-5")]

#: Rows that belong to no organization and are there for all of them: the catalogue, the built-in roles, what they hold,
#: and that they changed.
SHARED = {
    "roles_permission": "SELECT t.ctid::text FROM roles_permission t WHERE organization_id IS NULL",
    "roles_role": "SELECT t.ctid::text FROM roles_role t WHERE organization_id IS NULL",
    "roles_rolepermission": "SELECT t.ctid::text FROM roles_rolepermission t JOIN roles_role r ON r.id = t.role_id"
    " WHERE r.organization_id IS NULL",
    "roles_policychange": "SELECT t.ctid::text FROM roles_policychange t"
    " WHERE organization_id IS NULL AND kind LIKE 'role%'",
}

FOREIGN_KEYS = """
SELECT k.conrelid::regclass::text, a.attname, k.confrelid::regclass::text, b.attname
FROM pg_constraint k
JOIN LATERAL unnest(k.conkey, k.confkey) AS pair (here, there) ON true
JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = pair.here
JOIN pg_attribute b ON b.attrelid = k.confrelid AND b.attnum = pair.there
WHERE k.contype = 'f' AND a.attname <> 'organization_id'
"""


def table_names() -> list[str]:
    """Return the tenant tables of the template database, asked before any test runs."""
    import os

    from psycopg.conninfo import make_conninfo

    from tests.environment import SUPERUSER

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "iam_dashboard.settings")
    from tenancy.inspection import TABLES

    with psycopg.connect(make_conninfo(os.environ[SUPERUSER], dbname=TEMPLATE)) as server:
        return [row[0] for row in server.execute(TABLES, ["accounts_organization"])]


TABLE_NAMES = table_names()
each_table = pytest.mark.parametrize("table", TABLE_NAMES)


@pytest.fixture
def two(agency: Agency, other_agency: Agency) -> tuple[Agency, Agency]:
    furnish(agency)
    furnish(other_agency)
    return agency, other_agency


def test_every_table_of_an_organization_is_isolated() -> None:
    tables = tenant_tables()
    assert {"accounts_organization", "clients_client", "audit_accessrecord"} <= {table.name for table in tables}
    assert [fault for table in tables for fault in table.faults] == []


def test_the_login_role_is_held_by_policies() -> None:
    assert login_faults() == []


@each_table
def test_without_a_context_there_are_no_rows(two: Any, table: str) -> None:
    with seen_by(None) as cursor:
        assert rows(cursor, table) == []


@each_table
def test_each_organization_sees_its_own_rows_and_no_other(two: tuple[Agency, Agency], table: str) -> None:
    seen = []
    for agency in two:
        with seen_by(agency.actor("owner")) as cursor:
            seen.append(keys(cursor, table))
    assert all(seen), f"tests.world.furnish puts no row of an organization into {table}"
    common = seen[0] & seen[1]
    if table in SHARED:
        with seen_by(SystemActor("look")) as cursor:
            cursor.execute(SHARED[table])
            common -= {key for (key,) in cursor.fetchall()}
        assert all(own - (seen[0] & seen[1]) for own in seen)
    assert common == set()


@each_table
def test_a_row_of_another_organization_cannot_be_inserted(two: tuple[Agency, Agency], table: str) -> None:
    ours, theirs = two
    with seen_by(theirs.actor("owner")) as cursor:
        foreign = _own_row(cursor, table)
    with seen_by(ours.actor("owner")) as cursor, pytest.raises(Error, match="row-level security|permission denied"):
        cursor.execute(
            f'INSERT INTO "{table}" SELECT * FROM jsonb_populate_record(NULL::"{table}", %s)', [json.dumps(foreign)]
        )


@each_table
@pytest.mark.parametrize("verb", ["UPDATE", "DELETE"])
def test_rows_of_another_organization_cannot_be_changed(two: tuple[Agency, Agency], table: str, verb: str) -> None:
    ours, theirs = two
    with seen_by(theirs.actor("owner")) as cursor:
        foreign = keys(cursor, table)
        column = _any_column(cursor, table)
    with seen_by(ours.actor("owner")) as cursor:
        foreign -= keys(cursor, table)
        change = f'UPDATE "{table}" SET "{column}" = "{column}"' if verb == "UPDATE" else f'DELETE FROM "{table}"'
        try:
            cursor.execute(f"{change} WHERE ctid = ANY (%s::tid[])", [list(foreign)])
            assert cursor.rowcount == 0
        except Error as refused:
            assert "permission denied" in str(refused)
    assert foreign


@pytest.mark.parametrize("table", [name for name in TABLE_NAMES if name != "accounts_organization"])
def test_a_row_cannot_be_moved_into_another_organization(two: tuple[Agency, Agency], table: str) -> None:
    ours, theirs = two
    with seen_by(ours.actor("owner")) as cursor:
        own = _own_row(cursor, table)
        if "organization_id" not in own:
            pytest.skip(f"{table} has no organization of its own; its parent is tested")
        with pytest.raises(Error, match="row-level security|permission denied|stays in its organization|keeps its"):
            cursor.execute(f'UPDATE "{table}" SET organization_id = %s', [theirs.organization.pk])


def foreign_keys() -> list[tuple[str, str, str, str]]:
    import os

    from psycopg.conninfo import make_conninfo

    from tests.environment import SUPERUSER

    with psycopg.connect(make_conninfo(os.environ[SUPERUSER], dbname=TEMPLATE)) as server:
        found = {tuple(row) for row in server.execute(FOREIGN_KEYS)}
    return sorted(key for key in found if key[0] in TABLE_NAMES and key[2] in TABLE_NAMES)  # type: ignore[return-value,misc]


@pytest.mark.parametrize(("table", "column", "target", "target_column"), foreign_keys())
def test_a_reference_cannot_point_into_another_organization(
    two: tuple[Agency, Agency], table: str, column: str, target: str, target_column: str
) -> None:
    """Threat 9: PostgreSQL checks foreign keys without row-level security, so each needs a rule of its own."""
    ours, theirs = two
    with seen_by(theirs.actor("owner")) as cursor:
        foreign = _own_row(cursor, target)[target_column]
    with seen_by(ours.actor("owner")) as cursor:
        own = _own_row(cursor, table)
        assert own
        with pytest.raises(
            Error,
            match="row-level security|permission denied|foreign key|same organization|another organization|keeps its",
        ):
            cursor.execute(f'UPDATE "{table}" SET "{column}" = %s WHERE ctid = %s::tid', [foreign, own["_at"]])
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_a_connection_carries_nothing_over_after_an_error(agency: Agency) -> None:
    with pytest.raises(ZeroDivisionError), acting(agency.actor("owner")):
        raise ZeroDivisionError
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, current_setting('app.organization_id', true)")
        user, organization = cursor.fetchone()
    assert user == "iam_app"
    assert organization in (None, "")


def test_leaving_an_inner_context_gives_the_outer_one_back(agency: Agency, other_agency: Agency) -> None:
    inner = other_agency.actor("owner")
    with acting(agency.actor("owner")), connection.cursor() as cursor:
        with acting(inner):
            pass
        cursor.execute("SELECT current_user, current_setting('app.organization_id')")
        assert cursor.fetchone() == ("iam_tenant", str(agency.organization.pk))


def test_a_failed_statement_leaves_no_context_behind(agency: Agency) -> None:
    with pytest.raises(Error), transaction.atomic():
        tell_database(agency.actor("owner"))
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 / 0")
    with seen_by(None) as cursor:
        assert rows(cursor, "clients_client") == []


def _own_row(cursor: Any, table: str) -> dict[str, Any]:
    """Return one visible row that belongs to an organization, with its place as `_at`."""
    cursor.execute(f"SELECT to_jsonb(t.*) || jsonb_build_object('_at', t.ctid::text) FROM \"{table}\" t")
    found: list[dict[str, Any]] = [json.loads(row) for (row,) in cursor.fetchall()]
    if table == "roles_rolepermission":
        cursor.execute("SELECT id::text FROM roles_role WHERE organization_id IS NOT NULL")
        own_roles = {key for (key,) in cursor.fetchall()}
        found = [row for row in found if row["role_id"] in own_roles]
    elif "organization_id" in (found[0] if found else {}):
        found = [row for row in found if row["organization_id"]]
    assert found, f"tests.world.furnish puts no row of an organization into {table}"
    return found[0]


def _any_column(cursor: Any, table: str) -> str:
    cursor.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_name = %s"
        " AND column_name NOT IN ('id', 'organization_id') LIMIT 1",
        [table],
    )
    return str(cursor.fetchone()[0])
