"""The embedded PostgreSQL, run for real."""

import os
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from iam_dashboard.servers import Postgres, ServerError, find_free_port
from iam_dashboard.servers.processes import ProcessIdentity

pytestmark = pytest.mark.requirement("REL-1")


def started(directory: Path) -> Iterator[Postgres]:
    postgres = Postgres(directory, fast=True, max_connections=20)
    postgres.start()
    yield postgres
    postgres.destroy()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Postgres]:
    """A server that the test may stop, kill or damage."""
    yield from started(tmp_path / "postgres")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A server that the tests only ask."""
    yield from started(tmp_path_factory.mktemp("running") / "postgres")


def ask(server: Postgres, question: str) -> str:
    with psycopg.connect(server.superuser_dsn(), autocommit=True) as connection:
        row = connection.execute(question.encode()).fetchone()
    assert row is not None
    return str(row[0])


def keep_a_number(server: Postgres) -> None:
    with psycopg.connect(server.superuser_dsn()) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")


def kill_as_the_system_would(server: Postgres) -> None:
    """End the server without warning and give up its lock, as the death of its owner does."""
    assert server.process is not None
    server.process.kill()
    server.process.wait()
    assert server._lock is not None
    server._lock.close()


def test_it_answers_with_utf8_and_a_collation_that_is_the_same_everywhere(running: Postgres) -> None:
    question = "SELECT datlocprovider::text || datlocale || pg_encoding_to_char(encoding) FROM pg_database LIMIT 1"

    assert ask(running, question) in {"bC.UTF-8UTF8", "bC.UTF8UTF8"}


def test_it_refuses_a_connection_with_a_wrong_password(running: Postgres) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(running.superuser_dsn() + " password=guess")


def test_it_listens_on_the_loopback_interface_only(running: Postgres) -> None:
    assert ask(running, "SHOW listen_addresses") == "127.0.0.1"
    assert ask(running, "SHOW unix_socket_directories") == ""


def test_only_its_owner_can_read_the_superuser_password(running: Postgres) -> None:
    assert (running.directory / "superuser-password").stat().st_mode & 0o777 == 0o600


def test_it_never_runs_as_root(running: Postgres) -> None:
    assert running.process is not None

    assert Path(f"/proc/{running.process.pid}").stat().st_uid != 0


def test_the_number_of_connections_can_be_chosen(running: Postgres) -> None:
    assert ask(running, "SHOW max_connections") == "20"


def test_what_was_committed_is_there_after_a_restart(server: Postgres) -> None:
    keep_a_number(server)
    server.stop()
    server.start()

    assert ask(server, "SELECT number FROM kept") == "7"


def test_what_was_committed_is_there_after_a_kill(tmp_path: Path) -> None:
    durable = Postgres(tmp_path / "postgres")
    durable.start()
    keep_a_number(durable)
    kill_as_the_system_would(durable)

    with Postgres(durable.directory) as successor:
        assert ask(successor, "SELECT number FROM kept") == "7"
    successor.destroy()


def test_a_server_that_outlived_its_owner_is_ended_first(server: Postgres) -> None:
    assert server.process is not None
    orphan = ProcessIdentity.of(server.process.pid)
    assert server._lock is not None
    server._lock.close()

    with Postgres(server.directory, fast=True) as successor:
        server.process.wait()
        assert orphan is not None
        assert not orphan.is_running
        assert ask(successor, "SELECT 1") == "1"


def test_a_lock_file_whose_number_belongs_to_another_program_does_not_stop_it(server: Postgres) -> None:
    lock_file = server._cluster / "postmaster.pid"
    content = lock_file.read_text().splitlines()
    kill_as_the_system_would(server)
    lock_file.write_text("\n".join([str(os.getpid()), *content[1:], ""]))

    with Postgres(server.directory, fast=True) as successor:
        assert ask(successor, "SELECT 1") == "1"


def test_two_owners_of_one_directory_are_refused(running: Postgres) -> None:
    with pytest.raises(ServerError, match="in use by another process"):
        Postgres(running.directory).start()


def test_a_taken_port_is_reported_with_the_reason(running: Postgres, tmp_path: Path) -> None:
    second = Postgres(tmp_path / "second", port=running.port, fast=True)

    with pytest.raises(ServerError, match="Address already in use"):
        second.start()
    second.destroy()


def test_a_half_made_cluster_is_made_afresh(tmp_path: Path) -> None:
    postgres = Postgres(tmp_path / "postgres", fast=True)
    (postgres._home / "cluster.new").mkdir(parents=True)
    (postgres._home / "cluster.new" / "PG_VERSION").write_text("18\n")

    with postgres:
        assert ask(postgres, "SELECT 1") == "1"
    postgres.destroy()


def test_data_of_another_major_version_is_refused_with_what_to_do(server: Postgres) -> None:
    server.stop()
    (server._cluster / "PG_VERSION").write_text("12\n")

    with pytest.raises(ServerError, match="written by PostgreSQL 12"):
        Postgres(server.directory).start()


def test_destroying_leaves_no_file(tmp_path: Path) -> None:
    postgres = Postgres(tmp_path / "postgres", fast=True)
    postgres.start()
    places = postgres.places()
    postgres.destroy()

    assert not any(place.exists() for place in places)


def test_stopping_twice_is_harmless(server: Postgres) -> None:
    server.stop()
    server.stop()

    with pytest.raises(ServerError, match="not running"):
        server.superuser_dsn()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to hand the server to another user")
def test_root_can_keep_the_data_where_the_server_cannot_enter(tmp_path: Path) -> None:
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    postgres = Postgres(private / "postgres", fast=True)

    with postgres:
        assert ask(postgres, "SELECT 1") == "1"
        assert not postgres._home.is_relative_to(private)
    postgres.destroy()


def test_a_preferred_port_is_used_only_when_it_is_free(running: Postgres) -> None:
    free = find_free_port()

    assert find_free_port(free) == free
    assert find_free_port(running.port) != running.port


def test_the_end_of_the_server_is_gentle(server: Postgres) -> None:
    process = server.process
    assert process is not None
    server.stop()

    assert process.returncode == 0
