"""Roles in the platform console, in a real browser: made by ticking, reviewed, saved, and held up by somebody else."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from accounts.models import User
from roles.models import Role
from tests.e2e.site import RULES, Site, Visitor, _axe, sign_in, visiting
from tests.factories import MembershipFactory, RoleFactory, UserFactory, built_in, on_platform

ROLES = "/admin/roles/role/"


@pytest.fixture
def planner(site: Site) -> Any:
    """A role of the agency with a person, gone after the test."""
    organization = site.agency.organization
    role = RoleFactory(organization=organization, name="planner", display_name="Planner", keys=("clients:read",))
    held = MembershipFactory(user=UserFactory(name="Ines Okafor"), organization=organization, role=role)
    yield role
    with on_platform():
        held.delete()
        Role.objects.filter(pk=role.pk).delete()


def looks(visitor: Visitor) -> None:
    """Assert that what the project draws within the theme has no axe violation, and that nothing scrolls sideways."""
    # The bar that stays covers what is under it: at the end of the page it stands in a place of its own.
    visitor.page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    visitor._listening = False
    visitor.page.evaluate(_axe())
    found = visitor.page.evaluate(
        """async rules => (await axe.run(".role-page", {runOnly: rules})).violations.map(
            violation => `${violation.id}: ${violation.nodes[0].html}`)""",
        RULES,
    )
    wide = visitor.page.evaluate("document.documentElement.scrollWidth > innerWidth")
    visitor._listening = True
    assert found == [], f"{visitor.page.url}: {found}"
    assert not wide, f"{visitor.page.url} is wider than the window."


def press(visitor: Visitor, name: str) -> None:
    """Press the button of that name, wait for the page that follows, and look at it."""
    with visitor.page.expect_navigation():
        visitor.page.get_by_role("button", name=name, exact=True).click()
    looks(visitor)


@pytest.mark.requirement("ADM-3")
@pytest.mark.requirement("ROLE-1")
@pytest.mark.requirement("REL-4")
def test_a_role_is_made_by_ticking_then_changed_after_a_review(site: Site, browser: Browser, boss: User) -> None:
    with visiting(browser) as visitor:
        page = visitor.page
        sign_in(page, site, boss)
        page.goto(f"{site.url}{ROLES}?scope__exact=TENANT")
        looks(visitor)
        with page.expect_navigation():
            page.get_by_role("link", name="New role").click()
        page.get_by_label("Name", exact=True).fill("Night Planner")
        expect(page.get_by_label("Slug")).to_have_value("night-planner")
        page.get_by_label("Organization (optional)").select_option(label="Larkmoor")

        page.get_by_label("Search permissions").fill("tasks")
        tasks = page.locator("input[value='tasks:write']")
        tasks.focus()
        page.keyboard.press("Space")
        expect(page.locator("[data-rx-said]")).to_contain_text("tasks:read was added")
        expect(page.locator("[data-rx-sentence]")).to_contain_text("edit tasks")
        page.keyboard.press("ArrowLeft")
        assert page.evaluate("document.activeElement.value") == "tasks:read"
        looks(visitor)

        page.get_by_label("E-mail addresses").fill(site.agency.viewer.email)
        press(visitor, "Create role")
        expect(page.locator(".role-effects")).to_contain_text("1 person with “Viewer”")
        press(visitor, "Create role")
        expect(page.get_by_text("Created: “Night Planner”.")).to_be_visible()

        with page.expect_navigation():
            page.get_by_role("link", name="Permissions", exact=True).last.click()
        page.locator("input[value='tasks:delete']").check()
        expect(page.locator("[data-rx-pending]")).to_have_text("1 added · 1 person affected")
        press(visitor, "Review changes")
        expect(page.locator(".role-effects")).to_contain_text(site.agency.viewer.name)
        page.get_by_role("button", name="Save changes").click()
        assert page.evaluate("document.querySelector('[name=confirmed]').validity.valueMissing")
        page.get_by_label("I have seen").check()
        press(visitor, "Save changes")
        expect(page.locator("input[value='tasks:delete']")).to_be_checked()

        with page.expect_navigation():
            page.get_by_role("link", name="History", exact=True).click()
        looks(visitor)
        expect(page.locator(".role-events > li").first).to_contain_text("added tasks:delete")


@pytest.mark.requirement("ADM-3")
@pytest.mark.requirement("REL-4")
def test_the_grid_is_one_tab_stop_with_arrows_home_and_end(
    site: Site, browser: Browser, boss: User, planner: Role
) -> None:
    with visiting(browser) as visitor:
        page = visitor.page
        sign_in(page, site, boss)
        page.goto(f"{site.url}{ROLES}{planner.pk}/permissions/")
        grid = page.locator("[data-rx-category='Client Workspace'] [data-rx-grid]")
        held = grid.locator("input[value='clients:read']")

        def at() -> str:
            return str(page.evaluate("document.activeElement.value"))

        assert grid.locator("input[tabindex='0']").count() == 1
        held.focus()
        page.keyboard.press("ArrowDown")
        assert at() == "contacts:read"
        page.keyboard.press("End")
        assert at() == "contacts:delete"
        page.keyboard.press("Control+End")
        assert at() == "connections:delete"
        page.keyboard.press("ArrowUp")
        page.keyboard.press("Space")
        expect(grid.locator("input[value='invoices:delete']")).to_be_checked()
        page.keyboard.press("Tab")
        assert not page.evaluate("document.querySelector('[data-rx-grid]').contains(document.activeElement)")


@pytest.mark.requirement("ROLE-4")
def test_two_editors_at_once_see_both_versions_and_lose_nothing(
    site: Site, browser: Browser, boss: User, planner: Role
) -> None:
    with visiting(browser) as first, visiting(browser) as second:
        for visitor in (first, second):
            sign_in(visitor.page, site, boss)
            visitor.page.goto(f"{site.url}{ROLES}{planner.pk}/permissions/")
        first.page.locator("input[value='notes:read']").check()
        second.page.locator("input[value='tasks:read']").check()
        press(first, "Review changes")
        press(first, "Save changes")

        press(second, "Review changes")
        page = second.page
        expect(page.get_by_role("heading", name="Somebody else changed this role meanwhile")).to_be_visible()
        expect(page.locator(".role-side").first).to_contain_text("tasks:read")
        expect(page.locator(".role-side").last).to_contain_text("notes:read")
        press(second, "Take mine over theirs…")
        expect(page.locator(".role-diff").first).to_contain_text("notes:read")
        press(second, "Save changes")
        expect(page.locator("input[value='tasks:read']")).to_be_checked()
        expect(page.locator("input[value='notes:read']")).not_to_be_checked()


@pytest.mark.requirement("ADM-3")
def test_permissions_are_reviewed_and_saved_without_script(
    site: Site, browser: Browser, boss: User, planner: Role
) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    sign_in(page, site, boss)
    page.goto(f"{site.url}{ROLES}{planner.pk}/permissions/")
    page.locator("input[value='notes:read']").check()
    page.get_by_role("button", name="Review changes").click()
    expect(page.locator(".role-effects")).to_contain_text("Ines Okafor")
    page.get_by_role("button", name="Save changes").click()
    expect(page.locator("input[value='notes:read']")).to_be_checked()
    context.close()


@pytest.mark.requirement("ADM-2")
@pytest.mark.requirement("REL-4")
@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1280, "light"), (390, "light"), (1280, "dark")])
def test_every_page_of_roles_is_fit_for_everyone(
    site: Site, browser: Browser, boss: User, planner: Role, width: int, scheme: Any
) -> None:
    one, shipped = f"{planner.pk}/", f"{built_in('org-viewer').pk}/"
    pages = ["", "?scope__exact=TENANT", "add/?scope=TENANT&template=billing", "add/?scope=PLATFORM", "compare/"]
    pages += [f"compare/?a={planner.pk}&b={built_in('org-viewer').pk}", f"selection/?verb=deactivate&pk={planner.pk}"]
    pages += [f"{one}{tab}/" for tab in ("change", "permissions", "people", "history", "delete", "deactivate")]
    pages += [f"{shipped}{tab}/" for tab in ("change", "permissions", "people")]
    with visiting(browser, color_scheme=scheme, viewport={"width": width, "height": 800}) as visitor:
        sign_in(visitor.page, site, boss)
        for address in pages:
            visitor.page.goto(f"{site.url}{ROLES}{address}")
            looks(visitor)
            assert visitor.page.get_by_role("heading", level=1).count() == 1
