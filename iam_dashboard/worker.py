"""The worker of the web server: uvicorn's under gunicorn, which answers with one write where it can."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn_worker import UvicornWorker

#: As many bytes are sent without waiting for the end of the turn, so that whoever writes on and on is told to pause.
MOST_HELD = 65_536


class Gathering:
    """A transport that sends what is written in one turn of the event loop together: the head of a response and its
    body, which uvicorn writes one after the other. A write of a few bytes costs as much as fifty decisions."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._held: list[bytes] = []
        self._size = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send the data with what else is written in this turn."""
        if not self._held:
            self._loop.call_soon(self._flush)
        self._held.append(data)
        self._size += len(data)
        if self._size >= MOST_HELD:
            self._flush()

    def close(self) -> None:
        """Send what is left, and end the connection."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._held:
            held, self._held, self._size = self._held, [], 0
            if not self._transport.is_closing():
                self._transport.write(b"".join(held))


class Protocol(HttpToolsProtocol):
    """HTTP/1.1 as uvicorn speaks it, over a gathering transport."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(Gathering(transport))  # type: ignore[arg-type]


class Worker(UvicornWorker):
    """The worker class for gunicorn."""

    CONFIG_KWARGS: ClassVar[dict[str, Any]] = {"loop": "auto", "http": Protocol}
