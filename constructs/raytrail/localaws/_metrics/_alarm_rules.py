"""How an alarm's state follows from its data points: plain values, no clock and no store.

Held against the tables of
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, NamedTuple

State = Literal["OK", "ALARM", "INSUFFICIENT_DATA"]
MissingData = Literal["missing", "ignore", "breaching", "notBreaching"]

COMPARISONS: dict[str, tuple[Callable[[float, float], bool], str]] = {
    "GreaterThanOrEqualToThreshold": (operator.ge, "greater than or equal to"),
    "GreaterThanThreshold": (operator.gt, "greater than"),
    "LessThanThreshold": (operator.lt, "less than"),
    "LessThanOrEqualToThreshold": (operator.le, "less than or equal to"),
}
"""Each comparison with a static threshold, and AWS's words for it."""

EXTRA_PERIODS = 2
"""How many periods beyond its evaluation periods an alarm looks back: 5 for 3 in AWS's tables."""


class Datapoint(NamedTuple):
    """The value of one period; None where the metric has none."""

    timestamp: float
    value: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """What of an alarm decides its state."""

    comparison: str
    threshold: float
    evaluation_periods: int
    datapoints_to_alarm: int
    missing_data: MissingData

    def breaches(self, value: float) -> bool:
        """Whether ``value`` is on the wrong side of the threshold."""
        return COMPARISONS[self.comparison][0](value, self.threshold)


class Verdict(NamedTuple):
    """The state that the data points give, and what AWS says of it."""

    state: State
    reason: str
    evaluated: tuple[Datapoint, ...]
    """The data points that were there, newest first."""


def judge(rule: Rule, datapoints: Sequence[Datapoint]) -> Verdict | None:
    """The state that ``datapoints`` (the evaluation range, oldest first) give; None to keep the current one."""
    newest_first = list(reversed(datapoints))
    known = tuple(point for point in newest_first if point.value is not None)[: rule.evaluation_periods]
    filled = rule.evaluation_periods - len(known)
    breaching = [point for point in known if point.value is not None and rule.breaches(point.value)]
    needed = rule.datapoints_to_alarm

    if filled > 0 and rule.missing_data == "breaching":
        state: State | None = "ALARM" if len(breaching) + filled >= needed else "OK"
    elif filled > 0 and rule.missing_data == "notBreaching":
        state = "ALARM" if len(breaching) >= needed else "OK"
    elif len(breaching) >= needed:
        state = "ALARM"
    elif filled <= 0 or len(breaching) < len(known):
        state = "OK"
    elif rule.missing_data == "ignore":
        state = None
    elif known and newest_first.index(known[-1]) + 1 >= needed:
        # All that is there breaches, and the oldest of it is as old as the alarm would wait for: it alarms. A
        # younger one might be followed by good data, so AWS waits rather than alarm prematurely.
        state = "ALARM"
    else:
        state = "INSUFFICIENT_DATA"
    if state is None:
        return None
    return Verdict(state, _reason(rule, state, known, breaching, filled), known)


def _reason(rule: Rule, state: State, known: Sequence[Datapoint], breaching: Sequence[Datapoint], filled: int) -> str:
    if state == "INSUFFICIENT_DATA":
        return f"Insufficient Data: {filled} datapoint{_s(filled)} {_were(filled)} unknown."
    treated = ""
    if filled > 0 and rule.missing_data in ("breaching", "notBreaching"):
        how = "Breaching" if rule.missing_data == "breaching" else "NonBreaching"
        treated = f"{filled} missing datapoint{_s(filled)} {_were(filled)} treated as [{how}]"
    if not known:
        return f"Threshold Crossed: no datapoints were received for {filled} period{_s(filled)} and {treated}."
    told = breaching if state == "ALARM" else [point for point in known if point not in breaching]
    told = told or known
    listed = ", ".join(f"{point.value} ({_clock(point.timestamp)})" for point in told)
    negation = "" if state == "ALARM" else "not "
    words = COMPARISONS[rule.comparison][1]
    needed = rule.datapoints_to_alarm if state == "ALARM" else rule.evaluation_periods - rule.datapoints_to_alarm + 1
    move = "OK -> ALARM" if state == "ALARM" else "ALARM -> OK"
    return (
        f"Threshold Crossed: {len(told)} out of the last {len(known)} datapoints [{listed}] {_were(len(told))} "
        f"{negation}{words} the threshold ({rule.threshold}) "
        + (f"and {treated} " if treated else "")
        + f"(minimum {needed} datapoint{_s(needed)} for {move} transition)."
    )


def _clock(timestamp: float) -> str:
    return datetime.fromtimestamp(timestamp, UTC).strftime("%d/%m/%y %H:%M:%S")


def _s(count: int) -> str:
    return "" if count == 1 else "s"


def _were(count: int) -> str:
    return "was" if count == 1 else "were"
