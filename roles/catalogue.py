"""The permission catalogue and the nine built-in roles, as the release ships them (PERM-1, ROLE-10).

`data/permissions.csv` names every key with its scope and category, and which built-in role holds it. Besides these
there are the keys of an organization's applications, which begin with `app-`: `roles.applications` knows them.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import MappingProxyType

from tenancy.actors import Reach, Scope

SUPER = "super:*"
ADMIN = "admin:*"
NO_KEYS: frozenset[str] = frozenset()
_APPLICATION_KEY = re.compile(r"app-[0-9a-f]{8}:[^:\s]+:[^:\s]+\Z")
DATA = Path(__file__).parent / "data" / "permissions.csv"


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """One permission key as shipped; `position` is its place in the catalogue's order."""

    key: str
    name: str
    scope: Scope
    category: str
    position: int


@dataclass(frozen=True, slots=True)
class BuiltInRole:
    """A role that only a release changes."""

    slug: str
    name: str
    description: str
    scope: Scope
    priority: int
    color: str
    icon: str
    reach: Reach | None
    permissions: frozenset[str] = frozenset()


def _shipped() -> tuple[BuiltInRole, ...]:
    """Return the built-in roles of docs/requirements.md; what each holds is in the catalogue's data."""
    platform, tenant = Scope.PLATFORM, Scope.TENANT
    return (
        BuiltInRole(
            "super-admin", "Super admin", "Everything, in every scope.", platform, 100, "#8B5CF6", "shield", None
        ),
        BuiltInRole(
            "platform-admin",
            "Platform admin",
            "Runs the platform day by day.",
            platform,
            80,
            "#3B82F6",
            "user-cog",
            None,
        ),
        BuiltInRole(
            "support-agent",
            "Support agent",
            "Helps people and answers tickets.",
            platform,
            60,
            "#10B981",
            "headphones",
            None,
        ),
        BuiltInRole(
            "analyst", "Analyst", "Reads figures and writes reports.", platform, 40, "#F59E0B", "bar-chart", None
        ),
        BuiltInRole(
            "org-owner", "Owner", "Everything in the organization.", tenant, 100, "#8B5CF6", "crown", Reach.ALL
        ),
        BuiltInRole(
            "org-admin", "Admin", "Runs the organization day by day.", tenant, 80, "#3B82F6", "user-cog", Reach.ALL
        ),
        BuiltInRole(
            "org-manager", "Manager", "Leads people and all clients.", tenant, 70, "#14B8A6", "briefcase", Reach.ALL
        ),
        BuiltInRole(
            "org-member", "Member", "Works for the clients assigned.", tenant, 60, "#10B981", "user", Reach.ASSIGNED
        ),
        BuiltInRole(
            "org-viewer", "Viewer", "Reads the clients assigned.", tenant, 40, "#6B7280", "eye", Reach.ASSIGNED
        ),
    )


@cache
def entries() -> Mapping[str, CatalogueEntry]:
    """Return every permission of the catalogue by key, in catalogue order."""
    return MappingProxyType(
        {
            row["key"]: CatalogueEntry(row["key"], row["display_name"], Scope(row["scope"]), row["category"], position)
            for position, row in enumerate(_rows())
        }
    )


@cache
def built_in_roles() -> tuple[BuiltInRole, ...]:
    """Return the nine built-in roles, strongest first within each scope."""
    rows = _rows()
    return tuple(
        replace(role, permissions=frozenset(row["key"] for row in rows if row[role.slug] == "x")) for role in _shipped()
    )


@cache
def keys_of(scope: Scope) -> frozenset[str]:
    """Return the keys of one scope, its wildcard included."""
    return frozenset(key for key, entry in entries().items() if entry.scope is scope)


def is_application_key(key: str) -> bool:
    """Whether the key is of an application's action, by its form: there need not be such an action."""
    return _APPLICATION_KEY.match(key) is not None


def expand(held: frozenset[str], applications: frozenset[str] = NO_KEYS) -> frozenset[str]:
    """Return what a set of keys amounts to: a wildcard stands for the keys it covers, and for itself.

    `super:*` covers every key of both scopes, `admin:*` every tenant key: those of the catalogue, and of the
    `applications` that are known here. Keys outside the catalogue that are no application's are dropped.
    """
    known = _only(held, _shipped_keys())
    if SUPER in held:
        return known | _shipped_keys()
    return known | keys_of(Scope.TENANT) | applications if ADMIN in held else known


@cache
def _shipped_keys() -> frozenset[str]:
    return frozenset(entries())


def _only(keys: frozenset[str], shipped: frozenset[str], *, applications: bool = True) -> frozenset[str]:
    """Return which of the keys are among these of the catalogue, or are an application's."""
    others = keys - shipped
    if not others:
        return keys
    return keys & shipped | (frozenset(key for key in others if is_application_key(key)) if applications else NO_KEYS)


def covers(held: frozenset[str], key: str) -> bool:
    """Whether keys that were spelled out include one; `admin:*` includes that of every application."""
    return key in held or (ADMIN in held and is_application_key(key))


def common(held: frozenset[str], others: frozenset[str]) -> frozenset[str]:
    """Return the keys that both include, both of them spelled out."""
    return frozenset(key for key in held | others if covers(held, key) and covers(others, key))


def beyond(keys: frozenset[str], held: frozenset[str]) -> frozenset[str]:
    """Return the keys that are not included in what is held, both of them spelled out."""
    return frozenset(key for key in keys - held if not covers(held, key))


def within(keys: Iterable[str], scope: Scope) -> frozenset[str]:
    """Return the keys that a role of the scope may hold."""
    return _only(frozenset(keys), keys_of(scope), applications=scope is Scope.TENANT)


def in_order(keys: Iterable[str]) -> list[str]:
    """Return the known ones of these keys in the order of the catalogue, and then those of applications."""
    wanted = frozenset(keys)
    return [key for key in entries() if key in wanted] + sorted(filter(is_application_key, wanted))


def _rows() -> list[dict[str, str]]:
    with DATA.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


#: What cannot be taken back, opens a way around the rules, or lets someone act as another.
_DANGEROUS_ACTIONS = frozenset(
    {"delete", "ban", "impersonate", "reset-password", "manage-2fa", "revoke-sessions", "suspend", "refunds", "*"}
)
_DANGEROUS = frozenset(
    {
        "admins:create",
        "admins:update",
        "roles:create",
        "roles:update",
        "roles:assign",
        "team:roles:assign",
        "team:remove",
        "org:api-keys:write",
        "audit:configure",
        "audit:retention",
        "security:policies:write",
        "security:ip-allowlist:write",
        "system:config:write",
        "system:maintenance:write",
        "identity:sso:write",
        "identity:scim:write",
        "compliance:legal-holds:write",
        "compliance:data-retention:write",
        "integrations:api-clients:write",
        "hierarchy:sharing:write",
        "users:export",
        "organizations:export",
    }
)


def is_dangerous(key: str) -> bool:
    """Whether handing out the permission asks for a second look: its use can hardly be undone, or opens other doors."""
    return key in _DANGEROUS or key.rpartition(":")[2] in _DANGEROUS_ACTIONS


@cache
def companions(key: str) -> frozenset[str]:
    """Return the permissions without which `key` is of no use: to change something one has to find and read it.

    They are `read` and `list` of the same thing, or of the nearest thing around it that has them.
    """
    prefix, _, action = key.rpartition(":")
    if key not in entries() or action in {"list", "*"}:
        return frozenset()
    while prefix:
        wanted = {f"{prefix}:list"} if action == "read" else {f"{prefix}:list", f"{prefix}:read"}
        if found := (wanted & entries().keys()) - {key}:
            return frozenset(found)
        prefix = prefix.rpartition(":")[0]
    return frozenset()


def with_companions(keys: frozenset[str]) -> frozenset[str]:
    """Return the keys and what they need to be of use."""
    return keys.union(*(companions(key) for key in keys))
