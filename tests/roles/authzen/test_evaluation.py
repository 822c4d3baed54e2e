"""One question, and several in a request (AuthZEN 1.0, sections 6 and 7)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tenancy.errors import Reason
from tests.roles.authzen.asking import EVALUATION, EVALUATIONS, Service, question, resource, user
from tests.world import Agency

pytestmark = pytest.mark.requirement("PDP-3")

READ, WRITE, DELETE = "clients:read", "clients:write", "clients:delete"


def test_a_permitted_question_is_answered_true_with_reason_and_version(service: Service, agency: Agency) -> None:
    answer = service.ask(agency.member, WRITE, "client", agency.clients[0])
    assert answer.status == 200 and answer.headers["content-type"] == "application/json"
    assert answer.json["decision"] is True
    assert answer.json["context"]["reason"] == Reason.GRANTED
    own, shared = answer.json["context"]["version"].split(".")
    assert int(own) > 0 and int(shared) > 0


@pytest.mark.parametrize(
    ("person", "action", "client", "reason"),
    [
        ("viewer", WRITE, 0, Reason.MISSING_PERMISSION),
        ("member", READ, 1, Reason.OUT_OF_REACH),
        ("member", "clients:teleport", 0, Reason.UNKNOWN_PERMISSION),
    ],
)
def test_a_denial_is_an_answer_with_status_200(
    service: Service, agency: Agency, person: str, action: str, client: int, reason: Reason
) -> None:
    answer = service.ask(agency.people[person], action, "client", agency.clients[client])
    assert answer.status == 200
    assert answer.json["decision"] is False and answer.json["context"]["reason"] == reason


def test_what_is_unknown_is_denied(service: Service, agency: Agency, other_agency: Agency) -> None:
    client = agency.clients[0]
    assert not service.ask("nobody@elsewhere.example", READ, "client", client).decision
    assert not service.ask(other_agency.owner, READ, "client", client).decision
    assert not service.ask(agency.owner, READ, "client", other_agency.clients[0]).decision
    assert not service.ask(agency.owner, READ, "client", "01a1f9b9-0000-7000-8000-000000000000").decision
    assert not service.ask(agency.owner, READ, "client", "no id at all").decision
    assert not service.ask(agency.owner, READ, "unicorn", client).decision
    robot = question(agency.owner, READ, "client", client) | {"subject": {"type": "robot", "id": str(agency.owner.pk)}}
    assert not service.post(EVALUATION, robot).decision


def test_a_subject_is_named_by_id_or_by_address_and_an_organization_by_id_or_slug(
    service: Service, agency: Agency
) -> None:
    for subject in (agency.manager.pk, agency.manager.email):
        for place in (agency.organization.pk, agency.slug):
            assert service.ask(subject, "team:read", "organization", place).decision


def test_a_client_that_came_after_the_snapshot_is_known(service: Service, agency: Agency) -> None:
    """Clients that come make no new version; those asked about are looked up."""
    from tests.factories import ClientFactory

    assert service.ask(agency.owner, READ, "client", agency.clients[0]).decision
    assert service.ask(agency.owner, READ, "client", ClientFactory(organization=agency.organization)).decision


def test_several_questions_are_answered_in_their_order(service: Service, agency: Agency) -> None:
    asked = [
        question(agency.member, action, "client", client) for action in (READ, DELETE) for client in agency.clients
    ]
    answer = service.batch(*asked)
    assert answer.decisions == [True, False, False, False, False, False]
    assert "decision" not in answer.json


def test_a_batch_equals_its_single_evaluations(service: Service, agency: Agency) -> None:
    asked = [
        question(person, action, "client", client)
        for person in agency.people.values()
        for action in (READ, WRITE, DELETE, "tasks:write")
        for client in (*agency.clients, "01a1f9b9-0000-7000-8000-000000000000", "")
    ]
    singles = [service.post(EVALUATION, one).json for one in asked]
    assert service.batch(*asked).json["evaluations"] == singles
    assert {one["decision"] for one in singles} == {True, False}


def test_defaults_fill_in_what_a_question_leaves_out(service: Service, agency: Agency) -> None:
    answer = service.batch(
        {"resource": resource("client", agency.clients[0])},
        {"resource": resource("client", agency.clients[1])},
        {"resource": resource("client", agency.clients[0]), "action": {"name": DELETE}},
        {"subject": user(agency.owner)},
        subject=user(agency.member),
        action={"name": READ},
        resource=resource("client", agency.clients[2]),
    )
    assert answer.decisions == [True, False, False, True]


@pytest.mark.parametrize(
    ("entity", "part"),
    [("subject", {"type": "user"}), ("resource", {"type": "client"}), ("action", {"properties": {}})],
)
def test_a_default_is_replaced_whole_and_never_merged(
    service: Service, agency: Agency, entity: str, part: dict[str, Any]
) -> None:
    """A part of an entity does not borrow the rest of the default: it is a question that cannot be read."""
    default = question(agency.owner, READ, "client", agency.clients[0])
    answer = service.batch({}, {entity: part}, **default)
    assert answer.decisions == [True, False]
    assert answer.json["evaluations"][1]["context"]["error"]["status"] == 400


@pytest.mark.parametrize(
    ("left_out", "told"),
    [
        (["subject"], "It has no subject, and the request has no default."),
        (["action"], "It has no action, and the request has no default."),
        (["resource"], "It has no resource, and the request has no default."),
        (["subject", "resource"], "It has no subject and resource, and the request has no default."),
        (["subject", "action"], "It has no subject and action, and the request has no default."),
    ],
)
def test_a_question_without_an_entity_that_has_no_default_says_which(
    service: Service, agency: Agency, left_out: list[str], told: str
) -> None:
    good = question(agency.owner, READ, "client", agency.clients[0])
    bad = {name: entity for name, entity in good.items() if name not in left_out}
    answer = service.batch(bad, good)
    assert answer.decisions == [False, True]
    assert answer.json["evaluations"][0]["context"]["error"] == {"status": 400, "message": told}


@pytest.mark.requirement("PDP-6")
def test_a_version_asked_for_counts_wherever_in_a_batch_it_stands(service: Service, agency: Agency) -> None:
    good = question(agency.owner, READ, "client", agency.clients[0])
    far: dict[str, Any] = {"context": {"at_least": f"{10**18}.0"}}
    assert service.batch(good, **far).status == 503
    assert service.batch({}, **good, **far).status == 503
    assert service.batch(good, far, **good).status == 503
    assert service.batch(good, far).status == 503
    assert service.batch(good, {}, **good).decisions == [True, True]


def test_properties_of_a_default_do_not_reach_a_question_with_its_own_resource(
    service: Service, agency: Agency
) -> None:
    default = question(agency.owner, READ, "client", agency.clients[0])
    default["resource"]["properties"] = "not an object"
    assert service.batch({"resource": resource("client", agency.clients[0])}, **default).status == 400


@pytest.mark.parametrize("listed", [{}, {"evaluations": []}])
@pytest.mark.parametrize("semantic", [{}, {"options": {"evaluations_semantic": "deny_on_first_deny"}}])
def test_without_questions_it_is_a_single_evaluation(
    service: Service, agency: Agency, listed: dict[str, Any], semantic: dict[str, Any]
) -> None:
    asked = question(agency.owner, READ, "client", agency.clients[0])
    answer = service.post(EVALUATIONS, asked | listed | semantic)
    assert answer.decision and "evaluations" not in answer.json
    assert service.post(EVALUATIONS, {"subject": asked["subject"]} | listed | semantic).status == 400


@pytest.mark.parametrize(
    ("semantic", "clients", "decisions"),
    [
        ("execute_all", (0, 1, 0), [True, False, True]),
        (None, (0, 1, 0), [True, False, True]),
        ("deny_on_first_deny", (0, 1, 0), [True, False]),
        ("deny_on_first_deny", (0, 0), [True, True]),
        ("permit_on_first_permit", (1, 0, 1), [False, True]),
        ("permit_on_first_permit", (1, 2), [False, False]),
    ],
)
def test_a_semantic_cuts_the_answer_at_its_trigger(
    service: Service, agency: Agency, semantic: str | None, clients: tuple[int, ...], decisions: list[bool]
) -> None:
    items = [{"resource": resource("client", agency.clients[number])} for number in clients]
    answer = service.batch(*items, semantic=semantic, subject=user(agency.member), action={"name": READ})
    assert answer.decisions == decisions


@pytest.mark.parametrize("what", ["all known", "one that is looked up first"])
def test_a_semantic_sees_what_had_to_be_looked_up(service: Service, agency: Agency, what: str) -> None:
    from tests.factories import ClientFactory

    fresh = ClientFactory(organization=agency.organization) if what != "all known" else agency.clients[0]
    items = [{"resource": resource("client", one)} for one in (fresh, agency.clients[1], "")]
    answer = service.batch(*items, semantic="deny_on_first_deny", subject=user(agency.owner), action={"name": READ})
    assert answer.decisions == [True, True, False]


def test_a_question_that_cannot_be_read_is_a_denial_to_a_short_cut(service: Service, agency: Agency) -> None:
    good = question(agency.owner, READ, "client", agency.clients[0])
    assert service.batch(good, {}, good, semantic="deny_on_first_deny").decisions == [True, False]
    assert service.batch({}, good, {}, semantic="permit_on_first_permit").decisions == [False, True]


@pytest.mark.parametrize("semantic", ["execute_some", "", "EXECUTE_ALL", None, 3, ["execute_all"]])
@pytest.mark.parametrize("listed", [True, False])
def test_an_unknown_semantic_is_a_bad_request(service: Service, agency: Agency, semantic: Any, listed: bool) -> None:
    asked = question(agency.owner, READ, "client", agency.clients[0])
    body = asked | {"options": {"evaluations_semantic": semantic}} | ({"evaluations": [asked]} if listed else {})
    assert service.post(EVALUATIONS, body).status == 400


@pytest.mark.parametrize(
    "bad",
    [
        {},
        {"subject": None},
        {"subject": {"type": "user", "id": 7}},
        {"action": "clients:read"},
        {"resource": {"type": "client", "id": "1", "properties": []}},
        {"context": "now"},
        {"context": {"at_least": "soon"}},
        {"context": {"at_least": "1.1\n"}},
        7,
        None,
        "question",
        [],
    ],
)
def test_a_bad_question_among_good_ones_is_denied_with_what_is_wrong(
    service: Service, agency: Agency, bad: Any
) -> None:
    good = question(agency.owner, READ, "client", agency.clients[0])
    item = good | bad if isinstance(bad, dict) and bad else bad
    answer = service.batch(good, item, good)
    assert answer.decisions == [True, False, True]
    error = answer.json["evaluations"][1]["context"]["error"]
    assert error["status"] == 400 and error["message"]


@pytest.mark.parametrize(
    "entity", [{"subject": 1}, {"action": {}}, {"resource": []}, {"context": 1}, {"options": []}, {"evaluations": {}}]
)
def test_a_mistyped_default_spoils_the_whole_batch(service: Service, agency: Agency, entity: dict[str, Any]) -> None:
    good = question(agency.owner, READ, "client", agency.clients[0])
    assert service.post(EVALUATIONS, {"evaluations": [good], **entity}).status == 400


def test_a_thousand_questions_are_answered_and_one_more_is_too_many(service: Service, agency: Agency) -> None:
    default = question(agency.member, READ, "client", agency.clients[0])
    assert service.batch(*[{}] * 1_000, **default).decisions == [True] * 1_000
    assert service.batch(*[{}] * 1_001, **default).status == 400
    assert service.batch(*[default] * 1_000).decisions == [True] * 1_000
    assert service.batch(*[default] * 1_001).status == 400


@pytest.mark.parametrize("path", [EVALUATION, EVALUATIONS])
@pytest.mark.parametrize("entity", ["subject", "action", "resource"])
def test_a_missing_entity_is_a_bad_request(service: Service, agency: Agency, path: str, entity: str) -> None:
    asked = question(agency.owner, READ, "client", agency.clients[0])
    assert service.post(path, asked).status == 200
    del asked[entity]
    answer = service.post(path, asked)
    assert answer.status == 400 and entity in answer.json["detail"]


@pytest.mark.parametrize("path", [EVALUATION, EVALUATIONS])
@pytest.mark.parametrize(
    "part",
    [
        {"subject": {"type": "user"}},
        {"subject": {"id": "1"}},
        {"subject": {"type": "user", "id": 1}},
        {"subject": {"type": None, "id": "1"}},
        {"subject": "user:1"},
        {"subject": {"type": "user", "id": "1", "properties": "tall"}},
        {"action": {}},
        {"action": {"name": 1}},
        {"action": {"name": "clients:read", "properties": 1}},
        {"resource": {"type": "client"}},
        {"resource": {"type": "client", "id": "1", "properties": None}},
        {"context": []},
        {"context": {"at_least": 3}},
        {"context": {"at_least": "3"}},
        {"context": {"at_least": "99999999999999999999.1"}},
        {"context": {"at_least": "1.1\n"}},
    ],
)
def test_a_mistyped_field_is_a_bad_request(service: Service, agency: Agency, path: str, part: dict[str, Any]) -> None:
    asked = question(agency.owner, READ, "client", agency.clients[0])
    assert service.post(path, asked | part).status == 400


def test_what_is_no_version_is_told_in_words(service: Service, agency: Agency) -> None:
    asked = question(agency.owner, READ, "client", agency.clients[0], context={"at_least": "soon"})
    singly = service.post(EVALUATION, asked).json["detail"]
    [one_of_many] = service.post(EVALUATIONS, {"evaluations": [asked]}).json["evaluations"]
    for told in (singly, one_of_many["context"]["error"]["message"]):
        assert "Expected a version as it came with an answer - at `$.context.at_least`." in told


@pytest.mark.parametrize("path", [EVALUATION, EVALUATIONS])
def test_unknown_fields_are_ignored_wherever_they_are(service: Service, agency: Agency, path: str) -> None:
    asked = question(agency.owner, READ, "client", agency.clients[0], context={"time": "now", "at": [{}]}, page=3)
    for entity in ("subject", "action", "resource"):
        asked[entity] |= {"color": {"deep": [1, None]}, "properties": {"anything": 1}}
    assert service.post(path, asked).decision
    assert service.post(EVALUATIONS, {"evaluations": [asked], "options": {"x": 1}, "y": 2}).decisions == [True]


@pytest.mark.parametrize("path", [EVALUATION, EVALUATIONS])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b"null",
        b"[]",
        b'"text"',
        b"7",
        b"{} {}",
        b"{'subject': 1}",
        b'{"subject": NaN}',
        b"\xff\xfe{\x00}\x00",
        b"\xef\xbb\xbf{}",
        b'{"extra": "\xff"}',
        b'{"extra": "\\ud800"}',
        b'{"evaluations": [{"subject": "\\ud800"}]}',
        b'{"evaluations": [{"subject": {"type": "user", "id": "\xed\xa0\x80"}}]}',
        b'{"extra": ' + b"[" * 200_000 + b"]" * 200_000 + b"}",
        b'{"evaluations": [{"resource": {"properties": {"a": ' + b"[" * 200_000 + b"]" * 200_000 + b"}}}]}",
        b"[" * 500_000,
    ],
    ids=range(19),
)
def test_a_body_that_is_no_json_object_is_a_bad_request(service: Service, path: str, body: bytes) -> None:
    answer = service.post(path, body)
    assert answer.status == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json["detail"].startswith("The body ")


@pytest.mark.parametrize("path", [EVALUATION, EVALUATIONS])
def test_a_good_question_is_not_answered_where_its_body_is_not_utf_8(
    service: Service, agency: Agency, path: str
) -> None:
    asked = json.dumps(question(agency.owner, READ, "client", agency.clients[0]) | {"extra": "here"}).encode()
    assert service.post(path, asked).decision
    assert service.post(path, asked.replace(b"here", b"\xff")).status == 400


def test_a_top_level_array_of_good_questions_is_a_bad_request(service: Service, agency: Agency) -> None:
    assert service.post(EVALUATIONS, [question(agency.owner, READ, "client", agency.clients[0])]).status == 400


@pytest.mark.parametrize("text", ["\x00", "a\x00b", "‮", "\ufffe", "𝔘", "'; --", "x" * 200_000])
def test_any_text_can_be_asked_about(service: Service, agency: Agency, text: str) -> None:
    asked = question(agency.owner, READ, "client", agency.clients[0])
    for entity, field in (("subject", "id"), ("action", "name"), ("resource", "type"), ("resource", "id")):
        assert not service.post(EVALUATION, asked | {entity: asked[entity] | {field: text}}).decision
    raw = json.dumps(asked | {"subject": user(text)}, ensure_ascii=False).encode()
    assert not service.post(EVALUATION, raw).decision
