"""Reads CloudTrail records in plain Python, as the table's columns read them: no SQL, nothing of the package.

What the answers to the saved queries are computed with, in `tests.audit.query_oracle` and the files beside this one.
A record here is what CloudTrail wrote, with the account, the Region and the day of its file as ``_account``,
``_region`` and ``_day``.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

Record = dict[str, Any]
Row = tuple[Any, ...]
Values = Mapping[str, str]
"""What a query is asked with, by the name of the parameter."""
Answer = Callable[[Sequence[Record], Values], list[list[Any]]]
"""From the records of the partitions that a query selects, copies included, to its rows in its order."""


def get(record: Any, *path: str | int) -> Any:
    for step in path:
        if isinstance(step, int):
            record = record[step] if isinstance(record, list) and step < len(record) else None
        else:
            record = record.get(step) if isinstance(record, dict) else None
    return record


def text(value: Any) -> str | None:
    """A column of strings: JSON as it is written without blanks."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def scalar(record: Record, column: str, *path: str | int) -> str | None:
    """A scalar somewhere in a column of JSON; a column that is no JSON has none."""
    value = field(record, column)
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return None
    found = get(value, *path)
    return None if isinstance(found, (dict, list)) else text(found)


def field(record: Any, *path: str) -> Any:
    """A field of a struct: the SerDe reads its name in any case."""
    for step in path:
        names = {name.lower(): value for name, value in record.items()} if isinstance(record, dict) else {}
        record = names.get(step.lower())
    return record


def identity(record: Record, *path: str) -> str | None:
    return text(field(record, "userIdentity", *path))


def first(*values: str | None) -> str | None:
    return next((value for value in values if value is not None), None)


def actor(record: Record) -> str | None:
    return first(
        identity(record, "sessionContext", "sessionIssuer", "arn"),
        identity(record, "arn"),
        identity(record, "invokedBy"),
        identity(record, "accountId"),
        "unknown",
    )


def column(name: str) -> Callable[[Record], str | None]:
    return lambda record: text(field(record, name))


TIME, ACCOUNT, SOURCE, NAME = (
    column("eventTime"),
    column("recipientAccountId"),
    column("eventSource"),
    column("eventName"),
)
ADDRESS, AGENT, ERROR, ID = column("sourceIPAddress"), column("userAgent"), column("errorCode"), column("eventID")
REGION, PARAMETERS = column("awsRegion"), column("requestParameters")


def ordered(rows: Iterable[Row], *keys: int) -> list[list[Any]]:
    """Sort by places from 1, a negative one from the greatest; NULL comes last either way. Floats stay numbers."""
    result = list(rows)
    for key in reversed(keys):
        place = abs(key) - 1
        known = sorted((row for row in result if row[place] is not None), key=lambda row: row[place], reverse=key < 0)
        result = known + [row for row in result if row[place] is None]
    return [[value if value is None or isinstance(value, float) else str(value) for value in row] for row in result]


def place(key: str) -> Callable[[Record], str]:
    return lambda record: str(record[key])


FILED_ACCOUNT, FILED_REGION, DAY = place("_account"), place("_region"), place("_day")


def listed(records: Sequence[Record], wanted: Callable[[Record], bool], *columns: Callable[[Record], Any]) -> set[Row]:
    return {tuple(make(record) for make in columns) for record in records if wanted(record)}


def grouped(records: Sequence[Record], *columns: Callable[[Record], Any]) -> dict[Row, list[Record]]:
    groups: dict[Row, list[Record]] = defaultdict(list)
    for record in records:
        groups[tuple(make(record) for make in columns)].append(record)
    return groups


def distinct(records: Sequence[Record], value: Callable[[Record], Any] = ID) -> int:
    return len({value(record) for record in records} - {None})


def span(records: Sequence[Record]) -> tuple[str | None, str | None]:
    times = [time for record in records if (time := TIME(record)) is not None]
    return (min(times), max(times)) if times else (None, None)


def failed(records: Sequence[Record]) -> list[Record]:
    return [record for record in records if ERROR(record) is not None]


def outcome(record: Record) -> str | None:
    return first(ERROR(record), "done")


def of_identity(*path: str) -> Callable[[Record], str | None]:
    return lambda record: identity(record, *path)


def named(record: Record, *names: str) -> str | None:
    """The first of these that stands in the request."""
    return first(*(scalar(record, "requestParameters", name) for name in names))


def changed(record: Record) -> bool:
    return text(field(record, "readOnly")) == "false" and ERROR(record) is None
