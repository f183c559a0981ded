"""What comes out of reading CloudTrail files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

_REQUIRED = ("eventSource", "eventName")
"""What makes a JSON object a record: the rest is missing in some record that somebody really has."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordLine:
    """One CloudTrail record of an API call, a sign-in or a service event, and where it was found."""

    file: str
    """The file, as it was named to the reader."""
    line: int
    """Counted from 1: the line of a file of lines; the place in the list of a ``Records``, ``Events`` or array file."""
    record: dict[str, Any]
    """The record as CloudTrail wrote it."""
    wrapper: dict[str, Any] = field(default_factory=dict)
    """What was around the record (a row's labels, an EventBridge envelope), without the record. Default: nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Aside:
    """Something that CloudTrail writes beside records of events."""

    file: str
    """The file, as it was named to the reader."""
    line: int
    """Counted from 1, as of a `RecordLine`."""
    kind: Literal["insight", "aggregated", "digest"]
    """What it is: an Insights event, an aggregated event, or a digest of files."""
    document: dict[str, Any]
    """The whole of it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """A line or file that holds no CloudTrail record. ``str()`` of it is ``file:line: reason``."""

    file: str
    """The file, as it was named to the reader."""
    line: int
    """Counted from 1; 0 when it is about the whole file."""
    reason: str
    """Why, in words."""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.reason}"


Outcome: TypeAlias = RecordLine | Aside | Refusal
"""What reading gives, one after the other."""


def missing_field(candidate: Mapping[str, Any]) -> str | None:
    """The field for want of which something is no CloudTrail record, or None when it is one.

    Args:
        candidate: A JSON object.
    """
    for name in _REQUIRED:
        value = candidate.get(name)
        if not isinstance(value, str) or not value:
            return name
    return None
