"""Roles to start from: what agencies and platforms most often make first. Nothing but values to fill a form with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from roles import catalogue
from tenancy.actors import Reach, Scope


@dataclass(frozen=True, slots=True)
class RoleTemplate:
    """A role that could be made, named by its slug; its permissions come with what they need to be of use."""

    slug: str
    name: str
    description: str
    scope: Scope
    priority: int
    color: str
    icon: str
    reach: Reach | None
    permissions: frozenset[str]

    def values(self) -> dict[str, Any]:
        """Return what a form starts from."""
        return {
            "name": self.slug,
            "display_name": self.name,
            "description": self.description,
            "priority": self.priority,
            "color": self.color,
            "icon": self.icon,
            "reach": self.reach,
        }


def _with_needs(*keys: str) -> frozenset[str]:
    return catalogue.with_companions(frozenset(keys))


def _workspace(verb: str, things: Iterable[str]) -> list[str]:
    return [f"{thing}:{verb}" for thing in things]


TEMPLATES = (
    RoleTemplate(
        "account-manager",
        "Account manager",
        "Looks after clients from the first call to the invoice.",
        Scope.TENANT,
        60,
        "#2563EB",
        "briefcase",
        Reach.ASSIGNED,
        _with_needs(
            *_workspace("write", ("clients", "contacts", "campaigns", "documents", "tasks", "notes")), "invoices:read"
        ),
    ),
    RoleTemplate(
        "content-editor",
        "Content editor",
        "Writes campaigns and documents; sees no invoices.",
        Scope.TENANT,
        50,
        "#DB2777",
        "pencil",
        Reach.ASSIGNED,
        _with_needs("clients:read", *_workspace("write", ("campaigns", "documents", "tasks", "notes"))),
    ),
    RoleTemplate(
        "billing",
        "Billing",
        "Writes and reads the invoices of all clients, and nothing else of them.",
        Scope.TENANT,
        50,
        "#15803D",
        "receipt",
        Reach.ALL,
        _with_needs("clients:read", "contacts:read", "invoices:write"),
    ),
    RoleTemplate(
        "support-lead",
        "Support lead",
        "Leads those who help people, and helps with accounts.",
        Scope.PLATFORM,
        60,
        "#0F766E",
        "headphones",
        None,
        _with_needs(
            *(f"support:tickets:{action}" for action in ("respond", "assign", "close", "escalate")),
            "support:knowledge:write",
            "users:read",
            "organizations:read",
        ),
    ),
    RoleTemplate(
        "auditor",
        "Auditor",
        "Reads the record, the roles and who has them; changes nothing.",
        Scope.PLATFORM,
        40,
        "#A16207",
        "search",
        None,
        _with_needs("audit:read", "roles:read", "admins:read", "users:read", "organizations:read"),
    ),
    RoleTemplate(
        "release-manager",
        "Release manager",
        "Switches features and watches deployments.",
        Scope.PLATFORM,
        50,
        "#8B5CF6",
        "rocket",
        None,
        _with_needs("features:toggle", "features:rollout", "operations:releases:write", "operations:incidents:read"),
    ),
)


def templates_of(scope: Scope) -> list[RoleTemplate]:
    """Return the templates of one scope."""
    return [template for template in TEMPLATES if template.scope is scope]


def template_named(slug: str, scope: Scope) -> RoleTemplate | None:
    """Return the template of that slug in the scope, or None."""
    return next((template for template in templates_of(scope) if template.slug == slug), None)
