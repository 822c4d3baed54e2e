"""The access explorer in a real browser: a question is asked, answered, followed to its reason, and sent on."""

from __future__ import annotations

from typing import Any
from urllib.parse import urljoin

import pytest
from playwright.sync_api import Browser, expect

from accounts.models import User
from roles.models import Role
from tests.e2e.site import RULES, Site, Visitor, _axe, sign_in, visiting
from tests.factories import MembershipFactory, RoleFactory, UserFactory, on_platform

EXPLORER = "/admin/explorer/"

pytestmark = [pytest.mark.requirement("PDP-4"), pytest.mark.requirement("REL-4")]


@pytest.fixture
def planner(site: Site) -> Any:
    """A role of the agency with a person, gone after the test."""
    organization = site.agency.organization
    above = RoleFactory(organization=organization, name="reader", display_name="Reader", keys=("tasks:read",))
    role = RoleFactory(
        organization=organization, name="planner", display_name="Planner", keys=("clients:read",), parent=above
    )
    held = MembershipFactory(user=UserFactory(name="Ines Okafor"), organization=organization, role=role)
    yield role
    with on_platform():
        held.delete()
        Role.objects.filter(pk=role.pk).delete()
        Role.objects.filter(pk=above.pk).delete()


def looks(visitor: Visitor) -> None:
    """Assert that what the project draws within the theme has no axe violation, and that nothing scrolls sideways."""
    visitor._listening = False
    visitor.page.evaluate(_axe())
    found = visitor.page.evaluate(
        """async rules => (await axe.run(".explorer", {runOnly: rules})).violations.map(
            violation => `${violation.id}: ${violation.nodes[0].html}`)""",
        RULES,
    )
    wide = visitor.page.evaluate("document.documentElement.scrollWidth > innerWidth")
    visitor._listening = True
    assert found == [], f"{visitor.page.url}: {found}"
    assert not wide, f"{visitor.page.url} is wider than the window."


def ask(visitor: Visitor, **fields: str) -> None:
    """Fill in the fields by their labels and ask."""
    for label, words in fields.items():
        visitor.page.get_by_label(label).fill(words)
    with visitor.page.expect_navigation():
        visitor.page.get_by_role("button", name="Ask", exact=True).click()


@pytest.mark.requirement("PDP-2")
@pytest.mark.parametrize("script", [True, False], ids=["with script", "without script"])
def test_from_who_can_to_why_not_and_to_the_page_of_the_change(
    script: bool, site: Site, browser: Browser, boss: User, planner: Role
) -> None:
    with visiting(browser, java_script_enabled=script) as visitor:
        page = visitor.page
        sign_in(page, site, boss)
        page.goto(f"{site.url}{EXPLORER}who/")
        ask(visitor, Permission="view tasks", Where="larkmoor")
        expect(page.locator(".explorer-answer h2")).to_contain_text("6 people can “View Tasks” in Larkmoor")
        expect(page.get_by_role("row", name="Ines Okafor")).to_contain_text("Reader")
        file = page.request.get(urljoin(page.url, str(page.get_by_role("link", name="CSV").get_attribute("href"))))
        assert file.headers["content-type"] == "text/csv; charset=utf-8"
        assert "Ines Okafor" in file.text() and len(file.text().splitlines()) == 7
        with page.expect_navigation():
            page.get_by_role("link", name="Why may Ines Okafor").click()
        expect(page.locator(".explorer-verdict")).to_contain_text("Allowed")
        expect(page.locator(".explorer-chain")).to_contain_text("Reader")

        ask(visitor, Permission="notes:read")
        expect(page.locator(".explorer-verdict")).to_contain_text("Denied")
        expect(page.locator(".explorer-chain > li").last).to_contain_text("is not in the role")
        asked = page.url
        with page.expect_navigation():
            page.locator(".explorer-remedy a").first.click()
        assert f"{planner.pk}/permissions/" in page.url

        page.goto(asked)
        expect(page.locator(".explorer-verdict")).to_contain_text("Denied")


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1280, "light"), (390, "light"), (1280, "dark")])
def test_every_page_of_the_explorer_is_fit_for_everyone(
    site: Site, browser: Browser, boss: User, planner: Role, width: int, scheme: Any
) -> None:
    agency, place = site.agency, f"place={site.agency.slug}"
    with on_platform():
        ines = User.objects.get(memberships__role=planner)
    pages = ["who/", f"who/?{place}&permission=clients:read", "who/?place=nowhere&permission=clients:read"]
    pages += ["person/", f"person/?{place}&person={agency.viewer.email}", f"person/?{place}&person=larkmoor"]
    pages += [f"may/?{place}&person={ines.pk}&permission={key}" for key in ("notes:read", "tasks:read")]
    pages += [f"may/?{place}&person={agency.member.pk}&permission=clients:write"]
    pages += [f"view-as/?{place}&person={agency.viewer.pk}"]
    with visiting(browser, color_scheme=scheme, viewport={"width": width, "height": 800}) as visitor:
        sign_in(visitor.page, site, boss)
        for address in pages:
            visitor.page.goto(f"{site.url}{EXPLORER}{address}")
            looks(visitor)
            assert visitor.page.get_by_role("heading", level=1).count() == 1
