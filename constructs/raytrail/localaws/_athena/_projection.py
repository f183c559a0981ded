"""Partition projection: the values that a key can take, computed from the table's properties.

https://docs.aws.amazon.com/athena/latest/ug/partition-projection-supported-types.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from raytrail.localaws._athena._errors import QueryFailed
from raytrail.localaws._athena._table import Table, folder

MAX_VALUES = 1_000_000
MAX_INJECTED = 1_000

_NOW = re.compile(r"\s*NOW\s*(?:([+-])\s*(\d+)\s*(YEAR|MONTH|WEEK|DAY|HOUR|MINUTE|SECOND)S?\s*)?")
_PLACEHOLDER = re.compile(r"\$\{([^}]+)\}")
_STRFTIME = {"yyyy": "%Y", "MM": "%m", "dd": "%d", "HH": "%H", "mm": "%M", "ss": "%S", "DDD": "%j", "yy": "%y"}
_JAVA_TOKEN = re.compile(r"'([^']*)'|([A-Za-z])\2*|.", re.DOTALL)


class Injected(NamedTuple):
    """A key whose values the query itself must name."""

    key: str


def is_projected(table: Table) -> bool:
    """Whether Athena computes this table's partitions instead of asking Glue for them."""
    return table.parameters.get("projection.enabled", "").strip().lower() == "true" and bool(table.keys)


def projected_values(table: Table, now: datetime) -> dict[str, list[str] | Injected]:
    """Return the values of each partition key, as they stand in the location.

    Raises:
        QueryFailed: The properties are incomplete or nonsense.
    """
    missing = [key for key in table.keys if f"projection.{key}.type" not in table.parameters]
    if missing:
        raise _metastore(
            table,
            f"Table {table.label} is configured for partition projection, but the following partition columns are "
            f"missing projection configuration: [{', '.join(missing)}]",
        )
    return {key: _values(table, key, now) for key in table.keys}


def location_of(table: Table, values: dict[str, str]) -> str:
    """Return the folder of one partition.

    Raises:
        QueryFailed: The template lacks a partition key.
    """
    template = table.parameters.get("storage.location.template")
    if template is None:
        return table.location + "".join(f"{key}={value}/" for key, value in values.items())
    absent = [key for key in values if f"${{{key}}}" not in template]
    if absent:
        raise _metastore(
            table, f"storage.location.template of {table.label} has no placeholder for: [{', '.join(absent)}]"
        )
    return folder(_PLACEHOLDER.sub(lambda match: values.get(match[1].lower(), match[0]), template))


def injected_conditions(key: str) -> QueryFailed:
    """The error for an injected key that the query does not name, or names in another way than by equality."""
    return QueryFailed(
        f"CONSTRAINT_VIOLATION: For the injected projected partition column {key}, the WHERE clause must contain only "
        "static equality conditions, and at least one such condition must be present."
    )


def _values(table: Table, key: str, now: datetime) -> list[str] | Injected:
    kind = table.parameters[f"projection.{key}.type"].strip().lower()
    makers: dict[str, Callable[[Table, str, datetime], list[str] | Injected]] = {
        "enum": lambda table, key, _: _property(table, key, "values").split(","),
        "injected": lambda table, key, _: Injected(key),
        "integer": _integers,
        "date": _dates,
    }
    if kind not in makers:
        raise _metastore(table, f"projection.{key}.type is enum, integer, date or injected, got {kind!r}")
    return makers[kind](table, key, now)


def _integers(table: Table, key: str, _: datetime) -> list[str]:
    first, last = _range(table, key)
    digits = int(table.parameters.get(f"projection.{key}.digits", "0"))
    step = int(table.parameters.get(f"projection.{key}.interval", "1"))
    try:
        values = range(int(first), int(last) + 1, step)
    except ValueError as error:
        raise _metastore(table, f"projection.{key}.range must be two whole numbers, got {first!r},{last!r}") from error
    _refuse_too_many(table, key, len(values))
    return [f"{value:0{digits}d}" for value in values]


def _dates(table: Table, key: str, now: datetime) -> list[str]:
    java = _property(table, key, "format")
    pattern = _strftime(table, key, java)
    start, end = (_date(table, key, text, pattern, now) for text in _range(table, key))
    count = int(table.parameters.get(f"projection.{key}.interval", "1"))
    unit = table.parameters.get(f"projection.{key}.interval.unit")
    if unit is None:
        if re.search(r"[Hms]", java):
            raise _metastore(table, f"projection.{key}.interval.unit is required for a format finer than a day")
        unit = "DAYS" if "d" in java or "D" in java else "MONTHS"
    unit = unit.strip().upper().removesuffix("S")
    # The first value carries no finer parts than the format does; NOW carries them all.
    moment = datetime.strptime(start.strftime(pattern), pattern).replace(tzinfo=UTC)
    values: list[str] = []
    step = 0
    while (at := _shift(table, moment, step * count, unit)) <= end:
        values.append(at.strftime(pattern))
        step += 1
        _refuse_too_many(table, key, step)
    return list(dict.fromkeys(values))


def _date(table: Table, key: str, text: str, pattern: str, now: datetime) -> datetime:
    relative = _NOW.fullmatch(text)
    if relative is None:
        try:
            return datetime.strptime(text, pattern).replace(tzinfo=UTC)
        except ValueError as error:
            raise _metastore(table, f"projection.{key}.range: {text!r} does not fit the format") from error
    sign, count, unit = relative.groups()
    return _shift(table, now, int(count) * (-1 if sign == "-" else 1), unit) if unit else now


def _shift(table: Table, moment: datetime, count: int, unit: str) -> datetime:
    if unit in ("YEAR", "MONTH"):
        months = moment.year * 12 + moment.month - 1 + count * (12 if unit == "YEAR" else 1)
        year, month = divmod(months, 12)
        last_day = (datetime(year + (month == 11), (month + 1) % 12 + 1, 1) - timedelta(days=1)).day
        return moment.replace(year=year, month=month + 1, day=min(moment.day, last_day))
    seconds = {"WEEK": 604_800, "DAY": 86_400, "HOUR": 3_600, "MINUTE": 60, "SECOND": 1}.get(unit)
    if seconds is None:
        raise _metastore(table, f"an interval unit of {unit!r} is not emulated here")
    return moment + timedelta(seconds=count * seconds)


def _strftime(table: Table, key: str, java: str) -> str:
    out = []
    for match in _JAVA_TOKEN.finditer(java):
        if match[1] is not None:
            out.append(match[1] or "'")
        elif match[2] is None:
            out.append(match[0].replace("%", "%%"))
        elif match[0] in _STRFTIME:
            out.append(_STRFTIME[match[0]])
        else:
            raise _metastore(table, f"projection.{key}.format: {match[0]!r} is not emulated here")
    return "".join(out)


def _range(table: Table, key: str) -> Sequence[str]:
    parts = _property(table, key, "range").split(",")
    if len(parts) != 2:
        raise _metastore(table, f"projection.{key}.range takes two values, got {len(parts)}")
    return parts


def _property(table: Table, key: str, name: str) -> str:
    try:
        return table.parameters[f"projection.{key}.{name}"]
    except KeyError:
        raise _metastore(table, f"projection.{key}.{name} is required") from None


def _refuse_too_many(table: Table, key: str, count: int) -> None:
    if count > MAX_VALUES:
        raise _metastore(table, f"more than {MAX_VALUES} values of {key} are not emulated here")


def _metastore(table: Table, message: str) -> QueryFailed:
    return QueryFailed(f"HIVE_METASTORE_ERROR: {message} (table {table.label})")
