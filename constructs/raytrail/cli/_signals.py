"""Ctrl-C and SIGTERM, as an exception that passes through every ``finally``."""

from __future__ import annotations

import signal
from types import FrameType


class Stopped(BaseException):
    """Somebody wants the command to end now.

    Not a KeyboardInterrupt, which the library of the command line takes for itself.
    """


def raise_on_signals() -> None:
    """Raise `Stopped` in the main thread on Ctrl-C and SIGTERM, also where a shell made us ignore the first."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        # A second one must not cut short what the first one began to end.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        raise Stopped

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
