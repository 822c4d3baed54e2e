"""Several requests at the same moment, each in a thread with a database connection of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Barrier, Thread
from typing import Any

from django.db import connections

PATIENCE = 30


def at_once(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """Start the calls together and return, in their order, what each returned or the exception it raised."""
    outcomes: list[Any] = [None] * len(calls)
    start = Barrier(len(calls), timeout=PATIENCE)

    def run(place: int, call: Callable[[], Any]) -> None:
        try:
            start.wait()
            outcomes[place] = call()
        except Exception as error:
            outcomes[place] = error
        finally:
            connections.close_all()

    threads = [Thread(target=run, args=(place, call)) for place, call in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    return outcomes


def failures(outcomes: Sequence[Any]) -> list[Exception]:
    """Return the exceptions among the outcomes."""
    return [outcome for outcome in outcomes if isinstance(outcome, Exception)]
