"""Watch: what changed of the policy, in order, for callers that keep decisions (PDP-6).

The changes of an organization and those for everybody are two sequences. Each is in the order of its commits, because
the version's row stays locked until then, and neither says anything about the other: a position is a pair, a `Version`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection
from django.db.models import Max

from roles import access
from roles.engine.loading import read_version
from roles.engine.snapshot import Version
from roles.models import PolicyChange, PolicyVersion
from tenancy.actors import Actor, Reach, Scope, SystemActor
from tenancy.context import acting
from tenancy.errors import ActionRefused
from tenancy.policies import Verb, require

#: Whose second factor or token changed is for those who manage people; to keep decisions it is enough to know of whom.
_TOLD_AS = {"secondfactor": "user", "apitoken": "user"}
#: What everyone who may read the team knows the subjects of. The others are about what may be out of reach.
_ABOUT_THE_TEAM = frozenset({"role", "rolepermission", "membership", "user", "organization"})

# One statement, so that the version, what is kept and the changes are as of one moment. On the platform there is only
# what is shared: no row has an organization that is null.
_FEED = """
SELECT now.own, now.shared, gone.own, gone.shared, c.version, c.kind, c.subjects, c.at, c.is_shared
FROM iam_policy_version(%(place)s) now CROSS JOIN iam_policy_forgotten(%(place)s) gone
LEFT JOIN LATERAL (
    (SELECT version, kind, subjects, at, false AS is_shared FROM roles_policychange
     WHERE organization_id = %(place)s AND version > %(own)s ORDER BY version LIMIT %(limit)s)
    UNION ALL
    (SELECT version, kind, subjects, at, true FROM roles_policychange
     WHERE organization_id IS NULL AND version > %(shared)s ORDER BY version LIMIT %(limit)s)
    ORDER BY version LIMIT %(limit)s
) c ON true
ORDER BY c.version
"""


class PositionLost(ActionRefused):
    """What followed on a position is not known: it is older than what is kept, or was never reached.

    `current` is where to resume once everything was read anew.
    """

    def __init__(self, current: Version) -> None:
        super().__init__(
            f"The changes after that version are not known. Read everything anew, then resume after {current}."
        )
        self.current = current


@dataclass(frozen=True, slots=True)
class Change:
    """One change. `subjects` are the people, roles or things concerned; None: any may be."""

    version: int
    kind: str
    subjects: tuple[UUID, ...] | None
    at: datetime
    is_shared: bool


class Feed(NamedTuple):
    """Changes in order, where to resume after them, and whether more are waiting there."""

    changes: list[Change]
    resume_after: Version
    has_more: bool


def changes_after(actor: Actor, version: Version | None, limit: int) -> Feed:
    """Return up to `limit` changes after a version, or with None no change and the version to begin with.

    Whoever reads again from `resume_after` misses nothing and meets nothing twice. Raises AccessDenied, and
    PositionLost when it cannot be told what followed on the version.
    """
    require(actor, access.roles_policy(actor).keys[Verb.VIEW])
    if version is None:
        return Feed([], read_version(actor.organization_id), has_more=False)
    asked = {"place": actor.organization_id, "own": version.own, "shared": version.shared, "limit": limit + 1}
    with connection.cursor() as cursor:
        cursor.execute(_FEED, asked)
        rows = cursor.fetchall()
    current, forgotten = Version(*rows[0][:2]), Version(*rows[0][2:4])
    if not (version.covers(forgotten) and current.covers(version)):
        raise PositionLost(current)
    found = [_told(actor, *row[4:]) for row in rows if row[4] is not None]
    changes, has_more = found[:limit], len(found) > limit
    return Feed(changes, _position(actor, version if has_more else current, changes), has_more)


def _position(actor: Actor, reached: Version, changes: Sequence[Change]) -> Version:
    """Return the position after these changes, which is `reached` in a sequence that none of them is of."""
    own = [change.version for change in changes if not change.is_shared]
    shared = [change.version for change in changes if change.is_shared]
    after = Version(max((reached.own, *own)), max((reached.shared, *shared)))
    return after if actor.scope is Scope.TENANT else after._replace(own=after.shared)


def _told(actor: Actor, version: int, kind: str, subjects: list[UUID] | None, at: datetime, is_shared: bool) -> Change:
    """Return the change as the actor may know of it. An organization is not told which shared roles there are: some
    are the platform's own."""
    kind = _TOLD_AS.get(kind, kind)
    concealed = (is_shared and actor.scope is Scope.TENANT) or (
        actor.reach is Reach.ASSIGNED and kind not in _ABOUT_THE_TEAM
    )
    return Change(version, kind, None if concealed or subjects is None else tuple(subjects), at, is_shared)


def forget_changes(before: datetime) -> int:
    """Delete the changes from before a time, place by place, and return how many.

    In each place up to the newest of them, so that all after the one that it notes as forgotten are kept.
    """
    keeper = SystemActor("forget policy changes")
    with acting(keeper):
        old: Any = PolicyChange.objects.filter(at__lt=before).order_by().values_list("organization_id")
        places = list(old.annotate(Max("version")))
    deleted = 0
    for organization_id, newest in places:
        with acting(keeper):
            counted = PolicyVersion.objects.filter(organization_id=organization_id, forgotten__lt=newest)
            counted.update(forgotten=newest)
            gone = PolicyChange.objects.filter(organization_id=organization_id, version__lte=newest)
            deleted += gone.delete()[0]
    return deleted
