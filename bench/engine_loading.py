"""How long it takes to read the snapshot of an organization from PostgreSQL, how much memory it takes, and how long to
search in it."""

from __future__ import annotations

import gc
import hashlib
import random
import statistics
import time
import tracemalloc
from collections.abc import Iterator
from uuid import UUID

import psycopg

from bench.harness import Line, note
from roles.engine import search
from roles.engine.loading import load

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
        seconds = statistics.median(_seconds(place) for _ in range(rounds))
        yield Line(f"{name}, read from PostgreSQL", round(seconds * 1000), "ms", "", None, "for information", None)
        yield Line(f"{name}, held", round(_held(place) / 1e6, 1), "MB", "", None, "for information", None)
        yield from searching(people, each)


def searching(people: int, each: int) -> Iterator[Line]:
    """Yield how long a page of the people takes who may read a client, of the organization written by `loading`."""
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


def _seconds(place: UUID) -> float:
    started = time.perf_counter()
    load(place)
    return time.perf_counter() - started


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
