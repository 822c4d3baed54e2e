"""Everything that can be asked in a small world is answered as it must be: decisions, searches, and page by page."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

import pytest

from tests.roles.authzen.asking import EVALUATION, EVALUATIONS, Service, question, resource, user
from tests.roles.authzen.small_world import (
    ACTIONS,
    ASKERS,
    CLIENTS,
    EVERY_THING,
    GRANTED,
    NOTE,
    OBJECTS,
    PEOPLE,
    ROLES,
    Clients,
    Plain,
    is_permitted,
    is_seen,
)
from tests.roles.engine.plain_world import id_of

pytestmark = [pytest.mark.requirement("PDP-3"), pytest.mark.requirement("PDP-4")]


def whole(service: Service, what: str, limit: int | None, **asked: Any) -> list[str]:
    """Return what a search finds, page by page, each with as many results as it may have."""
    found: list[str] = []
    page: dict[str, Any] = {} if limit is None else {"limit": limit}
    while True:
        answer = service.search(what, page, **asked)
        told, found = answer.json["page"], [*found, *answer.found]
        assert told["count"] == len(answer.found) <= (limit or 50)
        assert answer.json["context"] == {"version": "1.1"}
        if not told["next_token"]:
            return found
        assert limit is not None and told["count"] == limit
        page = {"token": told["next_token"]}


@pytest.mark.parametrize("asker", ASKERS)
@pytest.mark.parametrize("person", PEOPLE)
def test_each_question_is_answered_as_it_must_be_alone_and_among_others(
    as_asked_by: Callable[[str], Plain], asker: str, person: str
) -> None:
    service = as_asked_by(asker)
    asked = [(action, kind, one) for kind, one in EVERY_THING for action in ACTIONS[kind]]
    questions = [question(id_of(person), *one) for one in asked]
    must_be = [is_permitted(person, *one) and is_seen(asker, *one) for one in asked]
    assert service.batch(*questions).decisions == must_be
    assert [service.post(EVALUATION, one).decision for one in questions] == must_be


@pytest.mark.parametrize("asker", ASKERS)
@pytest.mark.parametrize("limit", [None, 1, 2, 5])
def test_people_and_actions_are_found_that_a_question_permits(
    as_asked_by: Callable[[str], Plain], asker: str, limit: int | None
) -> None:
    service = as_asked_by(asker)
    for kind, one in EVERY_THING:
        permitted = {
            (person, action)
            for person, action in product(PEOPLE, ACTIONS[kind])
            if is_permitted(person, action, kind, one) and is_seen(asker, action, kind, one)
        }
        for action in ACTIONS[kind]:
            asked = {"subject": {"type": "user"}, "action": {"name": action}, "resource": resource(kind, one)}
            must_be = sorted(id_of(person) for person in PEOPLE if (person, action) in permitted)
            assert whole(service, "subject", limit, **asked) == must_be
        for person in PEOPLE:
            found = whole(service, "action", limit, subject=user(id_of(person)), resource=resource(kind, one))
            assert found == sorted(action for action in ACTIONS[kind] if (person, action) in permitted)


@pytest.mark.parametrize("asker", ASKERS)
@pytest.mark.parametrize("limit", [None, 1, 2, 5])
def test_objects_are_found_that_a_question_permits_and_the_asker_may_know_of(
    as_asked_by: Callable[[str], Plain], asker: str, limit: int | None
) -> None:
    service, role = as_asked_by(asker), ROLES[PEOPLE[asker].role]
    known = {"client": [*map(id_of, CLIENTS)] if "clients:read" in role.keys else [], NOTE: ["n-1", "n-2"]}
    if not role.reaches_all:
        mine = {"client": [*map(id_of, PEOPLE[asker].assigned)], NOTE: [*GRANTED.get(asker, {})]}
        known = {kind: [one for one in ids if one in mine[kind]] for kind, ids in known.items()}
    for person, kind in product(PEOPLE, OBJECTS):
        for action in ACTIONS[kind]:
            asked = {"subject": user(id_of(person)), "action": {"name": action}, "resource": {"type": kind}}
            must_be = sorted(one for one in known[kind] if is_permitted(person, action, kind, one))
            assert whole(service, "resource", limit, **asked) == must_be


def test_whose_it_is_counts_in_questions_and_searches(as_asked_by: Callable[[str], Plain]) -> None:
    service = as_asked_by("ada")
    note = {"type": NOTE, "id": "n-9", "properties": {"author": id_of("ned")}}
    edit = {"name": "edit"}
    asked = [{"subject": user(id_of(one)), "action": edit, "resource": note} for one in PEOPLE]
    assert service.batch(*asked).decisions == [is_permitted(one, "edit", NOTE, "n-9", "ned") for one in PEOPLE]
    assert service.search("subject", subject={"type": "user"}, action=edit, resource=note).found == [id_of("ned")]
    assert service.search("action", subject=user(id_of("ned")), resource=note).found == ["edit", "list"]


@pytest.mark.parametrize("name", ["id", "address"])
def test_without_the_right_to_look_at_people_one_asks_about_oneself(
    as_asked_by: Callable[[str], Plain], name: str
) -> None:
    service, mine = as_asked_by("eve"), id_of("eve") if name == "id" else "eve@people.example"
    alder, read = resource("client", id_of("alder")), {"name": "clients:read"}
    asked, of_another = (question(one, "clients:read", "client", id_of("alder")) for one in (mine, id_of("ada")))
    assert service.post(EVALUATION, asked).decision
    assert service.batch(asked, {"subject": user(mine)}, asked).decisions == [True, False, True]
    assert service.search("resource", subject=user(mine), action=read, resource={"type": "client"}).found
    assert service.search("action", subject=user(mine), resource=alder).found == ["clients:read"]
    for refused in (
        service.post(EVALUATION, of_another),
        service.batch(asked, of_another),
        service.search("resource", subject=user(id_of("ada")), action=read, resource={"type": "client"}),
        service.search("action", subject=user(id_of("ada")), resource=alder),
        service.search("subject", subject={"type": "user"}, action=read, resource=alder),
    ):
        assert refused.status == 403 and "team:read" in refused.json["detail"]


def test_a_subject_of_another_type_is_nobody(as_asked_by: Callable[[str], Plain]) -> None:
    service, robot = as_asked_by("ada"), {"type": "robot", "id": id_of("ada")}
    good = question(id_of("ada"), "clients:read", "client", id_of("alder"))
    assert service.batch(good | {"subject": robot}, good).decisions == [False, True]
    assert service.post(EVALUATION, good | {"subject": robot}).json["context"]["reason"] == "not-a-member"
    assert service.search("action", subject=robot, resource=good["resource"]).found == []
    assert service.search("subject", **(good | {"subject": robot})).found == []


@pytest.mark.parametrize(
    ("semantic", "decisions"),
    [
        ("execute_all", [True, False, True, False]),
        ("deny_on_first_deny", [True, False]),
        ("permit_on_first_permit", [True]),
    ],
)
def test_a_semantic_says_where_several_answers_end(
    as_asked_by: Callable[[str], Plain], semantic: str, decisions: list[bool]
) -> None:
    good = question(id_of("ada"), "clients:read", "client", id_of("alder"))
    bad = good | {"action": {}}
    answer = as_asked_by("ada").batch(good, bad, good, bad, semantic=semantic)
    assert answer.decisions == decisions
    for told in answer.json["evaluations"]:
        assert told["decision"] or (told["context"]["error"]["status"] == 400 and told["context"]["error"]["message"])


def test_a_semantic_that_never_comes_true_leaves_all_answers(as_asked_by: Callable[[str], Plain]) -> None:
    good = question(id_of("ada"), "clients:read", "client", id_of("alder"))
    bad = good | {"subject": user("nobody")}
    assert as_asked_by("ada").batch(good, good, semantic="deny_on_first_deny").decisions == [True, True]
    assert as_asked_by("ada").batch(bad, good, bad, semantic="permit_on_first_permit").decisions == [False, True]
    assert as_asked_by("ada").batch(bad, bad, semantic="permit_on_first_permit").decisions == [False, False]


@pytest.mark.parametrize(
    ("own", "default", "is_later"),
    [
        (None, None, False),
        ({"at_least": "1.1"}, None, False),
        ({"at_least": "2.1"}, None, True),
        (None, {"at_least": "2.1"}, True),
        ({"time": "now"}, {"at_least": "2.1"}, False),
        ({"at_least": "2.1"}, {"at_least": "1.1"}, True),
        (None, {"time": "now"}, False),
    ],
)
def test_the_version_asked_for_is_that_of_the_question_or_else_of_the_default(
    as_asked_by: Callable[[str], Plain], own: Any, default: Any, is_later: bool
) -> None:
    asked = question(id_of("ada"), "clients:read", "client", id_of("alder")) | ({"context": own} if own else {})
    told = as_asked_by("ada").post(EVALUATIONS, {"evaluations": [asked]} | ({"context": default} if default else {}))
    assert (told.json.get("decision") == "later") is is_later
    if own and not default:
        assert (as_asked_by("ada").post(EVALUATION, asked).json["decision"] == "later") is is_later
        searched = as_asked_by("ada").search("action", **{**asked, "action": {}})
        assert (searched.json.get("decision") == "later") is is_later


ALL_CLIENTS = {"subject": user(id_of("ada")), "action": {"name": "clients:read"}, "resource": {"type": "client"}}


def test_a_search_looks_in_a_thread_for_one_more_than_a_page(as_asked_by: Callable[[str], Plain]) -> None:
    service = as_asked_by("ada")
    assert isinstance(service.snapshot.objects, Clients)
    assert len(service.search("resource", {"limit": 2}, **ALL_CLIENTS).found) == 2
    [(limit, thread)] = service.snapshot.objects.looked_for
    assert limit == 3 and thread.startswith("given")


def test_what_is_found_is_told_in_the_form_of_what_was_searched_for(as_asked_by: Callable[[str], Plain]) -> None:
    service = as_asked_by("ada")
    complete = question(id_of("ada"), "clients:read", "client", id_of("alder"))
    results = {what: service.search(what, **complete).json["results"] for what in ("subject", "resource", "action")}
    assert results["subject"] == [user(one) for one in sorted(map(id_of, ("ada", "ned", "wil", "eve")))]
    assert results["resource"] == [resource("client", one) for one in sorted(map(id_of, CLIENTS))]
    assert results["action"] == [{"name": "clients:read"}, {"name": "clients:write"}]


def test_a_page_has_no_more_results_than_the_most_there_may_be(as_asked_by: Callable[[str], Plain]) -> None:
    service = as_asked_by("ada")
    service.snapshot.objects = Clients(id_of(str(one)) for one in range(1_001))
    sizes = {10**9: 1_000, 1_000: 1_000, 999: 999, 1: 1}
    pages = {limit: service.search("resource", {"limit": limit}, **ALL_CLIENTS) for limit in sizes}
    assert {limit: len(page.found) for limit, page in pages.items()} == sizes
    assert len(service.search("resource", **ALL_CLIENTS).found) == 50
    token = pages[10**9].json["page"]["next_token"]
    assert len(service.search("resource", {"token": token, "limit": 10**6}, **ALL_CLIENTS).found) == 1
    assert service.search("resource", {"token": token, "limit": 5}, **ALL_CLIENTS).status == 400


@pytest.mark.parametrize("what", ["subject", "resource", "action"])
def test_a_page_of_nothing_says_whether_there_is_more_and_leads_nowhere(
    as_asked_by: Callable[[str], Plain], what: str
) -> None:
    service = as_asked_by("ada")
    complete = question(id_of("ada"), "clients:read", "client", id_of("alder"))
    told = service.search(what, {"limit": 0}, **complete).json
    token = told["page"]["next_token"]
    assert told["results"] == [] and told["page"]["count"] == 0 and token
    for also in ({}, {"limit": 0}, {"limit": 1}):
        refused = service.search(what, {"token": token, **also}, **complete)
        assert refused.status == 400
        assert refused.json["detail"] == "A search for no results has no further page: give a limit, and no token."
    nothing = {**complete, "subject": user("nobody"), "action": {"name": "clients:burn"}}
    assert service.search(what, {"limit": 0}, **nothing).json["page"]["next_token"] == ""


def test_a_page_of_one_leads_on_with_its_token_and_limit_or_without(as_asked_by: Callable[[str], Plain]) -> None:
    service = as_asked_by("ada")
    first, second, *_ = sorted(map(id_of, CLIENTS))
    answer = service.search("resource", {"limit": 1}, **ALL_CLIENTS)
    token = answer.json["page"]["next_token"]
    assert answer.found == [first]
    for also in ({}, {"limit": 1}):
        assert service.search("resource", {"token": token, **also}, **ALL_CLIENTS).found == [second]
    assert service.search("resource", {"token": token, "limit": 0}, **ALL_CLIENTS).status == 400


def tampered(token: str, change: Callable[[bytes], bytes]) -> str:
    return urlsafe_b64encode(change(urlsafe_b64decode(token))).decode()


CHANGES: Sequence[Callable[[bytes], bytes]] = [
    lambda opened: opened.replace(b",1]", b",2]"),
    lambda opened: opened.replace(b'["', b'["0'),
    lambda opened: opened + b" ",
    lambda opened: bytes([opened[0] ^ 1]) + opened[1:],
    lambda opened: opened[1:],
    lambda opened: b"",
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_token_that_was_tampered_with_opens_no_page(
    as_asked_by: Callable[[str], Plain], change: Callable[[bytes], bytes]
) -> None:
    service = as_asked_by("ada")
    token = service.search("resource", {"limit": 1}, **ALL_CLIENTS).json["page"]["next_token"]
    assert service.search("resource", {"token": token}, **ALL_CLIENTS).status == 200
    assert service.search("resource", {"token": tampered(token, change)}, **ALL_CLIENTS).status == 400


@pytest.mark.parametrize("key", ["another", "x" * 100])
def test_a_token_is_signed_with_the_secret_key_however_long(
    as_asked_by: Callable[[str], Plain], settings: Any, key: str
) -> None:
    service = as_asked_by("ada")
    token = service.search("resource", {"limit": 1}, **ALL_CLIENTS).json["page"]["next_token"]
    settings.SECRET_KEY = key
    assert service.search("resource", {"token": token}, **ALL_CLIENTS).status == 400
    token = service.search("resource", {"limit": 1}, **ALL_CLIENTS).json["page"]["next_token"]
    assert service.search("resource", {"token": token}, **ALL_CLIENTS).status == 200


@pytest.mark.parametrize("what", ["subject", "resource", "action"])
def test_a_token_is_good_for_its_own_search_and_asker_only(as_asked_by: Callable[[str], Plain], what: str) -> None:
    alder = resource("client", id_of("alder"))
    complete = {"subject": user(id_of("ada")), "action": {"name": "clients:read"}, "resource": alder}
    token = as_asked_by("ada").search(what, {"limit": 1}, **complete).json["page"]["next_token"]
    statuses = {
        (asker, other): as_asked_by(asker).search(other, {"token": token}, **complete).status
        for asker, other in product(ASKERS, ["subject", "resource", "action"])
    }
    assert {asked for asked, status in statuses.items() if status == 200} == {("ada", what)}
    reordered = {**dict(reversed(complete.items())), "context": {"b": 2, "a": 1}}
    ordered = {**complete, "context": {"a": 1, "b": 2}}
    token = as_asked_by("ada").search(what, {"limit": 1}, **ordered).json["page"]["next_token"]
    assert as_asked_by("ada").search(what, {"token": token}, **reordered).status == 200
    assert as_asked_by("ada").search(what, {"token": token}, **complete).status == 400
