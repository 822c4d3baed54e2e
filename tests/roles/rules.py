"""The rules of roles once more, read from docs/requirements.md alone: what the product is compared with.

A `World` is a value. Each verb returns all the faults of an attempt, and the world as it would be after it: an attempt
without a fault has to succeed, and one with faults has to be refused for one of them.
"""

import csv
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

PLATFORM, TENANT, MOST_CUSTOM = "PLATFORM", "TENANT", 10
CATALOGUE = list(csv.DictReader(Path("roles/data/permissions.csv").read_text(encoding="utf-8").splitlines()))
SCOPES = {row["key"]: row["scope"] for row in CATALOGUE}
VERBS = ("create", "update", "delete", "assign")
ON_PLATFORM = {verb: f"roles:{verb}" for verb in (*VERBS, "read")} | {"unassign": "roles:assign"}
IN_TEAM = dict.fromkeys(VERBS, "team:roles:assign")
IN_TEAM |= {"read": "team:read", "invite": "team:invite", "unassign": "team:remove"}
Fault = StrEnum("Fault", "MISSING HIDDEN BUILT_IN OWN_ROLE CEILING SELF OUTRANKED LAST CONFLICT INVALID")
Faults = frozenset[Fault]
Outcome = tuple[Faults, "World"]


class Actor(NamedTuple):
    person: str
    place: str | None  # an organization, or None for the platform


@dataclass(frozen=True)
class Role:
    scope: str
    place: str | None
    priority: int
    own: frozenset[str] = frozenset()
    parent: str | None = None
    reach: str | None = None
    active: bool = True
    system: bool = False


def faults(**wrong: object) -> Faults:
    return frozenset(Fault[name] for name, is_so in wrong.items() if is_so)


def spelled_out(keys: frozenset[str]) -> frozenset[str]:
    covered = SCOPES.values() if "super:*" in keys else [TENANT] if "admin:*" in keys else []
    return keys | {key for key, scope in SCOPES.items() if scope in covered}


@dataclass(frozen=True)
class World:
    roles: Mapping[str, Role]
    held: Mapping[Actor, str]  # one role for a person and place (ASSIGN-1)
    offers: Mapping[Actor, tuple[str, Actor]] = field(default_factory=dict)  # to whom: which role, by whom

    def line(self, name: str | None, *, live: bool = False) -> list[str]:
        """Return the role and what it inherits from (ROLE-8); `live` ends at an inactive one, which grants nothing."""
        found: list[str] = []
        while name is not None and name not in found and (self.roles[name].active or not live):
            found.append(name)
            name = self.roles[name].parent
        return found

    def keys(self, name: str, *, live: bool) -> frozenset[str]:
        """Return what the role grants now, or what it would with every role of its line active."""
        return spelled_out(frozenset().union(*(self.roles[one].own for one in self.line(name, live=live))))

    def family(self, name: str) -> set[str]:
        return {one for one in self.roles if name in self.line(one)}

    def rights(self, actor: Actor) -> frozenset[str]:
        """Return what somebody may do: it follows from the one role and from nothing else (PERM-3)."""
        return self.keys(self.held[actor], live=True) if actor in self.held else frozenset()

    def lacks(self, actor: Actor, *verbs: str) -> Faults:
        needed = {(IN_TEAM if actor.place else ON_PLATFORM).get(verb, "nothing") for verb in verbs}
        return faults(MISSING=needed - self.rights(actor))

    def sees(self, actor: Actor, name: str) -> bool:
        role = self.roles.get(name)
        return role is not None and (not actor.place or (role.scope == TENANT and role.place in (None, actor.place)))

    def over(self, actor: Actor, names: Collection[str], after: "World | None" = None) -> Faults:
        """Whether one of the roles, as it is or would be, is more than the actor has: the ceiling (ASSIGN-2)."""
        mine, rights, then = self.roles[self.held[actor]], self.rights(actor), after or self
        high = any(then.roles[name].priority > mine.priority for name in names)
        wide = mine.reach == "assigned" and any(then.roles[name].reach == "all" for name in names)
        return faults(CEILING=high or wide or any(then.keys(name, live=False) - rights for name in names))

    def closed(self, actor: Actor, name: str) -> Faults:
        """Why the actor changes nothing of the role: built in or shared, in their own line, above them (ROLE-4)."""
        mine = any(held in self.family(name) for one, held in self.held.items() if one.person == actor.person)
        shut = self.roles[name].system or (actor.place and self.roles[name].place != actor.place)
        return faults(BUILT_IN=shut, OWN_ROLE=mine) | self.over(actor, [name])

    def shaped(self, actor: Actor, name: str, role: Role) -> Outcome:
        """Return the world with the role so, unless there can be no such role (ROLE-1, ROLE-8, PERM-4)."""
        wrong = not 0 <= role.priority <= 100 or (role.reach is None) != (role.scope == PLATFORM)
        if role.parent is not None:  # A parent of no organization is shared with all, and taken for built in.
            above, circle = self.roles[role.parent], name in (role.parent, *self.line(role.parent))
            misfit = above.scope != role.scope or above.place not in (None, role.place)
            wrong = wrong or circle or misfit or not self.sees(actor, role.parent)
        wrong = wrong or any(SCOPES.get(key) != role.scope for key in role.own)
        return faults(INVALID=wrong), replace(self, roles={**self.roles, name: role})

    def create(self, actor: Actor, name: str, role: Role) -> Outcome:
        wrong, after = self.shaped(actor, name, role)
        full = role.place and sum(one.place == role.place for one in self.roles.values()) >= MOST_CUSTOM  # ROLE-9
        return wrong | self.lacks(actor, "create") | faults(CONFLICT=full) | self.over(actor, [name], after), after

    def clone(self, actor: Actor, name: str, source: str) -> Outcome:
        if not self.sees(actor, source):
            return self.lacks(actor, "read", "create") | faults(HIDDEN=True), self
        place = actor.place or self.roles[source].place
        copy = replace(self.roles[source], place=place, active=True, system=False)
        wrong, after = self.create(actor, name, copy)
        return wrong | self.lacks(actor, "read"), after

    def edit(self, actor: Actor, name: str, **values: Any) -> Outcome:
        wrong = self.lacks(actor, "read", "update")
        if not self.sees(actor, name):
            return wrong | faults(HIDDEN=True), self
        was, role = self.roles[name], replace(self.roles[name], **values)
        bad, after = self.shaped(actor, name, role)
        passes_on = (was.own, was.parent, was.active) != (role.own, role.parent, role.active)
        heirs = self.family(name) if passes_on else [name]
        wrong |= bad | self.closed(actor, name)
        return wrong | self.over(actor, heirs) | self.over(actor, heirs, after), after

    def delete(self, actor: Actor, name: str, new: str | None) -> Outcome:
        wrong = self.lacks(actor, "read", "delete")
        if not self.sees(actor, name):
            return wrong | faults(HIDDEN=True), self
        needed = name in (*self.held.values(), *(role for role, _ in self.offers.values())) and not new
        wrong |= self.closed(actor, name) | faults(CONFLICT=needed or len(self.family(name)) > 1)
        if new:
            misfit = self.roles[new].scope, self.roles[new].place or self.roles[name].place
            there = self.roles[name].scope, self.roles[name].place
            wrong |= faults(CONFLICT=new == name or misfit != there) | self.given(actor, new, "assign")
        roles = {one: role for one, role in self.roles.items() if one != name}
        held = {one: (new or role) if role == name else role for one, role in self.held.items()}
        offers = {one: ((new or role) if role == name else role, by) for one, (role, by) in self.offers.items()}
        return wrong, World(roles, held, offers)

    def given(self, actor: Actor, name: str, verb: str) -> Faults:
        """Why the actor gives this role to nobody: without the right, unseen, inactive (ROLE-7), above the ceiling."""
        told = faults(HIDDEN=not self.sees(actor, name), CONFLICT=not self.roles[name].active)
        return told | self.lacks(actor, verb) | self.over(actor, [name])

    def moved(self, actor: Actor, people: Collection[Actor], name: str | None) -> Outcome:
        """Return the world in which those people have the role, or none: not oneself, nobody above (ASSIGN-3, -4)."""
        held = {one: role for one, role in self.held.items() if one not in people} | dict.fromkeys(
            people if name else (), name or ""
        )
        there = [self.held[one] for one in people if one in self.held]
        high = any(self.roles[role].priority > self.roles[self.held[actor]].priority for role in there)
        left = {(one.place, role) for one, role in self.held.items()} - {
            (one.place, role) for one, role in held.items()
        }
        last = any(role == ("org-owner" if place else "super-admin") for place, role in left)
        wrong = faults(SELF=any(one.person == actor.person for one in people), OUTRANKED=high, LAST=last)
        # The ranks of the two scopes are apart: staff take from people of organizations only what they could give.
        staff = actor.place is None and any(one.place for one in people)
        return wrong | (self.over(actor, there) if staff else faults()), replace(self, held=held)

    def assign(self, actor: Actor, people: Collection[Actor], name: str) -> Outcome:
        wrong, after = self.moved(actor, people, name)
        role, strangers = self.roles[name], actor.place and any(one not in self.held for one in people)
        misfit = any(
            (role.scope == PLATFORM) != (one.place is None) or role.place not in (None, one.place) for one in people
        )
        return wrong | self.given(actor, name, "assign") | faults(HIDDEN=strangers, CONFLICT=misfit), after

    def unassign(self, actor: Actor, people: Collection[Actor]) -> Outcome:
        wrong, after = self.moved(actor, people, None)
        return wrong | self.lacks(actor, "unassign") | faults(HIDDEN=any(one not in self.held for one in people)), after

    def invite(self, actor: Actor, person: Actor, name: str) -> Outcome:
        known = faults(INVALID=person in self.held or person in self.offers)
        return known | self.given(actor, name, "invite"), replace(self, offers={**self.offers, person: (name, actor)})

    def accept(self, person: Actor) -> Outcome:
        """Return the world with the invited person in it, if whoever invited may still offer the role as it is now."""
        name, by = self.offers[person]
        wrong = self.given(by, name, "invite") if by in self.held else faults(MISSING=True)
        offers = {one: offer for one, offer in self.offers.items() if one != person}
        return wrong | faults(CONFLICT=person in self.held), World(self.roles, {**self.held, person: name}, offers)
