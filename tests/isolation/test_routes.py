"""Threats 8 to 10 on every route: an id of another organization, or of a client outside reach, is answered exactly as
one that does not exist, and nothing hidden stands in any list. The routes are asked of Django, so that a new one is
enrolled by existing."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from uuid import UUID

import pytest
from django.db import models as django_models
from django.test import Client as Browser

from clients.models import WORKSPACE_MODELS, Client
from tenancy.inspection import tenant_tables
from tenancy.routes import Route, routes
from tests.factories import inside
from tests.isolation.rows import rows, seen_by
from tests.world import Agency, furnish, make_agency

#: Tables that tell of the attempt itself: the record, and on which day somebody acted with a role.
TELLING = ("audit_", "roles_roleuse")

pytestmark = [pytest.mark.requirement("CLI-3"), pytest.mark.requirement("CLI-5")]

MISSING = UUID("0198c0de-dead-7000-8000-000000000000")
#: Words that stand nowhere else: in the rows of the other organization, and in those outside the member's reach.
THEIRS, OUT_OF_REACH = "Zylophex", "Quandrel"
IN_ORGANIZATION = ("/o/<slug:organization>/", "/api/orgs/<slug:organization>/")
PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")
GROUP = re.compile(r"\(\?P<(\w+)>((?:[^()]|\([^()]*\))*)\)")
VOLATILE = re.compile(r"csrfmiddlewaretoken\" value=\"\w+\"|nonce=\"[^\"]*\"|X-CSRFToken\": \"\w+\"")


def parameters(route: Route) -> set[str]:
    return set(PARAMETER.findall(route.pattern)) | {name for name, _ in GROUP.findall(route.pattern)}


def path_of(route: Route, **values: Any) -> str:
    """Return the path of a route with its parameters filled in; a parameter with one possible value needs none."""

    def from_group(found: re.Match[str]) -> str:
        name, expression = found.groups()
        return str(values[name]) if name in values else expression

    path = GROUP.sub(from_group, route.pattern)
    path = PARAMETER.sub(lambda found: str(values.get(found[1], "x")), path)
    return path.replace("^", "").replace("$", "").replace("\\Z", "").replace("\\", "")


ROUTES = [route for route in routes("iam_dashboard.urls") if route.pattern.startswith(IN_ORGANIZATION)]
WITH_ID = [route for route in ROUTES if "pk" in parameters(route)]
LISTS = [route for route in ROUTES if route.method == "GET" and not parameters(route) - {"organization"}]


def named(route: Route) -> str:
    return f"{route.method} {route.pattern}"


@dataclass
class Onlooker:
    """Who asks, in which organization, and which ids are hidden from them."""

    slug: str
    user: Any
    mark: str = THEIRS
    hidden_ids: tuple[str, ...] = ()

    @cached_property
    def browser(self) -> Browser:
        browser = Browser()
        browser.force_login(self.user, backend="accounts.backends.SignInBackend")
        return browser

    def ask(self, route: Route, pk: Any = "", question: dict[str, str] | None = None) -> tuple[int, str]:
        """Return the status and the text of the answer, less what differs from one request to the next."""
        path = path_of(route, organization=self.slug, pk=pk)
        is_api = path.startswith("/api/")
        answer = self.browser.generic(
            route.method,
            path,
            data=b"{}" if is_api else b"",
            content_type="application/json" if is_api else "application/x-www-form-urlencoded",
            headers={"X-Request-ID": "probe", **({"If-Match": '"1"'} if is_api else {})},
            query_params=question,
        )
        text = b"".join(answer.streaming_content).decode() if answer.streaming else answer.content.decode()
        return answer.status_code, plain(text, str(pk))


def plain(text: str, pk: str) -> str:
    return VOLATILE.sub("", text.replace(pk, "ID") if pk else text)


@dataclass(frozen=True)
class World:
    """Two furnished agencies; what is hidden in them carries the mark."""

    ours: Agency
    theirs: Agency

    @property
    def owner(self) -> Onlooker:
        """Someone who reaches all of one organization, and nothing of the other."""
        return Onlooker(self.ours.slug, self.ours.owner, THEIRS, tuple(sorted(ids_of(self.theirs))))

    @property
    def member(self) -> Onlooker:
        """Someone who is assigned to one client, and not to the marked one."""
        secret = self.ours.clients[2]
        with inside(self.ours.organization):
            items = [model._default_manager.get(client=secret).pk for model in WORKSPACE_MODELS]
        return Onlooker(self.ours.slug, self.ours.member, OUT_OF_REACH, tuple(str(pk) for pk in (secret.pk, *items)))


@pytest.fixture(scope="module")
def world(module_db: str) -> World:
    made = World(make_agency("Larkmoor"), make_agency("Quaymark"))
    furnish(made.ours)
    furnish(made.theirs)
    mark(made.ours, made.ours.clients[2], OUT_OF_REACH)
    for client in made.theirs.clients:
        mark(made.theirs, client, THEIRS)
    return made


@pytest.fixture(scope="module", params=["another organization", "outside reach"])
def onlooker(request: pytest.FixtureRequest, world: World) -> Onlooker:
    return world.owner if request.param == "another organization" else world.member


def mark(agency: Agency, client: Client, word: str) -> None:
    """Put the word into every text of the client and of its workspace."""
    with inside(agency.organization):
        for model in (Client, *WORKSPACE_MODELS):
            texts = [
                field.attname
                for field in model._meta.concrete_fields
                if isinstance(field, django_models.CharField | django_models.TextField)
                and not field.choices
                and not isinstance(field, django_models.EmailField)
                and field.attname not in {"file", "sha256", "content_type"}
            ]
            own = {"pk": client.pk} if model is Client else {"client": client}
            model._default_manager.filter(**own).update(**dict.fromkeys(texts, word))


def ids_of(agency: Agency) -> set[str]:
    """Return the ids of one row of each table that an organization has."""
    found = set()
    with seen_by(agency.actor("owner")) as cursor:
        for table in tenant_tables():
            own = [row for row in rows(cursor, table.name) if row.get("organization_id", True)]
            if own and isinstance(own[0].get("id"), str):
                found.add(own[0]["id"])
    return found


def untouched(agency: Agency) -> str:
    """Return everything that the organization's owner sees, but for what was recorded."""
    with seen_by(agency.actor("owner")) as cursor:
        content = {t.name: rows(cursor, t.name) for t in tenant_tables() if not t.name.startswith(TELLING)}
    return json.dumps(content, sort_keys=True, default=str)


def test_the_walk_finds_pages_and_api() -> None:
    patterns = {route.pattern for route in WITH_ID}
    assert any(pattern.startswith("/o/") for pattern in patterns)
    assert any(pattern.startswith("/api/") for pattern in patterns)
    assert len(WITH_ID) > 60
    assert len(LISTS) > 10


@pytest.mark.parametrize("route", WITH_ID, ids=named)
def test_a_hidden_id_is_answered_as_a_missing_one(world: World, onlooker: Onlooker, route: Route) -> None:
    before = (untouched(world.ours), untouched(world.theirs))
    missing = onlooker.ask(route, MISSING)
    assert missing[0] in {302, 400, 403, 404, 405, 415, 428}
    for pk in onlooker.hidden_ids:
        status, text = onlooker.ask(route, pk)
        assert status == missing[0], pk
        assert "\n".join(difflib.unified_diff(missing[1].splitlines(), text.splitlines(), n=0)) == "", pk
        assert onlooker.mark not in text
    assert (untouched(world.ours), untouched(world.theirs)) == before


@pytest.mark.parametrize("route", [route for route in WITH_ID if route.method == "GET"], ids=named)
def test_an_own_id_is_answered_otherwise(world: World, route: Route) -> None:
    """The same question with an id that is the person's own: so that the test above cannot pass for a wrong reason."""
    asker = world.owner
    missing = asker.ask(route, MISSING)
    if missing[0] in {302, 405}:
        pytest.skip("a GET answers nothing here, whatever the id")
    assert any(asker.ask(route, pk) != missing for pk in sorted(ids_of(world.ours)))


def questions(onlooker: Onlooker) -> Iterator[dict[str, str]]:
    yield {}
    for name in ("q", "search", "name", "title", "industry", "city"):
        yield {name: onlooker.mark}
    for name in ("client", "assigned_to", "assignee", "user", "role"):
        for pk in onlooker.hidden_ids[:3]:
            yield {name: pk}


@pytest.mark.parametrize("route", LISTS, ids=named)
def test_nothing_hidden_stands_in_a_list(onlooker: Onlooker, route: Route) -> None:
    for question in questions(onlooker):
        asked = "".join(question.values())
        status, text = onlooker.ask(route, question=question)
        assert status < 500
        # What was asked for may be repeated, in the search field or in the address of the next page.
        assert onlooker.mark not in (text.replace(asked, "") if asked else text), question
        if asked in onlooker.hidden_ids:
            unknown = onlooker.ask(route, question=dict.fromkeys(question, str(MISSING)))
            assert (status, plain(text, asked)) == (unknown[0], plain(unknown[1], str(MISSING))), question


@pytest.mark.parametrize(
    "route", [r for r in ROUTES if r.requirement is None or r.requirement.access != "public"], ids=named
)
def test_a_stranger_learns_nothing_of_the_organization(world: World, route: Route) -> None:
    """Someone of another organization is answered on every route as on an organization that does not exist."""
    here = Onlooker(world.ours.slug, world.theirs.owner).ask(route, MISSING)
    nowhere = Onlooker("nowhere", world.theirs.owner).ask(route, MISSING)
    assert here[0] == nowhere[0] == 404
    assert here[1].replace(world.ours.slug, "SLUG") == nowhere[1].replace("nowhere", "SLUG")


def test_the_lists_had_something_to_hide(world: World) -> None:
    with inside(world.theirs.organization):
        assert Client.objects.filter(name=THEIRS).count() == len(world.theirs.clients)
    with inside(world.ours.organization):
        assert Client.objects.filter(name=OUT_OF_REACH).count() == 1
