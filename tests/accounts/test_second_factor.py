"""A role may require a second factor (ORG-2)."""

from __future__ import annotations

from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.test import Client as Browser
from django.urls import reverse

from accounts.actions import IssueToken
from roles.models import Role
from tenancy.context import acting
from tenancy.errors import Reason
from tests.factories import on_platform
from tests.world import Agency

pytestmark = [pytest.mark.django_db, pytest.mark.requirement("ORG-2")]

PASSWORD = "a long enough passphrase"


@pytest.fixture
def strict_agency(agency: Agency) -> Agency:
    """An agency whose owners need a second factor."""
    with on_platform():
        Role.objects.filter(name="org-owner").update(requires_second_factor=True)
    return agency


def add_factor(user: Any, kind: str) -> None:
    Authenticator.objects.create(user=user, type=kind, data={})


def me(agency: Agency) -> str:
    return f"/api/orgs/{agency.slug}/me/"


@pytest.mark.parametrize("kind", [Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN])
def test_the_role_is_closed_until_there_is_a_second_factor(strict_agency: Agency, call: Any, kind: str) -> None:
    caller = call(strict_agency.owner)
    refused = caller.get(me(strict_agency))
    assert (refused.status_code, refused.json()["reason"]) == (403, Reason.SECOND_FACTOR)
    add_factor(strict_agency.owner, kind)
    assert caller.get(me(strict_agency)).status_code == 200


def test_recovery_codes_alone_are_no_second_factor(strict_agency: Agency, call: Any) -> None:
    add_factor(strict_agency.owner, Authenticator.Type.RECOVERY_CODES)
    assert call(strict_agency.owner).get(me(strict_agency)).status_code == 403
    add_factor(strict_agency.owner, Authenticator.Type.TOTP)
    assert call(strict_agency.owner).get(me(strict_agency)).status_code == 200


def test_a_page_leads_to_where_a_second_factor_is_set_up(strict_agency: Agency, browse: Any) -> None:
    led = browse(strict_agency.owner).get(f"/o/{strict_agency.slug}/members/")
    assert led.status_code == 302
    assert led["Location"].startswith(reverse("mfa_index"))


def test_other_roles_are_not_asked(strict_agency: Agency, call: Any) -> None:
    assert call(strict_agency.admin).get(me(strict_agency)).status_code == 200
    assert call(strict_agency.owner).get(me(strict_agency)).status_code == 403


def test_a_token_stands_for_itself(strict_agency: Agency, client: Any) -> None:
    add_factor(strict_agency.owner, Authenticator.Type.TOTP)
    owner = strict_agency.actor("owner")
    with acting(owner):
        _, secret = IssueToken(owner, "Nightly").execute()
    assert client.get(me(strict_agency), headers={"Authorization": f"Token {secret}"}).status_code == 200


def test_who_has_a_second_factor_is_asked_for_it_at_sign_in(strict_agency: Agency) -> None:
    with on_platform():
        for user in (strict_agency.owner, strict_agency.admin):
            user.set_password(PASSWORD)
            user.save()
            EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    add_factor(strict_agency.owner, Authenticator.Type.TOTP)
    with_one, without = Browser(), Browser()
    for browser, user in ((with_one, strict_agency.owner), (without, strict_agency.admin)):
        browser.post(reverse("account_login"), {"login": user.email, "password": PASSWORD})
    assert "_auth_user_id" in without.session
    assert "_auth_user_id" not in with_one.session
