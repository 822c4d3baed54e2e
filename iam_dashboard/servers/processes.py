"""Processes by identity: a number alone is not enough, because the system hands it out again."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
POLL_SECONDS = 0.05
# Fields of /proc/<pid>/stat after the command's closing parenthesis: proc_pid_stat(5), fields 3, 5 and 22.
STATE, GROUP, START_TICKS = 0, 2, 19
ENDED_STATES = frozenset("ZXx")


def _stat_fields(pid: int) -> list[str] | None:
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None


def started_at(pid: int) -> str | None:
    """Return when the process started, as an opaque text that never changes, or None when it has ended."""
    if PROC.joinpath("self/stat").exists():
        fields = _stat_fields(pid)
        return None if fields is None or fields[STATE] in ENDED_STATES else fields[START_TICKS]
    return _ps(pid, "lstart")


def command_line(pid: int) -> str:
    """Return the command line of a process, empty when it has ended."""
    if PROC.joinpath("self/stat").exists():
        try:
            return (PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            return ""
    return _ps(pid, "args") or ""


def _ps(pid: int, column: str) -> str | None:
    executable = shutil.which("ps") or "/bin/ps"
    answer = subprocess.run(  # noqa: S603  (the command is ours)
        [executable, "-o", f"{column}=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return answer.stdout.strip() or None


@dataclass(frozen=True)
class ProcessIdentity:
    """One process of this machine: its number together with the moment it started."""

    pid: int
    started: str

    @classmethod
    def of(cls, pid: int) -> "ProcessIdentity | None":
        """Return the identity of a running process, or None when it has ended."""
        started = started_at(pid)
        return None if started is None else cls(pid, started)

    @property
    def is_running(self) -> bool:
        """Whether this very process still runs; a zombie does not."""
        return started_at(self.pid) == self.started

    def wait(self, seconds: float) -> bool:
        """Return whether the process ended within the given time."""
        deadline = time.monotonic() + seconds
        while self.is_running:
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_SECONDS)
        return True

    def end(self, *steps: tuple[signal.Signals, float]) -> None:
        """Send each signal in turn, giving the process the seconds beside it, until it has ended."""
        for number, seconds in steps:
            if not self.is_running:
                return
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                return
            if self.wait(seconds):
                return


def group_members(group: int) -> Iterator[int]:
    """Yield the running processes of a process group. Empty where /proc does not exist."""
    for entry in PROC.glob("[0-9]*"):
        fields = _stat_fields(int(entry.name))
        if fields and int(fields[GROUP]) == group and fields[STATE] not in ENDED_STATES:
            yield int(entry.name)
