"""The one engine: may this actor use this permission? Unknown means denied (PDP-1)."""

from __future__ import annotations

from roles import catalogue
from tenancy.actors import Actor, Scope
from tenancy.errors import Denial, Reason


def decide(actor: Actor, key: str) -> Denial | None:
    """Return None when the actor may use `key` in its scope, else why not.

    A tenant key is used in an organization only, and a platform key on the platform only: holding `super:*` lets
    a platform actor grant tenant keys, not walk into an organization.
    """
    entry = catalogue.entries().get(key)
    if entry is None:
        return Denial(Reason.UNKNOWN_PERMISSION, key=key, sentence=f"There is no permission “{key}”.")
    if entry.scope is not actor.scope or not actor.has(key):
        return Denial(Reason.MISSING_PERMISSION, key=key, sentence=_missing(entry))
    return None


def allows(actor: Actor | None, key: str) -> bool:
    """Whether there is an actor and they may use `key`."""
    return actor is not None and decide(actor, key) is None


def _missing(entry: catalogue.CatalogueEntry) -> str:
    where = "on the platform" if entry.scope is Scope.PLATFORM else "in this organization"
    return f"Your role does not include “{entry.name}” ({entry.key}) {where}."
