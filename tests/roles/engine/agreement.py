"""What has to hold of a world at any time: all that answers about access gives the answers of a small model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection
from hypothesis.stateful import RuleBasedStateMachine, invariant

from clients.access import client_policy
from roles.actors import RoleActor, resolve
from roles.engine import decide, search
from roles.engine.snapshot import Snapshot
from roles.engine.store import SnapshotStore
from tenancy.context import acting
from tenancy.policies import Verb
from tests.roles.engine.checker import proves
from tests.roles.engine.outside import Asked, Outside
from tests.roles.engine.world import CHANGES, GENERAL, INVOICE, OUTSIDE, READS, REPORT, Question, Rows, World, named

PLACES = ("north", "south")
CLIENTS = ("harbor", "mill", "quarry")
#: Resources of applications, alike in all places, and who is told to have written each.
AUTHORS = {"one": "ada", "two": "ben"}
ON = {"client": (*READS, *CHANGES), "organization": GENERAL, INVOICE: ("read", "update"), REPORT: ("update",)}


ACTIONS = """SELECT a.slug || ':' || x.resource_type, x.action, x.permission_id, x.reach
    FROM roles_applicationaction x JOIN roles_application a ON a.id = x.application_id"""
GRANTED = """SELECT a.slug || ':' || g.resource_type, g.resource_id
    FROM roles_resourcegrant g JOIN roles_application a ON a.id = g.application_id WHERE g.user_id = %s"""
#: The answer to each question, by the model.
Expected = Mapping[Asked, bool]


@dataclass(frozen=True)
class Seen:
    """What the database shows to somebody: clients to read and to work with, the key and the reach of each action of
    applications by kind and name, what is granted to them, and the keys their role holds."""

    actor: RoleActor
    readable: set[UUID]
    changeable: set[UUID]
    actions: Mapping[tuple[str, str], tuple[str, str]]
    granted: set[tuple[str, str]]
    held: set[str]

    @classmethod
    def by(cls, actor: RoleActor) -> Seen:
        with acting(actor), connection.cursor() as cursor:

            def rows(statement: str, *values: UUID) -> list[tuple[Any, ...]]:
                cursor.execute(statement, values)
                return cursor.fetchall()

            return cls(
                actor,
                {one for (one,) in rows("SELECT id FROM clients_client")},
                set(client_policy.rows(actor, Verb.CHANGE).values_list("pk", flat=True)),
                {(kind, action): (key, reach) for kind, action, key, reach in rows(ACTIONS)},
                {(kind, resource) for kind, resource in rows(GRANTED, actor.user_id)},
                {key for (key,) in rows("SELECT permission_id FROM iam_effective_permissions(%s)", actor.role_id)},
            )

    def answers(self, place: str, one: Question) -> bool:
        if one.kind == "organization":
            return one.target == place and decide(self.actor, one.action) is None
        if one.kind == "client":
            reached = self.readable if one.action in READS else self.changeable
            return self.actor.has(one.action) and named(one.target) in reached
        key, reach = self.actions.get((one.kind, one.action), ("", ""))
        within = {"all": True, "assigned": (one.kind, one.target) in self.granted, "own": one.author == one.person}
        return not self.held.isdisjoint({key, "admin:*"}) and within.get(reach, False)


class Agreement(RuleBasedStateMachine):
    """One world: its names end in a tag of its own, so that worlds of earlier plays stay where they are."""

    def __init__(self, rows: Rows, outside: Outside, tag: str) -> None:
        super().__init__()
        self.rows, self.outside, self.tag = rows, outside, tag
        self.world, self.store, self.asked = World(), SnapshotStore(1000), 0
        self.tokens: dict[str, str] = {}

    def name(self, short: str) -> str:
        return short + self.tag

    @invariant()
    def agree(self) -> None:
        for place in self.world.places:
            snapshot = self.store.current(named(place))
            expected = {spelled(one): self.world.allows(place, one) for one in self.questions()}
            self.snapshot_agrees(place, snapshot, expected)
            self.searches_agree(place, snapshot, expected)
            self.database_agrees(place)
            self.outside_agrees(place, expected)

    def questions(self) -> list[Question]:
        people = [*self.world.people, "nobody"]
        about = [(action, self.name(client), "client", "") for action in ON["client"] for client in CLIENTS]
        about += [(action, where, "organization", "") for action in GENERAL for where in self.world.places]
        for kind, action in OUTSIDE:
            for resource, author in AUTHORS.items():
                about += [(action, resource, kind, ""), (action, resource, kind, self.name(author))]
        return [Question(person, *one) for person in people for one in about]

    def known(self, place: str, kind: str) -> set[str]:
        """Return what a search for resources can find: of applications, what is granted to somebody."""
        if kind in {INVOICE, REPORT}:
            return {resource for _, where, of, resource in self.world.granted if (where, of) == (place, kind)}
        return {str(named(client)) for client in map(self.name, CLIENTS)} | {str(named(place))}

    def snapshot_agrees(self, place: str, snapshot: Snapshot, expected: Expected) -> None:
        for one, allowed in expected.items():
            explained = snapshot.explain(*one[:4], one.properties)
            assert snapshot.permits(*one[:4], one.properties) is explained.allowed is allowed, (one, explained)
            if allowed:
                assert explained.witness is not None, explained
                assert proves(explained.witness, named(place), self.rows.server, one.properties), explained.witness
            else:
                assert explained.witness is None and str(explained)

    def searches_agree(self, place: str, snapshot: Snapshot, expected: Expected) -> None:
        people = {str(named(person)) for person in self.world.people}
        for one in {one._replace(subject="") for one in expected}:

            def found(after: str, limit: int, one: Asked = one) -> list[str]:
                return search.subjects(snapshot, *one[1:4], one.properties, after=after, limit=limit)

            everybody = found("", 100)
            assert people.intersection(everybody) == {who for who in people if expected[one._replace(subject=who)]}
            assert in_pages(lambda after, found=found: found(after, 1)) == everybody
        for one in {one._replace(object_id="", author="") for one in expected}:
            there = search.resources(snapshot, *one[:3], limit=100)
            known = self.known(place, one.kind)
            assert there == sorted(
                known.intersection(name for name in known if expected.get(one._replace(object_id=name)))
            )
        for one in {one._replace(action="") for one in expected}:
            names = search.actions(snapshot, one.subject, one.kind, one.object_id, one.properties, limit=1000)
            assert set(names).intersection(ON[one.kind]) == {
                name for name in ON[one.kind] if expected[one._replace(action=name)]
            }

    def database_agrees(self, place: str) -> None:
        """The rows that row-level security shows to a person, and the keys that SQL tells of a role, answer alike."""
        for person in self.world.people:
            asked = {one: self.world.allows(place, one) for one in self.questions() if one.person == person}
            actor = resolve(named(person), organization_id=named(place))
            if not isinstance(actor, RoleActor):
                assert not any(asked.values()), actor
                continue
            seen = Seen.by(actor)
            for one, allowed in asked.items():
                assert allowed is seen.answers(place, one), one

    def outside_agrees(self, place: str, expected: Expected) -> None:
        token = self.tokens[place]
        told = self.outside.evaluate(token, list(expected))
        if not self.world.places[place]:
            assert told is None  # a suspended organization's token is refused
            return
        assert told == list(expected.values())
        one = self.pick(expected)
        assert self.outside.evaluate_one(token, one) is expected[one]
        people = {str(named(person)) for person in self.world.people}
        found = people.intersection(self.outside.search(token, "subject", one))
        assert found == {who for who in people if expected[one._replace(subject=who)]}
        there, known = one._replace(author=""), self.known(place, one.kind)
        found = known.intersection(self.outside.search(token, "resource", there))
        assert found == {name for name in known if expected.get(there._replace(object_id=name))}
        found = set(ON[one.kind]).intersection(self.outside.search(token, "action", one))
        assert found == {name for name in ON[one.kind] if expected[one._replace(action=name)]}

    def pick(self, expected: Expected) -> Asked:
        """Return another of the questions each time, of those about somebody there is."""
        self.asked += 1
        known = [one for one in expected if one.subject != str(named("nobody"))]
        return known[self.asked * 7 % len(known)]


def spelled(question: Question) -> Asked:
    """Return the question as it is asked: an author is named by id or, of the second resource, by e-mail."""
    person, action, target, kind, author = question
    outside = kind in {INVOICE, REPORT}
    told = author and (str(named(author)) if target == "one" else f"{author}@PEOPLE.example")
    return Asked(str(named(person)), action, kind, target if outside else str(named(target)), told)


def in_pages(page: Callable[[str], list[str]]) -> list[str]:
    found: list[str] = []
    while part := page(found[-1] if found else ""):
        found += part
    return found
