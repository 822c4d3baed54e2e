"""What a role lets people do, as one sentence in plain words that changes while permissions are ticked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

from roles import catalogue
from roles.catalogue import CatalogueEntry
from roles.matrix import NO_APPLICATIONS, resource_of, thing_named
from tenancy.actors import Reach, Scope

WORKSPACE = "Client Workspace"
_READING = frozenset({"list", "read", "dashboard"})
_WILDCARDS = frozenset({catalogue.SUPER, catalogue.ADMIN})
_VERBS = {"read": "view", "write": "edit", "delete": "delete"}
#: More than these are counted instead of named.
_MOST_NAMED = 4
_MOST_UNSEEN = 3


def describe(
    keys: Iterable[str],
    scope: Scope,
    reach: Reach | None = None,
    applications: Mapping[str, CatalogueEntry] = NO_APPLICATIONS,
) -> str:
    """Return what someone holding `keys`, own and inherited ones together, can do, as one sentence.

    Keys of the other scope and unknown ones are left out: they grant nothing there. Of applications those of the
    organization are known.
    """
    held = frozenset(keys) & (catalogue.keys_of(scope) | applications.keys())
    clients = "assigned clients" if reach is Reach.ASSIGNED else "all clients"
    if catalogue.SUPER in held:
        return "Can do everything, on the platform and in every organization."
    if catalogue.ADMIN in held:
        return f"Can do everything in the organization, for {clients}."
    if not held:
        return "Cannot do anything yet."
    workspace, rest = _by_kind(scope, applications)
    can = [*_workspace(workspace, held, clients), *_categories(rest, held)]
    cannot = _unseen(workspace, held) if scope is Scope.TENANT else ""
    return "; ".join(part for part in (f"Can {'; '.join(can)}" if can else "", cannot) if part) + "."


def _by_kind(
    scope: Scope, applications: Mapping[str, CatalogueEntry]
) -> tuple[list[CatalogueEntry], list[list[CatalogueEntry]]]:
    """Return the entries of the clients' workspaces, and those of each other category."""
    every = {**catalogue.entries(), **applications}.values()
    listed = [one for one in every if one.scope is scope and one.key not in _WILDCARDS]
    categories = [list(entries) for _, entries in groupby(listed, key=lambda one: one.category)]
    workspace = [one for entries in categories for one in entries if one.category == WORKSPACE]
    return workspace, [entries for entries in categories if entries[0].category != WORKSPACE]


def _workspace(entries: Sequence[CatalogueEntry], held: frozenset[str], clients: str) -> list[str]:
    """Return what may be done with clients, resources of the same verbs together, the most first."""
    things: dict[tuple[str, ...], list[str]] = {}
    resources = [list(found) for _, found in groupby(entries, key=lambda one: resource_of(one.key))]
    for resource in resources:
        verbs = tuple(_VERBS[one.key.rpartition(":")[2]] for one in resource if one.key in held)
        if verbs:
            things.setdefault(verbs, []).append(_thing(resource[0]))
    phrases: list[str] = []
    for verbs, named in sorted(things.items(), key=lambda group: -len(group[0])):
        what = "everything" if len(named) == len(resources) else _listed(named)
        phrases.append(f"{_listed(verbs)} their {what}" if phrases else f"{_listed(verbs)} {what} of {clients}")
    return phrases


def _unseen(entries: Sequence[CatalogueEntry], held: frozenset[str]) -> str:
    """Return what of a client stays hidden, if that is little enough to name; or that every client does."""
    reads = [one for one in entries if one.key.endswith(":read")]
    unseen = [_thing(one) for one in reads if one.key not in held]
    if not unseen:
        return ""
    if len(unseen) == len(reads):
        return "cannot see clients"
    if len(unseen) > _MOST_UNSEEN:
        return "cannot see the rest of a client"
    return f"cannot see {_listed(unseen, 'or')}"


def _thing(entry: CatalogueEntry) -> str:
    """Return the plain word for a resource of the workspace: “invoices”, and “details” for the client itself."""
    return "details" if entry.key.startswith("clients:") else thing_named(entry.name).lower().removeprefix("client ")


def _categories(categories: Sequence[Sequence[CatalogueEntry]], held: frozenset[str]) -> list[str]:
    """Return what may be done outside the workspaces: whole categories, those only read, and parts of others."""
    whole, read, part = [], [], []
    for entries in categories:
        granted = [one for one in entries if one.key in held]
        if len(granted) == len(entries):
            whole.append(entries[0].category)
        elif granted and all(one.key.rpartition(":")[2] in _READING for one in granted):
            read.append(entries[0].category)
        elif granted:
            part.append(granted)
    phrases = []
    if whole:
        phrases.append(f"do everything in {_short(whole)}")
    if part:
        phrases.append(_parts(part))
    if read:
        phrases.append(f"look at {_short(read)}")
    return phrases


def _parts(parts: Sequence[Sequence[CatalogueEntry]]) -> str:
    """Return permissions of half-held categories: each by name while they are few, else by category."""
    named = [_plain(one.name) for granted in parts for one in granted]
    if len(named) <= _MOST_NAMED:
        return _listed(named)
    return f"do some of {_short([granted[0].category for granted in parts])}"


def _plain(name: str) -> str:
    """Return a permission's name as it stands within a sentence; what is written in capitals stays so."""
    return " ".join(word if word.isupper() else word.lower() for word in name.split())


def _short(names: Sequence[str]) -> str:
    if len(names) <= _MOST_NAMED:
        return _listed(names)
    return f"{', '.join(names[: _MOST_NAMED - 1])} and {len(names) - _MOST_NAMED + 1} more areas"


def _listed(words: Sequence[str], last: str = "and") -> str:
    return f" {last} ".join(part for part in (", ".join(words[:-1]), words[-1]) if part)
