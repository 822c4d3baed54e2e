"""From the commit of a revocation to the denial in another process: how long, and that no allow is stale.

make bench BENCH=revocation                    # ten thousand revocations, Redis stopped half-way
REVOCATIONS=1000 make bench BENCH=revocation

In this process somebody is given a client, or a role, and loses it again; as soon as that is committed, another process
is asked over AuthZEN. The peer is a request that nothing was changed for.
"""

from __future__ import annotations

import http.client
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import cycle
from pathlib import Path

import psycopg

from bench.harness import Line, note, report, servers
from bench.http import evaluation
from bench.http_world import make_world, named
from bench.web import web_server

REVOCATIONS = int(os.environ.get("REVOCATIONS", "10000"))

CHANGES = {
    "assignment": (
        "INSERT INTO clients_clientgrant (user_id, client_id, organization_id, permission_id, created_at)"
        " VALUES (md5('member 1')::uuid, md5('client 7')::uuid, md5('agency')::uuid, iam_change_client_permission(),"
        " now())",
        "DELETE FROM clients_clientgrant WHERE user_id = md5('member 1')::uuid AND client_id = md5('client 7')::uuid",
        ("member 1", "clients:write", "client", "client 7"),
    ),
    "role": (
        "UPDATE roles_membership SET role_id = (SELECT id FROM roles_role WHERE is_system AND name = 'org-admin')"
        " WHERE user_id = md5('member 2')::uuid",
        "UPDATE roles_membership SET role_id = (SELECT id FROM roles_role WHERE is_system AND name = 'org-member')"
        " WHERE user_id = md5('member 2')::uuid",
        ("member 2", "team:invite", "organization", "agency"),
    ),
    "ban": (
        "UPDATE accounts_user SET is_active = true WHERE id = md5('member 3')::uuid",
        "UPDATE accounts_user SET is_active = false WHERE id = md5('member 3')::uuid",
        ("member 3", "team:list", "organization", "agency"),
    ),
}


def asker(port: int, token: str) -> Callable[[tuple[str, str, str, str]], bool]:
    """Return what asks one question over one connection."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def ask(question: tuple[str, str, str, str]) -> bool:
        subject, action, kind, target = question
        body = evaluation((named(subject), action, kind, named(target)))
        connection.request("POST", "/access/v1/evaluation", json.dumps(body), headers)
        answer = json.loads(connection.getresponse().read())
        return bool(answer["decision"])

    return ask


def measure(dsn: str, stop_redis: Callable[[], None]) -> Iterator[Line]:
    """Yield the figures."""
    token = make_world(dsn, members=100, clients=1000, each=50)
    stale, refused, taken, unchanged = 0, 0, [], []
    with web_server(DATABASE_POOL_SIZE="4") as port, psycopg.connect(dsn, autocommit=True) as server:
        askers = [asker(port, token) for _ in range(4)]
        changes = cycle(CHANGES.values())
        for number, ask in zip(range(REVOCATIONS), cycle(askers), strict=False):
            if number == REVOCATIONS // 2:
                stop_redis()
                note("Redis is stopped.")
            give, take, question = next(changes)
            server.execute(give)
            refused += not ask(question)
            server.execute(take)
            committed = time.perf_counter()
            stale += ask(question)
            denied = time.perf_counter()
            ask(question)
            taken.append(denied - committed)
            unchanged.append(time.perf_counter() - denied)
    yield Line("allowed after the commit of a revocation", stale, "of " + f"{REVOCATIONS:,}", "", None, "0", stale == 0)
    yield Line("denied after the commit of a grant", refused, "of " + f"{REVOCATIONS:,}", "", None, "0", refused == 0)
    for percent in (50, 99):
        value, peer = (sorted(one)[len(one) * percent // 100] * 1000 for one in (taken, unchanged))
        name = f"from commit to denial, p{percent}"
        yield Line(name, round(value, 2), "ms", "nothing changed", round(value / peer, 2), "for information", None)


def main() -> int:
    """Run the benchmark; return 1 when an answer was stale."""
    from iam_dashboard.servers import Redis

    directory = Path(tempfile.mkdtemp(prefix="iam-bench-"))
    redis = Redis(directory, None)
    try:
        with servers() as dsn:
            redis.start()
            os.environ["REDIS_URL"] = redis.url
            missed = 0
            for line in measure(dsn, redis.stop):
                report(line)
                missed += line.ok is False
            return 1 if missed else 0
    finally:
        redis.stop()
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
