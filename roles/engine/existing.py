"""Which objects of an organization there are, remembered once seen: the end of one makes a new version."""

from __future__ import annotations

import re
from collections.abc import Iterable
from uuid import UUID

from django.db import connection

from roles.engine.objects import kinds
from tenancy.actors import SystemActor
from tenancy.context import acting

#: Ids are compared as they are written, and PostgreSQL writes them so.
WRITTEN_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")
MOST_REMEMBERED = 200_000


class StoredObjects:
    """The objects of one organization as PostgreSQL shows them; see `roles.engine.snapshot.Objects`."""

    def __init__(self, organization_id: UUID | None) -> None:
        self.organization_id = organization_id
        self._seen: set[tuple[str, str]] = set()

    def exists(self, kind: str, object_id: str) -> bool:
        """Whether there is such an object: one statement for one not seen yet."""
        return (kind, object_id) in self._seen or bool(self.confirm(kind, [object_id]))

    def confirm(self, kind: str, ids: Iterable[str]) -> set[str]:
        """Return which of these there are, found out in one statement."""
        asked = set(ids)
        found = {one for one in asked if (kind, one) in self._seen}
        doubtful = sorted(one for one in asked - found if WRITTEN_ID.match(one))
        if not doubtful or kind not in kinds() or self.organization_id is None:
            return found
        with acting(SystemActor("decisions", self.organization_id)), connection.cursor() as cursor:
            cursor.execute(kinds()[kind].existing, {"ids": doubtful})
            confirmed = {str(one) for (one,) in cursor.fetchall()}
        if len(self._seen) > MOST_REMEMBERED:
            self._seen = set()
        self._seen |= {(kind, one) for one in confirmed}
        return found | confirmed

    def following(self, kind: str, after: str, limit: int) -> list[str]:
        """Return the ids of up to `limit` objects, in order, that come after this id."""
        if kind not in kinds() or self.organization_id is None or (after and not WRITTEN_ID.match(after)):
            return []
        with acting(SystemActor("decisions", self.organization_id)), connection.cursor() as cursor:
            cursor.execute(kinds()[kind].following, {"after": after or str(UUID(int=0)), "limit": limit})
            return [str(one) for (one,) in cursor.fetchall()]
