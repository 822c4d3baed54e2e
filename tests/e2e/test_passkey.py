"""A passkey is added and then signs its person in, with an authenticator that Chromium plays (ORG-2)."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.site import PASSWORD, Site, Visitor, visiting

AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


def give_authenticator(visitor: Visitor) -> None:
    """Let the browser have an authenticator that always agrees."""
    session = visitor.page.context.new_cdp_session(visitor.page)
    session.send("WebAuthn.enable")
    session.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})


@pytest.mark.requirement("ORG-2")
def test_a_passkey_signs_its_person_in(site: Site, browser: Browser) -> None:
    # A passkey belongs to a name; an address of numbers is none.
    local = Site(site.url.replace("127.0.0.1", "localhost"), site.agency, site.mail)
    with visiting(browser) as manager:
        give_authenticator(manager)
        manager.signs_in(local, site.agency.manager.email)
        manager.goes_to(f"{local.url}/account/2fa/webauthn/add/")
        manager.page.get_by_label("Password", exact=True).fill(PASSWORD)
        manager.presses("Confirm")
        manager.page.get_by_label("Name").fill("This laptop")
        manager.page.get_by_label("Passwordless").check()
        with manager.page.expect_navigation():
            manager.page.get_by_role("button", name=re.compile("Add")).click()
        manager.looks()

        manager.page.context.clear_cookies()
        manager.goes_to(local.page("sign-in/"))
        manager.page.get_by_role("button", name="Sign in with a passkey").click()
        manager.page.wait_for_url(local.page())
        expect(manager.page.get_by_role("heading", level=1)).to_contain_text("Welcome, Larkmoor")
