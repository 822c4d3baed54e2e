"""One change of roles or of their people, by each face of the product: the actions, the API and the console."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.test import Client as Browser
from rest_framework.test import APIClient

from roles.actions import (
    AssignMany,
    CloneRole,
    CreateRole,
    DeleteRole,
    RestoreRole,
    UnassignMany,
    UpdateRole,
)
from roles.actors import RoleActor
from roles.definition import RoleDefinition
from roles.models import Membership, Role
from tenancy.actors import Scope
from tenancy.context import acting
from tenancy.errors import AccessDenied, ActionRefused, NotVisible
from tests.factories import on_platform
from tests.roles.rules import Actor
from tests.roles.stage import Stage

REFUSALS = (AccessDenied, NotVisible, ActionRefused, ValidationError)
BACKEND = "accounts.backends.SignInBackend"


@dataclass(frozen=True)
class Change:
    """What somebody tries: roles, people and places by name. `parent` and `replacement` are names of roles, too."""

    verb: str
    role: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    people: tuple[str, ...] = ()
    place: str | None = None
    scope: str = "TENANT"
    replacement: str | None = None
    event: UUID | None = None
    version: int | None = None


Face = Callable[[Stage, Actor, Change], str]


def _ids(stage: Stage, change: Change) -> list[UUID]:
    return [stage.people[name].pk for name in change.people]


def _values(stage: Stage, change: Change) -> dict[str, Any]:
    """Return the values with the parent's id in place of its name."""
    values = dict(change.values)
    if values.get("parent"):
        values["parent"] = stage.roles[values["parent"]]
    return values


def by_action(stage: Stage, actor: Actor, change: Change) -> str:
    """Carry it out by the action. Return what it was refused with, or nothing."""
    refused = carried_out(stage, stage.actor(actor), change)
    return "" if refused is None else repr(refused)


def carried_out(stage: Stage, real: RoleActor, change: Change) -> Exception | None:
    """Carry the change out by its action. Return what it was refused with."""
    role, values = stage.roles.get(change.role), _values(stage, change)
    place, other = stage.place_id(change.place), stage.roles.get(change.replacement or "")
    verbs: dict[str, Callable[[], Any]] = {
        "create": lambda: CreateRole(real, values, Scope(change.scope), place),
        "edit": lambda: UpdateRole(real, role, values, change.version),
        "clone": lambda: CloneRole(real, role, values),
        "restore": lambda: RestoreRole(real, role, change.event),
        "delete": lambda: DeleteRole(real, role, other),
        "assign": lambda: AssignMany(real, _ids(stage, change), _row(stage, change), place),
        "unassign": lambda: UnassignMany(real, _ids(stage, change), None, place),
    }
    try:
        with acting(real):
            verbs[change.verb]().execute()
    except REFUSALS as refused:
        return refused
    return None


def by_api(stage: Stage, actor: Actor, change: Change) -> str:
    """Carry it out by the API. Return the answer to a refusal, or nothing."""
    client, role = APIClient(), stage.roles.get(change.role)
    client.force_login(stage.people[actor.person], backend=BACKEND)
    base = f"/api/orgs/{actor.place}/roles" if actor.place else "/api/admin/roles"
    values = {name: sorted(v) if name == "permissions" else v for name, v in _values(stage, change).items()}
    place = {} if actor.place or not change.place else {"organization": stage.place_id(change.place)}
    people = {"users": _ids(stage, change), **place}
    headers = {"If-Match": f'"{change.version}"' if change.version else "*"}
    query = f"?replacement={stage.roles[change.replacement]}" if change.replacement else ""
    scope = {} if actor.place else {"scope": change.scope, **place}
    calls: dict[str, tuple[Any, str, Any]] = {
        "create": (client.post, base, {**values, **scope}),
        "edit": (client.patch, f"{base}/{role}", values),
        "clone": (client.post, f"{base}/{role}", {"action": "clone", **values}),
        "restore": (client.post, f"{base}/{role}", {"action": "restore", "event": change.event}),
        "delete": (client.delete, f"{base}/{role}{query}", None),
        "assign": (client.post, f"{base}/{role}/assign", people),
        "unassign": (client.delete, f"{base}/{role}/assign", people),
    }
    call, address, body = calls[change.verb]
    answer = call(address, body, format="json", headers=headers)
    assert answer.status_code < 500, answer.content
    return "" if answer.status_code < 300 else f"{answer.status_code} {answer.content.decode()}"


def by_console(stage: Stage, actor: Actor, change: Change) -> str:
    """Carry it out by the console's forms, tampered with as needed. Return the answer to a refusal, or nothing."""
    browser, role, values = Browser(), stage.roles.get(change.role), _values(stage, change)
    browser.force_login(stage.people[actor.person], backend=BACKEND)
    base = "/admin/roles/role"
    sent: dict[str, Any] = {"stage": "save", "confirmed": "on"}
    if change.verb == "edit" and values.keys() == {"permissions"}:
        sent |= {"version": change.version or _row(stage, change).version, "permissions": sorted(values["permissions"])}
        address = f"{base}/{role}/permissions/"
    elif change.verb == "edit" and values.keys() == {"is_active"}:
        sent |= {"version": change.version or _row(stage, change).version}
        address = f"{base}/{role}/{'activate' if values['is_active'] else 'deactivate'}/"
    elif change.verb == "edit":
        sent |= _form(_definition(stage, change) | values, version=change.version or _row(stage, change).version)
        address = f"{base}/{role}/change/"
    elif change.verb == "create":
        defaults = {"display_name": "New", "name": "", "priority": 0, "color": "#000000", "icon": "user"}
        organization = {"organization": stage.place_id(change.place) or ""}
        sent |= _form(
            {**defaults, "reach": "assigned", "is_active": True, "scope": change.scope, **organization, **values}
        )
        address = f"{base}/add/"
    elif change.verb == "clone":
        original = _definition(stage, change)
        organization = {"organization": original.pop("organization_id") or ""}
        sent |= _form({**original, "scope": original["scope"], **organization, **values, "clone": role})
        address = f"{base}/add/"
    elif change.verb == "restore":
        sent |= {"event": change.event, "version": _row(stage, change).version}
        address = f"{base}/{role}/restore/"
    elif change.verb == "delete":
        sent |= {"replacement": stage.roles.get(change.replacement or "", ""), "version": _row(stage, change).version}
        address = f"{base}/{role}/delete/"
    elif change.verb == "assign":
        emails = "\n".join(stage.people[name].email for name in change.people)
        sent |= {"people": emails, "organization": stage.place_id(change.place) or ""}
        address = f"{base}/{role}/people/add/"
    else:
        with on_platform():
            held = Membership.objects.filter(
                user_id__in=_ids(stage, change), organization_id=stage.place_id(change.place)
            )
            sent |= {"membership": list(held.values_list("pk", flat=True))}
        address = f"{base}/{role}/people/remove/"
    answer = browser.post(address, sent)
    assert answer.status_code < 500, answer.content
    return "" if answer.status_code == 302 else f"{answer.status_code} {answer.content.decode()}"


FACES: dict[str, Face] = {"actions": by_action, "api": by_api, "console": by_console}


def _row(stage: Stage, change: Change) -> Role:
    with on_platform():
        return Role.objects.get(pk=stage.roles[change.role])


def _definition(stage: Stage, change: Change) -> dict[str, Any]:
    """Return the role as the fields of its form."""
    with on_platform():
        state = RoleDefinition.of(Role.objects.get(pk=stage.roles[change.role])).state()
    return {**state, "parent": state.pop("parent_id")}


def _form(values: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """Return the values as a browser sends them: what is not there is left out."""
    return {name: value for name, value in {**values, **more}.items() if value not in (None, False)}
