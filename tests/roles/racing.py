"""Requests of several people at once, where it matters who comes first: the first is held open while others wait."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Thread
from typing import Any

import psycopg
import pytest
from django.db import connections

from roles.actors import RoleActor, resolve
from roles.models import Membership, Role
from tenancy.context import acting
from tests.concurrency import PATIENCE
from tests.factories import MembershipFactory, RoleFactory, UserFactory, built_in, inside
from tests.isolation.rows import superuser_dsn
from tests.world import Agency

WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"

Call = Callable[[], Any]


def by(actor: Any, make: Callable[..., Any], *asked: Any, **more: Any) -> Call:
    """Return the call that carries out a verb as the actor, in a transaction of its own."""

    def call() -> Any:
        with acting(actor):
            return make(actor, *asked, **more).execute()

    return call


def held_up(*calls: Call) -> Callable[[], list[Any]]:
    """Start the calls, each in a thread, and return once all of them wait for a lock, of the caller's transaction.

    What is returned gives, after the caller's transaction has ended, what each call returned or raised.
    """
    outcomes: list[Any] = [None] * len(calls)
    ended = Event()

    def run(place: int, call: Call) -> None:
        try:
            outcomes[place] = call()
        except Exception as error:
            outcomes[place] = error
        finally:
            ended.set()
            connections.close_all()

    threads = [Thread(target=run, args=one, daemon=True) for one in enumerate(calls)]
    with psycopg.connect(superuser_dsn(), autocommit=True) as observer:
        for thread in threads:
            thread.start()
        for _ in range(PATIENCE * 100):
            [waiting] = observer.execute(WAITING).fetchone() or [0]
            if waiting == len(calls):
                break
            assert not ended.wait(0.01), f"It did not wait: {outcomes}"
        else:
            pytest.fail(f"{waiting} of {len(calls)} wait.")

    def finish() -> list[Any]:
        for thread in threads:
            thread.join(PATIENCE)
        return outcomes

    return finish


def role_of(agency: Agency, person: str) -> str | None:
    with inside(agency.organization):
        return Membership.objects.filter(user=agency.people[person]).values_list("role__name", flat=True).first()


def super_admin() -> RoleActor:
    user = UserFactory()
    MembershipFactory(user=user, organization=None, role=built_in("super-admin"))
    actor = resolve(user.pk)
    assert isinstance(actor, RoleActor)
    return actor


def own_role(agency: Agency, *keys: str, **values: Any) -> Role:
    return RoleFactory(organization=agency.organization, keys=keys, **values)


def shared_role(agency: Agency, *keys: str, **values: Any) -> Role:
    """Return a role that the platform made for all organizations."""
    return RoleFactory(organization=None, keys=keys, **values)
