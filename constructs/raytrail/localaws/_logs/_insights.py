"""Evaluates a Logs Insights query over log events."""

from __future__ import annotations

import re
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from raytrail.localaws._logs._insights_fields import discover
from raytrail.localaws._logs._insights_functions import FUNCTIONS, Moment, Value, compare, number, text, truth
from raytrail.localaws._logs._insights_grammar import AGGREGATES, MAX_LIMIT
from raytrail.localaws._logs._insights_tree import (
    Among,
    Call,
    Command,
    Dedup,
    Duration,
    Expression,
    Field,
    Fields,
    Filter,
    Limit,
    Literal,
    Matches,
    Parse,
    Sort,
    Stats,
)
from raytrail.localaws._metrics._statistics import percentile

Row = dict[str, Value]


@dataclass(frozen=True, kw_only=True, slots=True)
class LogEvent:
    """One stored log event."""

    timestamp: int
    ingestion_time: int
    message: str
    stream: str
    group: str
    account: str
    pointer: str


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of a query."""

    rows: list[list[dict[str, str]]]
    records_matched: int


def run(commands: Sequence[Command], events: Iterable[LogEvent], limit: int | None) -> Answer:
    """The rows of the query ``commands`` over ``events`` (oldest first), at most ``limit`` of them."""
    query = _Query([_row(event) for event in events])
    for command in commands:
        query.apply(command)
    rows = query.finish(limit)
    return Answer([_printed(row, query.shown(row)) for row in rows], query.matched)


class _Query:
    """The rows on their way through the commands."""

    def __init__(self, rows: list[Row]) -> None:
        self._rows = rows
        self._matched: int | None = None
        self._columns: list[str] = []
        self._only: list[str] | None = None
        self._aggregated = False
        self._ordered = False
        self._limited = False

    @property
    def matched(self) -> int:
        """How many log events passed the filters that came before any aggregation."""
        return len(self._rows) if self._matched is None else self._matched

    def apply(self, command: Command) -> None:
        match command:
            case Fields():
                self._fields(command)
            case Filter():
                self._rows = [row for row in self._rows if truth(evaluate(command.condition, row))]
            case Stats():
                self._stats(command)
            case Sort():
                self._sort(command)
            case Limit():
                self._newest_first()
                self._count()
                self._rows = self._rows[: command.count]
                self._limited = True
            case Parse():
                self._parse(command)
            case Dedup():
                self._dedup(command)

    def finish(self, limit: int | None) -> list[Row]:
        self._newest_first()
        self._count()
        return self._rows if self._limited else self._rows[: min(limit or MAX_LIMIT, MAX_LIMIT)]

    def shown(self, row: Row) -> list[str]:
        """The columns of the answer, in order."""
        names = self._only if self._only is not None else self._columns or ["@timestamp", "@message"]
        return names if self._aggregated else [*names, *(["@ptr"] if "@ptr" not in names else [])]

    def _count(self) -> None:
        if self._matched is None:
            self._matched = len(self._rows)

    def _newest_first(self) -> None:
        """Log events come newest first unless the query sorts them."""
        if not self._ordered and not self._aggregated:
            self._rows.reverse()
        self._ordered = True

    def _fields(self, command: Fields) -> None:
        for row in self._rows:
            for label, value in command.columns:
                if not (isinstance(value, Field) and value.name == label):
                    row[label] = evaluate(value, row)
        names = [label for label, _ in command.columns]
        if command.only:
            self._only = names
        else:
            self._columns += [name for name in names if name not in self._columns]

    def _stats(self, command: Stats) -> None:
        self._newest_first()
        self._count()
        groups: dict[tuple[Any, ...], list[Row]] = {}
        for row in self._rows:
            key = tuple(_key(evaluate(value, row)) for _, value in command.by)
            groups.setdefault(key, []).append(row)
        rows = []
        for members in groups.values():
            made = {label: evaluate(value, members[0]) for label, value in command.by}
            made |= {label: evaluate(value, {}, members) for label, value in command.columns}
            rows.append(made)
        self._rows = rows
        self._columns = [label for label, _ in (*command.by, *command.columns)]
        self._only = None
        self._aggregated = True

    def _sort(self, command: Sort) -> None:
        self._rows = [*self._rows]
        for value, descending in reversed(command.keys):
            if descending and not self._ordered:
                self._rows.reverse()
            self._rows.sort(key=lambda row: _order(evaluate(value, row)), reverse=descending)
            self._ordered = True

    def _parse(self, command: Parse) -> None:
        for row in self._rows:
            source = evaluate(command.source, row)
            found = None if source is None else command.pattern.search(text(source))
            if found:
                row.update(zip(command.names, found.groups(), strict=True))
        self._columns += [name for name in command.names if self._columns and name not in self._columns]

    def _dedup(self, command: Dedup) -> None:
        self._newest_first()
        self._count()
        seen: set[tuple[Any, ...]] = set()
        kept = []
        for row in self._rows:
            key = tuple(_key(row.get(name)) for name in command.names)
            # Rows without a value for one of the fields are never duplicates.
            if None in key or key not in seen:
                kept.append(row)
            seen.add(key)
        self._rows = kept


def evaluate(value: Expression, row: Mapping[str, Value], group: Sequence[Row] | None = None) -> Value:
    """The value of an expression in ``row``, or over the rows of ``group`` where it aggregates."""
    match value:
        case Literal():
            return value.value
        case Duration():
            return value
        case Field():
            return row.get(value.name)
        case Matches():
            return _matches(value, row)
        case Among():
            subject = evaluate(value.subject, row)
            return any(compare(subject, evaluate(item, row)) == 0 for item in value.items)
        case Call():
            return _call(value, row, group)


def _call(call: Call, row: Mapping[str, Value], group: Sequence[Row] | None) -> Value:
    name = call.name
    if name in AGGREGATES and group is not None:
        return _aggregate(call, group)
    if name == "and":
        return all(truth(evaluate(argument, row, group)) for argument in call.arguments)
    if name == "or":
        return any(truth(evaluate(argument, row, group)) for argument in call.arguments)
    arguments = [evaluate(argument, row, group) for argument in call.arguments]
    if name == "not":
        return not truth(arguments[0])
    if name in _COMPARE:
        order = compare(arguments[0], arguments[1])
        return name == "!=" if order is None else _COMPARE[name](order)
    if name == "bin":
        arguments.insert(0, row.get("@timestamp"))
    return FUNCTIONS[name](*arguments)


def _matches(value: Matches, row: Mapping[str, Value]) -> bool:
    subject = evaluate(value.subject, row)
    if subject is None:
        return False
    if isinstance(value.pattern, re.Pattern):
        return bool(value.pattern.search(text(subject)))
    part = evaluate(value.pattern, row)
    return part is not None and text(part) in text(subject)


def _aggregate(call: Call, group: Sequence[Row]) -> Value:
    if not call.arguments:
        return len(group)
    values = [v for row in group if (v := evaluate(call.arguments[0], row)) is not None]
    if call.name in ("earliest", "latest"):
        timed = [(row["@timestamp"], v) for row in group if (v := evaluate(call.arguments[0], row)) is not None]
        pick = min if call.name == "earliest" else max
        return pick(timed, key=lambda pair: pair[0])[1] if timed else None
    if call.name == "pct":
        numbers = sorted(n for v in values if (n := number(v)) is not None)
        share = number(evaluate(call.arguments[1], {})) if len(call.arguments) == 2 else None
        return percentile([(n, 1) for n in numbers], share) if numbers and share is not None else None
    return _AGGREGATES[call.name](values)


def _numbers(apply: Callable[[list[float]], float]) -> Callable[[list[Value]], Value]:
    def aggregate(values: list[Value]) -> Value:
        numbers = [n for value in values if (n := number(value)) is not None]
        return apply(numbers) if numbers else None

    return aggregate


def _extreme(pick: Callable[..., Value]) -> Callable[[list[Value]], Value]:
    return lambda values: pick(values, key=_order) if values else None


_AGGREGATES: dict[str, Callable[[list[Value]], Value]] = {
    "count": len,
    "count_distinct": lambda values: len({_key(value) for value in values}),
    "sum": _numbers(sum),
    "avg": _numbers(statistics.fmean),
    "median": _numbers(statistics.median),
    "stddev": _numbers(statistics.pstdev),
    "min": _extreme(min),
    "max": _extreme(max),
    "sortsfirst": _extreme(min),
    "sortslast": _extreme(max),
}

_COMPARE: dict[str, Callable[[int], bool]] = {
    "=": lambda order: order == 0,
    "!=": lambda order: order != 0,
    "<": lambda order: order < 0,
    "<=": lambda order: order <= 0,
    ">": lambda order: order > 0,
    ">=": lambda order: order >= 0,
}


def _order(value: Value) -> tuple[int, float, str]:
    """Missing values first, then numbers, then text."""
    if value is None:
        return (0, 0.0, "")
    known = number(value)
    return (2, 0.0, text(value)) if known is None else (1, known, "")


def _key(value: Value) -> Any:
    return value if value is None or isinstance(value, Moment) else text(value)


def _row(event: LogEvent) -> Row:
    return {
        **discover(event.message, event.group),
        "@timestamp": Moment(event.timestamp),
        "@ingestionTime": Moment(event.ingestion_time),
        "@message": event.message,
        "@logStream": event.stream,
        "@log": f"{event.account}:{event.group}",
        "@ptr": event.pointer,
    }


def _printed(row: Row, names: Sequence[str]) -> list[dict[str, str]]:
    """A row of the answer; a field that the log event does not have is left out."""
    return [{"field": name, "value": text(row[name])} for name in names if row.get(name) is not None]
