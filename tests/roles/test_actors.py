"""Who somebody is in an organization or on the platform, and the first thing that keeps them out."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from allauth.mfa.models import Authenticator
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.actions import IssueToken
from accounts.models import ApiToken
from roles.actors import RoleActor, effective_permissions, resolve, resolve_request
from roles.models import Membership
from tenancy.actors import Reach, Scope
from tenancy.context import acting
from tenancy.errors import Denial, Reason
from tests.factories import (
    MembershipFactory,
    OrganizationFactory,
    RoleFactory,
    UserFactory,
    inside,
    on_platform,
)
from tests.world import Agency, make_staff

pytestmark = [pytest.mark.django_db, pytest.mark.requirement("ASSIGN-1")]


def hire(agency: Agency, **traits: Any) -> Any:
    user = UserFactory(**traits.pop("user", {}))
    role = RoleFactory(organization=agency.organization, **traits)
    MembershipFactory(user=user, organization=agency.organization, role=role)
    return user


def acts(agency: Agency, user: Any, **options: Any) -> RoleActor:
    actor = resolve(user.pk, organization_id=agency.organization.pk, **options)
    assert isinstance(actor, RoleActor), actor
    return actor


def refused(user_id: Any, **options: Any) -> Reason:
    denial = resolve(user_id, **options)
    assert isinstance(denial, Denial), denial
    return denial.reason


def issue(agency: Agency, person: str, **options: Any) -> ApiToken:
    owner = agency.actor(person)
    with acting(owner):
        token, _secret = IssueToken(owner, name="Reporting", **options).execute()
    return token


class TestAnActor:
    def test_it_is_as_the_rows_tell(self, agency: Agency) -> None:
        user = hire(
            agency,
            name="desk",
            display_name="Front desk",
            priority=33,
            reach="assigned",
            keys=("clients:read", "team:list"),
        )
        with inside(agency.organization):
            membership = Membership.objects.get(user=user)
        assert acts(agency, user) == RoleActor(
            user_id=user.pk,
            label=user.email,
            scope=Scope.TENANT,
            organization_id=agency.organization.pk,
            organization_name="Larkmoor",
            membership_id=membership.pk,
            role_id=membership.role_id,
            role_name="desk",
            role_display_name="Front desk",
            priority=33,
            reach=Reach.ASSIGNED,
            permissions=frozenset({"clients:read", "team:list"}),
        )

    def test_slug_and_id_lead_to_the_same(self, agency: Agency) -> None:
        assert resolve(agency.owner.pk, slug="larkmoor") == agency.actor("owner")

    def test_on_the_platform_there_is_no_organization_and_no_reach(self) -> None:
        user = make_staff("support-agent")
        actor = resolve(user.pk)
        assert isinstance(actor, RoleActor)
        assert (actor.scope, actor.organization_id, actor.organization_name) == (Scope.PLATFORM, None, "")
        assert (actor.reach, actor.role_name, actor.token_id) == (None, "support-agent", None)
        assert actor.has("users:read") and not actor.has("roles:create")

    def test_permissions_are_kept_for_as_long_as_no_version_moves(self, agency: Agency) -> None:
        user = hire(agency, keys=("clients:read",))

        def lookups() -> int:
            with CaptureQueriesContext(connection) as told:
                acts(agency, user)
            return sum("iam_effective_permissions" in one["sql"] for one in told.captured_queries)

        assert [lookups(), lookups()] == [1, 0]
        role = acts(agency, user).role_id
        with inside(agency.organization):
            RoleFactory._meta.model.objects.get(pk=role).permissions.clear()
        assert [lookups(), lookups()] == [1, 0]
        RoleFactory(name="shared")
        assert [lookups(), lookups()] == [1, 0]
        assert acts(agency, user).permissions == frozenset()

    def test_what_a_role_grants_is_spelled_out(self, agency: Agency) -> None:
        base = RoleFactory(organization=agency.organization, keys=("team:read",))
        heir = RoleFactory(organization=agency.organization, keys=("clients:read",), parent=base)
        assert effective_permissions(heir.pk) == {"team:read", "clients:read"}
        assert "clients:delete" in effective_permissions(RoleFactory(keys=("admin:*",)).pk)
        assert effective_permissions(RoleFactory(keys=("team:read",), is_active=False).pk) == frozenset()


class TestWhoIsKeptOut:
    def test_strangers_learn_nothing_of_organizations(self, agency: Agency) -> None:
        assert refused(uuid4(), organization_id=agency.organization.pk) is Reason.BANNED
        assert refused(agency.owner.pk, slug="nowhere") is Reason.UNKNOWN_ORGANIZATION
        assert refused(agency.owner.pk, organization_id=uuid4()) is Reason.UNKNOWN_ORGANIZATION
        assert refused(UserFactory().pk, slug="larkmoor") is Reason.NOT_A_MEMBER
        assert refused(agency.owner.pk) is Reason.NOT_A_MEMBER

    def test_strangers_do_not_learn_that_it_is_suspended(self) -> None:
        closed = OrganizationFactory(status="suspended")
        assert refused(UserFactory().pk, organization_id=closed.pk) is Reason.NOT_A_MEMBER

    def test_a_banned_person_is_kept_out_first_of_all(self, agency: Agency) -> None:
        user = hire(agency, is_active=False, user={"is_active": False})
        assert refused(user.pk, slug="larkmoor") is refused(user.pk, slug="nowhere") is Reason.BANNED

    def test_members_are_told_that_it_is_suspended(self) -> None:
        closed, user = OrganizationFactory(status="suspended"), UserFactory()
        MembershipFactory(user=user, organization=closed, role=RoleFactory(organization=closed, is_active=False))
        assert refused(user.pk, organization_id=closed.pk) is Reason.SUSPENDED

    def test_the_platform_is_never_suspended(self) -> None:
        assert isinstance(resolve(make_staff("analyst").pk), RoleActor)

    def test_an_inactive_role_keeps_out(self, agency: Agency) -> None:
        user = hire(agency, is_active=False, requires_second_factor=True)
        assert refused(user.pk, slug="larkmoor") is Reason.ROLE_INACTIVE

    def test_a_second_factor_that_is_wanted_and_missing_keeps_out(self, agency: Agency) -> None:
        user = hire(agency, requires_second_factor=True)
        assert refused(user.pk, slug="larkmoor") is Reason.SECOND_FACTOR
        with on_platform():
            Authenticator.objects.create(user=user, type=Authenticator.Type.TOTP, data={})
        assert acts(agency, user).user_id == user.pk


@pytest.mark.requirement("ORG-6")
class TestByToken:
    def test_a_token_is_its_owner_with_the_tokens_permissions(self, agency: Agency) -> None:
        token = issue(agency, "owner", permissions=["clients:read"])
        actor = acts(agency, agency.owner, credential=token.credential_id)
        assert actor.token_id == token.pk and actor.permissions == {"clients:read"}
        assert actor.role_name == "org-owner"

    def test_a_token_without_a_list_has_all_of_the_roles(self, agency: Agency) -> None:
        token = issue(agency, "owner")
        actor = acts(agency, agency.owner, credential=token.credential_id)
        assert actor.permissions == agency.actor("owner").permissions

    def test_a_token_grants_nothing_that_its_owner_lacks(self, agency: Agency) -> None:
        user = hire(agency, keys=("clients:read", "org:api-keys:write", "org:api-keys:read"))
        by = acts(agency, user)
        with acting(by):
            token, _ = IssueToken(by, name="Own", permissions=["clients:read"]).execute()
        with inside(agency.organization):
            RoleFactory._meta.model.objects.get(pk=by.role_id).permissions.clear()
        assert acts(agency, user, credential=token.credential_id).permissions == frozenset()

    def test_a_token_that_is_unknown_or_anothers_is_refused(self, agency: Agency, other_agency: Agency) -> None:
        token = issue(agency, "owner")
        place = {"organization_id": agency.organization.pk}
        assert refused(agency.owner.pk, credential="unknown", **place) is Reason.TOKEN_REFUSED
        assert refused(agency.admin.pk, credential=token.credential_id, **place) is Reason.TOKEN_REFUSED
        theirs = other_agency.organization.pk
        reason = refused(other_agency.owner.pk, credential=token.credential_id, organization_id=theirs)
        assert reason is Reason.TOKEN_REFUSED

    def test_a_token_wants_no_second_factor(self, agency: Agency) -> None:
        user = hire(agency, keys=("org:api-keys:write", "org:api-keys:read"))
        by = acts(agency, user)
        with acting(by):
            token, _ = IssueToken(by, name="Own").execute()
        with inside(agency.organization):
            RoleFactory._meta.model.objects.filter(pk=by.role_id).update(requires_second_factor=True)
        assert refused(user.pk, slug="larkmoor") is Reason.SECOND_FACTOR
        assert acts(agency, user, credential=token.credential_id).user_id == user.pk


class TestOfARequest:
    def test_it_is_the_signed_in_users_in_the_organization_of_the_address(self, agency: Agency) -> None:
        request: Any = SimpleNamespace(user=agency.owner)
        assert resolve_request(request, "larkmoor") == agency.actor("owner")
        on_platform = resolve_request(request, None)
        assert isinstance(on_platform, Denial) and on_platform.reason is Reason.NOT_A_MEMBER

    def test_it_is_narrowed_by_the_requests_token(self, agency: Agency) -> None:
        token = issue(agency, "owner", permissions=["clients:read"])
        request: Any = SimpleNamespace(user=agency.owner, token=SimpleNamespace(digest=token.credential_id))
        actor = resolve_request(request, "larkmoor")
        assert isinstance(actor, RoleActor) and actor.token_id == token.pk
        request.token = None
        assert resolve_request(request, "larkmoor") == agency.actor("owner")
