"""The product's own server, as the image starts it, for benchmarks."""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from bench.harness import ROOT


@contextmanager
def web_server(application: str = "iam_dashboard.asgi:application", **environment: str) -> Iterator[int]:
    """Start an ASGI application as the product is started, two processes, and yield its port."""
    from iam_dashboard.servers import find_free_port

    port = find_free_port()
    command = ["gunicorn", application, f"--bind=127.0.0.1:{port}", "--workers=2", "--log-level=error", "--reuse-port"]
    command += ["--worker-class=iam_dashboard.worker.Worker", "--no-control-socket"]
    server = subprocess.Popen([sys.executable, "-m", *command], cwd=ROOT, env={**os.environ, **environment})
    try:
        _wait_for(port)
        yield port
    finally:
        server.terminate()
        server.wait(20)


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/healthz")
            if connection.getresponse().status == http.client.OK:
                return
        except OSError:
            pass
        if time.monotonic() > deadline:
            raise TimeoutError("The server did not start within a minute.")
        time.sleep(0.2)
