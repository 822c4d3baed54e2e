"""The console has no sign-in of its own: the product's stands before it, with its limits and its second factor."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.totp.internal.auth import (
    TOTP,
    format_hotp_value,
    generate_totp_secret,
    hotp_value,
    yield_hotp_counters_from_time,
)
from django.test import Client as Browser
from django.urls import reverse

from accounts.models import User
from tests.factories import on_platform
from tests.world import make_staff

pytestmark = [pytest.mark.requirement("ADM-1"), pytest.mark.requirement("ORG-2")]

PASSWORD = "a long enough passphrase"
HOME = "/admin/"


@pytest.fixture
def manager(db: None) -> User:
    user = make_staff("platform-admin")
    with on_platform():
        user.set_password(PASSWORD)
        user.save(update_fields=["password"])
        EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user


def sign_in(browser: Browser, user: User, password: str = PASSWORD, *, to: str = HOME) -> int:
    address = f"{reverse('account_login')}?{urlencode({'next': to})}"
    return browser.post(address, {"login": user.email, "password": password}).status_code


def test_a_stranger_is_led_to_the_products_sign_in_and_from_there_to_the_console(manager: User) -> None:
    browser = Browser()

    led = browser.get(HOME)
    assert led["Location"] == f"{reverse('account_login')}?{urlencode({'next': HOME})}"
    answer = browser.post(led["Location"], {"login": manager.email, "password": PASSWORD})

    assert answer["Location"] == HOME
    assert browser.get(HOME).status_code == 200


def test_the_admins_own_login_opens_no_session(manager: User) -> None:
    browser = Browser()

    answer = browser.post(f"{HOME}login/", {"username": manager.email, "login": manager.email, "password": PASSWORD})

    assert answer.status_code == 302
    assert answer["Location"].startswith(reverse("account_login"))
    assert browser.get(HOME).status_code == 302
    assert sign_in(browser, manager) == 302
    assert browser.get(HOME).status_code == 200


def test_a_second_factor_stands_before_the_console(manager: User) -> None:
    secret = generate_totp_secret()
    with on_platform():
        TOTP.activate(manager, secret)
    browser = Browser()

    sign_in(browser, manager)
    assert browser.get(HOME).status_code == 302

    code = format_hotp_value(hotp_value(secret, next(yield_hotp_counters_from_time())))
    browser.post(reverse("mfa_authenticate"), {"code": code})
    assert browser.get(HOME).status_code == 200


@pytest.mark.requirement("PDP-6")
def test_a_second_factor_newly_required_is_asked_for_at_the_next_request(manager: User) -> None:
    browser = Browser()
    sign_in(browser, manager)
    assert browser.get(HOME).status_code == 200

    with on_platform():
        role = manager.memberships.get().role
        role.requires_second_factor = True
        role.save(update_fields=["requires_second_factor"])

    answer = browser.get(HOME)
    assert answer.status_code == 302
    assert answer["Location"].startswith(reverse("mfa_index"))


def test_guessing_a_password_is_stopped_for_the_right_one_too(manager: User) -> None:
    browser = Browser()
    for number in range(12):
        sign_in(browser, manager, f"wrong guess {number}")

    sign_in(browser, manager)
    assert browser.get(HOME).status_code == 302


def test_the_admins_login_leads_nowhere_else(manager: User) -> None:
    browser = Browser()
    led = browser.get(f"{HOME}login/", {"next": "https://evil.example/"})

    answer = browser.post(led["Location"], {"login": manager.email, "password": PASSWORD})

    assert answer.status_code == 302
    assert "evil.example" not in answer["Location"]


def test_the_console_signs_out_as_the_product_does_and_never_by_a_mere_link(manager: User) -> None:
    browser = Browser()
    sign_in(browser, manager)

    assert browser.get(HOME).status_code == 200
    assert browser.get(f"{HOME}logout/")["Location"] == reverse("account_logout")
    assert browser.get(HOME).status_code == 200
    assert browser.post(f"{HOME}logout/")["Location"] == reverse("account_login")
    assert browser.get(HOME).status_code == 302
