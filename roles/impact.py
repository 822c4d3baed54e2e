"""What an edit would change for whom, computed before anything is saved (PDP-5).

Everyone who has the same role gains and loses the same. So the answer is one effect for each role whose people are
touched, with a count, and a queryset that names them: the work grows with the roles, not with the people.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Count, QuerySet

from roles import access, catalogue
from roles.actions.assign import AssignMany, place_of
from roles.actions.delete import DeleteRole
from roles.actions.shaping import read_values
from roles.definition import RoleDefinition
from roles.family import Family, family_of, read_family
from roles.models import Membership, Role
from tenancy.actors import Actor
from tenancy.errors import AccessDenied, ActionRefused, Denial, NotVisible, Reason

#: From the role that people have to the one they would have, and the family in which it is reckoned.
Moves = dict[UUID | None, tuple[UUID, Family]]


@dataclass(frozen=True, slots=True)
class Effect:
    """What the people of one role gain and lose, in catalogue order, and whether their reach changes.

    `role_id` and `role` are what they have now; None: they have no role there yet.
    """

    role_id: UUID | None
    role: str
    people: int
    gained: tuple[str, ...]
    lost: tuple[str, ...]
    reach_before: str | None
    reach_after: str | None


@dataclass(frozen=True)
class Impact:
    """The effects of an edit. `refused` says in a sentence why it would not be carried out at all, if so."""

    effects: tuple[Effect, ...]
    refused: str = ""
    memberships: QuerySet[Membership] | None = None
    #: Users who have no role there yet.
    newcomers: QuerySet[Any] | None = None
    place: UUID | None = None

    @property
    def people(self) -> int:
        """How many hold something else afterwards than before."""
        return sum(effect.people for effect in self.effects)

    @property
    def gained(self) -> frozenset[str]:
        """Every permission that somebody gains."""
        return frozenset(key for effect in self.effects if effect.people for key in effect.gained)

    @property
    def lost(self) -> frozenset[str]:
        """Every permission that somebody loses."""
        return frozenset(key for effect in self.effects if effect.people for key in effect.lost)

    def people_of(self, effect: Effect) -> QuerySet[Membership]:
        """Return the memberships that the effect is about, with their people."""
        rows = Membership.objects.all() if self.memberships is None else self.memberships
        return rows.filter(role_id=effect.role_id).with_people().order_by("pk")  # type: ignore[attr-defined, misc, no-any-return]


def impact_of_update(actor: Actor, pk: Any, values: Mapping[str, Any]) -> Impact:
    """Return what changing the role so would change for the people of it and of every role that inherits from it.

    Raises NotVisible for a role out of sight and ValidationError for values that cannot be read.
    """
    role = access.roles_policy(actor).get(actor, pk)
    before = RoleDefinition.of(role)
    after = before.changing(read_values(actor, values))
    family = family_of(role.pk, after.parent_id)
    changed = family.with_role(after.as_relative(role.pk))
    try:
        access.require_may_change(actor, role, family, changed)
        refused = ""
    except AccessDenied as denied:
        refused = str(denied)
    touched = [role.pk, *(heir.id for heir in family.heirs(role.pk))]
    moves: Moves = {one: (one, changed) for one in touched}
    return Impact(_effects(family, moves, _counted(actor, touched)), refused, _held(actor, touched))


def impact_of_delete(actor: Actor, pk: Any, replacement: Any = None) -> Impact:
    """Return what the people of the role gain and lose when it is deleted and they get the replacement."""
    policy = access.roles_policy(actor)
    role = policy.get(actor, pk)
    chosen = None if replacement is None else policy.get(actor, replacement)
    family = read_family(above=[role.pk, *([chosen.pk] if chosen else [])], below=[role.pk])
    counts = _counted(actor, [role.pk])
    try:
        DeleteRole(actor, role.pk, chosen).check(actor, role, family, counts.get(role.pk, 0))
        refused = ""
    except (AccessDenied, ActionRefused) as told:
        refused = str(told)
    moves: Moves = {role.pk: (chosen.pk, family)} if chosen else {}
    return Impact(_effects(family, moves, counts), refused, _held(actor, [role.pk]))


def impact_of_assignment(
    actor: Actor, user_ids: Collection[UUID], role: Role, organization_id: UUID | None = None
) -> Impact:
    """Return what giving those people the role would change for each of them, by the role they have now (ASSIGN-5).

    Raises NotVisible for a person or a role that is not there, ActionRefused for a place that the role does not fit.
    """
    # Whoever may give roles need not be one who may read what is in them.
    if not Role.objects.visible_to(actor).filter(pk=role.pk).exists():
        raise NotVisible(Denial(Reason.OUT_OF_REACH, access.assign_key(actor), "roles.role", str(role.pk)))
    place = place_of(actor, role, organization_id)
    held = Membership.objects.visible_to(actor).filter(organization_id=place, user_id__in=user_ids)  # type: ignore[misc]  # None: the platform
    counts: dict[UUID | None, int] = dict(
        held.order_by().values("role_id").annotate(people=Count("pk")).values_list("role_id", "people")
    )
    users: Any = Membership._meta.get_field("user").related_model
    newcomers = users.objects.filter(pk__in=user_ids).exclude(pk__in=held.values("user_id")).order_by("pk")
    counts[None] = newcomers.count()
    family = read_family(above=[role.pk, *(one for one in counts if one)])
    moves: Moves = dict.fromkeys(counts, (role.pk, family))
    refused = _refusal(AssignMany(actor, user_ids, role, place), role, place, list(held.with_people()))
    return Impact(_effects(family, moves, counts), refused, held, newcomers, place)


def _refusal(verb: AssignMany, role: Role, place: UUID | None, held: list[Membership]) -> str:
    try:
        verb.check(role, place, held)
        verb.newcomers(place, held)
    except (AccessDenied, ActionRefused) as refused:
        return str(refused)
    return ""


def _held(actor: Actor, role_ids: Collection[UUID]) -> QuerySet[Membership]:
    return Membership.objects.visible_to(actor).filter(role_id__in=role_ids)


def _counted(actor: Actor, role_ids: Collection[UUID]) -> dict[UUID | None, int]:
    counted = _held(actor, role_ids).order_by().values("role_id").annotate(people=Count("pk"))
    return dict(counted.values_list("role_id", "people"))


def _effects(family: Family, moves: Moves, counts: Mapping[UUID | None, int]) -> tuple[Effect, ...]:
    """Return one effect for each role that its people would leave, or keep, changed: the untouched are left out."""
    effects = []
    for was, (becomes, later) in moves.items():
        old = family.members[was] if was else None
        had = family.effective(was) if was else frozenset()
        has = later.effective(becomes)
        reach_before, reach_after = old.reach if old else None, later.members[becomes].reach
        if had == has and reach_before == reach_after:
            continue
        effects.append(
            Effect(
                was,
                old.display_name if old else "",
                counts.get(was, 0),
                tuple(catalogue.in_order(catalogue.beyond(has, had))),
                tuple(catalogue.in_order(catalogue.beyond(had, has))),
                reach_before,
                reach_after,
            )
        )
    return tuple(effects)
