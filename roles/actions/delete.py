"""Deleting a custom role; the people who have it get another in the same transaction (ROLE-5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.db.models import ProtectedError

from audit.history import record_bulk_deleted
from audit.recording import record_allowed
from roles import access
from roles.actions.assign import give_role
from roles.actions.update import current_role
from roles.definition import RoleDefinition
from roles.events import record_deleted
from roles.family import Family, family_of
from roles.locking import lock_roles, still
from roles.models import Membership, Role, RolePermission
from roles.signals import role_leaving
from tenancy.actors import Actor
from tenancy.errors import ActionRefused
from tenancy.policies import Verb


@dataclass(frozen=True)
class DeleteRole:
    """Delete a custom role. Whoever has it, or is invited to it, gets the replacement, which has to be assignable.

    Raises NotVisible, AccessDenied (as UpdateRole, and above the ceiling for the replacement), StaleVersion, and
    ActionRefused for a role with people and no replacement, or with roles that inherit from it.
    """

    actor: Actor
    pk: Any
    replacement: Any = None
    version: int | None = None

    def check(self, actor: Actor, role: Role, family: Family, people: int) -> Role | None:
        """Return the replacement, if there is one. Raises what keeps a role that so many have from deletion."""
        access.require_may_delete(actor, role, family)
        if heirs := family.heirs(role.pk):
            names = ", ".join(f"“{heir.display_name}”" for heir in heirs[:3])
            raise ActionRefused(f"Other roles inherit from “{role}”: {names}. Give them another parent first.")
        replacement = self._replacement(actor, role)
        if people and replacement is None:
            raise ActionRefused(f"{_people(people)} “{role}”. Name the role that they get instead.")
        return replacement

    def execute(self) -> None:
        """Delete it. Nothing is left half done."""
        policy = access.roles_policy(self.actor)
        seen = policy.get(self.actor, self.pk)
        policy.require(self.actor, Verb.DELETE)
        lock_roles(seen.organization_id)
        role, actor = current_role(self.actor, seen.pk, self.version), still(self.actor)
        people = Membership.objects.filter(role=role).select_related("user", "role").order_by("pk")
        held = list(people.select_for_update(of=("self",)))
        replacement = self.check(actor, role, family_of(role.pk), len(held))
        before = RoleDefinition.of(role)
        if replacement is not None and held:
            give_role(actor, held, replacement)
        role_leaving.send(Role, actor=actor, role=role, replacement=replacement)
        record_deleted(role, before, replacement)
        record_allowed(
            policy.keys[Verb.DELETE],
            role,
            operation="delete_role",
            people=len(held),
            replacement=replacement.name if replacement else None,
        )
        record_bulk_deleted(list(RolePermission.objects.filter(role=role)))
        _remove(role)

    def _replacement(self, actor: Actor, role: Role) -> Role | None:
        if self.replacement is None:
            return None
        chosen = access.roles_policy(actor).get(actor, getattr(self.replacement, "pk", self.replacement))
        if chosen.pk == role.pk:
            raise ActionRefused("A role cannot take its own place. Choose another.")
        if chosen.scope != role.scope or chosen.organization_id not in {None, role.organization_id}:
            raise ActionRefused(f"“{chosen}” belongs elsewhere: people of “{role}” cannot have it.")
        access.require_assignable(actor, chosen)
        return chosen


def _people(count: int) -> str:
    return "One person has" if count == 1 else f"{count} people have"


def _remove(role: Role) -> None:
    """Delete the row. PostgreSQL looks at once, not at the commit, whether anything came to refer to it meanwhile."""
    try:
        with transaction.atomic():
            role.delete()
            connection.check_constraints()
    except (IntegrityError, ProtectedError) as refused:
        raise ActionRefused(f"Somebody has just been given “{role}”, or invited to it. Look again.") from refused
