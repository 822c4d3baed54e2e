"""The way around an organization's pages: each person finds there what their role may use."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest

from accounts.links import org_url
from tenancy.policies import decide


@dataclass(frozen=True, slots=True)
class Section:
    """An entry of the navigation. `pages` are the names of the pages that stand below it; no `keys`: for everyone."""

    label: str
    icon: str
    page: str
    pages: frozenset[str]
    keys: tuple[str, ...] = ()
    heading: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """A section as one person sees it on one page."""

    label: str
    icon: str
    url: str
    current: bool
    heading: str


SECTIONS = (
    Section("Home", "home", "home", frozenset({"home"})),
    Section(
        "Clients",
        "briefcase",
        "clients",
        frozenset({"clients", "client", "client-create", "client-edit", "client-delete"})
        | {"items", "item", "item-create", "item-edit", "item-delete"},
        ("clients:read",),
    ),
    Section(
        "Imports",
        "upload",
        "imports",
        frozenset({"imports", "import", "import-create", "import-cancel"}),
        ("agents:read",),
    ),
    Section(
        "Members",
        "users",
        "members",
        frozenset({"members", "member-role", "member-remove", "invite", "invitation-revoke"}),
        ("team:list",),
        heading="People",
    ),
    Section("Assignment", "user-check", "assignments", frozenset({"assignments", "assign"}), ("team:update",)),
)


def navigation(request: HttpRequest) -> list[Link]:
    """Return the sections that the request's actor may use, the present one marked; none outside an organization."""
    actor = getattr(request, "actor", None)
    if actor is None or actor.organization_id is None:
        return []
    here = request.resolver_match.url_name if request.resolver_match else ""
    return [
        Link(section.label, section.icon, org_url(request, section.page), here in section.pages, section.heading)
        for section in SECTIONS
        if all(decide(actor, key) is None for key in section.keys)
    ]
