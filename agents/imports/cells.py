"""One cell becomes one value: cleaned text, an e-mail address, a web address, a number, a status.

Every function raises CellError with a sentence that tells what would be accepted. Text is NFC (Unicode UAX 15) with
runs of white space collapsed. Refused in every text are control characters (category Cc, except tab and line breaks,
which are white space) and invisible format characters (category Cf), because they can make one name look like another:
among them the bidirectional overrides and isolates U+202A to U+202E and U+2066 to U+2069. The zero-width joiner and
non-joiner are kept, since Persian, the Indic scripts and emoji are written with them. In telephone numbers, e-mail and
web addresses format characters never belong to the value and come from copying, so there they are dropped.
"""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal
from typing import Final

from django.core.exceptions import ValidationError
from django.core.validators import URLValidator, validate_email

from agents.imports.errors import CellError
from agents.imports.formats import LIFECYCLE_STAGES, Status

_JOINERS: Final = "\u200c\u200d"
_WHITE_CONTROLS: Final = "\t\n\r"
_FORMULA: Final = re.compile(
    r"^'*[=@\uff1d\uff20]"  # starts as a formula
    r"|=\s*[a-z][a-z0-9_.]*\("  # calls a function: =HYPERLINK(
    r"|^[+\-]\s*[a-z][a-z0-9_.]*\("  # the same behind a sign: +HYPERLINK(
    r"|^[+\-].*\|.*!",  # asks another program: +cmd|'…'!A1
    re.IGNORECASE | re.DOTALL,
)
_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
# The usual case, a subset of what URLValidator accepts at a tenth of its cost.
_BARE_ADDRESS: Final = re.compile(r"https?://(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}/?")
_PHONE: Final = re.compile(r"[0-9a-z+()/.,;:#*\- ]*[0-9][0-9a-z+()/.,;:#*\- ]*", re.IGNORECASE)
_SHORTENED: Final = re.compile(r"[0-9](?:[.,][0-9]+)?E\+[0-9]+", re.IGNORECASE)

_PLAIN_NUMBER: Final = re.compile(r"([0-9]+)(?:[.,]([0-9]{1,2}))?")
_GROUPED_NUMBERS: Final = (
    re.compile(r"([0-9]{1,3}(?:,[0-9]{3})+)(?:\.([0-9]{1,2}))?"),
    re.compile(r"([0-9]{1,3}(?:[ '\u2019][0-9]{3})+)(?:[.,]([0-9]{1,2}))?"),
    re.compile(r"([0-9]{1,3}(?:\.[0-9]{3})+),([0-9]{1,2})"),
    re.compile(r"([0-9]{1,3}(?:\.[0-9]{3}){2,})()"),
)
_LARGEST_REVENUE: Final = Decimal("999999999999.99")
_LARGEST_COUNT: Final = 2_147_483_647

_validate_url: Final = URLValidator(schemes=["http", "https"])


def text(raw: str, limit: int) -> str:
    """Return one line of at most `limit` characters."""
    cleaned = " ".join(_checked(raw).split())
    if len(cleaned) > limit:
        raise CellError(f"This has {len(cleaned):,} characters; at most {limit:,} are kept. Shorten it.")
    return cleaned


def paragraphs(raw: str, limit: int) -> str:
    """Return text that may have line breaks, which become line feeds."""
    cleaned = _checked(raw).replace("\r\n", "\n").replace("\r", "\n").strip()
    if len(cleaned) > limit:
        raise CellError(f"This has {len(cleaned):,} characters; at most {limit:,} are kept. Shorten it.")
    return cleaned


def name(raw: str, limit: int) -> str:
    """Return the name of a client or a person; a formula is refused, since a name is shown and exported everywhere."""
    cleaned = text(raw, limit)
    if _FORMULA.search(cleaned):
        raise CellError("This is a formula, not a name. Write the name as plain text.")
    if cleaned and not cleaned.strip(_JOINERS + " "):
        raise CellError("This has no visible character. Write the name.")
    return cleaned


def email(raw: str, limit: int) -> str:
    """Return an e-mail address that Django accepts."""
    cleaned = text(_without_format_characters(raw), limit)
    if not cleaned:
        return ""
    try:
        validate_email(cleaned)
    except ValidationError:
        raise CellError("This is not an e-mail address. Write it like name@company.example.") from None
    return cleaned


def website(raw: str, limit: int) -> str:
    """Return an http or https address; a bare domain becomes an https address."""
    cleaned = text(_without_format_characters(raw), limit)
    if not cleaned:
        return ""
    address = cleaned if _SCHEME.match(cleaned) else f"https://{cleaned}"
    try:
        if not _BARE_ADDRESS.fullmatch(address):
            _validate_url(address)
    except ValidationError:
        raise CellError("This is not a web address. Write it like https://company.example.") from None
    if len(address) > limit:
        raise CellError(f"This has {len(address):,} characters; at most {limit:,} are kept. Shorten it.")
    return address


def phone(raw: str, limit: int) -> str:
    """Return a telephone number as it was written: digits with the usual signs, or an extension in letters."""
    cleaned = text(_without_format_characters(raw), limit)
    if cleaned and not _PHONE.fullmatch(cleaned):
        raise CellError("This is not a telephone number. Use digits, spaces and the signs + ( ) - / . only.")
    return cleaned


def external_id(raw: str, limit: int) -> str:
    """Return the record's key in the other system."""
    cleaned = text(raw, limit)
    if _SHORTENED.fullmatch(cleaned):
        raise CellError(
            "A spreadsheet program has shortened this number and its last digits are lost. "
            "Use the file as it was exported, or format the column as text before saving."
        )
    return cleaned


def status(raw: str, *, any_stage: bool) -> Status:
    """Return the status that a cell names, in our words or as a lifecycle stage of HubSpot.

    With `any_stage` any other word is active, since HubSpot accounts define stages of their own.
    """
    found = _STATUSES.get(text(raw, 100).casefold().replace(" ", ""))
    if found is not None:
        return found
    if any_stage:
        return Status.ACTIVE
    raise CellError(f"This is not a status. Write one of: {', '.join(Status)}.")


_STATUSES: Final = {**LIFECYCLE_STAGES, **{status.value: status for status in Status}}


def count(raw: str) -> int:
    """Return a whole number from 0."""
    number = _number(raw)
    if number != number.to_integral_value():
        raise CellError("This must be a whole number, such as 250.")
    if number > _LARGEST_COUNT:
        raise CellError(f"This is too large; at most {_LARGEST_COUNT:,} is kept.")
    return int(number)


def amount(raw: str) -> Decimal:
    """Return an amount of money from 0, with two decimals."""
    number = _number(raw)
    if number > _LARGEST_REVENUE:
        raise CellError(f"This is too large; at most {_LARGEST_REVENUE:,} is kept.")
    return number.quantize(Decimal("0.01"))


def _number(raw: str) -> Decimal:
    """Read a plain number, or one with its thousands grouped in a way that has only one reading."""
    cleaned = text(raw, 40)
    if cleaned.startswith(("-", "\u2212")):
        raise CellError("This cannot be negative. Write 0 or more, or leave it empty.")
    for form in (_PLAIN_NUMBER, *_GROUPED_NUMBERS):
        if found := form.fullmatch(cleaned):
            whole = "".join(filter(str.isdigit, found[1]))
            return Decimal(f"{whole}.{found[2] or 0}")
    raise CellError("This is not a number that can be read. Write it plainly, such as 1250000 or 1250000.50.")


def _checked(raw: str) -> str:
    # Printable text is the rule and has neither control nor format characters.
    if not raw.isprintable():
        for sign in raw:
            category = unicodedata.category(sign)
            if category == "Cc" and sign not in _WHITE_CONTROLS:
                raise CellError(f"This contains the control character U+{ord(sign):04X}. Delete it.")
            if category == "Cf" and sign not in _JOINERS:
                called = unicodedata.name(sign, "a format character").lower()
                raise CellError(f"This contains an invisible character: {called} (U+{ord(sign):04X}). Delete it.")
    return raw if raw.isascii() else unicodedata.normalize("NFC", raw)


def _without_format_characters(raw: str) -> str:
    if raw.isprintable():
        return raw
    return "".join(sign for sign in raw if unicodedata.category(sign) != "Cf")
