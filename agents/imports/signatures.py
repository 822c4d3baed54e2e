"""Files that are not CSV, recognised by their first bytes, with what to do instead."""

from __future__ import annotations

import re
from typing import Final

_SPREADSHEET: Final = "Open it in your spreadsheet program and save it as “CSV UTF-8 (comma delimited)”."
_EXPORT: Final = "Export the clients as CSV and upload that file."

_BINARY: Final[tuple[tuple[bytes, str, str], ...]] = (
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Microsoft Office file (such as .xls)", _SPREADSHEET),
    (b"%PDF-", "a PDF document", _EXPORT),
    (b"\x89PNG\r\n\x1a\n", "a PNG image", _EXPORT),
    (b"\xff\xd8\xff", "a JPEG image", _EXPORT),
    (b"GIF8", "a GIF image", _EXPORT),
    (b"\x1f\x8b", "a gzip archive", "Unpack it and upload the CSV file inside."),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", "Unpack it and upload the CSV file inside."),
    (b"Rar!\x1a\x07", "a RAR archive", "Unpack it and upload the CSV file inside."),
    (b"SQLite format 3\x00", "a SQLite database", _EXPORT),
    (b"{\\rtf", "a rich-text document", _EXPORT),
)
_ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_OFFICE_PARTS: Final = (b"xl/", b"[Content_Types].xml", b"application/vnd.oasis.opendocument.spreadsheet")
_TEXT: Final[tuple[tuple[re.Pattern[bytes], str, str], ...]] = (
    (
        re.compile(rb"<(!doctype\s+html|html[\s>])", re.IGNORECASE),
        "a web page",
        "It may be the sign-in page of the other service. Export again while signed in there and choose CSV.",
    ),
    (re.compile(rb"<\?xml\s"), "an XML file", _EXPORT),
    (re.compile(rb"\{\s*[\"}]"), "a JSON file", _EXPORT),
    (
        re.compile(rb"BEGIN:VCARD", re.IGNORECASE),
        "a vCard file",
        "In Google Contacts choose Export, then “Google CSV”.",
    ),
)


def recognise(head: bytes) -> tuple[str, str] | None:
    """Return what the first bytes of a file show it to be and what to do, or None when it may be CSV."""
    if head.startswith(_ZIP):
        if any(part in head for part in _OFFICE_PARTS):
            return "a spreadsheet workbook (such as .xlsx)", _SPREADSHEET
        return "a zip archive", "Unpack it and upload the CSV file inside."
    for magic, kind, advice in _BINARY:
        if head.startswith(magic):
            return kind, advice
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    for pattern, kind, advice in _TEXT:
        if pattern.match(text):
            return kind, advice
    return None
