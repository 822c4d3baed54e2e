"""``python -m iam_dashboard.demo`` runs the demo, ``python -m iam_dashboard.demo reset`` deletes what it keeps."""

import os
import sys
from pathlib import Path

from iam_dashboard.demo.children import end_leftovers
from iam_dashboard.demo.run import Demo
from iam_dashboard.demo.signals import StopRequested, StopSignal
from iam_dashboard.demo.state import DemoDirectory, DemoError
from iam_dashboard.servers import Postgres, Redis, ServerError
from tenancy.provision import ProvisionError

PROJECT = Path(__file__).resolve().parents[2]


def start(directory: DemoDirectory) -> None:
    """Run the demo until a signal arrives."""
    stop_signal = StopSignal()
    stop_signal.listen()
    directory.make()
    try:
        with directory.locked():
            Demo(directory, PROJECT, stop_signal).run(os.environ.get("PORT"))
    except StopRequested:
        print("\nStopped. The data is kept; make demo starts again.", flush=True)


def reset(directory: DemoDirectory) -> None:
    """Delete the data of the demo. Raises DemoError while one runs."""
    if not directory.path.exists():
        print("Nothing to delete.")
        return
    directory.make()
    with directory.locked():
        end_leftovers(directory)
        for server in (Postgres(directory.postgres), Redis(directory.redis)):
            server.destroy()
        directory.remove()
    print(f"Deleted {directory.path}.")


def main(arguments: list[str]) -> int:
    """Run the command and return the exit code."""
    commands = {(): start, ("reset",): reset}
    command = commands.get(tuple(arguments))
    if command is None:
        print("Usage: python -m iam_dashboard.demo [reset]", file=sys.stderr)
        return 2
    try:
        command(DemoDirectory(PROJECT / ".demo"))
    except (DemoError, ServerError, ProvisionError) as error:
        print(f"\nThe demo stopped: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
