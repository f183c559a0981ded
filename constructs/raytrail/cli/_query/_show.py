"""An answer written out: as a table for a person, as JSON or CSV for a program."""

from __future__ import annotations

import csv
import itertools
import json
import math
import sys
from collections.abc import Callable, Iterator
from typing import Literal

from rich.table import Table
from rich.text import Text

from raytrail.cli._output import to_output
from raytrail.cli._query._answer import Answer, Column
from raytrail.cli._terminal import clean, console, shortened, show

LONGEST_CELL = 300
"""Letters of a value that a terminal is shown; a pipe gets them all."""

_NUMBERS: dict[str, Callable[[str], object]] = {
    **dict.fromkeys(("tinyint", "smallint", "integer", "bigint"), int),
    **dict.fromkeys(("float", "double"), float),
    "boolean": lambda text: text == "true",
}


def show_answer(answer: Answer, *, form: str, limit: int) -> int:
    """Write the rows, then what they took, and return how many were written.

    Args:
        answer: What was answered.
        form: ``table``, ``json`` (an object a line) or ``csv``.
        limit: Rows to write at most; 0 for all.
    """
    rows = iter(answer.rows)
    wanted = itertools.islice(rows, limit) if limit else rows
    with to_output():
        count = {"table": _table, "json": _json, "csv": _csv}[form](answer.columns, wanted)
        more = next(rows, None) is not None
        sys.stdout.flush()
    for line in answer.unread:
        sys.stderr.write(f"not read: {clean(line)}\n")
    if not count:
        sys.stderr.write(f"no rows: {answer.hint}\n")
    elif more:
        sys.stderr.write(f"the first {count} rows; --limit shows more, and --limit 0 all\n")
    else:
        sys.stderr.write(f"{count} row{'s' if count > 1 else ''}\n")
    for line in answer.summary:
        sys.stderr.write(f"{line}\n")
    return count


def _table(columns: list[Column], rows: Iterator[list[str | None]]) -> int:
    terminal = console()
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(Text(clean(column.name).upper()), overflow="fold", justify=_justify(column))
    for row in rows:
        table.add_row(*(Text(_cell(value, terminal.is_terminal)) for value in row))
    if table.row_count:
        show(terminal, table)
    return table.row_count


def _cell(value: str | None, for_a_screen: bool) -> str:
    if value is None:
        return "-"
    return shortened(value, LONGEST_CELL) if for_a_screen else clean(value)


def _justify(column: Column) -> Literal["left", "right"]:
    return "right" if column.type in _NUMBERS and column.type != "boolean" else "left"


def _json(columns: list[Column], rows: Iterator[list[str | None]]) -> int:
    count = 0
    for row in rows:
        named = {column.name: _typed(column, value) for column, value in zip(columns, row, strict=True)}
        sys.stdout.write(json.dumps(named) + "\n")
        count += 1
    return count


def _typed(column: Column, value: str | None) -> object:
    """The value in JSON's own type; a text where JSON has none for it (a time, NaN, an array as Athena writes it)."""
    if value is None:
        return None
    typed = _NUMBERS.get(column.type, str)(value)
    return value if isinstance(typed, float) and not math.isfinite(typed) else typed


def _csv(columns: list[Column], rows: Iterator[list[str | None]]) -> int:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(column.name for column in columns)
    count = 0
    for row in rows:
        writer.writerow("" if value is None else value for value in row)
        count += 1
    return count
