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
from dataclasses import dataclass, field

from bench.engine_world import Question

Answer = Callable[[str, str, str, str], object]


@dataclass(frozen=True)
class Timing:
    """Nanoseconds of single calls, round by round. Told is the median of the rounds: another process that takes the
    processor away for a moment counts in the rounds that it disturbs, and not in all."""

    medians: list[float] = field(default_factory=list)
    p99s: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        """The median call."""
        return statistics.median(self.medians)

    @property
    def p99(self) -> float:
        """The 99th percentile of the calls."""
        return statistics.median(self.p99s)

    def times(self, other: Timing) -> float:
        """Return how many times as long these took as the others, compared round by round."""
        return statistics.median(mine / its for mine, its in zip(self.medians, other.medians, strict=True))


def time_singles(
    calls: Mapping[str, tuple[Answer, Sequence[Question]]], *, rounds: int, at_a_time: int | None = None
) -> dict[str, Timing]:
    """Return how long the calls take about their questions, run in turns as `bench.harness.alternate` does.

    A round asks all questions, or with `at_a_time` the next so many.
    """
    orders = random.Random(2026)
    timings = {name: Timing() for name in calls}
    for answer, questions in calls.values():
        _singles(answer, questions)
    gc.collect()
    gc.disable()
    try:
        for number in range(rounds):
            for name, (answer, questions) in orders.sample(list(calls.items()), len(calls)):
                start = number * (at_a_time or 0) % len(questions)
                asked = questions[start : start + at_a_time] if at_a_time else questions
                idle = statistics.median(_singles(_nothing, asked))
                taken = sorted(_singles(answer, asked))
                timings[name].medians.append(statistics.median(taken) - idle)
                timings[name].p99s.append(taken[len(taken) * 99 // 100] - idle)
    finally:
        gc.enable()
    return timings


def _nothing(subject: str, action: str, kind: str, object_id: str) -> None:
    """What remains when nothing is asked."""


def _singles(answer: Answer, questions: Sequence[Question]) -> list[int]:
    clock, taken = time.perf_counter_ns, []
    for subject, action, kind, object_id in questions:
        started = clock()
        answer(subject, action, kind, object_id)
        taken.append(clock() - started)
    return taken
