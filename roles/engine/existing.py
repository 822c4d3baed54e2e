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
        if (kind, object_id) not in self._seen:
            self.confirm(kind, [object_id])
        return (kind, object_id) in self._seen

    def unknown(self, kind: str, ids: Iterable[str]) -> set[str]:
        """Return the ids that `exists` would have to look up."""
        return {one for one in ids if (kind, one) not in self._seen and WRITTEN_ID.match(one)}

    def confirm(self, kind: str, ids: Iterable[str]) -> None:
        """Find out which of these there are, in one statement."""
        asked = sorted(self.unknown(kind, ids))
        if not asked or kind not in kinds() or self.organization_id is None:
            return
        with acting(SystemActor("decisions", self.organization_id)), connection.cursor() as cursor:
            cursor.execute(kinds()[kind].existing, {"ids": asked})
            found = {(kind, str(one)) for (one,) in cursor.fetchall()}
        if len(self._seen) > MOST_REMEMBERED:
            self._seen = set()
        self._seen |= found

    def following(self, kind: str, after: str, limit: int) -> list[str]:
        """Return the ids of up to `limit` objects, in order, that come after this id."""
        if kind not in kinds() or self.organization_id is None or (after and not WRITTEN_ID.match(after)):
            return []
        with acting(SystemActor("decisions", self.organization_id)), connection.cursor() as cursor:
            cursor.execute(kinds()[kind].following, {"after": after or str(UUID(int=0)), "limit": limit})
            return [str(one) for (one,) in cursor.fetchall()]
