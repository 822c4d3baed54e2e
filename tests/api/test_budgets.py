"""Statements that a request costs, kept per endpoint in budgets.toml (PERF-3).

Counted are the statements of a request by API token with warm caches, finding the token included. BEGIN, COMMIT and
what the connection does as it opens are left out, for they are the same whatever a view does.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from audit.recording import record_allowed
from clients.models import Client
from roles.actors import RoleActor
from tenancy.context import acting
from tests.api.conftest import EACH, Resource
from tests.factories import inside
from tests.world import Agency

BUDGETS = tomllib.loads((Path(__file__).parent / "budgets.toml").read_text())
#: The test's own transaction makes savepoints of what are transactions else, and has its own settings given back.
OF_THE_TEST = ("SAVEPOINT", "RELEASE SAVEPOINT", "ROLLBACK TO SAVEPOINT", "SELECT set_config('role', 'none'")


@contextmanager
def statements() -> Iterator[list[str]]:
    """Collect the statements of the block, without those that are there because a test runs them."""
    found: list[str] = []
    with CaptureQueriesContext(connection) as captured:
        yield found
    found += [query["sql"] for query in captured if not query["sql"].startswith(OF_THE_TEST)]


def cost(call: Callable[[], Any], status: int) -> list[str]:
    """Return the statements of a call that has been made once before, for warm caches."""
    with statements() as found:
        answer = call()
    assert answer.status_code == status, answer.content
    return found


def warm_up(actor: RoleActor) -> None:
    """Use each permission of the actor's once: that it was used is noted once a day."""
    with acting(actor):
        for key in actor.permissions:
            record_allowed(key)


@EACH
@pytest.mark.requirement("PERF-3")
@pytest.mark.parametrize("role", ["owner", "member"])
def test_a_request_keeps_to_its_budget(agency: Agency, by_token: Any, resource: Resource, role: str) -> None:
    api: APIClient = by_token(agency.people[role])
    stored, *_more = [resource.stored(agency.clients[0]) for _ in range(3)]
    url, one = resource.url(agency), resource.url(agency, stored.pk)

    def create() -> Any:
        return api.post(url, resource.body(agency.clients[0]), format=resource.format)

    def change() -> Any:
        return api.patch(one, resource.change, format="json", HTTP_IF_MATCH="*")

    warm_up(agency.actor(role))
    api.get(url)
    spent = {
        "list": cost(lambda: api.get(url), 200),
        "retrieve": cost(lambda: api.get(one), 200),
        "create": cost(create, 201),
        "change": cost(change, 200),
    }
    over = {name: made for name, made in spent.items() if len(made) > BUDGETS[resource.name][name]}
    assert not over, "\n\n".join(f"{name}: {len(made)}\n" + "\n".join(made) for name, made in over.items())


def bare_page(request: HttpRequest) -> JsonResponse:
    """Answer the same page of clients with nobody asked and nothing recorded."""
    rows = list(Client.objects.order_by("name")[:50].values("id", "name"))
    return JsonResponse({"count": Client.objects.count(), "results": rows})


def bare_change(request: HttpRequest) -> JsonResponse:
    """Change a client with nobody asked and nothing recorded."""
    client = Client.objects.order_by("name").select_for_update()[0]
    Client.objects.filter(pk=client.pk).update(city="Ghent", version=client.version + 1)
    return JsonResponse({"id": str(client.pk)})


@pytest.mark.requirement("PERF-3")
@pytest.mark.parametrize("role", ["owner", "member"])
def test_authorization_isolation_and_audit_add_at_most_four_statements(
    agency: Agency, by_token: Any, rf: Any, role: str
) -> None:
    api, url = by_token(agency.people[role]), f"/api/orgs/{agency.slug}/clients/"
    one = f"{url}{agency.clients[0].pk}/"
    warm_up(agency.actor(role))
    api.get(url)
    page = cost(lambda: api.get(url), 200)
    change = cost(lambda: api.patch(one, {"city": "Ghent"}, format="json", HTTP_IF_MATCH="*"), 200)
    with inside(agency.organization):
        own_page = cost(lambda: bare_page(rf.get(url)), 200)
        own_change = cost(lambda: bare_change(rf.get(url)), 200)
    finding_the_token = 1
    assert len(page) - len(own_page) - finding_the_token <= 4, "\n".join(page)
    assert len(change) - len(own_change) - finding_the_token <= 4, "\n".join(change)
