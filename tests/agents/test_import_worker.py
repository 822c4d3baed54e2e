"""Imports by a real Celery worker: another process, a database that commits, the real queue."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import connection
from django.db.models import Count
from django.utils import timezone

from agents.actions import CancelImport, RequeueStranded
from agents.actions.run import CHUNK
from agents.models import LEASE, ImportRun
from audit.models import ModelChange
from clients.models import Client, Contact
from iam_dashboard.celery import app
from roles.models import Membership
from tenancy.context import acting
from tests.agents.importing import fresh, people, started
from tests.environment import ROOT, SUPERUSER
from tests.factories import inside, on_platform
from tests.world import Agency, make_agency

pytestmark = [pytest.mark.slow, pytest.mark.requirement("AGT-4")]
ROWS = 3 * CHUNK + 200
PATIENCE = 60


@pytest.fixture
def committed(committed_db) -> Agency:
    """An agency whose rows another process sees."""
    return make_agency("Larkmoor")


@pytest.fixture
def worker(committed_db, tmp_path) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Return what starts a Celery worker on the test's database, in a process group of its own."""
    running: list[subprocess.Popen[bytes]] = []
    environment = os.environ | {
        "DATABASE_URL": committed_db,
        "REDIS_URL": settings.REDIS_URL,
        "MEDIA_ROOT": str(settings.MEDIA_ROOT),
    }

    def start() -> subprocess.Popen[bytes]:
        command = "-m celery -A iam_dashboard worker --concurrency 1 --without-gossip --without-mingle"
        with (tmp_path / f"worker-{len(running)}.log").open("wb") as log:
            running.append(
                subprocess.Popen(
                    [sys.executable, *command.split()],
                    cwd=ROOT,
                    env=environment,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            )
        return running[-1]

    yield start
    for process in running:
        kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """End a worker and its children as a power cut would."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(PATIENCE)


def child_of(process: subprocess.Popen[bytes]) -> int:
    """Return the process that does a worker's tasks."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return int(children[0])


def until(condition: Callable[[], Any], what: str) -> Any:
    """Return the first true answer of `condition`, asked again and again; fail when it takes too long."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.02)
    raise AssertionError(f"Waited {PATIENCE} seconds for {what}.")


def over(run: ImportRun) -> ImportRun:
    """Return the run when it is over."""
    return until(lambda: (now := fresh(run)).is_over and now, "the end of the import")


@contextmanager
def held_within_a_chunk(committed_db: str) -> Iterator[Callable[[], None]]:
    """Hold a worker within its first chunk, between its clients and its contacts, until the block is left.

    Yields what waits for a worker to stand there.
    """
    name = committed_db.rpartition("/")[2]
    with (
        psycopg.connect(os.environ[SUPERUSER], dbname=name) as holder,
        psycopg.connect(os.environ[SUPERUSER], dbname=name, autocommit=True) as watcher,
    ):
        holder.execute("LOCK TABLE clients_contact IN SHARE MODE")
        held = "SELECT 1 FROM pg_locks WHERE relation = 'clients_contact'::regclass AND NOT granted"
        yield lambda: until(lambda: watcher.execute(held).fetchone(), "a worker within a chunk")
        holder.rollback()


def exactly_once(agency: Agency, by: Any, rows: int = ROWS) -> None:
    """Check that so many rows are a client with a contact, once, and have their history, once, told of that person."""
    with inside(agency.organization):
        made = Client.objects.exclude(source="")
        assert made.count() == made.values("name").distinct().count() == rows
        assert Contact.objects.filter(client__in=made).count() == rows
        history = ModelChange.objects.filter(object_pk__in=[str(pk) for pk in made.values_list("pk", flat=True)])
        assert list(history.values_list("actor_id").annotate(Count("pk")).order_by()) == [(by.pk, rows)]


@pytest.mark.requirement("CLI-1")
def test_a_worker_imports_a_file_for_its_uploader(committed, worker):
    run = started(committed.actor("manager"), people(ROWS))
    worker()
    run = over(run)
    assert (run.state, run.created_clients, run.done_rows) == ("succeeded", ROWS, ROWS)
    exactly_once(committed, committed.manager)


def test_a_worker_killed_within_a_chunk_loses_nothing_and_repeats_nothing(committed, committed_db, worker):
    run = started(committed.actor("owner"), people(ROWS))
    with held_within_a_chunk(committed_db) as wait:
        first = worker()
        wait()
        kill(first)
    assert (fresh(run).state, fresh(run).done_rows) == ("running", 0)
    worker()
    until(RequeueStranded(timezone.now() + LEASE).execute, "the dead worker's locks to go")
    run = over(run)
    assert (run.state, run.done_rows, run.created_clients) == ("succeeded", ROWS, ROWS)
    exactly_once(committed, committed.owner)


def test_a_worker_killed_between_chunks_loses_nothing_and_repeats_nothing(committed, worker):
    run = started(committed.actor("owner"), people(5 * ROWS))
    first = worker()
    until(lambda: fresh(run).done_rows > 0, "the first rows")
    kill(first)
    assert 0 < fresh(run).done_rows < 5 * ROWS
    worker()
    until(RequeueStranded(timezone.now() + LEASE).execute, "the dead worker's locks to go")
    run = over(run)
    assert (run.state, run.done_rows, run.created_clients) == ("succeeded", 5 * ROWS, 5 * ROWS)
    exactly_once(committed, committed.owner, 5 * ROWS)


def test_the_queue_hands_a_run_on_when_only_the_working_child_is_killed(committed, committed_db, worker):
    run = started(committed.actor("owner"), people(ROWS))
    with held_within_a_chunk(committed_db) as wait:
        parent = worker()
        wait()
        os.kill(child_of(parent), signal.SIGKILL)
    run = over(run)
    assert (run.state, run.attempt, run.created_clients) == ("succeeded", 2, ROWS)
    exactly_once(committed, committed.owner)


@pytest.mark.requirement("AGT-3")
def test_a_worker_stops_when_its_uploader_is_removed_meanwhile(committed, committed_db, worker):
    run = started(committed.actor("manager"), people(ROWS))
    with held_within_a_chunk(committed_db) as wait:
        worker()
        wait()
        with on_platform():
            Membership.objects.filter(user=committed.manager).delete()
    run = over(run)
    assert (run.state, run.done_rows, run.created_clients) == ("failed", CHUNK, CHUNK)
    exactly_once(committed, committed.manager, CHUNK)


def test_a_worker_stops_when_the_import_is_cancelled(committed, committed_db, worker):
    run = started(committed.actor("owner"), people(ROWS))
    admin = committed.actor("admin")

    def cancel() -> None:
        with acting(admin):
            CancelImport(admin, run.pk).execute()
        connection.close()

    with ThreadPoolExecutor(1) as pool:
        with held_within_a_chunk(committed_db) as wait:
            worker()
            wait()
            cancelling = pool.submit(cancel)
        cancelling.result(PATIENCE)
    run = over(run)
    assert run.state == "cancelled"
    assert CHUNK <= run.done_rows < ROWS
    exactly_once(committed, committed.owner, run.done_rows)


def test_two_workers_share_a_queue_and_one_does_the_run(committed, worker):
    run = started(committed.actor("owner"), people(ROWS))
    RequeueStranded(timezone.now() + LEASE).execute()
    worker()
    worker()
    run = over(run)
    assert (run.state, run.attempt) == ("succeeded", 1)
    exactly_once(committed, committed.owner)


def test_two_imports_of_one_file_at_once_create_each_client_once(committed, worker):
    runs = [started(committed.actor("owner"), people(ROWS)) for _ in range(2)]
    worker()
    worker()
    runs = [over(run) for run in runs]
    assert sum(run.created_clients for run in runs) == ROWS
    exactly_once(committed, committed.owner)


@pytest.mark.requirement("REL-2")
def test_a_database_connection_lost_within_a_chunk_is_waited_for(committed, committed_db, worker):
    run = started(committed.actor("owner"), people(ROWS))
    with held_within_a_chunk(committed_db) as wait:
        worker()
        wait()
        with psycopg.connect(os.environ[SUPERUSER], autocommit=True) as server:
            waiting = "FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = %s"
            server.execute(f"SELECT pg_terminate_backend(pid) {waiting}", [committed_db.rpartition("/")[2]])
    run = over(run)
    assert (run.state, run.created_clients) == ("succeeded", ROWS)
    exactly_once(committed, committed.owner)


@pytest.fixture
def queue_out_of_reach(monkeypatch) -> None:
    """Point this process, and no worker, at a queue that does not answer."""
    monkeypatch.setattr(app.conf, "broker_url", "redis://127.0.0.1:1/0")
    monkeypatch.setattr(app, "_pool", None)
    monkeypatch.setattr(app.amqp, "_producer_pool", None)


@pytest.mark.requirement("REL-2")
@pytest.mark.usefixtures("queue_out_of_reach")
def test_an_import_started_while_the_queue_is_out_of_reach_stays_queued(committed):
    run = started(committed.actor("owner"), people(3))
    assert fresh(run).state == "queued"
