"""The feed of policy changes by the API, on both of its faces."""

from __future__ import annotations

from typing import Any

import pytest

from audit.models import AccessRecord
from tests.api.roles import Face
from tests.api.test_budgets import BUDGETS, cost
from tests.factories import RoleFactory, on_platform
from tests.world import Agency

pytestmark = pytest.mark.django_db
REQUIREMENT = pytest.mark.requirement


@REQUIREMENT("API-1")
@REQUIREMENT("PDP-6")
def test_whoever_goes_on_where_the_last_answer_ended_learns_of_every_change_once(face: Face) -> None:
    url = face.url("policy-changes")
    start = face.reader.get(url).json()
    assert (start["changes"], start["has_more"]) == ([], False)
    roles = [RoleFactory(organization=None, name=f"shared-{number}") for number in range(3)]
    subjects, after, more = [], start["resume_after"], True
    while more:
        page = face.reader.get(url, {"after": after, "limit": 2}).json()
        subjects += [(change["kind"], change["shared"], change["subjects"]) for change in page["changes"]]
        after, more = page["resume_after"], page["has_more"]
    assert subjects == [("role", True, [str(role.pk)] if face.is_platform else None) for role in roles]
    assert face.reader.get(url, {"after": after}).json()["changes"] == []


@REQUIREMENT("API-1")
def test_a_change_is_told_with_its_number_and_its_time(agency: Agency, by_token: Any) -> None:
    api, url = by_token(agency.owner), f"/api/orgs/{agency.slug}/policy-changes/"
    after = api.get(url).json()["resume_after"]
    role = RoleFactory(organization=agency.organization, name="desk")
    [change] = api.get(url, {"after": after}).json()["changes"]
    assert set(change) == {"version", "kind", "subjects", "at", "shared"}
    assert (change["kind"], change["subjects"], change["shared"]) == ("role", [str(role.pk)], False)
    assert change["version"] > int(after.partition(".")[0])
    assert change["at"].endswith("Z")


@REQUIREMENT("API-1")
def test_a_version_that_was_never_reached_is_answered_with_where_to_begin(face: Face) -> None:
    url = face.url("policy-changes")
    now = face.reader.get(url).json()["resume_after"]
    gone = face.reader.get(url, {"after": "9999999999999999999.0"})
    assert (gone.status_code, gone["Content-Type"]) == (410, "application/problem+json")
    assert gone.json()["resume_after"] == now
    assert gone.json()["detail"].endswith(f"Read everything anew, then resume after {now}.")


@REQUIREMENT("API-2")
@pytest.mark.parametrize(
    "query",
    [{"after": "yesterday"}, {"after": "1"}, {"after": ""}, {"limit": "0"}, {"limit": "201"}, {"wait": "5"}],
    ids=str,
)
def test_a_query_that_is_not_understood_is_refused(face: Face, query: dict[str, str]) -> None:
    refused = face.reader.get(face.url("policy-changes"), query)
    assert refused.status_code == 400
    assert [error["parameter"] for error in refused.json()["errors"]] == list(query)


@REQUIREMENT("API-1")
def test_it_takes_the_permission_to_read_roles_or_the_team(face: Face) -> None:
    refused = face.other.get(face.url("policy-changes"))
    assert (refused.status_code, refused.json()["reason"]) == (403, "missing-permission")


@REQUIREMENT("API-1")
def test_watching_is_recorded_like_any_request(face: Face) -> None:
    face.reader.get(face.url("policy-changes"))
    with on_platform():
        record = AccessRecord.objects.latest("at")
    assert record.action == ("roles:read" if face.is_platform else "team:read")


@REQUIREMENT("PERF-3")
def test_watching_keeps_to_its_budget(face: Face) -> None:
    url = face.url("policy-changes")
    after = face.reader.get(url).json()["resume_after"]
    spent = cost(lambda: face.reader.get(url, {"after": after}), 200)
    assert len(spent) <= BUDGETS["policy"]["changes"], "\n".join(spent)
