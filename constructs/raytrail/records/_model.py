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
    line: int
    """Counted from 1: the line of a file of lines; the place in the list of a ``Records``, ``Events`` or array file."""
    record: dict[str, Any]
    """The record as CloudTrail wrote it."""
    wrapper: dict[str, Any] = field(default_factory=dict)
    """What was around the record (a row's labels, an EventBridge envelope), without the record. Empty when bare."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Aside:
    """Something that CloudTrail writes beside records of events."""

    file: str
    line: int
    kind: Literal["insight", "aggregated", "digest"]
    document: dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """A line or file that holds no CloudTrail record. ``str()`` of it is ``file:line: reason``."""

    file: str
    line: int
    """Counted from 1; 0 when it is about the whole file."""
    reason: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.reason}"


Outcome: TypeAlias = RecordLine | Aside | Refusal


def missing_field(candidate: Mapping[str, Any]) -> str | None:
    """The field for want of which ``candidate`` is no CloudTrail record, or None when it is one."""
    for name in _REQUIRED:
        value = candidate.get(name)
        if not isinstance(value, str) or not value:
            return name
    return None
