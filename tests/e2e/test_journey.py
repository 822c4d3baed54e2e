"""A day in an agency, in a real browser against a real server."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.site import PASSWORD, Site, Visitor, visiting


@pytest.mark.requirement("TEN-1")
@pytest.mark.requirement("REL-4")
def test_an_owner_works_invites_a_member_and_takes_a_client_away(site: Site, browser: Browser) -> None:
    with visiting(browser) as owner, visiting(browser, viewport={"width": 390, "height": 800}) as newcomer:
        owner.signs_in(site, site.agency.owner.email)
        assert owner.page.url == site.page()
        assert owner.sees("Welcome, Larkmoor")

        owner.goes_to(site.page("clients/"))
        owner.page.keyboard.press("/")
        owner.page.keyboard.type("client 2")
        expect(owner.page.get_by_role("link", name="Larkmoor client 3")).to_have_count(0)
        expect(owner.page.locator("#results-count")).to_have_text("1 client found")
        assert owner.page.url == site.page("clients/?q=client+2")
        owner.looks()

        owner.presses("Larkmoor client 2")
        owner.goes_to(f"{owner.page.url}tasks/")
        owner.presses("Add task")
        owner.page.get_by_label("Title").fill("Plan the autumn campaign")
        owner.presses("Save")
        assert owner.sees("Plan the autumn campaign")

        owner.goes_to(site.page("members/"))
        owner.presses("Invite people")
        owner.page.get_by_label("E-mail addresses").fill("noor@people.example")
        owner.page.get_by_label("Member", exact=True).check()
        owner.page.get_by_label("Larkmoor client 2").check()
        owner.page.get_by_label("Larkmoor client 3").check()
        owner.presses("Send invitations")
        assert owner.sees("noor@people.example")

        newcomer.goes_to(site.link_sent_to("noor@people.example"))
        assert newcomer.sees("Larkmoor owner invites you to work here as Member")
        newcomer.page.get_by_label("Your name").fill("Noor")
        newcomer.page.get_by_label("Password").fill(PASSWORD)
        newcomer.presses("Accept and start")
        assert newcomer.sees("Welcome, Noor")
        newcomer.goes_to(site.page("clients/"))
        assert newcomer.page.locator("tbody th a").all_inner_texts() == ["Larkmoor client 2", "Larkmoor client 3"]
        newcomer.presses("Larkmoor client 3")
        theirs = newcomer.page.url

        owner.goes_to(site.page("assignments/?q=client+3"))
        owner.page.get_by_label("Choose Larkmoor client 3").check()
        owner.page.get_by_label("Noor").check()
        owner.presses("Take away…")
        assert owner.sees("Take these clients away?")
        owner.presses("Take away")

        newcomer.goes_to(theirs)
        assert newcomer.sees("There is no such page")
        newcomer.goes_to(site.page("clients/"))
        assert newcomer.page.locator("tbody th a").all_inner_texts() == ["Larkmoor client 2"]


@pytest.mark.requirement("REL-4")
def test_signing_in_and_finding_a_client_takes_no_mouse(site: Site, browser: Browser) -> None:
    with visiting(browser) as viewer:
        keyboard = viewer.page.keyboard
        viewer.page.goto(site.page("sign-in/"))
        _tab_to(viewer, "Email")
        keyboard.type(site.agency.viewer.email)
        keyboard.press("Tab")
        keyboard.type(PASSWORD)
        keyboard.press("Enter")
        viewer.page.wait_for_url(site.page())

        keyboard.press("Tab")
        assert _focused(viewer) == "Skip to content"
        _tab_to(viewer, "Clients")
        keyboard.press("Enter")
        viewer.page.wait_for_url(site.page("clients/"))
        keyboard.press("?")
        expect(viewer.page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
        keyboard.press("Escape")
        keyboard.press("/")
        assert _focused(viewer) == "Search clients"
        _tab_to(viewer, "Larkmoor client 1")
        keyboard.press("Enter")
        expect(viewer.page.get_by_role("heading", level=1)).to_have_text("Larkmoor client 1")


@pytest.mark.requirement("TEN-1")
def test_signing_in_searching_and_creating_work_without_script(site: Site, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(site.page("sign-in/"))
    page.get_by_label("Email").fill(site.agency.manager.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(site.page())

    page.goto(site.page("clients/"))
    page.get_by_label("Search clients").fill("client 4")
    page.get_by_role("button", name="Filter").click()
    assert page.locator("tbody th a").all_inner_texts() == ["Larkmoor client 4"]

    page.get_by_role("link", name="New client").click()
    page.get_by_label("Name").fill("Fernhollow")
    page.get_by_role("button", name="Save client").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Fernhollow")
    context.close()


@pytest.mark.requirement("TEN-1")
@pytest.mark.requirement("REL-4")
@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1280, "light")])
def test_every_page_is_fit_for_everyone(site: Site, browser: Browser, scheme: str, width: int) -> None:
    client = f"clients/{site.agency.clients[0].pk}/"
    pages = ["", "clients/", "clients/new/", client, f"{client}edit/", f"{client}delete/", f"{client}notes/"]
    pages += [f"{client}invoices/new/", "members/", "members/invite/", "assignments/", "assignments/?by=person"]
    with visiting(browser, color_scheme=scheme, viewport={"width": width, "height": 800}) as owner:
        owner.signs_in(site, site.agency.owner.email)
        for page in pages:
            owner.goes_to(site.page(page))
            assert owner.page.get_by_role("heading", level=1).count() == 1


NAME_OF_FOCUSED = """(element => (
    element.getAttribute("aria-label") ?? element.labels?.[0]?.innerText ?? element.innerText
).trim())(document.activeElement)"""


def _focused(visitor: Visitor) -> str:
    return str(visitor.page.evaluate(NAME_OF_FOCUSED))


def _tab_to(visitor: Visitor, label: str, most: int = 40) -> None:
    """Press Tab until the element of that name has the focus."""
    for _ in range(most):
        visitor.page.keyboard.press("Tab")
        if _focused(visitor) == label:
            return
    raise AssertionError(f"Tab does not lead to “{label}”.")
