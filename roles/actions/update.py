"""Changing a custom role: its fields, its permissions, its parent, whether it is active (ROLE-4, ROLE-7, ROLE-8)."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError

from audit.recording import record_allowed
from roles import access, catalogue
from roles.actions.shaping import read_values, store_changed, validate
from roles.definition import RoleDefinition
from roles.events import changes_since, record_changed
from roles.family import family_of
from roles.locking import lock_roles, still
from roles.models import ApplicationAction, Role
from tenancy.actors import Actor
from tenancy.errors import ActionRefused, Denial, NotVisible, Reason, StaleVersion
from tenancy.ids import first_id_of
from tenancy.policies import Verb


@dataclass(frozen=True)
class UpdateRole:
    """Change some of a role's values, named as in `roles.definition.EDITABLE`, with `parent` a role or its id.

    `version` is the one that the editor saw; None overwrites any. Raises NotVisible, AccessDenied (built in, held by
    the actor, above the ceiling before or after), StaleVersion with what changed meanwhile, ValidationError by field.
    """

    actor: Actor
    pk: Any
    values: Mapping[str, Any]
    version: int | None = None
    operation: str = "update_role"

    def execute(self) -> Role:
        """Return the role as it is now. Nothing is written when nothing differs."""
        policy = access.roles_policy(self.actor)
        seen = policy.get(self.actor, self.pk)
        policy.require(self.actor, Verb.CHANGE)
        lock_roles(seen.organization_id)
        stored, actor = current_role(self.actor, seen.pk, self.version), still(self.actor)
        before = RoleDefinition.of(stored)
        after = before.changing(read_values(actor, self.values))
        family = family_of(stored.pk, after.parent_id)
        access.require_may_change(actor, stored, family, family.with_role(after.as_relative(stored.pk)))
        if after == before:
            return stored
        role = copy(stored)
        validate(role, after)
        store_changed(role, stored, before, after)
        record_changed(role, before, after)
        record_allowed(policy.keys[Verb.CHANGE], role, operation=self.operation, fields=after.changed_from(before))
        return role


def activate(actor: Actor, pk: Any, version: int | None = None) -> UpdateRole:
    """Return the verb that lets a role be assigned, and grant, again."""
    return UpdateRole(actor, pk, {"is_active": True}, version, "activate_role")


def deactivate(actor: Actor, pk: Any, version: int | None = None) -> UpdateRole:
    """Return the verb after which a role cannot be assigned and grants nothing, from the next request on."""
    return UpdateRole(actor, pk, {"is_active": False}, version, "deactivate_role")


def reparent(actor: Actor, pk: Any, parent: Role | UUID | None, version: int | None = None) -> UpdateRole:
    """Return the verb that makes a role inherit from another, or from none."""
    return UpdateRole(actor, pk, {"parent": parent}, version, "reparent_role")


@dataclass(frozen=True)
class RestoreRole:
    """Make a role again what it was after one of its events, under the rules of any edit.

    Raises NotVisible for an event that is not the role's, ActionRefused for one that left no state to return to, and
    what UpdateRole raises: so a parent that has gone has to be replaced by hand.
    """

    actor: Actor
    pk: Any
    event_id: Any
    version: int | None = None

    def execute(self) -> Role:
        """Return the role as it is now."""
        return UpdateRole(self.actor, self.pk, self.values(), self.version, "restore_role").execute()

    def values(self) -> dict[str, Any]:
        """Return what would be restored."""
        role = access.roles_policy(self.actor).get(self.actor, self.pk)
        try:
            event = access.role_history(self.actor, role.pk).filter(pk=self.event_id).first()
        except (ValueError, ValidationError):
            event = None
        if event is None:
            raise NotVisible(Denial(Reason.OUT_OF_REACH, "", "roles.roleevent", str(self.event_id)[:100]))
        if event.new_state is None or "permissions" not in event.new_state:
            raise ActionRefused("This event tells of people, not of the role itself: there is nothing to return to.")
        was = RoleDefinition.from_state(event.new_state)
        values = {name: getattr(was, name) for name in RESTORED}
        values["permissions"] = was.permissions - _ended(was.permissions, event.at)
        return {**values, "parent": was.parent_id}


def _ended(keys: frozenset[str], at: datetime) -> frozenset[str]:
    """Return which of the keys are of actions that have gone since, or gone and come again: perhaps to mean more."""
    outside = frozenset(filter(catalogue.is_application_key, keys))
    lasting = ApplicationAction.objects.filter(permission__in=outside, pk__lt=first_id_of(at))
    return outside - frozenset(lasting.values_list("permission_id", flat=True)) if outside else outside


RESTORED = (
    "name",
    "display_name",
    "description",
    "priority",
    "color",
    "icon",
    "reach",
    "is_active",
    "requires_second_factor",
    "permissions",
)


def current_role(actor: Actor, pk: UUID, version: int | None) -> Role:
    """Return the role as it is now, locked. Raises NotVisible when it has gone and StaleVersion when it moved on.

    A role that the actor's scope cannot change is not locked: the rules refuse it next.
    """
    rows = access.roles_policy(actor).rows(actor, Verb.VIEW).filter(pk=pk)
    role = rows.select_for_update(of=("self",), no_key=True).first() or rows.first()
    if role is None:
        raise NotVisible(Denial(Reason.OUT_OF_REACH, "", "roles.role", str(pk)))
    if version is not None and version != role.version:
        raise StaleVersion(role, changes_since(role, version))
    return role
