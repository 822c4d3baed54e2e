"""A pytest plugin: real PostgreSQL and Redis for the run, and a database of its own for each worker.

The controlling process starts the servers and migrates one template database; each worker copies it. It is loaded
before Django's settings are (`-p tests.environment`), for they are read from the environment.
"""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from iam_dashboard.servers import Postgres, Redis
from tenancy.provision import provision

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE = "iam_template"
SUPERUSER = "IAM_TEST_SUPERUSER_DSN"
_running: list[Postgres | Redis | Path] = []
_starter = os.getpid()


def _settings(url: str, redis_url: str, media: str, static: str) -> dict[str, str]:
    return {
        "DJANGO_SETTINGS_MODULE": "iam_dashboard.settings",
        "SECRET_KEY": "only-for-tests",
        "DATABASE_URL": url,
        "DATABASE_POOL_SIZE": "0",
        "REDIS_URL": redis_url,
        "ALLOWED_HOSTS": "testserver,localhost,127.0.0.1",
        "INSECURE_HTTP": "true",
        "HASHED_STATIC_FILES": "false",
        "MEDIA_ROOT": media,
        "STATIC_ROOT": static,
        "BASE_URL": "http://testserver",
    }


def _start() -> None:
    # A run that is told to end stops its servers, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    directory = Path(tempfile.mkdtemp(prefix="iam-tests-"))
    directory.chmod(0o755)
    _running.append(directory)
    postgres = Postgres(directory / "postgres", None, fast=True)
    postgres.start()
    redis = Redis(directory / "redis", None)
    redis.start()
    _running.extend([postgres, redis])
    made = provision(postgres.superuser_dsn(), TEMPLATE, "owner", "app")
    os.environ.update(_settings(made.app_url, redis.url, str(directory / "media"), str(directory / "static")))
    (directory / "static").mkdir()
    os.environ["DATABASE_OWNER_URL"] = made.owner_url
    os.environ[SUPERUSER] = postgres.superuser_dsn()
    for arguments in (["migrate", "--database", "owner", "--verbosity", "0"], ["sync_roles", "--apply"]):
        subprocess.run([sys.executable, "manage.py", *arguments], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def copy_database(name: str) -> str:
    """Make a fresh copy of the migrated database under that name and return the application's URL of it."""
    with psycopg.connect(os.environ[SUPERUSER], autocommit=True) as server:
        names = {"name": sql.Identifier(name), "template": sql.Identifier(TEMPLATE)}
        server.execute(sql.SQL("DROP DATABASE IF EXISTS {name} WITH (FORCE)").format(**names))
        server.execute(
            sql.SQL("CREATE DATABASE {name} TEMPLATE {template} OWNER iam_owner STRATEGY FILE_COPY").format(**names)
        )
    head, _, _ = os.environ["DATABASE_URL"].rpartition("/")
    return f"{head}/{name}"


def drop_database(name: str) -> None:
    """Remove a copy."""
    with psycopg.connect(os.environ[SUPERUSER], autocommit=True) as server:
        server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


@atexit.register
def stop() -> None:
    """Stop the servers that this process started, however it ends; only kill -9 leaves them behind."""
    while _running and os.getpid() == _starter:
        started = _running.pop()
        if isinstance(started, Path):
            shutil.rmtree(started, ignore_errors=True)
        else:
            started.stop()


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the servers as soon as the last test is done."""
    stop()


if "PYTEST_XDIST_WORKER" not in os.environ:
    _start()
_worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
os.environ["DATABASE_URL"] = copy_database(f"iam_{_worker}")
os.environ["MEDIA_ROOT"] = str(Path(os.environ["MEDIA_ROOT"]) / _worker)
_number = int(_worker[2:]) + 1 if _worker.startswith("gw") else 0
os.environ["REDIS_URL"] = f"{os.environ['REDIS_URL'].rpartition('/')[0]}/{_number}"
