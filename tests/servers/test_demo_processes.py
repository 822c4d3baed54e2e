"""How the demo starts, watches and ends its processes, with real ones."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from iam_dashboard.demo.children import Child, Children, end_leftovers
from iam_dashboard.demo.progress import people_table
from iam_dashboard.demo.run import choose_port
from iam_dashboard.demo.signals import StopRequested, StopSignal
from iam_dashboard.demo.state import DemoDirectory, DemoError
from iam_dashboard.servers.processes import ProcessIdentity, group_members

pytestmark = pytest.mark.requirement("REL-1")

WAITING = "import signal; signal.pause()"


@pytest.fixture
def directory(tmp_path: Path) -> DemoDirectory:
    made = DemoDirectory(tmp_path / ".demo")
    made.make()
    return made


@pytest.fixture
def children(directory: DemoDirectory, tmp_path: Path) -> Iterator[Children]:
    started = Children(directory, tmp_path)
    yield started
    started.stop_all()


def waiting_family(children: Children) -> Child:
    """Start a process that starts another; both wait to be ended."""
    program = f"import subprocess, sys\nwith subprocess.Popen([sys.executable, '-c', {WAITING!r}]):\n    {WAITING}"
    child = children.spawn("family", [sys.executable, "-c", program], os.environ)
    while len(list(group_members(child.process.pid))) < 2:
        assert child.process.poll() is None
    return child


def test_stopping_ends_the_children_of_children(children: Children) -> None:
    child = waiting_family(children)
    children.stop_all()

    assert list(group_members(child.process.pid)) == []


def test_a_process_that_ended_is_named_with_the_end_of_its_log(children: Children) -> None:
    program = "import sys; print('the reason'); sys.exit(3)"
    child = children.spawn("web", [sys.executable, "-c", program], os.environ)
    child.process.wait()
    ended = children.first_ended()

    assert ended is child
    assert "web ended with code 3" in ended.failure()
    assert ended.failure().endswith("the reason")


def test_what_a_killed_demo_left_is_ended_at_the_next_start(children: Children, directory: DemoDirectory) -> None:
    child = waiting_family(children)

    assert end_leftovers(directory) == 1
    assert list(group_members(child.process.pid)) == []


def test_orphans_of_a_killed_process_are_ended_too(children: Children, directory: DemoDirectory) -> None:
    child = waiting_family(children)
    child.process.send_signal(signal.SIGKILL)
    child.process.wait()

    assert end_leftovers(directory) == 1
    assert list(group_members(child.process.pid)) == []


def test_a_stranger_with_a_recorded_number_is_left_alone(directory: DemoDirectory) -> None:
    with subprocess.Popen([sys.executable, "-c", WAITING], start_new_session=True) as stranger:
        directory.processes.write_text(json.dumps([{"pid": stranger.pid, "started": "another time"}]))

        assert end_leftovers(directory) == 0
        assert ProcessIdentity.of(stranger.pid) is not None
        stranger.kill()


def test_a_second_demo_of_one_clone_is_refused_with_the_address_of_the_first(directory: DemoDirectory) -> None:
    directory.access.write_text(json.dumps({"url": "http://localhost:8123"}))

    with directory.locked(), pytest.raises(DemoError, match="already runs at http://localhost:8123"):
        directory.locked().__enter__()


def test_secrets_are_kept_between_starts_and_private(directory: DemoDirectory) -> None:
    assert directory.secrets() == directory.secrets()
    assert (directory.path / "secrets.json").stat().st_mode & 0o777 == 0o600


def test_a_taken_port_is_refused_when_it_was_asked_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(DemoError, match=f"Port {port} is taken"):
            choose_port(str(port))


@pytest.mark.parametrize("wanted", ["0", "65536", "-1", "80a", "٨٠٠٠", " "])
def test_what_is_no_port_is_refused(wanted: str) -> None:
    with pytest.raises(DemoError, match="is not a port"):
        choose_port(wanted)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_stop_signal_ends_the_waiting(number: signal.Signals) -> None:
    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    stop_signal = StopSignal()
    stop_signal.listen()
    try:
        signal.raise_signal(number)
        with pytest.raises(StopRequested):
            stop_signal.pause(60)
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def test_the_table_shows_platform_staff_without_an_organization() -> None:
    person = {"email": "a@iam.example", "password": "secret", "role": "analyst", "organization": None}

    assert people_table([person]).splitlines()[-1].split() == ["(platform)", "analyst", "a@iam.example", "secret"]
