"""Ctrl-C and its relatives, noticed only where the demo waits: no start or clean-up is cut in the middle."""

import signal
import threading
from types import FrameType

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopRequested(Exception):
    """A signal asked the demo to end: a wish, not an error."""


class StopSignal:
    """Remembers that a stop signal arrived."""

    def __init__(self) -> None:
        self._arrived = threading.Event()

    def listen(self) -> None:
        """Receive the stop signals from now on, also where a shell had switched them off for a background job."""
        for number in STOP_SIGNALS:
            signal.signal(number, self._remember)

    def pause(self, seconds: float) -> None:
        """Wait. Raises StopRequested as soon as a stop signal has arrived."""
        if self._arrived.wait(seconds):
            raise StopRequested

    def _remember(self, number: int, frame: FrameType | None) -> None:
        self._arrived.set()
