"""Jobs done side by side in processes, their results in order; or in this process, where they are few."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor

from raytrail.cli._replay._pieces import Piece
from raytrail.cli._replay._work import Done, Setup, Worker

# Starting a process costs as much as reading this.
WORTH_A_PROCESS = 32 * 1024 * 1024
# Each may take half a gigabyte.
_MOST_PROCESSES = 4

_worker: Worker | None = None


def run(setup: Setup, jobs: Iterable[tuple[Piece, ...]], *, size: int) -> Iterator[Done]:
    """Do jobs and return what they came to, in their order.

    Args:
        setup: What every worker needs.
        jobs: The jobs; they are made as they are needed.
        size: About how many decompressed bytes there are.
    """
    processes = min(_processors(), _MOST_PROCESSES, size // WORTH_A_PROCESS)
    if processes < 2:
        with Worker(setup) as worker:
            yield from map(worker.do, jobs)
        return
    # Not forked: this process may have threads, and a connection that must not be shared.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(processes, mp_context=context, initializer=_start, initargs=(setup,))
    waiting: deque[Future[Done]] = deque()
    try:
        for job in jobs:
            waiting.append(pool.submit(_do, job))
            # One more than there are workers, so that none waits for the next job to be read.
            if len(waiting) > processes + 1:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _start(setup: Setup) -> None:
    """Make this process's worker, which ends with the process."""
    global _worker  # noqa: PLW0603 - the one way by which an initializer leaves something for the jobs
    # Ctrl-C is the parent's: it lets the jobs that run come to their end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _worker = Worker(setup).__enter__()
    # Records make no cycles, and looking for some among a million of their parts takes a seventh of the time.
    gc.disable()


def _do(job: Sequence[Piece]) -> Done:
    assert _worker is not None
    return _worker.do(job)
