"""What a request and its answer look like on the wire (AuthZEN 1.0, sections 9 and 10)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from audit.models import AccessRecord
from tenancy.errors import Reason
from tests.factories import on_platform
from tests.roles.authzen.asking import EVALUATION, EVALUATIONS, SEARCH, Answer, Service, question
from tests.world import Agency

pytestmark = pytest.mark.requirement("PDP-3")

WELL_KNOWN = "/.well-known/authzen-configuration"
PATHS = [EVALUATION, EVALUATIONS, *(f"{SEARCH}/{what}" for what in ("subject", "resource", "action"))]


@pytest.fixture
def body(agency: Agency) -> dict[str, Any]:
    """A question that each of the paths can answer."""
    return question(agency.owner, "clients:read", "client", agency.clients[0])


def _is_problem(answer: Answer, status: int, path: str) -> bool:
    named = {"title", "type", "status", "detail", "instance", "request_id"}
    assert answer.headers["content-type"] == "application/problem+json"
    assert set(answer.json) == named and answer.json["instance"] == path and answer.json["detail"]
    assert answer.json["type"] == "about:blank"
    return bool(answer.status == answer.json["status"] == status)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8", "Application/JSON ;x=1"])
def test_json_is_read_whatever_its_parameters(service: Service, body: Any, path: str, kind: str) -> None:
    assert service.post(path, body, content_type=kind).status == 200


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("kind", ["", "text/plain", "application/x-www-form-urlencoded", "application/jsonp", "json"])
def test_another_content_type_is_a_bad_request(service: Service, body: Any, path: str, kind: str) -> None:
    answer = service.post(path, body, content_type=kind)
    assert _is_problem(answer, 400, path)
    assert answer.json["detail"] == "Send JSON, with “Content-Type: application/json”."


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "post"])
def test_only_post_asks(service: Service, path: str, method: str) -> None:
    answer = service.send(method, path)
    assert answer.status == 405 and answer.headers["allow"] == "POST"


@pytest.mark.parametrize("path", ["/access/v1/", "/access/v1/evaluation/", "/access/v1/search", "/access/v1/query"])
def test_an_unknown_path_is_not_found(service: Service, body: Any, path: str) -> None:
    assert _is_problem(service.post(path, body), 404, path)


@pytest.mark.parametrize("path", PATHS)
def test_a_body_of_more_than_a_mebibyte_is_too_large(service: Service, body: Any, path: str) -> None:
    assert service.post(path, body | {"extra": "x" * 1_000_000}).status == 200
    assert _is_problem(service.post(path, body | {"extra": "x" * 1_048_576}), 413, path)


@pytest.mark.parametrize("path", PATHS)
def test_the_requests_name_comes_back(service: Service, body: Any, path: str) -> None:
    for name in ("bfe9eb29-ab87-4ca3-be83-a1d5d8305716", "any text, even “ä”".encode().decode("latin-1"), "x" * 1_000):
        assert service.post(path, body, x_request_id=name).headers["x-request-id"] == name
    refused = service.post(path, b"[]", x_request_id="mine")
    assert refused.headers["x-request-id"] == refused.json["request_id"] == "mine"
    assert Service(service.runner, None).post(path, body, x_request_id="mine").headers["x-request-id"] == "mine"
    assert "x-request-id" not in service.post(path, body).headers
    unnamed = service.post(path, b"[]")
    assert unnamed.headers["x-request-id"] == unnamed.json["request_id"] != ""


def test_a_name_that_cannot_be_sent_back_is_replaced(service: Service, body: Any) -> None:
    for name in ("a\x00b", "x" * 100_000):
        assert len(service.post(EVALUATION, body, x_request_id=name).headers["x-request-id"]) == 36


@pytest.mark.parametrize("path", PATHS)
def test_no_answer_is_kept_on_the_way(service: Service, body: Any, path: str) -> None:
    for answer in (service.post(path, body), service.post(path, b"")):
        assert answer.headers["cache-control"] == "no-store"
        assert int(answer.headers["content-length"]) == len(answer.body)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Bearer x y", "Basic dXNlcjpwYXNz", "Bearer iam_0", "Bearer ä"]
)
def test_without_a_valid_token_nothing_is_answered(service: Service, body: Any, path: str, header: str) -> None:
    answer = service.post(path, body, authorization=header)
    assert _is_problem(answer, 401, path)
    assert answer.headers["www-authenticate"].startswith('Bearer realm="access"')


def test_a_challenge_names_an_error_only_where_a_token_was_sent(service: Service, body: Any) -> None:
    """RFC 6750, section 3.1."""
    unsent = Service(service.runner, None).post(EVALUATION, body)
    assert unsent.headers["www-authenticate"] == 'Bearer realm="access"'
    assert unsent.json["detail"].startswith("Send a token")
    unknown = service.post(EVALUATION, body, authorization="Bearer iam_0")
    assert unknown.headers["www-authenticate"] == 'Bearer realm="access", error="invalid_token"'
    assert unknown.json["detail"].startswith("The token is unknown")


@pytest.mark.requirement("AUD-3")
def test_who_has_no_valid_token_is_on_record_as_anonymous(service: Service, body: Any) -> None:
    service.post(EVALUATION, body, authorization="Bearer iam_0", x_request_id="anybody")
    with on_platform():
        record = AccessRecord.objects.get(request_id="anybody")
    assert (record.actor_id, record.actor_label, record.reason) == (None, "anonymous", Reason.TOKEN_REFUSED)


@pytest.mark.parametrize("word", ["Bearer", "bearer", "Token"])
def test_a_token_is_sent_as_the_api_takes_it(service: Service, body: Any, word: str) -> None:
    assert service.post(EVALUATION, body, authorization=f"{word} {service.token}").decision


def test_who_sends_no_token_learns_nothing_of_the_body(service: Service) -> None:
    assert Service(service.runner, None).post(EVALUATION, b"[").status == 401


@pytest.mark.parametrize("host", ["", "evil.example", "testserver.evil.example", "testserver,evil.example", "a b", "["])
@pytest.mark.parametrize("path", [EVALUATION, WELL_KNOWN])
@pytest.mark.requirement("ADM-1")
def test_a_host_that_is_not_the_installations_is_refused(service: Service, body: Any, host: str, path: str) -> None:
    method = "GET" if path == WELL_KNOWN else "POST"
    assert service.send(method, path, b"{}", host=host).status == 400


@pytest.mark.parametrize(("header", "status"), [(b"host", 400), (b"authorization", 401)])
def test_a_header_that_is_sent_twice_is_not_chosen_from(
    service: Service, body: dict[str, Any], header: bytes, status: int
) -> None:
    good = {b"host": b"testserver", b"authorization": f"Bearer {service.token}".encode()}[header]
    sent = json.dumps(body).encode()
    assert service.runner.run(service.call("POST", EVALUATION, sent)).decision
    assert service.runner.run(service.call("POST", EVALUATION, sent, more=[(header, good)])).status == status


@pytest.mark.parametrize("host", ["testserver", "localhost:8000", "127.0.0.1"])
def test_the_discovery_document_is_built_from_configuration(service: Service, host: str) -> None:
    stranger = Service(service.runner, None)
    answer = stranger.send("GET", WELL_KNOWN, host=host, x_forwarded_host="evil.example", content_type="")
    assert answer.status == 200 and answer.headers["content-type"] == "application/json"
    assert answer.json == {
        "policy_decision_point": "http://testserver",
        "access_evaluation_endpoint": "http://testserver/access/v1/evaluation",
        "access_evaluations_endpoint": "http://testserver/access/v1/evaluations",
        "search_subject_endpoint": "http://testserver/access/v1/search/subject",
        "search_resource_endpoint": "http://testserver/access/v1/search/resource",
        "search_action_endpoint": "http://testserver/access/v1/search/action",
    }


def test_the_discovery_document_names_the_paths_that_answer(service: Service, body: Any) -> None:
    told = service.send("GET", WELL_KNOWN).json
    paths = {url.removeprefix("http://testserver") for name, url in told.items() if name.endswith("_endpoint")}
    assert paths == set(PATHS)
    assert all(service.post(path, body).status == 200 for path in paths)


def test_the_discovery_document_is_only_read(service: Service) -> None:
    head = service.send("HEAD", WELL_KNOWN)
    assert head.status == 200 and head.body == b"" and int(head.headers["content-length"]) > 100
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        refused = service.send(method, WELL_KNOWN)
        assert refused.status == 405 and refused.headers["allow"] == "GET, HEAD"


@pytest.mark.requirement("PDP-7")
def test_every_way_in_declares_what_it_needs() -> None:
    from roles.authzen.routes import routes

    declared = {route.pattern: str(route.requirement) for route in routes() if route.requirement is not None}
    assert set(declared) == {*PATHS, WELL_KNOWN}
    assert declared[f"{SEARCH}/subject"] == "team:read"
    assert declared[WELL_KNOWN].startswith("public")


def test_a_caller_who_goes_away_is_not_answered(service: Service) -> None:
    sent: list[Any] = []

    async def gone() -> Any:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": EVALUATION, "headers": [(b"host", b"testserver")]}
    service.runner.run(service.app(scope, gone, send))
    assert sent == []
