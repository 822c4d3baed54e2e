"""An answer is as new as the last commit before its request, or there is none."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.db import connections

from roles.authzen import threads as threads_module
from roles.authzen.errors import Unavailable
from roles.authzen.places import Places
from roles.authzen.threads import Shared, Together
from roles.authzen.versions import Connection, Versions, connect
from roles.engine.snapshot import Version
from roles.engine.store import SnapshotStore
from tests.isolation.rows import superuser_dsn
from tests.roles.authzen.asking import Answer, Service, question
from tests.world import Agency

pytestmark = [pytest.mark.requirement("PDP-3"), pytest.mark.requirement("PDP-6")]

MOVE = "UPDATE roles_policyversion SET version = nextval('iam_policy_version') WHERE organization_id = %s"


def move(agency: Agency) -> None:
    """Make a new version of the agency's policy behind the application's back."""
    with psycopg.connect(superuser_dsn(), autocommit=True) as database:
        assert database.execute(MOVE, (agency.organization.pk,)).rowcount == 1


@contextmanager
def unreachable(name: str) -> Iterator[None]:
    """Close the database to everybody, and end the connections to it, until the block ends."""
    with psycopg.connect(superuser_dsn(), dbname="postgres", autocommit=True) as server:
        server.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')  # type: ignore[call-overload]
        try:
            server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
            yield
        finally:
            server.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')  # type: ignore[call-overload]
            connections.close_all()


def version_of(answer: Answer) -> Version:
    return Version.parse(answer.json["context"]["version"])


@pytest.fixture
def asked(agency: Agency) -> dict[str, Any]:
    return question(agency.owner, "clients:read", "client", agency.clients[0])


def test_the_next_answer_has_the_version_that_was_made_before_it(
    service: Service, agency: Agency, asked: dict[str, Any]
) -> None:
    before = version_of(service.post("/access/v1/evaluation", asked))
    assert version_of(service.post("/access/v1/evaluation", asked)) == before
    move(agency)
    after = version_of(service.post("/access/v1/evaluation", asked))
    assert after.own > before.own and after.shared == before.shared


def test_a_version_that_was_answered_may_be_asked_for(service: Service, agency: Agency, asked: dict[str, Any]) -> None:
    before = version_of(service.post("/access/v1/evaluation", asked))
    move(agency)
    for version in (before, Version(0, 0)):
        newest = service.post("/access/v1/evaluation", asked | {"context": {"at_least": str(version)}})
        assert newest.decision and version_of(newest).own > before.own


def test_nothing_is_answered_for_a_version_that_is_not_there_yet(
    service: Service, agency: Agency, asked: dict[str, Any]
) -> None:
    version = version_of(service.post("/access/v1/evaluation", asked))
    for later in (Version(version.own + 1, version.shared), Version(version.own, version.shared + 1)):
        context = {"context": {"at_least": str(later)}}
        entities = {"subject": asked["subject"], "resource": asked["resource"]}
        answers = [
            service.post("/access/v1/evaluation", asked | context),
            service.batch(asked, asked | context),
            service.batch(asked, **context),
            service.search("action", **entities, **context),
        ]
        for answer in answers:
            assert answer.status == 503 and int(answer.headers["retry-after"]) > 0
    assert service.batch(asked, asked | {"context": {"at_least": str(version)}}).decisions == [True, True]


def test_a_default_context_counts_for_the_questions_without_one(
    service: Service, agency: Agency, asked: dict[str, Any]
) -> None:
    version = version_of(service.post("/access/v1/evaluation", asked))
    later = {"at_least": str(Version(version.own + 1, version.shared))}
    assert service.batch(asked | {"context": {}}, context=later).decisions == [True]
    assert service.batch(asked | {"context": {}}, asked, context=later).status == 503


def test_a_version_asked_for_is_waited_for_no_longer_than_it_takes_to_come(
    service: Service, agency: Agency, asked: dict[str, Any]
) -> None:
    version = version_of(service.post("/access/v1/evaluation", asked))
    move(agency)
    answer = service.post("/access/v1/evaluation", asked | {"context": {"at_least": f"{version.own + 1}.0"}})
    assert answer.decision


def test_without_postgresql_nothing_is_answered_and_with_it_again(
    service: Service, agency: Agency, module_db: str, asked: dict[str, Any]
) -> None:
    assert service.post("/access/v1/evaluation", asked).decision
    with unreachable(module_db.rpartition("/")[2]):
        for path in ("evaluation", "evaluations", "search/subject", "search/resource", "search/action"):
            answer = service.post(f"/access/v1/{path}", asked)
            assert answer.status == 503 and int(answer.headers["retry-after"]) > 0
        assert Service(service.runner, service.token).post("/access/v1/evaluation", asked).status == 503
        assert service.send("GET", "/.well-known/authzen-configuration").status == 200
    assert service.post("/access/v1/evaluation", asked).decision


def test_a_connection_that_ended_is_replaced_without_a_failure(
    service: Service, agency: Agency, asked: dict[str, Any]
) -> None:
    assert service.post("/access/v1/evaluation", asked).decision
    with psycopg.connect(superuser_dsn(), autocommit=True) as database:
        ended = database.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND usename = 'iam_app'"
        )
        assert ended.rowcount > 0
    connections.close_all()
    assert service.post("/access/v1/evaluation", asked).decision


def test_many_requests_at_once_share_their_readings(agency: Agency) -> None:
    async def statements() -> tuple[int, set[Version]]:
        counted = 0

        class Counted(psycopg.AsyncConnection[Any]):
            async def execute(self, *args: Any, **named: Any) -> Any:
                nonlocal counted
                counted += 1
                return await super().execute(*args, **named)

        async def counting() -> Connection:
            plain = await connect()
            parameters = plain.info.get_parameters() | {"password": plain.info.password}
            await plain.close()
            return await Counted.connect(**parameters, autocommit=True)

        versions = Versions(counting)
        try:
            read = await asyncio.gather(*(versions.read(agency.organization.pk) for _ in range(500)))
        finally:
            await versions.close()
        return counted, set(read)

    counted, read = asyncio.run(statements())
    assert counted == 1 and len(read) == 1


def test_a_request_never_gets_a_reading_that_began_before_it(agency: Agency) -> None:
    """A lock holds up the first reading, whose view of the data is older than the change made meanwhile."""
    organization = agency.organization.pk

    async def play() -> tuple[Version, list[Version]]:
        versions = Versions()
        before = await versions.read(organization)
        async with await psycopg.AsyncConnection.connect(superuser_dsn()) as other:
            await other.execute("LOCK TABLE roles_policyversion IN ACCESS EXCLUSIVE MODE")
            first = asyncio.ensure_future(versions.read(organization))
            while not await _waits(other):
                await asyncio.sleep(0)
            await other.execute(MOVE, (organization,))
            await other.commit()
            others = [asyncio.ensure_future(versions.read(organization)) for _ in range(20)]
            await first
            read = await asyncio.gather(*others)
        await versions.close()
        return before, read

    before, read = asyncio.run(play())
    assert {one.own > before.own for one in read} == {True}


def test_a_reading_that_takes_too_long_is_given_up(agency: Agency) -> None:
    organization = agency.organization.pk

    async def play() -> Version:
        versions = Versions(seconds=0.2)
        async with await psycopg.AsyncConnection.connect(superuser_dsn()) as other:
            await other.execute("LOCK TABLE roles_policyversion IN ACCESS EXCLUSIVE MODE")
            with pytest.raises(Unavailable):
                await versions.read(organization)
        try:
            return await versions.read(organization)
        finally:
            await versions.close()

    assert asyncio.run(play()).own > 0


async def _waits(other: psycopg.AsyncConnection[Any]) -> bool:
    cursor = await other.execute(
        "SELECT count(*) FROM pg_locks WHERE relation = 'roles_policyversion'::regclass AND NOT granted"
    )
    [(waiting,)] = await cursor.fetchall()
    return bool(waiting)


def test_one_caller_who_goes_away_takes_no_reading_from_the_others(agency: Agency) -> None:
    async def play() -> Version:
        versions = Versions()
        leaving = asyncio.ensure_future(versions.read(agency.organization.pk))
        staying = asyncio.ensure_future(versions.read(agency.organization.pk))
        await asyncio.sleep(0)
        leaving.cancel()
        try:
            return await staying
        finally:
            await versions.close()

    assert asyncio.run(play()).own > 0


def test_versions_of_several_organizations_are_read_together(agency: Agency, other_agency: Agency) -> None:
    async def play() -> list[Version]:
        versions = Versions()
        try:
            unknown = UUID(int=0)
            ids = (agency.organization.pk, other_agency.organization.pk, unknown)
            return await asyncio.gather(*(versions.read(one) for one in ids))
        finally:
            await versions.close()

    mine, theirs, unknown = asyncio.run(play())
    assert mine.own != theirs.own and mine.shared == theirs.shared == unknown.shared and unknown.own == 0


def test_work_that_is_shared_begins_after_the_last_of_those_who_share_it() -> None:
    begun: list[int] = []
    started, go_on = Event(), Event()

    def work(key: str) -> int:
        begun.append(len(begun))
        started.set()
        go_on.wait(10)
        return begun[-1]

    async def play() -> list[int]:
        with ThreadPoolExecutor(4) as threads:
            shared = Shared(work, threads)
            first = asyncio.ensure_future(shared("a"))
            await asyncio.to_thread(started.wait, 10)
            later = [asyncio.ensure_future(shared("a")) for _ in range(10)]
            for _ in range(20):
                await asyncio.sleep(0)
            assert len(begun) == 1
            go_on.set()
            return [await first, *await asyncio.gather(*later)]

    assert asyncio.run(play()) == [0, *[1] * 10]
    assert len(begun) == 2


def test_what_is_asked_while_work_is_under_way_is_done_next_all_at_once() -> None:
    done: list[set[int]] = []
    started, go_on = Event(), Event()

    def work(keys: set[int]) -> set[int]:
        done.append(keys)
        started.set()
        go_on.wait(10)
        return {key * 10 for key in keys}

    async def play() -> list[set[int]]:
        with ThreadPoolExecutor(4) as threads:
            together = Together(work, threads)
            first = asyncio.ensure_future(together([1, 2]))
            await asyncio.to_thread(started.wait, 10)
            later = [asyncio.ensure_future(together([key])) for key in (2, 3, 4)]
            for _ in range(20):
                await asyncio.sleep(0)
            assert done == [{1, 2}]
            go_on.set()
            return [await first, *await asyncio.gather(*later), await together([5])]

    assert asyncio.run(play()) == [{10, 20}, *[{20, 30, 40}] * 3, {50}]
    assert done == [{1, 2}, {2, 3, 4}, {5}]


@pytest.mark.parametrize("kind", [Shared, Together])
def test_a_failure_is_told_to_all_who_wait_and_to_nobody_after(kind: Any) -> None:
    fails = [True]

    def work(asked: object) -> str:
        if fails.pop():
            raise Unavailable
        return "done"

    async def play() -> list[Any]:
        with ThreadPoolExecutor(1) as threads:
            waiting = kind(work, threads)
            both = await asyncio.gather(waiting("a"), waiting("a"), return_exceptions=True)
            fails.append(False)
            return [*both, await waiting("a")]

    first, second, third = asyncio.run(play())
    assert isinstance(first, Unavailable) and isinstance(second, Unavailable) and third == "done"


def test_work_that_hangs_is_waited_for_no_longer_than_that(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks after it is not held up by it either."""
    monkeypatch.setattr(threads_module, "MOST_SECONDS", 0.2)
    go_on = Event()
    works: list[Any] = [lambda: go_on.wait(20), lambda: "done"]

    async def play() -> list[Any]:
        with ThreadPoolExecutor(2) as threads:
            shared = Shared(lambda key: works.pop(0)(), threads)
            hanging = asyncio.ensure_future(shared("a"))
            await asyncio.sleep(0)
            try:
                return await asyncio.gather(hanging, shared("a"), return_exceptions=True)
            finally:
                go_on.set()

    hung, after = asyncio.run(play())
    assert isinstance(hung, Unavailable) and after == "done"


def test_a_place_ends_with_its_snapshot(agency: Agency, other_agency: Agency) -> None:
    """What one event loop keeps is bounded by what the store keeps."""

    async def play() -> tuple[bool, bool]:
        versions = Versions()
        with ThreadPoolExecutor(1) as threads:
            places = Places(SnapshotStore(capacity=1), versions, threads)

            async def at(of: Agency) -> weakref.ref[Any]:
                organization = of.organization.pk
                return weakref.ref(await places.at(organization, await versions.read(organization)))

            first = await at(agency)
            kept = first() is not None and first() is (await at(agency))()
            await at(other_agency)
            gc.collect()
            await versions.close()
            return kept, first() is None

    assert asyncio.run(play()) == (True, True)
