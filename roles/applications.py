"""The applications of an organization: what may be done in each, and what their permissions are called.

An application is a service outside of this one that asks here what people may do. Each of its actions becomes a
permission of its own, in a category of the application's name, which only roles of the same organization may hold.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import Count

from roles import catalogue
from roles.catalogue import CatalogueEntry
from roles.models import ActionReach, Application, ApplicationAction, Permission, RolePermission
from roles.models.application import LONGEST_RESOURCE_ID
from tenancy import text
from tenancy.actors import Scope

MOST_APPLICATIONS = 20
MOST_ACTIONS = 50
#: Where the permissions of applications stand among those of the catalogue: after all of them.
POSITION = 1000


@dataclass(frozen=True, slots=True)
class ActionDefinition:
    """What may be done to one type of resource: on which of them, and for the own ones by which of their properties."""

    resource_type: str
    action: str
    name: str
    reach: ActionReach
    owner_property: str = ""

    @classmethod
    def of(cls, stored: ApplicationAction) -> ActionDefinition:
        """Return the definition of a stored action."""
        values = {field.name: getattr(stored, field.name) for field in fields(cls)}
        return cls(**{**values, "reach": ActionReach(stored.reach)})

    def __str__(self) -> str:
        return f"{self.resource_type}:{self.action}"

    def key(self, application_id: UUID) -> str:
        """Return the key of its permission, which tells nothing of the organization or of the application."""
        return f"app-{str(application_id)[-8:]}:{self}"

    @property
    def decides(self) -> tuple[str, str]:
        """What of it decisions depend on."""
        return self.reach, self.owner_property


def resource_id_problem(resource_id: str) -> str:
    """Return why nobody can be granted a resource of that id, or nothing when somebody can."""
    if not 1 <= len(resource_id) <= LONGEST_RESOURCE_ID:
        return f"An id has 1 to {LONGEST_RESOURCE_ID} characters."
    try:
        text.checked(resource_id)
    except text.UnfitTextError as unfit:
        return str(unfit)
    return ""


def read_actions(sent: Iterable[Mapping[str, Any]]) -> tuple[ActionDefinition, ...]:
    """Return the definitions of actions, named as in ActionDefinition. Raises ValidationError that says which is wrong.

    An action of which no name is given is called after itself and what it is done to.
    """
    given = list(sent)
    if len(given) > MOST_ACTIONS:
        raise ValidationError(
            {"actions": f"An application has at most {MOST_ACTIONS} actions; these are {len(given)}."}
        )
    read, wrong = {}, []
    for number, one in enumerate(given, 1):
        try:
            action = _read_action(one)
            if str(action) in read:
                raise ValidationError(f"“{action}” is there twice.")
            read[str(action)] = action
        except ValidationError as refused:
            wrong += [ValidationError(f"Action {number}: {told}") for told in refused.messages]
    if wrong:
        raise ValidationError({"actions": wrong})
    return tuple(read.values())


def _read_action(sent: Mapping[str, Any]) -> ActionDefinition:
    if unknown := sent.keys() - {field.name for field in fields(ActionDefinition)}:
        raise ValidationError(f"An action has nothing of the name “{min(unknown)}”.")
    values = {name: str(sent.get(name) or "") for name in ("resource_type", "action", "name", "owner_property")}
    reach = sent.get("reach", "")
    if reach not in set(ActionReach):
        raise ValidationError(f"The reach is one of: {', '.join(ActionReach)}.")
    try:
        values["name"] = text.line(values["name"])
    except text.UnfitTextError as unfit:
        raise ValidationError(str(unfit)) from unfit
    if not values["name"]:
        values["name"] = f"{values['action']} {values['resource_type']}".replace("_", " ").capitalize()
    if reach == ActionReach.OWN and not values["owner_property"]:
        raise ValidationError("Name the property by which a resource tells whose own it is.")
    if reach != ActionReach.OWN and values["owner_property"]:
        raise ValidationError("Only an action on one's own resources has a property that tells whose they are.")
    stored = ApplicationAction(**values, reach=reach)
    try:
        stored.clean_fields(exclude=["organization", "application", "permission"])
    except ValidationError as refused:
        told = [
            f"{name.replace('_', ' ')}: {message}" for name, found in refused.message_dict.items() for message in found
        ]
        raise ValidationError(told) from refused
    return ActionDefinition.of(stored)


def permissions_of(application: Application, actions: Iterable[ActionDefinition]) -> list[Permission]:
    """Return the permissions that these actions of the application have, not stored."""
    return [
        Permission(
            key=action.key(application.pk),
            organization_id=application.organization_id,
            name=action.name,
            scope=Scope.TENANT,
            category=application.name,
            position=POSITION,
        )
        for action in actions
    ]


def entries_of(organization_id: UUID | None) -> Mapping[str, CatalogueEntry]:
    """Return the permissions of an organization's applications by key, as entries that follow on the catalogue."""
    if organization_id is None:
        return {}
    return _entries(Permission.objects.filter(organization=organization_id))


def entries_named(keys: Iterable[str]) -> Mapping[str, CatalogueEntry]:
    """Return the entry of each of these keys that there is, in the catalogue or of an application, in their order.

    No statement is made when none is of an application.
    """
    wanted = frozenset(keys)
    found = {key: entry for key, entry in catalogue.entries().items() if key in wanted}
    outside = list(filter(catalogue.is_application_key, wanted))
    return {**found, **_entries(Permission.objects.filter(key__in=outside))} if outside else found


def _entries(rows: Iterable[Permission]) -> dict[str, CatalogueEntry]:
    return {
        row.key: CatalogueEntry(row.key, row.name, Scope(row.scope), row.category, position)
        for position, row in enumerate(rows, POSITION)
    }


def roles_holding(keys: Collection[str]) -> dict[str, int]:
    """Return how many roles hold each of these keys themselves; one that none holds is left out."""
    held = RolePermission.objects.filter(permission__in=keys).order_by()
    return dict(held.values_list("permission").annotate(Count("pk")))
