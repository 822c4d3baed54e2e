"""The eight resources of an organization: every verb, for those who may and those who may not."""

from __future__ import annotations

from typing import Any

import pytest

from clients.models import Client
from tests.api.conftest import EACH, RESOURCES, Resource
from tests.factories import InvoiceFactory, TaskFactory, inside
from tests.world import Agency

REQUIREMENT = pytest.mark.requirement


@EACH
@REQUIREMENT("API-1")
def test_a_manager_creates_reads_changes_replaces_and_deletes(
    agency: Agency, by_token: Any, resource: Resource
) -> None:
    api = by_token(agency.manager)
    made = api.post(resource.url(agency), resource.body(agency.clients[0]), format=resource.format)
    assert made.status_code == 201, made.content
    url = made.headers["Location"]
    assert (made.headers["ETag"], url) == ('"1"', resource.url(agency, made.data["id"]))

    read = api.get(url)
    assert (read.data, read.headers["ETag"]) == (made.data, '"1"')

    changed = api.patch(url, resource.change, format="json", HTTP_IF_MATCH='"1"')
    assert changed.status_code == 200, changed.content
    assert changed.headers["ETag"] == '"2"'
    assert resource.change.items() <= changed.data.items()

    body = {name: value for name, value in resource.body(agency.clients[0]).items() if name != "file"}
    replaced = api.put(url, body, format="json", HTTP_IF_MATCH='"2"')
    assert replaced.status_code == 200, replaced.content
    told = {name: value for name, value in made.data.items() if name not in {"version", "updated_at"}}
    assert told.items() <= replaced.data.items()

    assert api.delete(url, HTTP_IF_MATCH='"3"').status_code == 204
    assert api.get(url).status_code == 404


@EACH
@REQUIREMENT("CLI-2")
def test_a_member_works_with_assigned_clients_only(agency: Agency, by_token: Any, resource: Resource) -> None:
    own, hidden = resource.stored(agency.clients[0]), resource.stored(agency.clients[2])
    api = by_token(agency.member)
    listed = api.get(resource.url(agency)).data
    assert ([row["id"] for row in listed["results"]], listed["count"]) == ([str(own.pk)], 1)
    for pk, status in ((own.pk, 200), (hidden.pk, 404)):
        url = resource.url(agency, pk)
        assert api.get(url).status_code == status
        assert api.patch(url, resource.change, format="json", HTTP_IF_MATCH="*").status_code == status
    assert api.delete(resource.url(agency, own.pk), HTTP_IF_MATCH="*").status_code == 403


@EACH
@REQUIREMENT("CLI-2")
def test_a_viewer_reads_and_does_no_more(agency: Agency, by_token: Any, resource: Resource) -> None:
    stored = resource.stored(agency.clients[0])
    url = resource.url(agency, stored.pk)
    for person, status in ((agency.member, 200), (agency.viewer, 403)):
        api = by_token(person)
        assert api.get(url).status_code == 200
        assert api.patch(url, resource.change, format="json", HTTP_IF_MATCH="*").status_code == status
    made = by_token(agency.viewer).post(resource.url(agency), resource.body(agency.clients[0]), format=resource.format)
    assert made.status_code == 403


@EACH
@REQUIREMENT("CLI-3")
def test_what_is_hidden_answers_like_what_is_missing(
    agency: Agency, other_agency: Agency, by_token: Any, resource: Resource
) -> None:
    hidden = resource.stored(agency.clients[2]).pk
    foreign = resource.stored(other_agency.clients[0]).pk
    api = by_token(agency.member)
    for method in ("get", "patch", "put", "delete"):
        answers = set()
        for pk in (hidden, foreign, agency.organization.pk):
            url = resource.url(agency, pk)
            body = {} if method in {"get", "delete"} else resource.new | _client_of(resource, agency)
            answer = getattr(api, method)(url, body, format="json", HTTP_IF_MATCH="*")
            told = answer.content.decode().replace(str(pk), "…").replace(answer.headers["X-Request-ID"], "…")
            answers.add((answer.status_code, told))
        assert len(answers) == 1, answers
        assert next(iter(answers))[0] in ({404} if method != "delete" else {403, 404})


def _client_of(resource: Resource, agency: Agency) -> dict[str, str]:
    return {} if resource.name == "clients" else {"client": str(agency.clients[0].pk)}


@EACH
@REQUIREMENT("CLI-3")
def test_another_organization_is_not_there_at_all(
    agency: Agency, other_agency: Agency, by_token: Any, resource: Resource
) -> None:
    foreign = resource.stored(other_agency.clients[0])
    api = by_token(agency.owner)
    assert api.get(resource.url(agency)).status_code == 200
    assert api.get(resource.url(other_agency)).status_code == 404
    assert api.get(resource.url(other_agency, foreign.pk)).status_code == 404


@pytest.mark.parametrize("resource", RESOURCES[1:], ids=str)
@REQUIREMENT("CLI-3")
def test_a_client_out_of_reach_in_a_body_is_one_that_does_not_exist(
    agency: Agency, other_agency: Agency, by_token: Any, resource: Resource
) -> None:
    api = by_token(agency.member)
    answers = set()
    for client in (agency.clients[2], other_agency.clients[0], Client()):
        answer = api.post(resource.url(agency), resource.body(client), format=resource.format)
        answers.add((answer.status_code, str(answer.data["errors"])))
    assert len(answers) == 1
    status, errors = answers.pop()
    assert (status, "There is no such client." in errors) == (400, True)
    made = api.post(resource.url(agency), resource.body(agency.clients[0]), format=resource.format)
    assert made.status_code == 201


@pytest.mark.parametrize("resource", RESOURCES[1:], ids=str)
@REQUIREMENT("CLI-3")
def test_nothing_moves_to_another_client(agency: Agency, by_token: Any, resource: Resource) -> None:
    stored = resource.stored(agency.clients[0])
    api, url = by_token(agency.owner), resource.url(agency, stored.pk)
    moved = api.patch(url, {"client": str(agency.clients[1].pk)}, format="json", HTTP_IF_MATCH="*")
    assert (moved.status_code, moved.data["errors"][0]["pointer"]) == (400, "#/client")
    stays = api.patch(url, {"client": str(agency.clients[0].pk)}, format="json", HTTP_IF_MATCH="*")
    assert stays.status_code == 200


@REQUIREMENT("CLI-3")
def test_a_task_is_given_to_someone_of_the_organization_only(
    agency: Agency, other_agency: Agency, by_token: Any
) -> None:
    task = TaskFactory(client=agency.clients[0])
    api, url = by_token(agency.member), f"/api/orgs/{agency.slug}/tasks/{task.pk}/"
    answers = {
        str(api.patch(url, {"assignee": pk}, format="json", HTTP_IF_MATCH="*").data["errors"])
        for pk in (str(other_agency.actor("owner").membership_id), str(agency.owner.pk))
    }
    assert len(answers) == 1
    assert "There is no such member." in answers.pop()
    colleague = str(agency.actor("viewer").membership_id)
    given = api.patch(url, {"assignee": colleague}, format="json", HTTP_IF_MATCH="*")
    assert (given.status_code, str(given.data["assignee"])) == (200, colleague)
    assert api.patch(url, {"assignee": None}, format="json", HTTP_IF_MATCH="*").data["assignee"] is None


@EACH
@REQUIREMENT("API-2")
def test_values_that_do_not_fit_are_refused_and_change_nothing(
    agency: Agency, by_token: Any, resource: Resource
) -> None:
    stored = resource.stored(agency.clients[0])
    api, url = by_token(agency.owner), resource.url(agency, stored.pk)
    before = api.get(url).data
    refused = api.patch(url, resource.wrong, format="json", HTTP_IF_MATCH="*")
    assert refused.status_code == 400, refused.content
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert api.get(url).data == before


@EACH
@REQUIREMENT("API-2")
def test_an_unknown_field_is_refused_and_one_that_is_only_read_is_let_pass(
    agency: Agency, by_token: Any, resource: Resource
) -> None:
    stored = resource.stored(agency.clients[0])
    api, url = by_token(agency.owner), resource.url(agency, stored.pk)
    refused = api.patch(url, {"colour": "red"}, format="json", HTTP_IF_MATCH="*")
    assert (refused.status_code, refused.data["errors"][0]["pointer"]) == (400, "#/colour")
    passed = api.patch(
        url, {"id": "7", "created_by": str(agency.viewer.pk), "version": 99}, format="json", HTTP_IF_MATCH="*"
    )
    assert (passed.status_code, passed.data["id"], passed.data["version"]) == (200, str(stored.pk), 2)


@REQUIREMENT("API-2")
def test_a_second_invoice_of_the_same_number_is_refused(agency: Agency, by_token: Any) -> None:
    InvoiceFactory(client=agency.clients[0], number="F-1")
    api = by_token(agency.manager)
    body = {"number": "F-1", "amount": "1.00", "issued_on": "2026-11-02"}
    statuses = [
        api.post(f"/api/orgs/{agency.slug}/invoices/", {**body, "client": str(client.pk)}, format="json").status_code
        for client in agency.clients[:2]
    ]
    assert statuses == [400, 201]


@REQUIREMENT("AUD-3")
def test_each_request_leaves_one_access_record(agency: Agency, by_token: Any) -> None:
    from audit.models import AccessRecord

    api = by_token(agency.member)
    api.get(f"/api/orgs/{agency.slug}/clients/")
    api.post(f"/api/orgs/{agency.slug}/clients/", {"name": "Fennel"}, format="json")
    api.delete(f"/api/orgs/{agency.slug}/clients/{agency.clients[0].pk}/", HTTP_IF_MATCH="*")
    with inside(agency.organization):
        told = AccessRecord.objects.filter(actor_id=agency.member.pk).order_by("id")
        assert list(told.values_list("action", "decision", "interface")) == [
            ("clients:read", "allow", "api"),
            ("clients:write", "allow", "api"),
            ("clients:delete", "deny", "api"),
        ]
