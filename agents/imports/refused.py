"""The file of refused rows: what was wrong, beside the cells as they were, ready to be corrected and sent again."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Final

from agents.imports.escaping import neutralise
from agents.imports.reading import REFUSED_HEADINGS
from agents.imports.rows import Refused

_BLOCK: Final = 64 * 1024


def write_refused(headings: Sequence[str], rows: Iterable[Refused]) -> Iterator[bytes]:
    """Yield the blocks of a CSV file (UTF-8 with BOM, RFC 4180) with the refused rows.

    The columns Row and Problem come first, so that they are seen at once and stand apart from a row that has too many
    cells. Cells that would run as formulas are neutralised; reading such a file takes both away again.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    yield codecs.BOM_UTF8
    for line in chain((_line(*REFUSED_HEADINGS, headings),), map(_refused_line, rows)):
        writer.writerow(line)
        if text.tell() >= _BLOCK:
            yield _emptied(text)
    yield _emptied(text)


def _refused_line(refused: Refused) -> list[str]:
    return _line(str(refused.row), " ".join(map(str, refused.errors)), refused.cells)


def _line(row: str, problem: str, cells: Sequence[str]) -> list[str]:
    return [row, neutralise(problem), *map(neutralise, cells)]


def _emptied(text: io.StringIO) -> bytes:
    block = text.getvalue().encode()
    text.seek(0)
    text.truncate()
    return block
