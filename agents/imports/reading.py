"""Reads an uploaded CSV file as a stream of records, within limits.

`open_table` reads the whole file once and refuses it before anything is imported; `Table.records` reads it again, row
by row. At no time more than one record and one block of the file are in memory. The grammar is RFC 4180, with comma,
semicolon or tab between cells and any line ending.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from agents.imports.errors import FileProblem, ImportFileError
from agents.imports.escaping import restore
from agents.imports.signatures import recognise

DELIMITERS: Final = (",", ";", "\t")
REFUSED_HEADINGS: Final = ("Row", "Problem")
_HEAD: Final = 8192
_SHOWN: Final = 40


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a file may be: bytes in all, data rows, columns, characters in one cell."""

    size: int = 20 * 1024 * 1024
    rows: int = 100_000
    columns: int = 200
    cell: int = 10_000


@dataclass(frozen=True, slots=True)
class Record:
    """One data row: the line it starts on (from 1, headings included) and its cells as written."""

    row: int
    cells: list[str]


@dataclass(frozen=True, slots=True)
class Table:
    """A file that can be imported: its form, its headings and the number of its data rows.

    `corrected` tells that it is a file of refused rows, sent back: its Row and Problem columns are not among the
    headings and the apostrophes that made formulas harmless are taken off.
    """

    stream: BinaryIO
    encoding: str
    delimiter: str
    headings: tuple[str, ...]
    rows: int
    corrected: bool
    limits: Limits

    def records(self) -> Iterator[Record]:
        """Read the data rows from the start of the file; one reading at a time. Empty rows are left out.

        Raises ImportFileError when the file changed since it was opened and no longer fits.
        """
        records = _records(self.stream, self.encoding, self.delimiter)
        next(records, None)
        for record in records:
            if self.corrected:
                yield Record(record.row, [restore(cell) for cell in record.cells[len(REFUSED_HEADINGS) :]])
            else:
                yield record


def open_table(stream: BinaryIO, limits: Limits | None = None) -> Table:
    """Read a seekable file through once and return it as a table whose rows can be read.

    Raises ImportFileError, with a sentence for the person, for everything that spoils the file as a whole.
    """
    limits = limits or Limits()
    _check_size(stream, limits)
    stream.seek(0)
    head = stream.read(_HEAD)
    encoding = _encoding(head)
    delimiter, headings = _headings(stream, encoding)
    corrected = headings[: len(REFUSED_HEADINGS)] == REFUSED_HEADINGS
    if corrected:
        headings = tuple(restore(heading) for heading in headings[len(REFUSED_HEADINGS) :])
    _check_headings(headings, limits)
    rows = sum(1 for _ in _records(stream, encoding, delimiter)) - 1
    _check_rows(rows, limits)
    return Table(stream, encoding, delimiter, headings, rows, corrected, limits)


def shown(heading: str) -> str:
    """Return a heading as it may stand in a message: printable, in quotes, cut when long."""
    text = "".join(sign if sign.isprintable() else " " for sign in heading)
    return f"“{text[: _SHOWN - 1]}…”" if len(text) > _SHOWN else f"“{text}”"


def normalised(heading: str) -> str:
    """Return the form in which two headings are compared: no case, one space for spaces, underscores and hyphens."""
    return " ".join(heading.casefold().replace("_", " ").replace("-", " ").split())


def _check_size(stream: BinaryIO, limits: Limits) -> None:
    size = stream.seek(0, io.SEEK_END)
    if size == 0:
        raise ImportFileError(FileProblem.EMPTY, "The file is empty. Export the clients again and upload that file.")
    if size > limits.size:
        raise ImportFileError(
            FileProblem.TOO_LARGE,
            f"The file has {size / 1024**2:,.1f} MB; at most {limits.size / 1024**2:,.0f} MB can be imported at once. "
            "Split it into smaller files, each with the headings. Nothing was imported.",
        )


def _encoding(head: bytes) -> str:
    if found := recognise(head):
        kind, advice = found
        raise ImportFileError(FileProblem.NOT_CSV, f"This is not a CSV file but {kind}. {advice}")
    if head.startswith((b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff")):
        raise ImportFileError(FileProblem.ENCODING, f"The file is written in UTF-32. {_SAVE_AS_UTF8}")
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    return "utf-8-sig"


_SAVE_AS_UTF8: Final = (
    "Save it as UTF-8: in Excel choose Save As, “CSV UTF-8 (comma delimited)”; in Google Sheets choose File, Download, "
    "CSV; in LibreOffice choose the character set Unicode (UTF-8) when saving."
)


def _lines(stream: BinaryIO, encoding: str) -> Iterator[str]:
    stream.seek(0)
    text = io.TextIOWrapper(stream, encoding=encoding, newline="")
    number = 0
    try:
        for number, line in enumerate(text, start=1):
            if "\0" in line:
                raise ImportFileError(
                    FileProblem.NUL_BYTES,
                    f"Line {number} holds NUL characters, so this is not a text file or it is damaged. "
                    "Export it again as CSV.",
                )
            yield line
    except UnicodeError as error:
        raise ImportFileError(
            FileProblem.ENCODING,
            f"The file is not written in UTF-8: a character after line {number} cannot be read. {_SAVE_AS_UTF8}",
        ) from error
    finally:
        # Without this the wrapper would close the caller's file.
        if not stream.closed:
            text.detach()


def _records(stream: BinaryIO, encoding: str, delimiter: str) -> Iterator[Record]:
    reader = csv.reader(_lines(stream, encoding), delimiter=delimiter, strict=True)
    start = 1
    try:
        for cells in reader:
            if any(map(str.strip, cells)):
                yield Record(start, cells)
            start = reader.line_num + 1
    except csv.Error as error:
        raise ImportFileError(
            FileProblem.MALFORMED,
            f"The row that starts on line {start} cannot be read: a quotation mark is not closed or not doubled, or a "
            "cell is far too long. Correct that row or export the file again.",
        ) from error


def _headings(stream: BinaryIO, encoding: str) -> tuple[str, tuple[str, ...]]:
    """Return the delimiter that splits the first record into most cells (comma before semicolon before tab)."""
    found: dict[str, tuple[str, ...]] = {}
    failure: ImportFileError | None = None
    for delimiter in DELIMITERS:
        try:
            first = next(_records(stream, encoding, delimiter), None)
        except ImportFileError as error:
            if error.problem is not FileProblem.MALFORMED:
                raise
            failure = failure or error
            continue
        if first is not None:
            found[delimiter] = tuple(cell.strip() for cell in first.cells)
    if found:
        delimiter = max(found, key=lambda candidate: len(found[candidate]))
        return delimiter, found[delimiter]
    if failure:
        raise failure
    raise ImportFileError(
        FileProblem.EMPTY, "The file has only empty lines. Export the clients again and upload that file."
    )


def _check_headings(headings: tuple[str, ...], limits: Limits) -> None:
    if len(headings) > limits.columns:
        raise ImportFileError(
            FileProblem.TOO_MANY_COLUMNS,
            f"The file has {len(headings):,} columns; at most {limits.columns:,} can be read. "
            "Export fewer properties, or delete the columns that are not needed.",
        )
    if not any(headings):
        raise ImportFileError(FileProblem.NO_HEADINGS, "The first row has no headings. Put the column names there.")
    first_at: dict[str, int] = {}
    for position, heading in enumerate(headings, start=1):
        key = normalised(heading)
        if key and key in first_at:
            raise ImportFileError(
                FileProblem.DUPLICATE_HEADINGS,
                f"The heading {shown(heading)} stands over columns {first_at[key]} and {position}. "
                "Rename or delete one of them.",
            )
        first_at[key] = position


def _check_rows(rows: int, limits: Limits) -> None:
    if rows < 1:
        raise ImportFileError(FileProblem.NO_ROWS, "The file has headings but no rows. There is nothing to import.")
    if rows > limits.rows:
        files = -(-rows // limits.rows)
        raise ImportFileError(
            FileProblem.TOO_MANY_ROWS,
            f"The file has {rows:,} rows; at most {limits.rows:,} can be imported at once. Split it into {files} "
            "files, each with the headings, and import them one after the other. Nothing was imported.",
        )
