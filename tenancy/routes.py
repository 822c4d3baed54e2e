"""What each route needs: declared beside the view, read by the middleware, the start-up check and the report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import cache
from typing import Any, TypeVar

from django.urls import URLPattern, URLResolver, get_resolver

METHODS = ("get", "post", "put", "patch", "delete")
View = TypeVar("View", bound=Callable[..., Any] | type)


class Access(StrEnum):
    """Who may take a route at all."""

    PUBLIC = "public"
    SIGNED_IN = "signed-in"
    MEMBER = "member"
    PERMISSION = "permission"


@dataclass(frozen=True, slots=True)
class Requirement:
    """What a route asks of the actor.

    `keys` are all needed. A public, signed-in or member route says in `why` what makes that right: public needs no
    one, signed-in a user in no scope (their own account), member an actor in the route's scope with any role.
    """

    access: Access
    keys: tuple[str, ...] = ()
    why: str = ""

    def __str__(self) -> str:
        return " + ".join(self.keys) if self.keys else f"{self.access}: {self.why}"


def permission(*keys: str) -> Requirement:
    """Return the requirement of an actor that holds every one of `keys`."""
    if not keys:
        raise ValueError("A permission requirement names at least one key.")
    return Requirement(Access.PERMISSION, keys)


def public(why: str) -> Requirement:
    """Return the requirement of a route open to everyone, and why it is."""
    return Requirement(Access.PUBLIC, why=why)


def signed_in(why: str) -> Requirement:
    """Return the requirement of a signed-in user acting on nothing but their own account."""
    return Requirement(Access.SIGNED_IN, why=why)


def member(why: str) -> Requirement:
    """Return the requirement of an actor in the route's scope, whatever their role holds."""
    return Requirement(Access.MEMBER, why=why)


def requires(*keys: str) -> Callable[[View], View]:
    """Declare beside a view that it needs every one of `keys`."""
    return declares(permission(*keys))


def declares(requirement: Requirement | Mapping[str, Requirement]) -> Callable[[View], View]:
    """Declare a view's requirement, or one for each HTTP method or view-set action."""

    def mark(view: View) -> View:
        view.requires = requirement  # type: ignore[union-attr]
        return view

    return mark


_by_name: dict[str, Requirement | Mapping[str, Requirement]] = {}


def declare_names(declarations: Mapping[str, Requirement | Mapping[str, Requirement]]) -> None:
    """Declare routes of installed packages by their name; a name may hold wildcards (fnmatch)."""
    _by_name.update(declarations)
    _declared_by_name.cache_clear()


@cache
def _declared_by_name(name: str) -> Requirement | Mapping[str, Requirement] | None:
    if name in _by_name:
        return _by_name[name]
    return next((found for pattern, found in _by_name.items() if fnmatchcase(name, pattern)), None)


def requirement_for(view: Any, name: str, method: str) -> Requirement | None:
    """Return what `method` on a resolved view needs, or None when nothing is declared for it."""
    method = "get" if method.lower() in {"head", "options"} else method.lower()
    declared = _declared_on(view) or _declared_by_name(name)
    if declared is None or isinstance(declared, Requirement):
        return declared
    actions: Mapping[str, str] = getattr(view, "actions", None) or {}
    return declared.get(actions.get(method, method)) or declared.get(method)


def _declared_on(view: Any) -> Requirement | Mapping[str, Requirement] | None:
    for owner in (view, getattr(view, "cls", None), getattr(view, "view_class", None)):
        declared = getattr(owner, "requires", None)
        if declared is not None:
            return declared  # type: ignore[no-any-return]
    return None


def methods_of(view: Any) -> tuple[str, ...]:
    """Return the HTTP methods that a view answers, as far as it tells (a plain function: get and post)."""
    actions = getattr(view, "actions", None)
    if actions:
        return tuple(method for method in METHODS if method in actions)
    owner = getattr(view, "cls", None) or getattr(view, "view_class", None)
    if owner is None:
        return ("get", "post")
    allowed = {name.lower() for name in getattr(owner, "http_method_names", METHODS)}
    return tuple(method for method in METHODS if method in allowed and hasattr(owner, method))


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one URL pattern."""

    method: str
    pattern: str
    name: str
    view: Any
    requirement: Requirement | None


def routes(urlconf: str | None = None) -> Iterator[Route]:
    """Walk every route of the project, with what it declares."""
    for pattern, name, view in _walk(get_resolver(urlconf).url_patterns, "/", ()):
        for method in methods_of(view):
            yield Route(method.upper(), pattern, name, view, requirement_for(view, name, method))


def _walk(
    patterns: Iterable[URLPattern | URLResolver], prefix: str, namespaces: tuple[str, ...]
) -> Iterator[tuple[str, str, Any]]:
    for entry in patterns:
        path = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            inner = (*namespaces, entry.namespace) if entry.namespace else namespaces
            yield from _walk(entry.url_patterns, path, inner)
        else:
            yield path, ":".join((*namespaces, entry.name or "")), entry.callback


def undeclared(urlconf: str | None = None) -> list[Route]:
    """Return the routes that declare nothing, each of which refuses start-up."""
    return [route for route in routes(urlconf) if route.requirement is None]
