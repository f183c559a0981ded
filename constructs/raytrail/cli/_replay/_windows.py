"""Which records a correlation cannot be completed with, so that the others are few.

A correlation over a timespan looks at what happened in it to one group. Times are cut into windows as long as the
timespan: whatever lies within a timespan of a record is in its window or in one beside it. Where these three have fewer
records of the group than the correlation counts to, the record takes no part in it; one that brings several values, in
an array, counts as so many. Counts are kept by a hash, in memory of a fixed size: where two groups share a count it is
too high, and a record too many is looked at.
"""

from __future__ import annotations

import zlib
from array import array
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from raytrail.replay import actor_of
from raytrail.sigma import ACTOR, Correlation

_SIZE = 1 << 22
NO_TIME = -(1 << 62)
"""The window of a record without a time, which is always looked at."""


class Slot(NamedTuple):
    """Where a record stands in a correlation."""

    group: int
    """A hash of what the records of a group have in common."""
    window: int
    """Which timespan since 1970, or `NO_TIME`."""
    weight: int = 1
    """How many of what is counted it brings, at most."""


def slot_of(record: Mapping[str, Any], name: str, correlation: Correlation) -> Slot:
    """Where a record stands in a correlation of that name."""
    values = "\0".join(_text(record, field) for field in correlation.group_by)
    group = zlib.crc32(f"{name}\0{values}".encode("utf-8", "replace"))
    weight = max(_values(record, correlation.value_field.split(".")), 1) if correlation.value_field else 1
    try:
        moment = datetime.fromisoformat(str(record.get("eventTime")))
        # The lake takes a time without an offset for one in UTC, too.
        seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return Slot(group, NO_TIME, weight)
    return Slot(group, int(seconds // max(correlation.timespan_seconds, 1)), weight)


def _text(record: Mapping[str, Any], path: str) -> str:
    """The value at a path; nothing where there is an array on the way, or none."""
    if path == ACTOR:
        # A role, where the correlation may tell its sessions apart: a group too large is looked at in vain, no more.
        return actor_of(record)
    value: Any = record
    for step in path.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    if value is None or isinstance(value, (dict, list)):
        return ""
    # As JSON writes it: a text "true" and a true are one group.
    return str(value).lower() if isinstance(value, bool) else str(value)


def _values(value: Any, path: list[str]) -> int:
    """How many values there are at a path, through arrays. Names are compared as loosely as those of columns are."""
    if isinstance(value, list):
        return sum(_values(each, path) for each in value)
    if not path:
        return 1
    if not isinstance(value, dict):
        return 0
    first, *rest = path
    return sum(_values(each, rest) for name, each in value.items() if name.lower() == first.lower())


def fewest(correlation: Correlation) -> int:
    """How much it takes at least, by the weight of the records, to complete a correlation."""
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
            self._counts[_place(slot.group, slot.window)] += slot.weight

    def may_complete(self, slot: Slot, least: int) -> bool:
        """Whether there is as much around a record as it takes, or more."""
        if slot.window == NO_TIME:
            return True
        around = (slot.window - 1, slot.window, slot.window + 1)
        return sum(self._counts[_place(slot.group, window)] for window in around) >= least


def _place(group: int, window: int) -> int:
    return (group * 1_000_003 + window * 7_919) % _SIZE
