"""The acting context: one transaction in which Python and PostgreSQL agree on who acts.

`acting(actor)` opens the transaction, tells PostgreSQL (role and settings local to the transaction), and on leaving
restores what was before. With no context the database shows no row of any organization.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import OperationalError, connections, transaction

from tenancy.actors import Actor, Reach, Scope
from tenancy.errors import AccessDenied, Denial, NotVisible, Overtaken

PLATFORM_ROLE = "iam_platform"
TENANT_ROLE = "iam_tenant"
ASSIGNED_ROLE = "iam_assigned"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an attempt came from."""

    interface: str
    operation: str = ""
    request_id: str = ""
    address: str | None = None
    user_agent: str = ""


@dataclass(slots=True)
class Acting:
    """One entered context. `pending` holds what the audit room has yet to write in this transaction, `undo` what takes
    back work outside of the database should the transaction not stay."""

    actor: Actor
    origin: Origin
    pending: list[Any] = field(default_factory=list)
    undo: list[Callable[[], None]] = field(default_factory=list)


_current: ContextVar[Acting | None] = ContextVar("acting", default=None)

#: Called inside the transaction as a context is left without error.
before_commit: list[Callable[[Acting], None]] = []
#: Called outside the failed transaction when the outermost context was left by a denial.
after_denial: list[Callable[[Acting, Denial], None]] = []


def current() -> Acting | None:
    """Return the innermost context, or None outside of any."""
    return _current.get()


def current_actor() -> Actor | None:
    """Return who acts now, or None outside of any context."""
    entered = _current.get()
    return entered.actor if entered else None


def undo_on_rollback(callback: Callable[[], None]) -> None:
    """Call `callback` should the current context be rolled back: it removes a file that was stored for its rows.

    Raises RuntimeError outside an acting context.
    """
    entered = _current.get()
    if entered is None:
        raise RuntimeError("There is no acting context: enter tenancy.context.acting(actor) first.")
    entered.undo.append(callback)


def database_role(actor: Actor) -> str:
    """Return the PostgreSQL role that shows what this actor's scope and reach may see."""
    if actor.scope is Scope.PLATFORM:
        return PLATFORM_ROLE
    return ASSIGNED_ROLE if actor.reach is Reach.ASSIGNED else TENANT_ROLE


def tell_database(actor: Actor | None, *, using: str = "default") -> None:
    """Tell PostgreSQL, until the transaction ends, who acts. None withdraws every right."""
    if actor is None:
        values: tuple[str, str, str] = ("none", "", "")
    else:
        values = (database_role(actor), _text(actor.organization_id), _text(actor.user_id))
    with connections[using].cursor() as cursor:
        cursor.execute(
            "SELECT set_config('role', %s, true), set_config('app.organization_id', %s, true),"
            " set_config('app.user_id', %s, true)",
            values,
        )


def _text(value: UUID | None) -> str:
    return "" if value is None else str(value)


@contextmanager
def _overtaken_in_words() -> Iterator[None]:
    try:
        yield
    except OperationalError as failed:
        if Overtaken.is_meant_by(failed):
            raise Overtaken from failed
        raise


@contextmanager
def acting(actor: Actor, origin: Origin | None = None, *, using: str = "default") -> Iterator[Acting]:
    """Act as `actor` within one transaction.

    A denial that leaves the outermost context rolls the work back and is then recorded on its own. Raises Overtaken for
    a transaction that PostgreSQL broke off so that another could go on.
    A context entered inside another inherits its origin and gives the database back to it on leaving.
    """
    outer = _current.get()
    nested = connections[using].in_atomic_block
    entered = Acting(actor, origin or (outer.origin if outer else Origin("system")))
    token = _current.set(entered)
    stays = False
    try:
        with _overtaken_in_words(), transaction.atomic(using=using):
            tell_database(actor, using=using)
            yield entered
            # A rolled-back savepoint brings the outer actor's settings back by itself.
            given_up = connections[using].needs_rollback
            if not given_up:
                for hook in before_commit:
                    hook(entered)
                if nested:
                    tell_database(outer.actor if outer else None, using=using)
        stays = not given_up
        if stays and outer is not None:
            outer.undo += entered.undo
    except (AccessDenied, NotVisible) as refused:
        if outer is None:
            _current.reset(token)
            token = _current.set(None)
            for record in after_denial:
                record(entered, refused.denial)
        raise
    finally:
        _current.reset(token)
        if not stays:
            for undo in reversed(entered.undo):
                undo()
