"""An outside service that asks for decisions over HTTP, with a token of each organization."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from uuid import uuid4

from knox.crypto import create_token_string, hash_token

from tests.isolation.rows import superuser_dsn
from tests.live import live_server
from tests.roles.engine.world import Rows, named


class Asked(NamedTuple):
    """A question as outside services put it. `author` is a property of the resource, told unless it is empty."""

    subject: str
    action: str
    kind: str
    object_id: str
    author: str = ""

    @property
    def properties(self) -> dict[str, str]:
        return {"author": self.author} if self.author else {}


class Outside:
    """Asks the server at `url`."""

    def __init__(self, url: str, dsn: str) -> None:
        self.superuser_dsn = dsn
        self.connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)

    def token(self, rows: Rows, place: str) -> str:
        """Return a token of a service account that owns the organization."""
        service, secret = f"service of {place}", create_token_string()
        rows.add_person(service.replace(" ", "-"), service=True)
        user, digest = named(service.replace(" ", "-")), hash_token(secret)
        rows.server.execute(
            "INSERT INTO roles_membership (id, user_id, organization_id, role_id, assigned_at, created_at)"
            " SELECT gen_random_uuid(), %s, %s, id, now(), now() FROM roles_role"
            " WHERE is_system AND name = 'org-owner'",
            (user, named(place)),
        )
        rows.server.execute(
            "INSERT INTO knox_authtoken (digest, token_key, user_id, created, expiry) VALUES (%s, %s, %s, now(), NULL)",
            (digest, secret[:15], user),
        )
        rows.server.execute(
            "INSERT INTO accounts_apitoken (id, credential_id, user_id, organization_id, name, created_at)"
            " VALUES (%s, %s, %s, %s, 'outside', now())",
            (uuid4(), digest, user, named(place)),
        )
        return secret

    def evaluate(self, token: str, questions: Sequence[Asked]) -> list[bool] | None:
        """Return the decisions of a batch, or None when the token is refused."""
        body = self._post("evaluations", token, {"evaluations": [_evaluation(one) for one in questions]})
        return body and [one["decision"] for one in body["evaluations"]]

    def evaluate_one(self, token: str, question: Asked) -> bool:
        """Return the decision of a question asked by itself."""
        body = self._post("evaluation", token, _evaluation(question))
        return bool(body and body["decision"])

    def search(self, token: str, what: str, question: Asked) -> list[str]:
        """Return all that may stand for the subject, the resource or the action of a question, found page by page."""
        asked: dict[str, Any] = _evaluation(question) | {"page": {"limit": 2}}
        if what == "action":
            del asked["action"]
        found: list[str] = []
        while body := self._post(f"search/{what}", token, asked):
            found += [one["name" if what == "action" else "id"] for one in body["results"]]
            if not body["page"]["next_token"]:
                break
            asked["page"] = {"limit": 2, "token": body["page"]["next_token"]}
        return found

    def _post(self, path: str, token: str, body: Any) -> Any:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self.connection.request("POST", f"/access/v1/{path}", json.dumps(body), headers)
        response = self.connection.getresponse()
        answer = json.loads(response.read())
        if response.status in {401, 403}:
            return None
        assert response.status == 200, answer
        return answer


def _evaluation(asked: Asked) -> dict[str, Any]:
    return {
        "subject": {"type": "user", "id": asked.subject},
        "action": {"name": asked.action},
        "resource": {"type": asked.kind, "id": asked.object_id, "properties": asked.properties},
    }


@contextmanager
def outside_service(database_url: str) -> Iterator[Outside]:
    """Yield an outside service, and a web server of its own for it to ask, by refused tokens as often as it likes."""
    with live_server(database_url, ACCESS_REFUSED_RATE="1000000/min") as server:
        yield Outside(server.url, superuser_dsn())
