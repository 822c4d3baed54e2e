from __future__ import annotations

from typing import Any

import pytest

from accounts.models import Invitation
from roles import catalogue
from roles.models import Membership, Role
from tenancy.errors import Reason
from tests.factories import RoleFactory, built_in, inside, on_platform
from tests.world import Agency, make_staff

pytestmark = [pytest.mark.django_db, pytest.mark.requirement("API-1")]


def address(agency: Agency, path: str) -> str:
    return f"/api/orgs/{agency.slug}/{path}"


def membership_of(agency: Agency, person: str) -> Membership:
    with on_platform():
        return Membership.objects.select_related("role").get(user=agency.people[person])


def test_me_tells_the_role_the_reach_and_the_permissions(agency: Agency, call: Any) -> None:
    told = call(agency.viewer).get(address(agency, "me/")).json()
    assert (told["role"]["name"], told["reach"], told["token_id"]) == ("org-viewer", "assigned", None)
    assert set(told["permissions"]) == agency.actor("viewer").permissions
    assert told["permissions"] == [key for key in catalogue.entries() if key in told["permissions"]]


@pytest.mark.requirement("CLI-5")
def test_me_is_for_members(agency: Agency, other_agency: Agency, call: Any) -> None:
    assert call(agency.viewer).get(address(agency, "me/")).status_code == 200
    hidden = call(other_agency.owner).get(address(agency, "me/"))
    missing = call(other_agency.owner).get("/api/orgs/no-such-agency/me/")
    assert (hidden.status_code, missing.status_code) == (404, 404)
    assert hidden.json()["detail"] == missing.json()["detail"]


def test_members_are_listed_with_their_roles(agency: Agency, other_agency: Agency, call: Any) -> None:
    listed = call(agency.viewer).get(address(agency, "members/")).json()
    assert {member["user"]["email"] for member in listed["results"]} == {user.email for user in agency.people.values()}


def test_members_are_filtered_by_role(agency: Agency, call: Any) -> None:
    listed = call(agency.viewer).get(address(agency, "members/"), {"role": "org-owner"}).json()
    assert [member["user"]["email"] for member in listed["results"]] == ["owner@larkmoor.example"]


def test_a_member_is_read_alone(agency: Agency, call: Any) -> None:
    membership = membership_of(agency, "owner")
    assert call(agency.viewer).get(address(agency, f"members/{membership.pk}/")).json()["role"]["name"] == "org-owner"


@pytest.mark.requirement("CLI-5")
@pytest.mark.parametrize("method", ["get", "patch", "delete"])
def test_a_member_of_another_organization_answers_like_a_missing_one(
    agency: Agency, other_agency: Agency, call: Any, method: str
) -> None:
    foreign = membership_of(other_agency, "viewer")
    body = {"role": "org-viewer"}
    answers = [
        getattr(call(agency.owner), method)(address(agency, f"members/{pk}/"), body)
        for pk in (foreign.pk, agency.organization.pk)
    ]
    assert [answer.status_code for answer in answers] == [404, 404]
    own = membership_of(agency, "viewer")
    assert getattr(call(agency.owner), method)(address(agency, f"members/{own.pk}/"), body).status_code < 300


@pytest.mark.requirement("ASSIGN-1")
def test_a_member_gets_another_role(agency: Agency, call: Any) -> None:
    membership = membership_of(agency, "viewer")
    answered = call(agency.admin).patch(address(agency, f"members/{membership.pk}/"), {"role": "org-manager"})
    assert (answered.status_code, answered.json()["role"]["name"]) == (200, "org-manager")
    assert membership_of(agency, "viewer").role.name == "org-manager"


@pytest.mark.requirement("ASSIGN-2")
@pytest.mark.parametrize(
    ("person", "role", "reason"),
    [
        ("viewer", "org-owner", Reason.ABOVE_CEILING),
        ("owner", "org-viewer", Reason.OUTRANKED),
        ("admin", "org-viewer", Reason.SELF),
    ],
)
def test_a_refused_change_of_role_says_why(agency: Agency, call: Any, person: str, role: str, reason: Reason) -> None:
    membership = membership_of(agency, person)
    refused = call(agency.admin).patch(address(agency, f"members/{membership.pk}/"), {"role": role})
    assert (refused.status_code, refused.json()["reason"]) == (403, reason)
    assert membership_of(agency, person).role == membership.role


def test_the_role_of_another_organization_does_not_exist(agency: Agency, other_agency: Agency, call: Any) -> None:
    membership = membership_of(agency, "viewer")
    foreign = RoleFactory(organization=other_agency.organization, priority=1)
    for role in (str(foreign.pk), foreign.name, "no-such-role", "analyst", "org-viewer\0", "org-viewer" + "x" * 60):
        refused = call(agency.owner).patch(address(agency, f"members/{membership.pk}/"), {"role": role})
        assert (refused.status_code, refused.json()["errors"][0]["code"]) == (400, "none")
    own = RoleFactory(organization=agency.organization, priority=1)
    assert call(agency.owner).patch(address(agency, f"members/{membership.pk}/"), {"role": own.pk}).status_code == 200


def test_a_member_is_removed(agency: Agency, call: Any) -> None:
    membership = membership_of(agency, "viewer")
    assert call(agency.manager).delete(address(agency, f"members/{membership.pk}/")).status_code == 403
    assert call(agency.admin).delete(address(agency, f"members/{membership.pk}/")).status_code == 204
    assert call(agency.viewer).get(address(agency, "me/")).status_code == 404


@pytest.mark.requirement("ORG-3")
def test_people_are_invited_by_the_api(agency: Agency, call: Any) -> None:
    body = {"emails": ["ada@new.example"], "role": "org-member", "clients": [str(agency.clients[0].pk)]}
    answered = call(agency.admin).post(address(agency, "invitations/"), body)
    assert answered.status_code == 201
    assert answered.json()[0]["state"] == "open"
    assert answered.json()[0]["clients"] == body["clients"]
    assert "token" not in str(answered.json())


@pytest.mark.requirement("ORG-3")
def test_each_wrong_address_is_told(agency: Agency, call: Any) -> None:
    body = {"emails": ["one", "two", "ada@new.example"], "role": "org-member"}
    refused = call(agency.admin).post(address(agency, "invitations/"), body)
    assert refused.status_code == 400
    assert len(refused.json()["errors"]) == 2
    with inside(agency.organization):
        assert not Invitation.objects.exists()


def test_an_invitation_sent_twice_under_one_key_is_one(agency: Agency, call: Any) -> None:
    body = {"emails": ["ada@new.example"], "role": "org-member"}
    caller = call(agency.admin)
    first = caller.post(address(agency, "invitations/"), body, HTTP_IDEMPOTENCY_KEY="once")
    again = caller.post(address(agency, "invitations/"), body, HTTP_IDEMPOTENCY_KEY="once")
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()


@pytest.mark.requirement("CLI-3")
def test_an_invitation_s_clients_outside_reach_are_not_told(agency: Agency, invite: Any, call: Any) -> None:
    invite(agency, "admin", "ada@new.example", clients=agency.clients)
    told = {
        person: call(agency.people[person]).get(address(agency, "invitations/")).json()["results"][0]["clients"]
        for person in ("manager", "member")
    }
    assert set(told["manager"]) == {str(client.pk) for client in agency.clients}
    assert told["member"] == [str(agency.clients[0].pk)]


@pytest.mark.requirement("ORG-3")
def test_an_invitation_is_resent_and_revoked(agency: Agency, invite: Any, call: Any) -> None:
    [(invitation, _)] = invite(agency, "admin", "ada@new.example")
    path = address(agency, f"invitations/{invitation.pk}/")
    assert call(agency.manager).post(f"{path}resend/").status_code == 403
    assert call(agency.admin).post(f"{path}resend/").json()["state"] == "open"
    assert call(agency.admin).post(f"{path}revoke/").json()["state"] == "revoked"
    assert call(agency.admin).post(f"{path}resend/").status_code == 409


@pytest.mark.requirement("ORG-6")
def test_a_token_s_secret_is_told_once(agency: Agency, call: Any) -> None:
    made = call(agency.owner).post(address(agency, "tokens/"), {"name": "Nightly", "expires_in_days": 7})
    assert made.status_code == 201
    assert made.json()["secret"].startswith("iam_")
    listed = call(agency.owner).get(address(agency, "tokens/")).json()["results"]
    assert [token["name"] for token in listed] == ["Nightly"]
    assert "secret" not in listed[0]


@pytest.mark.requirement("ORG-6")
def test_a_token_is_revoked_by_the_api(agency: Agency, call: Any) -> None:
    made = call(agency.owner).post(address(agency, "tokens/"), {"name": "Nightly"}).json()
    assert call(agency.admin).delete(address(agency, f"tokens/{made['id']}/")).status_code == 403
    assert call(agency.owner).delete(address(agency, f"tokens/{made['id']}/")).status_code == 204
    assert call(agency.owner).delete(address(agency, f"tokens/{made['id']}/")).status_code == 404


@pytest.mark.requirement("ORG-6")
def test_a_service_account_is_created_and_given_a_token(agency: Agency, call: Any) -> None:
    robot = call(agency.owner).post(address(agency, "service-accounts/"), {"name": "Nightly", "role": "org-viewer"})
    assert robot.status_code == 201
    user = robot.json()["user"]["id"]
    made = call(agency.owner).post(address(agency, "tokens/"), {"name": "Nightly", "user": user})
    assert (made.status_code, made.json()["user"]["id"]) == (201, user)
    listed = call(agency.admin).get(address(agency, "service-accounts/")).json()["results"]
    assert [member["user"]["id"] for member in listed] == [user]
    assert call(agency.manager).get(address(agency, "service-accounts/")).status_code == 403


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("invitations/", {"emails": "ada@new.example", "role": "org-member"}),
        ("invitations/", {"emails": [], "role": "org-member"}),
        ("invitations/", {"emails": ["ada@new.example"], "role": {"id": 1}}),
        ("invitations/", {"emails": ["ada@new.example"], "role": "org-member", "clients": ["x"]}),
        ("invitations/", {"emails": ["ada@new.example"], "role": "org-member", "surprise": 1}),
        ("invitations/", []),
        ("tokens/", {"name": ""}),
        ("tokens/", {"name": "x" * 101}),
        ("tokens/", {"name": "A\u202eB"}),
        ("tokens/", {"name": "A", "expires_in_days": 366}),
        ("tokens/", {"name": "A", "permissions": "clients:read"}),
        ("tokens/", {"name": "A", "permissions": []}),
        ("tokens/", {"name": "A", "user": "01a1f879-d8ac-705d-b7c3-9876d189c17c"}),
        ("service-accounts/", {"name": "\u0000", "role": "org-viewer"}),
        ("service-accounts/", {"role": "org-viewer"}),
    ],
)
def test_bad_input_is_a_problem_and_changes_nothing(agency: Agency, call: Any, path: str, body: Any) -> None:
    refused = call(agency.owner).post(address(agency, path), body)
    assert refused.status_code == 400
    assert refused["Content-Type"] == "application/problem+json"
    assert refused.json()["errors"]


@pytest.mark.requirement("ROLE-2")
def test_the_platform_lists_roles(db: None, call: Any) -> None:
    staff = call(make_staff("platform-admin"))
    names = [role["name"] for role in staff.get("/api/admin/roles/", {"scope": "TENANT"}).json()["results"]]
    assert names == ["org-owner", "org-admin", "org-manager", "org-member", "org-viewer"]
    assert [role["name"] for role in staff.get("/api/admin/roles/", {"q": "analy"}).json()["results"]] == ["analyst"]
    by_priority = staff.get("/api/admin/roles/", {"ordering": "priority"}).json()["results"]
    assert by_priority[0]["priority"] == 40


@pytest.mark.requirement("ROLE-3")
def test_a_role_s_permissions_name_their_source(agency: Agency, call: Any) -> None:
    child = RoleFactory(
        organization=agency.organization, name="lead", keys=("clients:write",), parent=built_in("org-viewer")
    )
    told = call(make_staff("platform-admin")).get(f"/api/admin/roles/{child.pk}/").json()
    assert [held["key"] for held in told["own_permissions"]] == ["clients:write"]
    assert {held["source"]["name"] for held in told["inherited_permissions"]} == {"org-viewer"}
    with on_platform():
        inherited = set(Role.objects.get(name="org-viewer").permissions.values_list("key", flat=True))
    assert {held["key"] for held in told["inherited_permissions"]} == inherited


@pytest.mark.requirement("PERM-2")
def test_permissions_are_listed_in_catalogue_order(db: None, call: Any) -> None:
    staff = call(make_staff("platform-admin"))
    listed = staff.get("/api/admin/permissions/", {"scope": "TENANT", "category": "Team", "page_size": 200}).json()
    keys = [row["key"] for row in listed["results"]]
    wanted = [e.key for e in catalogue.entries().values() if (e.scope, e.category) == ("TENANT", "Team")]
    assert keys == wanted


@pytest.mark.requirement("ADM-1")
@pytest.mark.parametrize("path", ["roles/", "permissions/", "tokens/"])
def test_the_platform_s_api_is_for_platform_people(agency: Agency, call: Any, path: str) -> None:
    assert call(make_staff("super-admin")).get(f"/api/admin/{path}").status_code == 200
    assert call(make_staff("analyst")).get(f"/api/admin/{path}").status_code == 403
    assert call(agency.owner).get(f"/api/admin/{path}").status_code == 404


@pytest.mark.requirement("PERM-4")
def test_a_super_admin_does_not_walk_into_an_organization(agency: Agency, call: Any) -> None:
    staff = make_staff("super-admin")
    assert call(staff).get("/api/admin/roles/").status_code == 200
    assert call(staff).get(address(agency, "members/")).status_code == 404
