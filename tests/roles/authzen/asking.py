"""An outside service that asks the decision point, over ASGI and on one event loop, as a server would let it."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from accounts.decisions import decision_point
from roles.authzen.app import Application

EVALUATION = "/access/v1/evaluation"
EVALUATIONS = "/access/v1/evaluations"
SEARCH = "/access/v1/search"


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def decision(self) -> bool:
        """The decision of a single evaluation."""
        assert self.status == 200, self.body
        return bool(self.json["decision"])

    @property
    def decisions(self) -> list[bool]:
        """The decisions of several evaluations, in order."""
        assert self.status == 200, self.body
        return [one["decision"] for one in self.json["evaluations"]]

    @property
    def found(self) -> list[str]:
        """The ids, or names of actions, of a page of a search."""
        assert self.status == 200, self.body
        return [one.get("id") or one["name"] for one in self.json["results"]]


@dataclass
class Service:
    """A service with a token (or none). `runner` is the server's event loop."""

    runner: asyncio.Runner
    token: str | None
    app: Application = field(default_factory=decision_point)

    def post(self, path: str, body: Any, **headers: str) -> Answer:
        """Send JSON, or bytes as they are. A header given as an empty text is not sent."""
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.send("POST", path, sent, **headers)

    def send(self, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
        return self.runner.run(self.call(method, path, body, **headers))

    async def call(
        self, method: str, path: str, body: bytes = b"", *, more: Sequence[tuple[bytes, bytes]] = (), **headers: str
    ) -> Answer:
        """Send a request; `more` are headers that may have the names of others."""
        named = {"host": "testserver", "content-type": "application/json"}
        if self.token:
            named["authorization"] = f"Bearer {self.token}"
        named |= {name.replace("_", "-"): value for name, value in headers.items()}
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "headers": [*((name.encode(), value.encode("latin-1")) for name, value in named.items() if value), *more],
            "client": ("192.0.2.7", 4711),
        }
        sent: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        await self.app(scope, receive, send)
        start, end = sent
        told = {name.decode(): value.decode("latin-1") for name, value in start["headers"]}
        return Answer(start["status"], told, end["body"])

    def settle(self) -> None:
        """Wait until the server has done what it does beside its answers."""

        async def others() -> None:
            mine = asyncio.current_task()
            while waiting := [task for task in asyncio.all_tasks() if task is not mine]:
                await asyncio.wait(waiting)

        self.runner.run(others())

    def ask(self, subject: Any, action: str, kind: str, object_id: Any, **more: Any) -> Answer:
        """Ask one question."""
        return self.post(EVALUATION, question(subject, action, kind, object_id, **more))

    def batch(self, *items: Any, semantic: str | None = None, **defaults: Any) -> Answer:
        """Ask several questions."""
        options = {"options": {"evaluations_semantic": semantic}} if semantic else {}
        return self.post(EVALUATIONS, {**defaults, "evaluations": list(items), **options})

    def search(self, what: str, page: Any = None, **entities: Any) -> Answer:
        """Search for subject, resource or action."""
        return self.post(f"{SEARCH}/{what}", entities | ({"page": page} if page is not None else {}))


def post(url: str, token: str, path: str, body: Any) -> Answer:
    """Return what a server at `url` answers to JSON, over HTTP."""
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    request = urllib.request.Request(url + path, json.dumps(body).encode(), headers)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=20) as response:  # noqa: S310
            return Answer(response.status, dict(response.headers), response.read())
    except urllib.error.HTTPError as error:
        return Answer(error.code, dict(error.headers), error.read())


def user(subject: Any) -> dict[str, Any]:
    """Return a person as a subject: by id, or by what is given."""
    return {"type": "user", "id": str(getattr(subject, "pk", subject))}


def resource(kind: str, object_id: Any) -> dict[str, Any]:
    return {"type": kind, "id": str(getattr(object_id, "pk", object_id))}


def question(subject: Any, action: str, kind: str, object_id: Any, **more: Any) -> dict[str, Any]:
    """Return one question."""
    return {
        "subject": user(subject),
        "action": {"name": action},
        "resource": resource(kind, object_id),
        **more,
    }
