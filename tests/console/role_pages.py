"""The pages of one role as a browser without script uses them: what a form holds, and what is sent back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db.models import Max
from django.test import Client as Browser
from django.urls import reverse

from accounts.models import User
from roles.actions import UpdateRole
from roles.actors import RoleActor, resolve
from roles.definition import RoleDefinition
from roles.family import read_family
from roles.hints import RoleSummary, peers_of, summaries
from roles.models import Membership, Role, RoleUse
from tenancy.context import acting
from tests.factories import on_platform
from tests.world import make_staff


def address(name: str, role: Role | None = None) -> str:
    """Return the address of a page of roles, or of one role."""
    return reverse(f"admin:roles_role_{name}", args=(role.pk,) if role else ())


def stored(role: Role) -> RoleDefinition:
    """Return what the role is now."""
    with on_platform():
        return RoleDefinition.of(Role.objects.get(pk=role.pk))


def exists(role_id: UUID) -> bool:
    with on_platform():
        return Role.objects.filter(pk=role_id).exists()


def details(browser: Browser, role: Role, **changed: Any) -> dict[str, Any]:
    """Return what the form of the details would send, with some fields filled in otherwise."""
    form = browser.get(address("change", role)).context["form"]
    with on_platform():
        held = {name: form[name].value() for name in form.fields}
    return {name: value for name, value in {**held, **changed}.items() if value not in (None, False)}


def ticked(browser: Browser, role: Role, *, add: tuple[str, ...] = (), drop: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return what the matrix would send with some boxes ticked and others not."""
    form = browser.get(address("permissions", role)).context["form"]
    matrix = form.matrix_field.matrix()
    on = {cell.key for cell in matrix.cells if cell.is_on and not cell.is_locked}
    return {"version": role_version(role), "permissions": sorted((on | set(add)) - set(drop))}


def role_version(role: Role) -> int:
    with on_platform():
        return Role.objects.get(pk=role.pk).version


def send(browser: Browser, tab: str, role: Role, form: dict[str, Any], stage: str = "review", **more: Any) -> Any:
    """Send a form of a role's tab."""
    return browser.post(address(tab, role), {**form, "stage": stage, **more})


def change_meanwhile(role: Role, **values: Any) -> None:
    with acting(staff_actor(make_staff_once())) as entered:
        UpdateRole(entered.actor, role.pk, values).execute()


def make_staff_once() -> User:
    with on_platform():
        found = User.objects.filter(email="super-admin@iam.example").first()
    return found or make_staff("super-admin")


def staff_actor(user: User) -> RoleActor:
    actor = resolve(user.pk)
    assert isinstance(actor, RoleActor), actor
    return actor


def summarized(actor: Any, roles: Sequence[Role]) -> Mapping[UUID, RoleSummary]:
    """Return what the list tells of the roles."""
    ids, peers = [role.pk for role in roles], peers_of(actor, roles)
    held = set(Membership.objects.filter(role__in=ids).values_list("role_id", flat=True))
    used = dict(RoleUse.objects.filter(role__in=ids).values_list("role_id").annotate(Max("last_used_on")))
    return summaries(roles, held, used, peers, read_family(above={*ids, *peers}))
