"""The order in which the demo comes up, and what it watches while it runs."""

import http.client
import json
import os
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from iam_dashboard.demo.children import Child, Children, end_leftovers
from iam_dashboard.demo.fingerprint import project_fingerprint, read_mark, write_mark
from iam_dashboard.demo.progress import Progress, people_table
from iam_dashboard.demo.signals import StopSignal
from iam_dashboard.demo.state import DemoDirectory, DemoError
from iam_dashboard.servers import EmbeddedServer, Postgres, Redis, find_free_port, is_free
from iam_dashboard.servers.embedded import tail, write_secret
from iam_dashboard.servers.ports import LOOPBACK
from tenancy.provision import Provisioned, provision

DATABASE = "iam"
PREFERRED_PORT = 8000
WEB_WORKERS = 2
READY_SECONDS = 120.0
PATIENCE_SECONDS = 10.0
POLL_SECONDS = 0.2
WORKER_NODE, BEAT_NODE = "worker@demo", "beat@demo"


@dataclass(frozen=True)
class Addresses:
    """Where the parts of the running demo answer."""

    web_port: int
    database: Provisioned
    redis: str

    @property
    def web(self) -> str:
        """The address for a browser; passkeys need the name, they refuse an IP address."""
        return f"http://localhost:{self.web_port}"


def choose_port(wanted: str | None) -> int:
    """Return the web port: the wanted one, else 8000 when it is free, else any free one.

    Raises DemoError when the wanted port is not a port or is taken.
    """
    if not wanted:
        return find_free_port(PREFERRED_PORT)
    if not wanted.isascii() or not wanted.isdigit() or not 1 <= int(wanted) <= 65535:
        raise DemoError(f"PORT={wanted} is not a port: give a number from 1 to 65535.")
    port = int(wanted)
    if not is_free(port):
        raise DemoError(
            f"Port {port} is taken by another program: choose another, or leave PORT out and a free one is found."
        )
    return port


class Demo:
    """One run of the demo, from nothing to a working sign-in."""

    def __init__(self, directory: DemoDirectory, project: Path, stop_signal: StopSignal) -> None:
        self._directory = directory
        self._project = project
        self._stop_signal = stop_signal
        self._children = Children(directory, project)
        self._progress = Progress()

    def run(self, wanted_port: str | None) -> None:
        """Start everything and serve until a signal arrives, which raises StopRequested.

        Raises DemoError or ServerError when a part fails; everything is stopped before.
        """
        if end_leftovers(self._directory):
            self._progress.say("Ended what a killed demo had left running.")
        self._directory.access.unlink(missing_ok=True)
        web_port = choose_port(wanted_port)
        with ExitStack() as stack:
            servers = self._start_servers(stack)
            stack.callback(self._directory.access.unlink, missing_ok=True)
            stack.callback(self._children.stop_all)
            self._serve(web_port, *servers)

    def _start_servers(self, stack: ExitStack) -> tuple[Postgres, Redis]:
        self._progress.say("Starting PostgreSQL and Redis")
        postgres = stack.enter_context(Postgres(self._directory.postgres))
        redis = stack.enter_context(Redis(self._directory.redis))
        return postgres, redis

    def _serve(self, web_port: int, postgres: Postgres, redis: Redis) -> None:
        secrets = self._directory.secrets()
        database = provision(postgres.superuser_dsn(), DATABASE, secrets.owner_password, secrets.app_password)
        addresses = Addresses(web_port, database, redis.url)
        environment = self._environment(addresses, secrets.secret_key)
        self._prepare(postgres, environment, database.owner_url)
        self._progress.say("Starting the web server, the worker and the scheduler")
        self._start_services(web_port, environment)
        self._await_web(web_port)
        self._await_tasks(environment)
        self._announce(addresses)
        self._watch((postgres, redis))

    def _environment(self, addresses: Addresses, secret_key: str) -> dict[str, str]:
        return {
            **os.environ,
            "PYTHONUNBUFFERED": "1",
            "SECRET_KEY": secret_key,
            "DEBUG": "false",
            "DATABASE_URL": addresses.database.app_url,
            "REDIS_URL": addresses.redis,
            "BASE_URL": addresses.web,
            "ALLOWED_HOSTS": f"localhost,{LOOPBACK}",
            "INSECURE_HTTP": "true",
            # No proxy stands in front: what a client says of its own address is not believed.
            "FORWARDED_ALLOW_IPS": "",
            "TRUSTED_PROXY_HOPS": "0",
            "MEDIA_ROOT": str(self._directory.media),
            "STATIC_ROOT": str(self._directory.static),
            "EMAIL_BACKEND": "django.core.mail.backends.filebased.EmailBackend",
            "EMAIL_FILE_PATH": str(self._directory.mail),
        }

    def _prepare(self, postgres: Postgres, environment: Mapping[str, str], owner_url: str) -> None:
        """Bring the database and the static files up to date; skipped when this very code did it before."""
        fingerprint = project_fingerprint(self._project)
        superuser = postgres.superuser_dsn(DATABASE)
        kept = self._directory.people.exists() and self._directory.static.exists()
        if kept and read_mark(superuser, DATABASE) == fingerprint:
            self._progress.say("Database and static files are up to date")
            return
        write_mark(superuser, DATABASE, None)
        shutil.rmtree(self._directory.static, ignore_errors=True)
        static = self._manage("collectstatic", environment, "--noinput", "--verbosity=0")
        for sentence, command, options in (
            ("Making the tables", "migrate", ["--database=owner", "--noinput"]),
            ("Filling in the permission catalogue and the nine roles", "sync_roles", ["--apply"]),
            ("Making the demo world", "seed_demo", [f"--output={self._directory.people}"]),
        ):
            self._progress.say(sentence)
            is_migration = command == "migrate"
            extended = {**environment, "DATABASE_OWNER_URL": owner_url} if is_migration else environment
            self._finish(self._manage(command, extended, *options))
        self._progress.say("Collecting static files")
        self._finish(static)
        self._directory.people.chmod(0o600)
        write_mark(superuser, DATABASE, fingerprint)

    def _manage(self, command: str, environment: Mapping[str, str], *options: str) -> Child:
        return self._children.spawn(command, [sys.executable, "manage.py", command, *options], environment)

    def _finish(self, child: Child) -> None:
        """Wait for a command, saying from time to time that it still works."""
        next_word = time.monotonic() + PATIENCE_SECONDS
        while child.process.poll() is None:
            if time.monotonic() > next_word:
                self._progress.say(f"  still working ({child.name}; log: {child.log})")
                next_word += PATIENCE_SECONDS
            self._stop_signal.pause(POLL_SECONDS)
        self._children.finish(child)

    def _start_services(self, web_port: int, environment: Mapping[str, str]) -> None:
        python = [sys.executable, "-m"]
        celery = [*python, "celery", "--app=iam_dashboard"]
        services: Mapping[str, Sequence[str]] = {
            "web": [
                *python,
                "gunicorn",
                "iam_dashboard.asgi:application",
                f"--bind={LOOPBACK}:{web_port}",
                f"--workers={WEB_WORKERS}",
                "--worker-class=iam_dashboard.worker.Worker",
                "--graceful-timeout=5",
                "--no-control-socket",
            ],
            "worker": [*celery, "worker", f"--hostname={WORKER_NODE}", "--concurrency=2", "--loglevel=INFO"],
            "beat": [
                *celery,
                "beat",
                f"--hostname={BEAT_NODE}",
                "--enable-remote-control",
                f"--schedule={self._directory.beat_schedule}",
                "--loglevel=INFO",
            ],
        }
        for name, command in services.items():
            self._children.spawn(name, command, environment)

    def _await_web(self, port: int) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while not _is_healthy(port):
            self._require_all_running(deadline, "The web server")
            self._stop_signal.pause(POLL_SECONDS)

    def _await_tasks(self, environment: Mapping[str, str]) -> None:
        """Return when worker and scheduler both answer a ping."""
        deadline = time.monotonic() + READY_SECONDS
        command = [sys.executable, "-m", "celery", "--app=iam_dashboard", "inspect", "ping", "--json", "--timeout=2"]
        command.append(f"--destination={WORKER_NODE},{BEAT_NODE}")
        while True:
            ping = self._children.spawn("ping", command, environment)
            while ping.process.poll() is None:
                self._stop_signal.pause(POLL_SECONDS)
            self._children.forget(ping)
            if _answered(ping.log.read_text(), (WORKER_NODE, BEAT_NODE)):
                return
            self._require_all_running(deadline, "The worker or the scheduler")

    def _require_all_running(self, deadline: float, waited_for: str) -> None:
        if (ended := self._children.first_ended()) is not None:
            raise DemoError(ended.failure())
        if time.monotonic() > deadline:
            raise DemoError(
                f"{waited_for} did not answer in {READY_SECONDS:.0f} seconds; see the logs in {self._directory.logs}."
            )

    def _announce(self, addresses: Addresses) -> None:
        people = json.loads(self._directory.people.read_text())
        if isinstance(people, Mapping):
            people = people["people"]
        access = {"url": addresses.web, "database_url": addresses.database.app_url, "people": people}
        write_secret(self._directory.access, json.dumps(access, indent=2, ensure_ascii=False))
        self._progress.say(f"Ready: {addresses.web}")
        print(
            f"\n{people_table(people)}\n\nFor programs: {self._directory.access}\nCtrl-C stops everything.", flush=True
        )

    def _watch(self, servers: Sequence[EmbeddedServer]) -> None:
        while True:
            if (ended := self._children.first_ended()) is not None:
                raise DemoError(ended.failure())
            for server in servers:
                if server.process is not None and server.process.poll() is not None:
                    raise DemoError(f"{server.name} ended. The end of {server.log}:\n{tail(server.log)}")
            self._stop_signal.pause(POLL_SECONDS)


def _is_healthy(port: int) -> bool:
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=5)
    try:
        connection.request("GET", "/healthz", headers={"Host": f"localhost:{port}"})
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _answered(output: str, nodes: Sequence[str]) -> bool:
    """Return whether every node is in the answer to a ping, which is one line of JSON among others."""
    for line in output.splitlines():
        try:
            replies = json.loads(line)
        except ValueError:
            continue
        if isinstance(replies, Mapping) and all(node in replies for node in nodes):
            return True
    return False
