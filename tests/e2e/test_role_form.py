"""The form parts of roles in a browser, on a page that has nothing else and the strictest policy."""

from __future__ import annotations

import mimetypes
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.template import Context, Template
from playwright.sync_api import Browser, Page, Route, expect
from unfold.settings import get_config

from roles.forms import MatrixField, PermissionsForm
from roles.forms.appearance import ColorField, IconField
from roles.wording import describe
from tenancy.actors import Reach, Scope
from tests.e2e.site import Visitor, visiting

ADDRESS = "http://role.test/"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'"
)
OWN = frozenset({"clients:read", "contacts:read", "contacts:write", "team:list", "team:read"})
PAGE = Template(
    """{% load static %}<!doctype html><html lang="en" data-theme="{{ theme }}" class="{{ theme }}"><head>
    <meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Role</title>
    {% for name in sheets %}<link rel="stylesheet" href="/static/{{ name }}.css">{% endfor %}{{ media }}</head>
    <body class="bg-white text-font-default-light dark:bg-base-900 dark:text-font-default-dark">
    <main><h1 class="rx">Role</h1><form method="post">
    {% include "roles/sentence.html" with describe_url="/describe" %}
    {% include "roles/permissions.html" %}
    <h2 class="rx">Looks</h2><label class="rx" for="color">Colour</label>{{ color }}
    <fieldset><legend class="rx">Icon</legend>{{ icon }}</fieldset>
    {% include "roles/bar.html" with people=14 discard_url="/" %}
    </form></main></body></html>"""
)
HOUSES = {
    "organization": ["css/tokens", "css/base", "css/components", "css/forms"],
    "console": ["css/console", "unfold/css/styles", "unfold-colors"],
}


def page_of(house: str = "organization", theme: str = "light") -> str:
    """Return the page with a role that inherits from Viewer, edited by someone who may not delete clients."""
    matrix = MatrixField(
        scope=Scope.TENANT,
        own=OWN,
        inherited={"tasks:read": "Viewer"},
        withheld=frozenset({"clients:delete", "notes:read"}),
        unused={"contacts:write": "Not used since 3 March 2026"},
    )
    form = PermissionsForm(permissions=matrix, version=1)
    shown = {
        "form": form,
        "media": form.media,
        "color": ColorField().widget.render("color", "#3D4FD1", {"id": "color"}),
        "icon": IconField().widget.render("icon", "user", {"id": "icon"}),
        "sentence": describe(OWN, Scope.TENANT, Reach.ALL),
        "theme": theme,
        "sheets": HOUSES[house],
    }
    return PAGE.render(Context(shown))


def unfold_colors() -> str:
    """Return the colours that the console's pages carry in themselves."""
    named = get_config()["COLORS"].items()
    declared = [f"--color-{name}-{step}: {value};" for name, steps in named for step, value in steps.items()]
    return f":root {{{' '.join(declared)}}}"


def answer(html: str) -> Callable[[Route], None]:
    """Return what answers every request of the page, the server's sentence among them."""

    def handler(route: Route) -> None:
        path = route.request.url.removeprefix(ADDRESS)
        if path == "describe":
            keys = [line for line in (route.request.post_data or "").split("\r\n") if ":" in line and " " not in line]
            route.fulfill(json={"sentence": describe(keys, Scope.TENANT, Reach.ALL)})
        elif path == "static/unfold-colors.css":
            route.fulfill(body=unfold_colors(), content_type="text/css")
        elif path.startswith("static/"):
            file = finders.find(path.removeprefix("static/"))
            route.fulfill(path=file, content_type=mimetypes.guess_type(path)[0])
        else:
            route.fulfill(body=html, content_type="text/html", headers={"Content-Security-Policy": POLICY})

    return handler


@pytest.fixture
def visitor(browser: Browser) -> Iterator[Visitor]:
    """Someone at the page of a role, who notices whatever the browser complains of."""
    with visiting(browser, viewport={"width": 1280, "height": 900}) as visitor:
        visitor.page.route("**/*", answer(page_of()))
        visitor.page.goto(ADDRESS)
        visitor.page.get_by_role("button", name="Open all").click()
        yield visitor


@pytest.fixture
def page(visitor: Visitor) -> Page:
    return visitor.page


def box(page: Page, key: str) -> Any:
    return page.locator(f"input[value='{key}']")


def focused(page: Page) -> str:
    value: str = page.evaluate("document.activeElement.value")
    return value


@pytest.mark.requirement("ADM-3")
def test_what_a_permission_needs_comes_along_and_is_told(page: Page) -> None:
    box(page, "campaigns:write").check()
    expect(box(page, "campaigns:read")).to_be_checked()
    expect(page.locator("[data-rx-said]")).to_have_text(
        "campaigns:read was added, because it is needed by campaigns:write."
    )


@pytest.mark.requirement("ADM-3")
def test_a_permission_that_needs_a_withheld_one_is_not_ticked(page: Page) -> None:
    box(page, "notes:write").click()
    expect(box(page, "notes:write")).not_to_be_checked()
    expect(page.locator("[data-rx-said]")).to_contain_text("notes:read, which you do not hold")


@pytest.mark.requirement("ADM-3")
def test_the_bar_counts_what_changes_and_whom_it_affects(page: Page) -> None:
    pending = page.locator("[data-rx-pending]")
    expect(pending).to_have_text("No permission changed")
    box(page, "campaigns:write").check()
    box(page, "team:read").uncheck()
    expect(pending).to_have_text("2 added, 1 removed · 14 people affected")


@pytest.mark.requirement("ADM-3")
@pytest.mark.parametrize("key", ["tasks:read", "clients:delete"])
def test_a_locked_box_can_be_reached_and_asked_why_but_not_changed(page: Page, key: str) -> None:
    before = box(page, key).is_checked()
    box(page, key).focus()
    page.keyboard.press("Space")
    assert box(page, key).is_checked() is before
    line = page.locator("[data-rx-category='Client Workspace'] [data-rx-detail]")
    expect(line).to_contain_text("Inherited from Viewer" if before else "you cannot grant it")


@pytest.mark.requirement("ADM-3")
def test_search_finds_by_name_and_key_and_heads_act_on_what_is_shown(page: Page) -> None:
    page.get_by_label("Search permissions").fill("write")
    expect(page.locator("[data-rx-category='Reports']")).to_be_hidden()
    page.get_by_role("checkbox", name="All of Client Workspace, the 8 shown of 24: 1 of 8").click()
    expect(box(page, "documents:write")).to_be_checked()
    expect(box(page, "documents:delete")).not_to_be_checked()


@pytest.mark.requirement("ADM-3")
def test_a_search_without_result_says_so_and_leads_back(page: Page) -> None:
    page.get_by_label("Search permissions").fill("zebra")
    expect(page.get_by_text("No permission matches “zebra”.")).to_be_visible()
    page.get_by_role("button", name="Show all permissions").click()
    expect(page.locator("[data-rx-category]:visible")).to_have_count(14)


@pytest.mark.requirement("ADM-3")
def test_filters_show_what_is_changed(page: Page) -> None:
    box(page, "team:read").uncheck()
    page.get_by_role("button", name="Changed 1").click()
    expect(page.locator("[data-rx-box]:visible")).to_have_count(1)
    expect(box(page, "team:read")).to_be_visible()


@pytest.mark.requirement("ADM-3")
def test_filters_show_what_is_unused_and_since_when(page: Page) -> None:
    page.get_by_role("button", name="Unused 1").click()
    expect(page.locator("[data-rx-box]:visible")).to_have_count(1)
    box(page, "contacts:write").focus()
    line = page.locator("[data-rx-category='Client Workspace'] [data-rx-detail]")
    expect(line).to_contain_text("Not used since 3 March 2026")


@pytest.mark.requirement("ADM-3")
def test_a_grid_has_one_tab_stop_and_moves_by_arrows(page: Page) -> None:
    grid = page.locator("[data-rx-category='Client Workspace'] [data-rx-grid]")
    assert grid.get_attribute("role") == "grid"
    assert grid.locator("input").evaluate_all("inputs => inputs.filter(one => one.tabIndex === 0).length") == 1
    box(page, "contacts:read").focus()
    arrived = []
    for key in ("ArrowRight", "ArrowDown", "End", "Control+End"):
        page.keyboard.press(key)
        arrived.append(focused(page))
    assert arrived == ["contacts:write", "campaigns:write", "campaigns:delete", "connections:delete"]
    page.keyboard.press("Space")
    expect(box(page, "connections:delete")).to_be_checked()


@pytest.mark.requirement("ADM-3")
def test_heads_tell_off_partly_and_on(page: Page) -> None:
    head = page.get_by_role("checkbox", name="All of Contacts")
    assert head.evaluate("input => input.indeterminate")
    head.click()
    expect(head).to_be_checked()
    expect(box(page, "contacts:delete")).to_be_checked()
    head.click()
    expect(box(page, "contacts:read")).not_to_be_checked()


@pytest.mark.requirement("ROLE-1")
def test_the_sentence_follows_what_is_ticked(page: Page) -> None:
    for key in OWN - {"team:list", "team:read"}:
        box(page, key).uncheck()
    expect(page.locator("[data-rx-sentence]")).to_have_text("Can look at Team; cannot see clients.")


@pytest.mark.requirement("ROLE-1")
def test_the_contrast_of_a_colour_is_told_while_it_is_chosen(page: Page) -> None:
    white = page.locator("[data-rx-verdict=white] [data-rx-verdict-text]")
    page.get_by_label("Colour", exact=True).fill("#777777")
    expect(white).to_have_text("4.4 : 1, fails AA")
    page.get_by_role("button", name="Blue").click()
    expect(page.get_by_label("Colour", exact=True)).to_have_value("#2563EB")
    expect(white).to_contain_text("passes AA")


@pytest.mark.requirement("ROLE-1")
def test_icons_are_chosen_by_arrows(page: Page) -> None:
    page.get_by_label("Person", exact=True).focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_label("People", exact=True)).to_be_checked()


@pytest.mark.requirement("ADM-3")
@pytest.mark.parametrize("house", list(HOUSES))
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_the_parts_are_accessible_in_both_houses(browser: Browser, house: str, theme: str, width: int) -> None:
    with visiting(browser, viewport={"width": width, "height": 900}, bypass_csp=True) as visitor:
        visitor.page.route("**/*", answer(page_of(house, theme)))
        visitor.page.goto(ADDRESS)
        visitor.page.get_by_role("button", name="Open all").click()
        # Where the bar rests below the matrix: half a box behind it would be too small a target.
        visitor.page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
        visitor.looks()


@pytest.mark.requirement("ADM-3")
def test_without_script_the_matrix_is_a_form_like_any_other(browser: Browser) -> None:
    with visiting(browser, java_script_enabled=False) as visitor:
        page = visitor.page
        page.route("**/*", answer(page_of()))
        page.goto(ADDRESS)
        expect(page.locator("[data-rx-tools], [data-rx-head]:visible")).to_be_hidden()
        page.get_by_text("Reports", exact=True).click()
        box(page, "reports:export").check()
        expect(box(page, "tasks:read")).to_be_disabled()
        with page.expect_request(lambda request: request.method == "POST") as sent:
            page.get_by_role("button", name="Review changes").click()
        assert "reports%3Aexport" in (sent.value.post_data or "")
