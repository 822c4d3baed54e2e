"""Small files of a workspace, in Markdown, plain text and CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import date, timedelta
from random import Random
from typing import Final

from iam_dashboard.demo.generators.people import ascii_word
from iam_dashboard.demo.generators.records import Channel, Company, Document


def documents(rng: Random, company: Company, anchor: date) -> tuple[Document, ...]:
    """Return up to two documents of different kinds about the company, dated before the day `anchor`."""
    return tuple(write(rng, company, anchor) for write in rng.sample(_KINDS, rng.randint(0, 2)))


def _brief(rng: Random, company: Company, anchor: date) -> Document:
    day = anchor - timedelta(days=rng.randint(10, 200))
    channels = "\n".join(f"- {channel.value}" for channel in rng.sample(list(Channel), 3))
    content = (
        f"# Brief: {company.name}\n\n{day.isoformat()}\n\n## What the company does\n\n{company.description}\n\n"
        f"## Goal\n\n{rng.randint(8, 35)}% more enquiries within {rng.randint(3, 9)} months.\n\n"
        f"## Channels\n\n{channels}\n"
    )
    return _document(company, "Brief", "brief.md", content, "text/markdown")


def _minutes(rng: Random, company: Company, anchor: date) -> Document:
    day = anchor - timedelta(days=rng.randint(3, 120))
    content = (
        f"Meeting with {company.name} on {day.isoformat()}\n\n"
        f"Agreed: budget for next quarter, split {rng.choice(('60/40', '70/30', '50/50'))} between search and social.\n"
        f"Open: who approves the pictures. Next meeting in {rng.randint(2, 6)} weeks.\n"
    )
    return _document(company, "Minutes", "minutes.txt", content, "text/plain")


def _figures(rng: Random, company: Company, anchor: date) -> Document:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(("week", "visits", "enquiries"))
    for week in range(8, 0, -1):
        visits = rng.randint(300, 9000)
        writer.writerow(((anchor - timedelta(weeks=week)).isoformat(), visits, visits // rng.randint(30, 90)))
    return _document(company, "Figures of the last weeks", "figures.csv", text.getvalue(), "text/csv")


_KINDS: Final[tuple[Callable[[Random, Company, date], Document], ...]] = (_brief, _minutes, _figures)


def _document(company: Company, title: str, ending: str, content: str, content_type: str) -> Document:
    return Document(title, f"{ascii_word(company.name)}-{ending}", content.encode(), content_type)
