"""Editors of roles at work over HTTP, by the API or in the console's pages."""

from __future__ import annotations

import hashlib
import http.client
import json
import random
import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from threading import Barrier
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from bench.roles import EDITORS, ORGANIZATIONS, PEOPLE

TAKEN, GIVEN = "reports:delete", "dashboards:delete"
#: The server closes a connection over which nothing comes for two seconds.
KEPT_OPEN = 1.5
CSRF = "bench" * 6 + "ab"
_VERSION = re.compile(r'name="version" value="(\d+)"')
_TICKED = re.compile(r'<input(?=[^>]*name="permissions")(?=[^>]*checked)[^>]*value="([^"]+)"')


def named(text: str) -> UUID:
    """Return the id that the world gives to the thing of that name."""
    return UUID(hashlib.md5(text.encode(), usedforsecurity=False).hexdigest())


@dataclass
class Editor:
    """One person who does one thing after another, to roles that no other editor touches.

    `credentials` are the headers that sign them in, `pause` the mean of the seconds they take to think, `times` the
    seconds that each request took, by what it was for.
    """

    number: int
    port: int
    credentials: Mapping[str, str]
    pause: float
    times: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        self.random = random.Random(self.number)
        self.connect()

    def tasks(self) -> list[Callable[[], object]]:
        """Return what there is to do; something twice is done twice as often."""
        raise NotImplementedError

    def work(self, stopped: Callable[[], bool], start: Barrier) -> None:
        """Do everything once, wait for the others, and then one thing after another until told to stop."""
        tasks = self.tasks()
        for task in tasks:
            task()
        self.times.clear()
        start.wait()
        self.connect()
        self.think()
        while not stopped():
            self.random.choice(tasks)()
            self.think()

    def think(self) -> None:
        """Pause for a while, of which nobody knows how long it takes, and connect again after a long one."""
        pause = self.random.expovariate(1 / self.pause) if self.pause else 0
        time.sleep(pause)
        if pause > KEPT_OPEN:
            self.connect()

    def connect(self) -> None:
        """Open a connection."""
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def call(self, name: str, method: str, path: str, body: str | None = None, **headers: str) -> tuple[Any, str]:
        """Send one request and note how long the answer took, its body read. Raises for any but a success."""
        started = time.perf_counter()
        self.connection.request(method, path, body, {**self.credentials, **headers})
        response = self.connection.getresponse()
        content = response.read().decode()
        self.times[name].append(time.perf_counter() - started)
        if response.status >= http.client.BAD_REQUEST:
            raise AssertionError(f"{method} {path}: {response.status} {content[:300]}")
        return response, content

    def place(self) -> int:
        """Return the number of an organization of this editor's own."""
        return self.number + EDITORS * self.random.randrange(ORGANIZATIONS // EDITORS)

    def role(self) -> UUID:
        """Return one of the nine roles of such an organization."""
        return named(f"role {self.place()}.{self.random.randint(1, 9)}")

    def person(self, place: int) -> int:
        """Return the number of a person of that organization."""
        return ORGANIZATIONS * self.random.randrange(1, PEOPLE // ORGANIZATIONS) + place - 1


class ApiEditor(Editor):
    """Works by the API."""

    def tasks(self) -> list[Callable[[], object]]:
        return [self.list, self.detail, self.detail, self.save, self.assign, self.preview]

    def send(self, name: str, method: str, path: str, body: Any = None, **headers: str) -> tuple[Any, Any]:
        """Send JSON and return the answer read."""
        sent = None if body is None else json.dumps(body)
        response, content = self.call(name, method, f"/api/admin/roles{path}", sent, **headers)
        return response, json.loads(content)

    def list(self) -> None:
        self.send("list", "GET", self.random.choice(["", "?scope=TENANT&ordering=-priority", "?q=Team%203"]))

    def detail(self) -> None:
        self.send("detail", "GET", f"/{self.role()}")

    def save(self) -> None:
        path = f"/{self.role()}"
        response, role = self.send("detail", "GET", path)
        own = {held["key"] for held in role["own_permissions"]}
        changed = {"permissions": sorted(own ^ {TAKEN, GIVEN})}
        self.send("save", "PATCH", path, changed, **{"If-Match": response.headers["ETag"]})

    def assign(self) -> None:
        place = self.place()
        given = {
            "users": [str(named(f"person {self.person(place)}"))],
            "organization": str(named(f"organization {place}")),
        }
        self.send("assign", "POST", f"/{named(f'role {place}.{self.random.randint(1, 9)}')}/assign", given)

    def preview(self) -> None:
        self.send("preview", "POST", f"/{self.role()}/preview", {"permissions": [GIVEN, "reports:read"]})

    def preview_of_all(self) -> None:
        """Ask about an edit of the role that everybody's role inherits from."""
        self.send("preview of all", "POST", f"/{named('crew')}/preview", {"permissions": [GIVEN, "reports:read"]})


class ConsoleEditor(Editor):
    """Works in the pages of the console, as a browser without script does."""

    def tasks(self) -> list[Callable[[], object]]:
        return [self.list, self.detail, self.save, self.assign]

    def open(self, name: str, path: str) -> str:
        """Return a page."""
        return self.call(name, "GET", f"/admin/roles/role/{path}")[1]

    def post(self, name: str, path: str, form: Iterator[tuple[str, str]] | Any) -> str:
        """Send a form."""
        return self.call(name, "POST", f"/admin/roles/role/{path}", urlencode(list(form)))[1]

    def list(self) -> None:
        self.open("list", self.random.choice(["", "?scope__exact=TENANT", "?q=Team+3"]))

    def detail(self) -> None:
        self.open("detail", f"{self.role()}/change/")

    def save(self) -> None:
        """Open the matrix, tick a box and untick another, look the change over, and save it."""
        path = f"{self.role()}/permissions/"
        page = self.open("matrix", path)
        [version] = set(_VERSION.findall(page))
        ticked = set(_TICKED.findall(page)) ^ {TAKEN, GIVEN}
        form = [("version", version), *(("permissions", key) for key in sorted(ticked))]
        self.post("preview", path, [*form, ("stage", "review")])
        self.post("save", path, [*form, ("stage", "save"), ("confirmed", "on")])

    def assign(self) -> None:
        place = self.place()
        form = [("people", f"person{self.person(place)}@people.example"), ("stage", "save")]
        self.post("assign", f"{named(f'role {place}.{self.random.randint(1, 9)}')}/people/add/", form)
