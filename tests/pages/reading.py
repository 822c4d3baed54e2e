"""Reading an answered page as a person does."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.links: dict[str, str] = {}
        self.fields: dict[str, list[str]] = {}
        self._link: str | None = None
        self._hidden = 0
        self._broken = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in {"script", "style", "title"}:
            self._hidden += 1
        self._broken = tag == "wbr"
        if tag == "a" and given.get("href"):
            self._link = given["href"]
        if tag == "input" and given.get("name"):
            self.fields.setdefault(given["name"] or "", []).append(given.get("value") or "")

    def handle_endtag(self, tag: str) -> None:
        if tag in {"script", "style", "title"}:
            self._hidden -= 1
        if tag == "a":
            self._link = None

    def handle_data(self, data: str) -> None:
        text = " ".join(data.split())
        if text and not self._hidden:
            # A line may break at <wbr>; the word goes on.
            self._broken, goes_on = False, self._broken
            text = self.words.pop() + text if goes_on else text
            self.words.append(text)
            if self._link:
                self.links[text] = self._link


def _read(response: Any) -> _Reader:
    reader = _Reader()
    reader.feed(response.content.decode())
    return reader


def text_of(response: Any) -> str:
    """Return the words of a page."""
    return " ".join(_read(response).words)


def links_of(response: Any) -> dict[str, str]:
    """Return the addresses of a page's links by their words."""
    return _read(response).links


def field(response: Any, name: str) -> str:
    """Return the value of the page's first input of that name."""
    return _read(response).fields[name][0]
