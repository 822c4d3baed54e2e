"""Keeps the snapshots of this process: each as new as the version that a request has read, within bounds."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from threading import Lock
from uuid import UUID
from weakref import WeakSet

from django.conf import settings
from django.db import connection

from roles.engine.loading import load, read_version, renew
from roles.engine.snapshot import Snapshot, Version

PLATFORM = -1


class SnapshotStore:
    """Snapshots by place. When all together are too heavy the ones loaded longest ago go first, but for those that have
    been asked for since: they get a second chance, for to note of each when it was would slow every check.

    `capacity` is counted in people and assignments.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        #: By the number that an id is: ids themselves are hashed and compared more slowly than all else of a check.
        self._held: OrderedDict[int, Snapshot] = OrderedDict()
        #: The snapshots in which nothing is that may still be rolled back.
        self._settled: WeakSet[Snapshot] = WeakSet()
        self._loading: dict[int, Lock] = defaultdict(Lock)
        self._lock = Lock()

    def current(self, organization_id: UUID | None) -> Snapshot:
        """Return the snapshot of a place as it is now: one statement to learn the version, when nothing changed."""
        return self.at(organization_id, read_version(organization_id))

    def at(self, organization_id: UUID | None, version: Version) -> Snapshot:
        """Return a snapshot that is not older than a version which the caller has read."""
        held = self._held.get(organization_id.int if organization_id else PLATFORM)
        if held is not None and held.version == version:
            held.is_wanted = True
            return held
        return self._load(organization_id, version)

    def _load(self, organization_id: UUID | None, version: Version) -> Snapshot:
        place = organization_id.int if organization_id else PLATFORM
        with self._lock:
            loading = self._loading[place]
        with loading:
            held = self._held.get(place)
            if held is not None and self._serves(held, version):
                return held
            # What a transaction has not committed yet is for itself alone, and its version is never seen again.
            settled = not connection.in_atomic_block
            snapshot = renew(held) if held is not None and held in self._settled else load(organization_id)
            self._keep(place, snapshot, settled=settled)
            return snapshot

    def _serves(self, held: Snapshot, version: Version) -> bool:
        return held.version == version or (held in self._settled and held.version.covers(version))

    def _keep(self, place: int, snapshot: Snapshot, *, settled: bool) -> None:
        with self._lock:
            self._held[place] = snapshot
            self._held.move_to_end(place)
            if settled:
                self._settled.add(snapshot)
            self._make_room(place)

    def _make_room(self, newest: int) -> None:
        """Drop what is too much, the oldest first. Each that was asked for since is spared once, the newest always."""
        weight = sum(one.weight for one in self._held.values())
        while weight > self.capacity and len(self._held) > 1:
            place, oldest = next(iter(self._held.items()))
            if oldest.is_wanted or place == newest:
                oldest.is_wanted = False
                self._held.move_to_end(place)
            else:
                del self._held[place]
                weight -= oldest.weight


snapshots = SnapshotStore(settings.DECISION_CACHE_SIZE)
