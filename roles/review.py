"""What differs between two definitions of a role, and what there is to look at before an edit is saved (PDP-5).

History, comparison and the page of a stale save tell of differences in the same words as the review before saving.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any
from uuid import UUID

from django.db.models import Count

from roles import access, catalogue
from roles.actions import CreateRole
from roles.actions.shaping import read_values
from roles.applications import entries_named
from roles.catalogue import CatalogueEntry
from roles.definition import EDITABLE, LABELS, RoleDefinition
from roles.family import read_family
from roles.icons import ICONS
from roles.impact import Effect, Impact, impact_of_update
from roles.models import REACHES, Membership, Role
from tenancy.actors import Actor
from tenancy.errors import AccessDenied
from tenancy.ids import new_id

#: More changed permissions than these want to be confirmed.
MOST_UNCONFIRMED = 10
NOTHING = "–"


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field of a role that differs, in words."""

    name: str
    label: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class PermissionChange:
    """One permission that is added or removed."""

    entry: CatalogueEntry
    is_dangerous: bool


@dataclass(frozen=True, slots=True)
class CategoryChange:
    """What is added and removed in one category, in catalogue order."""

    name: str
    added: tuple[PermissionChange, ...]
    removed: tuple[PermissionChange, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """What differs between two definitions of a role: fields as they are shown, own permissions as they are held."""

    fields: tuple[FieldChange, ...]
    added: frozenset[str]
    removed: frozenset[str]

    def __bool__(self) -> bool:
        return bool(self.fields or self.added or self.removed)

    @property
    def categories(self) -> tuple[CategoryChange, ...]:
        """The permissions that differ, by category."""
        return by_category(self.added, self.removed)


@dataclass(frozen=True)
class Review:
    """An edit before it is saved: what differs, for whom, and whether that has to be confirmed."""

    difference: Difference
    impact: Impact

    @property
    def gained(self) -> frozenset[str]:
        """Every permission that is added, or that anybody would have, by inheritance too."""
        return self.difference.added.union(*(effect.gained for effect in self.impact.effects))

    @property
    def lost(self) -> frozenset[str]:
        """Every permission that is removed, or that anybody would have no more."""
        return self.difference.removed.union(*(effect.lost for effect in self.impact.effects))

    @property
    def dangerous(self) -> tuple[CatalogueEntry, ...]:
        """The dangerous permissions among those gained, in catalogue order."""
        return tuple(change.entry for change in _changes(self.gained) if change.is_dangerous)

    @property
    def needs_confirmation(self) -> bool:
        """Whether whoever saves has to say so once more: many permissions change, or a dangerous one is added."""
        return bool(self.dangerous) or len(self.gained | self.lost) > MOST_UNCONFIRMED


def review_of_update(actor: Actor, role: Role, values: Mapping[str, Any]) -> Review:
    """Return what saving these values would change. Raises ValidationError for values that cannot be read."""
    before = RoleDefinition.of(role)
    after = before.changing(read_values(actor, values))
    return Review(difference(before, after), impact_of_update(actor, role.pk, values))


def review_of_creation(actor: Actor, verb: CreateRole) -> Review:
    """Return what the new role would mean for the people who get it at once, by the role they have there now."""
    after, role_id = verb.definition(), new_id()
    held = Membership.objects.visible_to(actor).filter(organization_id=after.organization_id, user_id__in=verb.people)  # type: ignore[misc]  # None: the platform
    counts: dict[UUID | None, int] = dict(
        held.order_by().values("role_id").annotate(people=Count("pk")).values_list("role_id", "people")
    )
    counts[None] = len(set(verb.people)) - sum(counts.values())
    above = [one for one in (after.parent_id, *counts) if one]
    family = read_family(above=above).with_role(after.as_relative(role_id))
    granted = family.effective(role_id)
    effects = []
    for was, people in counts.items():
        had = family.effective(was) if was else frozenset()
        old = family.members[was] if was else None
        if people:
            name, reach = (old.display_name, old.reach) if old else ("", None)
            effects.append(
                Effect(
                    was,
                    name,
                    people,
                    tuple(catalogue.in_order(catalogue.beyond(granted, had))),
                    tuple(catalogue.in_order(catalogue.beyond(had, granted))),
                    reach,
                    after.reach,
                )
            )
    try:
        access.require_may_create(actor, role_id, family)
        refused = ""
    except AccessDenied as denied:
        refused = str(denied)
    return Review(Difference((), after.permissions, frozenset()), Impact(tuple(effects), refused, held))


def difference(before: RoleDefinition, after: RoleDefinition) -> Difference:
    """Return what differs between the two; names of parents are looked up."""
    changed = [name for name in EDITABLE if getattr(before, name) != getattr(after, name)]
    names = parent_names(before, after) if "parent_id" in changed else {}
    return Difference(
        tuple(
            FieldChange(name, label_of(name), words_of(before, name, names), words_of(after, name, names))
            for name in changed
            if name != "permissions"
        ),
        after.permissions - before.permissions,
        before.permissions - after.permissions,
    )


def label_of(name: str) -> str:
    """Return what a field is called on a page."""
    label = LABELS.get(name, name.replace("_", " "))
    return {"color": "Colour"}.get(name, label.capitalize())


def words_of(definition: RoleDefinition, name: str, parents: Mapping[UUID, str]) -> str:
    """Return a field's value as a person reads it."""
    value = getattr(definition, name)
    if value is None or value == "":
        return NOTHING
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if name == "parent_id":
        return parents.get(value, "A role that is no more")
    if name == "reach":
        return dict(REACHES)[value]
    if name == "icon":
        return ICONS.get(value, value)
    return str(value)


def parent_names(*definitions: RoleDefinition) -> dict[UUID, str]:
    """Return the names of the roles that these inherit from."""
    wanted = {one.parent_id for one in definitions if one.parent_id}
    return dict(Role.objects.filter(pk__in=wanted).values_list("pk", "display_name")) if wanted else {}


def by_category(added: Collection[str], removed: Collection[str]) -> tuple[CategoryChange, ...]:
    """Return permissions by category, in catalogue order."""
    found = {
        name: CategoryChange(
            name,
            tuple(change for change in grouped if change.entry.key in added),
            tuple(change for change in grouped if change.entry.key in removed),
        )
        for name, grouped in (
            (name, tuple(changes))
            for name, changes in groupby(_changes({*added, *removed}), key=lambda one: one.entry.category)
        )
    }
    return tuple(found.values())


def _changes(keys: Iterable[str]) -> list[PermissionChange]:
    """Return known keys in catalogue order, those of applications last; one that is no more tells nobody anything."""
    return [PermissionChange(entry, catalogue.is_dangerous(entry.key)) for entry in entries_named(keys).values()]
