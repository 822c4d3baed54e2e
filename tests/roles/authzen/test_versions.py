"""The versions of policies, read for all who wait: one statement at a time, over one connection, within bounds."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.pq import TransactionStatus

from roles.authzen import versions as versions_module
from roles.authzen.errors import Unavailable
from roles.authzen.versions import Connection, Versions, connect
from roles.engine.snapshot import Version
from tests.isolation.rows import superuser_dsn
from tests.roles.authzen.playing import Line, played
from tests.roles.authzen.test_freshness import MOVE, move
from tests.world import Agency

pytestmark = [pytest.mark.requirement("PDP-3"), pytest.mark.requirement("PDP-6")]

#: No organization is known by it, and it has a version nevertheless.
ANY = UUID(int=7)
HOLD_UP = "LOCK TABLE roles_policyversion IN ACCESS EXCLUSIVE MODE"


@asynccontextmanager
async def reading(connect: Callable[[], Any] = connect, **settings: Any) -> AsyncIterator[Versions]:
    versions = Versions(connect, **settings)
    try:
        yield versions
    finally:
        await versions.close()


@asynccontextmanager
async def held_up() -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    """Hold up every reading until the block ends, or commits what it does."""
    async with await psycopg.AsyncConnection.connect(superuser_dsn()) as other:
        await other.execute(HOLD_UP)
        yield other


async def is_held_up(other: psycopg.AsyncConnection[Any]) -> None:
    """Return once a reading waits for the lock."""
    waiting = "SELECT count(*) FROM pg_locks WHERE relation = 'roles_policyversion'::regclass AND NOT granted"
    while (await (await other.execute(waiting)).fetchone()) == (0,):
        await asyncio.sleep(0)


async def turns(number: int = 10) -> None:
    """Let the others go on as long as it takes to ask the database something, several times."""
    async with await psycopg.AsyncConnection.connect(superuser_dsn()) as other:
        for _ in range(number):
            await other.execute("SELECT 1")


def test_many_requests_at_once_share_their_readings() -> None:
    line = Line()

    async def play() -> set[Version]:
        async with reading(line.connect) as versions:
            return set(await asyncio.gather(*(versions.read(ANY) for _ in range(500))))

    assert len(played(play())) == 1 and line.statements == 1


def test_a_request_never_gets_a_reading_that_began_before_it(agency: Agency) -> None:
    """A lock holds up the first reading, whose view of the data is older than the change made meanwhile."""
    organization = agency.organization.pk

    async def play() -> tuple[Version, list[Version]]:
        async with reading() as versions:
            before = await versions.read(organization)
            async with held_up() as other:
                first = asyncio.ensure_future(versions.read(organization))
                await is_held_up(other)
                await other.execute(MOVE, (organization,))
                await other.commit()
                others = [asyncio.ensure_future(versions.read(organization)) for _ in range(20)]
                await first
                return before, await asyncio.gather(*others)

    before, read = played(play())
    assert {one.own > before.own for one in read} == {True}


def test_requests_that_come_during_a_reading_share_the_next() -> None:
    line = Line()

    async def play() -> None:
        async with reading(line.connect) as versions:
            async with held_up() as other:
                asked = [asyncio.ensure_future(versions.read(ANY))]
                await is_held_up(other)
                for _ in range(5):
                    asked.append(asyncio.ensure_future(versions.read(ANY)))
                    await asyncio.sleep(0)
            await asyncio.gather(*asked)

    played(play())
    assert line.statements == 2


def test_requests_that_come_soon_after_a_reading_share_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions_module, "SECONDS_BETWEEN_READINGS", 0.5)
    line = Line()

    async def play() -> None:
        async with reading(line.connect) as versions:
            await versions.read(ANY)
            first = asyncio.ensure_future(versions.read(ANY))
            await turns()
            await asyncio.gather(first, versions.read(ANY))

    played(play())
    assert line.statements == 2


def test_requests_that_come_soon_after_a_failure_wait_for_the_next_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions_module, "SECONDS_AFTER_FAILURE", 0.5)
    line = Line(OSError(), OSError(), OSError())

    async def play() -> list[Any]:
        async with reading(line.connect) as versions:
            first = await asyncio.gather(versions.read(ANY), return_exceptions=True)
            second = asyncio.ensure_future(versions.read(ANY))
            await turns()
            third = asyncio.ensure_future(versions.read(ANY))
            return [*first, *await asyncio.gather(second, third, return_exceptions=True)]

    assert {type(one) for one in played(play())} == {Unavailable}
    assert len(line.failures) == 1


def test_after_a_success_nobody_waits_as_after_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    line = Line(OSError())

    async def play() -> None:
        async with reading(line.connect) as versions:
            with pytest.raises(Unavailable):
                await versions.read(ANY)
            await versions.read(ANY)
            monkeypatch.setattr(versions_module, "SECONDS_AFTER_FAILURE", 3_600)
            for _ in range(3):
                await versions.read(ANY)

    played(play())


def test_one_connection_serves_all_readings_and_is_given_back() -> None:
    line = Line()

    async def play() -> None:
        async with reading(line.connect) as versions:
            for _ in range(3):
                await versions.read(ANY)

    played(play())
    assert [one.closed for one in line.opened] == [True]


def test_no_transaction_stays_open_between_readings() -> None:
    async def play() -> TransactionStatus:
        async with await connect() as connection:
            await connection.execute("SELECT 1")
            return connection.info.transaction_status

    assert played(play()) is TransactionStatus.IDLE


def test_a_connection_that_ended_is_replaced_within_a_reading() -> None:
    line = Line()

    async def play() -> Version:
        async with reading(line.connect) as versions:
            await versions.read(ANY)
            async with await psycopg.AsyncConnection.connect(superuser_dsn(), autocommit=True) as other:
                await other.execute("SELECT pg_terminate_backend(%s, 5000)", (line.opened[0].info.backend_pid,))
            return await versions.read(ANY)

    assert isinstance(played(play()), Version)
    assert len(line.opened) == 2


def test_a_reading_that_takes_too_long_is_given_up() -> None:
    async def play() -> Version:
        async with reading(seconds=0.2) as versions:
            async with held_up():
                with pytest.raises(Unavailable):
                    await versions.read(ANY)
            return await versions.read(ANY)

    assert isinstance(played(play()), Version)


@pytest.mark.parametrize("ends", [asyncio.CancelledError, OSError])
def test_however_a_reading_that_was_given_up_ends_nobody_hears_of_it(ends: type[BaseException]) -> None:
    told: list[Any] = []

    async def hanging() -> Connection:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise ends from None
        raise AssertionError

    async def play() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
        async with reading(hanging, seconds=0.01) as versions:
            with pytest.raises(Unavailable):
                await versions.read(ANY)
        await turns(1)
        gc.collect()

    played(play())
    assert told == []


@pytest.mark.parametrize("failures", [[], [OSError()]])
def test_one_caller_who_goes_away_takes_no_answer_from_the_others(failures: list[Exception]) -> None:
    line = Line(*failures)

    async def play() -> Any:
        async with reading(line.connect) as versions:
            leaving, staying = (asyncio.ensure_future(versions.read(ANY)) for _ in range(2))
            await asyncio.sleep(0)
            leaving.cancel()
            [answer] = await asyncio.gather(staying, return_exceptions=True)
            return answer

    assert isinstance(played(play()), Unavailable if failures else Version)


def test_a_reading_that_was_given_up_leaves_the_connection_of_the_next_alone() -> None:
    """To cancel a statement over a lost connection fails as the connection does."""
    line = Line()

    async def lose(*args: Any, **named: Any) -> Any:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise psycopg.OperationalError from None

    async def play() -> None:
        async with reading(line.connect, seconds=0.5) as versions:
            await versions.read(ANY)
            line.opened[0].execute = lose  # type: ignore[method-assign]
            with pytest.raises(Unavailable):
                await versions.read(ANY)
            await versions.read(ANY)
            await turns(1)
            assert [one.closed for one in line.opened] == [True, False]

    played(play())


def test_a_reading_that_was_given_up_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def play() -> None:
        async with reading(seconds=0.05) as versions, held_up():
            with pytest.raises(Unavailable):
                await versions.read(ANY)

    played(play())
    [logged] = [one for one in caplog.records if one.name == versions_module.__name__]
    assert logged.exc_info is not None and "did not answer within 0.05 s" in str(logged.exc_info[1])


def test_a_failure_is_logged_once_with_its_cause_until_a_reading_succeeds(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(versions_module, "SECONDS_AFTER_FAILURE", 0)
    failures = [OSError(), OSError(), OSError()]
    line = Line(*failures[:2])

    async def play() -> None:
        async with reading(line.connect) as versions:
            for _ in range(2):
                with pytest.raises(Unavailable):
                    await versions.read(ANY)
            await versions.read(ANY)
            await line.opened[0].close()
            line.failures.append(failures[2])
            with pytest.raises(Unavailable):
                await versions.read(ANY)

    played(play())
    assert [one.exc_info and one.exc_info[1] for one in caplog.records] == [failures[0], failures[2]]


def test_versions_of_several_organizations_are_read_together(agency: Agency, other_agency: Agency) -> None:
    line = Line()

    async def play() -> list[Version]:
        async with reading(line.connect) as versions:
            ids = (agency.organization.pk, other_agency.organization.pk, ANY)
            return await asyncio.gather(*(versions.read(one) for one in ids))

    mine, theirs, unknown = played(play())
    assert mine.own != theirs.own and mine.shared == theirs.shared == unknown.shared and unknown.own == 0
    assert line.statements == 1


def test_a_version_counts_the_changes_here_and_those_for_everybody(agency: Agency) -> None:
    async def play() -> tuple[Version, Version]:
        async with reading() as versions:
            before = await versions.read(agency.organization.pk)
            move(agency)
            return before, await versions.read(agency.organization.pk)

    before, after = played(play())
    assert after.own > before.own and after.shared == before.shared > 0
