"""The worker of the web server: uvicorn's under gunicorn, which answers with one write where it can."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn_worker import UvicornWorker

#: As many bytes are sent without waiting for the end of the turn, so that whoever writes on and on is told to pause.
MOST_HELD = 65_536
#: Of the line of a request and its headers together.
MOST_HEAD_BYTES = 65_536
TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


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
    """HTTP/1.1 as uvicorn speaks it, over a gathering transport; with limits to what is kept of a caller, and without
    upgrades: who offers one is answered in HTTP/1.1 (RFC 9110, section 7.8)."""

    open: ClassVar[set[Protocol]] = set()
    _head = 0
    #: Since when the rest of a request is waited for: of its head, or after the last piece of its body.
    _waits_since: float | None = None
    _has_head = False

    def connection_made(self, transport: Any) -> None:
        super().connection_made(Gathering(transport))  # type: ignore[arg-type]
        self._waits_since = self.loop.time()
        Protocol.open.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        Protocol.open.discard(self)
        super().connection_lost(exc)

    @classmethod
    def end_slow(cls, seconds: float) -> None:
        """End the connections whose request has been waited for so long: for its head, or for more of its body."""
        for one in list(cls.open):
            now = one.loop.time()
            if one._waits_since is None:
                continue
            if one.flow.read_paused or one._is_behind():
                one._waits_since = now  # It is our turn: as long as that the caller is not to blame.
            elif now - one._waits_since > seconds:
                if not one.cycle.response_started if one._has_head else one._head:
                    one.transport.write(TOO_SLOW)
                one.transport.close()

    def _is_behind(self) -> bool:
        """Whether the request that is waited for comes after one that is still being answered."""
        if self._has_head:
            return bool(self.pipeline)
        return self.cycle is not None and not self.cycle.response_complete

    def _rest(self) -> None:
        """Let the time to the next request begin anew, where what came was no part of one."""
        if self._waits_since is None and self.cycle.response_complete and self.timeout_keep_alive_task is None:
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def data_received(self, data: bytes) -> None:
        """Take what comes. Behind an offer to upgrade the parser reads no further, for what follows might be of another
        protocol: so it is given the head again without the offer, and then the rest."""
        self._unset_keepalive_if_required()
        if self._has_head and self._waits_since is not None:
            self._waits_since = self.loop.time()
        while True:
            try:
                self.parser.feed_data(data)
                self._rest()
                return
            except httptools.HttpParserUpgrade as offered:
                if self.parser.get_method() == b"CONNECT":
                    self.send_400_response("There is no tunnel here.")
                    return
                data = self._head_without_offer() + data[offered.args[0] :]
                self.parser = httptools.HttpRequestParser(self)
            except httptools.HttpParserError:
                self.logger.warning("Invalid HTTP request received.")
                self.send_400_response("Invalid HTTP request received.")
                return

    def _head_without_offer(self) -> bytes:
        offers = {b"upgrade", b"http2-settings", b"connection"}
        headers = [b"%s: %s" % header for header in self.scope["headers"] if header[0] not in offers]
        return b"\r\n".join([b"%s %s HTTP/1.1" % (self.parser.get_method(), self.url), *headers, b"", b""])

    def on_message_begin(self) -> None:
        self._head, self._has_head = 0, False
        self._waits_since = self.loop.time()
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        self._count(url)
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(name + value)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        if self.parser.should_upgrade():
            return
        self._has_head = True
        super().on_headers_complete()
        self.headers = []  # What follows the body are trailers, which are no headers (RFC 9110, section 6.5.1).

    def on_message_complete(self) -> None:
        if not self.parser.should_upgrade():
            self._waits_since = None
            super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.pipeline and not self.transport.is_closing():
            self.flow.pause_reading()

    def _count(self, part: bytes) -> None:
        self._head += len(part) + 32
        if self._head > MOST_HEAD_BYTES:
            raise ValueError("The head is too large.")  # the parser gives up, and 400 is sent


class Worker(UvicornWorker):
    """The worker class for gunicorn."""

    # Addresses are `tenancy.middleware.client_address`'s to tell, and there are no WebSockets.
    CONFIG_KWARGS: ClassVar[dict[str, Any]] = {"loop": "auto", "http": Protocol, "ws": "none", "proxy_headers": False}

    async def callback_notify(self) -> None:
        """Tell gunicorn that the worker lives, twice in `--timeout` seconds; a request, too, has so many to come."""
        await super().callback_notify()
        if self.cfg.timeout:
            Protocol.end_slow(self.cfg.timeout)
