"""What changes in the database holds at the next request, whatever this process has in its caches (PDP-6, threat 14).

Each test warms the caches by a request that succeeds, changes one thing through another connection, by raw SQL as the
server's own superuser, and asks again: with Redis, and with Redis away.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from celery import Celery
from django.core.cache import caches
from django.db import connection
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from accounts.actions import IssueToken
from roles.actors import RoleActor, resolve
from tenancy.context import acting
from tenancy.errors import AccessDenied, Reason
from tenancy.tasks import HEADER, ActingTask, acting_as_sender
from tests.factories import RoleFactory
from tests.world import Agency, make_agency

pytestmark = pytest.mark.requirement("PDP-6")

DEAD_REDIS = "redis://127.0.0.1:1/0"


def elsewhere(statement: str, *values: Any) -> None:
    """Run a statement in another connection and commit it."""
    name = connection.settings_dict["NAME"]
    with psycopg.connect(os.environ["IAM_TEST_SUPERUSER_DSN"], dbname=name, autocommit=True) as other:
        changed = other.execute(statement, values).rowcount
    assert changed > 0, "The statement found nothing to change."


@pytest.fixture(params=["redis", "redis away"])
def cache_server(request: pytest.FixtureRequest, settings: Any) -> None:
    """The cache with its server, and with none."""
    if request.param == "redis away":
        settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": DEAD_REDIS}}
        with pytest.raises(RedisConnectionError):
            Redis.from_url(DEAD_REDIS).ping()
        assert caches["default"]._servers == [DEAD_REDIS]  # type: ignore[attr-defined]


@pytest.fixture
def world(committed_db: str, cache_server: None) -> Agency:
    return make_agency("Larkmoor", clients=0)


def membership(agency: Agency) -> str:
    return f"organization_id = '{agency.organization.pk}' AND user_id = '{agency.admin.pk}'"


def demote(agency: Agency) -> None:
    elsewhere(
        "UPDATE roles_membership SET role_id = (SELECT id FROM roles_role WHERE name = 'org-viewer')"
        f" WHERE {membership(agency)}"
    )


def remove(agency: Agency) -> None:
    elsewhere(f"DELETE FROM roles_membership WHERE {membership(agency)}")


def ban(agency: Agency) -> None:
    elsewhere("UPDATE accounts_user SET is_active = false, banned_at = now() WHERE id = %s", agency.admin.pk)


def suspend(agency: Agency) -> None:
    elsewhere("UPDATE accounts_organization SET status = 'suspended' WHERE id = %s", agency.organization.pk)


def strip_role(agency: Agency) -> None:
    elsewhere(
        "DELETE FROM roles_rolepermission WHERE permission_id = 'org:api-keys:read'"
        " AND role_id = (SELECT id FROM roles_role WHERE name = 'org-admin')"
    )


def deactivate_role(agency: Agency) -> None:
    elsewhere("UPDATE roles_role SET is_active = false WHERE name = 'org-admin'")


def require_second_factor(agency: Agency) -> None:
    elsewhere("UPDATE roles_role SET requires_second_factor = true WHERE name = 'org-admin'")


CHANGES: dict[Callable[[Agency], None], tuple[int, Reason]] = {
    demote: (403, Reason.MISSING_PERMISSION),
    remove: (404, Reason.NOT_A_MEMBER),
    suspend: (403, Reason.SUSPENDED),
    strip_role: (403, Reason.MISSING_PERMISSION),
    deactivate_role: (403, Reason.ROLE_INACTIVE),
    require_second_factor: (403, Reason.SECOND_FACTOR),
}


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_session_is_refused_at_the_next_request(world: Agency, call: Any, change: Callable[[Agency], None]) -> None:
    caller, path = call(world.admin), f"/api/orgs/{world.slug}/tokens/"
    assert [caller.get(path).status_code for _ in range(2)] == [200, 200]
    change(world)
    refused = caller.get(path)
    status, reason = CHANGES[change]
    assert refused.status_code == status
    assert status == 404 or refused.json()["reason"] == reason


@pytest.mark.requirement("ORG-2")
def test_a_banned_person_s_session_is_refused_at_the_next_request(world: Agency, call: Any, browse: Any) -> None:
    caller, path = call(world.admin), f"/api/orgs/{world.slug}/tokens/"
    page, place = browse(world.admin), f"/o/{world.slug}/members/"
    assert (caller.get(path).status_code, page.get(place).status_code) == (200, 200)
    ban(world)
    assert caller.get(path).status_code == 401
    assert page.get(place).status_code == 302


@pytest.mark.requirement("ORG-2")
def test_an_ended_session_is_refused_at_the_next_request(world: Agency, call: Any) -> None:
    caller, path = call(world.admin), f"/api/orgs/{world.slug}/tokens/"
    assert caller.get(path).status_code == 200
    elsewhere("DELETE FROM django_session")
    assert caller.get(path).status_code == 401


@pytest.mark.requirement("ORG-6")
@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM accounts_apitoken",
        "UPDATE knox_authtoken SET expiry = now() - interval '1 second'",
        "UPDATE accounts_apitoken SET permissions = '{clients:read}'",
        "UPDATE accounts_user SET is_active = false WHERE email = 'owner@larkmoor.example'",
    ],
)
def test_a_token_is_refused_at_the_next_request(world: Agency, client: Any, statement: str) -> None:
    owner = world.actor("owner")
    with acting(owner):
        _, secret = IssueToken(owner, "Nightly").execute()
    path, headers = f"/api/orgs/{world.slug}/tokens/", {"Authorization": f"Bearer {secret}"}
    assert [client.get(path, headers=headers).status_code for _ in range(2)] == [200, 200]
    elsewhere(statement)
    assert client.get(path, headers=headers).status_code in {401, 403}


@pytest.mark.requirement("ROLE-8")
def test_what_a_parent_loses_its_children_lose(world: Agency, call: Any) -> None:
    parent = RoleFactory(organization=world.organization, priority=1, keys=("org:api-keys:read",))
    child = RoleFactory(organization=world.organization, priority=1, keys=("clients:read",), parent=parent)
    elsewhere(f"UPDATE roles_membership SET role_id = %s WHERE {membership(world)}", child.pk)
    caller, path = call(world.admin), f"/api/orgs/{world.slug}/tokens/"
    assert [caller.get(path).status_code for _ in range(2)] == [200, 200]
    elsewhere("DELETE FROM roles_rolepermission WHERE role_id = %s", parent.pk)
    assert caller.get(path).status_code == 403


@pytest.mark.requirement("AGT-3")
@pytest.mark.parametrize("change", [remove, ban, suspend, deactivate_role], ids=lambda change: change.__name__)
def test_a_task_already_queued_is_refused(world: Agency, change: Callable[[Agency], None]) -> None:
    task = _queued_task(world)
    with acting_as_sender(task) as actor:
        assert actor.user_id == world.admin.pk
    change(world)
    with pytest.raises(AccessDenied), acting_as_sender(task):
        pass


def _queued_task(agency: Agency) -> ActingTask:
    """Return a task as a worker has it that took a message which the admin sent."""

    def work() -> None:
        """Do nothing: what counts is whom it would act as."""

    app = Celery("test", set_as_current=False, task_cls=ActingTask)
    task: ActingTask = app.task(name="test.work")(work)
    sender = {"user_id": str(agency.admin.pk), "organization_id": str(agency.organization.pk)}
    task.push_request(headers={HEADER: sender})
    return task


def test_a_change_given_up_changes_nothing(world: Agency, call: Any) -> None:
    caller, path = call(world.admin), f"/api/orgs/{world.slug}/tokens/"
    assert caller.get(path).status_code == 200
    name = connection.settings_dict["NAME"]
    with psycopg.connect(os.environ["IAM_TEST_SUPERUSER_DSN"], dbname=name) as other:
        other.execute(f"DELETE FROM roles_membership WHERE {membership(world)}")
        assert caller.get(path).status_code == 200
        other.rollback()
    assert caller.get(path).status_code == 200


def test_the_actor_s_own_process_sees_it_too(world: Agency) -> None:
    before = resolve(world.admin.pk, organization_id=world.organization.pk)
    strip_role(world)
    after = resolve(world.admin.pk, organization_id=world.organization.pk)
    assert isinstance(before, RoleActor)
    assert isinstance(after, RoleActor)
    assert before.permissions - after.permissions == {"org:api-keys:read"}
