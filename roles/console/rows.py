"""The rows of the list of roles: each with what there is to know and to do, read for the whole page at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.safestring import SafeString

from roles import access
from roles.console.times import days_ago
from roles.family import Family, read_family
from roles.hints import HintKind, RoleSummary, peers_of, summaries
from roles.models import Role
from tenancy.actors import Actor
from tenancy.console import CappedList, GuardedAdmin
from tenancy.policies import Verb

#: Stands for the id of a role in an address that serves for every row.
_ANY = UUID(int=0)
_PAGES = ("change", "permissions", "delete")
_HINTS = {HintKind.UNHELD: "user-minus", HintKind.UNUSED: "clock", HintKind.TWIN: "copy"}


class RoleList(CappedList):
    """The page of a list, with its rows."""

    rows: list[dict[str, Any]]

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        roles: Sequence[Any] = list(self.result_list)  # type: ignore[has-type]  # annotated by RoleAdmin.get_queryset
        self.result_list = roles
        actor: Any = request.actor  # type: ignore[attr-defined]
        ids, peers = [role.pk for role in roles], peers_of(actor, roles)
        family = read_family(above={*ids, *peers}, below=ids)
        held = {role.pk for role in roles if role.people_count}
        told = summaries(roles, held, {role.pk: role.used_on for role in roles}, peers, family)
        edited, deleted = _sentences(actor, roles, family, Verb.CHANGE, Verb.DELETE)
        addresses = _addresses(self.model_admin)
        self.rows = [_row(role, told[role.pk], addresses, edited[role.pk], deleted[role.pk]) for role in roles]


def _row(
    role: Any, summary: RoleSummary, addresses: Mapping[str, str], not_edited: str, not_deleted: str
) -> dict[str, Any]:
    """Return one role as the list shows it, in words; `not_edited` and `not_deleted` say why it has no such button.

    It is flat, and a mapping, for a template finds things there soonest: a page looks up a thousand.
    """
    pk = str(role.pk)
    return {
        "pk": pk,
        "slug": role.name,
        "name": role.display_name,
        "description": role.description,
        "color": role.color,
        "icon": role.icon,
        "is_system": role.is_system,
        "is_active": role.is_active,
        "scope": role.get_scope_display(),
        "organization": str(role.organization or ""),
        "parent": str(role.parent or "–"),
        "priority": str(role.priority),
        "granted": str(summary.granted),
        "total": str(summary.total),
        "danger": next((hint.words for hint in summary.hints if hint.kind is HintKind.DANGEROUS), ""),
        "hints": [
            {"icon": _icon(_HINTS[hint.kind]), "words": hint.words, "other": str(hint.other or "")}
            for hint in summary.hints
            if hint.kind in _HINTS
        ],
        "people": str(role.people_count),
        "used": days_ago(summary.last_used_on, timezone.now().date()),
        "used_on": summary.last_used_on,
        "urls": {name: address.replace(str(_ANY), pk) for name, address in addresses.items()},
        "not_edited": not_edited,
        "not_deleted": not_deleted,
    }


@cache
def icons_of_rows() -> Mapping[str, SafeString]:
    """Return the icons that stand in every row, drawn once."""
    names = {"alert": "alert-triangle", "eye": "eye", "pencil": "pencil", "copy": "copy", "trash": "trash"}
    return {used_as: _icon(name) for used_as, name in names.items()}


@cache
def _icon(name: str) -> SafeString:
    """Return an icon of the sprite, drawn once for all rows."""
    return render_to_string("roles/_icon.html", {"name": name})


def _sentences(actor: Actor, roles: Sequence[Role], family: Family, *verbs: Verb) -> Iterator[dict[UUID, str]]:
    """Yield for each verb why the actor may not do it, by role, or nothing."""
    held = access.held_role_ids(actor)
    for verb in verbs:
        key = access.roles_policy(actor).keys[verb]
        denials = {role.pk: access.edit_denial(actor, role, family, key, held) for role in roles}
        yield {pk: str(denial) if denial else "" for pk, denial in denials.items()}


def _addresses(page: GuardedAdmin) -> Mapping[str, str]:
    """Return the address of each page of a role, by name, with _ANY for its id: to look each up by row takes long."""
    return {name: page.address(name, _ANY) for name in _PAGES}
