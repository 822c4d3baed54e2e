"""The running product and the people who look at it in a browser."""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Page

from accounts.models import User
from tests.world import Agency

AXE = Path(__file__).parent / "vendor" / "axe-core" / "axe.min.js"
PASSWORD = "lanterns over the harbour"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@cache
def _axe() -> str:
    return AXE.read_text()


@dataclass(frozen=True)
class Site:
    """A running installation with one agency in it; `mail` is where its e-mails are put."""

    url: str
    agency: Agency
    mail: Path

    def page(self, path: str = "") -> str:
        """Return the address of a page of the agency."""
        return f"{self.url}/o/{self.agency.slug}/{path}"

    def link_sent_to(self, address: str) -> str:
        """Return the link in the last e-mail to that address."""
        found = ""
        for file in sorted(self.mail.iterdir(), key=lambda path: path.stat().st_mtime):
            message = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
            if address in str(message["To"]):
                plain = message.get_body(("plain",))  # type: ignore[attr-defined]
                found = re.search(r"https?://\S+", plain.get_content()).group()  # type: ignore[union-attr]
        assert found, f"No e-mail was sent to {address}."
        return found


@dataclass
class Visitor:
    """A person at a browser of their own, who notices what the console complains of."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    _listening: bool = True

    def __post_init__(self) -> None:
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _hear(self, message: ConsoleMessage) -> None:
        # An answer of 4xx is reported as an error too; pages that are meant to answer so are asked for on purpose.
        if (
            self._listening
            and message.type == "error"
            and "the server responded with a status of 4" not in message.text
        ):
            self.complaints.append(f"{self.page.url}: {message.text}")

    def goes_to(self, url: str) -> None:
        """Open an address and look at the page with the eyes of axe."""
        self.page.goto(url)
        self.looks()

    def presses(self, label: str) -> None:
        """Press the button or link of that name and wait for the page that follows."""
        control = self.page.get_by_role("button", name=label, exact=True).or_(
            self.page.get_by_role("link", name=label, exact=True)
        )
        with self.page.expect_navigation():
            control.locator("visible=true").first.click()
        self.looks()

    def signs_in(self, site: Site, address: str) -> None:
        """Sign in at the agency's own page."""
        self.goes_to(site.page("sign-in/"))
        self.page.get_by_label("Email").fill(address)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.presses("Sign in")

    def sees(self, text: str) -> bool:
        """Whether the words stand on the page."""
        return text in self.page.locator("body").inner_text()

    def looks(self) -> None:
        """Assert that the page has no axe violation and does not scroll sideways."""
        self._listening = False
        self.page.evaluate(_axe())
        found: list[Any] = self.page.evaluate(
            """async rules => (await axe.run(document, {runOnly: rules})).violations.map(
                violation => `${violation.id}: ${violation.nodes[0].html}`)""",
            RULES,
        )
        wide = self.page.evaluate("document.documentElement.scrollWidth > innerWidth")
        self._listening = True
        assert found == [], f"{self.page.url}: {found}"
        assert not wide, f"{self.page.url} is wider than the window."


@contextmanager
def visiting(browser: Browser, **options: Any) -> Iterator[Visitor]:
    """Give a person a browser context of their own; in the end the console must have had no complaint."""
    context = browser.new_context(**options)
    visitor = Visitor(context.new_page())
    try:
        yield visitor
        assert visitor.complaints == []
    finally:
        context.close()


def sign_in(page: Page, site: Site, user: User) -> None:
    """Sign in to the console."""
    page.goto(f"{site.url}/account/login/?next=/admin/")
    page.locator("input[name=login]").fill(user.email)
    page.locator("input[name=password]").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url("**/admin/")
