"""An answer is as new as the last commit before its request, or there is none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from django.db import connections

from roles.engine.snapshot import Version
from tests.isolation.rows import superuser_dsn
from tests.roles.authzen.asking import Answer, Service, question
from tests.world import Agency

pytestmark = [pytest.mark.requirement("PDP-3"), pytest.mark.requirement("PDP-6")]

MOVE = "UPDATE roles_policyversion SET version = nextval('iam_policy_version') WHERE organization_id = %s"


def move(agency: Agency) -> None:
    """Make a new version of the agency's policy behind the application's back."""
    with psycopg.connect(superuser_dsn(), autocommit=True) as database:
        assert database.execute(MOVE, (agency.organization.pk,)).rowcount == 1


@contextmanager
def unreachable(name: str) -> Iterator[None]:
    """Close the database to everybody, and end the connections to it, until the block ends."""
    with psycopg.connect(superuser_dsn(), dbname="postgres", autocommit=True) as server:
        server.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')  # type: ignore[call-overload]
        try:
            server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
            yield
        finally:
            server.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')  # type: ignore[call-overload]
            connections.close_all()


def version_of(answer: Answer) -> Version:
    return Version.parse(answer.json["context"]["version"])


@pytest.fixture
def asked(agency: Agency) -> dict[str, Any]:
    return question(agency.owner, "clients:read", "client", agency.clients[0])


def test_the_next_answer_has_the_version_that_was_made_before_it(
    service: Service, agency: Agency, asked: dict[str, Any]
) -> None:
    before = version_of(service.post("/access/v1/evaluation", asked))
    assert version_of(service.post("/access/v1/evaluation", asked)) == before
    move(agency)
    after = version_of(service.post("/access/v1/evaluation", asked))
    assert after.own > before.own and after.shared == before.shared


def test_a_version_that_was_answered_may_be_asked_for(service: Service, agency: Agency, asked: dict[str, Any]) -> None:
    before = version_of(service.post("/access/v1/evaluation", asked))
    move(agency)
    for version in (before, Version(0, 0)):
        newest = service.post("/access/v1/evaluation", asked | {"context": {"at_least": str(version)}})
        assert newest.decision and version_of(newest).own > before.own


def test_nothing_is_answered_for_a_version_that_is_not_there_yet(
    service: Service, agency: Agency, asked: dict[str, Any]
) -> None:
    version = version_of(service.post("/access/v1/evaluation", asked))
    for later in (Version(version.own + 1, version.shared), Version(version.own, version.shared + 1)):
        context = {"context": {"at_least": str(later)}}
        entities = {"subject": asked["subject"], "resource": asked["resource"]}
        answers = [
            service.post("/access/v1/evaluation", asked | context),
            service.batch(asked, asked | context),
            service.batch(asked, **context),
            service.search("action", **entities, **context),
        ]
        for answer in answers:
            assert answer.status == 503 and int(answer.headers["retry-after"]) > 0
    assert service.batch(asked, asked | {"context": {"at_least": str(version)}}).decisions == [True, True]


def test_a_default_context_counts_for_the_questions_without_one(
    service: Service, agency: Agency, asked: dict[str, Any]
) -> None:
    version = version_of(service.post("/access/v1/evaluation", asked))
    later = {"at_least": str(Version(version.own + 1, version.shared))}
    assert service.batch(asked | {"context": {}}, context=later).decisions == [True]
    assert service.batch(asked | {"context": {}}, asked, context=later).status == 503


def test_a_version_asked_for_is_waited_for_no_longer_than_it_takes_to_come(
    service: Service, agency: Agency, asked: dict[str, Any]
) -> None:
    version = version_of(service.post("/access/v1/evaluation", asked))
    move(agency)
    answer = service.post("/access/v1/evaluation", asked | {"context": {"at_least": f"{version.own + 1}.0"}})
    assert answer.decision


def test_without_postgresql_nothing_is_answered_and_with_it_again(
    service: Service, agency: Agency, module_db: str, asked: dict[str, Any]
) -> None:
    assert service.post("/access/v1/evaluation", asked).decision
    with unreachable(module_db.rpartition("/")[2]):
        for path in ("evaluation", "evaluations", "search/subject", "search/resource", "search/action"):
            answer = service.post(f"/access/v1/{path}", asked)
            assert answer.status == 503 and int(answer.headers["retry-after"]) > 0
        assert Service(service.runner, service.token).post("/access/v1/evaluation", asked).status == 503
        assert service.send("GET", "/.well-known/authzen-configuration").status == 200
    assert service.post("/access/v1/evaluation", asked).decision


def test_a_connection_that_ended_is_replaced_without_a_failure(
    service: Service, agency: Agency, asked: dict[str, Any]
) -> None:
    assert service.post("/access/v1/evaluation", asked).decision
    with psycopg.connect(superuser_dsn(), autocommit=True) as database:
        ended = database.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND usename = 'iam_app'"
        )
        assert ended.rowcount > 0
    connections.close_all()
    assert service.post("/access/v1/evaluation", asked).decision
