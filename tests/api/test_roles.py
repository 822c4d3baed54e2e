"""Roles by the API: made, listed, read, and kept from others, on the platform and in an organization."""

from __future__ import annotations

from typing import Any

import pytest

from roles import catalogue
from roles.models import Role
from tenancy.actors import Scope
from tenancy.errors import Reason
from tests.api.roles import Face, role_of, stored
from tests.factories import RoleFactory, built_in, on_platform
from tests.world import Agency, make_staff

pytestmark = pytest.mark.django_db
REQUIREMENT = pytest.mark.requirement
MISSING = "0198c0de-dead-7000-8000-000000000000"


@REQUIREMENT("ROLE-1")
@REQUIREMENT("API-1")
def test_a_role_is_created_with_everything_it_is_made_of(face: Face) -> None:
    wanted = {
        "description": "Plans the week.",
        "priority": 30,
        "parent": str(built_in("org-viewer").pk),
        "color": "#14B8A6",
        "icon": "calendar",
        "reach": "all",
        "is_active": False,
        "requires_second_factor": True,
    }
    made = face.chief.post(face.url("roles"), face.new("planner", "notes:read", "tasks:read", **wanted))
    assert made.status_code == 201, made.content
    assert (made.headers["ETag"], made.headers["Location"]) == ('"1"', face.url("roles", made.data["id"]))
    told = face.chief.get(made.headers["Location"]).json()
    assert told == made.json()
    assert wanted.items() <= told.items()
    assert told["permissions"] == [key for key in catalogue.entries() if key in {"notes:read", "tasks:read"}]
    assert (told["scope"], told["organization"]) == ("TENANT", str(face.agency.organization.pk))
    assert (told["version"], told["is_system"], told["people"]) == (1, False, 0)


@REQUIREMENT("ROLE-1")
def test_what_is_left_out_of_a_new_role_gives_it_little(face: Face) -> None:
    told = face.chief.post(face.url("roles"), face.new("planner")).data
    little = {"priority": 0, "reach": "assigned", "permissions": [], "parent": None, "requires_second_factor": False}
    assert little.items() <= told.items()


@REQUIREMENT("ROLE-1")
def test_a_new_role_is_given_to_the_people_named(face: Face) -> None:
    viewer = face.agency.viewer
    made = face.chief.post(face.url("roles"), face.new("planner", "notes:read", users=[str(viewer.pk)]))
    assert (made.status_code, made.data["people"], role_of(viewer)) == (201, 1, "planner")


@REQUIREMENT("ROLE-1")
def test_a_role_is_not_made_for_someone_who_is_not_there(face: Face) -> None:
    users = [str(face.agency.viewer.pk), MISSING]
    refused = face.chief.post(face.url("roles"), face.new("planner", users=users))
    assert (refused.status_code, refused.data["errors"][0]["pointer"]) == (400, "#/users/1")
    with on_platform():
        assert not Role.objects.filter(name="planner").exists()
    assert face.chief.post(face.url("roles"), face.new("planner", users=users[:1])).status_code == 201


@REQUIREMENT("API-1")
def test_a_creation_repeated_under_its_key_makes_one_role(face: Face) -> None:
    first, again = (
        face.chief.post(face.url("roles"), face.new("planner"), HTTP_IDEMPOTENCY_KEY="once") for _ in range(2)
    )
    assert (first.status_code, again.status_code, again.json()) == (201, 201, first.json())
    assert again.headers["Idempotency-Replayed"] == "true"
    with on_platform():
        assert Role.objects.filter(name="planner").count() == 1


@REQUIREMENT("API-2")
@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"permissions": ["clients:read", "clients:fly"]}, "#/permissions/1"),
        ({"permissions": ["organizations:list"]}, "#/permissions"),
        ({"permissions": "clients:read"}, "#/permissions"),
        ({"permissions": ["clients:read"] * 301}, "#/permissions"),
        ({"priority": 101}, "#/priority"),
        ({"priority": -1}, "#/priority"),
        ({"name": "Not a slug"}, "#/name"),
        ({"name": "org-owner"}, "#/name"),
        ({"display_name": "\u200d"}, "#/display_name"),
        ({"display_name": "A\u202eB"}, "#/display_name"),
        ({"color": "red"}, "#/color"),
        ({"icon": "unicorn"}, "#/icon"),
        ({"reach": "some"}, "#/reach"),
        ({"reach": None}, "#/reach"),
        ({"parent": MISSING}, "#/parent"),
        ({"parent": "org-viewer"}, "#/parent"),
        ({"users": [MISSING] * 1001}, "#/users"),
        ({"is_admin": True}, "#/is_admin"),
    ],
)
def test_values_that_do_not_fit_are_refused_where_they_stand(face: Face, wrong: dict[str, Any], pointer: str) -> None:
    refused = face.chief.post(face.url("roles"), face.new("planner") | wrong)
    assert (refused.status_code, refused.headers["Content-Type"]) == (400, "application/problem+json"), refused.content
    assert [error["pointer"] for error in refused.data["errors"]] == [pointer]
    assert face.chief.post(face.url("roles"), face.new("planner")).status_code == 201


@REQUIREMENT("API-2")
@pytest.mark.parametrize(
    "raw", ['{"\\ud800": 1}', '{"name": "a", "name": "b"}', "null", '"role"', '{"users": {"a": 1}}', '{"name": NaN}']
)
def test_a_body_that_cannot_be_read_is_refused(face: Face, raw: str) -> None:
    role = face.role()
    for method, url in (
        ("post", face.url("roles")),
        ("put", face.url("roles", role)),
        ("post", face.url("roles", role)),
        ("post", face.url("roles", role, "assign")),
        ("post", face.url("roles", role, "assign", "preview")),
    ):
        refused = getattr(face.chief, method)(url, raw, content_type="application/json", HTTP_IF_MATCH="*")
        assert (refused.status_code, refused.headers["Content-Type"]) == (400, "application/problem+json"), url
    assert stored(role).version == 1


@REQUIREMENT("PERM-4")
@pytest.mark.parametrize(
    ("place", "pointer"),
    [
        ({}, "#/scope"),
        ({"scope": "TENANT", "organization": MISSING}, "#/organization"),
        ({"scope": "PLATFORM", "organization": "own"}, "#/organization"),
        ({"scope": "PLATFORM", "reach": "all"}, "#/reach"),
        ({"scope": "PLATFORM", "permissions": ["clients:read"]}, "#/permissions"),
    ],
)
def test_the_platform_says_where_a_new_role_belongs(
    agency: Agency, by_token: Any, place: dict[str, Any], pointer: str
) -> None:
    api = by_token(make_staff("super-admin"), None)
    if place.get("organization") == "own":
        place = {**place, "organization": str(agency.organization.pk)}
    new = {"name": "planner", "display_name": "Planner"}
    refused = api.post("/api/admin/roles", new | place)
    assert (refused.status_code, [error["pointer"] for error in refused.data["errors"]]) == (400, [pointer])
    made = api.post("/api/admin/roles", new | {"scope": "PLATFORM", "permissions": ["roles:list"]})
    assert (made.status_code, made.data["organization"], made.data["reach"]) == (201, None, None)


@REQUIREMENT("ROLE-2")
def test_roles_are_filtered_searched_and_ordered(face: Face) -> None:
    face.role(name="night-shift", display_name="Night shift", priority=7)
    face.role(name="day-shift", display_name="Day shift", priority=9, is_active=False)

    def names(**query: Any) -> list[str]:
        answer = face.chief.get(face.url("roles"), query)
        assert answer.status_code == 200, answer.content
        return [role["name"] for role in answer.data["results"]]

    assert names(q="SHIFT", ordering="priority") == ["night-shift", "day-shift"]
    assert names(q="shift", ordering="-priority") == ["day-shift", "night-shift"]
    assert names(q="shift", is_active=False) == ["day-shift"]
    assert names(name="night-shift") == ["night-shift"]
    assert names(is_system=True, scope="TENANT") == [
        "org-owner", "org-admin", "org-manager", "org-member", "org-viewer"
    ]  # fmt: skip
    own = names(organization=face.agency.organization.pk)
    assert {"night-shift", "day-shift"} <= set(own)
    assert "org-owner" not in own
    assert face.chief.get(face.url("roles"), {"color": "red"}).status_code == 400


@REQUIREMENT("ROLE-2")
def test_a_list_counts_the_people_of_each_role(face: Face, other_agency: Agency) -> None:
    role = face.role(name="planner")
    face.person(role)
    listed = face.chief.get(face.url("roles"), {"ordering": "-people", "page_size": 200}).data["results"]
    people = {one["name"]: one["people"] for one in listed}
    assert people["planner"] == 1
    assert people["org-owner"] == (2 if face.is_platform else 1)
    assert [one["people"] for one in listed] == sorted(people.values(), reverse=True)


@REQUIREMENT("ROLE-3")
def test_a_role_tells_its_own_and_its_inherited_permissions_with_their_source(face: Face) -> None:
    base = face.role("clients:read", "tasks:read", name="base", display_name="Base")
    role = face.role("clients:read", "notes:read", parent=base)
    told = face.reader.get(face.url("roles", role)).data
    own = {(held["key"], held["source"]["name"]) for held in told["own_permissions"]}
    inherited = {(held["key"], held["source"]["name"]) for held in told["inherited_permissions"]}
    assert own == {("clients:read", role.name), ("notes:read", role.name)}
    assert inherited == {("tasks:read", "base")}
    assert (told["parent"], told["parent_name"]) == (str(base.pk), "base")


@REQUIREMENT("ROLE-7")
def test_an_inactive_role_keeps_its_keys_and_holds_none_in_force(face: Face) -> None:
    role = face.role("clients:read")
    url = face.url("roles", role)
    assert len(face.chief.get(url).data["own_permissions"]) == 1
    switched = face.chief.patch(url, {"is_active": False}, HTTP_IF_MATCH='"1"')
    assert (switched.status_code, switched.data["own_permissions"]) == (200, [])
    assert switched.data["permissions"] == ["clients:read"]


@REQUIREMENT("ROLE-7")
def test_an_inactive_role_grants_nothing_from_the_next_request_on(face: Face, by_token: Any) -> None:
    role = face.role("clients:read", reach="all")
    api, clients = by_token(face.person(role)), f"/api/orgs/{face.agency.slug}/clients/"
    assert api.get(clients).status_code == 200
    face.chief.patch(face.url("roles", role), {"is_active": False}, HTTP_IF_MATCH='"1"')
    assert api.get(clients).status_code == 403
    face.chief.patch(face.url("roles", role), {"is_active": True}, HTTP_IF_MATCH='"2"')
    assert api.get(clients).status_code == 200


@REQUIREMENT("ASSIGN-2")
@pytest.mark.parametrize("beyond", ["permissions", "priority", "parent"])
def test_a_role_beyond_one_s_own_is_not_made(agency: Agency, by_token: Any, beyond: str) -> None:
    api, url = by_token(agency.admin), f"/api/orgs/{agency.slug}/roles/"
    values = {"permissions": ["admin:*"], "priority": 81, "parent": str(built_in("org-owner").pk)}
    new = {"name": "planner", "display_name": "Planner", "priority": 10}
    refused = api.post(url, new | {beyond: values[beyond]})
    assert (refused.status_code, refused.data["reason"]) == (403, Reason.ABOVE_CEILING)
    assert api.post(url, new).status_code == 201


@REQUIREMENT("API-1")
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("post", "roles", {"name": "planner", "display_name": "Planner", "scope": "TENANT"}),
        ("put", "one", {"name": "planner", "display_name": "Planner"}),
        ("patch", "one", {"description": "Mine"}),
        ("delete", "one", None),
    ],
)
def test_changing_roles_needs_the_permission_of_the_verb(face: Face, method: str, path: str, body: Any) -> None:
    url = face.url("roles") if path == "roles" else face.url("roles", face.role())
    if method == "post" and not face.is_platform:
        body = {name: value for name, value in body.items() if name != "scope"}
    answers = [
        getattr(api, method)(url, body, HTTP_IF_MATCH="*").status_code for api in (face.other, face.reader, face.chief)
    ]
    assert answers[:2] == [403, 403]
    assert answers[2] in {200, 201, 204}


@REQUIREMENT("API-1")
def test_seeing_roles_needs_the_permission(face: Face) -> None:
    role = face.role()
    for url in (face.url("roles"), face.url("roles", role), face.url("roles", role, "assign"), face.url("permissions")):
        assert [api.get(url).status_code for api in (face.other, face.reader)] == [403, 200], url


@REQUIREMENT("CLI-5")
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("get", "", None),
        ("put", "", {"name": "planner", "display_name": "Planner"}),
        ("patch", "", {"name": "planner"}),
        ("delete", "", None),
        ("post", "", {"action": "clone"}),
        ("get", "assign/", None),
        ("post", "assign/", {"users": ["viewer"]}),
        ("delete", "assign/", {"users": ["viewer"]}),
        ("post", "assign/preview/", {"users": ["viewer"]}),
        ("post", "preview/", {"name": "planner"}),
        ("get", "audit/", None),
    ],
)
def test_the_role_of_another_organization_is_one_that_does_not_exist(
    agency: Agency, other_agency: Agency, by_token: Any, method: str, path: str, body: dict[str, Any] | None
) -> None:
    api = by_token(agency.owner)
    if body and "users" in body:
        body = {"users": [str(agency.viewer.pk)]}

    def answer(pk: Any) -> tuple[int, str]:
        told = getattr(api, method)(f"/api/orgs/{agency.slug}/roles/{pk}/{path}", body, HTTP_IF_MATCH="*")
        return told.status_code, told.content.decode().replace(str(pk), "").replace(told.headers["X-Request-ID"], "")

    foreign, own = (RoleFactory(organization=one.organization).pk for one in (other_agency, agency))
    missing = answer(MISSING)
    assert missing[0] == 404
    assert answer(foreign) == answer(built_in("analyst").pk) == missing
    assert answer(own) != missing


@REQUIREMENT("CLI-5")
def test_roles_of_other_places_are_not_listed(agency: Agency, other_agency: Agency, by_token: Any) -> None:
    names = [RoleFactory(organization=one.organization).name for one in (agency, other_agency)]
    url = f"/api/orgs/{agency.slug}/roles/"
    listed = {role["name"] for role in by_token(agency.owner).get(url, {"page_size": 200}).data["results"]}
    assert listed & {*names, "analyst", "org-owner"} == {names[0], "org-owner"}


@REQUIREMENT("API-1")
def test_an_address_is_answered_with_and_without_a_slash_at_its_end(face: Face) -> None:
    role = face.role()
    for path in ("roles", f"roles/{role.pk}", f"roles/{role.pk}/assign", f"roles/{role.pk}/audit", "permissions"):
        answers = [face.chief.get(f"{face.base}{path}{end}").json() | {"next": None} for end in ("", "/")]
        assert answers[0] == answers[1], path
    for end in ("", "/"):
        made = face.chief.post(f"{face.base}roles{end}", face.new(f"planner{len(end)}"))
        assert made.headers["Location"] == f"{face.base}roles/{made.data['id']}{end}"


@REQUIREMENT("API-1")
def test_reads_and_writes_are_counted_apart(face: Face, monkeypatch: pytest.MonkeyPatch) -> None:
    from tenancy.api.throttling import WriteThrottle

    monkeypatch.setattr(WriteThrottle, "THROTTLE_RATES", {"write": "2/hour", "read": "100/hour"})
    url = face.url("roles", face.role())
    answers = [face.chief.post(url, {"action": "clone"}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201, 201, 429]
    assert answers[0].headers["RateLimit-Policy"] == '"write";q=2;w=3600'
    read = face.chief.get(url)
    assert (read.status_code, read.headers["RateLimit-Policy"].split(";")[0]) == (200, '"read"')


@REQUIREMENT("PERM-2")
def test_permissions_are_listed_in_catalogue_order_with_what_they_need(face: Face) -> None:
    query = {"scope": "TENANT", "category": "Team", "page_size": 200}
    listed = face.chief.get(face.url("permissions"), query).data["results"]
    wanted = [entry for entry in catalogue.entries().values() if (entry.scope, entry.category) == ("TENANT", "Team")]
    assert [row["key"] for row in listed] == [entry.key for entry in wanted]
    by_key = {row["key"]: row for row in listed}
    assert by_key["team:invite"]["needs"] == ["team:list", "team:read"]
    assert [by_key[key]["is_dangerous"] for key in ("team:list", "team:remove")] == [False, True]
    assert face.chief.get(face.url("permissions"), {"category": "Nothing"}).status_code == 400


@REQUIREMENT("PERM-2")
@REQUIREMENT("PERM-4")
def test_an_organization_sees_the_permissions_of_its_own_scope(face: Face) -> None:
    found = face.chief.get(face.url("permissions"), {"scope": "PLATFORM"}).data["count"]
    assert found == (len(catalogue.keys_of(Scope.PLATFORM)) if face.is_platform else 0)
