"""The snapshots that outside decisions are answered from, without blocking the event loop.

A `Place` answers from what it knows. What it would have to look up in the database it notes; that is then confirmed in
a thread, in one statement for all who wait, and the question is put again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from copy import copy
from functools import partial
from typing import TypeVar
from uuid import UUID
from weakref import WeakKeyDictionary, WeakValueDictionary

import msgspec

from roles.authzen.access import NO_OBJECT
from roles.authzen.errors import Unavailable
from roles.authzen.threads import Shared, Together
from roles.authzen.versions import Versions
from roles.engine.snapshot import Objects, Snapshot, Version
from roles.engine.store import SnapshotStore
from tenancy.errors import Reason

MOST_REMEMBERED = 200_000
Known = tuple[str, str]
Answer = TypeVar("Answer")


class RememberedObjects:
    """The objects that are known to exist; see `roles.engine.snapshot.Objects`. It belongs to one event loop.

    Only what there is gets remembered: its end makes a new version, and thus a new snapshot.
    """

    def __init__(self, stored: Objects, threads: Executor) -> None:
        # Both block: they are for searches.
        self.confirm, self.following = stored.confirm, stored.following
        self.unsure: set[Known] = set()
        self._seen: set[Known] = set()
        self._confirm = Together(partial(_all_existing, stored), threads)
        self._confirming = 0

    def exists(self, kind: str, object_id: str) -> bool:
        """Whether the object is known to exist. One that is not is noted in `unsure`."""
        if (kind, object_id) in self._seen:
            return True
        if object_id != NO_OBJECT:
            self.unsure.add((kind, object_id))
        return False

    async def settle(self, answer: Callable[[], Answer]) -> Answer:
        """Return an answer once it rests on nothing unsure."""
        if not self._confirming and len(self._seen) > MOST_REMEMBERED:
            self._seen.clear()
        self.unsure.clear()
        first = answer()
        if not self.unsure:
            return first
        self._confirming += 1
        try:
            self._seen |= await self._confirm(self.unsure)
            return answer()
        finally:
            self._confirming -= 1


class Place:
    """A snapshot whose questions do not block, with every answer to one written out."""

    def __init__(self, snapshot: Snapshot, threads: Executor) -> None:
        self.threads = threads
        self.objects = RememberedObjects(snapshot.objects, threads)
        # Copies, for a place does not keep the snapshot itself: it ends when the store lets go of that.
        self.snapshot = copy(snapshot)
        self.snapshot.objects = self.objects
        #: For searches, which may block.
        self.blocking = copy(snapshot)
        self.answers = {reason: _written(reason, snapshot.version) for reason in Reason}


class Places:
    """The places of this process, each as new as the version read for its request. It belongs to one event loop.

    The store keeps the snapshots, and what is kept here ends with them.
    """

    def __init__(self, store: SnapshotStore, versions: Versions, threads: Executor) -> None:
        # By organization alone: however often its version moves, it holds up one thread.
        self._load = Shared(store.current, threads)
        self._threads = threads
        self._versions = versions
        self._newest: WeakValueDictionary[UUID, Snapshot] = WeakValueDictionary()
        self._places: WeakKeyDictionary[Snapshot, Place] = WeakKeyDictionary()

    async def at(self, organization_id: UUID, version: Version, wanted: Sequence[Version] = ()) -> Place:
        """Return the place in a state that is not older than a version just read, nor than any of those `wanted`.

        Raises Unavailable when PostgreSQL itself does not have what is wanted.
        """
        if not all(version.covers(one) for one in wanted):
            version = await self._versions.read(organization_id)
            if not all(version.covers(one) for one in wanted):
                raise Unavailable("The policy is not yet as new as the version asked for. Try again.")
        snapshot = self._newest.get(organization_id)
        if snapshot is None or not snapshot.version.covers(version):
            snapshot = self._newest[organization_id] = await self._load(organization_id)
        else:
            snapshot.is_wanted = True  # The store is not asked for it, and has to know.
        place = self._places.get(snapshot)
        if place is None:
            place = self._places[snapshot] = Place(snapshot, self._threads)
        return place


def _written(reason: Reason, version: Version) -> bytes:
    """Return a decision with its reason as JSON (section 5.5)."""
    context = {"reason": reason, "version": str(version)}
    return msgspec.json.encode({"decision": reason is Reason.GRANTED, "context": context})


def _all_existing(stored: Objects, asked: Iterable[Known]) -> set[Known]:
    ids: dict[str, set[str]] = defaultdict(set)
    for kind, object_id in asked:
        ids[kind].add(object_id)
    return {(kind, one) for kind, asked_of_kind in ids.items() for one in stored.confirm(kind, asked_of_kind)}
