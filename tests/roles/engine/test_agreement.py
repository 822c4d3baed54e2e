"""Whatever changes, all that answers about access agrees: a small model, the snapshot, SQL, the rows that PostgreSQL
shows, the searches, and the API for outside services over HTTP.

Hypothesis makes up the changes; each is committed by plain SQL while the product runs with warm memory in this process
and in a web server of its own. After every one of them all questions are asked anew.

`HYPOTHESIS_PROFILE=thorough` plays many more, at random; otherwise the plays are the same in every run.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from clients.access import client_policy
from roles.actors import RoleActor, resolve
from roles.engine import decide, search
from roles.engine.remedy import Change, Step, remedies
from roles.engine.snapshot import Snapshot
from roles.engine.store import SnapshotStore
from tenancy.context import acting
from tenancy.policies import Verb
from tests.roles.engine.checker import proves
from tests.roles.engine.outside import Asked, Outside, outside_service
from tests.roles.engine.world import CHANGES, GENERAL, KEYS, READS, Question, Role, Rows, World, named

THOROUGH = os.environ.get("HYPOTHESIS_PROFILE") == "thorough"
PLAYS = settings(
    max_examples=200 if THOROUGH else 8,
    stateful_step_count=20,
    derandomize=not THOROUGH,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate, Phase.shrink] if THOROUGH else [Phase.generate],
)
PLACES = ("north", "south")
PEOPLE = ("ada", "ben", "cyd")
CUSTOM = ("base", "desk", "shared")
CLIENTS = ("harbor", "mill", "quarry")
HOMES = {"harbor": "north", "mill": "north", "quarry": "south"}


class Agreement(RuleBasedStateMachine):
    """One world: its names are its own, so that worlds of earlier plays stay where they are."""

    plays = 0

    def __init__(self, rows: Rows, outside: Outside) -> None:
        super().__init__()
        Agreement.plays += 1
        self.tag = f"-{Agreement.plays}"
        self.rows, self.outside, self.store = rows, outside, SnapshotStore(1000)
        self.world, self.asked = World(), 0
        for place in map(self.name, PLACES):
            rows.add_place(place)
            self.world.places[place] = True
        for person in map(self.name, PEOPLE):
            rows.add_person(person)
            self.world.people[person] = True
        north = self.name("north")
        self.put_role("shared", Role(None, frozenset({"clients:read"}), reach="assigned"))
        self.put_role("base", Role(north, frozenset({"clients:read", "reports:read"}), self.name("shared")))
        self.put_role("desk", Role(north, frozenset({"clients:write"}), self.name("base"), reach="all"))
        for client in CLIENTS:
            self.add_client(client)
        self.set_member("ada", "north", "desk")
        self.set_member("ben", "north", "base")
        self.tokens = {place: outside.token(rows, place) for place in self.world.places}
        self.agree()

    def name(self, short: str) -> str:
        return short + self.tag

    def put_role(self, short: str, role: Role) -> None:
        self.rows.add_role(self.name(short), role)
        self.world.roles[self.name(short)] = role

    def add_client(self, short: str) -> None:
        client, place = self.name(short), self.name(HOMES[short])
        self.rows.add_client(client, place)
        self.world.clients[client] = place

    def set_member(self, person: str, place: str, role: str | None) -> None:
        who = self.name(person), self.name(place)
        self.rows.set_member(*who, role and self.name(role))
        if role is None:
            self.world.members.pop(who, None)
            lost = [one for one in self.world.assigned if one[0] == who[0] and self.world.clients[one[1]] == who[1]]
            for one in lost:
                del self.world.assigned[one]
        else:
            self.world.members[who] = self.name(role)

    # What may happen.

    @rule(data=st.data())
    def change(self, data: st.DataObject) -> None:
        """Let one thing change, and ask everything."""
        kinds = ("keys", "role", "member", "person", "place", "factor", "client", "assignment", "assignment")
        getattr(self, "change_" + data.draw(st.sampled_from(kinds), "what"))(data)
        self.agree()

    def change_keys(self, data: st.DataObject) -> None:
        name = self.name(data.draw(st.sampled_from(CUSTOM)))
        keys = self.world.roles[name].own ^ {data.draw(st.sampled_from([*KEYS, "admin:*"]))}
        self.rows.set_keys(name, keys)
        self.world.roles[name] = self.world.roles[name]._replace(own=keys)

    def change_role(self, data: st.DataObject) -> None:
        name = self.name(data.draw(st.sampled_from(CUSTOM)))
        role = self.world.roles[name]
        what = data.draw(st.sampled_from(["active", "reach", "second_factor", "parent"]))
        if what == "parent":
            parents = {"base": [None, "shared"], "desk": [None, "base", "shared"], "shared": [None]}
            parent = data.draw(st.sampled_from(parents[name.removesuffix(self.tag)]))
            role = role._replace(parent=parent and self.name(parent))
        elif what == "reach":
            role = role._replace(reach="all" if role.reach == "assigned" else "assigned")
        else:
            role = role._replace(**{what: not getattr(role, what)})
        self.rows.set_role(name, role)
        self.world.roles[name] = role

    def change_member(self, data: st.DataObject) -> None:
        place = data.draw(st.sampled_from(PLACES))
        roles = [None, *CUSTOM] if place == "north" else [None, "shared", "shared"]
        self.set_member(data.draw(st.sampled_from(PEOPLE)), place, data.draw(st.sampled_from(roles)))

    def change_person(self, data: st.DataObject) -> None:
        person = self.name(data.draw(st.sampled_from(PEOPLE)))
        self.world.people[person] = not self.world.people[person]
        self.rows.set_active(person, self.world.people[person])

    def change_place(self, data: st.DataObject) -> None:
        place = self.name(data.draw(st.sampled_from(PLACES)))
        self.world.places[place] = not self.world.places[place]
        self.rows.set_open(place, self.world.places[place])

    def change_factor(self, data: st.DataObject) -> None:
        person = self.name(data.draw(st.sampled_from(PEOPLE)))
        self.world.factors ^= {person}
        self.rows.set_factor(person, person in self.world.factors)

    def change_client(self, data: st.DataObject) -> None:
        """Delete a client, or make it again under the id it had: no old assignment comes back (threat 15)."""
        short = data.draw(st.sampled_from(CLIENTS))
        client = self.name(short)
        if client not in self.world.clients:
            self.add_client(short)
            return
        self.rows.delete_client(client)
        del self.world.clients[client]
        self.world.assigned = {one: how for one, how in self.world.assigned.items() if one[1] != client}

    def change_assignment(self, data: st.DataObject) -> None:
        pairs = [
            (person, client)
            for client, place in sorted(self.world.clients.items())
            for person, where in sorted(self.world.members)
            if where == place
        ]
        if not pairs:
            return
        person, client = data.draw(st.sampled_from(pairs))
        may_change = data.draw(st.sampled_from([True, False, None]))
        self.rows.set_assigned(person, client, self.world.clients[client], may_change)
        self.world.assigned.pop((person, client), None)
        if may_change is not None:
            self.world.assigned[person, client] = may_change

    @rule(data=st.data())
    def remedy(self, data: st.DataObject) -> None:
        """Do what is said to turn a denial into an allow: it does."""
        place = data.draw(st.sampled_from(sorted(self.world.places)))
        question = data.draw(st.sampled_from([one for one in self.questions(place) if one.person in self.world.people]))
        offered = remedies(self.store.current(named(place)), *spelled(question))
        known = {named(role): role for role in self.world.roles}
        offered = [one for one in offered if all(step.role is None or step.role.id in known for step in one.steps)]
        if not offered or not (self.world.people[question.person] or (question.person, place) in self.world.members):
            return
        for step in data.draw(st.sampled_from(offered)).steps:
            self.take(step, question, place, known.get(step.role.id, "") if step.role else "")
        assert self.world.allows(place, question)
        self.agree()

    def take(self, step: Step, question: Question, place: str, role: str) -> None:
        """Carry out one step of a remedy."""
        person, world = question.person, self.world
        if step.change is Change.GIVE_ROLE:
            self.rows.set_member(person, place, role)
            world.members[person, place] = role
        elif step.change is Change.ADD_PERMISSION:
            world.roles[role] = world.roles[role]._replace(own=world.roles[role].own | {step.key})
            self.rows.set_keys(role, world.roles[role].own)
        elif step.change is Change.ACTIVATE_ROLE:
            world.roles[role] = world.roles[role]._replace(active=True)
            self.rows.set_role(role, world.roles[role])
        elif step.change is Change.ASSIGN:
            world.assigned[person, question.target] = step.to_change
            self.rows.set_assigned(person, question.target, place, step.to_change)
        elif step.change is Change.UNBAN:
            world.people[person] = True
            self.rows.set_active(person, True)
        elif step.change is Change.RESTORE:
            world.places[place] = True
            self.rows.set_open(place, True)
        elif person not in world.factors:
            world.factors.add(person)
            self.rows.set_factor(person, True)

    # What has to hold.

    def agree(self) -> None:
        for place in self.world.places:
            snapshot = self.store.current(named(place))
            asked = self.questions(place)
            expected = {one: self.world.allows(place, one) for one in asked}
            self.snapshot_agrees(place, snapshot, expected)
            self.searches_agree(snapshot, expected)
            self.database_agrees(place, expected)
            self.outside_agrees(place, expected)

    def questions(self, place: str) -> list[Question]:
        people = [*self.world.people, "nobody"]
        clients = [self.name(client) for client in CLIENTS]
        about = [(action, client) for action in (*READS, *CHANGES) for client in clients]
        about += [(action, where) for action in GENERAL for where in self.world.places]
        return [Question(person, action, target) for person in people for action, target in about]

    def snapshot_agrees(self, place: str, snapshot: Snapshot, expected: dict[Question, bool]) -> None:
        for question, allowed in expected.items():
            asked = spelled(question)
            explained = snapshot.explain(*asked)
            assert snapshot.permits(*asked) is explained.allowed is allowed, (question, explained)
            if allowed:
                assert explained.witness is not None, explained
                assert proves(explained.witness, named(place), self.rows.server), explained.witness
            else:
                assert explained.witness is None and str(explained)

    def searches_agree(self, snapshot: Snapshot, expected: dict[Question, bool]) -> None:
        people = {str(named(person)) for person in self.world.people}
        allowed = [spelled(one) for one, is_so in expected.items() if is_so]
        targets = {spelled(one)[1:] for one in expected}
        for about in targets:
            found = search.subjects(snapshot, *about, limit=100)
            assert sorted(people.intersection(found)) == sorted(one[0] for one in allowed if one[1:] == about)
            assert in_pages(lambda after, about=about: search.subjects(snapshot, *about, after=after, limit=1)) == found
        for person in people:
            for action in (*READS, *CHANGES):
                found = search.resources(snapshot, person, action, "client", limit=100)
                assert found == sorted(one[3] for one in allowed if one[:3] == (person, action, "client"))
            for kind, target in {about[1:] for about in targets}:
                asked = GENERAL if kind == "organization" else KEYS
                names = set(search.actions(snapshot, person, kind, target, limit=1000)).intersection(asked)
                assert names == {one[1] for one in allowed if (one[0], *one[2:]) == (person, kind, target)}

    def database_agrees(self, place: str, expected: dict[Question, bool]) -> None:
        for person in self.world.people:
            actor = resolve(named(person), organization_id=named(place))
            if not isinstance(actor, RoleActor):
                assert not any(allowed for one, allowed in expected.items() if one.person == person), actor
                continue
            with acting(actor), connection.cursor() as cursor:
                cursor.execute("SELECT id FROM clients_client")
                readable = {one for (one,) in cursor.fetchall()}
                changeable = set(client_policy.rows(actor, Verb.CHANGE).values_list("pk", flat=True))
            for question, allowed in expected.items():
                if question.person == person and question.action not in GENERAL:
                    reached = readable if question.action in READS else changeable
                    assert allowed is (actor.has(question.action) and named(question.target) in reached), question
                elif question.person == person and question.target == place:
                    assert allowed is (decide(actor, question.action) is None), question

    def outside_agrees(self, place: str, expected: dict[Question, bool]) -> None:
        token, asked = self.tokens[place], {spelled(one): allowed for one, allowed in expected.items()}
        told = self.outside.evaluate(token, list(asked))
        if not self.world.places[place]:
            assert told is None  # a suspended organization's token is refused
            return
        assert told == list(asked.values())
        one = self.pick(asked)
        assert self.outside.evaluate_one(token, one) is asked[one]
        people = {str(named(person)) for person in self.world.people}
        clients = {str(named(self.name(client))) for client in CLIENTS}
        found = people.intersection(self.outside.search(token, "subject", one))
        assert found == {subject for subject in people if asked[subject, *one[1:]]}
        if one[2] == "client":
            found = clients.intersection(self.outside.search(token, "resource", one))
            assert found == {client for client in clients if asked[*one[:3], client]}
        actions = (*READS, *CHANGES) if one[2] == "client" else GENERAL
        found = set(actions).intersection(self.outside.search(token, "action", one))
        assert found == {action for action in actions if asked[one[0], action, *one[2:]]}

    def pick(self, asked: Collection[Asked]) -> Asked:
        """Return another of the questions each time, of those about somebody there is."""
        self.asked += 1
        known = [one for one in asked if one[0] != str(named("nobody"))]
        return known[self.asked * 7 % len(known)]


def spelled(question: Question) -> tuple[str, str, str, str]:
    """Return the question as (subject, action, kind, object id)."""
    kind = "organization" if question.action in GENERAL else "client"
    return str(named(question.person)), question.action, kind, str(named(question.target))


def in_pages(page: Any) -> list[str]:
    found: list[str] = []
    while part := page(found[-1] if found else ""):
        found += part
    return found


@pytest.fixture
def outside(committed_db: str) -> Iterator[Outside]:
    with outside_service(committed_db) as service:
        yield service


@pytest.mark.requirement("PDP-1")
@pytest.mark.requirement("PDP-2")
@pytest.mark.requirement("PDP-3")
@pytest.mark.requirement("PDP-6")
@pytest.mark.requirement("CLI-5")
def test_everything_that_answers_agrees_after_every_change(committed_db: str, outside: Outside) -> None:
    rows = Rows(outside.superuser_dsn)
    run_state_machine_as_test(lambda: Agreement(rows, outside), settings=PLAYS)
