"""The people assigned to each object: what assignments say of people, the other way round."""

from __future__ import annotations

from bisect import insort
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from roles.engine.snapshot import Person

#: The ids of people by kind and id of an object, in order. Of tuples of strings garbage collections take no notice.
Assignees = Mapping[str, Mapping[str, tuple[str, ...]]]


def assignees_of(people: Mapping[str, Person]) -> Assignees:
    """Return who is assigned to each object."""
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for one in sorted(people):
        for kind, object_id in _objects(people[one]):
            found[kind][object_id].append(one)
    return {kind: {object_id: tuple(ids) for object_id, ids in by_id.items()} for kind, by_id in found.items()}


def reassigned(before: Mapping[str, Person], after: Mapping[str, Person]) -> set[str]:
    """Return who may have other assignments than before: everybody who does not have the very same ones."""
    left = before.keys() - after.keys()
    return left | {one for one, now in after.items() if one not in before or before[one].assigned is not now.assigned}


def renewed(
    assignees: Assignees, before: Mapping[str, Person], after: Mapping[str, Person], changed: Collection[str]
) -> Assignees:
    """Return who is assigned to each object now, from who was `before` these people changed."""
    found: dict[str, dict[str, list[str]]] = defaultdict(dict)

    def ids_of(kind: str, object_id: str) -> list[str]:
        return found[kind].setdefault(object_id, [*assignees.get(kind, {}).get(object_id, ())])

    for one in changed:
        for kind, object_id in _objects(before.get(one)):
            ids_of(kind, object_id).remove(one)
        for kind, object_id in _objects(after.get(one)):
            insort(ids_of(kind, object_id), one)
    now = {kind: dict(by_id) for kind, by_id in assignees.items()}
    for kind, by_id in found.items():
        for object_id, ids in by_id.items():
            if ids:
                now.setdefault(kind, {})[object_id] = tuple(ids)
            else:
                del now[kind][object_id]
    return {kind: by_id for kind, by_id in now.items() if by_id}


def _objects(person: Person | None) -> Iterator[tuple[str, str]]:
    if person is not None:
        for kind, assigned in person.assigned.items():
            for object_id in assigned:
                yield kind, object_id
