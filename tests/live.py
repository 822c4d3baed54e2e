"""Other processes of the product, for tests of what crosses from one to another."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.cookiejar import CookieJar
from pathlib import Path

from iam_dashboard.servers import find_free_port

ROOT = Path(__file__).resolve().parent.parent
DEAD_REDIS = "redis://127.0.0.1:1/0"
START_SECONDS = 30


@dataclass(frozen=True)
class Answer:
    """What a server answered."""

    status: int
    text: str


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: object, **kwargs: object) -> None:
        return None


@dataclass(frozen=True)
class LiveServer:
    """A web process of its own at `url`."""

    url: str
    cookies: CookieJar = field(default_factory=CookieJar)

    def get(self, path: str, *, token: str | None = None, session: str | None = None) -> Answer:
        """Return the answer to a GET, redirects not followed, with a token or a session's key if given."""
        headers = {}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if session:
            headers["Cookie"] = f"sessionid={session}"
        opener = urllib.request.build_opener(_NoRedirect)
        try:
            with opener.open(urllib.request.Request(self.url + path, headers=headers), timeout=20) as response:  # noqa: S310
                return Answer(response.status, response.read().decode())
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.read().decode())


@contextmanager
def live_server(database_url: str, *, redis_url: str | None = None, **environment: str) -> Iterator[LiveServer]:
    """Run the web server in a process of its own on a free port until the block ends."""
    port = find_free_port()
    variables = {
        **os.environ,
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url or os.environ["REDIS_URL"],
        "BASE_URL": f"http://127.0.0.1:{port}",
        "LOG_LEVEL": "WARNING",
        **environment,
    }
    program = [sys.executable, "-m", "gunicorn", "iam_dashboard.asgi:application", f"--bind=127.0.0.1:{port}"]
    command = [*program, "--worker-class=iam_dashboard.worker.Worker", "--no-control-socket", "--graceful-timeout=5"]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, cwd=ROOT, env=variables, stdout=log, stderr=subprocess.STDOUT)
        try:
            server = LiveServer(f"http://127.0.0.1:{port}")
            _wait_until_healthy(server, process, log)
            yield server
        finally:
            process.terminate()
            process.wait(timeout=20)


@contextmanager
def live_worker(database_url: str, **environment: str) -> Iterator[None]:
    """Run a Celery worker in processes of its own until the block ends. It takes up what waits in the queue."""
    variables = {**os.environ, "DATABASE_URL": database_url, "LOG_LEVEL": "WARNING", **environment}
    program = [sys.executable, "-m", "celery", "-A", "iam_dashboard", "worker", "--concurrency", "1"]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(program, cwd=ROOT, env=variables, stdout=log, stderr=subprocess.STDOUT)
        try:
            yield
        finally:
            process.terminate()
            process.wait(timeout=30)


def _wait_until_healthy(server: LiveServer, process: subprocess.Popen[bytes], log: object) -> None:
    import time

    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if server.get("/healthz").status == 200:
                return
        except OSError:
            time.sleep(0.05)
    log.seek(0)  # type: ignore[attr-defined]
    raise RuntimeError(f"The server did not start:\n{log.read().decode()[-4000:]}")  # type: ignore[attr-defined]
