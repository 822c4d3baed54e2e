"""What every resource has in common: validators, idempotency, paging, filters, limits, problems."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connections
from rest_framework.test import APIClient

from clients.models import Client
from tenancy.models import IdempotentAnswer
from tests.factories import ClientFactory, ContactFactory, NoteFactory, inside
from tests.world import Agency, make_agency

REQUIREMENT = pytest.mark.requirement


@pytest.fixture
def clients_url(agency: Agency) -> str:
    return f"/api/orgs/{agency.slug}/clients/"


@pytest.fixture
def client_url(agency: Agency, clients_url: str) -> str:
    return f"{clients_url}{agency.clients[0].pk}/"


@REQUIREMENT("API-1")
@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_an_edit_without_if_match_is_not_made(agency: Agency, by_token: Any, client_url: str, method: str) -> None:
    api = by_token(agency.manager)
    refused = getattr(api, method)(client_url, {"name": "Fennel"}, format="json")
    assert (refused.status_code, refused.headers["Content-Type"]) == (428, "application/problem+json")
    assert api.get(client_url).headers["ETag"] == '"1"'
    made = getattr(api, method)(client_url, {"name": "Fennel"}, format="json", HTTP_IF_MATCH='"1"')
    assert made.status_code in {200, 204}


@REQUIREMENT("API-1")
@pytest.mark.parametrize("tag", ['"1"', 'W/"2"', '"other"'])
def test_a_stale_edit_is_answered_with_what_is_stored_now(
    agency: Agency, by_token: Any, client_url: str, tag: str
) -> None:
    api = by_token(agency.manager)
    api.patch(client_url, {"city": "Bruges"}, format="json", HTTP_IF_MATCH='"1"')
    refused = api.patch(client_url, {"city": "Ghent"}, format="json", HTTP_IF_MATCH=tag)
    assert (refused.status_code, refused.headers["ETag"]) == (412, '"2"')
    assert refused.data["stored"] == api.get(client_url).data
    assert refused.data["stored"]["city"] == "Bruges"


@REQUIREMENT("API-1")
def test_if_match_that_is_no_entity_tag_is_malformed(agency: Agency, by_token: Any, client_url: str) -> None:
    api = by_token(agency.manager)
    assert api.patch(client_url, {"city": "Ghent"}, format="json", HTTP_IF_MATCH="1").status_code == 400
    assert api.patch(client_url, {"city": "Ghent"}, format="json", HTTP_IF_MATCH='"1"').status_code == 200


@REQUIREMENT("API-1")
def test_a_repeated_creation_is_answered_alike_and_done_once(agency: Agency, by_token: Any, clients_url: str) -> None:
    api = by_token(agency.manager)
    first, second = (
        api.post(clients_url, {"name": "Fennel"}, format="json", HTTP_IDEMPOTENCY_KEY='"k-1"') for _ in range(2)
    )
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert [second.headers[name] for name in ("ETag", "Location")] == [first.headers[n] for n in ("ETag", "Location")]
    assert second.headers["Idempotency-Replayed"] == "true"
    with inside(agency.organization):
        assert Client.objects.filter(name="Fennel").count() == 1


@REQUIREMENT("API-1")
def test_a_key_is_not_taken_for_other_content(agency: Agency, by_token: Any, clients_url: str) -> None:
    api = by_token(agency.manager)
    answers = [
        api.post(clients_url, {"name": name}, format="json", HTTP_IDEMPOTENCY_KEY="k-1").status_code
        for name in ("Fennel", "Sorrel")
    ]
    assert answers == [201, 422]


@REQUIREMENT("API-1")
def test_a_key_belongs_to_one_person(agency: Agency, by_token: Any, clients_url: str) -> None:
    ids = {
        by_token(person).post(clients_url, {"name": "Fennel"}, format="json", HTTP_IDEMPOTENCY_KEY="k-1").data["id"]
        for person in (agency.manager, agency.owner)
    }
    assert len(ids) == 2
    with inside(agency.organization):
        assert not IdempotentAnswer.objects.exists()


@REQUIREMENT("API-1")
def test_a_creation_that_failed_may_be_repeated_under_its_key(agency: Agency, by_token: Any, clients_url: str) -> None:
    api = by_token(agency.manager)
    answers = [
        api.post(clients_url, {"name": name}, format="json", HTTP_IDEMPOTENCY_KEY="k-1").status_code
        for name in ("", "Fennel")
    ]
    assert answers == [400, 201]


@REQUIREMENT("API-1")
def test_of_two_requests_at_once_with_one_key_one_creates(module_db: str) -> None:
    agency = make_agency("Tandem")
    start, answers = threading.Barrier(2), []

    def send() -> None:
        api = APIClient()
        api.force_login(agency.manager, backend="accounts.backends.SignInBackend")
        start.wait(10)
        answer = api.post(
            f"/api/orgs/{agency.slug}/clients/", {"name": "Fennel"}, format="json", HTTP_IDEMPOTENCY_KEY="k-1"
        )
        answers.append(answer.status_code)
        connections.close_all()

    both = [threading.Thread(target=send) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join(20)
    assert sorted(answers) in ([201, 201], [201, 409])
    with inside(agency.organization):
        assert Client.objects.filter(name="Fennel").count() == 1


@REQUIREMENT("API-1")
def test_lists_come_in_pages_with_a_count(agency: Agency, by_token: Any, clients_url: str) -> None:
    ClientFactory.create_batch(4, organization=agency.organization)
    api = by_token(agency.owner)
    first = api.get(clients_url, {"page_size": 5, "ordering": "name"}).data
    second = api.get(first["next"]).data
    names = [row["name"] for page in (first, second) for row in page["results"]]
    assert (first["count"], len(names), names, second["next"]) == (7, 7, sorted(names), None)


@REQUIREMENT("API-2")
@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"page_size": "0"}, 400),
        ({"page_size": "201"}, 400),
        ({"page_size": "٣"}, 400),
        ({"page": "9"}, 404),
        ({"page": "-1"}, 404),
        ({"page": "9" * 5000}, 404),
        ({"status": "gone"}, 400),
        ({"assigned_to": "me"}, 400),
        ({"unassigned": "maybe"}, 400),
        ({"q": "\0"}, 400),
        ({"q": "x" * 201}, 400),
        ({"statuss": "active"}, 400),
        ({"ordering": "organization__suspension_reason"}, 400),
        ({"ordering": "created_by__password"}, 400),
        ({"created_by__password__startswith": "scrypt"}, 400),
        ({"q": "'; --"}, 200),
        ({"page_size": "200"}, 200),
    ],
)
def test_a_query_that_cannot_be_used_is_refused(
    agency: Agency, by_token: Any, clients_url: str, query: dict[str, str], status: int
) -> None:
    answer = by_token(agency.owner).get(clients_url, query)
    assert answer.status_code == status, answer.content
    if status == 400:
        assert answer.data["errors"][0]["parameter"] in query


@REQUIREMENT("CLI-1")
def test_things_are_filtered_by_client_and_text(agency: Agency, by_token: Any) -> None:
    wanted = ContactFactory(client=agency.clients[0], first_name="Zaynab", last_name="Rao")
    ContactFactory(client=agency.clients[0])
    ContactFactory(client=agency.clients[1], first_name="Zaynab", last_name="Rao")
    found = by_token(agency.owner).get(
        f"/api/orgs/{agency.slug}/contacts/", {"client": str(agency.clients[0].pk), "q": "zayn RAO"}
    )
    assert [row["id"] for row in found.data["results"]] == [str(wanted.pk)]


@REQUIREMENT("CLI-3")
def test_filtering_by_a_hidden_client_is_like_filtering_by_none_at_all(agency: Agency, by_token: Any) -> None:
    NoteFactory(client=agency.clients[2])
    api = by_token(agency.member)
    answers = {
        api.get(f"/api/orgs/{agency.slug}/notes/", {"client": str(pk)}).content
        for pk in (agency.clients[2].pk, agency.organization.pk)
    }
    assert answers == {b'{"count":0,"next":null,"previous":null,"results":[]}'}


@REQUIREMENT("API-1")
def test_answers_tell_the_limit_and_too_many_requests_are_refused(
    agency: Agency, by_token: Any, clients_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tenancy.api.throttling import WriteThrottle

    monkeypatch.setattr(WriteThrottle, "THROTTLE_RATES", {"write": "2/hour", "read": "100/hour"})
    api = by_token(agency.manager)
    first, second, third = (api.post(clients_url, {"name": "Fennel"}, format="json") for _ in range(3))
    assert (first.headers["RateLimit-Policy"], first.headers["RateLimit-Remaining"]) == ('"write";q=2;w=3600', "1")
    assert [answer.status_code for answer in (first, second, third)] == [201, 201, 429]
    assert third.headers["Content-Type"] == "application/problem+json"
    assert 0 < int(third.headers["Retry-After"]) <= 3600
    assert api.get(clients_url).status_code == 200


@REQUIREMENT("API-1")
@pytest.mark.parametrize(
    ("method", "path", "options", "status"),
    [
        ("get", "clients/not-an-id/", {}, 404),
        ("get", "nothing/", {}, 404),
        ("put", "clients/", {}, 405),
        ("trace", "clients/", {}, 405),
        ("options", "clients/", {}, 405),
        ("get", "clients/", {"HTTP_ACCEPT": "text/html"}, 406),
        ("get", "clients/", {"HTTP_ACCEPT": "application/json; version=9"}, 406),
        ("post", "clients/", {"data": "a=b", "content_type": "application/x-www-form-urlencoded"}, 415),
        ("post", "clients/", {"data": "{", "content_type": "application/json"}, 400),
        ("post", "clients/", {"data": "[" * 100_000, "content_type": "application/json"}, 400),
        ("post", "clients/", {"data": '{"name": "a", "name": "b"}', "content_type": "application/json"}, 400),
        ("post", "clients/", {"data": '{"annual_revenue": NaN}', "content_type": "application/json"}, 400),
        ("post", "clients/", {"data": b'{"name": "\xff"}', "content_type": "application/json"}, 400),
        ("post", "clients/", {"data": "[]", "content_type": "application/json"}, 400),
        ("post", "clients/", {"data": '{"name": "\\ud800"}', "content_type": "application/json"}, 400),
        ("post", "clients/", {"data": '"' + "x" * 3_000_000 + '"', "content_type": "application/json"}, 413),
    ],
)
def test_every_error_is_a_problem_detail(
    agency: Agency, by_token: Any, method: str, path: str, options: dict[str, Any], status: int
) -> None:
    answer = getattr(by_token(agency.manager), method)(f"/api/orgs/{agency.slug}/{path}", **options)
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json"), answer.content
    told = answer.json()
    assert told["status"] == status
    assert told["title"]
    assert told["detail"]
    assert told["request_id"] == answer.headers["X-Request-ID"]


@REQUIREMENT("API-1")
@pytest.mark.parametrize(
    ("path", "types"), [("clients/", "application/json"), ("policy-tests/", "application/json or application/yaml")]
)
def test_whoever_sends_a_body_of_another_type_is_told_what_is_read(
    agency: Agency, by_token: Any, path: str, types: str
) -> None:
    url = f"/api/orgs/{agency.slug}/{path}"
    refused = by_token(agency.owner).post(url, data=b"tests: []", content_type="text/yaml")
    assert refused.status_code == 415
    assert refused.json()["detail"] == f'Unsupported media type "text/yaml" in request. Send the body as {types}.'


@REQUIREMENT("API-1")
@pytest.mark.parametrize("scheme", ["Token", "Bearer", "bearer"])
def test_a_token_is_taken_under_either_word(agency: Agency, by_token: Any, clients_url: str, scheme: str) -> None:
    assert by_token(agency.owner, scheme=scheme).get(clients_url).status_code == 200
    refused = APIClient().get(clients_url, HTTP_AUTHORIZATION=f"{scheme} iam_unknown")
    assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (401, 'Bearer realm="api"')


@REQUIREMENT("API-1")
def test_a_session_needs_the_csrf_token_for_changes(agency: Agency, clients_url: str) -> None:
    api = APIClient(enforce_csrf_checks=True)
    api.force_login(agency.manager, backend="accounts.backends.SignInBackend")
    assert api.get(clients_url).status_code == 200
    assert api.post(clients_url, {"name": "Fennel"}, format="json").status_code == 403
