"""The smallest change that would turn a denial into an allow (PDP-2).

A remedy is as small as the steps it takes, and then as the rights it hands out on the way: a permission for one person
counts one, and so does each for everybody else who would get it too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from roles import access
from roles.applications import resource_id_problem
from roles.engine.objects import Need, Rule, assigning_key
from roles.engine.snapshot import NOTHING, HeldRole, Person, Snapshot, names_person
from roles.family import Relative
from tenancy.actors import Actor, Reach, Scope
from tenancy.errors import Reason
from tenancy.policies import Verb, decide


class Change(StrEnum):
    """What one step of a remedy changes."""

    GIVE_ROLE = "give-role"
    ADD_PERMISSION = "add-permission"
    ACTIVATE_ROLE = "activate-role"
    ASSIGN = "assign"
    UNBAN = "unban"
    RESTORE = "restore"
    SECOND_FACTOR = "second-factor"


class Step(NamedTuple):
    """One change: to `role` if it is about one, of `key` if it adds one, to the object if it assigns one, `to_change`
    or to read."""

    change: Change
    role: Relative | None = None
    key: str = ""
    object_id: str = ""
    to_change: bool = False

    def __str__(self) -> str:
        """What to do, in words."""
        return {
            Change.GIVE_ROLE: f"Give them the role “{self.role}”.",
            Change.ADD_PERMISSION: f"Add {self.key} to the role “{self.role}”.",
            Change.ACTIVATE_ROLE: f"Activate the role “{self.role}”.",
            Change.ASSIGN: f"Assign them to it, to {'work with' if self.to_change else 'read'}.",
            Change.UNBAN: "Lift the ban.",
            Change.RESTORE: "Restore the organization.",
            Change.SECOND_FACTOR: "Let them set up a second factor.",
        }[self.change]


class Remedy(NamedTuple):
    """Steps that together turn the denial into an allow. `gained` counts the permissions handed out by them."""

    steps: tuple[Step, ...]
    gained: int


class _Way(NamedTuple):
    """One way to come to a permission, and the reach that goes with it."""

    steps: tuple[Step, ...]
    gained: int
    reaches_all: bool


def remedies(
    snapshot: Snapshot,
    subject: str,
    action: str,
    kind: str,
    object_id: str,
    properties: Mapping[str, Any] = NOTHING,
) -> list[Remedy]:
    """Return what would allow a denied question, smallest first. Nothing when it is allowed, or nothing would."""
    rule, person = snapshot.rules.get((kind, action)), snapshot.person(subject)
    reason = snapshot.judge(subject, action, kind, object_id, properties)
    if rule is None or reason is Reason.GRANTED:
        return []
    ways = _ways_of(snapshot, person, rule) if person else _ways_in(snapshot, rule)
    is_own = _names(properties.get(rule.owner), person, subject)
    found = []
    for way in ways:
        assigning = _assigning(snapshot, person, rule, kind, object_id, way.reaches_all, is_own)
        if assigning is not None:
            found.append(Remedy((*way.steps, *assigning), way.gained + len(assigning)))
    return sorted(found, key=lambda one: (len(one.steps), one.gained, str(one.steps)))


def _ways_in(snapshot: Snapshot, rule: Rule) -> Iterator[_Way]:
    """Yield each role that would do for somebody who has none here; that they are not banned is taken for granted."""
    for held in snapshot.held.values():
        if rule.key in held.keys:
            steps = (Step(Change.GIVE_ROLE, held.role), *_lifting(snapshot, None, held))
            yield _Way(steps, len(held.keys), _reaches_all(held))


def _ways_of(snapshot: Snapshot, person: Person, rule: Rule) -> Iterator[_Way]:
    """Yield each way in which the person comes to the permission: by the role they have, changed, or by another."""
    lifting = tuple(_lifting(snapshot, person, person.held))
    if rule.key in person.held.keys:
        yield _Way(lifting, 0, person.reaches_all)
        return
    for steps, gained in _changes_of_role(snapshot, person.held, rule.key):
        yield _Way((*lifting, *steps), gained, person.reaches_all)
    for held in snapshot.held.values():
        if rule.key in held.keys:
            steps = (*_lifting(snapshot, person, held), Step(Change.GIVE_ROLE, held.role))
            yield _Way(steps, len(held.keys - person.held.keys), _reaches_all(held))


def _lifting(snapshot: Snapshot, person: Person | None, held: HeldRole) -> Iterator[Step]:
    """Yield what has to be lifted before any permission of the role counts for the person."""
    if person is not None and not person.is_active:
        yield Step(Change.UNBAN)
    if not snapshot.is_open:
        yield Step(Change.RESTORE)
    if held.requires_second_factor and not (person and person.has_second_factor):
        yield Step(Change.SECOND_FACTOR)


def _changes_of_role(snapshot: Snapshot, held: HeldRole, key: str) -> Iterator[tuple[tuple[Step, ...], int]]:
    """Yield each way to make the role itself grant the key, with how many permissions people gain by it."""
    line = snapshot.family.line(held.role.id)
    for depth, relative in enumerate(line, 1):
        if key in snapshot.family.spelled(relative.own):
            awake = [one._replace(is_active=True) for one in line[:depth] if not one.is_active]
            yield tuple(Step(Change.ACTIVATE_ROLE, one) for one in awake), _gained(snapshot, awake)
            if all(one.id == held.role.id for one in awake):
                return
            break  # To add it here may hand out less than to wake a role above, and take less to be allowed.
    if not held.is_built_in and held.role.organization_id == snapshot.organization_id:
        waking = () if held.role.is_active else (Step(Change.ACTIVATE_ROLE, held.role),)
        changed = held.role._replace(own=held.role.own | {key}, is_active=True)
        yield (*waking, Step(Change.ADD_PERMISSION, held.role, key)), _gained(snapshot, [changed])


def _gained(snapshot: Snapshot, changed: Iterable[Relative]) -> int:
    """Return how many permissions all people together would gain if these roles were so."""
    after = snapshot.family
    for relative in changed:
        after = after.with_role(relative)
    return sum(
        len(people) * len(after.effective(role_id) - snapshot.held[role_id].keys)
        for role_id, people in snapshot.people_by_role.items()
    )


def _assigning(
    snapshot: Snapshot,
    person: Person | None,
    rule: Rule,
    kind: str,
    object_id: str,
    reaches_all: bool,
    is_own: bool,
) -> tuple[Step, ...] | None:
    """Return the step that brings the object within reach, none if it is, or None when nothing does."""
    if rule.need is Need.PLACE:
        return () if object_id in snapshot.names else None
    if rule.need is Need.OWN:
        return () if is_own else None
    if rule.need is Need.ANY:
        return ()
    if rule.need is not Need.NAMED and not snapshot.objects.exists(kind, object_id):
        return None
    is_assigned = person is not None and object_id in person.usable(kind, rule.need)
    if is_assigned or (reaches_all and rule.need is not Need.NAMED):
        return ()
    if rule.need is Need.NAMED and resource_id_problem(object_id):
        return None
    return (Step(Change.ASSIGN, object_id=object_id, to_change=rule.need is not Need.READ),)


def _names(value: object, person: Person | None, subject: str) -> bool:
    """Whether a property of an object names the person, or the subject as it is called: nobody else is known by it."""
    if person is not None:
        return names_person(value, person)
    return isinstance(value, str) and value.lower() == subject


def _reaches_all(held: HeldRole) -> bool:
    return held.role.reach == Reach.ALL


def possible_for(actor: Actor, person: Person | None, kind: str, remedy: Remedy) -> bool:
    """Whether the actor could take every step of the remedy: to anybody else it is not shown."""
    return all(_possible(actor, person, kind, step) for step in remedy.steps)


def _possible(actor: Actor, person: Person | None, kind: str, step: Step) -> bool:
    if person is not None and str(actor.user_id) == person.id:
        return False
    if step.change in {Change.ADD_PERMISSION, Change.ACTIVATE_ROLE} and step.role is not None:
        role = access.roles_policy(actor).visible(actor, Verb.CHANGE).filter(pk=step.role.id).first()
        return (
            role is not None
            and not access.edit_denials(actor, [role])[role.pk]
            and not access.ceiling_gap(actor, [step.key] if step.key else [])
        )
    if step.change is Change.GIVE_ROLE and step.role is not None:
        role = access.roles_policy(actor).rows(actor, Verb.VIEW).filter(pk=step.role.id).first()
        if role is None or access.assignment_denials(actor, [role])[role.pk]:
            return False
        if person is None:
            return decide(actor, access.INVITE) is None if actor.scope is Scope.TENANT else True
        target = access.memberships_policy(actor).rows(actor, Verb.VIEW).filter(pk=person.membership_id).first()
        return target is not None and access.target_denial(actor, target, access.assign_key(actor)) is None
    if step.change is Change.ASSIGN:
        key = assigning_key(kind)
        return key is not None and actor.reach is Reach.ALL and decide(actor, key) is None
    # Bans, suspensions and second factors are the business of platform staff, or of the person alone.
    return False
