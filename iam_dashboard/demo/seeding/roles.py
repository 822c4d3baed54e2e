"""Roles that the demo's organizations made of their own, by the verbs that a person would use."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from uuid import UUID

from roles.actions import AssignMany, CreateRole, UpdateRole, deactivate
from roles.actions.create import CloneRole
from roles.models import Membership, Role
from roles.templates import RoleTemplate, templates_of
from tenancy.actors import Scope, SystemActor

#: Every fourth member gets a role of the agency's own.
SHARE = 4


def add_platform_roles(purpose: str) -> None:
    """Make the platform's templates into roles that nobody has yet."""
    actor = SystemActor(purpose, permissions=frozenset({"roles:read", "roles:create"}))
    for template in templates_of(Scope.PLATFORM):
        _make(actor, template, None)


def add_agency_roles(purpose: str, organization_id: UUID, memberships: Sequence[Membership]) -> None:
    """Make an agency's own roles and give them to some of its members, then go on changing them as people do."""
    actor = SystemActor(purpose, organization_id, frozenset({"team:read", "team:roles:assign"}))
    made = [_make(actor, template, organization_id) for template in templates_of(Scope.TENANT)]
    members = [one.user_id for one in memberships if one.role.name == "org-member"][SHARE - 1 :: SHARE]
    for user_id, role in zip(members, cycle(made)):
        AssignMany(actor, [user_id], role).execute()
    manager, editor, _billing = made
    senior = {
        "name": "senior-account-manager",
        "display_name": "Senior account manager",
        "parent": manager.pk,
        "permissions": ["team:list", "team:read", "invoices:write"],
        "priority": 65,
    }
    CloneRole(actor, manager.pk, senior).execute()
    UpdateRole(
        actor, editor.pk, {"description": "Writes campaigns and documents; sees no invoices or notes."}
    ).execute()
    retired = CloneRole(actor, editor.pk, {"display_name": "Freelance editor", "name": "freelance-editor"}).execute()
    deactivate(actor, retired.pk).execute()


def _make(actor: SystemActor, template: RoleTemplate, organization_id: UUID | None) -> Role:
    values = template.values() | {"permissions": template.permissions}
    return CreateRole(actor, values, template.scope, organization_id).execute()
