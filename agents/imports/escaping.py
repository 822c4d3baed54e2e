"""Cells that a spreadsheet program would run as formulas, made harmless and restored.

Follows the OWASP advice on CSV injection: a cell that starts with one of `= + - @`, a tab, a carriage return or a line
feed (or the full-width forms of the signs) gets an apostrophe in front. A cell that already starts with apostrophes
before such a sign gets one more, so `restore(neutralise(cell)) == cell` for every text.
"""

from __future__ import annotations

import re
from typing import Final

_SIGNS: Final = "=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20"
_NEEDS_APOSTROPHE: Final = re.compile(f"'*[{_SIGNS}]")
_HAS_APOSTROPHE: Final = re.compile(f"'+[{_SIGNS}]")


def neutralise(cell: str) -> str:
    """Return the cell as text that no spreadsheet program takes for a formula."""
    return f"'{cell}" if _NEEDS_APOSTROPHE.match(cell) else cell


def restore(cell: str) -> str:
    """Return the cell as it was before `neutralise`."""
    return cell[1:] if _HAS_APOSTROPHE.match(cell) else cell
