"""A play about roles, in steps that Hypothesis makes up (see test_machine.py).

Each step is carried out by the real action, as the person, in the real database, and by the rules: both refuse it, for
a reason that the rules know, or both do it and end in the same world.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any

from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.db import transaction
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from accounts.actions import AcceptInvitation, Invite
from roles.actions import AssignMany, CloneRole, CreateRole, DeleteRole, UnassignMany, UpdateRole
from roles.actors import RoleActor
from roles.impact import Impact, impact_of_assignment, impact_of_delete, impact_of_update
from roles.models import Role as StoredRole
from tenancy.actors import Scope
from tenancy.context import acting
from tenancy.errors import AccessDenied, ActionRefused, Denial, NotVisible, Reason
from tests.factories import on_platform
from tests.roles.rules import PLATFORM, TENANT, Actor, Fault, Outcome, Role, World, spelled_out
from tests.roles.stage import BUILT_IN, CAST, ELSEWHERE, HERE, NEWCOMERS, Stage, first_world

KEYS = {
    TENANT: (
        "clients:read",
        "team:read",
        "team:roles:assign",
        "team:remove",
        "team:invite",
        "org:billing:read",
        "admin:*",
    ),
    PLATFORM: ("roles:read", "roles:create", "roles:update", "roles:delete", "roles:assign", "super:*"),
}
#: Drawn more often, for more of what they try is allowed.
STRONG = [Actor("owner", HERE), Actor("super", None), Actor("leader", HERE), Actor("clerk", None), Actor("staff", None)]
UNTOUCHED = {"theirs", "reader"}
STEPS = (
    *("create", "clone", "change_permissions", "change_priority", "change_reach", "reparent", "switch", "delete"),
    *("assign", "unassign", "invite", "accept"),
)
REASONS = {
    Reason.MISSING_PERMISSION: Fault.MISSING,
    Reason.OUT_OF_REACH: Fault.HIDDEN,
    Reason.BUILT_IN: Fault.BUILT_IN,
    Reason.OWN_ROLE: Fault.OWN_ROLE,
    Reason.ABOVE_CEILING: Fault.CEILING,
    Reason.SELF: Fault.SELF,
    Reason.OUTRANKED: Fault.OUTRANKED,
    Reason.LAST_OF_ITS_KIND: Fault.LAST,
}
REFUSALS = (AccessDenied, NotVisible, ActionRefused, ValidationError)
#: Faults that a preview tells of beforehand.
FORETOLD = {Fault.CEILING, Fault.OWN_ROLE, Fault.BUILT_IN, Fault.SELF, Fault.OUTRANKED, Fault.LAST}

Gains = Mapping[Actor, tuple[frozenset[str], frozenset[str]]]


def fault_of(error: Exception) -> Fault:
    """Return which fault a refusal names."""
    if isinstance(error, AccessDenied | NotVisible):
        return REASONS[error.denial.reason]
    return Fault.CONFLICT if isinstance(error, ActionRefused) else Fault.INVALID


def gains(before: World, after: World) -> Gains:
    """Return what each person who gains or loses anything gains and loses, where."""
    changed = {}
    for actor in {*before.held, *after.held}:
        had, has = before.rights(actor), after.rights(actor)
        if had != has:
            changed[actor] = (has - had, had - has)
    return changed


class Play(RuleBasedStateMachine):
    """One play: it ends with the database as it was."""

    def __init__(self, stage: Stage, reader: Any, tally: Counter[tuple[str, bool]]) -> None:
        super().__init__()
        self.stage = replace(stage, roles=dict(stage.roles))
        self.reader, self.tally, self.number = reader, tally, 0
        self.world = first_world()
        self.provenance = {(actor, key): actor for actor in CAST for key in self.world.rights(actor)}
        self.transaction = transaction.atomic()
        self.transaction.__enter__()

    def teardown(self) -> None:
        try:
            if not transaction.get_rollback():  # a step that failed may leave nothing to ask
                self.the_api_agrees(self.world.roles)
        finally:
            transaction.set_rollback(True)
            self.transaction.__exit__(None, None, None)

    @rule(data=st.data())
    def step(self, data: st.DataObject) -> None:
        """Let somebody try something, everything as often as anything else."""
        getattr(self, data.draw(st.sampled_from(STEPS), "step"))(data)

    def create(self, data: st.DataObject) -> None:
        actor = self.who(data, HERE, None)
        scope = TENANT if actor.place else data.draw(st.sampled_from([PLATFORM, TENANT]), "scope")
        place = actor.place or (data.draw(st.sampled_from([None, HERE]), "place") if scope == TENANT else None)
        role = Role(
            scope,
            place,
            data.draw(st.sampled_from([0, 20, 40, 60, 80, 100, 101]), "priority"),
            data.draw(st.frozensets(st.sampled_from(KEYS[scope]), max_size=3), "keys"),
            data.draw(st.none() | self.some_role(scope), "parent"),
            data.draw(st.sampled_from(["all", "assigned"]), "reach") if scope == TENANT else None,
            data.draw(st.sampled_from([True, True, False]), "active"),
        )
        name, values = self.new_name(), {"name": "", "display_name": "New", **self.values(role)}
        values["name"] = name
        self.attempt(
            "create",
            actor,
            self.world.create(actor, name, role),
            lambda real: CreateRole(real, values, Scope(scope), self.stage.place_id(place)).execute(),
            made=name,
        )

    def clone(self, data: st.DataObject) -> None:
        actor = self.who(data, HERE, None)
        original, name = data.draw(self.some_role(), "which"), self.new_name()
        self.attempt(
            "clone",
            actor,
            self.world.clone(actor, name, original),
            lambda real: CloneRole(real, self.stage.roles[original], {"name": name}).execute(),
            made=name,
        )

    def change_permissions(self, data: st.DataObject) -> None:
        name = data.draw(self.some_role(), "which")
        toggled = data.draw(
            st.frozensets(st.sampled_from(KEYS[self.world.roles[name].scope]), min_size=1, max_size=2), "keys"
        )
        self.edit("change permissions", data, name, own=self.world.roles[name].own ^ toggled)

    def change_priority(self, data: st.DataObject) -> None:
        priority = data.draw(st.sampled_from([0, 20, 40, 60, 80, 100]), "priority")
        self.edit("change priority", data, data.draw(self.some_role(), "which"), priority=priority)

    def change_reach(self, data: st.DataObject) -> None:
        reach = data.draw(st.sampled_from(["all", "assigned"]), "reach")
        self.edit("change reach", data, data.draw(self.some_role(), "which"), reach=reach)

    def reparent(self, data: st.DataObject) -> None:
        name = data.draw(self.some_role(), "which")
        parent = data.draw(st.none() | self.some_role(self.world.roles[name].scope), "parent")
        self.edit("reparent", data, name, parent=parent)

    def switch(self, data: st.DataObject) -> None:
        name = data.draw(self.some_role(), "which")
        self.edit("switch", data, name, active=not self.world.roles[name].active)

    def delete(self, data: st.DataObject) -> None:
        actor, name = self.who(data), data.draw(self.some_role(), "which")
        successor = data.draw(st.none() | self.some_role(self.world.roles[name].scope), "replacement")
        role, other = self.stage.roles[name], self.stage.roles[successor] if successor else None
        self.attempt(
            "delete",
            actor,
            self.world.delete(actor, name, successor),
            lambda real: DeleteRole(real, role, other).execute(),
            preview=lambda real: impact_of_delete(real, role, other),
        )
        if name not in self.world.roles:
            del self.stage.roles[name]

    def assign(self, data: st.DataObject) -> None:
        actor = self.who(data)
        name = data.draw(self.some_role(*([TENANT] if actor.place else [])), "which")
        place = actor.place or (HERE if self.world.roles[name].scope == TENANT else None)
        people = self.somebody(data, actor, place)
        ids = [self.stage.people[one.person].pk for one in people]
        self.attempt(
            "assign",
            actor,
            self.world.assign(actor, people, name),
            lambda real: AssignMany(real, ids, self.role(name), self.stage.place_id(place)).execute(),
            preview=lambda real: impact_of_assignment(real, ids, self.role(name), self.stage.place_id(place)),
            people=people,
        )

    def unassign(self, data: st.DataObject) -> None:
        actor = self.who(data)
        place = actor.place or data.draw(st.sampled_from([HERE, None]), "place")
        people = self.somebody(data, actor, place)
        ids = [self.stage.people[one.person].pk for one in people]
        self.attempt(
            "unassign",
            actor,
            self.world.unassign(actor, people),
            lambda real: UnassignMany(real, ids, None, self.stage.place_id(place)).execute(),
        )

    def invite(self, data: st.DataObject) -> None:
        person = data.draw(st.sampled_from([*NEWCOMERS, "viewer"]), "whom")
        actor = self.who(data, HERE)
        name, invited = data.draw(self.some_role(TENANT), "which"), Actor(person, HERE)
        self.attempt(
            "invite",
            actor,
            self.world.invite(actor, invited, name),
            lambda real: Invite(real, [self.stage.people[person].email], self.role(name)).execute(),
        )

    def accept(self, data: st.DataObject) -> None:
        if not self.world.offers:
            return
        invited = data.draw(st.sampled_from(sorted(self.world.offers)), "who")
        _, inviter = self.world.offers[invited]
        token, user = self.stage.know_link(invited), self.stage.people[invited.person]
        outcome = self.world.accept(invited)
        self.perform("accept", inviter, outcome, lambda: AcceptInvitation(HERE, token, user).execute())

    # What they are made of.

    def some_role(self, *scopes: str) -> st.SearchStrategy[str]:
        """Draw a role: one that people made, and of the scopes, more often than another."""
        custom = [name for name in self.world.roles if name not in {*UNTOUCHED, *BUILT_IN}]
        fitting = [name for name in custom if self.world.roles[name].scope in (scopes or (PLATFORM, TENANT))]
        return st.sampled_from([*fitting * 4, *custom, *BUILT_IN])

    def who(self, data: st.DataObject, *places: str | None) -> Actor:
        """Draw an actor of one of the places, or of any."""
        present = [
            one
            for one in self.world.held
            if one.person != "reader" and one.place in (places or (HERE, None, ELSEWHERE))
        ]
        return data.draw(st.sampled_from([*[one for one in STRONG if one in present] * 4, *present]), "who")

    def somebody(self, data: st.DataObject, actor: Actor, place: str | None) -> list[Actor]:
        """Draw people, mostly of the place and mostly one."""
        there = [one for one in self.world.held if one.place == place and one.person != "reader"]
        outside = [Actor(name, place) for name in (actor.person, actor.person, "viewer", "staff", "clerk", *NEWCOMERS)]
        drawn = st.sampled_from([*there, *there, *outside])
        return data.draw(
            st.lists(drawn, min_size=1, max_size=1) | st.lists(drawn, min_size=1, max_size=3, unique=True), "whom"
        )

    def new_name(self) -> str:
        self.number += 1
        return f"made-{self.number}"

    def role(self, name: str) -> StoredRole:
        with on_platform():
            return StoredRole.objects.get(pk=self.stage.roles[name])

    def values(self, role: Role) -> dict[str, Any]:
        """Return how the action takes what the rules call so."""
        parent = self.stage.roles[role.parent] if role.parent else None
        return {
            "priority": role.priority,
            "permissions": role.own,
            "parent": parent,
            "reach": role.reach,
            "is_active": role.active,
        }

    def edit(self, verb: str, data: st.DataObject, name: str, **values: Any) -> None:
        actor = self.who(data)
        spoken = {"own": "permissions", "active": "is_active"}
        asked = self.values(replace(self.world.roles[name], **values))
        asked = {spoken.get(what, what): asked[spoken.get(what, what)] for what in values}
        pk = self.stage.roles[name]
        self.attempt(
            verb,
            actor,
            self.world.edit(actor, name, **values),
            lambda real: UpdateRole(real, pk, asked).execute(),
            preview=lambda real: impact_of_update(real, pk, asked),
        )

    # What has to hold.

    def attempt(
        self,
        verb: str,
        actor: Actor,
        outcome: Outcome,
        act: Callable[[RoleActor], Any],
        *,
        preview: Callable[[RoleActor], Impact] | None = None,
        people: Collection[Actor] = (),
        made: str = "",
    ) -> None:
        real = self.stage.person(actor)
        if not isinstance(real, RoleActor):
            assert not self.world.rights(actor)
            return
        if preview is not None and Fault.HIDDEN not in outcome[0]:
            self.the_preview_agrees(outcome, real, preview, people)

        def perform() -> None:
            with acting(real):
                result = act(real)
            if made:
                self.stage.roles[made] = result.pk

        self.perform(verb, actor, outcome, perform)

    def perform(self, verb: str, actor: Actor, outcome: Outcome, act: Callable[[], Any]) -> None:
        faults, after = outcome
        before = self.world
        try:
            act()
        except REFUSALS as error:
            assert fault_of(error) in faults, f"refused by the product alone: {error!r}, {sorted(faults)}"
            self.tally[verb, False] += 1
        else:
            assert not faults, f"refused by the rules alone: {sorted(faults)}"
            self.tally[verb, True] += 1
            self.nobody_got_what_nobody_gave(actor, after)
            self.world = after
            self.all_grant_the_same(before)
        assert self.stage.stored() == self.world

    def the_preview_agrees(
        self, outcome: Outcome, real: RoleActor, preview: Callable[[RoleActor], Impact], people: Collection[Actor]
    ) -> None:
        faults, after = outcome
        users = {user.pk: name for name, user in self.stage.people.items()}
        slugs = {self.stage.place_id(slug): slug for slug in self.stage.places}
        try:
            with acting(real):
                impact = preview(real)
                told: dict[Actor, tuple[frozenset[str], frozenset[str]]] = {}
                for effect in impact.effects:
                    touched = [
                        Actor(users[one.user_id], slugs[one.organization_id]) for one in impact.people_of(effect)
                    ]
                    touched = touched if effect.role_id else [one for one in people if one not in self.world.held]
                    assert len(touched) == effect.people
                    if effect.gained or effect.lost:
                        told |= dict.fromkeys(touched, (frozenset(effect.gained), frozenset(effect.lost)))
        except REFUSALS as error:
            assert fault_of(error) in faults, f"no preview: {error!r}, {sorted(faults)}"
            return
        if not faults:
            assert not impact.refused
            assert told == gains(self.world, after)
        elif faults <= FORETOLD:
            assert impact.refused, f"the preview does not tell of {sorted(faults)}"

    def nobody_got_what_nobody_gave(self, actor: Actor, after: World) -> None:
        """What anyone gains, whoever acted held and ranks no lower than they do; and nobody gains by their own act."""
        rank, held = self.world.roles[self.world.held[actor]].priority, self.world.rights(actor)
        for person, (gained, lost) in gains(self.world, after).items():
            assert person.person != actor.person or not gained
            assert gained <= held
            assert not gained or after.roles[after.held[person]].priority <= rank
            assert all((actor, key) in self.provenance for key in gained)
            self.provenance |= {(person, key): actor for key in gained}
            for key in lost:
                del self.provenance[person, key]

    def all_grant_the_same(self, before: World) -> None:
        granted = {name: self.world.keys(name, live=True) for name in self.world.roles}
        assert self.stage.by_sql() == granted
        assert self.stage.by_family() == granted
        for actor in self.world.held:
            real = self.stage.person(actor)
            if isinstance(real, Denial):
                assert real.reason is Reason.ROLE_INACTIVE
                assert not self.world.rights(actor)
            else:
                assert real.permissions == self.world.rights(actor)
                assert real.priority == self.world.roles[self.world.held[actor]].priority
        touched = {name for name in granted if before.roles.get(name) != self.world.roles[name]}
        self.the_api_agrees({heir for name in touched for heir in self.world.family(name)})

    def the_api_agrees(self, names: Collection[str]) -> None:
        cache.clear()  # The reader asks more often than the API allows anybody to.
        for name in names:
            answer = self.reader.get(f"/api/admin/roles/{self.stage.roles[name]}/")
            assert answer.status_code == 200, answer.content
            role = answer.json()
            told = frozenset(held["key"] for held in (*role["own_permissions"], *role["inherited_permissions"]))
            assert spelled_out(told) == self.world.keys(name, live=True)
