"""Every state of a small world: 2 organizations, 2 people, 2 roles, 2 permissions.

Each role holds none, one or both of the permissions (16 ways), each person has either role or none in each organization
(81 ways), the second role inherits from the first or does not (2 ways), and the first is active or is not (2 ways):
5,184 states, with 16 questions about each. A model of a few lines and the snapshot answer all of them alike; for every
79th state (66 of them) so do the snapshot read from the database, the database's own function, and the actor that a
request would have.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import pytest
from django.db import transaction

from accounts.models import Organization, User
from roles.actors import RoleActor, effective_permissions, resolve
from roles.engine.snapshot import Snapshot
from roles.engine.store import SnapshotStore
from roles.models import Role as StoredRole
from tests.factories import MembershipFactory, OrganizationFactory, RoleFactory, UserFactory, on_platform
from tests.roles.engine.plain_world import Person, Role, World, id_of, snapshot_of

pytestmark = pytest.mark.requirement("PDP-1")

PLACES, PEOPLE, ROLES, KEYS = ("here", "there"), ("ann", "bob"), ("base", "heir"), ("team:read", "reports:read")
Question = tuple[str, str, str, str]
#: In which organization one asks, who would act, with which permission, on which organization.
QUESTIONS: list[Question] = list(product(PLACES, PEOPLE, KEYS, PLACES))


@dataclass(frozen=True)
class State:
    """`own` are the keys of each role, `posts` the role that somebody has somewhere."""

    own: dict[str, frozenset[str]]
    posts: dict[tuple[str, str], str | None]
    inherits: bool
    base_is_active: bool

    def is_active(self, role: str) -> bool:
        return role == "heir" or self.base_is_active

    def parent(self, role: str) -> str | None:
        return "base" if role == "heir" and self.inherits else None


def states() -> Iterator[State]:
    """Yield all of them, always in the same order."""
    some = [frozenset(), frozenset(KEYS[:1]), frozenset(KEYS[1:]), frozenset(KEYS)]
    somewhere = list(product(PEOPLE, PLACES))
    for own, posts, inherits, base_is_active in product(
        product(some, repeat=len(ROLES)),
        product([None, *ROLES], repeat=len(somewhere)),
        [True, False],
        [True, False],
    ):
        yield State(
            dict(zip(ROLES, own, strict=True)), dict(zip(somewhere, posts, strict=True)), inherits, base_is_active
        )


def grants(state: State, role: str | None, key: str) -> bool:
    """Whether a role grants a permission: by itself or by its parent, up to an inactive one."""
    while role is not None and state.is_active(role):
        if key in state.own[role]:
            return True
        role = state.parent(role)
    return False


def allowed(state: State, question: Question) -> bool:
    """Whether somebody may do something, by their one role in that organization and to no other."""
    place, person, key, target = question
    return target == place and grants(state, state.posts[person, place], key)


def in_values(state: State, place: str) -> World:
    roles = {name: Role(state.own[name], state.parent(name), state.is_active(name)) for name in ROLES}
    people = {name: Person(role) for name in PEOPLE if (role := state.posts[name, place])}
    return World(place, roles, people)


def test_there_are_as_many_states_as_told() -> None:
    everything = list(states())
    assert len(everything) == 16 * 81 * 2 * 2 == 5184
    assert len(everything[::79]) == 66


@pytest.mark.requirement("ASSIGN-1")
@pytest.mark.requirement("ROLE-8")
def test_the_snapshot_answers_like_the_model_in_every_state() -> None:
    granted = 0
    for state in states():
        snapshots = {place: snapshot_of(in_values(state, place)) for place in PLACES}
        for question in QUESTIONS:
            place, person, key, target = question
            answer = snapshots[place].permits(id_of(person), key, "organization", id_of(target))
            assert answer is allowed(state, question), (state, question)
            granted += answer
    assert granted > 5184, "The world is dull."


@dataclass(frozen=True)
class Stage:
    """The rows of the small world, whatever its state."""

    places: dict[str, Organization]
    people: dict[str, User]
    roles: dict[str, StoredRole]

    def enter(self, state: State) -> None:
        """Bring the rows into a state."""
        for name, role in self.roles.items():
            parent = state.parent(name)
            with on_platform():
                role.permissions.set(state.own[name])
                StoredRole.objects.filter(pk=role.pk).update(
                    is_active=state.is_active(name), parent=self.roles[parent] if parent else None
                )
        for (person, place), post in state.posts.items():
            if post:
                MembershipFactory(user=self.people[person], organization=self.places[place], role=self.roles[post])


@pytest.fixture
def stage(db: None) -> Stage:
    return Stage(
        {place: OrganizationFactory(slug=place) for place in PLACES},
        {person: UserFactory() for person in PEOPLE},
        {name: RoleFactory(name=name) for name in ROLES},
    )


def by_request(stage: Stage, question: Question) -> bool:
    """Ask the actor that a request would have."""
    place, person, key, target = question
    actor = resolve(stage.people[person].pk, organization_id=stage.places[place].pk)
    return isinstance(actor, RoleActor) and actor.has(key) and actor.organization_id == stage.places[target].pk


def by_snapshot(stage: Stage, snapshots: dict[str, Snapshot], question: Question) -> bool:
    place, person, key, target = question
    return snapshots[place].permits(str(stage.people[person].pk), key, "organization", str(stage.places[target].pk))


@pytest.mark.requirement("ASSIGN-1")
@pytest.mark.requirement("ROLE-8")
def test_the_database_and_requests_answer_like_the_model_in_every_79th_state(stage: Stage) -> None:
    store = SnapshotStore(1_000_000)
    for state in list(states())[::79]:
        with transaction.atomic():
            stage.enter(state)
            snapshots = {place: store.current(stage.places[place].pk) for place in PLACES}
            for question in QUESTIONS:
                expected = allowed(state, question)
                assert by_snapshot(stage, snapshots, question) is expected, (state, question)
                assert by_request(stage, question) is expected, (state, question)
            for name, role in stage.roles.items():
                assert effective_permissions(role.pk) == {key for key in KEYS if grants(state, name, key)}, state
            transaction.set_rollback(True)
