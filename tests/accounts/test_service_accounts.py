from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.core import mail
from django.test import Client as Browser
from django.urls import reverse

from accounts.actions import CreateServiceAccount, IssueToken
from roles.actions import RemoveMembership
from roles.models import Membership
from tenancy.context import acting
from tenancy.errors import AccessDenied, ActionRefused, Reason
from tests.factories import RoleFactory, built_in, on_platform
from tests.world import Agency

pytestmark = [pytest.mark.django_db, pytest.mark.requirement("ORG-6")]

PASSWORD = "a long enough passphrase"


def create(agency: Agency, role: Any, by: str = "owner", name: str = "Nightly report") -> Membership:
    actor = agency.actor(by)
    with acting(actor):
        return CreateServiceAccount(actor, name, built_in(role) if isinstance(role, str) else role).execute()


def test_a_service_account_works_through_its_token(agency: Agency, client: Any) -> None:
    robot = create(agency, "org-viewer")
    owner = agency.actor("owner")
    with acting(owner):
        _, secret = IssueToken(owner, "Nightly", user=robot.user).execute()
    answered = client.get(f"/api/orgs/{agency.slug}/me/", HTTP_AUTHORIZATION=f"Bearer {secret}")
    assert answered.json()["role"]["name"] == "org-viewer"


def test_its_address_receives_no_mail(agency: Agency) -> None:
    assert create(agency, "org-viewer").user.email.endswith("@service.larkmoor.invalid")


def test_two_service_accounts_may_have_one_name(agency: Agency) -> None:
    assert create(agency, "org-viewer").user.email != create(agency, "org-viewer").user.email


@pytest.mark.requirement("ASSIGN-2")
def test_its_role_is_within_the_ceiling_of_whoever_creates_it(agency: Agency) -> None:
    keeper = RoleFactory(organization=agency.organization, priority=80, keys=("org:api-keys:write", "clients:read"))
    weak = RoleFactory(organization=agency.organization, priority=80, keys=("clients:read",))
    with on_platform():
        Membership.objects.filter(user=agency.admin).update(role=keeper)
    create(agency, weak, by="admin")
    with pytest.raises(AccessDenied) as denied:
        create(agency, "org-viewer", by="admin")
    assert denied.value.denial.reason is Reason.ABOVE_CEILING


def test_creating_one_takes_the_permission(agency: Agency) -> None:
    create(agency, "org-viewer", by="owner")
    with pytest.raises(AccessDenied):
        create(agency, "org-viewer", by="admin")


def test_an_inactive_role_is_not_given(agency: Agency) -> None:
    role = RoleFactory(organization=agency.organization, keys=("clients:read",))
    create(agency, role)
    with on_platform():
        role.is_active = False
        role.save()
    with pytest.raises(ActionRefused):
        create(agency, role)


def test_a_service_account_is_removed_like_a_member(agency: Agency) -> None:
    robot = create(agency, "org-viewer")
    owner = agency.actor("owner")
    with acting(owner):
        RemoveMembership(owner, robot).execute()
        assert not Membership.objects.filter(pk=robot.pk).exists()


@pytest.fixture
def robot_with_password(agency: Agency) -> Any:
    """A service account to which somebody gave a password by force."""
    user = create(agency, "org-viewer").user
    with on_platform():
        user.set_password(PASSWORD)
        user.save()
    return user


def test_a_service_account_does_not_authenticate(agency: Agency, robot_with_password: Any) -> None:
    with on_platform():
        agency.viewer.set_password(PASSWORD)
        agency.viewer.save()
    assert authenticate(email=agency.viewer.email, password=PASSWORD) == agency.viewer
    assert authenticate(email=robot_with_password.email, password=PASSWORD) is None


def test_a_service_account_does_not_sign_in(agency: Agency, robot_with_password: Any) -> None:
    browser = Browser()
    browser.post(reverse("account_login"), {"login": robot_with_password.email, "password": PASSWORD})
    assert "_auth_user_id" not in browser.session


@pytest.mark.parametrize("backend", ["accounts.backends.SignInBackend", "roles.backends.RoleBackend"])
def test_a_forced_session_of_a_service_account_opens_nothing(
    agency: Agency, robot_with_password: Any, backend: str
) -> None:
    address = f"/api/orgs/{agency.slug}/me/"
    browser, other = Browser(), Browser()
    browser.force_login(agency.viewer, backend="accounts.backends.SignInBackend")
    assert browser.get(address).status_code == 200
    other.force_login(robot_with_password, backend=backend)
    assert other.get(address).status_code == 401


def test_no_password_reset_is_sent_for_a_service_account(agency: Agency, robot_with_password: Any) -> None:
    Browser().post(reverse("account_reset_password"), {"email": agency.viewer.email})
    assert [message.to for message in mail.outbox] == [[agency.viewer.email]]
    mail.outbox.clear()
    Browser().post(reverse("account_reset_password"), {"email": robot_with_password.email})
    assert mail.outbox == []
