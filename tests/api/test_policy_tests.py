"""Policy tests by the API."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.api.test_budgets import BUDGETS, cost
from tests.factories import MembershipFactory, RoleFactory, UserFactory
from tests.roles.engine.test_policy_tests import EXAMPLE
from tests.world import Agency

pytestmark = [pytest.mark.django_db, pytest.mark.requirement("API-1")]
YAML = "application/yaml"


def url(agency: Agency) -> str:
    return f"/api/orgs/{agency.slug}/policy-tests/"


def test_a_file_of_tests_is_run_as_it_is(agency: Agency, other_agency: Agency, by_token: Any) -> None:
    answer = by_token(agency.owner).post(url(agency), data=EXAMPLE.read_bytes(), content_type=YAML)
    assert answer.status_code == 200, answer.content
    told = answer.json()
    assert (told["held"], told["asked"]) == (True, {"allow": 4, "deny": 13})
    assert told["strangers"] == ["owner@quaymark.example"]
    first = {"name": "Members never delete clients", "line": 6, "expect": "deny", "asked": 1, "failures": []}
    assert told["tests"][0] == first


@pytest.mark.requirement("PDP-2")
def test_a_test_that_fails_is_an_answer_which_says_why(agency: Agency, by_token: Any) -> None:
    asked = {"name": "Viewers write", "subject": agency.viewer.email, "action": "clients:write", "expect": "allow"}
    answer = by_token(agency.admin).post(url(agency), {"tests": [asked]})
    assert (answer.status_code, answer.json()["held"]) == (200, False)
    [test] = answer.json()["tests"]
    assert test["failures"] == [
        {
            "subject": "viewer@larkmoor.example",
            "action": "clients:write",
            "resource": "organization",
            "sentence": "viewer@larkmoor.example's role “Viewer” does not include"
            " “Create and Edit Clients” (clients:write).",
        }
    ]


def test_what_is_wrong_is_told_by_line_and_by_pointer(agency: Agency, by_token: Any) -> None:
    text = b"tests:\n  - name: One\n    subject: [a, b]\n    action: clients:read\n    expect: perhaps\n"
    answer = by_token(agency.owner).post(url(agency), data=text, content_type=YAML)
    assert answer.status_code == 400
    [error] = answer.json()["errors"]
    assert error == {
        "pointer": "#/tests/0/expect",
        "detail": "Line 5: Say “allow” or “deny”.",
        "code": "invalid",
    }


@pytest.mark.requirement("API-2")
@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"tests: [", YAML, 400),
        (b"", YAML, 400),
        (b"", "application/json", 400),
        (b"[]", "application/json", 400),
        (b'{"tests": [{"expect": [], "a": 1, "name": 1, "resource": {"type": []}}]}', "application/json", 400),
        (b'{"tests": [{"name": "\\ud800", "subject": "a", "action": "b", "expect": "deny"}]}', "application/json", 400),
        (b'{"tests": [{"name": "\\u0000", "subject": "a", "action": "b", "expect": "deny"}]}', "application/json", 400),
        (b"tests: [{name: a, subject: a, subjects: b, expect: x, x: y}, 1, []]", YAML, 400),
        (b" " * 1_048_577, YAML, 413),
        (b" " * 1_048_577, "application/json", 413),
        (b"name=One", "application/x-www-form-urlencoded", 415),
    ],
)
def test_a_body_of_no_use_is_refused(
    agency: Agency, by_token: Any, body: bytes, content_type: str, status: int
) -> None:
    answer = by_token(agency.owner).post(url(agency), data=body, content_type=content_type)
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json")


def test_tests_of_another_organization_are_not_run(agency: Agency, other_agency: Agency, by_token: Any) -> None:
    api = by_token(other_agency.owner, other_agency.organization)
    answer = api.post(url(other_agency), data=EXAMPLE.read_bytes(), content_type=YAML)
    assert answer.status_code == 409
    assert "“larkmoor”, which is another one" in answer.json()["detail"]


@pytest.mark.requirement("CLI-2")
@pytest.mark.parametrize(
    ("keys", "reach", "reason"),
    [
        (("team:read", "team:list"), "assigned", "not-found-or-out-of-reach"),
        (("team:list",), "all", "missing-permission"),
        (("team:read",), "all", "missing-permission"),
    ],
)
def test_whoever_may_not_know_the_answers_asks_nothing(
    agency: Agency, by_token: Any, keys: tuple[str, ...], reach: str, reason: str
) -> None:
    """The report names people, also those whom a test does not name."""
    asker = UserFactory()
    role = RoleFactory(organization=agency.organization, keys=keys, reach=reach)
    MembershipFactory(user=asker, organization=agency.organization, role=role)
    answer = by_token(asker).post(url(agency), data=EXAMPLE.read_bytes(), content_type=YAML)
    assert (answer.status_code, answer.json()["reason"]) == (403, reason)


@pytest.mark.requirement("PERF-3")
def test_running_tests_keeps_to_its_budget(agency: Agency, by_token: Any) -> None:
    clients = [{"type": "client", "id": str(client.pk)} for client in agency.clients]
    asked = {"name": "One", "subject": agency.owner.email, "action": "clients:read", "resource": clients}
    body = json.dumps({"tests": [asked | {"expect": "allow"}]})
    api = by_token(agency.owner)

    def run() -> Any:
        return api.post(url(agency), data=body, content_type="application/json")

    assert run().json()["held"]
    spent = cost(run, 200)
    assert len(spent) <= BUDGETS["policy"]["tests"], "\n".join(spent)
