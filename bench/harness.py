"""Benchmarks print JSON lines of ratios to peers measured in the same run: `make bench BENCH=lists`."""

from __future__ import annotations

import gc
import json
import os
import random
import secrets
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Line:
    """One measured figure, with its peer and how it compares."""

    name: str
    value: float
    unit: str
    peer: str
    ratio: float | None
    target: str
    ok: bool | None


def report(line: Line) -> None:
    """Print one figure as a JSON line."""
    print(json.dumps(asdict(line)), flush=True)


def note(text: str) -> None:
    """Tell on standard error how far the benchmark is."""
    print(text, file=sys.stderr, flush=True)


@contextmanager
def servers(max_connections: int = 50) -> Iterator[str]:
    """Start PostgreSQL and Redis of the benchmark's own, migrate, and set Django up; yield a superuser's address."""
    from iam_dashboard.servers import Postgres, Redis
    from tenancy.provision import provision

    directory = Path(tempfile.mkdtemp(prefix="iam-bench-"))
    directory.chmod(0o755)
    postgres = Postgres(directory / "postgres", None, fast=True)
    redis = Redis(directory / "redis", None)
    try:
        postgres.start()
        redis.start()
        made = provision(postgres.superuser_dsn(), "bench", secrets.token_hex(8), secrets.token_hex(8))
        os.environ.update(
            DJANGO_SETTINGS_MODULE="iam_dashboard.settings",
            SECRET_KEY=secrets.token_hex(16),
            DATABASE_URL=made.app_url,
            DATABASE_OWNER_URL=made.owner_url,
            DATABASE_POOL_SIZE="0",
            REDIS_URL=redis.url,
            ALLOWED_HOSTS="testserver,localhost,127.0.0.1",
            INSECURE_HTTP="true",
            HASHED_STATIC_FILES="false",
            API_READ_RATE="100000000/min",
            MEDIA_ROOT=str(directory / "media"),
            LOG_LEVEL="ERROR",
        )
        for arguments in (["migrate", "--database", "owner", "--verbosity", "0"], ["sync_roles", "--apply"]):
            subprocess.run([sys.executable, "manage.py", *arguments], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        import django

        django.setup()
        yield postgres.superuser_dsn("bench")
    finally:
        redis.stop()
        postgres.stop()
        shutil.rmtree(directory, ignore_errors=True)


def alternate(calls: dict[str, Callable[[], object]], *, rounds: int, warmup: int = 5) -> dict[str, float]:
    """Return the median seconds of each call, run in turns so that the machine's moods fall on all alike.

    The order changes from round to round: after a heavy call the next one finds the processor's caches cold.
    """
    orders = random.Random(2026)
    for _ in range(warmup):
        for call in calls.values():
            call()
    taken: dict[str, list[float]] = {name: [] for name in calls}
    gc.collect()
    gc.disable()
    try:
        for _ in range(rounds):
            for name, call in orders.sample(list(calls.items()), len(calls)):
                started = time.perf_counter()
                call()
                taken[name].append(time.perf_counter() - started)
    finally:
        gc.enable()
    return {name: statistics.median(times) for name, times in taken.items()}
