"""What keeps a partner from slowing a request: pauses and allowances, under a clock of the test's own."""

from __future__ import annotations

import threading
from contextvars import ContextVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raytrail.instrumentation.runtime.python.raytrail_runtime._bounds import (
    FIRST_PAUSE_SECONDS,
    LONGEST_PAUSE_SECONDS,
    Allowance,
    Pause,
    TookTooLong,
    Work,
)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_pause_ends_by_itself():
    clock = Clock()
    pause = Pause(clock)
    assert not pause
    assert pause.begin() == FIRST_PAUSE_SECONDS
    clock.now += FIRST_PAUSE_SECONDS - 1
    assert pause
    clock.now += 1
    assert not pause


def test_pauses_grow_with_each_failure_in_a_row_up_to_a_limit_and_success_forgets_them():
    pause = Pause(Clock())
    assert [pause.begin() for _ in range(6)] == [30, 60, 120, 240, 300, 300]
    pause.end()
    assert not pause
    assert pause.begin() == FIRST_PAUSE_SECONDS


@given(st.floats(0, 10_000))
def test_a_partner_may_ask_for_a_longer_pause_within_the_limit(asked):
    seconds = Pause(Clock()).begin(at_least=asked)
    assert seconds == min(max(asked, FIRST_PAUSE_SECONDS), LONGEST_PAUSE_SECONDS)


def test_an_invocation_has_one_allowance_whatever_it_sends(monkeypatch):
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1")
    clock = Clock()
    allowance = Allowance(2, clock)
    assert allowance.left() == 2
    allowance.spend(1.5)
    assert allowance.left() == 0.5
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=2")
    assert allowance.left() == 2


def test_a_gap_within_an_invocation_gives_it_no_second_allowance(monkeypatch):
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1")
    clock = Clock()
    allowance = Allowance(2, clock)
    waited = 0.0
    for _ in range(5):
        now = min(allowance.left(), 1.9)
        clock.now += now
        allowance.spend(now)
        waited += now
        clock.now += 1.2
    assert waited == pytest.approx(2)


def test_invocations_with_a_callers_one_trace_are_kept_from_sending_no_longer_than_a_failure_would(monkeypatch):
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1;Parent=2;Sampled=0")
    clock = Clock()
    allowance = Allowance(2, clock)
    assert allowance.left() == 2
    allowance.spend(2)
    clock.now += FIRST_PAUSE_SECONDS
    assert allowance.left() == 0
    clock.now += 1
    assert allowance.left() == 2


def test_without_a_trace_a_gap_tells_one_invocation_from_the_next(monkeypatch):
    monkeypatch.delenv("_X_AMZN_TRACE_ID", raising=False)
    clock = Clock()
    allowance = Allowance(2, clock)
    allowance.spend(2)
    assert allowance.left() == 0
    clock.now += 1.5
    assert allowance.left() == 2


def test_work_that_does_not_end_is_not_waited_for():
    never = threading.Event()
    work = Work(never.wait)
    with pytest.raises(TookTooLong):
        work.result(0.01)
    never.set()


def test_work_returns_and_raises_as_a_call_does_and_knows_the_callers_context():
    said: ContextVar[str] = ContextVar("said", default="nothing")
    said.set("this")
    assert Work(said.get).result(10) == "this"
    with pytest.raises(ZeroDivisionError):
        Work(lambda: 1 / 0).result(10)
