"""How long single calls take, in nanoseconds.

Each call is timed by itself, between two readings of the clock. What the clock, the loop and the call of a Python
function take is measured alike, by a function that does nothing, in the same round, and taken off.
"""

from __future__ import annotations

import gc
import random
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bench.engine_world import Question

Answer = Callable[[str, str, str, str], object]


@dataclass(frozen=True)
class Timing:
    """Nanoseconds of single calls."""

    median: float
    p99: float


def time_singles(calls: Mapping[str, tuple[Answer, Sequence[Question]]], *, rounds: int) -> dict[str, Timing]:
    """Return how long the calls take about their questions, run in turns as `bench.harness.alternate` does.

    The median is that of the rounds' medians, and so is the 99th percentile: another process that takes the processor
    away for a moment counts in the rounds that it disturbs, and not in all.
    """
    orders = random.Random(2026)
    medians: dict[str, list[float]] = {name: [] for name in calls}
    p99s: dict[str, list[float]] = {name: [] for name in calls}
    for answer, questions in calls.values():
        _singles(answer, questions)
    gc.collect()
    gc.disable()
    try:
        for _ in range(rounds):
            for name, (answer, questions) in orders.sample(list(calls.items()), len(calls)):
                idle = statistics.median(_singles(_nothing, questions))
                taken = sorted(_singles(answer, questions))
                medians[name].append(statistics.median(taken) - idle)
                p99s[name].append(taken[len(taken) * 99 // 100] - idle)
    finally:
        gc.enable()
    return {name: Timing(statistics.median(medians[name]), statistics.median(p99s[name])) for name in calls}


def _nothing(subject: str, action: str, kind: str, object_id: str) -> None:
    """What remains when nothing is asked."""


def _singles(answer: Answer, questions: Sequence[Question]) -> list[int]:
    clock, taken = time.perf_counter_ns, []
    for subject, action, kind, object_id in questions:
        started = clock()
        answer(subject, action, kind, object_id)
        taken.append(clock() - started)
    return taken
