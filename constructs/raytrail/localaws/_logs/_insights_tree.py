"""What a Logs Insights query consists of, once parsed: plain values."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any


class QueryError(ValueError):
    """A query that Logs Insights refuses, with the range of characters that is wrong."""

    def __init__(self, message: str, start: int, end: int) -> None:
        super().__init__(message)
        self.message, self.start, self.end = message, start, end


@dataclass(frozen=True, slots=True)
class Literal:
    """A number or a text."""

    value: Any


@dataclass(frozen=True, slots=True)
class Duration:
    """``5m`` in seconds, or ``1mo`` in calendar months."""

    seconds: float = 0
    months: int = 0


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the log event, or a column that an earlier command made."""

    name: str


@dataclass(frozen=True, slots=True)
class Call:
    """A function or an operator with its arguments; ``count(*)`` has none."""

    name: str
    arguments: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Matches:
    """``subject like pattern``: a regex, or a substring."""

    subject: Expression
    pattern: re.Pattern[str] | Expression


@dataclass(frozen=True, slots=True)
class Among:
    """``subject in [items]``."""

    subject: Expression
    items: tuple[Expression, ...]


Expression = Literal | Duration | Field | Call | Matches | Among
Column = tuple[str, Expression]


@dataclass(frozen=True, slots=True)
class Fields:
    """``fields`` adds columns; ``display`` shows these and no others."""

    columns: tuple[Column, ...]
    only: bool


@dataclass(frozen=True, slots=True)
class Filter:
    """Keeps the rows for which the condition holds."""

    condition: Expression


@dataclass(frozen=True, slots=True)
class Stats:
    """Aggregates, by groups."""

    columns: tuple[Column, ...]
    by: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class Sort:
    """Keys, and whether each is descending."""

    keys: tuple[tuple[Expression, bool], ...]


@dataclass(frozen=True, slots=True)
class Limit:
    """At most so many rows."""

    count: int


@dataclass(frozen=True, slots=True)
class Parse:
    """New fields from the groups of a regex, found in a field."""

    source: Expression
    pattern: re.Pattern[str]
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Dedup:
    """One row for each combination of these fields."""

    names: tuple[str, ...]


Command = Fields | Filter | Stats | Sort | Limit | Parse | Dedup
