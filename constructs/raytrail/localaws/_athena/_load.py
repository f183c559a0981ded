"""From rows to the table that a statement reads: as lines of JSON, which DuckDB loads some at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from raytrail.localaws._athena._plan import Scan
from raytrail.localaws._athena._table import duckdb_type

# Text that is loaded at once: large enough to be quick, small enough to be forgotten.
_CHUNK_CHARACTERS = 32 * 1024 * 1024
_LEAST_OBJECT = 1024 * 1024


class _Chunk(NamedTuple):
    """Some rows as lines of JSON."""

    lines: Path
    longest: int


def insert_rows(
    scan: Scan, rows: Iterator[dict[str, Any]], connection: duckdb.DuckDBPyConnection, folder: Path
) -> None:
    """Put rows into the scan's table.

    Args:
        scan: The scan; its table is there and has all columns and partition keys.
        rows: A JSON value for each column and each partition key; of the columns, those that the statement needs are
            enough.
        connection: Where the table is.
        folder: Where temporary files go.
    """
    needed = [*(name for name in scan.table.columns if name in scan.columns), *scan.table.keys]
    for chunk in _chunks(rows, needed, folder / f"{scan.alias}.ndjson"):
        connection.execute(_insert(scan, needed, chunk))


def quoted(value: str) -> str:
    """Return a text as a literal of SQL."""
    escaped = value.replace("'", "''")
    return f"'{escaped}'"


def _chunks(rows: Iterator[dict[str, Any]], needed: Sequence[str], lines: Path) -> Iterator[_Chunk]:
    more = True
    while more:
        written = longest = 0
        with lines.open("w", encoding="utf-8") as out:
            for row in rows:
                line = json.dumps({name: row[name] for name in needed})
                written += out.write(f"{line}\n")
                longest = max(longest, len(line))
                if written >= _CHUNK_CHARACTERS:
                    break
        more = written > 0
        if more:
            yield _Chunk(lines, longest)
    lines.unlink()


def _insert(scan: Scan, needed: Sequence[str], chunk: _Chunk) -> str:
    table = scan.table
    # A partition's values are the texts of its location (01): they become the key's type only here.
    read_as = {name: "VARCHAR" if name in table.keys else duckdb_type(table.columns[name]) for name in needed}
    # A file of lines needs a column, even where the statement asks for none.
    spec = ", ".join(f"{quoted(name)}: {quoted(kind)}" for name, kind in (read_as or {"_": "VARCHAR"}).items())
    wanted = ", ".join(
        f'CAST("{name}" AS {duckdb_type(kind)})' if name in read_as else "NULL"
        for name, kind in (table.columns | table.keys).items()
    )
    longest = max(chunk.longest + 1, _LEAST_OBJECT)
    return (
        f'INSERT INTO "{scan.alias}" SELECT {wanted} FROM read_json({quoted(str(chunk.lines))}, '
        f"format = 'newline_delimited', columns = {{{spec}}}, maximum_object_size = {longest})"
    )
