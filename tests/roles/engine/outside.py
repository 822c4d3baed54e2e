"""An outside service that asks for decisions over HTTP, with a token of each organization."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from urllib.parse import urlsplit
from uuid import uuid4

from knox.crypto import create_token_string, hash_token

from tests.isolation.rows import superuser_dsn
from tests.live import live_server
from tests.roles.engine.world import Rows, named

Asked = tuple[str, str, str, str]


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
        items = [
            {
                "subject": {"type": "user", "id": subject},
                "action": {"name": action},
                "resource": {"type": kind, "id": object_id},
            }
            for subject, action, kind, object_id in questions
        ]
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self.connection.request("POST", "/access/v1/evaluations", json.dumps({"evaluations": items}), headers)
        response = self.connection.getresponse()
        body = json.loads(response.read())
        if response.status in {401, 403}:
            return None
        assert response.status == 200, body
        return [one["decision"] for one in body["evaluations"]]


@contextmanager
def outside_service(database_url: str) -> Iterator[Outside]:
    """Yield an outside service, and a web server of its own for it to ask."""
    with live_server(database_url) as server:
        yield Outside(server.url, superuser_dsn())
