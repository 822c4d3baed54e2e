"""Threats 14 and 15: what is withdrawn is denied at the next request, in another process with warm caches, with Redis
up and with Redis gone. Each change is made by raw SQL, so that no signal of the application can help."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import psycopg
import pytest
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.test import Client as Browser
from knox.models import AuthToken

from accounts.models import ApiToken
from tests.factories import MembershipFactory, RoleFactory, UserFactory, assign, inside
from tests.isolation.rows import superuser_dsn
from tests.live import DEAD_REDIS, LiveServer, live_server
from tests.world import Agency, make_agency

pytestmark = [pytest.mark.requirement("PDP-6"), pytest.mark.slow]
_number = count(1)


@dataclass(frozen=True)
class Worker:
    """A person with a custom role that inherits what it needs, assigned to one client, with a token and a session."""

    agency: Agency
    user: Any
    role: Any
    parent: Any
    token: str
    session: str

    @property
    def clients(self) -> str:
        return f"/api/orgs/{self.agency.slug}/clients/"

    @property
    def client(self) -> str:
        return f"{self.clients}{self.agency.clients[0].pk}/"

    @property
    def home(self) -> str:
        return f"/o/{self.agency.slug}/"


@pytest.fixture(scope="module", params=["redis up", "redis down"])
def server(request: pytest.FixtureRequest, module_db: str) -> Iterator[LiveServer]:
    with live_server(module_db, redis_url=DEAD_REDIS if request.param == "redis down" else None) as running:
        yield running


@pytest.fixture
def worker(module_db: str) -> Worker:
    agency = make_agency(f"Agency{next(_number)}")
    organization = agency.organization
    parent = RoleFactory(organization=organization, name="reader", reach="assigned", keys=("clients:read",))
    role = RoleFactory(
        organization=organization, name="worker", parent=parent, reach="assigned", keys=("org:settings:read",)
    )
    user = UserFactory(email=f"worker@{agency.slug}.example")
    MembershipFactory(user=user, organization=organization, role=role)
    assign(user, agency.clients[0])
    with inside(organization):
        credential, secret = AuthToken.objects.create(user=user)
        ApiToken.objects.create(credential=credential, user=user, organization=organization, name="Program")
    browser = Browser()
    browser.force_login(user, backend="accounts.backends.SignInBackend")
    return Worker(agency, user, role, parent, secret, browser.session.session_key or "")


def change(statement: str, **values: Any) -> None:
    """Change the database behind the application's back, as a superuser would."""
    with psycopg.connect(superuser_dsn(), autocommit=True) as database:
        assert database.execute(statement, values).rowcount > 0


CHANGES: dict[str, tuple[Callable[[Worker], None], int]] = {
    "the role is deactivated": (
        lambda w: change("UPDATE roles_role SET is_active = false WHERE id = %(id)s", id=w.role.pk),
        403,
    ),
    "the role it inherits from is deactivated": (
        lambda w: change("UPDATE roles_role SET is_active = false WHERE id = %(id)s", id=w.parent.pk),
        403,
    ),
    "the inherited permission is taken away": (
        lambda w: change("DELETE FROM roles_rolepermission WHERE role_id = %(id)s", id=w.parent.pk),
        403,
    ),
    "the role loses its parent": (
        lambda w: change("UPDATE roles_role SET parent_id = NULL WHERE id = %(id)s", id=w.role.pk),
        403,
    ),
    "the membership is removed": (
        lambda w: change("DELETE FROM roles_membership WHERE user_id = %(id)s", id=w.user.pk),
        401,
    ),
    "the user is banned": (
        lambda w: change(
            "UPDATE accounts_user SET is_active = false, banned_at = now() WHERE id = %(id)s", id=w.user.pk
        ),
        401,
    ),
    "the organization is suspended": (
        lambda w: change(
            "UPDATE accounts_organization SET status = 'suspended' WHERE id = %(id)s", id=w.agency.organization.pk
        ),
        403,
    ),
    "the token is revoked": (
        lambda w: change(
            "WITH gone AS (DELETE FROM accounts_apitoken WHERE user_id = %(id)s)"
            " DELETE FROM knox_authtoken WHERE user_id = %(id)s",
            id=w.user.pk,
        ),
        401,
    ),
    "the token expires": (
        lambda w: change(
            "UPDATE knox_authtoken SET expiry = now() - interval '1 s' WHERE user_id = %(id)s", id=w.user.pk
        ),
        401,
    ),
    "the token loses its place": (
        lambda w: change("DELETE FROM accounts_apitoken WHERE user_id = %(id)s", id=w.user.pk),
        401,
    ),
    "the token is narrowed": (
        lambda w: change("UPDATE accounts_apitoken SET permissions = '{}' WHERE user_id = %(id)s", id=w.user.pk),
        403,
    ),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_token_is_refused_at_the_next_request_after(server: LiveServer, worker: Worker, what: str) -> None:
    assert server.get(worker.clients, token=worker.token).status == 200
    withdraw, expected = CHANGES[what]
    withdraw(worker)
    assert server.get(worker.clients, token=worker.token).status == expected


def test_a_withdrawn_assignment_hides_the_client_at_the_next_request(server: LiveServer, worker: Worker) -> None:
    name = worker.agency.clients[0].name
    assert name in server.get(worker.clients, token=worker.token).text
    assert server.get(worker.client, token=worker.token).status == 200
    change("DELETE FROM clients_clientgrant WHERE user_id = %(id)s", id=worker.user.pk)
    assert name not in server.get(worker.clients, token=worker.token).text
    assert server.get(worker.client, token=worker.token).status == 404


def test_an_ended_session_is_refused_at_the_next_request(server: LiveServer, worker: Worker) -> None:
    assert SessionStore(worker.session)[SESSION_KEY] == str(worker.user.pk)
    assert server.get(worker.home, session=worker.session).status == 200
    change("DELETE FROM django_session WHERE session_key = %(key)s", key=worker.session)
    assert server.get(worker.home, session=worker.session).status == 302


def test_a_banned_person_is_led_to_sign_in_at_the_next_request(server: LiveServer, worker: Worker) -> None:
    assert server.get(worker.home, session=worker.session).status == 200
    CHANGES["the user is banned"][0](worker)
    assert server.get(worker.home, session=worker.session).status == 302


@pytest.mark.requirement("ORG-2")
def test_a_newly_required_second_factor_stands_before_the_next_page(server: LiveServer, worker: Worker) -> None:
    assert server.get(worker.home, session=worker.session).status == 200
    change("UPDATE roles_role SET requires_second_factor = true WHERE id = %(id)s", id=worker.role.pk)
    assert server.get(worker.home, session=worker.session).status == 302


@pytest.mark.requirement("ORG-1")
def test_a_suspended_organization_shows_a_page_that_says_so(server: LiveServer, worker: Worker) -> None:
    assert server.get(worker.home, session=worker.session).status == 200
    CHANGES["the organization is suspended"][0](worker)
    answer = server.get(worker.home, session=worker.session)
    assert answer.status == 403
    assert "suspended" in answer.text
    change("UPDATE accounts_organization SET status = 'active' WHERE id = %(id)s", id=worker.agency.organization.pk)
    assert server.get(worker.home, session=worker.session).status == 200


@pytest.mark.requirement("ASSIGN-1")
def test_a_person_who_comes_back_gets_no_old_grant_back(server: LiveServer, worker: Worker) -> None:
    """Threat 15: neither the assignments nor the tokens of the membership that ended."""
    assert server.get(worker.client, token=worker.token).status == 200
    change("DELETE FROM roles_membership WHERE user_id = %(id)s", id=worker.user.pk)
    MembershipFactory(user=worker.user, organization=worker.agency.organization, role=worker.role)
    assert server.get(worker.clients, token=worker.token).status == 401
    with inside(worker.agency.organization):
        credential, secret = AuthToken.objects.create(user=worker.user)
        ApiToken.objects.create(
            credential=credential, user=worker.user, organization=worker.agency.organization, name="New"
        )
    assert server.get(worker.clients, token=secret).status == 200
    assert server.get(worker.client, token=secret).status == 404
