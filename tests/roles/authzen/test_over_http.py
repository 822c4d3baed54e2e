"""Threat 14 over HTTP: what is withdrawn by raw SQL is denied at the next request of a server with warm caches."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import psycopg
import pytest

from accounts.models import User
from tests.factories import MembershipFactory, RoleFactory, UserFactory, assign
from tests.isolation.rows import superuser_dsn
from tests.live import DEAD_REDIS, LiveServer, live_server
from tests.roles.authzen.asking import EVALUATION, EVALUATIONS, Answer, post, question, user
from tests.roles.authzen.conftest import token_of
from tests.world import Agency, make_agency

pytestmark = [pytest.mark.requirement("PDP-3"), pytest.mark.requirement("PDP-6"), pytest.mark.slow]

_number = count(1)


@dataclass(frozen=True)
class World:
    """An agency, a service's account with a token, and a person asked about, who inherits what they may do."""

    agency: Agency
    asker: User
    token: str
    role: Any
    parent: Any
    person: User


@pytest.fixture(scope="module", params=["redis up", "redis down"])
def server(request: pytest.FixtureRequest, module_db: str) -> Iterator[LiveServer]:
    with live_server(module_db, redis_url=DEAD_REDIS if request.param == "redis down" else None) as running:
        yield running


@pytest.fixture
def world(module_db: str) -> World:
    agency = make_agency(f"Outside{next(_number)}")
    organization = agency.organization
    asking = RoleFactory(organization=organization, keys=("team:read", "clients:read"))
    asker, person = UserFactory(), UserFactory()
    MembershipFactory(user=asker, organization=organization, role=asking)
    parent = RoleFactory(organization=organization, reach="assigned", keys=("clients:read",))
    role = RoleFactory(organization=organization, parent=parent, reach="assigned")
    MembershipFactory(user=person, organization=organization, role=role)
    assign(person, agency.clients[0], "view_client")
    return World(agency, asker, token_of(agency, asker), role, parent, person)


def ask(server: LiveServer, world: World) -> Answer:
    asked = question(world.person, "clients:read", "client", world.agency.clients[0])
    single = post(server.url, world.token, EVALUATION, asked)
    batch = post(server.url, world.token, EVALUATIONS, {"evaluations": [asked]})
    assert single.status == batch.status
    assert single.status != 200 or batch.json["evaluations"] == [single.json]
    return single


def change(statement: str, **values: Any) -> None:
    with psycopg.connect(superuser_dsn(), autocommit=True) as database:
        assert database.execute(statement, values).rowcount > 0


#: What is done to the person asked about: the answer turns into a denial.
TO_THE_PERSON: dict[str, Callable[[World], None]] = {
    "the role is deactivated": lambda w: change(
        "UPDATE roles_role SET is_active = false WHERE id = %(id)s", id=w.role.pk
    ),
    "the inherited permission is taken away": lambda w: change(
        "DELETE FROM roles_rolepermission WHERE role_id = %(id)s", id=w.parent.pk
    ),
    "the role loses its parent": lambda w: change(
        "UPDATE roles_role SET parent_id = NULL WHERE id = %(id)s", id=w.role.pk
    ),
    "the membership is removed": lambda w: change(
        "DELETE FROM roles_membership WHERE user_id = %(id)s", id=w.person.pk
    ),
    "the assignment is withdrawn": lambda w: change(
        "DELETE FROM clients_clientgrant WHERE user_id = %(id)s", id=w.person.pk
    ),
    "the user is banned": lambda w: change(
        "UPDATE accounts_user SET is_active = false, banned_at = now() WHERE id = %(id)s", id=w.person.pk
    ),
    "a second factor is required": lambda w: change(
        "UPDATE roles_role SET requires_second_factor = true WHERE id = %(id)s", id=w.role.pk
    ),
    "the client ends": lambda w: change("DELETE FROM clients_client WHERE id = %(id)s", id=w.agency.clients[0].pk),
}

#: What is done to the asker: nothing is answered any more.
TO_THE_ASKER: dict[str, tuple[Callable[[World], None], int]] = {
    "the token is revoked": (
        lambda w: change("DELETE FROM accounts_apitoken WHERE user_id = %(id)s", id=w.asker.pk),
        401,
    ),
    "the token expires": (
        lambda w: change(
            "UPDATE knox_authtoken SET expiry = now() - interval '1 s' WHERE user_id = %(id)s", id=w.asker.pk
        ),
        401,
    ),
    "the token is narrowed": (
        lambda w: change("UPDATE accounts_apitoken SET permissions = '{}' WHERE user_id = %(id)s", id=w.asker.pk),
        403,
    ),
    "the asker may not look at people": (
        lambda w: change(
            "DELETE FROM roles_rolepermission WHERE role_id ="
            " (SELECT role_id FROM roles_membership WHERE user_id = %(id)s)",
            id=w.asker.pk,
        ),
        403,
    ),
    "the asker leaves": (
        lambda w: change("DELETE FROM roles_membership WHERE user_id = %(id)s", id=w.asker.pk),
        401,
    ),
    "the asker is banned": (
        lambda w: change(
            "UPDATE accounts_user SET is_active = false, banned_at = now() WHERE id = %(id)s", id=w.asker.pk
        ),
        401,
    ),
    "the organization is suspended": (
        lambda w: change(
            "UPDATE accounts_organization SET status = 'suspended' WHERE id = %(id)s", id=w.agency.organization.pk
        ),
        403,
    ),
}


@pytest.mark.parametrize("what", TO_THE_PERSON)
def test_a_decision_is_denied_at_the_next_request_after(server: LiveServer, world: World, what: str) -> None:
    assert ask(server, world).decision
    TO_THE_PERSON[what](world)
    assert not ask(server, world).decision


@pytest.mark.parametrize("what", TO_THE_ASKER)
def test_an_asker_is_refused_at_the_next_request_after(server: LiveServer, world: World, what: str) -> None:
    assert ask(server, world).decision
    withdraw, status = TO_THE_ASKER[what]
    withdraw(world)
    assert ask(server, world).status == status


def test_what_is_given_is_permitted_at_the_next_request(server: LiveServer, world: World) -> None:
    asked = question(world.person, "clients:read", "client", world.agency.clients[1])
    assert not post(server.url, world.token, EVALUATION, asked).decision
    assign(world.person, world.agency.clients[1], "view_client")
    assert post(server.url, world.token, EVALUATION, asked).decision


def test_pages_and_decisions_are_answered_by_one_server(server: LiveServer, world: World) -> None:
    assert server.get("/.well-known/authzen-configuration").status == 200
    assert server.get("/healthz").status == 200
    assert server.get("/access/v2/evaluation").status == 404
    clients = {"subject": user(world.person), "action": {"name": "clients:read"}, "resource": {"type": "client"}}
    found = post(server.url, world.token, "/access/v1/search/resource", clients).json["results"]
    # The asker has the whole of the organization within reach.
    assert [one["id"] for one in found] == [str(world.agency.clients[0].pk)]


@pytest.mark.parametrize("path", ["/healthz", "/api/v1/me"])
@pytest.mark.parametrize("kind", ["text/plain; a*=bogus''%41", "application/json; charset*=nowhere''x"])
def test_a_content_type_that_nobody_can_read_is_a_bad_request_of_pages_too(
    server: LiveServer, path: str, kind: str
) -> None:
    request = urllib.request.Request(server.url + path, headers={"Content-Type": kind})  # noqa: S310
    with pytest.raises(urllib.error.HTTPError, match="400"):
        urllib.request.urlopen(request, timeout=20)  # noqa: S310
