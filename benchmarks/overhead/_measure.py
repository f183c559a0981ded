"""Starts functions and calls them in turns, and proves that the spans of every call arrived."""

from __future__ import annotations

import random
import secrets
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.overhead._processes import Failed, Process
from benchmarks.overhead._variants import EVENT, HERE, Environments, Handler, Variant, unproven

WARM_UP_CALLS = 50
"""Calls of each process before the measured ones."""

Progress = Callable[[Sequence[int], str], Iterable[int]]
"""Goes through the rounds of a measurement, and shows how far it is."""


@dataclass(kw_only=True)
class Measurement:
    """What one variant took. Seconds, but for ``peak_mb``; each list is in the order of the rounds.

    Args:
        variant: What was measured.
        spans: The names of the spans that each call must make.
        loaded: From the start of a process until its handler was loaded.
        first: The first call of each of these, as who waits for the answer sees it.
        cold_processor: The processor time of both.
        calls: Every measured warm call, as the function's runtime sees it.
        processor: The same calls' processor time, that of background threads during the call included.
        peak_mb: The most memory that was resident, after the last warm call.
        proven: How many calls, warm-up and starts included, made exactly the expected spans.
    """

    variant: Variant
    spans: tuple[str, ...] = ()
    loaded: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    cold_processor: list[float] = field(default_factory=list)
    calls: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    peak_mb: float = 0.0
    proven: int = 0

    @property
    def cold(self) -> list[float]:
        """Start and first call together."""
        return [loaded + first for loaded, first in zip(self.loaded, self.first, strict=True)]


class Bench:
    """The stand-ins for DynamoDB and the X-Ray daemon, and the book of what was called. A context manager.

    Args:
        handler: What is traced.
        variants: The ways to trace it, the bare one first.
        progress: Shows the rounds.
        sampled: Whether Lambda sampled the calls. What is not sampled may make no span. Default: it did.
    """

    def __init__(
        self, handler: Handler, variants: Sequence[Variant], progress: Progress, *, sampled: bool = True
    ) -> None:
        self.measurements = [
            Measurement(variant=variant, spans=variant.spans if sampled else ()) for variant in variants
        ]
        self._sampled = sampled
        self._handler = handler
        self._progress = progress
        # The same order at each run; what matters is that it follows no pattern.
        self._order = random.Random(len(variants))
        self._made: dict[str, tuple[Measurement, str]] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Bench:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            self._environments = Environments(folder, self._handler)
            self._dynamodb = stack.enter_context(Process.of(HERE / "dynamodb.py"))
            self._daemon = stack.enter_context(Process.of(HERE / "daemon.py"))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def start_cold(self, starts: int) -> None:
        """Start ``starts`` processes of each variant, one at a time, after one each that fills caches."""
        for number in self._progress(range(-1, starts), "cold starts"):
            for measurement in self._shuffled():
                begin = time.perf_counter()
                with self._start(measurement.variant) as function:
                    loaded = time.perf_counter()
                    answer = self._call(measurement, function)
                    answered = time.perf_counter()
                if number >= 0:
                    measurement.loaded.append(loaded - begin)
                    measurement.first.append(answered - loaded)
                    measurement.cold_processor.append(answer["since_start"])

    def call_warm(self, calls: int, warm_up: int = WARM_UP_CALLS) -> None:
        """Call a living process of each variant ``calls`` times: each round calls every one once, in a new order."""
        with ExitStack() as stack:
            functions = [stack.enter_context(self._start(one.variant)) for one in self.measurements]
            living = dict(zip((one.variant.title for one in self.measurements), functions, strict=True))
            for number in self._progress(range(-warm_up, calls), "warm calls"):
                for measurement in self._shuffled():
                    answer = self._call(measurement, living[measurement.variant.title])
                    if number >= 0:
                        measurement.calls.append(answer["seconds"])
                        measurement.processor.append(answer["processor"])
            for measurement in self.measurements:
                measurement.peak_mb = living[measurement.variant.title].ask()

    def prove(self) -> None:
        """Hold what DynamoDB and the daemon received against what was called.

        Raises:
            Failed: A call did not make exactly the one request and the expected spans, or spans came that no call made.
        """
        asked, made = self._dynamodb.ask(), len(self._made)
        if asked != {"GetItem": made}:
            raise Failed(f"{made} calls of {self._handler.title} must make one GetItem each, got {asked}")
        received = self._daemon.ask()
        if strangers := received.keys() - self._made.keys():
            raise Failed(f"spans came of {len(strangers)} traces that no call made: {received[strangers.pop()]}")
        for trace, (measurement, parent) in self._made.items():
            if problem := unproven(measurement.spans, parent, received.get(trace, ())):
                raise Failed(f"{measurement.variant.title}, trace {trace}: {problem}")
            measurement.proven += 1
        self._made.clear()

    def _shuffled(self) -> list[Measurement]:
        return self._order.sample(self.measurements, len(self.measurements))

    def _start(self, variant: Variant) -> Process:
        return Process(
            self._environments.command(variant),
            environment=self._environments.variables(
                variant, daemon=self._daemon.greeting, dynamodb=self._dynamodb.greeting
            ),
            folder=self._handler.folder,
        )

    def _call(self, measurement: Measurement, function: Process) -> dict[str, Any]:
        trace, parent = f"1-{int(time.time()):08x}-{secrets.token_hex(12)}", secrets.token_hex(8)
        self._made[trace] = measurement, parent
        header = f"Root={trace};Parent={parent};Sampled={self._sampled:d}"
        answer: dict[str, Any] = function.ask({"trace": header, "event": EVENT, "request_id": secrets.token_hex(16)})
        if answer["status"] != 200:
            raise Failed(f"{measurement.variant.title}: the handler answered with status {answer['status']}")
        return answer
