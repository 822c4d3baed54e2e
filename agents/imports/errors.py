"""What can be wrong with an uploaded file, as a whole or in one row."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class FileProblem(StrEnum):
    """Why a whole file is refused."""

    EMPTY = "empty"
    TOO_LARGE = "too_large"
    TOO_MANY_ROWS = "too_many_rows"
    TOO_MANY_COLUMNS = "too_many_columns"
    NOT_CSV = "not_csv"
    ENCODING = "encoding"
    NUL_BYTES = "nul_bytes"
    MALFORMED = "malformed"
    NO_HEADINGS = "no_headings"
    DUPLICATE_HEADINGS = "duplicate_headings"
    NO_ROWS = "no_rows"
    MISSING_COLUMN = "missing_column"
    MAPPING = "mapping"


class ImportFileError(Exception):
    """The file as a whole cannot be imported; the message tells the person what to do."""

    def __init__(self, problem: FileProblem, message: str) -> None:
        super().__init__(message)
        self.problem = problem
        self.message = message


class CellError(ValueError):
    """One cell cannot be used; the message tells why and what would be accepted."""


@dataclass(frozen=True, slots=True)
class RowError:
    """One problem of one row.

    `row` is the line on which the record starts, counted from 1 as an editor shows it. `column` is the heading as it
    stands in the file, or an empty string when the problem concerns the whole row.
    """

    row: int
    column: str
    message: str

    def __str__(self) -> str:
        return f"{self.column}: {self.message}" if self.column else self.message
