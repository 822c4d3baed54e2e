"""What the person in front of the terminal sees while the demo starts."""

import time
from collections.abc import Mapping, Sequence

COLUMNS = ("organization", "role", "email", "password")
PLATFORM = "(platform)"


class Progress:
    """Lines on the terminal, each with the seconds since the start."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    def say(self, sentence: str) -> None:
        """Print a line at once."""
        print(f"[{time.monotonic() - self._start:6.1f} s] {sentence}", flush=True)


def people_table(people: Sequence[Mapping[str, str | None]]) -> str:
    """Return the demo people as a table of plain text, platform staff first as they come."""
    rows = [COLUMNS, *(tuple(person.get(column) or PLATFORM for column in COLUMNS) for person in people)]
    widths = [max(len(row[index]) for row in rows) for index in range(len(COLUMNS))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)
