"""The chapter for outside services: what it asks is answered as it says, from the first request to the last."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from string import Template
from threading import Thread
from typing import Any
from urllib.error import HTTPError

import pytest
from rest_framework.test import APIClient

from iam_dashboard.servers import find_free_port
from tests.factories import on_platform
from tests.live import live_server
from tests.roles.authzen.asking import Service
from tests.roles.authzen.conftest import token_of
from tests.world import make_agency

pytestmark = pytest.mark.requirement("PDP-3")

CHAPTER = Path(__file__).parents[3] / "docs" / "outside-services.md"
BLOCK = re.compile(r"^```(sh|json|text)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
#: A request to the decision point, to the API, or for the feed; what is picked of its answer; the variable to keep it.
REQUEST = re.compile(
    r"(?:(?P<kept>[A-Z]+)=\$\()?(?P<way>ask|manage|feed) (?P<words>.*?)(?:\s+\|\s+pick '(?P<picked>[^']*)')?\)?",
    re.DOTALL,
)
SETTING = re.compile(r"(?P<kept>[A-Z]+)=(?P<value>\w+)")
#: What is another one in each installation: ids, versions, times, tokens of pages, keys of an application.
PASSING = re.compile(
    r'[0-9a-f]{8}-[0-9a-f-]{27}|"\d+\.\d+"|"version": ?\d+|\d{4}-\d\d-\d\dT[^"]+'
    r'|(?<="next_token": ")[^"]+|app-[0-9a-f]{8}'
)


@dataclass
class Reader:
    """Somebody who types what the chapter says. `variables` are those of their shell."""

    runner: asyncio.Runner
    variables: dict[str, str]
    last: str = ""
    asked: list[str] = field(default_factory=list)

    def type(self, block: str) -> None:
        """Put the requests of a block one after another; the definitions of the shell's functions are not typed."""
        if "() {" in block:
            return
        for statement in re.split(r"\n(?=[A-Z]+=|ask |manage |feed )", block.strip()):
            if setting := SETTING.fullmatch(statement):
                self.variables[setting["kept"]] = setting["value"]
                continue
            request = REQUEST.fullmatch(statement)
            assert request, f"This is no request that can be put: {statement}"
            words = [Template(word).substitute(self.variables) for word in shlex.split(request["words"])]
            told = self.put(request["way"], *words)
            if request["picked"]:
                picked = {"it": json.loads(told), "json": json}
                told = str(eval(request["picked"], picked))  # noqa: S307  (the chapter's own)
            if request["kept"]:
                self.variables[request["kept"]] = told
            self.last = told

    def put(self, way: str, *words: str) -> str:
        """Return what the product answers."""
        self.asked.append(way)
        if way == "ask":
            where, body = words
            service = Service(self.runner, self.variables["TOKEN"])
            return service.post(f"/access/v1/{where}", body.encode()).body.decode()
        method, path, *more = words if way == "manage" else ("GET", f"policy-changes/{words[0]}")
        body, *version = more or [""]
        headers = {"Authorization": f"Bearer {self.variables['OWNER' if way == 'manage' else 'TOKEN']}"}
        if version:
            [headers["If-Match"]] = version
        answer = APIClient().generic(method, f"/api/orgs/larkmoor/{path}", body, "application/json", headers=headers)
        assert answer.status_code < 300, answer.content
        return answer.content.decode()


def lasting(shown: str) -> Any:
    """Return an answer without what is another in each installation."""
    return PASSING.sub("…", json.dumps(json.loads(shown), sort_keys=True) if shown[0] in "{[" else shown).strip()


@pytest.fixture
def reader(module_db: str, runner: asyncio.Runner) -> Reader:
    """A reader with the token of Larkmoor's owner, and the two people of the chapter."""
    agency = make_agency("Larkmoor")
    with on_platform():
        for person, email in (("member", "rory.pembury"), ("viewer", "jonas.engel")):
            agency.people[person].email = f"{email}@larkmoor.example"
            agency.people[person].save(update_fields=["email"])
    token = token_of(agency, agency.owner)
    return Reader(runner, {"OWNER": token, "TOKEN": token})


def test_every_request_of_the_chapter_is_answered_as_it_says(reader: Reader) -> None:
    compared = []
    for kind, block in BLOCK.findall(CHAPTER.read_text()):
        if kind == "sh":
            reader.type(block)
        else:
            assert lasting(reader.last) == lasting(block), f"after {reader.asked}"
            compared.append(lasting(block))
    decided = "".join(compared)
    assert len(compared) >= 15
    assert decided.count('"decision": true') >= 5
    assert decided.count('"decision": false') >= 5
    assert {"ask", "manage", "feed"} == set(reader.asked)


def python_of_chapter() -> dict[str, Any]:
    """Return what the chapter's Python defines, by name."""
    written: dict[str, Any] = {}
    for code in re.findall(r"^```python\n(.*?)^```$", CHAPTER.read_text(), re.DOTALL | re.MULTILINE):
        exec(code, written)  # noqa: S102  (the chapter's own)
    return written


@pytest.fixture(scope="module")
def decisions() -> Any:
    """The class of the chapter's Python that asks."""
    return python_of_chapter()["Decisions"]


@pytest.mark.slow
def test_its_python_asks_and_stops_at_what_somebody_has_to_correct(module_db: str, decisions: Any) -> None:
    agency = make_agency("Quaymark")
    token, person = token_of(agency, agency.owner), agency.member.email
    with live_server(module_db) as server:
        asking = decisions(server.url, token)
        assert asking.may(person, "clients:read", "organization", agency.slug)
        assert not asking.may(person, "clients:delete", "organization", agency.slug)
        with pytest.raises(HTTPError, match="401"):
            decisions(server.url, "revoked").may(person, "clients:read", "organization", agency.slug)


@contextmanager
def answering(*answers: int | bytes, retry_after: str = "0") -> Iterator[str]:
    """Run a server that answers with these statuses in turn, 200 being an allow, or with bytes as they are, and yield
    its address."""
    left = list(answers)

    class Answering(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            status, body = left.pop(0), b'{"decision": true}'
            if isinstance(status, bytes):
                self.wfile.write(status)
                return
            self.send_response(status)
            self.send_header("Retry-After", retry_after)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *told: object) -> None:
            """Nothing is told."""

    server = HTTPServer(("127.0.0.1", 0), Answering)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert not left


@pytest.mark.parametrize(("statuses", "permitted"), [([200], True), ([429, 503, 200], True), ([500, 502, 504], False)])
def test_its_python_denies_while_there_is_no_answer(decisions: Any, statuses: list[int], permitted: bool) -> None:
    with answering(*statuses) as base:
        assert decisions(base, "token").may("somebody", "clients:read", "organization", "larkmoor") is permitted


@pytest.mark.parametrize(
    "answer",
    [
        b'HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\n{"decision": true}',
        b"",
        b"220 mail.example ESMTP\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n<h1>Hello</h1>\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n\xff\xfe",
    ],
    ids=["cut off", "nothing", "another protocol", "a page", "no text"],
)
def test_its_python_takes_what_is_no_answer_for_none(decisions: Any, answer: bytes) -> None:
    with answering(answer, answer, answer) as base:
        assert not decisions(base, "token").may("somebody", "clients:read", "organization", "larkmoor")
    with answering(answer, 200) as base:
        assert decisions(base, "token").may("somebody", "clients:read", "organization", "larkmoor")


@pytest.mark.parametrize("answer", [b"[]", b'"yes"', b"true", b"null", b"{}", b'{"decision": "true"}'])
def test_its_python_permits_by_nothing_but_a_decision(decisions: Any, answer: bytes) -> None:
    sent = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(answer), answer)
    with answering(sent) as base:
        assert not decisions(base, "token").may("somebody", "clients:read", "organization", "larkmoor")


def test_its_python_denies_where_nobody_answers(decisions: Any) -> None:
    base = f"http://127.0.0.1:{find_free_port()}"
    assert not decisions(base, "token").may("somebody", "clients:read", "organization", "larkmoor")


@pytest.mark.parametrize("retry_after", ["60", "Wed, 21 Oct 2026 07:28:00 GMT"])
def test_its_python_pauses_shortly_between_tries_and_not_after_them(
    decisions: Any, monkeypatch: pytest.MonkeyPatch, retry_after: str
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    with answering(503, 429, 503, retry_after=retry_after) as base:
        assert not decisions(base, "token").may("somebody", "clients:read", "organization", "larkmoor")
    assert [pause for pause in pauses if pause] == [0.1, 0.1]
    assert not pauses[0]


def test_its_python_takes_properties_of_any_name(decisions: Any) -> None:
    with answering(200) as base:
        named = {"self": "a", "person": "b", "action": "c", "kind": "d", "resource_id": "e"}
        assert decisions(base, "token").may("somebody", "update", "billing:report", "r-1", **named)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413])
def test_its_python_raises_what_somebody_has_to_correct(decisions: Any, status: int) -> None:
    with answering(status) as base, pytest.raises(HTTPError, match=str(status)):
        decisions(base, "token").may("somebody", "clients:read", "organization", "larkmoor")
