"""Blocking work beside the event loop: where it is done, how often, and what happens when it fails."""

from __future__ import annotations

import asyncio
import gc
import weakref
from concurrent.futures import ThreadPoolExecutor
from threading import Event, current_thread
from typing import Any

import pytest
from django.db import InterfaceError, OperationalError, connections
from psycopg_pool import PoolClosed, PoolTimeout

from roles.authzen import threads as threads_module
from roles.authzen.errors import Unavailable
from roles.authzen.threads import Shared, Together, in_thread
from tests.roles.authzen.playing import played

pytestmark = [pytest.mark.requirement("PDP-3"), pytest.mark.requirement("PDP-6")]


@pytest.mark.parametrize("kind", [Shared, Together])
def test_work_is_done_in_the_threads_that_are_given(kind: Any) -> None:
    async def play() -> str:
        with ThreadPoolExecutor(1, thread_name_prefix="given") as threads:
            return str(await kind(lambda _: current_thread().name, threads)("a"))

    assert played(play()).startswith("given")


def test_work_on_one_thing_does_not_wait_for_that_on_another() -> None:
    go_on = Event()

    def work(key: str) -> str:
        if key == "slow":
            go_on.wait(2)
        return key

    async def play() -> tuple[str, bool, str]:
        with ThreadPoolExecutor(2) as threads:
            shared = Shared(work, threads)
            slow = asyncio.ensure_future(shared("slow"))
            quick = await shared("quick")
            is_held_up = not slow.done()
            go_on.set()
            return quick, is_held_up, await slow

    assert played(play()) == ("quick", True, "slow")


@pytest.mark.parametrize("kind", [Shared, Together])
def test_one_caller_who_goes_away_takes_no_work_from_the_others(kind: Any) -> None:
    async def play() -> str:
        with ThreadPoolExecutor(1) as threads:
            waiting = kind(lambda _: "done", threads)
            leaving, staying = (asyncio.ensure_future(waiting("a")) for _ in range(2))
            await asyncio.sleep(0)
            leaving.cancel()
            return str(await staying)

    assert played(play()) == "done"


def test_nothing_is_kept_of_shared_work_that_is_done() -> None:
    class Found:
        """What has been found out."""

    async def play() -> weakref.ref[Found]:
        with ThreadPoolExecutor(1) as threads:
            shared = Shared(lambda _: Found(), threads)
            found = weakref.ref(await shared("a"))
            await shared("b")
            gc.collect()
            return found

    assert played(play())() is None


def test_work_that_is_shared_begins_after_the_last_of_those_who_share_it() -> None:
    begun: list[int] = []
    started, go_on = Event(), Event()

    def work(key: str) -> int:
        begun.append(len(begun))
        started.set()
        go_on.wait(2)
        return begun[-1]

    async def play() -> list[int]:
        with ThreadPoolExecutor(4) as threads:
            shared = Shared(work, threads)
            first = asyncio.ensure_future(shared("a"))
            await asyncio.to_thread(started.wait, 3)
            later = [asyncio.ensure_future(shared("a")) for _ in range(10)]
            for _ in range(20):
                await asyncio.sleep(0)
            assert len(begun) == 1
            go_on.set()
            return [await first, *await asyncio.gather(*later)]

    assert played(play()) == [0, *[1] * 10]
    assert len(begun) == 2


def test_what_is_asked_while_work_is_under_way_is_done_next_all_at_once() -> None:
    done: list[set[int]] = []
    started, go_on = Event(), Event()

    def work(keys: set[int]) -> set[int]:
        done.append(keys)
        started.set()
        go_on.wait(2)
        return {key * 10 for key in keys}

    async def play() -> list[set[int]]:
        with ThreadPoolExecutor(4) as threads:
            together = Together(work, threads)
            first = asyncio.ensure_future(together([1, 2]))
            await asyncio.to_thread(started.wait, 3)
            later = [asyncio.ensure_future(together([key])) for key in (2, 3, 4)]
            for _ in range(20):
                await asyncio.sleep(0)
            assert done == [{1, 2}]
            go_on.set()
            return [await first, *await asyncio.gather(*later), await together([5])]

    assert played(play()) == [{10, 20}, *[{20, 30, 40}] * 3, {50}]
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

    first, second, third = played(play())
    assert isinstance(first, Unavailable) and isinstance(second, Unavailable) and third == "done"


def test_work_that_hangs_is_waited_for_no_longer_than_that(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks after it is not held up by it either."""
    monkeypatch.setattr(threads_module, "MOST_SECONDS", 0.2)
    go_on = Event()
    works: list[Any] = [lambda: go_on.wait(2), lambda: "done"]

    async def play() -> list[Any]:
        with ThreadPoolExecutor(2) as threads:
            shared = Shared(lambda key: works.pop(0)(), threads)
            hanging = asyncio.ensure_future(shared("a"))
            await asyncio.sleep(0)
            try:
                return await asyncio.gather(hanging, shared("a"), return_exceptions=True)
            finally:
                go_on.set()

    hung, after = played(play())
    assert isinstance(hung, Unavailable) and after == "done"


@pytest.mark.parametrize("error", [OperationalError, InterfaceError, PoolTimeout, PoolClosed])
def test_without_a_database_work_is_unavailable(error: type[Exception]) -> None:
    def work() -> None:
        raise error

    async def play() -> None:
        with ThreadPoolExecutor(1) as threads:
            await in_thread(threads, work)

    with pytest.raises(Unavailable):
        played(play())


def test_work_leaves_no_connection_open_behind_it(module_db: str) -> None:
    def work() -> Any:
        connections["default"].ensure_connection()
        return connections["default"]

    async def play() -> Any:
        with ThreadPoolExecutor(1) as threads:
            return await in_thread(threads, work)

    assert played(play()).connection is None
