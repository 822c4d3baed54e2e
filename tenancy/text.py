"""What text may be made of: one rule for names, notes and every other word that people type or send.

Refused are control characters (category Cc) other than white space, unpaired surrogates (Cs), and invisible format
characters (Cf), because they can make one name look like another: among them the bidirectional overrides and isolates
U+202A to U+202E and U+2066 to U+2069 (Unicode UAX 9). The zero-width joiner and non-joiner stay, since Persian, the
Indic scripts and emoji are written with them.
"""

from __future__ import annotations

import unicodedata
from typing import Final

JOINERS: Final = "\u200c\u200d"
WHITE_CONTROLS: Final = "\t\n\r"


class UnfitTextError(ValueError):
    """The text holds a character that is refused. Its message is a sentence for the person who sent it."""


def line(raw: str) -> str:
    """Return one line: NFC (Unicode UAX 15), runs of white space collapsed. Raises UnfitTextError."""
    return " ".join(checked(raw).split())


def paragraphs(raw: str) -> str:
    """Return text that may have line breaks, which become line feeds. Raises UnfitTextError."""
    return checked(raw).replace("\r\n", "\n").replace("\r", "\n").strip()


def checked(raw: str) -> str:
    """Return the text in NFC. Raises UnfitTextError for the first character that is refused."""
    # Printable text is the rule and has no character of the refused categories.
    if not raw.isprintable():
        for sign in raw:
            if problem := _problem(sign):
                raise UnfitTextError(problem)
    return raw if raw.isascii() else unicodedata.normalize("NFC", raw)


def without_invisible(raw: str) -> str:
    """Return the text without control, surrogate and format characters: for a name that is shown, not searched."""
    if raw.isprintable():
        return raw
    return "".join(sign for sign in raw if unicodedata.category(sign) not in {"Cc", "Cf", "Cs"} or sign in JOINERS)


def is_visible(text: str) -> bool:
    """Whether there is anything to see in a line."""
    return bool(text.strip(JOINERS + " "))


def _problem(sign: str) -> str | None:
    category = unicodedata.category(sign)
    if category == "Cc" and sign not in WHITE_CONTROLS:
        return f"This contains the control character U+{ord(sign):04X}. Delete it."
    if category == "Cs":
        return f"This contains half of a character (U+{ord(sign):04X}). Delete it."
    if category == "Cf" and sign not in JOINERS:
        called = unicodedata.name(sign, "a format character").lower()
        return f"This contains an invisible character: {called} (U+{ord(sign):04X}). Delete it."
    return None
