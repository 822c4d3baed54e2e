"""Keeps the snapshots of this process: each as new as the version that a request has read, within bounds."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from uuid import UUID

from django.conf import settings
from django.db import connection

from roles.engine.loading import load, read_version, renew
from roles.engine.snapshot import Snapshot, Version


class SnapshotStore:
    """Snapshots by place. The ones not asked for longest go first when all together are too heavy.

    `capacity` is counted in people and assignments.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._held: OrderedDict[UUID | None, Snapshot] = OrderedDict()
        self._settled: dict[UUID | None, bool] = {}
        self._loading: dict[UUID | None, Lock] = {}
        self._lock = Lock()

    def current(self, organization_id: UUID | None) -> Snapshot:
        """Return the snapshot of a place as it is now: one statement to learn the version, when nothing changed."""
        return self.at(organization_id, read_version(organization_id))

    def at(self, organization_id: UUID | None, version: Version) -> Snapshot:
        """Return a snapshot that is not older than a version which the caller has read."""
        held = self._held.get(organization_id)
        if held is not None and held.version == version:
            return held
        return self._load(organization_id, version)

    def _load(self, organization_id: UUID | None, version: Version) -> Snapshot:
        with self._lock:
            loading = self._loading.setdefault(organization_id, Lock())
        with loading:
            held = self._held.get(organization_id)
            if held is not None and self._serves(held, version):
                return held
            # What a transaction has not committed yet is for itself alone, and its version is never seen again.
            settled = not connection.in_atomic_block
            snapshot = renew(held) if held and self._settled[organization_id] else load(organization_id)
            self._keep(snapshot, settled=settled)
            return snapshot

    def _serves(self, held: Snapshot, version: Version) -> bool:
        return held.version == version or (self._settled[held.organization_id] and held.version.covers(version))

    def _keep(self, snapshot: Snapshot, *, settled: bool) -> None:
        with self._lock:
            self._held[snapshot.organization_id] = snapshot
            self._held.move_to_end(snapshot.organization_id)
            self._settled[snapshot.organization_id] = settled
            while len(self._held) > 1 and sum(one.weight for one in self._held.values()) > self.capacity:
                forgotten, _ = self._held.popitem(last=False)
                self._settled.pop(forgotten, None)
                self._loading.pop(forgotten, None)


snapshots = SnapshotStore(settings.DECISION_CACHE_SIZE)
