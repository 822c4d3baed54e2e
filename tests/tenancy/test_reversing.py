"""Migrations are taken back, and each leaves what was there before it: functions, policies, triggers and rights."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.migration import Migration

from tenancy.provision import provision
from tests.environment import SUPERUSER, drop_database
from tests.factories import RoleFactory
from tests.roles.applications import grant, keys_of, register
from tests.world import make_agency

pytestmark = [pytest.mark.requirement("CLI-5"), pytest.mark.slow]

#: Before these there is no isolation, and thus nothing to go back to.
FIRST_ISOLATED = {
    "tenancy": "0001_initial",
    "audit": "0002_isolation",
    "roles": "0002_isolation",
    "accounts": "0003_isolation",
    "clients": "0002_isolation",
    "agents": "0002_isolation",
}
Node = tuple[str, str]
Schema = frozenset[tuple[str, str, str]]

_SCHEMA = """
WITH own AS (
    SELECT c.oid, c.relname, c.relkind, c.relowner, c.relacl, c.relrowsecurity, c.relforcerowsecurity
    FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'S', 'v')
)
SELECT 'table', relname, concat_ws(' ', relkind, relowner::regrole, relrowsecurity, relforcerowsecurity) FROM own
UNION ALL
SELECT 'column', own.relname || '.' || a.attname,
    concat_ws(' ', format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, pg_get_expr(d.adbin, d.adrelid))
FROM own JOIN pg_attribute a ON a.attrelid = own.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
UNION ALL
SELECT 'constraint', own.relname || '.' || conname, pg_get_constraintdef(k.oid)
FROM own JOIN pg_constraint k ON k.conrelid = own.oid
UNION ALL
SELECT 'index', i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid)
FROM own JOIN pg_index i ON i.indrelid = own.oid
UNION ALL
SELECT 'policy', tablename || '.' || policyname, concat_ws(' | ', roles, cmd, qual, with_check)
FROM pg_policies WHERE schemaname = 'public'
UNION ALL
SELECT 'trigger', own.relname || '.' || tgname, pg_get_triggerdef(t.oid)
FROM own JOIN pg_trigger t ON t.tgrelid = own.oid AND NOT t.tgisinternal
UNION ALL
SELECT 'function', oid::regprocedure::text, proowner::regrole || ' ' || pg_get_functiondef(oid)
FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prokind = 'f'
UNION ALL
SELECT 'right', place, concat_ws(' ', grantee::regrole, privilege_type, is_grantable)
FROM (
    SELECT relname AS place,
        coalesce(relacl, acldefault(CASE relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", relowner)) AS acl
    FROM own
    UNION ALL
    SELECT own.relname || '.' || a.attname, a.attacl FROM own JOIN pg_attribute a ON a.attrelid = own.oid
    WHERE NOT a.attisdropped
    UNION ALL
    SELECT oid::regprocedure::text, coalesce(proacl, acldefault('f', proowner)) FROM pg_proc
    WHERE pronamespace = 'public'::regnamespace
    UNION ALL
    SELECT 'public', nspacl FROM pg_namespace WHERE nspname = 'public'
) AS granted, aclexplode(acl)
"""


def schema_of(connection: BaseDatabaseWrapper) -> Schema:
    """Return what the catalog of the database says of everything of ours: kind, name, and definition of each."""
    with connection.cursor() as cursor:
        cursor.execute(_SCHEMA)
        return frozenset(cursor.fetchall())


def told(found: Schema, wanted: Schema) -> list[str]:
    """Return how one differs from the other, a line for each part."""
    changed = [("left", one) for one in found - wanted] + [("missing", one) for one in wanted - found]
    return sorted(f"{kind} {name} {sign}: {definition}" for sign, (kind, name, definition) in changed)


@contextmanager
def migrating(name: str) -> Iterator[BaseDatabaseWrapper]:
    """Give the connection of those who migrate, to the database of this name."""
    connection = connections["owner"]
    before = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = name
    try:
        yield connection
    finally:
        connection.close()
        connection.settings_dict["NAME"] = before


def newest(executor: MigrationExecutor) -> list[Node]:
    return list(executor.loader.graph.leaf_nodes())


@pytest.fixture
def blank(worker_id: str, committed_db: str) -> Iterator[BaseDatabaseWrapper]:
    """An empty database, as its owner sees it."""
    name = f"iam_reversing_{worker_id}"
    provision(os.environ[SUPERUSER], name, "owner", "app")
    try:
        with migrating(name) as connection:
            yield connection
    finally:
        drop_database(name)


def test_each_migration_that_is_taken_back_leaves_what_was_before_it(blank: BaseDatabaseWrapper) -> None:
    executor = MigrationExecutor(blank)
    floor = [(app, FIRST_ISOLATED.get(app, last)) for app, last in newest(executor)]
    executor.migrate(floor)
    before: dict[Node, Schema] = {}
    wrong: dict[str, list[str]] = {}

    def follow(action: str, migration: Migration | None = None, fake: bool = False) -> None:
        if migration is None:
            return
        node = (migration.app_label, migration.name)
        if action == "apply_start":
            before[node] = schema_of(blank)
        if action == "unapply_success" and (difference := told(schema_of(blank), before[node])):
            wrong[str(migration)] = difference

    executor = MigrationExecutor(blank, follow)
    forward = executor.migration_plan(newest(executor))
    executor.migrate(newest(executor), plan=forward)
    fresh = schema_of(blank)
    back = MigrationExecutor(blank, follow)
    back.migrate(floor, plan=[(migration, True) for migration, _ in reversed(forward)])
    assert len(before) == len(forward) > len(FIRST_ISOLATED)
    assert wrong == {}

    again = MigrationExecutor(blank)
    again.migrate(newest(again))
    assert told(schema_of(blank), fresh) == []


def test_applications_end_with_what_holds_them(committed_db: str) -> None:
    agency = make_agency("Larkmoor")
    application = register(agency)
    grant(agency, application, "member", "i-1")
    RoleFactory(organization=agency.organization, keys=keys_of(application).values())
    with migrating(committed_db.rpartition("/")[2]) as connection:
        fresh = schema_of(connection)
        counted = "SELECT count(*), count(*) FILTER (WHERE key LIKE 'app-%%') FROM roles_permission"
        with psycopg.connect(os.environ[SUPERUSER], dbname=connection.settings_dict["NAME"]) as superuser:
            kept, of_applications = superuser.execute(counted.replace("%%", "%")).fetchone() or (0, 0)
            assert of_applications == 3
        MigrationExecutor(connection).migrate([("roles", "0007_forgotten_changes")])
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM roles_permission")
            assert cursor.fetchone() == (kept - of_applications,)
        again = MigrationExecutor(connection)
        again.migrate(newest(again))
        assert told(schema_of(connection), fresh) == []
