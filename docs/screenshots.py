"""Take the pictures of the documentation from the running demo: ``make demo``, then ``make screenshots``.

Every page is taken on a desk and on a phone, in light and in dark, as ``docs/images/<page>-<width>-<theme>.png``.
"""

from __future__ import annotations

import io
import json
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Error, Page, StorageState, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
ACCESS = ROOT / ".demo" / "access.json"
IMAGES = ROOT / "docs" / "images"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
ORGANIZATION = "larkmoor"
AGENCY = "Larkmoor Studio"
MOST_BYTES = 250_000
#: Tried in this order until a picture is small enough.
PALETTES = (256, 128, 64, 32)

Theme = Literal["light", "dark"]
THEMES: tuple[Theme, ...] = ("light", "dark")


class ScreenshotError(Exception):
    """The pictures cannot be taken; the message says what to do."""


class Who(StrEnum):
    """Whose eyes a page is seen with: nobody's, or those of the demo person with that role."""

    STRANGER = "stranger"
    OWNER = "org-owner"
    MEMBER = "org-member"
    SUPER_ADMIN = "super-admin"


@dataclass(frozen=True, slots=True)
class Screen:
    """A window: its size in CSS pixels, and how many pixels of the picture one of them takes."""

    width: int
    height: int
    scale: int


SCREENS = (Screen(1280, 800, 1), Screen(390, 844, 2))


@dataclass(frozen=True, slots=True)
class Shot:
    """One page: the name of its pictures, who looks, the address, and what is done there before the picture."""

    name: str
    who: Who
    path: str
    steps: Callable[[Page], None] | None = None


@dataclass(frozen=True, slots=True)
class Demo:
    """The running demo: its address, and the e-mail address and password of one person for each role."""

    url: str
    people: Mapping[Who, tuple[str, str]]


def visit(page: Page, address: str) -> None:
    """Open the address. Raises ScreenshotError unless it answers 200."""
    answer = page.goto(address)
    if answer is None or answer.status != 200:
        raise ScreenshotError(f"{address} answers {answer.status if answer else 'nothing'}.")


def follow(selector: str) -> Callable[[Page], None]:
    """Return a step that follows the first link that the CSS selector finds."""

    def step(page: Page) -> None:
        links = page.locator(selector)
        if links.count() == 0:
            raise ScreenshotError(f"{page.url} has no link {selector}.")
        visit(page, str(links.first.evaluate("link => link.href")))

    return step


def first_client(part: str = "") -> Callable[[Page], None]:
    """Return a step from the list to a client's page, or to a part of its workspace."""

    def step(page: Page) -> None:
        follow("main tbody a[href*='/clients/']")(page)
        if part:
            follow(f"main a[href$='/{part}/']")(page)

    return step


def role_page(name: str, tab: str) -> Callable[[Page], None]:
    """Return a step from the list of roles to a tab of the organization's role of that name."""
    return follow(f"#main tr:has-text('{AGENCY}'):has(th :text-is('{name}')) a[href$='/{tab}/']")


def of_the_agency(page: Page) -> None:
    """Narrow the list of roles to those that the organization made."""
    option = page.locator("#main select[name=organization] option", has_text=AGENCY)
    visit(page, f"{page.url}&organization={option.get_attribute('value')}")


def ticking(page: Page) -> None:
    """Change permissions of a role, and leave the changes pending above the bar."""
    role_page("Account manager", "permissions")(page)
    page.locator("input[value='invoices:write']").check()
    page.locator("input[value='documents:write']").uncheck()
    page.locator("[data-rx-category='Client Workspace']").evaluate("category => category.scrollIntoView()")


def reviewing(page: Page) -> None:
    """Look over changed permissions. Nothing is saved."""
    ticking(page)
    press(page, "Review changes")


def too_late(page: Page) -> None:
    """Send a form that was filled before somebody else changed the role. Nothing is saved."""
    role_page("Content editor", "change")(page)
    # What stood there before the description was changed.
    page.locator("[name=version]").evaluate("field => { field.value = 1 }")
    page.get_by_label("Description").fill("Writes campaigns, documents and the agency's own news.")
    page.get_by_label("Priority").fill("55")
    press(page, "Review changes")


def press(page: Page, name: str) -> None:
    """Press the button of that name, and wait for the page that follows."""
    with page.expect_navigation():
        page.get_by_role("button", name=name, exact=True).click()


HOME = f"/o/{ORGANIZATION}/"
ROLES = "/admin/roles/role/"
ASSIGNED_CLIENTS = f"{HOME}clients/?status=active&unassigned=false"
SHOTS = (
    Shot("sign-in", Who.STRANGER, f"{HOME}sign-in/"),
    Shot("home", Who.OWNER, HOME),
    Shot("clients", Who.OWNER, f"{HOME}clients/"),
    Shot("home-of-a-member", Who.MEMBER, HOME),
    Shot("client", Who.OWNER, ASSIGNED_CLIENTS, first_client()),
    Shot("client-invoices", Who.OWNER, ASSIGNED_CLIENTS, first_client("invoices")),
    Shot("members", Who.OWNER, f"{HOME}members/"),
    Shot("invite", Who.OWNER, f"{HOME}members/invite/"),
    Shot("assignments", Who.OWNER, f"{HOME}assignments/"),
    Shot("import", Who.OWNER, f"{HOME}imports/new/"),
    Shot("console-home", Who.SUPER_ADMIN, "/admin/"),
    Shot("console-roles", Who.SUPER_ADMIN, f"{ROLES}?scope__exact=TENANT", of_the_agency),
    Shot("role-matrix", Who.SUPER_ADMIN, ROLES, ticking),
    Shot("role-review", Who.SUPER_ADMIN, ROLES, reviewing),
    Shot("role-stale", Who.SUPER_ADMIN, ROLES, too_late),
    Shot("role-create", Who.SUPER_ADMIN, f"{ROLES}add/?scope=TENANT&template=account-manager"),
    Shot("console-organizations", Who.SUPER_ADMIN, "/admin/accounts/organization/"),
)


def read_demo(path: Path = ACCESS) -> Demo:
    """Return the running demo of this clone. Raises ScreenshotError when none runs."""
    try:
        access = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ScreenshotError("No demo runs in this clone: start one with make demo, and leave it running.") from None
    found = {
        Who(person["role"]): (person["email"], person["password"])
        for person in access["people"]
        if person["organization"] in (ORGANIZATION, None) and person["role"] in set(Who)
    }
    if missing := sorted(set(Who) - found.keys() - {Who.STRANGER}):
        raise ScreenshotError(f"The demo lists nobody with the role {', '.join(missing)}: run make demo-reset.")
    return Demo(access["url"], found)


def sign_in(browser: Browser, demo: Demo, who: Who) -> StorageState | None:
    """Return the cookies of that person, signed in as anyone would be; None for a stranger."""
    if who is Who.STRANGER:
        return None
    email, password = demo.people[who]
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(f"{demo.url}/account/login/")
        page.get_by_label("Email", exact=False).first.fill(email)
        page.get_by_label("Password", exact=False).first.fill(password)
        page.locator("form").filter(has=page.locator("input[type=password]")).locator("[type=submit]").first.click()
        page.wait_for_load_state()
        if page.locator("input[type=password]").count():
            raise ScreenshotError(f"{email} could not sign in: {page.locator('main').inner_text()[:300]}")
        return context.storage_state()


def windows(browser: Browser, cookies: StorageState | None) -> Iterator[tuple[BrowserContext, Screen, Theme]]:
    """Yield a window of each size in each theme, signed in with the cookies."""
    for screen in SCREENS:
        for theme in THEMES:
            size: Any = {"width": screen.width, "height": screen.height}
            with browser.new_context(
                storage_state=cookies,
                viewport=size,
                device_scale_factor=screen.scale,
                color_scheme=theme,
                reduced_motion="reduce",
                locale="en-GB",
                timezone_id="UTC",
            ) as context:
                yield context, screen, theme


def take(context: BrowserContext, demo: Demo, shot: Shot) -> bytes:
    """Return the picture of a page as PNG. Raises ScreenshotError unless the page answers 200."""
    page = context.new_page()
    try:
        visit(page, demo.url + shot.path)
        if shot.steps:
            shot.steps(page)
        page.wait_for_load_state("networkidle")
        return page.screenshot(animations="disabled")
    finally:
        page.close()


def shrink(picture: bytes) -> bytes:
    """Return the PNG with as many colors of a palette as MOST_BYTES allow. Raises ScreenshotError if none is enough."""
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    for colors in PALETTES:
        # Dithering would speckle flat areas, and cost bytes.
        flat = image.quantize(colors, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        written = io.BytesIO()
        flat.save(written, "PNG", optimize=True)
        if written.tell() <= MOST_BYTES:
            return written.getvalue()
    raise ScreenshotError(f"A picture stays above {MOST_BYTES:,} bytes with {PALETTES[-1]} colors.")


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run Chromium without a window. Raises ScreenshotError when it is not installed."""
    executable = next(filter(None, map(shutil.which, BROWSERS)), None)
    if executable is None:
        raise ScreenshotError("Chromium is not on the PATH: install it (Debian, Ubuntu: apt install chromium).")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=executable, args=["--no-sandbox", "--disable-background-networking"]
        )
        try:
            yield browser
        finally:
            browser.close()


def take_all(browser: Browser, demo: Demo) -> Iterator[str]:
    """Write every picture, and yield a sentence for each that could not be taken."""
    for who in Who:
        shots = [shot for shot in SHOTS if shot.who is who]
        for context, screen, theme in windows(browser, sign_in(browser, demo, who)):
            for shot in shots:
                file = IMAGES / f"{shot.name}-{screen.width}-{theme}.png"
                try:
                    file.write_bytes(shrink(take(context, demo, shot)))
                except (ScreenshotError, Error) as error:
                    yield f"{file.name}: {error}"


def main() -> int:
    """Take every picture; name those that could not be taken, and return 1 if there were any."""
    try:
        demo = read_demo()
        IMAGES.mkdir(exist_ok=True)
        with chromium() as browser:
            failures = list(take_all(browser, demo))
    except ScreenshotError as error:
        failures = [str(error)]
    for sentence in failures:
        sys.stderr.write(f"{sentence}\n")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
