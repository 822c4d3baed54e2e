"""Who has a role, by the API: seen, given, taken away, and what an edit would change for whom."""

from __future__ import annotations

from typing import Any

import pytest

from roles.actors import resolve
from roles.models import RoleEventKind
from tenancy.errors import Reason
from tests.api.roles import Face, role_of, stored
from tests.factories import MembershipFactory, RoleFactory, UserFactory, built_in
from tests.world import Agency, make_staff

pytestmark = pytest.mark.django_db
REQUIREMENT = pytest.mark.requirement
MISSING = "0198c0de-dead-7000-8000-000000000000"


@REQUIREMENT("ASSIGN-5")
def test_everyone_who_has_a_role_is_seen_with_since_when_and_by_whom(face: Face) -> None:
    role, viewer = face.role(), face.agency.viewer
    given = face.chief.post(face.url("roles", role, "assign"), {"users": [str(viewer.pk)], **face.in_agency()})
    assert given.status_code == 200, given.content
    listed = face.chief.get(face.url("roles", role, "assign")).json()
    assert listed["results"] == given.json()
    [holder] = listed["results"]
    assert holder["user"]["email"] == viewer.email
    assert holder["organization"] == {"id": str(face.agency.organization.pk), "name": "Larkmoor"}
    assert holder["assigned_by"]["email"] == (
        "super-admin@iam.example" if face.is_platform else "owner@larkmoor.example"
    )
    assert holder["since"]


@REQUIREMENT("ASSIGN-5")
def test_people_of_a_role_come_in_pages_and_are_searched(face: Face) -> None:
    role = face.role()
    people = sorted((face.person(role) for _ in range(3)), key=lambda person: person.name)
    url = face.url("roles", role, "assign")
    first = face.chief.get(url, {"page_size": 2, "ordering": "-name"}).data
    rest = face.chief.get(first["next"]).data
    names = [holder["user"]["name"] for page in (first, rest) for holder in page["results"]]
    assert (first["count"], names) == (3, [person.name for person in reversed(people)])
    found = face.chief.get(url, {"q": people[1].email.upper()}).data["results"]
    assert [holder["user"]["id"] for holder in found] == [str(people[1].pk)]


@REQUIREMENT("CLI-5")
def test_an_organization_sees_its_own_people_of_a_shared_role(
    agency: Agency, other_agency: Agency, by_token: Any
) -> None:
    path = f"roles/{built_in('org-viewer').pk}/assign"
    own = by_token(agency.owner).get(f"/api/orgs/{agency.slug}/{path}/").data
    everyone = by_token(make_staff("super-admin"), None).get(f"/api/admin/{path}").data
    assert [holder["user"]["email"] for holder in own["results"]] == ["viewer@larkmoor.example"]
    assert {holder["user"]["email"] for holder in everyone["results"]} == {
        "viewer@larkmoor.example",
        "viewer@quaymark.example",
    }


@REQUIREMENT("ASSIGN-5")
@pytest.mark.parametrize("wrong", ["missing", "oneself", "above"])
def test_a_role_is_given_to_all_or_to_nobody(agency: Agency, by_token: Any, wrong: str) -> None:
    url = f"/api/orgs/{agency.slug}/roles/{RoleFactory(organization=agency.organization, priority=5).pk}/assign/"
    api, viewer = by_token(agency.admin), str(agency.viewer.pk)
    other = {"missing": MISSING, "oneself": str(agency.admin.pk), "above": str(agency.owner.pk)}[wrong]
    refused = api.post(url, {"users": [viewer, other]})
    if wrong == "missing":
        assert (refused.status_code, refused.data["errors"][0]["pointer"]) == (400, "#/users/1")
    else:
        assert refused.status_code == 403
        assert refused.data["reason"] == {"oneself": Reason.SELF, "above": Reason.OUTRANKED}[wrong]
    assert role_of(agency.viewer) == "org-viewer"
    assert api.post(url, {"users": [viewer]}).status_code == 200
    assert role_of(agency.viewer) != "org-viewer"


@REQUIREMENT("CLI-5")
def test_a_person_of_another_organization_is_one_that_does_not_exist(
    agency: Agency, other_agency: Agency, by_token: Any
) -> None:
    role = RoleFactory(organization=agency.organization, priority=5)
    api, base = by_token(agency.owner), f"/api/orgs/{agency.slug}/roles/{role.pk}"
    for method, path in (("post", "assign"), ("delete", "assign"), ("post", "assign/preview")):
        answers = {
            (answer.status_code, str(answer.data["errors"]))
            for pk in (str(other_agency.viewer.pk), MISSING)
            for answer in [getattr(api, method)(f"{base}/{path}/", {"users": [pk]})]
        }
        assert len(answers) == 1
        assert answers.pop()[0] == 400
    assert api.post(f"{base}/assign/", {"users": [str(agency.viewer.pk)]}).status_code == 200


@REQUIREMENT("CLI-5")
def test_people_are_not_assigned_in_another_organization(agency: Agency, other_agency: Agency, by_token: Any) -> None:
    url = f"/api/orgs/{agency.slug}/roles/{built_in('org-member').pk}/assign/"
    api, users = by_token(agency.owner), [str(agency.viewer.pk)]
    refused = api.post(url, {"users": users, "organization": str(other_agency.organization.pk)})
    assert (refused.status_code, refused.data["errors"][0]["pointer"]) == (400, "#/organization")
    assert api.post(url, {"users": users, "organization": str(agency.organization.pk)}).status_code == 200


@REQUIREMENT("ASSIGN-1")
def test_the_platform_says_in_which_organization_a_shared_role_is_given(agency: Agency, by_token: Any) -> None:
    api, person = by_token(make_staff("super-admin"), None), UserFactory()
    url, users = f"/api/admin/roles/{built_in('org-viewer').pk}/assign", [str(person.pk)]
    assert api.post(url, {"users": users}).status_code == 409
    unknown = api.post(url, {"users": users, "organization": MISSING})
    assert (unknown.status_code, unknown.data["errors"][0]["pointer"]) == (400, "#/organization")
    assert api.post(url, {"users": users, "organization": str(agency.organization.pk)}).status_code == 200
    assert role_of(person) == "org-viewer"


@REQUIREMENT("ROLE-7")
def test_an_inactive_role_is_not_given(face: Face) -> None:
    users = {"users": [str(face.agency.viewer.pk)], **face.in_agency()}
    refused = face.chief.post(face.url("roles", face.role(is_active=False), "assign"), users)
    assert (refused.status_code, role_of(face.agency.viewer)) == (409, "org-viewer")
    assert face.chief.post(face.url("roles", face.role(), "assign"), users).status_code == 200


@REQUIREMENT("API-1")
def test_an_assignment_repeated_under_its_key_is_made_once(face: Face) -> None:
    role = face.role()
    body = {"users": [str(face.agency.viewer.pk)], **face.in_agency()}
    url = face.url("roles", role, "assign")
    first, again = (face.chief.post(url, body, HTTP_IDEMPOTENCY_KEY="once") for _ in range(2))
    assert (first.status_code, again.status_code, again.headers["Idempotency-Replayed"]) == (200, 200, "true")
    events = face.chief.get(face.url("roles", role, "audit"), {"kind": "ADMIN_ASSIGNED"}).data
    assert events["count"] == 1


@REQUIREMENT("API-1")
@pytest.mark.parametrize("named", ["query", "body"])
def test_a_role_is_taken_from_the_people_named(face: Face, named: str) -> None:
    role = face.role()
    people, kept = [face.person(role) for _ in range(2)], face.person(role)
    url = face.url("roles", role, "assign")
    if named == "query":
        taken = face.chief.delete(url + "?" + "&".join(f"user={person.pk}" for person in people))
    else:
        taken = face.chief.delete(url, {"users": [str(person.pk) for person in people]})
    assert taken.status_code == 204, taken.content
    assert [role_of(person) for person in (*people, kept)] == [None, None, role.name]


@REQUIREMENT("API-1")
@pytest.mark.parametrize(
    ("query", "status"), [("", 409), ("?user=x", 400), (f"?user={MISSING}", 400), ("?person=1", 400)]
)
def test_a_role_is_taken_from_nobody_who_does_not_have_it(face: Face, query: str, status: int) -> None:
    role = face.role()
    person, url = face.person(role), face.url("roles", role, "assign")
    assert face.chief.delete(url + query).status_code == status
    assert face.chief.delete(f"{url}?user={face.agency.viewer.pk}&user={person.pk}").status_code == 400
    assert role_of(person) == role.name
    assert face.chief.delete(f"{url}?user={person.pk}").status_code == 204


@REQUIREMENT("API-1")
@pytest.mark.parametrize("method", ["post", "delete"])
def test_assigning_needs_the_permission(face: Face, method: str) -> None:
    role = face.role()
    body = {"users": [str(face.person(role).pk)], **face.in_agency()}
    url = face.url("roles", role, "assign")
    answers = [getattr(api, method)(url, body).status_code for api in (face.other, face.reader, face.chief)]
    assert answers == [403, 403, 200 if method == "post" else 204]


@REQUIREMENT("ASSIGN-4")
def test_the_last_owner_keeps_the_role(agency: Agency, by_token: Any) -> None:
    query = f"organization={agency.organization.pk}&user={agency.owner.pk}"
    url = f"/api/admin/roles/{built_in('org-owner').pk}/assign?{query}"
    api = by_token(make_staff("super-admin"), None)
    refused = api.delete(url)
    assert (refused.status_code, refused.data["reason"]) == (403, Reason.LAST_OF_ITS_KIND)
    MembershipFactory(organization=agency.organization, role=built_in("org-owner"))
    assert api.delete(url).status_code == 204


@REQUIREMENT("PDP-5")
def test_a_preview_names_who_gains_and_loses_what_and_changes_nothing(face: Face) -> None:
    role = face.role("clients:read", "notes:read")
    heir = face.role("tasks:read", parent=role)
    one, other = face.person(role), face.person(heir)
    told = face.chief.post(face.url("roles", role, "preview"), {"permissions": ["clients:read", "contacts:read"]})
    assert told.status_code == 200, told.content
    preview = told.json()
    assert (preview["refused"], preview["gained"], preview["lost"]) == (None, ["contacts:read"], ["notes:read"])
    assert {(effect["role"]["id"], effect["people"]) for effect in preview["effects"]} == {
        (str(role.pk), 1),
        (str(heir.pk), 1),
    }
    assert preview["people"]["count"] == 2
    assert {(row["user"]["id"], *row["gained"], *row["lost"]) for row in preview["people"]["results"]} == {
        (str(person.pk), "contacts:read", "notes:read") for person in (one, other)
    }
    assert stored(role).version == 1
    changed = face.chief.patch(
        face.url("roles", role), {"permissions": ["clients:read", "contacts:read"]}, HTTP_IF_MATCH='"1"'
    )
    assert changed.status_code == 200
    actor = resolve(other.pk, organization_id=face.agency.organization.pk)
    assert actor.has("contacts:read")  # type: ignore[union-attr]
    assert not actor.has("notes:read")  # type: ignore[union-attr]


@REQUIREMENT("PDP-5")
def test_the_people_of_a_preview_are_shown_piece_by_piece(face: Face) -> None:
    role = face.role("clients:read")
    heir = face.role(parent=role)
    people = {str(face.person(held).pk) for held in (role, role, heir, heir, heir)}
    url, seen = face.url("roles", role, "preview"), []
    for offset in (0, 2, 4, 6):
        page = face.chief.post(f"{url}?limit=2&offset={offset}", {"permissions": []}).data["people"]
        assert page["count"] == 5
        seen.append([row["user"]["id"] for row in page["results"]])
    assert [len(page) for page in seen] == [2, 2, 1, 0]
    assert {one for page in seen for one in page} == people
    for query in ("limit=0", "limit=201", "offset=-1", "page=2", "replacement=x"):
        assert face.chief.post(f"{url}?{query}", {}).status_code == 400, query


@REQUIREMENT("PDP-5")
def test_a_preview_says_why_an_edit_would_be_refused(agency: Agency, by_token: Any) -> None:
    role = RoleFactory(organization=agency.organization, priority=5)
    api, url = by_token(agency.admin), f"/api/orgs/{agency.slug}/roles/{role.pk}/"
    strong = {"priority": 99}
    preview = api.post(f"{url}preview/", strong).data
    refused = api.patch(url, strong, HTTP_IF_MATCH="*")
    assert (refused.status_code, preview["refused"]) == (403, refused.data["detail"])
    assert api.post(f"{url}preview/", {"priority": 6}).data["refused"] is None


@REQUIREMENT("PDP-5")
@REQUIREMENT("ROLE-5")
def test_a_deletion_is_previewed_with_and_without_a_replacement(face: Face) -> None:
    role = face.role("clients:read", "notes:read", reach="all")
    person, other = face.person(role), face.role("clients:read", reach="all")
    url = f"{face.url('roles', role, 'preview')}?delete=true"
    refused = face.chief.delete(face.url("roles", role), HTTP_IF_MATCH="*")
    assert face.chief.post(url).data["refused"] == refused.data["detail"]
    told = face.chief.post(f"{url}&replacement={other.pk}").data
    assert (told["refused"], told["gained"], told["lost"]) == (None, [], ["notes:read"])
    assert [row["user"]["id"] for row in told["people"]["results"]] == [str(person.pk)]
    assert face.chief.post(f"{url}&replacement={MISSING}").status_code == 400
    assert role_of(person) == role.name


@REQUIREMENT("ASSIGN-5")
@REQUIREMENT("PDP-5")
def test_an_assignment_is_previewed_for_each_person(face: Face) -> None:
    role, before = face.role("contacts:read", reach="all"), face.role("notes:read", reach="all")
    person = face.person(before)
    body = {"users": [str(person.pk)], **face.in_agency()}
    told = face.chief.post(face.url("roles", role, "assign", "preview"), body).data
    [row] = told["people"]["results"]
    assert (row["user"]["id"], row["role"]["id"]) == (str(person.pk), str(before.pk))
    assert (told["refused"], row["gained"], row["lost"]) == (None, ["contacts:read"], ["notes:read"])
    assert role_of(person) == before.name
    assert face.reader.post(face.url("roles", role, "assign", "preview"), body).status_code == 403


@REQUIREMENT("ASSIGN-5")
def test_an_assignment_of_someone_new_is_previewed(by_token: Any, db: None) -> None:
    role = RoleFactory(organization=None, scope="PLATFORM", reach=None, keys=("roles:list",))
    api, person = by_token(make_staff("super-admin"), None), UserFactory()
    url = f"/api/admin/roles/{role.pk}/assign"
    [row] = api.post(f"{url}/preview", {"users": [str(person.pk)]}).data["people"]["results"]
    assert (row["user"]["id"], row["role"], row["gained"]) == (str(person.pk), None, ["roles:list"])
    assert api.post(url, {"users": [str(person.pk)]}).data[0]["organization"] is None


@REQUIREMENT("AUD-1")
def test_the_history_of_a_role_tells_each_kind_of_event(face: Face) -> None:
    made = face.chief.post(face.url("roles"), face.new("planner", "clients:read"))
    url, pk = made.headers["Location"], made.data["id"]
    face.chief.patch(url, {"display_name": "Scheduler"}, HTTP_IF_MATCH="*")
    face.chief.patch(url, {"permissions": []}, HTTP_IF_MATCH="*")
    face.chief.patch(url, {"is_active": False}, HTTP_IF_MATCH="*")
    face.chief.patch(url, {"is_active": True}, HTTP_IF_MATCH="*")
    people = {"users": [str(face.agency.viewer.pk)], **face.in_agency()}
    face.chief.post(face.url("roles", pk, "assign"), people)
    face.chief.delete(face.url("roles", pk, "assign"), people)
    face.chief.delete(url, HTTP_IF_MATCH="*")
    told = face.chief.get(face.url("roles", pk, "audit"), {"ordering": "at"}, HTTP_USER_AGENT="probe").data["results"]
    assert [event["kind"] for event in told] == [
        "CREATED",
        "UPDATED",
        "PERMISSIONS_CHANGED",
        "DEACTIVATED",
        "ACTIVATED",
        "ADMIN_ASSIGNED",
        "ADMIN_UNASSIGNED",
        "DELETED",
    ]
    assert {event["kind"] for event in told} == set(RoleEventKind.values)
    updated = told[1]
    assert updated["changed_fields"] == ["display_name"]
    states = (updated["previous_state"]["display_name"], updated["new_state"]["display_name"])
    assert states == ("Planner", "Scheduler")
    assert "Scheduler" in updated["sentence"]
    assert updated["performer"]["label"].endswith(".example")
    assert (updated["address"], updated["interface"]) == ("127.0.0.1", "api")
    assert told[5]["subject"]["label"] == str(face.agency.viewer)


@REQUIREMENT("AUD-1")
def test_history_is_filtered_by_kind_and_time(face: Face) -> None:
    made = face.chief.post(face.url("roles"), face.new("planner"))
    face.chief.patch(made.headers["Location"], {"priority": 3}, HTTP_IF_MATCH="*")
    url = face.url("roles", made.data["id"], "audit")
    latest, first = face.chief.get(url).data["results"]
    assert (latest["kind"], first["kind"]) == ("UPDATED", "CREATED")

    def found(**query: Any) -> list[str]:
        return [event["kind"] for event in face.chief.get(url, query).data["results"]]

    assert found(kind="CREATED") == ["CREATED"]
    assert found(kind=["CREATED", "UPDATED"]) == ["UPDATED", "CREATED"]
    assert (found(since=latest["at"]), found(until=latest["at"])) == (["UPDATED"], ["CREATED"])
    assert found(since="2652-07-21T20:32:08+22:42") == []
    for wrong in ({"kind": "PAINTED"}, {"since": "soon"}, {"until": "0001-01-01T00:00:00+23:00"}):
        assert face.chief.get(url, wrong).status_code == 400, wrong


@REQUIREMENT("AUD-1")
def test_reading_history_needs_the_permission(face: Face) -> None:
    url = face.url("roles", face.role(), "audit")
    assert [api.get(url).status_code for api in (face.other, face.chief)] == [403, 200]
    if not face.is_platform:
        assert face.reader.get(url).status_code == 403
