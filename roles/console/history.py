"""The tab History: every change as a sentence, with what differed, and the way back to an earlier version."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.utils import timezone

from roles import access
from roles.console.frame import RolePage, Tab
from roles.console.times import ago
from roles.definition import RoleDefinition
from roles.models import RoleEvent, RoleEventKind
from roles.review import Difference, difference
from tenancy.console import CappedPaginator, GuardedAdmin

PER_PAGE = 25
OF_PEOPLE = frozenset({RoleEventKind.ADMIN_ASSIGNED, RoleEventKind.ADMIN_UNASSIGNED})
#: What each kind of event is marked with, out of the icons of the sprite.
MARKS = {
    RoleEventKind.CREATED: "plus",
    RoleEventKind.UPDATED: "pencil",
    RoleEventKind.DELETED: "trash",
    RoleEventKind.PERMISSIONS_CHANGED: "key",
    RoleEventKind.ADMIN_ASSIGNED: "user-plus",
    RoleEventKind.ADMIN_UNASSIGNED: "user-minus",
    RoleEventKind.ACTIVATED: "play",
    RoleEventKind.DEACTIVATED: "pause",
}


@dataclass(frozen=True)
class ShownEvent:
    """One event with what differed, and whether its version can be returned to."""

    event: RoleEvent
    mark: str
    difference: Difference | None
    can_be_restored: bool
    ago: str


def history(admin: GuardedAdmin, request: Any, pk: UUID) -> HttpResponse:
    """Answer what happened to the role, latest first, of its definition alone if asked."""
    page = RolePage.open(admin, request, pk)
    only = request.GET.get("of", "")
    events = access.role_history(page.actor, page.role.pk)
    if only == "role":
        events = events.of_definition()  # type: ignore[attr-defined]
    shown = CappedPaginator(events, PER_PAGE).get_page(request.GET.get("p"))
    return page.render(
        "history.html",
        tab=Tab.HISTORY,
        events=shown,
        shown=[_shown(page, event) for event in shown.object_list],
        only=only,
    )


def _shown(page: RolePage, event: RoleEvent) -> ShownEvent:
    before, after = definition_in(event.previous_state), definition_in(event.new_state)
    is_of_role = event.kind not in OF_PEOPLE
    return ShownEvent(
        event,
        MARKS.get(RoleEventKind(event.kind), "circle-dot"),
        _narrowed(difference(before, after), event) if is_of_role and before and after else None,
        is_of_role and after is not None and page.denial is None and event.role_version < page.role.version,
        ago(event.at, timezone.now()),
    )


def _narrowed(found: Difference, event: RoleEvent) -> Difference:
    """Return of the difference what this event tells of: one save may leave several events with the same states."""
    names = set(event.changed_fields)
    keys = "permissions" in names
    return Difference(
        tuple(change for change in found.fields if change.name in names),
        found.added if keys else frozenset(),
        found.removed if keys else frozenset(),
    )


def definition_in(state: Any) -> RoleDefinition | None:
    """Return the definition that an event kept, or None for one that kept none, or too little of it."""
    if not state or "permissions" not in state:
        return None
    try:
        return RoleDefinition.from_state(state)
    except (KeyError, ValueError):
        return None
