"""The peer of bench.http: compares the token of a request and answers a constant."""

from __future__ import annotations

import hmac
import os
from typing import Any

ANSWER = b'{"decision":true}'
HEADERS = [(b"content-type", b"application/json"), (b"content-length", str(len(ANSWER)).encode())]
EXPECTED = f"Bearer {os.environ.get('BENCH_TOKEN', '')}".encode()


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Answer one request, its body read."""
    if scope["type"] != "http":
        return
    known = hmac.compare_digest(dict(scope["headers"]).get(b"authorization", b""), EXPECTED)
    while (await receive()).get("more_body"):
        pass
    status = 200 if known or scope["path"] == "/healthz" else 401
    await send({"type": "http.response.start", "status": status, "headers": HEADERS})
    await send({"type": "http.response.body", "body": ANSWER})
