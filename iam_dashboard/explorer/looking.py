"""What somebody would find open and closed: told from what each way in declares, without acting as them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from accounts.navigation import SECTIONS
from roles.explorer import Explorer, Subject
from tenancy.policies import Verb
from tenancy.routes import Requirement, member, permission, routes

IN_ORGANIZATION = ("/o/<slug:organization>/", "/api/orgs/<slug:organization>/")
INSTALLATION = "iam_dashboard.urls"
CONSOLE, API = "/admin/", "/api/"


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
        needs = route.requirement
        if (outside if of_platform else inside) and needs is not None and route.name.strip(":") and _is_own(route.name):
            methods[route.pattern, route.name, needs].append(route.method)
    for (pattern, name, needs), taken in sorted(methods.items(), key=lambda one: (_sort(one[0][0]), *one[0][:2])):
        yield _sort(pattern), _words(name), f"{' '.join(taken)} {pattern}", needs


def _sort(pattern: str) -> str:
    return "Requests to the API" if pattern.startswith(API) else "Pages"


def _is_own(name: str) -> bool:
    """Whether it is a way of the product: the theme's and the framework's own serve others."""
    return name.partition(":")[2] not in {"jsi18n", "view_on_site", "toggle_sidebar", "autocomplete", "app_list"}


def _words(name: str) -> str:
    return name.rpartition(":")[2].replace("_", " ").replace("-", " ").capitalize()
