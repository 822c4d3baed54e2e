"""The chapter for outside services: what it asks is answered as it says, from the first request to the last."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
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
            told = self.put(request["way"], *shlex.split(Template(request["words"]).substitute(self.variables)))
            if request["picked"]:
                told = str(eval(request["picked"], {"it": json.loads(told)}))  # noqa: S307  (the chapter's own)
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
        method, path, body = (*words, "")[:3] if way == "manage" else ("GET", f"policy-changes/{words[0]}", "")
        token = self.variables["OWNER" if way == "manage" else "TOKEN"]
        answer = APIClient().generic(
            method, f"/api/orgs/larkmoor/{path}", body, "application/json", HTTP_AUTHORIZATION=f"Bearer {token}"
        )
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


@pytest.fixture(scope="module")
def decisions() -> Any:
    """The class of the chapter's Python."""
    [code] = re.findall(r"^```python\n(.*?)^```$", CHAPTER.read_text(), re.DOTALL | re.MULTILINE)
    exec(code, written := {})  # noqa: S102  (the chapter's own)
    return written["Decisions"]


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
def answering(*statuses: int) -> Iterator[str]:
    """Run a server that answers with these statuses in turn, 200 being an allow, and yield its address."""
    left = list(statuses)

    class Answering(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            status, body = left.pop(0), b'{"decision": true}'
            self.send_response(status)
            self.send_header("Retry-After", "0")
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


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413])
def test_its_python_raises_what_somebody_has_to_correct(decisions: Any, status: int) -> None:
    with answering(status) as base, pytest.raises(HTTPError, match=str(status)):
        decisions(base, "token").may("somebody", "clients:read", "organization", "larkmoor")
