"""The web server's worker over real connections: what is written together is sent together, and nothing is lost."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from iam_dashboard.servers import find_free_port
from tests.servers.answering import LARGE

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.requirement("PERF-2")


@contextmanager
def answering(*options: str) -> Iterator[int]:
    """Run the application that answers until the block ends, and yield its port."""
    port = find_free_port()
    command = [sys.executable, "-m", "gunicorn", "tests.servers.answering:application", *options]
    server = subprocess.Popen([*command, f"--bind=127.0.0.1:{port}", "--log-level=error"])
    try:
        for _ in range(300):
            with socket.socket() as knocking:
                if knocking.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield port
    finally:
        os.kill(server.pid, signal.SIGTERM)
        server.wait(20)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with answering("--worker-class=iam_dashboard.worker.Worker", "--no-control-socket") as port:
        yield port


def requested(port: int, path: str, method: str = "GET") -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=20)
    connection.sendall(f"{method} {path} HTTP/1.1\r\nHost: here\r\n\r\n".encode())
    return connection


def body_from(connection: socket.socket) -> bytes:
    return connection.recv(65_536).rpartition(b"\r\n\r\n")[2]


def test_a_response_comes_in_one_piece(port: int) -> None:
    with closing(requested(port, "/")) as connection:
        head, _, body = connection.recv(65_536).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 200 OK")
    assert body == b"answer"


def test_a_connection_serves_one_request_after_another(port: int) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
        for path in ("/", "/parts", "/", "/large", "/"):
            connection.request("GET", path)
            body = connection.getresponse().read()
            assert body == {"/": b"answer", "/parts": b"onetwothree", "/large": LARGE}[path]
        connection.request("HEAD", "/")
        assert connection.getresponse().read() == b""
        connection.request("GET", "/")
        assert connection.getresponse().read() == b"answer"


def test_parts_are_sent_as_they_are_written(port: int) -> None:
    with closing(requested(port, "/parts")) as connection:
        first = connection.recv(65_536)

    assert b"one" in first
    assert b"three" not in first


def test_what_is_written_before_the_end_of_a_connection_arrives(port: int) -> None:
    with closing(requested(port, "/last")) as connection:
        received = b"".join(iter(lambda: connection.recv(65_536), b""))

    assert received.endswith(b"\r\n\r\nanswer")


def test_a_caller_who_leaves_early_disturbs_nobody(port: int) -> None:
    for _ in range(20):
        requested(port, "/large").close()
        requested(port, "/parts").close()

    with closing(requested(port, "/")) as connection:
        assert connection.recv(65_536).endswith(b"answer")


def test_whoever_writes_on_and_on_waits_for_a_caller_who_does_not_read(port: int) -> None:
    with closing(requested(port, "/endless")) as idle, closing(requested(port, "/written")) as asking:
        assert idle.recv(16).startswith(b"HTTP/1.1 200")
        parts = int(asking.recv(65_536).rpartition(b"\r\n\r\n")[2])

    assert 0 < parts < 4_096


def told(port: int, *packets: bytes) -> dict[str, Any]:
    """Return the headers and the body that the application is told of a request."""
    with closing(socket.create_connection(("127.0.0.1", port), timeout=20)) as connection:
        for packet in packets:
            connection.sendall(packet)
            time.sleep(0.05)  # so that each is received by itself
        status, body = answer_from(connection)
    assert status == 200
    return json.loads(body)  # type: ignore[no-any-return]


def answer_from(connection: socket.socket) -> tuple[int, bytes]:
    answer = http.client.HTTPResponse(connection)
    answer.begin()
    return answer.status, answer.read()


OFFER = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAAA\r\n"


class TestAnOfferToUpgrade:
    """Java's client makes one with each request over plain HTTP (RFC 9110, section 7.8: a server may ignore it)."""

    @pytest.mark.parametrize("split", [0, 10, 60, 150])
    def test_is_passed_over_and_the_body_is_read(self, port: int, split: int) -> None:
        request = b"POST /told HTTP/1.1\r\nHost: here\r\n" + OFFER + b"Content-Length: 4\r\nX-Own: 1\r\n\r\nbody"
        packets = [request[:split], request[split:]] if split else [request]
        request_told = told(port, *packets)
        assert request_told["headers"] == ["content-length", "host", "x-own"] and request_told["body"] == "body"

    def test_may_come_with_a_body_in_chunks(self, port: int) -> None:
        head = b"POST /told HTTP/1.1\r\nHost: here\r\n" + OFFER + b"Transfer-Encoding: chunked\r\n\r\n"
        assert told(port, head, b"2\r\nbo\r\n2\r\ndy\r\n0\r\n\r\n")["body"] == "body"

    def test_of_a_web_socket_is_answered_in_http(self, port: int) -> None:
        offer = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
        assert told(port, b"GET /told HTTP/1.1\r\nHost: here\r\n" + offer + b"\r\n")["body"] == ""

    def test_may_come_again_and_again(self, port: int) -> None:
        with closing(socket.create_connection(("127.0.0.1", port), timeout=20)) as connection:
            connection.sendall((b"GET / HTTP/1.1\r\nHost: here\r\n" + OFFER + b"\r\n") * 1_500)
            received = b""
            while received.count(b"answer") < 1_500:
                part = connection.recv(65_536)
                assert part
                received += part

    def test_of_a_tunnel_is_refused(self, port: int) -> None:
        with closing(socket.create_connection(("127.0.0.1", port), timeout=20)) as connection:
            connection.sendall(b"CONNECT elsewhere:443 HTTP/1.1\r\nHost: elsewhere:443\r\n\r\n")
            assert answer_from(connection)[0] == 400


def test_what_follows_the_body_is_no_header(port: int) -> None:
    """RFC 9110, section 6.5.1: a trailer is not to be taken for a header, which others on the way have looked at."""
    head = b"POST /told HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n"
    trailer = b"4\r\nbody\r\n0\r\nAuthorization: Bearer late\r\n\r\n"
    for packets in ([head + trailer], [head, trailer]):
        request_told = told(port, *packets)
        assert request_told["headers"] == ["host", "transfer-encoding"] and request_told["body"] == "body"


def test_whose_address_it_is_is_not_for_the_worker_to_believe(port: int) -> None:
    """How many proxies there are is known to `tenancy.middleware`, which reads the header."""
    request = b"GET /told HTTP/1.1\r\nHost: here\r\nX-Forwarded-For: 192.0.2.7\r\n\r\n"
    assert told(port, request)["address"] == "127.0.0.1"


@pytest.mark.parametrize("line", [b"X-n: a\r\n", b"X-Long: " + b"a" * 8_000 + b"\r\n"])
def test_a_head_without_end_is_refused(port: int, line: bytes) -> None:
    head = b"GET /told HTTP/1.1\r\nHost: here\r\n"
    assert told(port, head + line * (30_000 // (len(line) + 32)) + b"\r\n")["body"] == ""
    with closing(socket.create_connection(("127.0.0.1", port), timeout=20)) as connection:
        connection.sendall(head + line * (100_000 // len(line)))
        assert answer_from(connection)[0] == 400


def test_requests_whose_answers_nobody_reads_are_not_gathered(port: int) -> None:
    with closing(requested(port, "/process")) as connection:
        process = int(body_from(connection))
    before = resident(process)
    with closing(socket.create_connection(("127.0.0.1", port), timeout=1)) as flooding:
        with suppress(TimeoutError):
            flooding.sendall(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n" * 200_000)
        with closing(requested(port, "/")) as other:
            assert body_from(other) == b"answer"
        assert resident(process) - before < 100


def resident(process: int) -> float:
    """Return the memory of a process in megabytes."""
    [pages] = re.findall(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text())
    return int(pages) / 1_000


def shares_of_a_burst(port: int) -> Counter[bytes]:
    """Open 64 connections at once and return how many each process serves."""
    with ExitStack() as stack:
        burst = [stack.enter_context(socket.socket()) for _ in range(64)]
        for one in burst:
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
        for one in burst:
            one.settimeout(20)
            one.sendall(b"GET /process HTTP/1.1\r\nHost: here\r\n\r\n")
        return Counter(body_from(one) for one in burst)


@pytest.fixture(scope="module")
def hasty_port() -> Iterator[int]:
    with answering("--worker-class=iam_dashboard.worker.Worker", "--no-control-socket", "--timeout=2") as port:
        yield port


class TestWhatComesTooSlowly:
    @pytest.mark.parametrize(
        ("sent", "answer"),
        [
            (b"", b""),
            (b"GET / HT", b"HTTP/1.1 408 Request Timeout"),
            (b"GET /told HTTP/1.1\r\nHost: he", b"HTTP/1.1 408 Request Timeout"),
            (b"POST /told HTTP/1.1\r\nHost: here\r\nContent-Length: 9\r\n\r\nhalf", b"HTTP/1.1 408 Request Timeout"),
            (b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 9\r\n\r\nhalf", b"HTTP/1.1 200 OK"),
        ],
    )
    def test_ends_the_connection(self, hasty_port: int, sent: bytes, answer: bytes) -> None:
        with closing(socket.create_connection(("127.0.0.1", hasty_port), timeout=20)) as connection:
            connection.sendall(sent)
            told = b"".join(iter(lambda: connection.recv(65_536), b""))
        assert told.partition(b"\r\n")[0] == answer and told.count(b"HTTP/1.1") == bool(answer)

    def test_leaves_bodies_alone_that_come_on_and_on(self, hasty_port: int) -> None:
        head = b"POST /told HTTP/1.1\r\nHost: here\r\nContent-Length: 8\r\n\r\n"
        with closing(socket.create_connection(("127.0.0.1", hasty_port), timeout=20)) as connection:
            connection.sendall(head)
            for _ in range(8):
                time.sleep(0.6)
                connection.sendall(b"x")
            assert json.loads(body_from(connection))["body"] == "x" * 8

    @pytest.mark.parametrize(
        ("first", "then"),
        [
            (b"GET / HTTP/1.1\r\nHost: here\r\n\r\n", b"\r\n"),
            (b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 9\r\n\r\nhalf", b"other"),
        ],
    )
    def test_is_not_what_comes_after_an_answer_and_begins_nothing(
        self, hasty_port: int, first: bytes, then: bytes
    ) -> None:
        """The connection ends as one at rest does."""
        with closing(socket.create_connection(("127.0.0.1", hasty_port), timeout=20)) as connection:
            connection.sendall(first)
            assert connection.recv(65_536).endswith(b"answer")
            connection.sendall(then)
            assert connection.recv(65_536) == b""

    @pytest.mark.parametrize(
        "behind", [b"GET / HTTP/1.1\r\nHo", b"POST /told HTTP/1.1\r\nHost: here\r\nContent-Length: 9\r\n\r\nhalf"]
    )
    def test_waits_for_the_answer_before_it(self, hasty_port: int, behind: bytes) -> None:
        with closing(requested(hasty_port, "/slow")) as connection:
            connection.sendall(behind)
            told = b"".join(iter(lambda: connection.recv(65_536), b""))
        answer, _, after = told.partition(b"answer")
        assert answer.startswith(b"HTTP/1.1 200 OK") and after.startswith(b"HTTP/1.1 408 Request Timeout")

    def test_is_nothing_where_gunicorn_is_told_of_no_limit(self) -> None:
        options = ("--worker-class=iam_dashboard.worker.Worker", "--no-control-socket", "--timeout=0")
        with answering(*options) as port, closing(socket.create_connection(("127.0.0.1", port), 20)) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHo")
            time.sleep(2.5)
            connection.sendall(b"st: here\r\n\r\n")
            assert body_from(connection) == b"answer"


def test_a_burst_of_connections_is_shared_by_the_processes_of_the_image() -> None:
    command = (ROOT / "Dockerfile").read_text().rpartition("\nCMD ")[2].replace("\\\n", "")
    program, _, *options = json.loads(command)
    assert program == "gunicorn"
    with answering(*options) as port:
        processes: set[bytes] = set()
        while len(processes) < 2:
            with closing(requested(port, "/process")) as connection:
                processes.add(body_from(connection))
        bursts = [shares_of_a_burst(port) for _ in range(5)]

    # Each connection falls to either by chance: fewer than 12 of 64 to one, once in many millions of bursts.
    assert all(set(shares) == processes and min(shares.values()) >= 12 for shares in bursts), bursts
