"""One's own account: verified addresses, passwords, second factors, sessions (ORG-2). allauth does the work; what is
tested is that it is wired to do it, and where its links lead."""

from __future__ import annotations

import re
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time
from django.core import mail
from django.test import Client as Browser
from django.urls import reverse

from accounts.models import CustomDomain, User
from tests.factories import inside, on_platform
from tests.world import Agency

pytestmark = [pytest.mark.django_db, pytest.mark.requirement("ORG-2")]
PASSWORD = "lanterns over the harbour"
NEW_PASSWORD = "lanterns under the harbour"
LINK = re.compile(r"https?://\S+")


@pytest.fixture
def person(agency: Agency) -> User:
    user: User = agency.member
    with on_platform():
        user.set_password(PASSWORD)
        user.save(update_fields=["password"])
        EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user


def signed_in(user: User, password: str = PASSWORD) -> Browser:
    browser = Browser()
    browser.post(reverse("account_login"), {"login": user.email, "password": password})
    return browser


def home(agency: Agency) -> str:
    return reverse("org:home", args=(agency.slug,))


def code_for(secret: str) -> str:
    return format_hotp_value(hotp_value(secret, next(yield_hotp_counters_from_time())))


def test_a_person_signs_in_with_the_password(agency: Agency, person: User) -> None:
    assert signed_in(person).get(home(agency)).status_code == 200
    assert signed_in(person, "another passphrase").get(home(agency)).status_code == 302


def test_an_unverified_address_signs_nobody_in(agency: Agency, person: User) -> None:
    with on_platform():
        EmailAddress.objects.filter(user=person).update(verified=False)
    browser = signed_in(person)
    assert browser.get(home(agency)).status_code == 302
    assert "confirm" in mail.outbox[-1].subject.lower()


def test_the_link_in_the_message_verifies_the_address(agency: Agency, person: User) -> None:
    with on_platform():
        EmailAddress.objects.filter(user=person).update(verified=False)
    signed_in(person)
    link = LINK.search(str(mail.outbox[-1].body)).group()  # type: ignore[union-attr]
    Browser().post(link)
    assert signed_in(person).get(home(agency)).status_code == 200


def test_a_forgotten_password_is_set_anew_once(agency: Agency, person: User) -> None:
    Browser().post(reverse("account_reset_password"), {"email": person.email})
    link = LINK.search(str(mail.outbox[-1].body)).group()  # type: ignore[union-attr]
    browser = Browser()
    form = browser.get(link, follow=True).redirect_chain[-1][0]
    browser.post(form, {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD})
    assert signed_in(person, NEW_PASSWORD).get(home(agency)).status_code == 200
    assert signed_in(person, PASSWORD).get(home(agency)).status_code == 302
    again = Browser().get(link, follow=True)
    assert b'type="password"' not in again.content


def test_a_reset_is_answered_alike_for_a_stranger(person: User) -> None:
    known = Browser().post(reverse("account_reset_password"), {"email": person.email})
    unknown = Browser().post(reverse("account_reset_password"), {"email": "nobody@people.example"})
    assert (known.status_code, known["Location"]) == (unknown.status_code, unknown["Location"])


@pytest.mark.parametrize("what", ["reset", "verification"])
def test_a_link_never_leads_to_the_domain_it_was_asked_on(
    other_agency: Agency, person: User, what: str, settings: Any
) -> None:
    """Threat 18: an owner asks on their own verified domain for somebody else's link."""
    with inside(other_agency.organization):
        domain = CustomDomain.objects.create(organization=other_agency.organization, host="quaymark.example")
    with on_platform():
        CustomDomain.objects.filter(pk=domain.pk).update(verified_at=person.created_at)
        if what == "verification":
            EmailAddress.objects.filter(user=person).update(verified=False)
    browser = Browser(headers={"host": "quaymark.example"})
    if what == "reset":
        browser.post(reverse("account_reset_password"), {"email": person.email})
    else:
        browser.post(reverse("account_login"), {"login": person.email, "password": PASSWORD})
    links = LINK.findall(str(mail.outbox[-1].body))
    assert links
    assert all(link.startswith(settings.BASE_URL) for link in links)


def test_an_unknown_host_is_refused(person: User) -> None:
    answer = Browser(headers={"host": "evil.example"}).post(reverse("account_reset_password"), {"email": person.email})
    assert answer.status_code == 400
    assert mail.outbox == []


def test_a_second_factor_is_set_up_and_then_asked_for(agency: Agency, person: User) -> None:
    browser = signed_in(person)
    asked = browser.get(reverse("mfa_activate_totp"))
    assert asked["Location"].startswith(reverse("account_reauthenticate"))
    page = browser.post(asked["Location"], {"password": PASSWORD}, follow=True)
    secret = page.context["form"].secret
    browser.post(reverse("mfa_activate_totp"), {"code": code_for(secret)})
    assert Authenticator.objects.filter(user=person, type="totp").exists()

    again = signed_in(person)
    assert again.get(home(agency)).status_code == 302
    again.post(reverse("mfa_authenticate"), {"code": "000000"})
    assert again.get(home(agency)).status_code == 302


def test_a_person_sees_their_sessions_and_ends_the_others(agency: Agency, person: User) -> None:
    here, elsewhere = signed_in(person), signed_in(person)
    for browser in (here, elsewhere):
        assert browser.get(home(agency)).status_code == 200
    assert here.get(reverse("usersessions_list")).status_code == 200
    here.post(reverse("usersessions_list"))
    assert here.get(home(agency)).status_code == 200
    assert elsewhere.get(home(agency)).status_code == 302


def test_changing_the_password_asks_for_the_old_one(agency: Agency, person: User) -> None:
    browser = signed_in(person)
    new = {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
    browser.post(reverse("account_change_password"), {"oldpassword": "a guess at it", **new})
    assert signed_in(person, NEW_PASSWORD).get(home(agency)).status_code == 302
    browser.post(reverse("account_change_password"), {"oldpassword": PASSWORD, **new})
    assert signed_in(person, NEW_PASSWORD).get(home(agency)).status_code == 200


def test_nobody_signs_up_by_themselves() -> None:
    answer = Browser().post(
        reverse("account_signup"), {"email": "new@people.example", "password1": PASSWORD, "password2": PASSWORD}
    )
    assert answer.status_code == 200
    with on_platform():
        assert not User.objects.filter(email="new@people.example").exists()
