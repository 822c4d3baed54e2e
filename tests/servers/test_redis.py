"""The embedded Redis, run for real."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from redis.backoff import ConstantBackoff, NoBackoff
from redis.retry import Retry

from iam_dashboard.servers import Redis, ServerError, find_free_port
from iam_dashboard.servers.processes import command_line

NO_RETRY = Retry(NoBackoff(), retries=0)
PATIENT = Retry(ConstantBackoff(0.1), retries=200)

pytestmark = pytest.mark.requirement("REL-1")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Redis]:
    embedded = Redis(tmp_path / "redis")
    embedded.start()
    yield embedded
    embedded.destroy()


def client(server: Redis) -> redis.Redis:
    return redis.Redis.from_url(server.url)


def test_it_asks_for_the_password(server: Redis) -> None:
    stranger = redis.Redis(host="127.0.0.1", port=server.port, retry=NO_RETRY)

    with pytest.raises(redis.AuthenticationError):
        stranger.ping()


def test_the_password_is_not_in_the_command_line(server: Redis) -> None:
    assert server.process is not None
    password = (server.directory / "password").read_text()

    assert password not in command_line(server.process.pid)
    assert (server.directory / "redis.conf").stat().st_mode & 0o777 == 0o600


def test_it_listens_on_the_loopback_interface_only(server: Redis) -> None:
    assert client(server).config_get("bind") == {"bind": "127.0.0.1"}


def test_what_was_written_is_there_after_a_kill(server: Redis) -> None:
    client(server).set("kept", "7")
    assert server.process is not None
    assert server._lock is not None
    server.process.kill()
    server.process.wait()
    server._lock.close()

    with Redis(server.directory) as successor:
        assert client(successor).get("kept") == b"7"


def test_a_fast_server_keeps_nothing(tmp_path: Path) -> None:
    with Redis(tmp_path / "redis", fast=True) as first:
        client(first).set("gone", "7")
    with Redis(tmp_path / "redis", fast=True) as second:
        assert client(second).get("gone") is None


def test_two_owners_of_one_directory_are_refused(server: Redis) -> None:
    with pytest.raises(ServerError, match="in use by another process"):
        Redis(server.directory).start()


def test_the_address_is_unknown_before_the_start(tmp_path: Path) -> None:
    with pytest.raises(ServerError, match="not running"):
        _ = Redis(tmp_path / "redis").url


def test_without_any_binary_a_redis_in_memory_serves() -> None:
    port = find_free_port()
    with subprocess.Popen([sys.executable, "-m", "iam_dashboard.servers.fake_redis", str(port)]) as process:
        stranger = redis.Redis(host="127.0.0.1", port=port, retry=PATIENT)
        try:
            assert stranger.set("key", "7")
            assert stranger.get("key") == b"7"
        finally:
            process.terminate()
