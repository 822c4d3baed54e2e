"""The rows of the list of roles: each with what there is to know and to do, read for the whole page at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from django.utils import timezone

from roles import access
from roles.console.times import days_ago
from roles.hints import Hint, HintKind, RoleSummary, summaries
from roles.models import Role
from tenancy.console import CappedList
from tenancy.policies import Verb


@dataclass(frozen=True)
class RoleRow:
    """One role as the list shows it; `not_edited` and `not_deleted` say why there is no such button, if so."""

    role: Role
    summary: RoleSummary
    not_edited: str
    not_deleted: str

    @property
    def danger(self) -> str:
        """The hint that it grants something dangerous, if so: it stands beside the number of permissions."""
        return next((hint.words for hint in self.summary.hints if hint.kind is HintKind.DANGEROUS), "")

    @property
    def hints(self) -> list[Hint]:
        """The other hints."""
        return [hint for hint in self.summary.hints if hint.kind is not HintKind.DANGEROUS]

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
        told = summaries(actor, roles)
        edited = _told(access.edit_denials(actor, roles, Verb.CHANGE))
        deleted = _told(access.edit_denials(actor, roles, Verb.DELETE))
        self.rows = [RoleRow(role, told[role.pk], edited[role.pk], deleted[role.pk]) for role in roles]
        self.may_clone = access.roles_policy(actor).permits(actor, Verb.ADD)


def _told(denials: Mapping[UUID, Any]) -> dict[UUID, str]:
    return {pk: str(denial) if denial else "" for pk, denial in denials.items()}
