"""On which day a role, and each permission through it, was last used; and what of a role was not used of late.

Used is what the record of access tells of: the permission of a route that was answered, and of an action that was done.
It is noted once a day for each role, permission and place, by whoever acts with it first.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from uuid import UUID

from django.db import connection
from django.db.models import Max
from django.utils import timezone

from roles import catalogue
from roles.actors import RoleActor
from roles.family import Family
from roles.hints import UNUSED_AFTER
from roles.models import Membership, PermissionUse, Role, RoleEvent, RoleEventKind
from tenancy.context import Acting

MOST_NOTED = 100_000
FIRST_FAILURE = 400
#: What this process has noted already, and on which day: a permission of a role in a place, or without one the role.
_noted: dict[tuple[UUID, UUID | None, str | None], date] = {}

_NOTE_ROLE = """
INSERT INTO roles_roleuse (role_id, organization_id, last_used_on)
SELECT id, %(place)s, %(today)s FROM roles_role WHERE id = %(role)s
ON CONFLICT (role_id, organization_id) DO UPDATE SET last_used_on = excluded.last_used_on
WHERE roles_roleuse.last_used_on < excluded.last_used_on
"""
# In the order of their keys: two who note the same ones at once wait one for the other, and never both.
_NOTE_PERMISSIONS = """
INSERT INTO roles_permissionuse (role_id, permission_id, organization_id, last_used_on)
SELECT r.id, p.key, %(place)s, %(today)s
FROM roles_role r, roles_permission p WHERE r.id = %(role)s AND p.key = ANY (%(keys)s) ORDER BY p.key
ON CONFLICT (role_id, permission_id, organization_id) DO UPDATE SET last_used_on = excluded.last_used_on
WHERE roles_permissionuse.last_used_on < excluded.last_used_on
"""


def note_use(entered: Acting) -> None:
    """Note that the actor's role was used today, and what of it; a hook of `tenancy.context.before_commit`."""
    actor = entered.actor
    if not isinstance(actor, RoleActor):
        return
    today = timezone.now().date()
    used = [(actor.role_id, actor.organization_id, key) for key in (None, *_keys_used(actor, entered))]
    new = [one for one in used if _noted.get(one) != today]
    if not new:
        return
    keys = [key for _, _, key in new if key is not None]
    told = {"role": actor.role_id, "place": actor.organization_id, "today": today, "keys": keys}
    with connection.cursor() as cursor:
        if len(keys) < len(new):
            cursor.execute(_NOTE_ROLE, told)
        if keys:
            cursor.execute(_NOTE_PERMISSIONS, told)
    if len(_noted) >= MOST_NOTED:
        _noted.clear()
    _noted.update(dict.fromkeys(new, today))
    entered.undo.append(lambda: _forget(new))


def unused_permissions(role: Role, family: Family) -> Mapping[str, str]:
    """Return the role's own permissions that somebody has and nobody used of late, each with a sentence since when.

    Counted is what anyone did with the role or an heir of it, as far as the context shows it: with the permission, with
    one that needs it, or with one that it stands for as a wildcard. What is younger than UNUSED_AFTER, the role or its
    grant, is not called unused.
    """
    today = timezone.now().date()
    since = today - UNUSED_AFTER
    holders = [role.pk, *(heir.id for heir in family.heirs(role.pk))]
    if role.created_at.date() >= since or not Membership.objects.filter(role__in=holders).exists():
        return {}
    uses = PermissionUse.objects.filter(role__in=holders).values_list("permission_id").annotate(Max("last_used_on"))
    days, never = dict(uses), f"Not used so far (role is {(today - role.created_at.date()).days} days old)"
    found = {}
    for key in (family.members[role.pk].own & catalogue.entries().keys()) - _granted_since(role, since):
        last = _last_used(key, days)
        if last is None or last < since:
            found[key] = never if last is None else f"Not used since {last.day} {last:%B %Y}"
    return found


def _keys_used(actor: RoleActor, entered: Acting) -> frozenset[str]:
    """Return the permissions that the context's records tell of, but for those of a request whose work was undone."""
    done = (record.action for record in entered.pending if (record.status or 0) < FIRST_FAILURE)
    return frozenset(key for action in done for key in action.split(" + ") if actor.has(key))


def _forget(noted: list[tuple[UUID, UUID | None, str | None]]) -> None:
    for one in noted:
        _noted.pop(one, None)


def _last_used(key: str, days: Mapping[str, date]) -> date | None:
    covered = catalogue.expand(frozenset({key}))
    told = [day for used, day in days.items() if used in covered or key in catalogue.companions(used)]
    return max(told, default=None)


def _granted_since(role: Role, day: date) -> frozenset[str]:
    """Return the keys that the role was given since that day, whether or not it had had them before."""
    changes = RoleEvent.objects.filter(role_id=role.pk, kind=RoleEventKind.PERMISSIONS_CHANGED, at__date__gte=day)
    states = changes.values_list("previous_state__permissions", "new_state__permissions")
    return frozenset(key for before, after in states for key in set(after) - set(before))
