"""Cedar and casbin, which share no line of code with the engine, answer every question about a world as it does."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from roles.engine.store import SnapshotStore
from tests.factories import (
    ClientFactory,
    MembershipFactory,
    OrganizationFactory,
    RoleFactory,
    UserFactory,
    assign,
)
from tests.roles.engine.foreign import ACTIONS, Ask, by_casbin, by_cedar
from tests.roles.engine.plain_world import Person, Role, World, id_of, snapshot_of

pytestmark = pytest.mark.requirement("PDP-1")

HERE, ELSEWHERE = "larkmoor", "quaymark"
PEOPLE, CLIENTS = ("ann", "bob", "cleo"), ("harbor", "meadow")
THINGS = (("organization", HERE), ("organization", ELSEWHERE), *(("client", one) for one in (*CLIENTS, "unheard")))
QUESTIONS = [(*asked, *thing) for *asked, thing in product((*PEOPLE, "stranger"), ACTIONS, THINGS)]
WORLDS = settings(
    max_examples=40, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Draw up to four roles, each of which may inherit from one before it, and three people with clients."""
    names = [f"role {number}" for number in range(draw(st.integers(1, 4)))]
    roles = {
        name: Role(
            draw(st.frozensets(st.sampled_from(ACTIONS[:-1]), max_size=4) | st.just(frozenset({"admin:*"}))),
            draw(st.sampled_from([None, *names[:place]])) if place else None,
            draw(st.sampled_from([True, True, True, False])),
            draw(st.booleans()),
        )
        for place, name in enumerate(names)
    }
    people = {
        name: Person(
            draw(st.sampled_from(names)),
            draw(st.sampled_from([True, True, True, False])),
            draw(st.dictionaries(st.sampled_from(CLIENTS), st.booleans())),
        )
        for name in PEOPLE
    }
    return World(HERE, roles, people, frozenset(CLIENTS))


def by_values(world: World) -> Ask:
    """Return the answers of a snapshot that never saw a database."""
    snapshot = snapshot_of(world)
    return lambda person, action, kind, name: snapshot.permits(id_of(person), action, kind, id_of(name))


def by_database(world: World) -> Ask:
    """Return the answers of a snapshot that was read from the database."""
    places = {place: OrganizationFactory(slug=place) for place in (HERE, ELSEWHERE)}
    roles: dict[str | None, Any] = {None: None}
    for name, role in world.roles.items():
        reach = "all" if role.reaches_all else "assigned"
        above = roles[role.parent]
        roles[name] = RoleFactory(
            organization=places[HERE], keys=tuple(role.keys), parent=above, reach=reach, is_active=role.active
        )
    clients = {name: ClientFactory(organization=places[HERE], name=name) for name in sorted(world.clients)}
    people = {}
    for name, person in world.people.items():
        people[name] = UserFactory(is_active=person.active)
        MembershipFactory(user=people[name], organization=places[HERE], role=roles[person.role])
        for client, may_change in person.assigned.items():
            assign(people[name], clients[client], "change_client" if may_change else "view_client")
    ids = {name: str(one.pk) for name, one in {**places, **clients, **people}.items()}
    snapshot = SnapshotStore(1_000_000).current(places[HERE].pk)
    return lambda person, action, kind, name: snapshot.permits(
        ids.get(person, id_of(person)), action, kind, ids.get(name, id_of(name))
    )


def disputed(ours: Ask, theirs: Ask) -> list[tuple[str, str, str, str]]:
    """Return the questions that the two answer differently."""
    return [question for question in QUESTIONS if ours(*question) is not theirs(*question)]


@WORLDS
@given(worlds())
def test_cedar_agrees_with_the_snapshot(world: World) -> None:
    assert not disputed(by_values(world), by_cedar(world))


@WORLDS
@given(worlds())
def test_casbin_agrees_with_the_snapshot(world: World) -> None:
    assert not disputed(by_values(world), by_casbin(world))


@pytest.mark.django_db
@settings(WORLDS, max_examples=12)
@given(worlds())
def test_both_agree_with_the_snapshot_of_a_world_in_the_database(world: World) -> None:
    with transaction.atomic():
        ours = by_database(world)
        assert not disputed(ours, by_cedar(world))
        assert not disputed(ours, by_casbin(world))
        transaction.set_rollback(True)


def test_the_worlds_are_not_dull() -> None:
    """Both answers are given for each action, else their agreement would mean little."""
    seen: set[tuple[str, bool]] = set()

    @WORLDS
    @given(worlds())
    def look(world: World) -> None:
        ask = by_values(world)
        seen.update((action, ask(person, action, kind, name)) for person, action, kind, name in QUESTIONS)

    look()
    assert seen == set(product(ACTIONS, [True, False]))
