"""On which day a role was last used: noted once a day for each role and place, by whoever acts with it first."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from django.db import connection
from django.utils import timezone

from roles.actors import RoleActor
from tenancy.context import Acting

MOST_NOTED = 100_000
#: What this process has noted already, and on which day.
_noted: dict[tuple[UUID, UUID | None], date] = {}

_NOTE = """
INSERT INTO roles_roleuse (role_id, organization_id, last_used_on)
SELECT id, %(place)s, %(today)s FROM roles_role WHERE id = %(role)s
ON CONFLICT (role_id, organization_id) DO UPDATE SET last_used_on = excluded.last_used_on
WHERE roles_roleuse.last_used_on < excluded.last_used_on
"""


def note_use(entered: Acting) -> None:
    """Note that the actor's role was used today; a hook of `tenancy.context.before_commit`."""
    actor = entered.actor
    if not isinstance(actor, RoleActor):
        return
    used, today = (actor.role_id, actor.organization_id), timezone.now().date()
    if _noted.get(used) == today:
        return
    with connection.cursor() as cursor:
        cursor.execute(_NOTE, {"role": actor.role_id, "place": actor.organization_id, "today": today})
    if len(_noted) >= MOST_NOTED:
        _noted.clear()
    _noted[used] = today
