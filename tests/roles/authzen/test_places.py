"""What outside decisions are answered from: as new as it has to be, and never blocking the event loop."""

from __future__ import annotations

import asyncio
import gc
import json
import weakref
from collections.abc import AsyncIterator, Iterable
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from threading import Semaphore, current_thread
from typing import Any
from uuid import UUID

import pytest

from roles.authzen import places as places_module
from roles.authzen.errors import Unavailable
from roles.authzen.places import Place, Places, RememberedObjects
from roles.authzen.versions import Versions
from roles.engine.snapshot import Snapshot, Version
from roles.engine.store import SnapshotStore
from tenancy.errors import Reason
from tests.roles.authzen.playing import Line, played
from tests.roles.authzen.test_freshness import move
from tests.roles.engine.plain_world import Person, Role, World, id_of, snapshot_of
from tests.world import Agency, make_agency

pytestmark = [pytest.mark.requirement("PDP-3"), pytest.mark.requirement("PDP-6")]


@dataclass
class Stored:
    """The objects that there are, and what was asked about them: each time the kind, the ids and the thread.

    With `turns`, a question is answered at its turn.
    """

    there: Iterable[tuple[str, str]]
    turns: Semaphore | None = None
    asked: list[tuple[str, set[str]]] = field(default_factory=list)
    threads: set[str] = field(default_factory=set)

    def exists(self, kind: str, object_id: str) -> bool:
        raise AssertionError

    def confirm(self, kind: str, ids: Iterable[str]) -> set[str]:
        self.asked.append((kind, set(ids)))
        self.threads.add(current_thread().name)
        assert self.turns is None or self.turns.acquire(timeout=2)
        return {one for one in ids if (kind, one) in self.there}

    def following(self, kind: str, after: str, limit: int) -> list[str]:
        return sorted(one for its_kind, one in self.there if its_kind == kind and one > after)[:limit]


@dataclass
class Remembering:
    """What remembers the objects, and the threads in which it looks them up."""

    objects: RememberedObjects
    threads: Executor

    async def exist(self, *ids: str, kind: str = "client") -> list[bool]:
        return await self.objects.settle(lambda: [self.objects.exists(kind, one) for one in ids])


@asynccontextmanager
async def remembering(stored: Stored) -> AsyncIterator[Remembering]:
    with ThreadPoolExecutor(1, thread_name_prefix="given") as threads:
        yield Remembering(RememberedObjects(stored, threads), threads)


def answers(stored: Stored, *questions: tuple[str, ...]) -> list[list[bool]]:
    """Return which of these clients there are, asked one question after another."""

    async def play() -> list[list[bool]]:
        async with remembering(stored) as remembered:
            return [await remembered.exist(*ids) for ids in questions]

    return played(play())


CLIENTS = [("client", one) for one in "abcd"]


def test_what_is_not_known_is_looked_up_at_once_and_what_there_is_remembered() -> None:
    stored = Stored(CLIENTS)
    assert answers(stored, ("a", "x"), ("b",), ("a", "b"), ("x",)) == [[True, False], [True], [True, True], [False]]
    assert stored.asked == [("client", {"a", "x"}), ("client", {"b"}), ("client", {"x"})]


def test_it_is_looked_up_in_the_threads_that_are_given() -> None:
    stored = Stored(CLIENTS)
    assert answers(stored, ("a",)) == [[True]]
    assert all(name.startswith("given") for name in stored.threads)


def test_what_stands_for_no_object_is_not_looked_up() -> None:
    stored = Stored([("client", "")])
    assert answers(stored, ("",)) == [[False]] and stored.asked == []


def test_an_object_of_one_kind_is_none_of_another() -> None:
    stored = Stored([("client", "a"), ("task", "b")])

    async def play() -> list[bool]:
        async with remembering(stored) as remembered:
            exists = remembered.objects.exists
            questions = [("client", "a"), ("client", "b"), ("task", "a"), ("task", "b")]
            return await remembered.objects.settle(lambda: [exists(*one) for one in questions])

    assert played(play()) == [True, False, False, True]
    assert sorted(stored.asked, key=str) == [("client", {"a", "b"}), ("task", {"a", "b"})]


def test_for_what_is_known_no_thread_is_needed() -> None:
    async def play() -> list[bool]:
        async with remembering(Stored(CLIENTS)) as remembered:
            await remembered.exist("a")
            remembered.threads.shutdown()
            return await remembered.exist("a")

    assert played(play()) == [True]


def test_when_too_many_are_remembered_it_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places_module, "MOST_REMEMBERED", 2)
    stored = Stored(CLIENTS)
    assert answers(stored, ("a", "b"), ("a",), ("c",), ("a",), ("a",)) == [[True, True], *[[True]] * 4]
    assert [ids for _, ids in stored.asked] == [{"a", "b"}, {"c"}, {"a"}]


def test_nothing_is_forgotten_that_an_unfinished_answer_rests_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places_module, "MOST_REMEMBERED", 1)
    stored = Stored(CLIENTS, turns=Semaphore(1))

    async def play() -> list[bool]:
        async with remembering(stored) as remembered:
            await remembered.exist("a")
            other = asyncio.ensure_future(remembered.exist("b"))
            while len(stored.asked) < 2:
                await asyncio.sleep(0)
            unfinished = asyncio.ensure_future(remembered.exist("a", "c"))
            await asyncio.sleep(0)
            stored.turns.release()
            await other
            await remembered.exist("a")
            stored.turns.release()
            return await unfinished

    assert played(play()) == [True, True]


def test_a_search_goes_to_what_is_stored() -> None:
    async def play() -> tuple[set[str], list[str]]:
        async with remembering(Stored(CLIENTS)) as remembered:
            return remembered.objects.confirm("client", ["a", "x"]), remembered.objects.following("client", "a", 2)

    assert played(play()) == ({"a"}, ["b", "c"])


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    """A snapshot in which Ada may read every client, of which there is one."""
    roles = {"reader": Role(frozenset({"clients:read"}))}
    return snapshot_of(World("place", roles, {"ada": Person("reader")}, frozenset({"larch"})))


class Counting(ThreadPoolExecutor):
    """Threads that count what is done in them."""

    submitted = 0

    def submit(self, *args: Any, **named: Any) -> Any:
        self.submitted += 1
        return super().submit(*args, **named)


QUESTION = (id_of("ada"), "clients:read", "client", id_of("larch"))


def test_a_place_judges_what_it_knows_and_looks_up_the_rest_in_its_threads(snapshot: Snapshot) -> None:
    async def play() -> tuple[Reason, Reason, int]:
        with Counting(1) as threads:
            place = Place(snapshot, threads)
            assert place.threads is threads
            before = place.snapshot.judge(*QUESTION)
            return before, await place.objects.settle(lambda: place.snapshot.judge(*QUESTION)), threads.submitted

    assert played(play()) == (Reason.OUT_OF_REACH, Reason.GRANTED, 1)


def test_a_place_leaves_the_snapshot_as_it_is_and_has_it_for_what_may_block(snapshot: Snapshot) -> None:
    async def play() -> list[Reason]:
        with Counting(1) as threads:
            place = Place(snapshot, threads)
            return [snapshot.judge(*QUESTION), place.blocking.judge(*QUESTION)]

    assert played(play()) == [Reason.GRANTED, Reason.GRANTED]


def test_a_place_has_every_answer_written_out(snapshot: Snapshot) -> None:
    async def play() -> dict[Reason, Any]:
        with Counting(1) as threads:
            return {reason: json.loads(answer) for reason, answer in Place(snapshot, threads).answers.items()}

    assert played(play()) == {
        reason: {"decision": reason is Reason.GRANTED, "context": {"reason": str(reason), "version": "1.1"}}
        for reason in Reason
    }


class Store(SnapshotStore):
    """A store that knows the threads in which it was asked."""

    def __init__(self) -> None:
        super().__init__(capacity=1)
        self.asked_in: list[str] = []

    def current(self, organization_id: UUID | None) -> Snapshot:
        self.asked_in.append(current_thread().name)
        return super().current(organization_id)


@dataclass
class Atlas:
    """The places of one event loop, and what they are made with."""

    places: Places
    versions: Versions
    store: Store
    line: Line

    async def at(self, agency: Agency, *wanted: Version) -> Place:
        organization = agency.organization.pk
        return await self.places.at(organization, await self.versions.read(organization), wanted)


@asynccontextmanager
async def atlas() -> AsyncIterator[Atlas]:
    store, line = Store(), Line()
    versions = Versions(line.connect)
    with ThreadPoolExecutor(1, thread_name_prefix="given") as threads:
        try:
            yield Atlas(Places(store, versions, threads), versions, store, line)
        finally:
            await versions.close()


def test_a_place_is_made_once_for_a_version_and_loaded_in_the_threads_that_are_given(agency: Agency) -> None:
    async def play() -> list[str]:
        async with atlas() as drawn:
            first = await drawn.at(agency)
            assert first is await drawn.at(agency)
            return drawn.store.asked_in

    [thread] = played(play())
    assert thread.startswith("given")


def test_a_place_works_in_the_threads_that_are_given(agency: Agency) -> None:
    async def play() -> bool:
        store, versions = SnapshotStore(capacity=1), Versions()
        with Counting(1) as threads:
            organization = agency.organization.pk
            place = await Places(store, versions, threads).at(organization, await versions.read(organization))
            await versions.close()
            return place.threads is threads

    assert played(play())


def test_a_place_is_made_anew_when_the_policy_has_moved(agency: Agency) -> None:
    async def play() -> None:
        async with atlas() as drawn:
            before = (await drawn.at(agency)).snapshot.version
            move(agency)
            assert (await drawn.at(agency)).snapshot.version.own > before.own

    played(play())


def test_what_searches_put_in_order_is_kept_when_the_policy_has_moved(agency: Agency) -> None:
    async def play() -> tuple[Any, Any]:
        async with atlas() as drawn:
            before = (await drawn.at(agency)).blocking.assignees["client"]
            move(agency)
            return before, (await drawn.at(agency)).blocking.assignees["client"]

    before, after = played(play())
    assert before and all(after[client] is people for client, people in before.items())


def test_the_store_keeps_what_is_asked_for_here(agency: Agency, other_agency: Agency) -> None:
    third = make_agency("Third")

    async def play() -> tuple[int, int]:
        async with atlas() as drawn:
            busy = await drawn.at(agency)
            drawn.store.capacity = 2 * busy.snapshot.weight + 1
            await drawn.at(other_agency)
            await drawn.at(agency)
            await drawn.at(third)
            loaded = len(drawn.store.asked_in)
            await drawn.at(agency)
            return loaded, len(drawn.store.asked_in)

    assert played(play()) == (3, 3)


def test_the_version_is_read_again_only_for_what_is_newer(agency: Agency) -> None:
    organization = agency.organization.pk

    async def play() -> None:
        async with atlas() as drawn:
            before = await drawn.versions.read(organization)
            await drawn.places.at(organization, before, [before, Version(0, 0)])
            assert drawn.line.statements == 1
            move(agency)
            newest = await drawn.versions.read(organization)
            place = await drawn.places.at(organization, before, [before, newest])
            assert place.snapshot.version.covers(newest) and drawn.line.statements == 3

    played(play())


def test_what_postgresql_does_not_have_yet_is_unavailable(agency: Agency) -> None:
    async def play() -> None:
        async with atlas() as drawn:
            version = await drawn.versions.read(agency.organization.pk)
            with pytest.raises(Unavailable, match="not yet as new"):
                await drawn.at(agency, version, Version(version.own + 1, version.shared))

    played(play())


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

    assert played(play()) == (True, True)
