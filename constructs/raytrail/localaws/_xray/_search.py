"""Which traces are asked for: by time, by a filter expression, by a share of them."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Mapping
from typing import Any

from raytrail.errors import InvalidProps
from raytrail.localaws._xray._errors import XRayError
from raytrail.traces import Filter, Trace, parse_filter

MAX_RANGE_SECONDS = 6 * 3600
"""The longest time that GetTraceSummaries and GetServiceGraph look at."""

_EVERY_TRACE = "partial OR !partial"

Chosen = Callable[[Trace], bool]


def in_time(asked: Mapping[str, Any]) -> Chosen:
    """Whether a trace is of the time asked for, which reaches up to its end without it.

    ``TraceId`` (the default) asks when it started, ``Event`` when anything of it was going on, ``Service`` when one of
    its segments ended. https://docs.aws.amazon.com/xray/latest/api/API_GetTraceSummaries.html

    Raises:
        XRayError: The end is before the start, or more than six hours after it.
    """
    start, end = float(asked["StartTime"]), float(asked["EndTime"])
    if start > end:
        raise XRayError("StartTime must be before EndTime.")
    if end - start > MAX_RANGE_SECONDS:
        raise XRayError("Time range cannot be longer than 6 hours.")
    by: dict[str, Chosen] = {
        "TraceId": lambda trace: start <= trace.start < end,
        "Event": lambda trace: trace.start < end and trace.end >= start,
        "Service": lambda trace: any(
            segment.end is not None and start <= segment.end < end for segment in trace.segments
        ),
    }
    return by[asked.get("TimeRangeType", "TraceId")]


def filtering(expression: str | None, groups: Mapping[str, str]) -> Chosen:
    """Whether a trace is one that a filter expression selects; none selects every trace.

    Args:
        expression: The filter expression.
        groups: The expressions of all groups, by name and by ARN, for expressions that name a group; empty for a group
            of every trace.

    Raises:
        XRayError: It is not an expression of X-Ray's language, or names a group that is not there.
    """
    if not expression:
        return lambda trace: True
    parsed = parse(expression)
    by_group = {key: parse(text or _EVERY_TRACE) for key, text in groups.items()}

    def chosen(trace: Trace) -> bool:
        try:
            return parsed.matches(trace, groups=by_group)
        except InvalidProps as error:
            raise XRayError(f"Invalid filter expression: {error}") from error

    return chosen


@functools.lru_cache(maxsize=256)
def parse(expression: str) -> Filter:
    """The filter that an expression says.

    Raises:
        XRayError: It is not an expression of X-Ray's language.
    """
    try:
        return parse_filter(expression)
    except InvalidProps as error:
        raise XRayError(f"Invalid filter expression: {error}") from error


def sample(asked: Mapping[str, Any]) -> Chosen:
    """Whether a trace is in the subset that ``Sampling`` asks for.

    Of the strategies, ``FixedRate`` is honoured: the same share of the same traces each time. Without a strategy any
    subset will do, and every trace is in it.

    Raises:
        XRayError: ``PartialScan`` is asked for, or a rate that is no share.
    """
    strategy = asked.get("SamplingStrategy")
    if not asked.get("Sampling") or strategy is None:
        return lambda trace: True
    if strategy.get("Name") != "FixedRate":
        raise XRayError(f"The sampling strategy {strategy.get('Name')} is not emulated in this version; FixedRate is.")
    rate = strategy.get("Value")
    if rate is None or not 0 <= rate <= 1:
        raise XRayError(f"Value of the sampling strategy FixedRate must be from 0 to 1, got {rate}.")

    def chosen(trace: Trace) -> bool:
        place = int.from_bytes(hashlib.sha256(trace.id.encode()).digest()[:8], "big")
        return bool(place < rate * 2**64)

    return chosen
