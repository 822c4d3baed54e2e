"""The three searches, page by page (AuthZEN 1.0, section 8)."""

from __future__ import annotations

from typing import Any

import pytest

from roles import catalogue
from tests.factories import ClientFactory, MembershipFactory, UserFactory, assign, built_in
from tests.roles.authzen.asking import Service, resource, user
from tests.world import Agency

pytestmark = pytest.mark.requirement("PDP-3")

READ = {"name": "clients:read"}


@pytest.fixture(scope="module")
def busy(agency: Agency) -> Agency:
    """The agency with two members more, assigned to seven clients more."""
    people = [UserFactory() for _ in range(2)]
    for person in people:
        MembershipFactory(user=person, organization=agency.organization, role=built_in("org-member"))
    for number in range(7):
        client = ClientFactory(organization=agency.organization)
        agency.clients.append(client)
        for person in people:
            assign(person, client, "change_client" if number % 2 else "view_client")
    agency.people.update({f"member{number}": person for number, person in enumerate(people)})
    return agency


def searches(agency: Agency) -> dict[str, dict[str, Any]]:
    """Return a search of each kind that has several results."""
    return {
        "subject": {"subject": {"type": "user"}, "action": READ, "resource": resource("client", agency.clients[5])},
        "resource": {"subject": user(agency.member0), "action": READ, "resource": {"type": "client"}},
        "action": {"subject": user(agency.member0), "resource": resource("client", agency.clients[5])},
    }


def pages(service: Service, what: str, limit: int | None, asked: dict[str, Any]) -> list[list[str]]:
    """Return the pages of a search, each asked for with the token of the one before."""
    found, token = [], ""
    while True:
        page = ({"limit": limit} if limit is not None else {}) | ({"token": token} if token else {})
        answer = service.search(what, page=page, **asked)
        found.append(answer.found)
        told = answer.json["page"]
        assert told["count"] == len(answer.found)
        token = told["next_token"]
        if token == "":
            return found


def test_search_finds_exactly_what_an_evaluation_permits(service: Service, busy: Agency) -> None:
    for action in ("clients:read", "tasks:write", "clients:delete", "clients:teleport"):
        named = {"name": action}
        for client in busy.clients:
            found = service.search(
                "subject", subject={"type": "user"}, action=named, resource=resource("client", client)
            )
            people = busy.people.values()
            permitted = {str(one.pk) for one in people if service.ask(one, action, "client", client).decision}
            assert set(found.found) == permitted and len(found.found) == len(permitted)
        for person in busy.people.values():
            found = service.search("resource", subject=user(person), action=named, resource={"type": "client"})
            permitted = {str(one.pk) for one in busy.clients if service.ask(person, action, "client", one).decision}
            assert set(found.found) == permitted


def test_search_finds_exactly_the_actions_an_evaluation_permits(service: Service, busy: Agency) -> None:
    for person in busy.people.values():
        for kind, object_id in (("client", busy.clients[5].pk), ("organization", busy.slug)):
            asked = {"subject": user(person), "resource": resource(kind, object_id)}
            found = service.search("action", page={"limit": 1_000}, **asked).found
            items = [asked | {"action": {"name": key}} for key in catalogue.entries()]
            decisions = service.batch(*items).decisions
            assert found == sorted(key for key, decided in zip(catalogue.entries(), decisions, strict=True) if decided)


@pytest.mark.parametrize("what", ["subject", "resource", "action"])
def test_pages_together_are_the_whole_and_the_last_token_is_empty(service: Service, busy: Agency, what: str) -> None:
    asked = searches(busy)[what]
    [whole] = pages(service, what, None, asked)
    assert len(whole) > 4 and len(set(whole)) == len(whole)
    for limit in (1, 3, len(whole) - 1, len(whole), len(whole) + 1, 1_000, 10**12):
        parts = pages(service, what, limit, asked)
        assert [one for part in parts for one in part] == whole
        assert len(parts) == max(1, -(-len(whole) // limit))


@pytest.mark.parametrize("what", ["subject", "resource", "action"])
def test_a_results_form_is_that_of_what_was_searched_for(service: Service, busy: Agency, what: str) -> None:
    result = service.search(what, **searches(busy)[what]).json["results"][0]
    assert set(result) == ({"name"} if what == "action" else {"type", "id"})
    assert result.get("type") == {"subject": "user", "resource": "client", "action": None}[what]


def test_a_page_of_nothing_says_whether_there_is_more(service: Service, busy: Agency) -> None:
    asked = searches(busy)["resource"]
    answer = service.search("resource", page={"limit": 0}, **asked)
    assert answer.found == [] and answer.json["page"]["count"] == 0 and answer.json["page"]["next_token"]
    nobody = asked | {"subject": user("nobody@elsewhere.example")}
    assert service.search("resource", page={"limit": 0}, **nobody).json["page"]["next_token"] == ""


@pytest.mark.parametrize("what", ["subject", "resource", "action"])
@pytest.mark.parametrize("in_the_second", [True, False])
def test_the_limit_may_be_left_out_of_later_pages(
    service: Service, busy: Agency, what: str, in_the_second: bool
) -> None:
    asked = searches(busy)[what]
    token = service.search(what, page={"limit": 2}, **asked).json["page"]["next_token"]
    page = {"token": token} | ({"limit": 2} if in_the_second else {})
    assert len(service.search(what, page=page, **asked).found) == 2
    assert service.search(what, page={"token": token, "limit": 3}, **asked).status == 400


@pytest.mark.parametrize("what", ["subject", "resource", "action"])
def test_a_token_is_good_for_its_own_search_only(service: Service, busy: Agency, what: str) -> None:
    asked = searches(busy)[what]
    token = service.search(what, page={"limit": 2}, **asked).json["page"]["next_token"]
    changes: list[dict[str, Any]] = [{"context": {"time": "later"}}]
    if what != "action":
        changes += [{"action": {"name": "clients:write"}}, {"action": READ | {"properties": {"method": "GET"}}}]
    if what != "subject":
        changes += [{"subject": user(busy.member1)}, {"subject": asked["subject"] | {"properties": {"x": 1}}}]
    if what != "resource":
        changes += [{"resource": resource("client", busy.clients[6])}]
    changes += [{"resource": asked["resource"] | {"properties": {"x": 1}}}]
    for change in changes:
        answer = service.search(what, page={"token": token}, **(asked | change))
        assert answer.status == 400 and "token" in answer.json["detail"], change
    others = {"subject", "resource", "action"} - {what}
    complete = asked | {"action": READ, "subject": user(busy.member0), "resource": resource("client", busy.clients[5])}
    for other in others:
        assert service.search(other, page={"token": token}, **complete).status == 400
    assert service.search(what, page={"token": token}, **asked).status == 200


def test_a_search_is_the_same_however_its_body_is_written(service: Service, busy: Agency) -> None:
    asked = {"context": {"a": 1, "b": 2}} | searches(busy)["resource"]
    token = service.search("resource", page={"limit": 2}, **asked).json["page"]["next_token"]
    again = dict(reversed(asked.items())) | {"context": {"b": 2, "a": 1}, "unknown": 1}
    again["resource"] = {"id": "ignored", "type": "client"}
    assert service.search("resource", page={"token": token}, **again).status == 200


@pytest.mark.parametrize("token", ["", "x", "AAAA", "ä", "\x00", "e30=", "A" * 1_000, "A" * 100_000])
def test_a_token_that_was_never_given_is_a_bad_request(service: Service, busy: Agency, token: str) -> None:
    assert service.search("resource", page={"token": token}, **searches(busy)["resource"]).status == 400


def test_a_token_of_one_asker_is_not_good_for_another(service: Service, service_of: Any, busy: Agency) -> None:
    asked = searches(busy)["resource"]
    token = service.search("resource", page={"limit": 2}, **asked).json["page"]["next_token"]
    other = service_of(busy, busy.admin)
    assert other.search("resource", page={"limit": 2}, **asked).status == 200
    assert other.search("resource", page={"token": token}, **asked).status == 400


@pytest.mark.parametrize(
    "page", [[], 3, "next", {"token": 3}, {"limit": -1}, {"limit": "9"}, {"limit": 1.5}, {"limit": None}]
)
@pytest.mark.parametrize("what", ["subject", "resource", "action"])
def test_a_mistyped_page_is_a_bad_request(service: Service, busy: Agency, what: str, page: Any) -> None:
    assert service.search(what, page=page, **searches(busy)[what]).status == 400


@pytest.mark.parametrize(("what", "searched"), [("subject", "subject"), ("resource", "resource")])
@pytest.mark.parametrize("object_id", ["nobody", "", 7, None, []])
def test_the_id_of_what_is_searched_for_is_ignored(
    service: Service, busy: Agency, what: str, searched: str, object_id: Any
) -> None:
    asked = searches(busy)[what]
    plain = service.search(what, **asked)
    named = service.search(what, **(asked | {searched: asked[searched] | {"id": object_id}}))
    assert named.body == plain.body


def test_the_action_of_a_search_for_actions_is_ignored(service: Service, busy: Agency) -> None:
    asked = searches(busy)["action"]
    assert service.search("action", **asked, action={"name": "x"}).found == service.search("action", **asked).found


@pytest.mark.parametrize(
    ("what", "change"),
    [
        ("subject", {"resource": resource("client", "01a1f9b9-0000-7000-8000-000000000000")}),
        ("subject", {"resource": resource("client", "nothing")}),
        ("subject", {"resource": resource("unicorn", "1")}),
        ("subject", {"action": {"name": "clients:teleport"}}),
        ("subject", {"subject": {"type": "robot"}}),
        ("resource", {"subject": user("nobody@elsewhere.example")}),
        ("resource", {"subject": user("\x00")}),
        ("resource", {"action": {"name": "clients:teleport"}}),
        ("resource", {"resource": {"type": "unicorn"}}),
        ("action", {"subject": user("nobody@elsewhere.example")}),
        ("action", {"subject": {"type": "robot", "id": "1"}}),
        ("action", {"resource": resource("client", "nothing")}),
        ("action", {"resource": resource("unicorn", "1")}),
    ],
)
def test_what_is_unknown_gives_an_empty_list(service: Service, busy: Agency, what: str, change: dict[str, Any]) -> None:
    assert service.search(what, **searches(busy)[what]).found
    answer = service.search(what, **(searches(busy)[what] | change))
    assert answer.found == [] and answer.json["page"] == {"next_token": "", "count": 0}


def test_another_agencys_people_and_clients_give_an_empty_list(
    service: Service, busy: Agency, other_agency: Agency
) -> None:
    asked = searches(busy)
    foreign = resource("client", other_agency.clients[0])
    assert service.search("subject", **(asked["subject"] | {"resource": foreign})).found == []
    assert service.search("resource", **(asked["resource"] | {"subject": user(other_agency.owner)})).found == []
    assert service.search("action", **(asked["action"] | {"resource": foreign})).found == []


@pytest.mark.parametrize("what", ["subject", "resource", "action"])
def test_a_missing_entity_is_a_bad_request(service: Service, busy: Agency, what: str) -> None:
    asked = searches(busy)[what]
    for entity in asked:
        assert service.search(what, **{name: value for name, value in asked.items() if name != entity}).status == 400
        assert service.search(what, **(asked | {entity: {}})).status == 400
    assert service.search(what, **asked, context="now").status == 400
    assert service.search(what, **asked, context={"at_least": "now"}).status == 400


def test_what_is_no_version_is_told_in_words(service: Service, busy: Agency) -> None:
    told = service.search("action", **searches(busy)["action"], context={"at_least": "soon"}).json["detail"]
    assert "Expected a version as it came with an answer - at `$.at_least`." in told


def test_a_kind_that_stands_for_the_place_is_found_by_its_id(service: Service, busy: Agency) -> None:
    asked = {"subject": user(busy.owner), "action": {"name": "team:invite"}, "resource": {"type": "organization"}}
    assert service.search("resource", **asked).found == [str(busy.organization.pk)]
