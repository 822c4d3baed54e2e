"""What a role lets a person do, in one sentence that the person who invites can read."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from roles.actors import effective_permissions
from roles.models import Role
from tenancy.actors import Reach
from tenancy.errors import AccessDenied, ActionRefused

AREAS = ("clients", "contacts", "campaigns", "documents", "tasks", "notes", "invoices", "connections")
WORDS = {"connections": "connected accounts"}
BEYOND = {
    "team:update": "assigns clients",
    "team:invite": "invites people",
    "team:roles:assign": "assigns roles",
    "org:api-keys:write": "issues API tokens",
}


def permitted(rule: Callable[..., object], *asked: Any) -> bool:
    """Whether a rule that raises when something is not allowed lets this pass."""
    try:
        rule(*asked)
    except (AccessDenied, ActionRefused):
        return False
    return True


def summary(role: Role) -> str:
    """Return what a person of that role may do with clients, in a sentence."""
    keys = effective_permissions(role.pk)
    whose = "all clients" if role.reach == Reach.ALL else "the clients assigned to them"
    edits = [area for area in AREAS if f"{area}:write" in keys]
    reads = [area for area in AREAS if f"{area}:read" in keys and area not in edits]
    if not edits and not reads:
        return "Sees no clients."
    said = []
    if edits:
        said.append(f"sees and edits {_everything_or(edits)} of {whose}")
    if reads:
        said.append(f"sees {_everything_or(reads)} of {whose}" if not edits else f"only sees {_listed(reads)}")
    if edits and not any(f"{area}:delete" in keys for area in AREAS):
        said.append("deletes nothing")
    said += [words for key, words in BEYOND.items() if key in keys]
    sentence = "; ".join(said)
    return f"{sentence[0].upper()}{sentence[1:]}."


def _everything_or(areas: list[str]) -> str:
    return "the whole workspace" if len(areas) == len(AREAS) else _listed(areas)


def _listed(areas: Iterable[str]) -> str:
    *first, last = [WORDS.get(area, area) for area in areas]
    return f"{', '.join(first)} and {last}" if first else last
