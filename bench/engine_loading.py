"""How long it takes to read the snapshot of an organization from PostgreSQL, how much memory it takes, and how long to
search in it."""

from __future__ import annotations

import gc
import hashlib
import random
import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from threading import Event, Thread
from typing import NamedTuple
from uuid import UUID

import psycopg

from bench.harness import Line, note
from roles.engine import search
from roles.engine.loading import load, renew
from roles.engine.snapshot import Snapshot

WORLD = """
SELECT set_config('app.organization_id', md5(%(name)s::text)::uuid::text, true);

INSERT INTO accounts_organization (id, name, slug, status, suspension_reason, created_at, updated_at)
VALUES (md5(%(name)s::text)::uuid, %(name)s, %(name)s, 'active', '', now(), now());

INSERT INTO accounts_user (id, email, name, password, is_active, is_superuser, is_service, created_at)
SELECT md5(%(name)s || ' person ' || n)::uuid, 'person' || n || '@' || %(name)s || '.example', '', '!', true, false,
    false, now()
FROM generate_series(0, %(people)s::int - 1) n;

INSERT INTO roles_membership (id, user_id, organization_id, role_id, assigned_at, created_at)
SELECT md5(%(name)s || ' membership ' || n)::uuid, md5(%(name)s || ' person ' || n)::uuid, md5(%(name)s::text)::uuid,
    (SELECT id FROM roles_role WHERE is_system AND name = 'org-member'), now(), now()
FROM generate_series(0, %(people)s::int - 1) n;

INSERT INTO clients_client (id, organization_id, name, status, industry, website, email, phone, street, city,
    region, postal_code, country, employees, annual_revenue, description, source, external_id, created_at,
    updated_at, version)
SELECT md5(%(name)s || ' client ' || n)::uuid, md5(%(name)s::text)::uuid, 'Client', 'active', '', '', '', '', '', '',
    '', '', '', NULL, NULL, '', '', '', now(), now(), 1
FROM generate_series(0, %(clients)s::int - 1) n;

INSERT INTO clients_clientgrant (organization_id, user_id, client_id, permission_id, created_at)
SELECT md5(%(name)s::text)::uuid, md5(%(name)s || ' person ' || n)::uuid,
    md5(%(name)s || ' client ' || (n + m) %% %(clients)s::int)::uuid, iam_change_client_permission(), now()
FROM generate_series(0, %(people)s::int - 1) n, generate_series(1, %(each)s::int) m
"""


def loading(dsn: str, many: int) -> Iterator[Line]:
    """Yield the figures of an ordinary organization and of one with that many people."""
    for people, each, clients, rounds in ((500, 40, 500, 15), (many, 10, 10_000, 1)):
        place = _write(dsn, f"agency-of-{people}", people, each, clients)
        name = f"the snapshot of {people:,} people and {people * each:,} assignments"
        read = [_timed(lambda place=place: load(place)) for _ in range(rounds)]
        seconds, waited = statistics.median(one.seconds for one in read), max(one.waited for one in read)
        yield Line(f"{name}, read from PostgreSQL", round(seconds * 1000), "ms", "", None, "for information", None)
        yield Line(f"{name}, others waited meanwhile", round(waited * 1000), "ms", "", None, "for information", None)
        yield Line(f"{name}, held", round(_held(place) / 1e6, 1), "MB", "", None, "for information", None)
        yield from searching(dsn, people, each)


def searching(dsn: str, people: int, each: int) -> Iterator[Line]:
    """Yield how long a page of the people takes who may read a client, of the organization written by `loading`; then
    how long to learn of a change takes, and the page after that."""
    place = _place(f"agency-of-{people}")
    snapshot = load(place)
    clients = sorted({one for person in snapshot.people.values() for one in person.assigned["client"]})
    asked = random.Random(2026).choices(clients, k=2_000)
    taken = []
    for client in asked:
        started = time.perf_counter()
        found = search.subjects(snapshot, "clients:read", "client", client, limit=50)
        taken.append(time.perf_counter() - started)
        assert found == sorted(one for one in found if snapshot.permits(one, "clients:read", "client", client))
    first, *others = (1_000 * one for one in taken)
    name = f"a page of the people for a client, among {people:,} people and {people * each:,} assignments"
    yield Line(f"{name}, the first of a version", round(first), "ms", "", None, "for information", None)
    slowest = statistics.quantiles(others, n=100)[-1]
    yield Line(f"{name}, 99th percentile", round(slowest, 2), "ms", "", None, "≤ 50 ms", slowest <= 50)
    with psycopg.connect(dsn) as server:
        server.execute("DELETE FROM clients_clientgrant WHERE id = (SELECT max(id) FROM clients_clientgrant)")
    renewed: list[Snapshot] = []
    change = _timed(lambda: renewed.append(renew(snapshot)))
    assert renewed[0].version.own > snapshot.version.own and renewed[0].assignees == load(place).assignees
    page = _timed(lambda: search.subjects(renewed[0], "clients:read", "client", client, limit=50))
    about = f"{people:,} people and {people * each:,} assignments"
    yield Line(
        f"to learn of a change among {about}", round(change.seconds * 1000), "ms", "", None, "for information", None
    )
    yield Line(f"{name}, the first after a change", round(page.seconds * 1000), "ms", "", None, "for information", None)


def _place(name: str) -> UUID:
    return UUID(hashlib.md5(name.encode(), usedforsecurity=False).hexdigest())


def _write(dsn: str, name: str, people: int, each: int, clients: int) -> UUID:
    note(f"Writing {people:,} people with {each} assignments each …")
    numbers = {"name": name, "people": people, "each": each, "clients": clients}
    with psycopg.connect(dsn) as server:
        for statement in WORLD.split(";\n"):
            server.execute(statement, numbers)
    with psycopg.connect(dsn, autocommit=True) as server:
        server.execute("VACUUM ANALYZE")
    return _place(name)


class Timed(NamedTuple):
    """How many seconds something took, and how long another thread of the process had to wait at most meanwhile."""

    seconds: float
    waited: float


def _timed(work: Callable[[], object]) -> Timed:
    """Do the work while another thread wants to go on every millisecond, as a web server's event loop does."""
    gaps, is_done, usual = [0.0], Event(), sys.getswitchinterval()

    def want() -> None:
        before = time.perf_counter()
        while not is_done.is_set():
            time.sleep(0.001)
            gaps.append(time.perf_counter() - before - 0.001)
            before = time.perf_counter()

    sys.setswitchinterval(0.0005)  # as iam_dashboard.asgi sets it
    other = Thread(target=want)
    other.start()
    started = time.perf_counter()
    try:
        work()
        return Timed(time.perf_counter() - started, max(gaps))
    finally:
        is_done.set()
        other.join()
        sys.setswitchinterval(usual)


def _held(place: UUID) -> int:
    """Return how many bytes a snapshot takes once it is read, what was needed to read it given back."""
    gc.collect()
    tracemalloc.start()
    snapshot = load(place)
    gc.collect()
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert snapshot.people
    return held
