"""The database roles of the product, and a database that they own: ``python -m tenancy.provision``.

Three layers: ``iam_owner`` owns the database and runs migrations; ``iam_app`` is what the application signs in as and
may do nothing by itself; ``iam_tenant``, ``iam_assigned`` and ``iam_platform`` carry the rights and are put on for one
transaction with SET LOCAL ROLE.
"""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import quote

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

OLDEST_SERVER = 170000  # the first with the builtin locale provider
LOCK_KEY = 0x49414D  # "IAM"
MAINTENANCE_DATABASE = "postgres"


class DatabaseRole(StrEnum):
    """A role of the PostgreSQL cluster. The names are fixed: two installations do not share one cluster."""

    OWNER = "iam_owner"
    APPLICATION = "iam_app"
    TENANT = "iam_tenant"
    ASSIGNED = "iam_assigned"
    PLATFORM = "iam_platform"


UNPRIVILEGED = sql.SQL("NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS")
SIGNED_IN = (DatabaseRole.OWNER, DatabaseRole.APPLICATION)
PUT_ON = (DatabaseRole.TENANT, DatabaseRole.ASSIGNED, DatabaseRole.PLATFORM)
MEMBERSHIPS: Mapping[DatabaseRole, tuple[DatabaseRole, ...]] = {
    DatabaseRole.APPLICATION: PUT_ON,
    # Migrations create SECURITY DEFINER functions as the role whose sight they lend.
    DatabaseRole.OWNER: PUT_ON,
}
APPLICATION_SETTINGS: Mapping[str, str] = {
    "search_path": "public",
    "jit": "off",
    "lock_timeout": "5s",
    "statement_timeout": "30s",
    "idle_in_transaction_session_timeout": "60s",
}


class ProvisionError(Exception):
    """The server or the database cannot be used; the message says what to do."""


@dataclass(frozen=True)
class Provisioned:
    """The two addresses of a provisioned database."""

    owner_url: str
    app_url: str


def provision(superuser_dsn: str, database: str, owner_password: str, app_password: str) -> Provisioned:
    """Make the five roles and the database, or bring existing ones to the expected state, and return their addresses.

    Running it again changes nothing, except that the passwords become the given ones. Callers at the same time wait
    for each other. Raises ProvisionError for an empty password, a server older than PostgreSQL 17, or a database whose
    text sorts differently.
    """
    passwords = {DatabaseRole.OWNER: owner_password, DatabaseRole.APPLICATION: app_password}
    for role, password in passwords.items():
        if not password:
            raise ProvisionError(f"The password of {role} is empty: set one.")
    with _connect(superuser_dsn, MAINTENANCE_DATABASE) as cluster:
        if cluster.info.server_version < OLDEST_SERVER:
            major = cluster.info.server_version // 10000
            raise ProvisionError(f"PostgreSQL {major} is too old: use version 17 or newer.")
        cluster.execute("SELECT pg_advisory_lock(%s)", [LOCK_KEY])
        with cluster.transaction():
            _ensure_roles(cluster, passwords)
        _ensure_database(cluster, database)
        with _connect(superuser_dsn, database) as inside, inside.transaction():
            _restrict_database(inside, database)
    return Provisioned(
        owner_url=_url(superuser_dsn, DatabaseRole.OWNER, owner_password, database),
        app_url=_url(superuser_dsn, DatabaseRole.APPLICATION, app_password, database),
    )


def _connect(dsn: str, database: str) -> psycopg.Connection:
    return psycopg.connect(make_conninfo(dsn, dbname=database), autocommit=True)


def _ensure_roles(cluster: psycopg.Connection, passwords: Mapping[DatabaseRole, str]) -> None:
    existing = {name for (name,) in cluster.execute("SELECT rolname FROM pg_roles WHERE rolname LIKE 'iam\\_%%'")}
    for role in DatabaseRole:
        if role not in existing:
            cluster.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(role)))
        rights = sql.SQL("LOGIN") if role in SIGNED_IN else sql.SQL("NOLOGIN")
        inheritance = sql.SQL("INHERIT") if role is DatabaseRole.OWNER else sql.SQL("NOINHERIT")
        cluster.execute(
            sql.SQL("ALTER ROLE {} {} {} {}").format(sql.Identifier(role), rights, inheritance, UNPRIVILEGED)
        )
    for role, password in passwords.items():
        # The server receives only the verifier, so its log cannot show the password.
        verifier = cluster.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
        cluster.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role), sql.Literal(verifier)))
    for member, granted in MEMBERSHIPS.items():
        _ensure_memberships(cluster, member, granted)
    for setting, wanted in APPLICATION_SETTINGS.items():
        cluster.execute(
            sql.SQL("ALTER ROLE {} SET {} = {}").format(
                sql.Identifier(DatabaseRole.APPLICATION), sql.Identifier(setting), sql.Literal(wanted)
            )
        )


def _ensure_memberships(cluster: psycopg.Connection, member: DatabaseRole, granted: tuple[DatabaseRole, ...]) -> None:
    """Give the member exactly the granted roles: to be put on, never inherited, never passed on."""
    held = cluster.execute(
        "SELECT roleid::regrole::text FROM pg_auth_members WHERE member = %s::regrole", [member.value]
    ).fetchall()
    for (name,) in held:
        if name not in granted:
            cluster.execute(sql.SQL("REVOKE {} FROM {}").format(sql.Identifier(name), sql.Identifier(member)))
    for role in granted:
        cluster.execute(
            sql.SQL("GRANT {} TO {} WITH ADMIN FALSE, INHERIT FALSE, SET TRUE").format(
                sql.Identifier(role), sql.Identifier(member)
            )
        )


def _ensure_database(cluster: psycopg.Connection, database: str) -> None:
    row = cluster.execute(
        "SELECT datlocprovider, datlocale, pg_encoding_to_char(encoding) FROM pg_database WHERE datname = %s",
        [database],
    ).fetchone()
    if row is None:
        cluster.execute(
            sql.SQL(
                "CREATE DATABASE {} OWNER {} TEMPLATE template0 ENCODING 'UTF8' "
                "LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' LOCALE 'C'"
            ).format(sql.Identifier(database), sql.Identifier(DatabaseRole.OWNER))
        )
    elif row not in {("b", "C.UTF-8", "UTF8"), ("b", "C.UTF8", "UTF8")}:
        raise ProvisionError(
            f"The database {database} has another encoding or locale than UTF8 with the builtin C.UTF-8, so indexed "
            "prefix searches would miss rows: dump it, let provision make a new one, and restore into that."
        )


def _restrict_database(inside: psycopg.Connection, database: str) -> None:
    owner, application = sql.Identifier(DatabaseRole.OWNER), sql.Identifier(DatabaseRole.APPLICATION)
    users = sql.SQL(", ").join(sql.Identifier(role) for role in (DatabaseRole.APPLICATION, *PUT_ON))
    everyone = sql.SQL(", ").join([sql.SQL("PUBLIC"), users])
    names = {"database": sql.Identifier(database), "owner": owner, "app": application, "users": users, "all": everyone}
    for statement in (
        "ALTER DATABASE {database} OWNER TO {owner}",
        "REVOKE ALL ON DATABASE {database} FROM {all}",
        "GRANT CONNECT ON DATABASE {database} TO {owner}, {app}",
        "ALTER SCHEMA public OWNER TO {owner}",
        "REVOKE ALL ON SCHEMA public FROM {all}",
        "GRANT USAGE ON SCHEMA public TO {users}",
    ):
        inside.execute(sql.SQL(statement).format(**names))


def _url(superuser_dsn: str, role: DatabaseRole, password: str, database: str) -> str:
    parameters = conninfo_to_dict(superuser_dsn)
    host = quote(str(parameters.get("host") or "localhost"), safe="")
    port = parameters.get("port") or 5432
    encryption = f"?sslmode={parameters['sslmode']}" if parameters.get("sslmode") else ""
    return f"postgres://{role}:{quote(password, safe='')}@{host}:{port}/{quote(database, safe='')}{encryption}"


def main() -> int:
    """Provision what the environment names; return the exit code."""
    names = ("SUPERUSER_DATABASE_URL", "DATABASE_NAME", "OWNER_PASSWORD", "APP_PASSWORD")
    if missing := [name for name in names if not os.environ.get(name)]:
        print(f"Set {', '.join(missing)} in the environment.", file=sys.stderr)
        return 2
    dsn, database, owner_password, app_password = (os.environ[name] for name in names)
    try:
        provision(dsn, database, owner_password, app_password)
    except (ProvisionError, psycopg.Error) as error:
        print(f"Not provisioned: {error}", file=sys.stderr)
        return 1
    print(f"Database {database} and the roles {', '.join(DatabaseRole)} are ready.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
