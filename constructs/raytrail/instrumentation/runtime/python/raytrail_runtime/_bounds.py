"""What keeps a slow or failing partner from slowing the request: a bound on each wait, and a pause after a failure."""

from __future__ import annotations

import contextvars
import os
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

Result = TypeVar("Result")

FIRST_PAUSE_SECONDS = 30.0
LONGEST_PAUSE_SECONDS = 300.0
NEXT_INVOCATION_SECONDS = 1.0
"""After how long without work an invocation without a trace header is taken for a new one."""


class TookTooLong(Exception):
    """Work did not end in its time. It may go on behind, but nobody waits for it."""


class Work(Generic[Result]):
    """Work that runs in a thread of its own, so that the wait for it has an end whatever it waits for itself.

    The timeouts of an HTTP client bound each of its steps; a name that does not resolve, or an answer that arrives
    byte by byte, is bounded here alone.
    """

    def __init__(self, work: Callable[[], Result]) -> None:
        self._work = work
        self._result: Result | None = None
        self._error: BaseException | None = None
        # The caller's context says that OpenTelemetry is not to trace what the exporter does.
        context = contextvars.copy_context()
        self._thread = threading.Thread(target=context.run, args=(self._run,), daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._result = self._work()
        except BaseException as error:
            self._error = error

    def result(self, seconds: float) -> Result:
        """Wait, and return what the work returned, or raise what it raised.

        Raises:
            TookTooLong: The work has not ended.
        """
        self._thread.join(max(0.0, seconds))
        if self._thread.is_alive():
            raise TookTooLong("no answer in time")
        if self._error is not None:
            raise self._error
        return self._result  # type: ignore[return-value]  # without an error there is a result


class Pause:
    """After a failure nothing is tried for a while, and longer after each further one."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until = 0.0
        self._next = FIRST_PAUSE_SECONDS

    def __bool__(self) -> bool:
        return self._clock() < self._until

    def begin(self, at_least: float = 0.0) -> float:
        """Begin a pause and return how many seconds it lasts."""
        seconds = min(max(self._next, at_least), LONGEST_PAUSE_SECONDS)
        self._until = self._clock() + seconds
        self._next = min(self._next * 2, LONGEST_PAUSE_SECONDS)
        return seconds

    def end(self) -> None:
        """Say that it works again."""
        self._until, self._next = 0.0, FIRST_PAUSE_SECONDS


class Allowance:
    """The seconds that one invocation may spend on waiting, over all that it sends.

    The ADOT layer hands spans over in tens, so an invocation with many spans sends many times before it may answer.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._left = seconds
        self._invocation: str | None = None
        self._last = clock()

    def left(self) -> float:
        """How many seconds this invocation has left. A new invocation has all of them again."""
        invocation = os.environ.get("_X_AMZN_TRACE_ID")
        # The header tells one invocation from the next, but a caller's may be that of several where X-Ray is off:
        # none of them is kept from sending for longer than a failure would.
        gap = FIRST_PAUSE_SECONDS if invocation else NEXT_INVOCATION_SECONDS
        if invocation != self._invocation or self._clock() - self._last > gap:
            self._invocation, self._left = invocation, self._seconds
        return self._left

    def spend(self, seconds: float) -> None:
        """Take off what was waited."""
        self._left -= seconds
        self._last = self._clock()
