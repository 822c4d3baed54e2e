"""The database roles, checked inside a real PostgreSQL."""

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from iam_dashboard.servers import Postgres
from tenancy.provision import DatabaseRole, Provisioned, ProvisionError, provision

pytestmark = pytest.mark.requirement("CLI-5")

OWNER_PASSWORD, APP_PASSWORD = "o:w/n@er", "a p%p"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    postgres = Postgres(tmp_path_factory.mktemp("provision") / "postgres", fast=True)
    postgres.start()
    yield postgres
    postgres.destroy()


@pytest.fixture(scope="module")
def provisioned(server: Postgres) -> Provisioned:
    return provision(server.superuser_dsn(), "iam", OWNER_PASSWORD, APP_PASSWORD)


@pytest.fixture
def application(provisioned: Provisioned) -> Iterator[psycopg.Connection]:
    with psycopg.connect(provisioned.app_url) as connection:
        yield connection
        connection.rollback()


@pytest.fixture
def owner(provisioned: Provisioned) -> Iterator[psycopg.Connection]:
    with psycopg.connect(provisioned.owner_url) as connection:
        yield connection
        connection.rollback()


@pytest.mark.parametrize("role", DatabaseRole)
def test_no_role_has_a_privilege_of_the_cluster(application: psycopg.Connection, role: DatabaseRole) -> None:
    privileges = application.execute(
        "SELECT rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls FROM pg_roles WHERE rolname = %s",
        [role.value],
    ).fetchone()

    assert privileges == (False,) * 5


def test_only_owner_and_application_can_sign_in(application: psycopg.Connection) -> None:
    names = application.execute("SELECT rolname FROM pg_roles WHERE rolcanlogin AND rolname LIKE 'iam%'").fetchall()

    assert sorted(name for (name,) in names) == ["iam_app", "iam_owner"]


def test_the_application_owns_nothing(application: psycopg.Connection) -> None:
    owned = application.execute(
        "SELECT count(*) FROM pg_shdepend WHERE refobjid = 'iam_app'::regrole AND deptype = 'o'"
    )

    assert owned.fetchone() == (0,)


@pytest.mark.parametrize("role", [DatabaseRole.TENANT, DatabaseRole.ASSIGNED, DatabaseRole.PLATFORM])
def test_the_application_puts_a_role_on_for_one_transaction(
    application: psycopg.Connection, role: DatabaseRole
) -> None:
    with application.transaction():
        application.execute(f"SET LOCAL ROLE {role}")
        inside = application.execute("SELECT current_user").fetchone()
    outside = application.execute("SELECT current_user").fetchone()

    assert (inside, outside) == ((role.value,), ("iam_app",))


@pytest.mark.parametrize("role", [DatabaseRole.TENANT, DatabaseRole.ASSIGNED, DatabaseRole.PLATFORM])
def test_the_application_inherits_no_right_of_a_role(
    application: psycopg.Connection, owner: psycopg.Connection, role: DatabaseRole
) -> None:
    owner.execute(f"CREATE TABLE private_{role} AS SELECT 1 AS number")
    owner.execute(f"GRANT SELECT ON private_{role} TO {role}")
    allowed = owner.execute(
        "SELECT has_table_privilege(%s, %s, 'SELECT'), has_table_privilege('iam_app', %s, 'SELECT')",
        [role.value, f"private_{role}", f"private_{role}"],
    ).fetchone()

    assert allowed == (True, False)


def test_the_application_cannot_become_the_owner(application: psycopg.Connection) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        application.execute("SET ROLE iam_owner")


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE anything (number int)",
        "CREATE TEMP TABLE anything (number int)",
        "CREATE SCHEMA anything",
        "CREATE DATABASE anything",
        "CREATE ROLE anything",
        "GRANT iam_tenant TO postgres",
        "ALTER ROLE iam_tenant BYPASSRLS",
    ],
)
@pytest.mark.parametrize("role", ["iam_app", "iam_tenant", "iam_assigned", "iam_platform"])
def test_no_role_of_the_application_can_make_anything(provisioned: Provisioned, role: str, statement: str) -> None:
    with psycopg.connect(provisioned.app_url, autocommit=True) as connection:
        connection.execute(f"SET ROLE {role}")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement.encode())


def test_the_application_cannot_enter_another_database_of_the_product(
    server: Postgres, provisioned: Provisioned
) -> None:
    with psycopg.connect(server.superuser_dsn(), autocommit=True) as superuser:
        superuser.execute("CREATE DATABASE other OWNER iam_owner")
        superuser.execute("REVOKE CONNECT ON DATABASE other FROM PUBLIC")

    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(provisioned.app_url, dbname="other")


def test_a_migration_hands_a_function_to_the_platform_role(owner: psycopg.Connection) -> None:
    owner.execute("CREATE FUNCTION answer() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 42'")
    owner.execute("GRANT CREATE ON SCHEMA public TO iam_platform")
    owner.execute("ALTER FUNCTION answer() OWNER TO iam_platform")
    owner.execute("REVOKE CREATE ON SCHEMA public FROM iam_platform")

    assert owner.execute("SELECT proowner::regrole::text FROM pg_proc WHERE proname = 'answer'").fetchone() == (
        "iam_platform",
    )


def test_statements_of_the_application_end_in_time(application: psycopg.Connection) -> None:
    limits = application.execute(
        "SELECT current_setting('statement_timeout'), current_setting('lock_timeout'),"
        " current_setting('idle_in_transaction_session_timeout'), current_setting('jit')"
    ).fetchone()

    assert limits == ("30s", "5s", "1min", "off")


def test_running_it_again_keeps_the_data(server: Postgres) -> None:
    first = provision(server.superuser_dsn(), "kept", OWNER_PASSWORD, APP_PASSWORD)
    with psycopg.connect(first.owner_url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
    second = provision(server.superuser_dsn(), "kept", OWNER_PASSWORD, APP_PASSWORD)

    assert second == first
    with psycopg.connect(second.owner_url) as connection:
        assert connection.execute("SELECT number FROM kept").fetchone() == (7,)


def test_rights_given_by_hand_are_taken_back(server: Postgres, provisioned: Provisioned) -> None:
    with psycopg.connect(server.superuser_dsn("iam"), autocommit=True) as superuser:
        superuser.execute("ALTER ROLE iam_app BYPASSRLS CREATEROLE")
        superuser.execute("GRANT iam_owner TO iam_app WITH INHERIT TRUE")
        superuser.execute("GRANT CREATE ON SCHEMA public TO PUBLIC")
        provision(server.superuser_dsn(), "iam", OWNER_PASSWORD, APP_PASSWORD)
        left = superuser.execute(
            "SELECT rolbypassrls, rolcreaterole, pg_has_role('iam_app', 'iam_owner', 'MEMBER'),"
            " has_schema_privilege('iam_app', 'public', 'CREATE') FROM pg_roles WHERE rolname = 'iam_app'"
        ).fetchone()

    assert left == (False, False, False, False)


def test_several_callers_at_once_all_succeed(server: Postgres) -> None:
    with ThreadPoolExecutor(8) as callers:
        names = [f"shared_{number % 3}" for number in range(8)]
        results = list(
            callers.map(lambda name: provision(server.superuser_dsn(), name, OWNER_PASSWORD, APP_PASSWORD), names)
        )

    for result in results:
        psycopg.connect(result.app_url).close()


def test_a_database_that_sorts_differently_is_refused(server: Postgres) -> None:
    with psycopg.connect(server.superuser_dsn(), autocommit=True) as superuser:
        superuser.execute("CREATE DATABASE elsewhere TEMPLATE template0 LOCALE_PROVIDER libc LOCALE 'C'")

    with pytest.raises(ProvisionError, match="another encoding or locale"):
        provision(server.superuser_dsn(), "elsewhere", OWNER_PASSWORD, APP_PASSWORD)


def test_an_empty_password_is_refused(server: Postgres) -> None:
    with pytest.raises(ProvisionError, match="password of iam_app is empty"):
        provision(server.superuser_dsn(), "iam", OWNER_PASSWORD, "")


def run_as_command(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tenancy.provision"]
    path = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.run(command, env={**path, **environment}, capture_output=True, text=True, check=False)


def test_the_command_provisions_what_the_environment_names(server: Postgres, provisioned: Provisioned) -> None:
    environment = {
        "SUPERUSER_DATABASE_URL": server.superuser_dsn(),
        "DATABASE_NAME": "by_command",
        "OWNER_PASSWORD": OWNER_PASSWORD,
        "APP_PASSWORD": APP_PASSWORD,
    }
    result = run_as_command(environment)

    assert (result.returncode, result.stderr) == (0, "")
    assert APP_PASSWORD not in result.stdout
    psycopg.connect(provisioned.app_url, dbname="by_command").close()


def test_the_command_names_what_is_missing() -> None:
    result = run_as_command({"DATABASE_NAME": "iam"})

    assert result.returncode == 2
    assert result.stderr == "Set SUPERUSER_DATABASE_URL, OWNER_PASSWORD, APP_PASSWORD in the environment.\n"
