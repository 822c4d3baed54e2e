"""Whether the tests notice a mutant: judged in a fork of a process that has imported and collected everything.

The code of the function is replaced in the fork, and the tests that run through the changed statement are run, the
quickest first, until one fails.
"""

from __future__ import annotations

import gc
import os
import pickle
import signal
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import _lru_cache_wrapper
from types import FunctionType
from typing import Any

import coverage
import pytest
from _pytest.runner import runtestprotocol

from tests.mutation.mutants import ROOT, Mutant

#: Seconds that the tests of a mutant may take, besides many times what they took for the module as it is.
PATIENCE = 20


@dataclass
class Run:
    """What the tests do with the modules as they are: the seconds each takes, and which pass through a line."""

    seconds: dict[int, float] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    lines: dict[str, dict[int, list[str]]] = field(default_factory=dict)

    def tests_of(self, module: str, lines: Iterable[int]) -> list[int]:
        """Return the tests that pass through any of the lines, the quickest first."""
        through = self.lines[module]
        found = {int(test) for line in lines for test in through.get(line, ()) if test}
        return sorted(found, key=self.seconds.__getitem__)


class Judge:
    """A plugin of pytest that judges mutants instead of running the tests. `tests` are the files for each module."""

    def __init__(self, mutants: Sequence[Mutant], tests: Mapping[str, Sequence[str]], told: Callable[[str], None]):
        self.mutants, self.tests, self.told = mutants, tests, told
        self.survivors: list[Mutant] = []

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Judge every mutant."""
        if session.testsfailed:
            raise session.Interrupted("The tests cannot be collected.")
        items, modules = session.items, {mutant.module for mutant in self.mutants}
        run = pickle.loads(_in_fork(lambda: pickle.dumps(_run(items, modules)), 3600) or pickle.dumps(None))  # noqa: S301
        if run is None or run.failed:
            raise session.Interrupted(f"Without any mutant these fail: {run and run.failed}")
        functions = _functions(modules)
        for mutant in self.mutants:
            self._judge(mutant, items, run, functions)
        # A server that went away would have killed everything after it.
        if (failed := _in_fork(lambda: _first_failure(items).encode(), 3600)) != b"":
            raise session.Interrupted(f"At the end this fails without any mutant: {(failed or b'?').decode()}")
        return True

    def _judge(self, mutant: Mutant, items: list[pytest.Item], run: Run, functions: Mapping[Any, FunctionType]) -> None:
        function = functions[str(ROOT / mutant.module), mutant.function, mutant.starts_at]
        files = tuple(self.tests[mutant.module])
        chosen = [items[one] for one in run.tests_of(mutant.module, mutant.lines)]
        chosen = [item for item in chosen if item.nodeid.startswith(files)]
        usual = sum(run.seconds[items.index(item)] for item in chosen)

        def notices() -> bytes:
            function.__code__ = mutant.code
            return _first_failure(chosen).encode()

        noticed = _in_fork(notices, PATIENCE + 10 * usual)
        if noticed == b"":
            self.survivors.append(mutant)
            self.told(f"\n{mutant.module}:{mutant.lines[0]} {mutant.function}: {mutant.change}\n")
        else:
            self.told(".")


def _functions(modules: Iterable[str]) -> dict[tuple[str, str, int], FunctionType]:
    """Return every function of the modules by file, name and line, however decorated."""
    files = {str(ROOT / module) for module in modules}
    return {
        (one.__code__.co_filename, one.__code__.co_qualname, one.__code__.co_firstlineno): one
        for one in gc.get_objects()
        if type(one) is FunctionType and one.__code__.co_filename in files
    }


def _caches(modules: Iterable[str]) -> list[Any]:
    """Return the functions of the modules that remember what they returned."""
    files = {str(ROOT / module) for module in modules}
    remembering = [one for one in gc.get_objects() if type(one) is _lru_cache_wrapper]
    return [
        one
        for one in remembering
        if type(one.__wrapped__) is FunctionType and one.__wrapped__.__code__.co_filename in files
    ]


def _run(items: list[pytest.Item], modules: Iterable[str]) -> Run:
    run = Run()
    measured = coverage.Coverage(data_file=None, config_file=False, include=[str(ROOT / one) for one in modules])
    measured.start()
    caches = _caches(modules)
    for number, item in enumerate(items):
        # What an earlier test left in memory would hide that this one depends on it, too.
        for cache in caches:
            cache.cache_clear()
        measured.switch_context(str(number))
        before = time.monotonic()
        if _fails(item, items[number + 1] if number + 1 < len(items) else None):
            run.failed.append(item.nodeid)
        run.seconds[number] = time.monotonic() - before
    measured.stop()
    told = measured.get_data()
    run.lines = {module: defaultdict(list, told.contexts_by_lineno(str(ROOT / module))) for module in modules}
    return run


def _first_failure(items: list[pytest.Item]) -> str:
    """Run tests until one fails, and return its id, or nothing when none does."""
    for item, following in zip(items, [*items[1:], None], strict=True):
        if _fails(item, following):
            return item.nodeid
    return ""


def _fails(item: pytest.Item, following: pytest.Item | None) -> bool:
    return any(report.failed for report in runtestprotocol(item, log=False, nextitem=following))


def _in_fork(work: Callable[[], bytes], seconds: float) -> bytes | None:
    """Return what the work returns in a process of its own, or None when it is not done in time or dies."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        signal.setitimer(signal.ITIMER_REAL, seconds)
        try:
            with os.fdopen(writing, "wb") as pipe:
                pipe.write(work())
            os._exit(0)
        finally:
            os._exit(1)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        result = pipe.read()
    _, status = os.waitpid(child, 0)
    return result if status == 0 else None
