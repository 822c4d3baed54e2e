"""An ASGI application that answers in all the ways there are: at once, in parts, with a large body, as the last,
and with the process that answers."""

from __future__ import annotations

import asyncio
import json
import os
from typing import Any

written = 0
LARGE = b"0123456789abcdef" * 1024 * 1024


async def application(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        return
    if scope["path"] == "/endless":
        await write_without_end(send)
        return
    if scope["path"] == "/slow":
        await asyncio.sleep(5)
    if scope["path"] == "/told":
        await tell(scope, receive, send)
        return
    headers: list[tuple[bytes, bytes]] = []
    bodies = {"/written": str(written).encode(), "/process": str(os.getpid()).encode(), "/large": LARGE}
    body = bodies.get(scope["path"], b"answer")
    if scope["path"] == "/last":
        headers.append((b"connection", b"close"))
    if scope["path"] != "/parts":
        headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    if scope["path"] == "/parts":
        for part in (b"one", b"two"):
            await send({"type": "http.response.body", "body": part, "more_body": True})
            await asyncio.sleep(0.2)
        body = b"three"
    await send({"type": "http.response.body", "body": body})


async def write_without_end(send: Any) -> None:
    """Write 64 MiB and never pause of one's own accord, counting the parts."""
    global written
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for _ in range(4_096):
        await send({"type": "http.response.body", "body": LARGE[:16_384], "more_body": True})
        written += 1
    await send({"type": "http.response.body", "body": b""})


async def tell(scope: Any, receive: Any, send: Any) -> None:
    """Answer with the names of the headers, the body and the address that it came from, as JSON."""
    parts, more = [], True
    while more:
        message = await receive()
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    names = sorted(name.decode() for name, _ in scope["headers"])
    told = {"headers": names, "body": b"".join(parts).decode(), "address": scope["client"][0]}
    body = json.dumps(told).encode()
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": 200, "headers": [length]})
    await send({"type": "http.response.body", "body": body})
