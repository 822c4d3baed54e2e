"""The explorer's addresses, as links lead to them."""

from __future__ import annotations

import csv
import io
from typing import Any

from django.urls import reverse
from django.utils.http import urlencode


def address(tab: str, **asked: Any) -> str:
    """Return the address of a question."""
    return f"{reverse(f'admin:explorer_{tab}')}?{urlencode(asked)}"


def rows_of(response: Any) -> list[dict[str, str]]:
    """Return the rows of a file by their columns."""
    text = b"".join(response.streaming_content).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))
