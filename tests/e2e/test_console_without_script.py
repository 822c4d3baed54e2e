"""The platform console in a browser without script, which its theme leaves blank and covered unless told otherwise."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from accounts.models import User
from tests.e2e.site import Site, sign_in, visiting

pytestmark = pytest.mark.requirement("REL-4")


@pytest.fixture(params=[390, 1280])
def page(site: Site, browser: Browser, boss: User, request: pytest.FixtureRequest) -> Iterator[Page]:
    """The home of a super admin who signed in without script, on a phone and on a desk."""
    size = {"width": request.param, "height": 800}
    with visiting(browser, java_script_enabled=False, viewport=size) as visitor:
        sign_in(visitor.page, site, boss)
        yield visitor.page


def test_every_kind_of_page_is_there_and_nothing_covers_it(page: Page, site: Site) -> None:
    for address, control in [
        ("", page.get_by_role("link", name=re.compile("Denials"))),
        ("accounts/user/", page.get_by_role("link", name=re.compile("Larkmoor owner"))),
        (f"accounts/organization/{site.agency.organization.pk}/change/", page.get_by_role("button", name="Save")),
        ("roles/role/", page.get_by_role("link", name="New role")),
        ("audit/accessrecord/", page.get_by_role("link", name="Any time")),
    ]:
        page.goto(f"{site.url}/admin/{address}")
        control.click(trial=True)


def test_a_list_is_narrowed_by_its_filters(page: Page, site: Site) -> None:
    page.goto(f"{site.url}/admin/accounts/user/")
    page.get_by_role("link", name="Set up", exact=True).click()
    expect(page.get_by_role("link", name=re.compile("Larkmoor owner"))).to_have_count(0)


def test_the_menu_and_the_verbs_of_a_page_can_be_reached(page: Page) -> None:
    page.locator("#nav-sidebar").get_by_text("Organizations", exact=True).click()
    page.get_by_role("link", name="Larkmoor", exact=True).click()
    page.get_by_role("link", name="Suspend").click()
    expect(page.get_by_label("Reason")).to_be_visible()


def test_signing_out_takes_no_script(page: Page, site: Site) -> None:
    page.get_by_role("button", name=re.compile("Log out")).click()
    page.goto(f"{site.url}/admin/")
    expect(page).to_have_url(re.compile("/account/login/"))
