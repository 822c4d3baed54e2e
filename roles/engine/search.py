"""The three searches: who may do this, to what may they do it, what may they do (AuthZEN 1.0, section 8).

Each yields exactly what a question one by one would allow, in the order of the ids, a page at a time: `after` is the
last id of the page before, or empty. Of the objects of an application those are found that somebody is assigned to, for
no others are known here; and of those that are somebody's own none, for a search is told no properties.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from heapq import merge
from itertools import islice
from typing import Any

from roles.engine.objects import Need, Rule
from roles.engine.snapshot import NOTHING, Person, Snapshot
from tenancy.errors import Reason

#: What an assignment is needed for, without reach to everything.
_ASSIGNED = frozenset({Need.READ, Need.CHANGE, Need.NAMED})


def subjects(
    snapshot: Snapshot,
    action: str,
    kind: str,
    object_id: str,
    properties: Mapping[str, Any] = NOTHING,
    *,
    after: str = "",
    limit: int,
) -> list[str]:
    """Return the ids of up to `limit` people who may do this to the object."""
    rule = snapshot.rules.get((kind, action))
    if rule is None:
        return []
    candidates = merge(*(_following(ids, after) for ids in _candidates(snapshot, rule, kind, object_id)))
    allowed = (one for one in candidates if snapshot.permits(one, action, kind, object_id, properties))
    return list(islice(allowed, limit))


def _candidates(snapshot: Snapshot, rule: Rule, kind: str, object_id: str) -> Iterator[Sequence[str]]:
    """Yield who could have the object within reach, each once, in lists that are in order: to ask about these alone is
    as good as to ask about everybody."""
    people = snapshot.people
    holders = [role for role in snapshot.people_by_role if rule.key in snapshot.held[role].keys]
    if rule.need not in _ASSIGNED:
        yield from (snapshot.people_by_role[role] for role in holders)
        return
    assigned = snapshot.assignees.get(kind, {}).get(object_id, ())
    if rule.need is Need.NAMED:
        yield assigned
        return
    yield [one for one in assigned if not people[one].reaches_all]
    reaching = [role for role in holders if people[snapshot.people_by_role[role][0]].reaches_all]
    if reaching and snapshot.objects.exists(kind, object_id):
        yield from (snapshot.people_by_role[role] for role in reaching)


def resources(snapshot: Snapshot, subject: str, action: str, kind: str, *, after: str = "", limit: int) -> list[str]:
    """Return the ids of up to `limit` objects of the kind to which the subject may do this."""
    person, rule = snapshot.person(subject), snapshot.rules.get((kind, action))
    if person is None or rule is None or rule.key not in person.keys or rule.need is Need.OWN:
        return []
    if rule.need is Need.PLACE:
        return [one for one in [snapshot.place] if one > after][:limit]
    if rule.need is Need.ANY:
        return list(islice(_following(snapshot.granted.get(kind, ()), after), limit))
    if person.reaches_all and rule.need is not Need.NAMED:
        return snapshot.objects.following(kind, after, limit)
    return list(islice(_following(_assigned(snapshot, person, kind, rule.need), after), limit))


def _assigned(snapshot: Snapshot, person: Person, kind: str, need: Need) -> Sequence[str]:
    """Return the ids assigned to the person, in order, which is found once."""
    found = snapshot.ordered.get((person.id, kind, need))
    if found is None:
        found = snapshot.ordered[person.id, kind, need] = sorted(person.usable(kind, need))
    return found


def actions(
    snapshot: Snapshot,
    subject: str,
    kind: str,
    object_id: str,
    properties: Mapping[str, Any] = NOTHING,
    *,
    after: str = "",
    limit: int,
) -> list[str]:
    """Return the names of up to `limit` actions that the subject may do to the object."""
    asked = snapshot.actions.get(kind, ())
    allowed = (
        name
        for name in _following(asked, after)
        if snapshot.judge(subject, name, kind, object_id, properties) is Reason.GRANTED
    )
    return list(islice(allowed, limit))


def _following(ids: Sequence[str], after: str) -> Iterator[str]:
    return islice(ids, bisect_right(ids, after), None)
