"""Which records a correlation cannot be completed with, so that the others are few.

A correlation over a timespan looks at what happened in it to one group. Times are cut into windows as long as the
timespan: whatever lies within a timespan of a record is in its window or in one beside it. Where these three have fewer
records of the group than the correlation counts to, the record takes no part in it. Counts are kept by a hash, in
memory of a fixed size: where two groups share a count it is too high, and a record too many is looked at.
"""

from __future__ import annotations

import zlib
from array import array
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from raytrail.sigma import Correlation

_SIZE = 1 << 22
NO_TIME = -(1 << 62)
"""The window of a record without a time, which is always looked at."""


class Slot(NamedTuple):
    """Where a record stands in a correlation."""

    group: int
    """A hash of what the records of a group have in common."""
    window: int
    """Which timespan since 1970, or `NO_TIME`."""


def slot_of(record: Mapping[str, Any], name: str, correlation: Correlation) -> Slot:
    """Where a record stands in a correlation of that name."""
    values = "\0".join(_text(record, field) for field in correlation.group_by)
    group = zlib.crc32(f"{name}\0{values}".encode("utf-8", "replace"))
    try:
        seconds = datetime.fromisoformat(str(record.get("eventTime"))).timestamp()
    except (ValueError, OverflowError):
        return Slot(group, NO_TIME)
    return Slot(group, int(seconds // max(correlation.timespan_seconds, 1)))


def _text(record: Mapping[str, Any], path: str) -> str:
    """The value at a path; nothing where there is an array on the way, or none."""
    value: Any = record
    for step in path.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    if value is None or isinstance(value, (dict, list)):
        return ""
    # As JSON writes it: a text "true" and a true are one group.
    return str(value).lower() if isinstance(value, bool) else str(value)


def fewest(correlation: Correlation) -> int:
    """How many records it takes at least to complete a correlation."""
    if correlation.type in ("temporal", "temporal_ordered"):
        # One record may match all of its rules.
        return 1
    return correlation.count + (correlation.operator == "gt")


class Windows:
    """Counts records by group and window."""

    def __init__(self) -> None:
        self._counts = array("I", bytes(4 * _SIZE))

    def add(self, slot: Slot) -> None:
        """Count a record."""
        if slot.window != NO_TIME:
            self._counts[_place(slot.group, slot.window)] += 1

    def may_complete(self, slot: Slot, least: int) -> bool:
        """Whether there are as many records around one as it takes, or more."""
        if slot.window == NO_TIME:
            return True
        around = (slot.window - 1, slot.window, slot.window + 1)
        return sum(self._counts[_place(slot.group, window)] for window in around) >= least


def _place(group: int, window: int) -> int:
    return (group * 1_000_003 + window * 7_919) % _SIZE
