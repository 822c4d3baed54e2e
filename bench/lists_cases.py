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
from guardian.shortcuts import get_objects_for_user
from psycopg.conninfo import conninfo_to_dict

from accounts.models import User
from bench.lists import PAGE
from clients.access import clients_in_reach
from clients.models import Client
from clients.search import matching
from roles.actors import RoleActor, resolve
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


def _page(rows: QuerySet[Client]) -> QuerySet[Any]:
    return rows.order_by("name", "id").values_list(*(f.attname for f in Client._meta.concrete_fields))[:PAGE]


def _same(calls: dict[str, Callable[[], Any]]) -> None:
    answers = {name: call() for name, call in calls.items()}
    first = answers["ours"]
    for name, answer in answers.items():
        if answer != first:
            raise AssertionError(f"{name} answers otherwise than ours: {answer!r:.300} / {first!r:.300}")


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
    def ours_page() -> list[Any]:
        return list(_page(clients_in_reach(actor)))

    def ours_count() -> int:
        return clients_in_reach(actor).count()

    if who == "owner":
        yield Case(
            "page of 50,000 clients, all reach",
            {"ours": ours_page, "hand-written SQL": _sql(PAGE_SQL, organization)},
            {"hand-written SQL": 1.5},
        )
        count = _sql(COUNT_SQL, organization)
        yield Case(
            "count of 50,000 clients, all reach",
            {"ours": ours_count, "hand-written SQL": lambda: count()[0][0]},
            {"hand-written SQL": 1.5},
        )
        yield from _search_cases(actor, organization)
        return

    def guardian() -> QuerySet[Client]:
        return get_objects_for_user(  # type: ignore[no-any-return]
            user,
            ["clients.view_client", "clients.change_client"],
            Client.objects.using("peer"),
            any_perm=True,
            accept_global_perms=False,
        )

    many = ours_count()
    join = _sql(ASSIGNED_COUNT_SQL, organization, user.pk)
    yield Case(
        f"page of {many:,} assigned clients",
        {
            "ours": ours_page,
            "hand-written SQL": _sql(ASSIGNED_PAGE_SQL, organization, user.pk),
            "guardian get_objects_for_user": lambda: list(_page(guardian())),
        },
        {"hand-written SQL": 1.5, "guardian get_objects_for_user": 1.0},
    )
    yield Case(
        f"count of {many:,} assigned clients",
        {
            "ours": ours_count,
            "hand-written SQL": lambda: join()[0][0],
            "guardian get_objects_for_user": lambda: guardian().count(),
        },
        {"hand-written SQL": None, "guardian get_objects_for_user": 1.0},
    )


def _search_cases(actor: RoleActor, organization: UUID) -> Iterator[Case]:
    def ours() -> list[Any]:
        return list(_page(matching(clients_in_reach(actor), "client7701")))

    yield Case(
        "search for the beginning of a word",
        {"ours": ours, "hand-written SQL": _sql(SEARCH_SQL, organization, "client7701", "client7701\U0010ffff")},
        {"hand-written SQL": 1.5},
    )


def request_cases() -> Iterator[Any]:
    """Yield the figures of whole requests through the API."""
    return iter(())
