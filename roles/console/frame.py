"""What every page of one role has around it: who it is about, its tabs, and what can be done to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.forms.widgets import Media
from django.http import HttpRequest, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.functional import cached_property
from django.utils.http import urlencode

from roles import access
from roles.family import Family, family_of
from roles.forms.parts import RoleMedia
from roles.models import Membership, Role
from tenancy.actors import Actor
from tenancy.console import GuardedAdmin
from tenancy.errors import AccessDenied, Denial
from tenancy.policies import Verb, decide


class Tab(StrEnum):
    """The tabs of a role, by the name of their route."""

    DETAILS = "change"
    PERMISSIONS = "permissions"
    PEOPLE = "people"
    HISTORY = "history"

    @property
    def label(self) -> str:
        """What the tab is called."""
        return {Tab.PEOPLE: "Assigned"}.get(self, self.name.capitalize())


class Stage(StrEnum):
    """How far an edit has come: looked over, saved, or back in its form."""

    REVIEW = "review"
    SAVE = "save"
    EDIT = "edit"


def stage_of(request: HttpRequest) -> Stage:
    """Return what the form that was sent asks for; anything unknown is looked over first."""
    sent = request.POST.get("stage", "")
    return Stage(sent) if sent in set(Stage) else Stage.REVIEW


def render(
    admin: GuardedAdmin, request: Any, template: str, title: str, status: int = 200, **shown: Any
) -> TemplateResponse:
    """Answer a page about roles, with what the console and the form parts need around it."""
    around = {**admin.admin_site.each_context(request), "title": title, "media": Media(RoleMedia)}
    return TemplateResponse(request, f"admin/roles/{template}", {**around, **shown}, status=status)


@dataclass(frozen=True)
class RolePage:
    """One role as the actor may see it, with its `family` and the roles they hold themselves as of the request."""

    admin: GuardedAdmin
    request: Any
    role: Role
    verb: Verb
    family: Family
    held: frozenset[UUID]

    @classmethod
    def open(cls, admin: GuardedAdmin, request: Any, pk: UUID, verb: Verb = Verb.CHANGE) -> RolePage:
        """Return the page of that role. Raises NotVisible for one that the actor may not see."""
        role = access.roles_policy(request.actor).get(request.actor, pk)
        return cls(admin, request, role, verb, family_of(role.pk), access.held_role_ids(request.actor))

    @property
    def actor(self) -> Actor:
        actor: Actor = self.request.actor
        return actor

    @cached_property
    def denial(self) -> Denial | None:
        """Why the actor may not do to the role what the page is for, if so."""
        return self._denial_of(self.verb)

    def _denial_of(self, verb: Verb) -> Denial | None:
        key = access.roles_policy(self.actor).keys[verb]
        return access.edit_denial(self.actor, self.role, self.family, key, self.held)

    def require_editable(self) -> None:
        """Raise AccessDenied when the role, as it stands, is not the actor's to change."""
        if self.denial is not None:
            raise AccessDenied(self.denial)

    def address(self, name: str, **query: Any) -> str:
        """Return the address of a page of this role."""
        found = self.admin.address(name, self.role.pk)
        return f"{found}?{urlencode(query)}" if query else found

    def to(self, tab: Tab) -> HttpResponseRedirect:
        """Lead to a tab of this role."""
        return HttpResponseRedirect(self.address(tab))

    @cached_property
    def may_see_people(self) -> bool:
        """Whether the actor may know who has the role."""
        return access.memberships_policy(self.actor).refusal(self.actor, Verb.VIEW) is None

    def people(self) -> Any:
        """Return the memberships of the role that the actor may see."""
        return access.memberships_policy(self.actor).visible(self.actor).filter(role=self.role)

    @cached_property
    def people_count(self) -> int:
        """How many have the role."""
        return Membership.objects.visible_to(self.actor).filter(role=self.role).count()

    def render(self, template: str, *, tab: Tab | None = None, status: int = 200, **shown: Any) -> TemplateResponse:
        """Answer a page within the role's frame."""
        framed = {
            "subtitle": tab.label if tab else None,
            "opts": self.admin.opts,
            "original": self.role,
            "role": self.role,
            "page": self,
            "tabs": list(self._tabs(tab)),
            "tools": self._tools(),
        }
        return render(self.admin, self.request, template, str(self.role), status, **framed, **shown)

    def _tabs(self, current: Tab | None) -> Any:
        for tab in Tab:
            if tab is Tab.PEOPLE and not self.may_see_people:
                continue
            if tab is Tab.HISTORY and decide(self.actor, access.PLATFORM_HISTORY) is not None:
                continue
            count = self.people_count if tab is Tab.PEOPLE else None
            yield {"title": tab.label, "url": self.address(tab), "current": tab is current, "count": count}

    def _tools(self) -> Mapping[str, str]:
        """Return the addresses of what the actor may do to the role."""
        found = {"compare": f"{self.admin.address('compare')}?{urlencode({'a': str(self.role.pk)})}"}
        if access.roles_policy(self.actor).permits(self.actor, Verb.ADD):
            found["clone"] = f"{self.admin.address('add')}?{urlencode({'clone': str(self.role.pk)})}"
        if self._denial_of(Verb.CHANGE) is None:
            found["activation"] = self.address("deactivate" if self.role.is_active else "activate")
        if self._denial_of(Verb.DELETE) is None:
            found["delete"] = self.address("delete")
        return found
