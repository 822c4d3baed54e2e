"""The processes that the demo starts, each in a session of its own, so that nothing below them is left behind."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from iam_dashboard.demo.state import DemoDirectory, DemoError
from iam_dashboard.servers.embedded import tail, write_secret
from iam_dashboard.servers.processes import PROC, ProcessIdentity, group_members

TERM_SECONDS = 10.0
KILL_SECONDS = 5.0
POLL_SECONDS = 0.05
# In the environment of every child; tells a leftover of this clone from a stranger with a reused number.
MARKER = "IAM_DEMO_DIRECTORY"


@dataclass(frozen=True)
class Child:
    """A process of the demo with the file that receives what it prints."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def failure(self) -> str:
        """Return a sentence on its end, with the last lines of its log."""
        return f"{self.name} ended with code {self.process.returncode}. The end of {self.log}:\n{tail(self.log, 25)}"


class Children:
    """Starts processes, watches them and ends them all; what runs is recorded for the next start after a kill."""

    def __init__(self, directory: DemoDirectory, project: Path) -> None:
        self._directory = directory
        self._project = project
        self._running: list[Child] = []

    def spawn(self, name: str, command: Sequence[str | Path], environment: Mapping[str, str]) -> Child:
        """Start a process in the project's directory and return it."""
        log = self._directory.logs / f"{name}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self._project,
                env={**environment, MARKER: str(self._directory.path)},
                start_new_session=True,
            )
        child = Child(name, process, log)
        self._running.append(child)
        self._write_record()
        return child

    def finish(self, child: Child) -> None:
        """Wait until the process has ended. Raises DemoError unless it ended well."""
        self.forget(child)
        if child.process.returncode != 0:
            raise DemoError(child.failure())

    def forget(self, child: Child) -> None:
        """Wait until the process has ended, however it ends, and watch it no more."""
        child.process.wait()
        self._running.remove(child)
        self._write_record()

    def first_ended(self) -> Child | None:
        """Return a process that ended by itself, None while all run."""
        return next((child for child in self._running if child.process.poll() is not None), None)

    def stop_all(self) -> None:
        """End every process and whatever it started: asked first, forced after ten seconds."""
        _end_groups([child.process.pid for child in self._running])
        for child in self._running:
            child.process.poll()
        self._running.clear()
        self._directory.processes.unlink(missing_ok=True)

    def _write_record(self) -> None:
        identities = [ProcessIdentity.of(child.process.pid) for child in self._running]
        write_secret(self._directory.processes, json.dumps([asdict(found) for found in identities if found]))


def end_leftovers(directory: DemoDirectory) -> int:
    """End the processes of a demo that was killed, and return how many groups of them there were."""
    try:
        recorded = [ProcessIdentity(**fields) for fields in json.loads(directory.processes.read_text())]
    except (OSError, ValueError, TypeError):
        recorded = []
    groups = [identity.pid for identity in recorded if _is_leftover(identity, directory)]
    _end_groups(groups)
    directory.processes.unlink(missing_ok=True)
    return len(groups)


def _is_leftover(identity: ProcessIdentity, directory: DemoDirectory) -> bool:
    if identity.is_running:
        return True
    if ProcessIdentity.of(identity.pid) is not None:
        return False
    marker = f"{MARKER}={directory.path}".encode()
    return any(marker in _environment(member) for member in group_members(identity.pid))


def _environment(pid: int) -> Sequence[bytes]:
    try:
        return (PROC / str(pid) / "environ").read_bytes().split(b"\0")
    except OSError:
        return []


def _end_groups(groups: Sequence[int]) -> None:
    """Ask the process groups to end, then force those that remain."""
    for number, seconds in ((signal.SIGTERM, TERM_SECONDS), (signal.SIGKILL, KILL_SECONDS)):
        for group in groups:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(group, number)
        deadline = time.monotonic() + seconds
        while any(_is_alive(group) for group in groups) and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)


def _is_alive(group: int) -> bool:
    """Return whether the group has a running member; a zombie does not count where /proc tells."""
    if PROC.joinpath("self/stat").exists():
        return any(True for _ in group_members(group))
    try:
        os.killpg(group, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True
