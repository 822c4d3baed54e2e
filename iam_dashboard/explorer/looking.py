"""What somebody would find open and closed: told from what each way in declares, without acting as them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.admindocs.views import simplify_regex

from accounts.navigation import SECTIONS
from clients.pages.kinds import KINDS
from roles.explorer import Explorer, Subject
from tenancy.policies import Verb
from tenancy.routes import Requirement, member, permission, routes

IN_ORGANIZATION = ("/o/<slug:organization>/", "/api/orgs/<slug:organization>/")
INSTALLATION = "iam_dashboard.urls"
CONSOLE, API = "/admin/", "/api/"
#: The theme's and the framework's own routes, which serve others; those without a name lead on to others.
_OF_OTHERS = {"", "jsi18n", "view_on_site", "toggle_sidebar", "autocomplete", "app_list"}
_KINDS = {kind.slug: kind for kind in KINDS}
#: Within a pattern, a group that one word alone fits, and the name of a converter.
_ONE_WORD = re.compile(r"\(\?P<\w+>(\w+)\)")
_CONVERTER = re.compile(r"<\w+:")


@dataclass(frozen=True, slots=True)
class Way:
    """A way in: an entry of the menu, a page or an operation. `closed` says why it is, and is empty for an open one."""

    name: str
    where: str
    closed: str


@dataclass(frozen=True, slots=True)
class Ways:
    """Ways in of one sort."""

    title: str
    open: Sequence[Way]
    closed: Sequence[Way]


def outlook(explorer: Explorer, subject: Subject, admin_site: Any) -> list[Ways]:
    """Return the menu, the pages and the operations as they are open and closed to the person."""
    menu = _console_menu(admin_site) if explorer.place.id is None else _organization_menu()
    found: dict[str, list[Way]] = {"Menu": [Way(name, "", explorer.closed(subject, needs)) for name, needs in menu]}
    for title, name, where, needs in _declared(of_platform=explorer.place.id is None):
        found.setdefault(title, []).append(Way(name, where, explorer.closed(subject, needs)))
    return [
        Ways(title, [way for way in ways if not way.closed], [way for way in ways if way.closed])
        for title, ways in found.items()
    ]


def _organization_menu() -> Iterator[tuple[str, Requirement]]:
    for section in SECTIONS:
        yield section.label, permission(*section.keys) if section.keys else member("for everyone")


def _console_menu(admin_site: Any) -> Iterator[tuple[str, Requirement]]:
    yield "Home", member("for everyone")
    for page in admin_site._registry.values():
        keys = dict.fromkeys(filter(None, (page.policy.keys.get(Verb.VIEW), page.list_key)))
        yield str(page.opts.verbose_name_plural).capitalize(), permission(*keys)
    for pages in admin_site.standalone:
        yield pages.title, permission(*pages.routes[0].keys)


def _declared(*, of_platform: bool) -> Iterable[tuple[str, str, str, Requirement]]:
    """Yield (sort, name, methods and path, what it needs) of each way in; methods that need the same are one."""
    methods: dict[tuple[str, str, Requirement], list[str]] = defaultdict(list)
    for route in routes(INSTALLATION):
        inside = route.pattern.startswith(IN_ORGANIZATION)
        outside = route.pattern.startswith((CONSOLE, API)) and not inside
        needs, name = route.requirement, route.name.rpartition(":")[2]
        if (outside if of_platform else inside) and needs is not None and name not in _OF_OTHERS:
            methods[_path(route.pattern), _words(name, route.pattern), needs].append(route.method)
    for (path, words, needs), taken in sorted(methods.items(), key=lambda one: (_sort(one[0][0]), *one[0][:2])):
        yield _sort(path), words, f"{' '.join(taken)} {path}", needs


def _sort(path: str) -> str:
    return "Requests to the API" if path.startswith(API) else "Pages"


def _path(pattern: str) -> str:
    """Return a pattern as a path with the names of what varies in it, whether it is written with converters or not."""
    return _CONVERTER.sub("<", simplify_regex(_ONE_WORD.sub(r"\1", pattern)))


def _words(name: str, pattern: str) -> str:
    """Return what a route is called, by the kind of item that it is for, if it is for one."""
    words = name.replace("_", " ").replace("-", " ")
    found = _ONE_WORD.search(pattern)
    if kind := _KINDS.get(found[1]) if found else None:
        words = words.replace("items", kind.many_lower).replace("item", kind.one.lower())
    return words.capitalize()
