"""Answers as files: sent in parts as they are written, each cell safe for a spreadsheet program."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

from asgiref.sync import sync_to_async
from django.http import StreamingHttpResponse

from agents.imports.escaping import neutralise
from roles.engine.explanation import Route
from roles.explorer import Category, Explorer, Extent, Grant, Holder
from tenancy.actors import Actor
from tenancy.context import Origin, acting

ROWS_AT_ONCE = 1000
HOLDER_COLUMNS = ("Name", "E-mail", "Allowed", "Role", "Inherited from", "Held as", "Reach")
GRANT_COLUMNS = ("Category", "Permission", "Name", "Allowed", "Role", "Inherited from", "Held as", "Reach")

Row = Sequence[str]


def answer(request: Any, filename: str, columns: Row, parts: Iterable[Iterable[Row]]) -> StreamingHttpResponse:
    """Answer a CSV file (RFC 4180) of these rows, a part at a time."""
    written = _written(chain([[columns]], parts))
    content = _in_turn(written) if hasattr(request, "scope") else written
    return StreamingHttpResponse(
        content,
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{filename}"', "Cache-Control": "no-store"},
    )


def holders(explorer: Explorer, asked: tuple[str, str, str], actor: Actor, origin: Origin) -> Iterator[list[Row]]:
    """Yield who has the permission, or may use it on the object: `asked` is what `Explorer.who_can` is asked about.

    Each part is read as the viewer anew: by then the request's context is left.
    """
    after = ""
    while True:
        with acting(actor, origin):
            found = explorer.who_can(*asked, after=after, limit=ROWS_AT_ONCE)
        yield [_holder(holder) for holder in found.shown]
        after = found.after
        if not after:
            return


def grants(categories: Iterable[Category], *, counts: bool) -> Iterator[list[Row]]:
    """Yield what somebody may and may not do; nothing is allowed unless their role `counts` now."""
    for category in categories:
        yield [_grant(category.name, grant, counts) for grant in category.granted]
        yield [(category.name, entry.key, entry.name, "no", "", "", "", "") for entry in category.lacking]


def _grant(category: str, grant: Grant, counts: bool) -> Row:
    allowed = _allowed(grant.extent) if counts else "no"
    return (category, grant.entry.key, grant.entry.name, allowed, *_way(grant.route), str(grant.extent))


def _holder(holder: Holder) -> Row:
    user = holder.subject.user
    return (user.name, user.email, _allowed(holder.extent), *_way(holder.route), str(holder.extent))


def _allowed(extent: Extent) -> str:
    return "no" if extent.is_empty else "yes"


def _way(route: Route) -> Row:
    role, *above = route.line
    return str(role), " > ".join(str(one) for one in above), route.held


def _written(parts: Iterable[Iterable[Row]]) -> Iterator[bytes]:
    yield "\ufeff".encode()  # so that spreadsheet programs read UTF-8
    for rows in parts:
        text = io.StringIO()
        csv.writer(text).writerows([neutralise(cell) for cell in row] for row in rows)
        yield text.getvalue().encode()


async def _in_turn(parts: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Yield the parts without holding up the event loop while one is read."""
    while (part := await sync_to_async(next)(parts, None)) is not None:
        yield part
