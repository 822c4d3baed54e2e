"""The cases of bench.lists: imported once Django is set up."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import connections
from django.db.models import QuerySet
from django.test import Client as WebClient
from django.test import override_settings
from guardian.shortcuts import get_objects_for_user
from knox.models import AuthToken
from psycopg.conninfo import conninfo_to_dict

from accounts.models import ApiToken, User
from bench.harness import Line, alternate
from bench.lists import PAGE
from clients.access import clients_in_reach
from clients.models import Client
from clients.search import LAST, matching
from roles.actors import RoleActor, resolve
from tenancy.actors import SystemActor
from tenancy.context import acting

COLUMNS = [field.column for field in Client._meta.concrete_fields]
SELECT = ", ".join(f"c.{column}" for column in COLUMNS)
PAGE_SQL = f"SELECT {SELECT} FROM clients_client c WHERE c.organization_id = %s ORDER BY c.name, c.id LIMIT {PAGE}"
COUNT_SQL = "SELECT count(*) FROM clients_client c WHERE c.organization_id = %s"
JOIN = "JOIN clients_clientgrant g ON g.client_id = c.id AND g.organization_id = c.organization_id"
ASSIGNED_PAGE_SQL = (
    f"SELECT {SELECT} FROM clients_client c {JOIN}"
    f" WHERE g.organization_id = %s AND g.user_id = %s ORDER BY c.name, c.id LIMIT {PAGE}"
)
ASSIGNED_COUNT_SQL = f"SELECT count(*) FROM clients_client c {JOIN} WHERE g.organization_id = %s AND g.user_id = %s"
SEARCH_SQL = (
    f"SELECT {SELECT} FROM clients_client c JOIN clients_clientword w ON w.client_id = c.id"
    " AND w.organization_id = c.organization_id"
    f" WHERE w.organization_id = %s AND w.word >= %s AND w.word < %s ORDER BY c.name, c.id LIMIT {PAGE}"
)
NUMBER = 7


@dataclass(frozen=True)
class Case:
    """One question asked in several ways that gave the same answer; `limits` are targets by peer, None: none."""

    name: str
    calls: dict[str, Callable[[], object]]
    limits: dict[str, float | None] = field(default_factory=dict)


def _id(text: str) -> UUID:
    return UUID(hashlib.md5(text.encode(), usedforsecurity=False).hexdigest())


def _peer_connection(dsn: str) -> None:
    """Open a second connection without row-level security, on which the peers run."""
    parts = conninfo_to_dict(dsn)
    connections.databases["peer"] = {
        **connections.databases["default"],
        "USER": parts["user"],
        "PASSWORD": parts["password"],
    }


def _objects(statement: str, *values: Any) -> Callable[[], list[Client]]:
    return lambda: list(Client.objects.using("peer").raw(statement, values))


def _sql(statement: str, *values: Any) -> Callable[[], list[Any]]:
    def call() -> list[Any]:
        with connections["peer"].cursor() as cursor:
            cursor.execute(statement, values)
            return cursor.fetchall()

    return call


@contextmanager
def _entered(actor: RoleActor) -> Iterator[None]:
    with acting(actor):
        yield


def _page(rows: QuerySet[Client]) -> list[Client]:
    return list(rows.order_by("name", "id")[:PAGE])


def _same(calls: dict[str, Callable[[], Any]]) -> None:
    answers = {name: _plain(call()) for name, call in calls.items()}
    for name, answer in answers.items():
        if answer != answers["ours"]:
            raise AssertionError(f"{name} answers otherwise than ours: {answer!r:.300} / {answers['ours']!r:.300}")


def _plain(answer: Any) -> Any:
    """Return every field of every object, so that equality means equal contents and not equal keys."""
    if isinstance(answer, int):
        return answer
    return [[getattr(row, column.attname) for column in Client._meta.concrete_fields] for row in answer]


def cases(dsn: str) -> Iterator[Case]:
    """Yield each case with our context entered, its answers already compared."""
    _peer_connection(dsn)
    organization = _id(f"organization {NUMBER}")
    for who in ("owner", "member", "lead"):
        user = User.objects.get(pk=_id(f"{who}{NUMBER}"))
        actor = resolve(user.pk, organization_id=organization)
        assert isinstance(actor, RoleActor)
        with _entered(actor):
            for case in _cases_of(who, user, actor, organization):
                _same(case.calls)
                yield case


def _cases_of(who: str, user: User, actor: RoleActor, organization: UUID) -> Iterator[Case]:
    everything = clients_in_reach(actor).count()
    values: tuple[UUID, ...] = (organization,) if who == "owner" else (organization, user.pk)
    page_sql, count_sql = (PAGE_SQL, COUNT_SQL) if who == "owner" else (ASSIGNED_PAGE_SQL, ASSIGNED_COUNT_SQL)
    count = _sql(count_sql, *values)
    pages: dict[str, Callable[[], object]] = {
        "ours": lambda: _page(clients_in_reach(actor)),
        "hand-written SQL": _objects(page_sql, *values),
    }
    counts: dict[str, Callable[[], object]] = {
        "ours": lambda: clients_in_reach(actor).count(),
        "hand-written SQL": lambda: count()[0][0],
    }
    limits: dict[str, float | None] = {"hand-written SQL": 1.5}
    if who != "owner":
        pages["guardian get_objects_for_user"] = lambda: _page(_guardian(user))
        counts["guardian get_objects_for_user"] = lambda: _guardian(user).count()
        limits["guardian get_objects_for_user"] = 1.0
    reach = "all reach" if who == "owner" else "assigned reach"
    yield Case(f"page of {everything:,} clients, {reach}", pages, limits)
    yield Case(f"count of {everything:,} clients, {reach}", counts, {**limits, "hand-written SQL": None})
    if who == "owner":
        yield from _search_cases(actor, organization)


def _guardian(user: User) -> QuerySet[Client]:
    return get_objects_for_user(  # type: ignore[no-any-return]
        user,
        ["clients.view_client", "clients.change_client"],
        Client.objects.using("peer"),
        any_perm=True,
        accept_global_perms=False,
    )


def _search_cases(actor: RoleActor, organization: UUID) -> Iterator[Case]:
    for name, term in (("one client", "client7706"), ("a sixth of the clients", "meadow"), ("no client", "zzz")):
        yield Case(
            f"search that finds {name}",
            {
                "ours": lambda term=term: _page(matching(clients_in_reach(actor), term)),  # type: ignore[misc]
                "hand-written SQL": _objects(SEARCH_SQL, organization, term, term + LAST),
            },
            {"hand-written SQL": None},
        )


def request_cases() -> Iterator[Line]:
    """Yield the figures of whole requests: a page of the API with a token, beside a plain DRF list with a token."""
    organization = _id(f"organization {NUMBER}")
    user = User.objects.get(pk=_id(f"owner{NUMBER}"))
    with acting(SystemActor("bench", organization)):
        credential, secret = AuthToken.objects.create(user=user)
        ApiToken.objects.create(credential=credential, user=user, organization_id=organization, name="bench")
    headers = {"Authorization": f"Token {secret}"}
    with override_settings(MIDDLEWARE=["bench.bare.use_bare_urls"]):
        bare = WebClient()
        bare.get(f"/bare/{organization}/", headers=headers)
    ours = WebClient()
    calls: dict[str, Callable[[], Any]] = {
        "ours": lambda: ours.get(f"/api/orgs/agency-{NUMBER}/clients/", headers=headers),
        "bare": lambda: bare.get(f"/bare/{organization}/", headers=headers),
    }
    if calls["ours"]().json()["results"] != calls["bare"]().json()["results"]:
        raise AssertionError("The API and the bare view answer otherwise.")
    statements = {name: _statements(call) for name, call in calls.items()}
    times = alternate(calls, rounds=100)
    peer = "plain DRF list with a token"
    ratio = round(times["ours"] / times["bare"], 3)
    yield Line("request: a page of the API", round(times["ours"] * 1000, 3), "ms", peer, ratio, "for comparison", None)
    added = statements["ours"] - statements["bare"]
    yield Line("request: statements added", added, "statements", peer, None, "≤ 4", added <= 4)


def _statements(call: Callable[[], object]) -> int:
    """Return how many statements a call sends on both connections, the borders of transactions not counted."""
    sent: list[str] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        sent.append(sql)
        return execute(sql, params, many, context)

    with connections["default"].execute_wrapper(note), connections["peer"].execute_wrapper(note):
        call()
    return len(sent)
