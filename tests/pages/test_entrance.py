"""The way in: an organization's sign-in page, its colors, its domain, and the choice of those with several places."""

from __future__ import annotations

from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.test import Client as Browser
from django.utils import timezone

from accounts.models import Branding, CustomDomain, Organization
from tests.factories import MembershipFactory, UserFactory, built_in, on_platform
from tests.pages.reading import field, text_of
from tests.world import Agency

PASSWORD = "a long way to Larkmoor"


@pytest.fixture
def owner(agency: Agency) -> Any:
    """The owner of the agency, with a password and a verified address."""
    agency.owner.set_password(PASSWORD)
    with on_platform():
        agency.owner.save()
        EmailAddress.objects.create(user=agency.owner, email=agency.owner.email, verified=True, primary=True)
    return agency.owner


def sign_in(browser: Browser, agency: Agency, email: str, password: str, **extra: str) -> Any:
    return browser.post(f"/o/{agency.slug}/sign-in/", {"login": email, "password": password, **extra})


@pytest.mark.requirement("TEN-1")
def test_the_sign_in_page_carries_the_organizations_name_and_words(agency: Agency, client: Browser) -> None:
    with on_platform():
        Branding.objects.filter(organization=agency.organization).update(sign_in_text="Good work starts here.")

    page = client.get(f"/o/{agency.slug}/sign-in/")

    assert page.status_code == 200
    assert "Sign in to Larkmoor" in text_of(page)
    assert "Good work starts here." in text_of(page)
    assert f"/o/{agency.slug}/brand.css?v=" in page.content.decode()


@pytest.mark.requirement("TEN-1")
def test_an_unknown_organization_has_no_sign_in_page(agency: Agency, client: Browser) -> None:
    assert client.get("/o/nowhere/sign-in/").status_code == 404
    assert client.get("/o/nowhere/brand.css").status_code == 404


@pytest.mark.requirement("TEN-1")
def test_the_colors_are_a_stylesheet_that_may_be_kept_by_its_version(agency: Agency, client: Browser) -> None:
    with on_platform():
        Branding.objects.filter(organization=agency.organization).update(accent="#FFDD00")
    address = client.get(f"/o/{agency.slug}/sign-in/").context["branding"]["stylesheet_url"]

    sheet = client.get(address)

    assert sheet.headers["Content-Type"] == "text/css; charset=utf-8"
    assert "--accent: #FFDD00;" in sheet.content.decode()
    assert "--accent-contrast: #000000;" in sheet.content.decode()
    assert "immutable" in sheet.headers["Cache-Control"]
    assert "immutable" not in client.get(f"/o/{agency.slug}/brand.css?v=old").headers["Cache-Control"]
    assert "Cookie" not in sheet.headers.get("Vary", "")


@pytest.mark.requirement("ORG-2")
def test_signing_in_leads_to_the_organizations_home(agency: Agency, owner: Any, client: Browser) -> None:
    answer = sign_in(client, agency, owner.email, PASSWORD)

    assert answer.status_code == 302
    assert answer.url == f"/o/{agency.slug}/"
    assert "Welcome, Larkmoor" in text_of(client.get(answer.url))


@pytest.mark.requirement("ORG-2")
def test_a_wrong_password_is_told_on_the_same_page(agency: Agency, owner: Any, client: Browser) -> None:
    answer = sign_in(client, agency, owner.email, "not this one at all")

    assert answer.status_code == 200
    assert "not correct" in text_of(answer)
    assert client.get(f"/o/{agency.slug}/").status_code == 302


@pytest.mark.requirement("ORG-2")
def test_signing_out_leads_to_the_organizations_sign_in(agency: Agency, browse: Any) -> None:
    browser = browse(agency.owner)
    back = field(browser.get(f"/o/{agency.slug}/"), "next")

    answer = browser.post("/account/logout/", {"next": back})

    assert answer.url == f"/o/{agency.slug}/sign-in/"
    assert browser.get(f"/o/{agency.slug}/").status_code == 302


@pytest.mark.requirement("ORG-2")
@pytest.mark.parametrize("elsewhere", ["https://elsewhere.example/", "//elsewhere.example/", "javascript:alert(1)"])
def test_signing_out_leads_to_pages_of_this_host_only(agency: Agency, browse: Any, elsewhere: str) -> None:
    assert "elsewhere" not in browse(agency.owner).post("/account/logout/", {"next": elsewhere}).url


@pytest.mark.requirement("ORG-2")
@pytest.mark.parametrize(
    ("wanted", "reached"),
    [("/o/larkmoor/clients/", "/o/larkmoor/clients/"), ("https://elsewhere.example/", "/o/larkmoor/")],
)
def test_signing_in_goes_on_to_pages_of_this_host_only(
    agency: Agency, owner: Any, client: Browser, wanted: str, reached: str
) -> None:
    assert sign_in(client, agency, owner.email, PASSWORD, next=wanted).url == reached


@pytest.mark.requirement("ORG-2")
def test_a_page_asked_for_before_signing_in_leads_to_the_branded_sign_in(agency: Agency, client: Browser) -> None:
    answer = client.get(f"/o/{agency.slug}/clients/")

    assert answer.url == f"/o/{agency.slug}/sign-in/?next=%2Fo%2F{agency.slug}%2Fclients%2F"


@pytest.mark.requirement("ORG-4")
def test_a_verified_domain_shows_the_pages_without_the_path(agency: Agency, browse: Any) -> None:
    with on_platform():
        CustomDomain.objects.create(
            organization=agency.organization, host="work.larkmoor.example", verified_at=timezone.now()
        )
    browser = browse(agency.owner)

    signing_in = Browser().get("/sign-in/", headers={"host": "work.larkmoor.example"})
    home = browser.get("/", headers={"host": "work.larkmoor.example"})
    clients = browser.get("/clients/", headers={"host": "work.larkmoor.example"})

    assert "Sign in to Larkmoor" in text_of(signing_in)
    assert home.status_code == clients.status_code == 200
    assert "/o/larkmoor/" not in home.content.decode() + clients.content.decode() + signing_in.content.decode()


@pytest.mark.requirement("ORG-4")
def test_a_domain_that_is_not_verified_shows_nothing(agency: Agency, browse: Any) -> None:
    with on_platform():
        CustomDomain.objects.create(organization=agency.organization, host="work.larkmoor.example")

    answer = browse(agency.owner).get("/", headers={"host": "work.larkmoor.example"})

    assert answer.status_code == 400
    assert "could not be read" in text_of(answer)


@pytest.mark.requirement("ORG-1")
def test_people_of_a_suspended_organization_see_a_page_that_says_so(agency: Agency, browse: Any) -> None:
    browser = browse(agency.owner)
    assert browser.get(f"/o/{agency.slug}/").status_code == 200
    with on_platform():
        Organization.objects.filter(pk=agency.organization.pk).update(status="suspended", suspended_at=timezone.now())

    answer = browser.get(f"/o/{agency.slug}/clients/")

    assert answer.status_code == 403
    assert "Larkmoor is suspended" in text_of(answer)


@pytest.mark.requirement("TEN-1")
def test_someone_with_one_place_is_led_there(agency: Agency, browse: Any) -> None:
    assert browse(agency.viewer).get("/").url == f"/o/{agency.slug}/"


@pytest.mark.requirement("TEN-1")
def test_someone_with_several_places_chooses(agency: Agency, other_agency: Agency, browse: Any) -> None:
    MembershipFactory(user=agency.member, organization=other_agency.organization, role=built_in("org-viewer"))

    page = browse(agency.member).get("/")

    assert page.status_code == 200
    assert "Larkmoor Member" in text_of(page)
    assert "Quaymark Viewer" in text_of(page)


@pytest.mark.requirement("TEN-1")
def test_someone_without_a_place_is_told_what_to_do(agency: Agency, browse: Any) -> None:
    assert "You have no place here yet" in text_of(browse(UserFactory()).get("/"))


@pytest.mark.requirement("ORG-2")
def test_passwords_cannot_be_guessed_at_without_end(agency: Agency, owner: Any, client: Browser) -> None:
    for _ in range(5):
        sign_in(client, agency, owner.email, "not this one at all")

    late = sign_in(client, agency, owner.email, PASSWORD)

    assert late.status_code == 200
    assert "Too many failed login attempts" in text_of(late)
    for _ in range(25):
        late = sign_in(client, agency, "someone@people.example", "not this one at all")
    assert late.status_code == 429
    assert "Wait a few minutes" in text_of(late)
