from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone
from knox.models import AuthToken
from rest_framework.test import APIClient

from accounts.actions import CreateServiceAccount, IssueToken, RevokeToken
from accounts.models import ApiToken, User
from accounts.token_use import _noted_at
from audit.models import AccessRecord
from roles.actions import RemoveMembership
from roles.actors import RoleActor, resolve
from roles.models import Membership
from tenancy.context import acting
from tenancy.errors import AccessDenied, NotVisible, Reason
from tests.factories import MembershipFactory, RoleFactory, built_in, inside, on_platform
from tests.world import Agency, make_staff

pytestmark = [pytest.mark.django_db, pytest.mark.requirement("ORG-6")]

Issue = Callable[..., tuple[ApiToken, str]]


@pytest.fixture
def issue() -> Issue:
    """Return a function that issues a token as an actor and returns it with its secret."""

    def issued(actor: Any, **values: Any) -> tuple[ApiToken, str]:
        with acting(actor):
            return IssueToken(actor, "Reporting", **values).execute()

    return issued


def bearer(secret: str, word: str = "Bearer") -> APIClient:
    return APIClient(HTTP_AUTHORIZATION=f"{word} {secret}")


def ask(agency: Agency, secret: str, path: str = "me/") -> Any:
    return bearer(secret).get(f"/api/orgs/{agency.slug}/{path}")


def actor_of(user: User, agency: Agency) -> RoleActor:
    actor = resolve(user.pk, organization_id=agency.organization.pk)
    assert isinstance(actor, RoleActor)
    return actor


def service_account(agency: Agency, role: str = "org-viewer", by: str = "owner") -> Membership:
    actor = agency.actor(by)
    with acting(actor):
        return CreateServiceAccount(actor, "Nightly report", built_in(role)).execute()


@pytest.mark.parametrize("word", ["Token", "Bearer", "bearer"])
@pytest.mark.requirement("API-1")
def test_a_token_acts_for_its_holder_with_the_role_they_have(agency: Agency, issue: Issue, word: str) -> None:
    token, secret = issue(agency.actor("owner"))
    answered = bearer(secret, word).get(f"/api/orgs/{agency.slug}/me/")
    assert answered.status_code == 200
    assert answered.json()["role"]["name"] == "org-owner"
    assert answered.json()["token_id"] == str(token.pk)


def test_the_secret_is_stored_as_a_digest(agency: Agency, issue: Issue) -> None:
    token, secret = issue(agency.actor("owner"))
    with inside(agency.organization):
        assert secret not in str(AuthToken.objects.get(api_token=token).__dict__)


def test_a_token_of_a_new_name_lives_90_days(agency: Agency, issue: Issue) -> None:
    token, _ = issue(agency.actor("owner"))
    assert timedelta(days=89) < token.credential.expiry - timezone.now() <= timedelta(days=90)


@pytest.mark.parametrize("lifetime", [timedelta(0), timedelta(days=-1), timedelta(days=366)])
def test_a_token_lives_at_most_a_year(agency: Agency, issue: Issue, lifetime: timedelta) -> None:
    issue(agency.actor("owner"), expires_in=timedelta(days=365))
    with pytest.raises(ValidationError, match="1 to 365 days"):
        issue(agency.actor("owner"), expires_in=lifetime)


@pytest.mark.parametrize("person", ["admin", "manager", "member", "viewer"])
def test_issuing_takes_the_permission(agency: Agency, issue: Issue, person: str) -> None:
    issue(agency.actor("owner"))
    with pytest.raises(AccessDenied) as denied:
        issue(agency.actor(person))
    assert denied.value.denial.key == "org:api-keys:write"


def test_nobody_issues_a_token_in_another_person_s_name(agency: Agency, issue: Issue) -> None:
    issue(agency.actor("owner"), user=agency.owner)
    with pytest.raises(AccessDenied, match="not for another person"):
        issue(agency.actor("owner"), user=agency.viewer)


def test_a_stranger_is_no_holder(agency: Agency, other_agency: Agency, issue: Issue) -> None:
    with pytest.raises(ValidationError, match="no such person"):
        issue(agency.actor("owner"), user=other_agency.owner)


def test_a_narrowed_token_has_those_permissions_only(agency: Agency, issue: Issue) -> None:
    _, secret = issue(agency.actor("owner"), permissions=["org:api-keys:read"])
    assert ask(agency, secret, "tokens/").status_code == 200
    refused = ask(agency, secret, "members/")
    assert (refused.status_code, refused.json()["reason"]) == (403, Reason.MISSING_PERMISSION)


@pytest.mark.requirement("ASSIGN-2")
def test_a_narrowed_token_issues_no_wider_one(agency: Agency, issue: Issue) -> None:
    _, secret = issue(agency.actor("owner"), permissions=["org:api-keys:write", "clients:read"])
    narrow = bearer(secret)
    address = f"/api/orgs/{agency.slug}/tokens/"
    assert narrow.post(address, {"name": "As wide", "permissions": ["clients:read"]}).status_code == 201
    for wider in ({}, {"permissions": ["team:invite"]}):
        refused = narrow.post(address, {"name": "Wider", **wider})
        assert (refused.status_code, refused.json()["reason"]) == (403, Reason.ABOVE_CEILING)


@pytest.mark.requirement("ASSIGN-2")
def test_a_narrowed_token_makes_no_stronger_service_account(agency: Agency, issue: Issue) -> None:
    weak = RoleFactory(organization=agency.organization, priority=1, reach="assigned", keys=("clients:read",))
    _, secret = issue(agency.actor("owner"), permissions=["org:api-keys:write", "clients:read"])
    narrow = bearer(secret)
    address = f"/api/orgs/{agency.slug}/service-accounts/"
    assert narrow.post(address, {"name": "Weak", "role": weak.name}).status_code == 201
    refused = narrow.post(address, {"name": "Strong", "role": "org-viewer"})
    assert (refused.status_code, refused.json()["reason"]) == (403, Reason.ABOVE_CEILING)


@pytest.mark.requirement("ASSIGN-2")
def test_a_token_holds_nothing_that_its_holder_s_role_lacks(agency: Agency, issue: Issue) -> None:
    robot = service_account(agency)
    issue(agency.actor("owner"), user=robot.user, permissions=["clients:read"])
    with pytest.raises(ValidationError, match="does not hold clients:write"):
        issue(agency.actor("owner"), user=robot.user, permissions=["clients:read", "clients:write"])


@pytest.mark.parametrize("permissions", [[], ["admin:*"], ["no:such:key"]])
def test_permissions_of_a_token_are_named_one_by_one(agency: Agency, issue: Issue, permissions: list[str]) -> None:
    with pytest.raises(ValidationError):
        issue(agency.actor("owner"), permissions=permissions)


def test_a_narrowed_token_loses_what_the_role_loses(agency: Agency, issue: Issue) -> None:
    _, secret = issue(agency.actor("owner"), permissions=["team:list", "team:invite"])
    assert ask(agency, secret, "members/").status_code == 200
    with on_platform():
        Membership.objects.filter(user=agency.owner).update(role=built_in("org-viewer"))
    assert ask(agency, secret).json()["permissions"] == ["team:list"]


@pytest.mark.requirement("CLI-5")
def test_a_token_is_refused_in_another_organization(agency: Agency, other_agency: Agency, issue: Issue) -> None:
    MembershipFactory(user=agency.owner, organization=other_agency.organization, role=built_in("org-owner"))
    _, secret = issue(agency.actor("owner"))
    assert ask(agency, secret).status_code == 200
    assert ask(other_agency, secret).status_code == 401


def test_a_token_of_an_organization_is_refused_on_the_platform(agency: Agency, issue: Issue) -> None:
    MembershipFactory(user=agency.owner, organization=None, role=built_in("super-admin"))
    _, secret = issue(agency.actor("owner"))
    platform = resolve(agency.owner.pk)
    _, platform_secret = issue(platform)
    assert bearer(platform_secret).get("/api/admin/roles/").status_code == 200
    assert bearer(secret).get("/api/admin/roles/").status_code == 401
    assert ask(agency, platform_secret).status_code == 401


def test_an_expired_token_is_refused(agency: Agency, issue: Issue) -> None:
    token, secret = issue(agency.actor("owner"))
    assert ask(agency, secret).status_code == 200
    with on_platform():
        AuthToken.objects.filter(api_token=token).update(expiry=timezone.now() - timedelta(seconds=1))
    refused = ask(agency, secret)
    assert (refused.status_code, refused.json()["reason"]) == (401, Reason.TOKEN_REFUSED)


@pytest.mark.requirement("ORG-2")
def test_a_token_of_a_banned_owner_is_refused(agency: Agency, issue: Issue) -> None:
    _, secret = issue(agency.actor("owner"))
    assert ask(agency, secret).status_code == 200
    with on_platform():
        User.objects.filter(pk=agency.owner.pk).update(is_active=False, banned_at=timezone.now())
    assert ask(agency, secret).status_code == 401


@pytest.mark.requirement("ORG-1")
def test_a_token_is_refused_while_its_organization_is_suspended(agency: Agency, issue: Issue) -> None:
    _, secret = issue(agency.actor("owner"))
    assert ask(agency, secret).status_code == 200
    with on_platform():
        agency.organization.status = "suspended"
        agency.organization.save()
    assert ask(agency, secret).json()["reason"] == Reason.SUSPENDED


def test_a_revoked_token_is_refused_and_its_credential_gone(agency: Agency, issue: Issue) -> None:
    token, secret = issue(agency.actor("owner"))
    assert ask(agency, secret).status_code == 200
    actor = agency.actor("owner")
    with acting(actor):
        RevokeToken(actor, token.pk).execute()
    assert ask(agency, secret).status_code == 401
    with on_platform():
        assert not AuthToken.objects.exists()


def test_a_removed_member_s_token_stays_dead_when_they_come_back(agency: Agency, issue: Issue) -> None:
    manager = RoleFactory(organization=agency.organization, priority=80, keys=("org:api-keys:write", "team:list"))
    with on_platform():
        Membership.objects.filter(user=agency.admin).update(role=manager)
    _, secret = issue(agency.actor("admin"))
    assert ask(agency, secret).status_code == 200
    owner = agency.actor("owner")
    with acting(owner):
        RemoveMembership(owner, Membership.objects.get(user=agency.admin)).execute()
    MembershipFactory(user=agency.admin, organization=agency.organization, role=manager)
    assert ask(agency, secret).status_code == 401
    with on_platform():
        assert not AuthToken.objects.filter(user=agency.admin).exists()


def test_a_token_of_another_organization_cannot_be_revoked(agency: Agency, other_agency: Agency, issue: Issue) -> None:
    token, secret = issue(agency.actor("owner"))
    stranger = other_agency.actor("owner")
    with pytest.raises(NotVisible), acting(stranger):
        RevokeToken(stranger, token.pk).execute()
    assert ask(agency, secret).status_code == 200


@pytest.mark.requirement("ASSIGN-4")
def test_nobody_revokes_the_token_of_someone_above(agency: Agency, issue: Issue) -> None:
    keeper = RoleFactory(
        organization=agency.organization, priority=80, keys=("org:api-keys:read", "org:api-keys:write")
    )
    with on_platform():
        Membership.objects.filter(user__in=[agency.admin, agency.manager]).update(role=keeper)
    above, _ = issue(agency.actor("owner"))
    equal, _ = issue(agency.actor("manager"))
    admin = agency.actor("admin")
    with acting(admin):
        RevokeToken(admin, equal.pk).execute()
    with pytest.raises(AccessDenied) as denied, acting(admin):
        RevokeToken(admin, above.pk).execute()
    assert denied.value.denial.reason is Reason.OUTRANKED


def test_the_last_use_is_noted_once_a_minute(
    agency: Agency, issue: Issue, django_assert_max_num_queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    token, secret = issue(agency.actor("owner"))
    ask(agency, secret)
    with inside(agency.organization):
        token.refresh_from_db()
        first = token.last_used_at
    assert first is not None
    ask(agency, secret)
    _noted_at.clear()
    ask(agency, secret)
    with inside(agency.organization):
        token.refresh_from_db()
        assert token.last_used_at == first
        ApiToken.objects.update(last_used_at=first - timedelta(minutes=2))
    _noted_at.clear()
    ask(agency, secret)
    with inside(agency.organization):
        token.refresh_from_db()
    assert token.last_used_at > first - timedelta(minutes=1)


def test_noting_the_use_leaves_the_policy_version_alone(agency: Agency, issue: Issue) -> None:
    from roles.models import PolicyVersion

    def version() -> int:
        with inside(agency.organization):
            return PolicyVersion.objects.get(organization=agency.organization).version

    token, secret = issue(agency.actor("owner"))
    before = version()
    ask(agency, secret)
    assert version() == before
    with inside(agency.organization):
        ApiToken.objects.filter(pk=token.pk).update(permissions=["clients:read"])
    assert version() > before


@pytest.mark.requirement("AUD-3")
def test_issuing_and_revoking_are_recorded_without_the_secret(agency: Agency, issue: Issue) -> None:
    token, secret = issue(agency.actor("owner"))
    actor = agency.actor("owner")
    with acting(actor):
        RevokeToken(actor, token.pk).execute()
    with inside(agency.organization):
        records = list(AccessRecord.objects.filter(resource_id=str(token.pk)).order_by("at"))
    assert [record.operation for record in records] == ["issue_token", "revoke_token"]
    assert not any(secret in str(record.detail) for record in records)


@pytest.mark.parametrize("role", ["super-admin", "platform-admin", "support-agent", "analyst"])
def test_a_platform_token_takes_the_platform_s_permission(db: None, issue: Issue, role: str) -> None:
    actor = resolve(make_staff(role).pk)
    assert isinstance(actor, RoleActor)
    if actor.has("integrations:api-clients:write"):
        _, secret = issue(actor)
        assert bearer(secret).get("/api/admin/permissions/").status_code == 200
    else:
        with pytest.raises(AccessDenied):
            issue(actor)
