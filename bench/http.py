"""AuthZEN over HTTP with a token: single evaluations, batches of a hundred, and searches over a million assignments.

make bench BENCH=http                (needs wrk, https://github.com/wg/wrk; Debian, Ubuntu: apt install wrk)
SECONDS=30 make bench BENCH=http     # longer

The product's own server (two processes) and the load generator share this machine. The peer is an ASGI application
under the same server that only compares the token and answers a constant: what the server itself costs. Every answer
to the questions is compared with the world's own rules before anything is timed.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bench.harness import Line, note, report, servers
from bench.http_world import BATCH, Question, allowed, make_world, owners, questions, readers
from bench.web import web_server

SECONDS = int(os.environ.get("SECONDS", "15"))
SCRIPT = """
local bodies = {}
for line in io.lines("%s") do bodies[#bodies + 1] = line end
local headers = {["Content-Type"] = "application/json", ["Authorization"] = "Bearer %s"}
local requests = {}
local next_one = 0
init = function(args)
  for i, body in ipairs(bodies) do requests[i] = wrk.format("POST", nil, headers, body) end
end
request = function()
  next_one = next_one %% #requests + 1
  return requests[next_one]
end
done = function(summary, latency, requests)
  io.write(string.format("FIGURES %%d %%d %%d %%d %%d %%d\\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(95), latency:percentile(99),
    summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout))
end
"""


def evaluation(asked: Question) -> dict[str, Any]:
    """Return one question in the words of AuthZEN."""
    subject, action, kind, object_id = asked
    return {
        "subject": {"type": "user", "id": subject},
        "action": {"name": action},
        "resource": {"type": kind, "id": object_id},
    }


def require_right_answers(port: int, token: str, asked: Sequence[Question]) -> None:
    """Compare the answers, singly and in batches, with what the world's rules say."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def post(path: str, body: Any) -> Any:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        connection.request("POST", f"/access/v1/{path}", json.dumps(body), headers)
        answer = connection.getresponse()
        content = json.loads(answer.read())
        if answer.status != http.client.OK:
            raise AssertionError(content)
        return content

    expected = [allowed(one) for one in asked]
    if {True, False} != set(expected):
        raise AssertionError("The questions are all allowed or all denied.")
    told = []
    for start in range(0, len(asked), BATCH):
        batch = [evaluation(one) for one in asked[start : start + BATCH]]
        told += [one["decision"] for one in post("evaluations", {"evaluations": batch})["evaluations"]]
    singly = [post("evaluation", evaluation(one))["decision"] for one in asked[:500]]
    if told != expected or singly != expected[:500]:
        raise AssertionError("The answers differ from what the rules say.")
    note(f"{len(asked):,} answers agree with the rules, {sum(expected):,} of them allowed.")


def load(port: int, path: str, token: str, bodies: Sequence[Any], connections: int) -> tuple[float, list[float]]:
    """Return requests a second, and the 50th, 95th and 99th percentile in milliseconds. All connections are opened at
    once. Raises for any request that failed.
    """
    with tempfile.TemporaryDirectory() as directory:
        sent, script = Path(directory, "bodies"), Path(directory, "load.lua")
        sent.write_text("\n".join(json.dumps(body) for body in bodies) + "\n")
        script.write_text(SCRIPT % (sent, token))
        command = ["wrk", "-t1", "--timeout", "60s", f"-c{connections}", f"-d{SECONDS}s", "-s", str(script)]
        command += [f"http://127.0.0.1:{port}/access/v1/{path}"]
        told = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    figures = re.search(r"FIGURES (\d+) (\d+) (\d+) (\d+) (\d+) (\d+)", told)
    if figures is None or figures[6] != "0":
        raise AssertionError(told)
    done, microseconds, *percentiles = (int(one) for one in figures.groups()[:5])
    return done / microseconds * 1_000_000, [one / 1000 for one in percentiles]


def measure(dsn: str) -> Iterator[Line]:
    """Yield the figures."""
    token = make_world(dsn)
    asked = questions(random.Random(2026), 20_000)
    singles = [evaluation(one) for one in asked]
    batches = [{"evaluations": singles[start : start + BATCH]} for start in range(0, len(singles), BATCH)]
    with web_server("bench.http_floor:application") as port:
        floor, _ = load(port, "evaluation", token, singles, 24)
    with web_server(DATABASE_POOL_SIZE="4") as port:
        load(port, "evaluation", token, singles[:100], 24)  # each of the two processes reads the organization once
        require_right_answers(port, token, asked)
        rate, (_, _, slowest) = load(port, "evaluation", token, singles, 24)
        name = "single evaluations, of objects that the process meets first"
        yield Line(name, round(rate), "evaluations/s", "", None, "for information", None)
        yield Line(f"{name}, p99", round(slowest, 2), "ms", "", None, "for information", None)
        load(port, "evaluations", token, batches, 16)  # each process meets every object
        rate, (_, _, slowest) = load(port, "evaluation", token, singles, 24)
        peer = "constant answer behind the same server"
        yield Line(
            "single evaluations", round(rate), "evaluations/s", peer, round(rate / floor, 2), "≥ 10,000", rate >= 10_000
        )
        yield Line("single evaluations, p99", round(slowest, 2), "ms", "", None, "≤ 5 ms", slowest <= 5)
        rate, (_, _, slowest) = load(port, "evaluations", token, batches, 16)
        decisions = rate * BATCH
        yield Line(f"batches of {BATCH}", round(decisions), "decisions/s", "", None, "≥ 400,000", decisions >= 400_000)
        yield Line(f"batches of {BATCH}, p99", round(slowest, 2), "ms", "", None, "for information", None)
        yield from searches(port, token)


def searches(port: int, token: str) -> Iterator[Line]:
    """Yield how long a page takes of each search."""
    choose = random.Random(2027)
    about = [one for one in questions(choose, 400) if one[2] == "client"]
    who = [{**evaluation(one), "subject": {"type": "user"}, "page": {"limit": 50}} for one in about]
    assigned, all_of_them = readers(), owners()
    what = {
        name: [
            {**evaluation((one, "clients:read", "client", "")), "resource": {"type": "client"}, "page": {"limit": 50}}
            for one in people
        ]
        for name, people in (("assigned", assigned), ("all", all_of_them))
    }
    verbs = [{part: value for part, value in evaluation(one).items() if part != "action"} for one in about]
    cases = {
        "search of people for a client": ("search/subject", who),
        "search of assigned clients": ("search/resource", what["assigned"]),
        "search of all clients": ("search/resource", what["all"]),
        "search of actions": ("search/action", verbs),
    }
    for name, (path, bodies) in cases.items():
        _, (median, _, slowest) = load(port, path, token, bodies, 2)
        yield Line(f"{name}, p50", round(median, 2), "ms a page", "", None, "for information", None)
        yield Line(f"{name}, p99", round(slowest, 2), "ms a page", "", None, "≤ 50 ms", slowest <= 50)


def main() -> int:
    """Run the benchmark; return 1 when a target is missed, 2 when it cannot run."""
    if shutil.which("wrk") is None:
        note("wrk is needed and not on the PATH (Debian, Ubuntu: apt install wrk).")
        return 2
    with servers() as dsn:
        missed = 0
        for line in measure(dsn):
            report(line)
            missed += line.ok is False
        return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
