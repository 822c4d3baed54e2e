"""The applications of an organization over the API, and what is granted in them."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from tests.api.test_budgets import BUDGETS, cost, warm_up
from tests.factories import MembershipFactory, RoleFactory, UserFactory
from tests.roles.applications import BILLING, grant, keys_of, register
from tests.world import Agency, make_agency, make_staff

pytestmark = [pytest.mark.django_db, pytest.mark.requirement("API-1"), pytest.mark.requirement("PDP-3")]


@pytest.fixture
def url(agency: Agency) -> str:
    return f"/api/orgs/{agency.slug}/applications/"


@pytest.fixture
def api(agency: Agency, by_token: Any) -> APIClient:
    client: APIClient = by_token(agency.owner)
    client.default_format = "json"
    return client


def test_an_application_is_registered_and_read(agency: Agency, api: APIClient, url: str) -> None:
    made = api.post(url, BILLING, format="json")
    assert (made.status_code, made.headers["ETag"]) == (201, '"1"'), made.content
    assert made.headers["Location"] == f"{url}{made.data['id']}/"
    read = api.get(made.headers["Location"])
    assert read.data == made.data
    assert [one["permission"].partition(":")[2] for one in read.data["actions"]] == [
        "invoice:read",
        "invoice:update",
        "report:update",
    ]
    assert read.data["actions"][2] | {"permission": ""} == {
        "resource_type": "report",
        "action": "update",
        "name": "Update report",
        "reach": "own",
        "owner_property": "author",
        "permission": "",
        "held_by": 0,
    }
    assert [one["slug"] for one in api.get(url).data["results"]] == ["billing"]


def test_a_repeated_registration_is_done_once(api: APIClient, url: str) -> None:
    answers = [api.post(url, BILLING, format="json", HTTP_IDEMPOTENCY_KEY="k-1") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert api.get(url).data["count"] == 1


def test_what_is_wrong_is_told_by_field(api: APIClient, url: str) -> None:
    wrong = {**BILLING, "slug": "Billing", "actions": [{"resource_type": "a", "action": "read", "reach": "most"}]}
    refused = api.post(url, wrong, format="json")
    assert (refused.status_code, refused.headers["Content-Type"]) == (400, "application/problem+json")
    assert {error["pointer"] for error in refused.data["errors"]} == {"#/slug", "#/actions/0/reach"}
    told = api.post(url, {**BILLING, "colour": "red"}, format="json")
    assert [error["pointer"] for error in told.data["errors"]] == ["#/colour"]
    missing = api.post(
        url, {**BILLING, "actions": [{"resource_type": "a", "action": "read", "reach": "own"}]}, format="json"
    )
    assert missing.status_code == 400 and "Action 1" in missing.data["errors"][0]["detail"]


def test_an_edit_needs_the_version_that_it_was_made_from(agency: Agency, api: APIClient, url: str) -> None:
    one = f"{url}{register(agency).pk}/"
    assert api.patch(one, {"name": "Ledger"}, format="json").status_code == 428
    made = api.patch(one, {"name": "Ledger"}, format="json", HTTP_IF_MATCH='"1"')
    assert (made.status_code, made.headers["ETag"], made.data["name"]) == (200, '"2"', "Ledger")
    assert len(made.data["actions"]) == 3
    late = api.patch(one, {"name": "Desk"}, format="json", HTTP_IF_MATCH='"1"')
    assert (late.status_code, late.data["stored"]["name"]) == (412, "Ledger")
    replaced = api.put(one, {"slug": "billing", "name": "Desk"}, format="json", HTTP_IF_MATCH='"2"')
    assert (replaced.status_code, replaced.data["actions"], replaced.data["description"]) == (200, [], "")
    assert api.delete(one, HTTP_IF_MATCH='"2"').status_code == 412
    assert api.delete(one, HTTP_IF_MATCH='"3"').status_code == 204
    assert api.get(one).status_code == 404


def test_its_permissions_are_listed_and_given_to_roles(
    agency: Agency, other_agency: Agency, api: APIClient, url: str
) -> None:
    application = register(agency)
    register(other_agency, name="Ledger")
    permissions = f"/api/orgs/{agency.slug}/permissions/"
    listed = api.get(permissions, {"page_size": 200}).data["results"]
    assert [one["key"] for one in listed if one["key"].startswith("app-")] == sorted(keys_of(application).values())
    assert {one["category"] for one in listed} & {"Billing desk", "Ledger"} == {"Billing desk"}
    of_one = api.get(permissions, {"application": "billing"}).data["results"]
    assert [one["name"] for one in of_one] == ["Read invoices", "Update invoices", "Update report"]
    key = keys_of(application)["invoice:read"]
    body = {"name": "desk", "display_name": "Desk", "permissions": [key, "notes:read"]}
    made = api.post(f"/api/orgs/{agency.slug}/roles/", body, format="json")
    assert (made.status_code, made.data["permissions"]) == (201, ["notes:read", key])
    assert {one["category"] for one in made.data["own_permissions"]} == {"Client Workspace", "Billing desk"}
    assert api.get(f"{url}{application.pk}/").data["actions"][0]["held_by"] == 1
    preview = api.post(f"/api/orgs/{agency.slug}/roles/{made.data['id']}/preview/", {"permissions": []}, format="json")
    assert preview.status_code == 200


def test_the_platform_lists_the_catalogue_alone(agency: Agency, call: Any) -> None:
    register(agency)
    listed = call(make_staff("super-admin")).get("/api/admin/permissions", {"page_size": 200, "scope": "TENANT"})
    assert listed.data["count"] == 101


def test_what_would_go_is_counted(agency: Agency, api: APIClient, url: str) -> None:
    application = register(agency)
    role = RoleFactory(organization=agency.organization, keys=(keys_of(application)["invoice:read"],))
    MembershipFactory(user=UserFactory(), organization=agency.organization, role=role)
    grant(agency, application, "member", "i-1")
    told = api.post(f"{url}{application.pk}/preview/", {}, format="json")
    nobody = {"roles": 0, "people": 0}
    assert (told.status_code, told.json()) == (200, {"roles": 1, "people": 2, "grants": 1, "redefined": nobody})
    actions = [{**BILLING["actions"][0], "reach": "assigned"}, *BILLING["actions"][1:]]
    told = api.post(f"{url}{application.pk}/preview/", {"actions": actions}, format="json")
    assert told.json() == {**nobody, "grants": 0, "redefined": {"roles": 1, "people": 2}}


def test_resources_are_granted_listed_and_taken_back(agency: Agency, api: APIClient, url: str) -> None:
    grants = f"{url}{register(agency).pk}/grants/"
    people = [str(agency.member.pk), str(agency.viewer.pk)]
    body = {"resource_type": "invoice", "resource_ids": ["i-1", " i-2"], "users": people}
    made = api.post(grants, body, format="json")
    assert (made.status_code, made.data) == (200, {"new": 4, "unchanged": 0})
    assert api.post(grants, body, format="json").data == {"new": 0, "unchanged": 4}
    listed = api.get(grants, {"resource_id": " i-2", "user": people[0]}).data
    assert (listed["count"], listed["results"][0]["user"]["email"]) == (1, agency.member.email)
    taken = api.delete(f"{grants}?resource_type=invoice&resource_id=i-1&resource_id=%20i-2&user={people[0]}")
    assert taken.status_code == 204
    assert {one["user"]["id"] for one in api.get(grants).data["results"]} == {people[1]}


def test_a_grant_to_nobody_is_told_where_it_stands(agency: Agency, api: APIClient, url: str) -> None:
    grants = f"{url}{register(agency).pk}/grants/"
    stranger = make_agency("Quaymark").member
    body = {"resource_type": "invoice", "resource_ids": ["i-1"], "users": [str(agency.member.pk), str(stranger.pk)]}
    refused = api.post(grants, body, format="json")
    assert refused.status_code == 400
    assert [error["pointer"] for error in refused.data["errors"]] == ["#/users/1"]
    wrong = api.post(grants, {**body, "resource_type": "ledger", "users": body["users"][:1]}, format="json")
    assert [error["pointer"] for error in wrong.data["errors"]] == ["#/resource_type"]
    idle = api.post(grants, {**body, "resource_type": "report", "users": body["users"][:1]}, format="json")
    assert idle.status_code == 400 and [error["pointer"] for error in idle.data["errors"]] == ["#/resource_type"]
    assert api.delete(f"{grants}?resource_type=invoice&resource_id=i-1&user={stranger.pk}").status_code == 400
    assert api.delete(f"{grants}?resource_type=invoice&user={agency.member.pk}").status_code == 400


@pytest.mark.requirement("PDP-7")
@pytest.mark.parametrize(
    ("person", "sees", "may"), [("owner", 200, 200), ("admin", 200, 403), ("viewer", 200, 403), ("member", 403, 403)]
)
def test_each_verb_has_its_permission(
    agency: Agency, by_token: Any, url: str, person: str, sees: int, may: int
) -> None:
    one, api = f"{url}{register(agency).pk}/", by_token(agency.people[person])
    assert (api.get(url).status_code, api.get(one).status_code) == (sees, sees)
    assert api.patch(one, {"name": "Ledger"}, format="json", HTTP_IF_MATCH="*").status_code == may
    assert api.post(f"{one}preview/", {}, format="json").status_code == may
    assert api.post(url, {**BILLING, "slug": "b"}, format="json").status_code == (201 if may == 200 else may)
    assert api.delete(one, HTTP_IF_MATCH="*").status_code == (204 if may == 200 else may)


@pytest.mark.parametrize(("person", "sees", "may"), [("manager", 2, 200), ("member", 1, 403), ("viewer", 1, 403)])
def test_grants_are_seen_and_made_by_permission_and_reach(
    agency: Agency, by_token: Any, url: str, person: str, sees: int, may: int
) -> None:
    application = register(agency)
    grant(agency, application, "member", "i-1")
    grant(agency, application, "viewer", "i-2")
    grants, api = f"{url}{application.pk}/grants/", by_token(agency.people[person])
    listed = api.get(grants)
    assert listed.data["count"] == sees
    body = {"resource_type": "invoice", "resource_ids": ["i-1"], "users": [str(agency.admin.pk)]}
    assert api.post(grants, body, format="json").status_code == may


@pytest.mark.requirement("CLI-3")
def test_another_organization_s_application_is_not_there(agency: Agency, api: APIClient, url: str) -> None:
    foreign, own = register(make_agency("Quaymark")), register(agency)
    for path in ("", "grants/"):
        assert api.get(f"{url}{foreign.pk}/{path}").status_code == 404
        assert api.get(f"{url}{own.pk}/{path}").status_code == 200
    body = {"resource_type": "invoice", "resource_ids": ["i-1"], "users": [str(agency.member.pk)]}
    assert api.post(f"{url}{foreign.pk}/grants/", body, format="json").status_code == 404


@pytest.mark.requirement("PERF-3")
def test_a_request_about_applications_keeps_to_its_budget(agency: Agency, api: APIClient, url: str) -> None:
    application = register(agency)
    role = RoleFactory(organization=agency.organization, keys=tuple(keys_of(application).values()))
    MembershipFactory(user=UserFactory(), organization=agency.organization, role=role)
    grant(agency, application, "member", "i-1")
    one = f"{url}{application.pk}/"
    query = f"resource_type=invoice&resource_id=i-1&user={agency.member.pk}"
    body = {"resource_type": "invoice", "resource_ids": ["i-1", "i-2"], "users": [str(agency.member.pk)]}
    actions = {"actions": BILLING["actions"][1:]}
    narrower = {"actions": [{**BILLING["actions"][0], "reach": "assigned"}]}
    warm_up(agency.actor("owner"))
    api.get(url)
    spent = {
        "list": cost(lambda: api.get(url), 200),
        "retrieve": cost(lambda: api.get(one), 200),
        "preview": cost(lambda: api.post(f"{one}preview/", narrower, format="json"), 200),
        "grants": cost(lambda: api.get(f"{one}grants/"), 200),
        "grant": cost(lambda: api.post(f"{one}grants/", body, format="json"), 200),
        "revoke": cost(lambda: api.delete(f"{one}grants/?{query}"), 204),
        "create": cost(lambda: api.post(url, {**BILLING, "slug": "b", "name": "B"}, format="json"), 201),
        "change": cost(lambda: api.patch(one, actions, format="json", HTTP_IF_MATCH="*"), 200),
        "delete": cost(lambda: api.delete(one, HTTP_IF_MATCH="*"), 204),
    }
    over = {name: made for name, made in spent.items() if len(made) > BUDGETS["applications"][name]}
    assert not over, "\n\n".join(f"{name}: {len(made)}\n" + "\n".join(made) for name, made in over.items())
