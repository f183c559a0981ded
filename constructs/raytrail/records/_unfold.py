"""From one parsed JSON value to the records in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from raytrail.records._model import Aside, Outcome, RecordLine, Refusal, missing_field

_LISTS = ("Records", "Events", "events")
"""A trail's file; ``lookup-events``; ``filter-log-events``."""
_WRAPPERS = ("record", "event", "detail", "CloudTrailEvent", "message", "@message")
"""Where rows keep the record: labelled rows, EventBridge's envelope, ``lookup-events``, CloudWatch Logs."""
_DEPTH = 4
"""Wrappers in wrappers that are followed: a labelled row with an envelope with a record is two."""


def unfold(value: Any, file: str, line: int | None) -> Iterator[Outcome]:
    """The outcomes in one value: a list of rows, a file's document, or a row.

    Args:
        value: Parsed JSON.
        file: The name of its file.
        line: Its line, or None when it is the whole file: then the place in its list counts.
    """
    rows = _rows(value)
    for place, row in enumerate(rows, 1):
        yield _read_row(row, file, line if line is not None else place)


def _rows(value: Any) -> list[Any]:
    if isinstance(value, list):
        return value
    if isinstance(value, dict) and missing_field(value) is not None:
        for name in _LISTS:
            if isinstance(value.get(name), list):
                rows: list[Any] = value[name]
                return rows
    return [value]


def _read_row(row: Any, file: str, line: int) -> Outcome:
    if not isinstance(row, dict):
        return Refusal(file=file, line=line, reason=f"not a CloudTrail record: {_name(row)}, not an object")
    record, wrapper = _unwrap(row, _DEPTH)
    if record is None:
        return _aside(row, file, line) or Refusal(
            file=file, line=line, reason=f"not a CloudTrail record: it lacks {_want(row)}"
        )
    return _aside(record, file, line) or RecordLine(file=file, line=line, record=record, wrapper=wrapper)


def _unwrap(row: dict[str, Any], depth: int) -> tuple[dict[str, Any] | None, dict[str, Any]]:
    if missing_field(row) is None or _kind(row):
        return row, {}
    if depth:
        for name in _WRAPPERS:
            inner = _object(row.get(name))
            if inner is None:
                continue
            record, around = _unwrap(inner, depth - 1)
            if record is not None:
                wrapper = {key: value for key, value in row.items() if key != name}
                return record, {**wrapper, name: around} if around else wrapper
    return None, {}


def _object(value: Any) -> dict[str, Any] | None:
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None
    return value if isinstance(value, dict) else None


def _want(row: dict[str, Any]) -> str:
    """The field that is missing, of what comes closest to a record in ``row``."""
    inner = row
    for _ in range(_DEPTH):
        step = next((found for name in _WRAPPERS if (found := _object(inner.get(name))) is not None), None)
        if step is None:
            break
        inner = step
    return missing_field(inner) or "eventName"


def _kind(value: dict[str, Any]) -> str | None:
    if "digestS3Object" in value and "logFiles" in value:
        return "digest"
    if value.get("eventType") == "AwsCloudTrailInsight" or value.get("eventCategory") == "Insight":
        return "insight"
    if "timeWindow" in value and "summary" in value:
        return "aggregated"
    return None


def _aside(value: dict[str, Any], file: str, line: int) -> Aside | None:
    match _kind(value):
        case "digest":
            return Aside(file=file, line=line, kind="digest", document=value)
        case "insight":
            return Aside(file=file, line=line, kind="insight", document=value)
        case "aggregated":
            return Aside(file=file, line=line, kind="aggregated", document=value)
    return None


def _name(value: Any) -> str:
    names = {str: "a string", bool: "true or false", int: "a number", float: "a number", list: "a list"}
    return names.get(type(value), "null")
