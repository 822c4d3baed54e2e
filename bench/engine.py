"""PERF-1: a single decision in process, version guard included, against ten other ways to answer the same questions.

make bench BENCH=engine
ROUNDS=100 PEOPLE=100000 make bench BENCH=engine

One organization with 200 permissions, 10 roles and 1,000 people who have ten clients each is told to the engine and to
each peer. All are asked the same random sequence of questions, of which a slow peer gets the beginning; their answers
are compared before anything is timed. How calls are timed is told in bench/engine_timing.py.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from bench.harness import Line, note, report, servers

if TYPE_CHECKING:
    from bench.engine_world import World

ROUNDS = int(os.environ.get("ROUNDS", "60"))
SMALL = 1_000
LARGE = int(os.environ.get("PEOPLE", "100000"))
QUESTIONS = 2_000
#: As many as an API's page has rows.
IN_A_ROW = 50
COMPARED = "for comparison"


def _below(name: str, value: float, limit: float) -> Line:
    return Line(name, round(value), "ns", "", None, f"≤ {limit:,.0f} ns", value <= limit)


def _against_peers(world: World, dsn: str) -> Iterator[Line]:
    """Yield how long a check takes, ours and those of the peers, once their answers are the same."""
    from bench.engine_peers import peers
    from bench.engine_timing import time_singles
    from bench.engine_world import random_questions
    from tenancy.actors import SystemActor
    from tenancy.context import acting

    questions = random_questions(world, QUESTIONS)
    check = _guarded_check(world)
    expected = [world.allows(subject, action, client) for subject, action, _, client in questions]
    note(f"{sum(expected):,} of {len(expected):,} questions are allowed")
    with acting(SystemActor("bench", world.place)):
        for peer in peers(world, questions, dsn):
            for answer in (check, peer.check):
                if [answer(*question) for question in questions[: peer.compared]] != expected[: peer.compared]:
                    raise AssertionError(f"{peer.name} or ours answers otherwise than the world is.")
            # Pair by pair: a peer that takes a thousand times as long would leave the caches cold for the others.
            asked = {"ours": (check, questions), "peer": (peer.check, questions[: peer.asked])}
            times = time_singles(asked, rounds=ROUNDS)
            if peer.is_floor:
                yield _below("a check, median", times["ours"].median, 1_000)
                quiet = round(min(times["ours"].medians))
                yield Line("a check, median of the quietest round", quiet, "ns", "", None, COMPARED, None)
                yield _below("a check, 99th percentile", times["ours"].p99, 5_000)
            ratio = times["peer"].times(times["ours"])
            target = COMPARED if peer.at_least is None else f"≥ {peer.at_least} × a check of ours"
            ok = None if peer.at_least is None else ratio >= peer.at_least
            yield Line(f"{peer.name}, median", round(times["peer"].median), "ns", "ours", round(ratio, 2), target, ok)
            if peer.asked >= 100:
                p99 = round(times["peer"].p99)
                yield Line(f"{peer.name}, 99th percentile", p99, "ns", "ours", None, COMPARED, None)


def _guarded_check(world: World) -> Any:
    """Return a check as a request makes it: the snapshot of the version that the request has read, and its answer."""
    store, place, version = world.guarded()

    def check(subject: str, action: str, kind: str, object_id: str) -> bool:
        return store.at(place, version).permits(subject, action, kind, object_id)

    return check


def _explaining(world: World) -> Iterator[Line]:
    """Yield how much longer it takes to tell why, the witness of an allowed decision made."""
    from bench.engine_timing import time_singles
    from bench.engine_world import random_questions

    store, place, version = world.guarded()
    check = _guarded_check(world)

    def explain(subject: str, action: str, kind: str, object_id: str) -> object:
        return store.at(place, version).explain(subject, action, kind, object_id).witness

    questions = random_questions(world, QUESTIONS)
    for answer, named in ((True, "allowed"), (False, "denied")):
        asked = [question for question in questions if check(*question) is answer]
        assert all((explain(*question) is not None) is answer for question in asked)
        times = time_singles({"check": (check, asked), "explain": (explain, asked)}, rounds=ROUNDS)
        ratio = times["explain"].times(times["check"])
        name = f"an explanation with its witness, {named}, median"
        yield Line(
            name,
            round(times["explain"].median),
            "ns",
            f"a check, {named}",
            round(ratio, 2),
            "≤ 2 × a check",
            ratio <= 2,
        )


def _remedying(world: World) -> Iterator[Line]:
    """Yield how long a denial takes with the smallest change that would allow it: for people, not for each request."""
    from bench.engine_timing import time_singles
    from bench.engine_world import random_questions
    from roles.engine.remedy import remedies

    store, place, version = world.guarded()
    check = _guarded_check(world)

    def remedy(subject: str, action: str, kind: str, object_id: str) -> object:
        return remedies(store.at(place, version), subject, action, kind, object_id)

    denied = [question for question in random_questions(world, QUESTIONS) if not check(*question)][:200]
    times = time_singles({"check": (check, denied), "remedy": (remedy, denied)}, rounds=ROUNDS // 4)
    ratio, value = times["remedy"].times(times["check"]), times["remedy"].median / 1_000
    name = "the smallest changes that would turn a denial into an allow, median"
    yield Line(name, round(value), "µs", "a check, denied", round(ratio, 1), COMPARED, None)


def _growing(small: World) -> Iterator[Line]:
    """Yield how much longer a check takes in a large organization, in two patterns of access.

    The target is about requests, in which several questions in a row are about one person. When each question is about
    another of very many people, nothing of theirs is in the processor's caches, which is told beside it, with what it
    makes of one look-up in a frozenset of all assignments.
    """
    from bench.engine_timing import time_singles
    from bench.engine_world import make_world, random_questions

    note(f"Making {LARGE:,} people with ten clients each …")
    worlds = {"small": small, "large": make_world(LARGE)}
    checks = {size: _guarded_check(world) for size, world in worlds.items()}
    floors = {size: _assigned(world) for size, world in worlds.items()}
    among = f"among {LARGE:,} people and {10 * LARGE:,} assignments"
    peer = f"among {SMALL:,} and {10 * SMALL:,}"
    patterns: list[tuple[str, int, float | None]] = [
        (f"{IN_A_ROW} questions in a row about each person", IN_A_ROW, 1.2),
        ("each question about another person, drawn at random", 1, None),
    ]
    for pattern, in_a_row, limit in patterns:
        questions = {size: random_questions(world, 20 * QUESTIONS, in_a_row=in_a_row) for size, world in worlds.items()}
        for size, world in worlds.items():
            assert all(checks[size](*one) is world.allows(one[0], one[1], one[3]) for one in questions[size])
        for asked, answers, bound in (("a check", checks, limit), ("a frozenset of all assignments", floors, None)):
            calls = {size: (answers[size], questions[size]) for size in worlds}
            times = time_singles(calls, rounds=ROUNDS, at_a_time=QUESTIONS)
            large, ratio = times["large"], times["large"].times(times["small"])
            name = f"{asked} {among}, {pattern}"
            target = f"≤ {bound} × as long" if bound else COMPARED
            ok = ratio <= bound if bound else None
            yield Line(f"{name}, median", round(large.median), "ns", peer, round(ratio, 2), target, ok)
            yield Line(f"{name}, 99th percentile", round(large.p99), "ns", peer, None, COMPARED, None)


def _assigned(world: World) -> Any:
    """Return the least that any engine has to look up: whether a person is assigned to a client at all."""
    assigned = frozenset((subject, client) for subject, member in world.members.items() for client in member.reads)

    def check(subject: str, action: str, kind: str, client: str) -> bool:
        return (subject, client) in assigned

    return check


def main() -> int:
    """Run the benchmark; return 1 when a target is missed."""
    missed = 0

    def tell(lines: Iterator[Line]) -> None:
        nonlocal missed
        for line in lines:
            report(line)
            missed += line.ok is False

    with servers() as dsn:
        from bench.engine_loading import loading
        from bench.engine_world import make_world

        small = make_world(SMALL)
        tell(_against_peers(small, dsn))
        tell(_explaining(small))
        tell(_remedying(small))
        tell(_growing(small))
        tell(loading(dsn, LARGE))
    return 1 if missed else 0


if __name__ == "__main__":
    _: Any = sys.exit(main())
