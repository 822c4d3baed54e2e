"""An application to try things with: a billing desk with one action of each reach."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from roles.actions import CreateRole, GrantResources, RegisterApplication
from roles.actors import RoleActor, resolve
from roles.models import Application, Role, RolePermission
from tenancy.context import acting
from tests.factories import MembershipFactory, RoleFactory, UserFactory, on_platform
from tests.world import Agency

BILLING: Mapping[str, Any] = {
    "slug": "billing",
    "name": "Billing desk",
    "description": "Where invoices are written.",
    "actions": [
        {"resource_type": "invoice", "action": "read", "name": "Read invoices", "reach": "all"},
        {"resource_type": "invoice", "action": "update", "name": "Update invoices", "reach": "assigned"},
        {"resource_type": "report", "action": "update", "reach": "own", "owner_property": "author"},
    ],
}


def register(agency: Agency, **values: Any) -> Application:
    """Return the billing desk, registered by the agency's owner, with other values if some are given."""
    with acting(agency.actor("owner")) as entered:
        return RegisterApplication(entered.actor, {**BILLING, **values}).execute()


def keys_of(application: Application) -> dict[str, str]:
    """Return the keys of the application's permissions by `type:action`."""
    prefix = f"app-{str(application.pk)[-8:]}:"
    actions = ("invoice:read", "invoice:update", "report:update")
    return {action: prefix + action for action in actions}


def grant(agency: Agency, application: Application, person: str, *ids: str) -> None:
    """Grant invoices to a person of the agency, by its owner."""
    with acting(agency.actor("owner")) as entered:
        GrantResources(entered.actor, application.pk, "invoice", ids, [agency.people[person].pk]).execute()


def given(agency: Agency, name: str, *keys: str, **values: Any) -> Role:
    """Return a role of the agency that its owner made with these keys."""
    with acting(agency.actor("owner")) as entered:
        values = {"name": name, "display_name": name.title(), "permissions": keys, "reach": "all", **values}
        return CreateRole(entered.actor, values).execute()


def clerk(agency: Agency, *keys: str, **values: Any) -> Any:
    """Return a new person of the agency whose role has these keys, with the actor that they are."""
    role = RoleFactory(organization=agency.organization, keys=keys, **values)
    user = UserFactory()
    MembershipFactory(user=user, organization=agency.organization, role=role)
    agency.people["clerk"] = user
    return agency.actor("clerk")


def own_keys(role: Role) -> set[str]:
    """Return the keys that the role holds itself."""
    with on_platform():
        return set(RolePermission.objects.filter(role=role).values_list("permission_id", flat=True))


def platform_actor(user: Any) -> RoleActor:
    """Return the actor that the person is on the platform."""
    actor = resolve(user.pk)
    assert isinstance(actor, RoleActor), actor
    return actor
