"""Whatever changes, all that answers about access agrees: a small model, the snapshot, SQL, the rows that PostgreSQL
shows, the searches, and the API for outside services over HTTP.

Hypothesis makes up the changes; each is committed by plain SQL while the product runs with warm memory in this process
and in a web server of its own. After every one of them all questions are asked anew.

`HYPOTHESIS_PROFILE=thorough` plays many more, at random; otherwise the plays are the same in every run.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import count

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import rule, run_state_machine_as_test

from roles.engine.remedy import Change, Step, remedies
from tests.roles.engine.agreement import AUTHORS, CLIENTS, PLACES, Agreement, spelled
from tests.roles.engine.outside import Outside, outside_service
from tests.roles.engine.world import INVOICE, KEYS, OUTSIDE, REPORT, Application, Question, Role, Rows, named

THOROUGH = os.environ.get("HYPOTHESIS_PROFILE") == "thorough"
PLAYS = settings(
    max_examples=200 if THOROUGH else 14,
    stateful_step_count=20,
    derandomize=not THOROUGH,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate, Phase.shrink] if THOROUGH else [Phase.generate],
)
PEOPLE = ("ada", "ben", "cyd")
CUSTOM = ("base", "desk", "shared")
HOMES = {"harbor": "north", "mill": "north", "quarry": "south"}
REACHES = {(INVOICE, "read"): "all", (INVOICE, "update"): "assigned", (REPORT, "update"): "own"}
_number = count(1)


class Changes(Agreement):
    """A world in which anything may change."""

    def __init__(self, rows: Rows, outside: Outside) -> None:
        super().__init__(rows, outside, f"-{next(_number)}")
        for place in map(self.name, PLACES):
            rows.add_place(place)
            self.world.places[place] = True
            self.register(place)
        for person in map(self.name, PEOPLE):
            rows.add_person(person)
            self.world.people[person] = True
        north = self.name("north")
        self.put_role("shared", Role(None, frozenset({"clients:read"}), reach="assigned"))
        self.put_role("base", Role(north, frozenset({"clients:read", "reports:read"}), self.name("shared")))
        keys = {"clients:write", *self.world.applications[north].keys}
        self.put_role("desk", Role(north, frozenset(keys), self.name("base"), reach="all"))
        for client in CLIENTS:
            self.add_client(client)
        self.set_member("ada", "north", "desk")
        self.set_member("ben", "north", "base")
        self.tokens = {place: outside.token(rows, place) for place in self.world.places}

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
            self.world.granted -= {one for one in self.world.granted if one[:2] == who}
        else:
            self.world.members[who] = self.name(role)

    def register(self, place: str) -> None:
        application = Application(f"billing-{next(_number)} of {place}", REACHES)
        self.rows.register(place, application)
        self.world.applications[place] = application

    # What may happen.

    @rule(data=st.data())
    def change_keys(self, data: st.DataObject) -> None:
        name = self.name(data.draw(st.sampled_from(CUSTOM)))
        place = self.world.roles[name].place
        outside = self.world.applications[place].keys if place in self.world.applications else []
        keys = self.world.roles[name].own ^ {data.draw(st.sampled_from([*KEYS, "admin:*", *outside]))}
        self.rows.set_keys(name, keys)
        self.world.roles[name] = self.world.roles[name]._replace(own=keys)

    @rule(data=st.data())
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

    @rule(data=st.data())
    def change_member(self, data: st.DataObject) -> None:
        place = data.draw(st.sampled_from(PLACES))
        roles = [None, *CUSTOM] if place == "north" else [None, "shared", "shared"]
        self.set_member(data.draw(st.sampled_from(PEOPLE)), place, data.draw(st.sampled_from(roles)))

    @rule(data=st.data())
    def change_person(self, data: st.DataObject) -> None:
        person = self.name(data.draw(st.sampled_from(PEOPLE)))
        self.world.people[person] = not self.world.people[person]
        self.rows.set_active(person, self.world.people[person])

    @rule(data=st.data())
    def change_place(self, data: st.DataObject) -> None:
        place = self.name(data.draw(st.sampled_from(PLACES)))
        self.world.places[place] = not self.world.places[place]
        self.rows.set_open(place, self.world.places[place])

    @rule(data=st.data())
    def change_factor(self, data: st.DataObject) -> None:
        person = self.name(data.draw(st.sampled_from(PEOPLE)))
        self.world.factors ^= {person}
        self.rows.set_factor(person, person in self.world.factors)

    @rule(data=st.data())
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

    @rule(data=st.data())
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
    def change_application(self, data: st.DataObject) -> None:
        """Remove an application, or register it again under its old name: no permission and no grant comes back."""
        place = self.name(data.draw(st.sampled_from(PLACES)))
        application = self.world.applications.pop(place, None)
        if application is None:
            self.register(place)
            return
        self.rows.unregister(application)
        for name, role in self.world.roles.items():
            self.world.roles[name] = role._replace(own=role.own - set(application.keys))
        self.world.granted -= {one for one in self.world.granted if one[1] == place}

    @rule(data=st.data())
    def change_action(self, data: st.DataObject) -> None:
        """Let an action reach something else, or nothing: then it is gone."""
        place, about = self.name(data.draw(st.sampled_from(PLACES))), data.draw(st.sampled_from(OUTSIDE))
        if place not in self.world.applications:
            return
        reach = dict(self.world.applications[place].reach)
        reach[about] = data.draw(
            st.sampled_from([one for one in ("all", "assigned", "own", "") if one != reach[about]])
        )
        self.world.applications[place] = self.world.applications[place]._replace(reach=reach)
        self.rows.set_action(place, self.world.applications[place], about)

    @rule(data=st.data())
    def change_grant(self, data: st.DataObject) -> None:
        if not self.world.members:
            return
        person, place = data.draw(st.sampled_from(sorted(self.world.members)))
        kind, resource = data.draw(st.sampled_from([INVOICE, REPORT])), data.draw(st.sampled_from(sorted(AUTHORS)))
        if place in self.world.applications:
            self.grant(person, place, kind, resource)

    def grant(self, person: str, place: str, kind: str, resource: str) -> None:
        self.world.granted ^= {(person, place, kind, resource)}
        is_so = (person, place, kind, resource) in self.world.granted
        self.rows.set_granted(person, place, self.world.applications[place], kind, resource, is_so)

    @rule(data=st.data())
    def remedy(self, data: st.DataObject) -> None:
        """Do what is said to turn a denial into an allow: it does."""
        place = data.draw(st.sampled_from(sorted(self.world.places)))
        question = data.draw(st.sampled_from([one for one in self.questions() if one.person in self.world.people]))
        asked = spelled(question)
        offered = remedies(self.store.current(named(place)), *asked[:4], asked.properties)
        known = {named(role): role for role in self.world.roles}
        offered = [one for one in offered if all(step.role is None or step.role.id in known for step in one.steps)]
        if not offered or not (self.world.people[question.person] or (question.person, place) in self.world.members):
            return
        for step in data.draw(st.sampled_from(offered)).steps:
            self.take(step, question, place, known.get(step.role.id, "") if step.role else "")
        assert self.world.allows(place, question)

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
        elif step.change is Change.ASSIGN and question.kind in {INVOICE, REPORT}:
            self.grant(person, place, question.kind, question.target)
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
    run_state_machine_as_test(lambda: Changes(rows, outside), settings=PLAYS)
