"""What every embedded server shares: one owner at a time, readiness by asking, an orderly end."""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from iam_dashboard.servers.account import Account
from iam_dashboard.servers.ports import find_free_port
from iam_dashboard.servers.processes import ProcessIdentity

READY_SECONDS = 60.0
POLL_SECONDS = 0.03
ATTEMPTS = 20
RETRY_SECONDS = 0.5
LOG_TAIL_LINES = 15
LINE_LENGTH = 400
TAKEN_PORT = ("address already in use", "could not bind")
PREDECESSOR_ENDING = ("is still in use", "lock file")


class ServerError(Exception):
    """An embedded server cannot be started; the message says what to do."""


@dataclass(frozen=True)
class Launch:
    """How to start a server: its command, its environment, and the account it runs as (None: the current user)."""

    command: Sequence[str | Path]
    environment: Mapping[str, str]
    account: Account | None = None


def tail(path: Path, lines: int = LOG_TAIL_LINES) -> str:
    """Return the last lines of a text file, each cut to a readable length, empty when there is no file."""
    if not path.exists():
        return ""
    return "\n".join(line[:LINE_LENGTH] for line in path.read_text(errors="replace").splitlines()[-lines:])


def write_secret(path: Path, content: str) -> None:
    """Write a file that only its owner can read. It appears whole or not at all."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(content)
    draft.replace(path)


class EmbeddedServer(ABC):
    """A server on a loopback port whose files live in one directory; a context manager that starts and stops it."""

    name: str
    stop_steps: Sequence[tuple[signal.Signals, float]]

    def __init__(self, directory: Path, port: int | None = None, *, fast: bool = False) -> None:
        """Describe the server; nothing runs yet.

        With ``port`` None every start takes a free port. ``fast`` trades durability for speed, for tests.
        """
        self.directory = directory.absolute()
        self.fast = fast
        self.process: subprocess.Popen[bytes] | None = None
        self._wanted_port = port
        self._port: int | None = None
        self._lock: IO[str] | None = None

    @property
    def port(self) -> int:
        """The port in use. Raises ServerError before the start."""
        if self._port is None:
            raise ServerError(f"{self.name} is not running: call start() first.")
        return self._port

    @property
    def log(self) -> Path:
        """The file that receives everything the server prints."""
        return self.directory / "server.log"

    def start(self) -> None:
        """Start the server and return when it answers.

        Raises ServerError when another process uses the directory, or when the server does not come up.
        """
        if self.process is not None:
            return
        self.directory.mkdir(parents=True, exist_ok=True)
        self._take_lock()
        try:
            self._end_leftover()
            self.prepare()
            self._launch_until_ready()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the server, gently first. Calling it again does nothing."""
        process, self.process, self._port = self.process, None, None
        if process is not None:
            for number, seconds in (*self.stop_steps, (signal.SIGKILL, 5.0)):
                process.send_signal(number)
                try:
                    process.wait(seconds)
                except subprocess.TimeoutExpired:
                    continue
                break
            self._record.unlink(missing_ok=True)
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def destroy(self) -> None:
        """Stop the server and delete its files. Raises ServerError when another process uses them."""
        self.stop()
        if not self.directory.exists():
            return
        self._take_lock()
        try:
            self._end_leftover()
            for place in self.places():
                shutil.rmtree(place, ignore_errors=True)
        finally:
            self.stop()

    def places(self) -> Sequence[Path]:
        """Return every directory that holds files of this server."""
        return [self.directory]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @abstractmethod
    def prepare(self) -> None:
        """Make what the server needs before its first start."""

    @abstractmethod
    def launch(self, port: int) -> Launch:
        """Return how to start the server on a port."""

    @abstractmethod
    def answers(self, port: int) -> bool:
        """Return whether the server accepts work."""

    @property
    def _record(self) -> Path:
        return self.directory / "process.json"

    def _take_lock(self) -> None:
        lock = (self.directory / "lock").open("w")
        try:
            # The lock of a killed process is gone with it, so a stale one cannot exist.
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise ServerError(
                f"{self.name} in {self.directory} is in use by another process: stop that one first."
            ) from None
        self._lock = lock

    def _end_leftover(self) -> None:
        """End the server of an owner that was killed; the lock proves that nobody uses it."""
        if not self._record.exists():
            return
        try:
            leftover = ProcessIdentity(**json.loads(self._record.read_text()))
        except (ValueError, TypeError):
            leftover = None
        if leftover is not None:
            leftover.end(*self.stop_steps, (signal.SIGKILL, 5.0))
        self._record.unlink()

    def _launch_until_ready(self) -> None:
        for _ in range(ATTEMPTS):
            port = find_free_port() if self._wanted_port is None else self._wanted_port
            self._spawn(self.launch(port))
            if self._wait_until_ready(port):
                self._port = port
                return
            reason = tail(self.log).lower()
            self.process = None
            if any(phrase in reason for phrase in TAKEN_PORT) and self._wanted_port is None:
                continue
            if not any(phrase in reason for phrase in PREDECESSOR_ENDING):
                break
            time.sleep(RETRY_SECONDS)
        raise ServerError(f"{self.name} did not start. The end of {self.log}:\n{tail(self.log)}")

    def _spawn(self, launch: Launch) -> None:
        account = launch.account
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(  # noqa: S603  (the command is ours)
                [str(part) for part in launch.command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=dict(launch.environment),
                cwd="/",
                start_new_session=True,
                user=account.uid if account else None,
                group=account.gid if account else None,
                extra_groups=[] if account else None,
            )
        identity = ProcessIdentity.of(self.process.pid)
        if identity is not None:
            write_secret(self._record, json.dumps(asdict(identity)))

    def _wait_until_ready(self, port: int) -> bool:
        process = self.process
        deadline = time.monotonic() + READY_SECONDS
        while process is not None and process.poll() is None:
            if self.answers(port):
                return True
            if time.monotonic() > deadline:
                raise ServerError(f"{self.name} did not answer in {READY_SECONDS:.0f} seconds; see {self.log}.")
            time.sleep(POLL_SECONDS)
        return False
