"""The rows of the list of roles: each with what there is to know and to do, read for the whole page at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from django.utils import timezone

from roles import access
from roles.console.times import days_ago
from roles.family import Family, read_family
from roles.hints import Hint, HintKind, RoleSummary, peers_of, summaries
from roles.models import Role
from tenancy.actors import Actor
from tenancy.console import CappedList, GuardedAdmin
from tenancy.policies import Verb

#: Stands for the id of a role in an address that serves for every row.
_ANY = UUID(int=0)
_ICONS = {HintKind.UNHELD: "user-minus", HintKind.UNUSED: "clock", HintKind.TWIN: "copy"}


@dataclass(frozen=True)
class RoleRow:
    """One role as the list shows it; `not_edited` and `not_deleted` say why there is no such button, if so.

    `addresses` are those of the pages of any role, by name, with an id to replace.
    """

    role: Role
    summary: RoleSummary
    not_edited: str
    not_deleted: str
    addresses: Mapping[str, str]

    @property
    def urls(self) -> dict[str, str]:
        """The addresses of its pages, by name."""
        return {name: address.replace(str(_ANY), str(self.role.pk)) for name, address in self.addresses.items()}

    @property
    def danger(self) -> str:
        """The hint that it grants something dangerous, if so: it stands beside the number of permissions."""
        return next((hint.words for hint in self.summary.hints if hint.kind is HintKind.DANGEROUS), "")

    @property
    def hints(self) -> list[tuple[str, Hint]]:
        """The other hints, each with the icon it has."""
        return [(_ICONS[hint.kind], hint) for hint in self.summary.hints if hint.kind is not HintKind.DANGEROUS]

    @property
    def used(self) -> str:
        """How long ago it was used last, in words."""
        return days_ago(self.summary.last_used_on, timezone.now().date())


class RoleList(CappedList):
    """The page of a list, with its rows."""

    rows: list[RoleRow]
    may_clone: bool

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        roles: list[Role] = list(self.result_list)  # type: ignore[has-type]
        self.result_list = roles
        actor: Any = request.actor  # type: ignore[attr-defined]
        ids, peers = [role.pk for role in roles], peers_of(actor, roles)
        family = read_family(above={*ids, *peers}, below=ids)
        counted: Sequence[Any] = roles  # annotated by RoleAdmin.get_queryset
        held = {role.pk for role in counted if role.people_count}
        told = summaries(roles, held, {role.pk: role.used_on for role in counted}, peers, family)
        edited, deleted = _sentences(actor, roles, family, Verb.CHANGE, Verb.DELETE)
        addresses = _addresses(self.model_admin)
        self.rows = [RoleRow(role, told[role.pk], edited[role.pk], deleted[role.pk], addresses) for role in roles]
        self.may_clone = access.roles_policy(actor).permits(actor, Verb.ADD)


def _sentences(actor: Actor, roles: Sequence[Role], family: Family, *verbs: Verb) -> Iterator[dict[UUID, str]]:
    """Yield for each verb why the actor may not do it, by role, or nothing."""
    held = access.held_role_ids(actor)
    for verb in verbs:
        key = access.roles_policy(actor).keys[verb]
        denials = {role.pk: access.edit_denial(actor, role, family, key, held) for role in roles}
        yield {pk: str(denial) if denial else "" for pk, denial in denials.items()}


def _addresses(page: GuardedAdmin) -> Mapping[str, str]:
    """Return the address of each page of a role, by name, with _ANY for its id: to look each up by row takes long."""
    return {name: page.address(name, _ANY) for name in ("change", "permissions", "delete")}
