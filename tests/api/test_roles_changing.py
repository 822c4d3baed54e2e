"""Roles by the API: changed, cloned, restored and deleted, on the platform and in an organization."""

from __future__ import annotations

from typing import Any

import pytest

from roles.models import Role
from tenancy.errors import Reason
from tests.api.roles import Face, role_of, stored
from tests.factories import RoleFactory, built_in, on_platform
from tests.world import Agency

pytestmark = pytest.mark.django_db
REQUIREMENT = pytest.mark.requirement
MISSING = "0198c0de-dead-7000-8000-000000000000"


@REQUIREMENT("ROLE-4")
def test_a_change_makes_a_new_version_and_keeps_what_is_not_sent(face: Face) -> None:
    role = face.role("clients:read", display_name="Planner")
    changed = face.chief.patch(face.url("roles", role), {"permissions": ["notes:read"]}, HTTP_IF_MATCH='"1"')
    assert (changed.status_code, changed.headers["ETag"]) == (200, '"2"')
    assert (changed.data["permissions"], changed.data["display_name"]) == (["notes:read"], "Planner")


@REQUIREMENT("API-1")
def test_a_replaced_role_is_a_new_one_in_what_is_left_out(face: Face) -> None:
    role = face.role("clients:read", description="Old", priority=40, reach="all", icon="crown", parent=face.role())
    body = {"name": "planner", "display_name": "Planner"}
    replaced = face.chief.put(face.url("roles", role), body, HTTP_IF_MATCH='"1"')
    assert replaced.status_code == 200, replaced.content
    fresh = face.chief.post(face.url("roles"), face.new("fresh")).data
    for name in ("description", "priority", "reach", "icon", "color", "parent", "permissions", "is_active"):
        assert replaced.data[name] == fresh[name], name


@REQUIREMENT("API-1")
def test_what_was_read_can_be_sent_back_as_it_is(face: Face) -> None:
    url = face.url("roles", face.role("clients:read", parent=face.role("notes:read"), reach="all"))
    read = face.chief.get(url).json()
    kept = face.chief.put(url, read, HTTP_IF_MATCH='"1"')
    assert (kept.status_code, kept.json()) == (200, read)


@REQUIREMENT("API-1")
@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_an_edit_without_the_version_is_not_made(face: Face, method: str) -> None:
    url, body = face.url("roles", face.role()), {"name": "planner", "display_name": "Planner"}
    assert getattr(face.chief, method)(url, body).status_code == 428
    assert face.chief.get(url).headers["ETag"] == '"1"'
    assert getattr(face.chief, method)(url, body, HTTP_IF_MATCH='"1"').status_code < 300


@REQUIREMENT("ROLE-4")
@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_a_stale_edit_tells_what_is_stored_and_what_changed_meanwhile(face: Face, method: str) -> None:
    role = face.role("clients:read", display_name="Planner")
    url = face.url("roles", role)
    face.chief.patch(url, {"display_name": "Scheduler"}, HTTP_IF_MATCH='"1"')
    face.chief.patch(url, {"permissions": []}, HTTP_IF_MATCH='"2"')
    refused = getattr(face.chief, method)(url, {"name": "mine", "display_name": "Mine"}, HTTP_IF_MATCH='"1"')
    assert (refused.status_code, refused.headers["ETag"]) == (412, '"3"')
    assert refused.data["stored"] == face.chief.get(url).data
    assert ["Scheduler" in refused.data["changes"][0], "clients:read" in refused.data["changes"][1]] == [True, True]
    assert stored(role).display_name == "Scheduler"


@REQUIREMENT("ROLE-4")
@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_a_built_in_role_is_changed_by_nobody(face: Face, method: str) -> None:
    body = {"name": "planner", "display_name": "Planner"}
    for role, expected in ((built_in("org-viewer"), 403), (face.role(), 200)):
        answer = getattr(face.chief, method)(face.url("roles", role), body, HTTP_IF_MATCH="*")
        assert answer.status_code == (204 if method == "delete" and expected == 200 else expected)
        if expected == 403:
            assert answer.data["reason"] == Reason.BUILT_IN


@REQUIREMENT("ROLE-4")
def test_nobody_edits_the_role_they_hold_or_one_it_inherits_from(agency: Agency, by_token: Any) -> None:
    keys = ("team:list", "team:read", "team:roles:assign")
    base = RoleFactory(organization=agency.organization, priority=20, keys=("team:list",))
    own = RoleFactory(organization=agency.organization, priority=20, keys=keys, parent=base)
    free = RoleFactory(organization=agency.organization, priority=20, keys=("team:list",))
    face = Face(f"/api/orgs/{agency.slug}/", "/", agency, *[by_token(agency.owner)] * 3)
    api = by_token(face.person(own))
    for role, told in ((own, Reason.OWN_ROLE), (base, Reason.OWN_ROLE), (free, None)):
        answer = api.patch(face.url("roles", role), {"description": "Mine"}, HTTP_IF_MATCH="*")
        assert (answer.status_code, answer.data.get("reason")) == (403 if told else 200, told)


@REQUIREMENT("ROLE-6")
def test_any_role_is_cloned_into_a_custom_one(face: Face) -> None:
    made = face.chief.post(face.url("roles", built_in("org-viewer")), {"action": "clone", "display_name": "Guest"})
    assert made.status_code == 201, made.content
    assert (made.headers["ETag"], made.headers["Location"]) == ('"1"', face.url("roles", made.data["id"]))
    assert (made.data["is_system"], made.data["display_name"], made.data["name"]) == (False, "Guest", "org-viewer-copy")
    viewer = face.chief.get(face.url("roles", built_in("org-viewer"))).data
    assert [made.data[name] for name in ("permissions", "priority", "reach", "color")] == [
        viewer[name] for name in ("permissions", "priority", "reach", "color")
    ]
    assert face.chief.get(made.headers["Location"]).json() == made.json()


@REQUIREMENT("ROLE-6")
def test_cloning_needs_what_reading_and_creating_need(face: Face) -> None:
    url = face.url("roles", built_in("org-viewer"))
    assert face.reader.get(url).status_code == 200
    assert face.reader.post(url, {"action": "clone"}).status_code == 403
    assert face.chief.post(url, {"action": "clone"}).status_code == 201


@REQUIREMENT("API-2")
@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "#/action"),
        ([], "#/action"),
        ({"action": "promote"}, "#/action"),
        ({"action": ["clone"]}, "#/action"),
        ({"action": "clone", "permissions": ["clients:fly"]}, "#/permissions/0"),
        ({"action": "clone", "scope": "PLATFORM", "colour": "red"}, "#/colour"),
        ({"action": "restore"}, "#/event"),
        ({"action": "restore", "event": MISSING}, "#/event"),
    ],
)
def test_an_action_that_is_not_known_is_refused(face: Face, body: Any, pointer: str) -> None:
    url = face.url("roles", face.role())
    refused = face.chief.post(url, body, format="json", HTTP_IF_MATCH="*")
    assert (refused.status_code, refused.data["errors"][0]["pointer"]) == (400, pointer)
    assert face.chief.post(url, {"action": "clone"}).status_code == 201


@REQUIREMENT("ROLE-4")
def test_an_earlier_version_is_restored_by_its_event(face: Face) -> None:
    made = face.chief.post(face.url("roles"), face.new("planner", "clients:read"))
    url = made.headers["Location"]
    face.chief.patch(url, {"permissions": [], "display_name": "Nobody"}, HTTP_IF_MATCH='"1"')
    [first] = face.chief.get(face.url("roles", made.data["id"], "audit"), {"kind": "CREATED"}).data["results"]
    restoring = {"action": "restore", "event": first["id"]}
    assert face.chief.post(url, restoring).status_code == 428
    assert face.chief.post(url, restoring, HTTP_IF_MATCH='"1"').status_code == 412
    restored = face.chief.post(url, restoring, HTTP_IF_MATCH='"2"')
    assert (restored.status_code, restored.headers["ETag"]) == (200, '"3"')
    assert (restored.data["display_name"], restored.data["permissions"]) == ("Planner", ["clients:read"])


@REQUIREMENT("ROLE-5")
def test_a_role_with_people_is_deleted_with_a_replacement_for_them(face: Face) -> None:
    role, person = face.role(), None
    person, url = face.person(role), face.url("roles", role)
    refused = face.chief.delete(url, HTTP_IF_MATCH='"1"')
    assert (refused.status_code, role_of(person)) == (409, role.name)
    deleted = face.chief.delete(f"{url}?replacement={built_in('org-viewer').pk}", HTTP_IF_MATCH='"1"')
    assert (deleted.status_code, role_of(person)) == (204, "org-viewer")
    assert face.chief.get(url).status_code == 404


@REQUIREMENT("ROLE-5")
@pytest.mark.parametrize(
    ("query", "parameter"),
    [(f"replacement={MISSING}", "replacement"), ("replacement=org-viewer", "replacement"), ("instead=x", "instead")],
)
def test_a_replacement_that_is_not_there_deletes_nothing(face: Face, query: str, parameter: str) -> None:
    role = face.role()
    refused = face.chief.delete(f"{face.url('roles', role)}?{query}", HTTP_IF_MATCH='"1"')
    assert (refused.status_code, refused.data["errors"][0]["parameter"]) == (400, parameter)
    assert stored(role).version == 1
    assert face.chief.delete(face.url("roles", role), HTTP_IF_MATCH='"1"').status_code == 204


@REQUIREMENT("ROLE-8")
def test_a_role_inherits_from_a_role_of_its_place_and_never_in_a_circle(face: Face, other_agency: Agency) -> None:
    base = face.role("clients:read")
    role, foreign = face.role(parent=base), RoleFactory(organization=other_agency.organization)
    for child, parent in ((base, role), (base, base), (role, foreign)):
        refused = face.chief.patch(face.url("roles", child), {"parent": str(parent.pk)}, HTTP_IF_MATCH="*")
        assert (refused.status_code, refused.data["errors"][0]["pointer"]) == (400, "#/parent")
    moved = face.chief.patch(face.url("roles", role), {"parent": str(built_in("org-viewer").pk)}, HTTP_IF_MATCH="*")
    assert (moved.status_code, moved.data["parent_name"]) == (200, "org-viewer")


@REQUIREMENT("ROLE-9")
def test_an_eleventh_role_is_refused(face: Face) -> None:
    with on_platform():
        missing = 10 - Role.objects.filter(organization=face.agency.organization).count()
    answers = [face.chief.post(face.url("roles"), face.new(f"role-of-{n}")).status_code for n in range(missing + 1)]
    assert answers == [201] * missing + [409]
