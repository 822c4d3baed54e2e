"""The ways in, with what each needs: the application answers these and no other (PDP-7)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from roles.actors import RoleActor
from roles.authzen import discovery, evaluation, search
from roles.authzen.access import ASK_ABOUT_OTHERS
from roles.authzen.messages import (
    ActionSearch,
    ResourceSearch,
    SubjectSearch,
    read_evaluation,
    read_evaluations,
    read_search,
)
from roles.authzen.places import Place
from roles.engine.snapshot import Version
from tenancy.routes import Requirement, Route, member, permission, public

PREFIX = "/access/v1/"
_ABOUT_ONESELF = member(f"with a token of the organization, about oneself; about others with {ASK_ABOUT_OTHERS}")


@dataclass(frozen=True)
class Endpoint:
    """What is done with a body: read it, check who asks, learn how new the answer must be, answer.

    The four take what `read` returns. `require` raises Forbidden.
    """

    requirement: Requirement
    read: Callable[[bytes], Any]
    require: Callable[[Any, RoleActor], None]
    versions: Callable[[Any], Sequence[Version]]
    answer: Callable[[Any, RoleActor, Place], Awaitable[bytes]]


_evaluates = partial(
    Endpoint,
    _ABOUT_ONESELF,
    require=evaluation.require_askable,
    versions=evaluation.versions_asked,
    answer=evaluation.evaluate,
)
_searches = partial(Endpoint, require=search.require_searchable, versions=search.versions_asked, answer=search.find)

ENDPOINTS: Mapping[str, Endpoint] = {
    discovery.EVALUATION: _evaluates(read=read_evaluation),
    discovery.EVALUATIONS: _evaluates(read=read_evaluations),
    discovery.SEARCH_SUBJECT: _searches(permission(ASK_ABOUT_OTHERS), partial(read_search, SubjectSearch)),
    discovery.SEARCH_RESOURCE: _searches(_ABOUT_ONESELF, partial(read_search, ResourceSearch)),
    discovery.SEARCH_ACTION: _searches(_ABOUT_ONESELF, partial(read_search, ActionSearch)),
}


def routes() -> Iterator[Route]:
    """Return every route, as `tenancy.routes.routes` does for those of Django."""
    yield Route("GET", discovery.PATH, "authzen:configuration", None, public("where the decision point is"))
    for path, endpoint in ENDPOINTS.items():
        name = path.removeprefix(PREFIX).replace("/", "-")
        yield Route("POST", path, f"authzen:{name}", endpoint, endpoint.requirement)
