"""Runs one statement: plans it, reads the partitions that it selects, and lets DuckDB compute the answer."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import duckdb
from sqlglot import exp

from raytrail.localaws._athena._errors import QueryCancelled, QueryFailed
from raytrail.localaws._athena._grammar import parse, refuse_unknown_functions
from raytrail.localaws._athena._plan import Lookup, Scan, plan
from raytrail.localaws._athena._reader import refuse_unread_formats, rows
from raytrail.localaws._athena._render import ZONED, ResultColumn, result_column, text
from raytrail.localaws._athena._scan import Store, splits
from raytrail.localaws._athena._table import Table, duckdb_type
from raytrail.localaws._athena._translate import PRELUDE, to_duckdb

# A CloudTrail file is 50 MB at most, one record of it far less.
_MAX_ROW_BYTES = 64 * 1024 * 1024


@dataclass(kw_only=True)
class Run:
    """One execution's result, filled as far as it came."""

    columns: list[ResultColumn] = field(default_factory=list)
    rows: list[list[str | None]] = field(default_factory=list)
    scanned_bytes: int = 0
    """Bytes of the objects that were read, as stored."""


def execute(
    run: Run,
    sql: str,
    *,
    database: str,
    lookup: Lookup,
    store: Store,
    folder: Path,
    parameters: Sequence[str] = (),
    cutoff_bytes: int | None = None,
) -> None:
    """Run a SELECT statement and fill ``run``.

    Args:
        run: Where the result and the bytes read go, the bytes also when the statement fails.
        sql: The statement, which `parse` accepts.
        database: The database of unqualified table names.
        lookup: Finds a table.
        store: Gives the objects.
        folder: Where temporary files go.
        parameters: Literals for the statement's question marks, in order.
        cutoff_bytes: The workgroup's limit of bytes read. Default: none.

    Raises:
        QueryFailed: The statement fails as Athena lets it fail.
        QueryCancelled: It read more than the limit.
    """
    tree = parse(sql, parameters)
    refuse_unknown_functions(sql)
    statement, scans = plan(tree, database, lookup)
    with duckdb.connect(":memory:") as connection, tempfile.TemporaryDirectory(dir=folder) as temporary:
        connection.execute(PRELUDE)
        for scan in scans:
            _load(scan, run, store, connection, Path(temporary), cutoff_bytes)
        connection.execute("SET enable_external_access = false")
        _compute(_named_as_athena_does(statement), run, connection)


def _load(
    scan: Scan, run: Run, store: Store, connection: duckdb.DuckDBPyConnection, folder: Path, cutoff_bytes: int | None
) -> None:
    table = scan.table
    refuse_unread_formats(table)
    lines = folder / f"{scan.alias}.ndjson"
    try:
        with lines.open("w", encoding="utf-8") as out:
            for row in _rows(scan, run, store, connection, cutoff_bytes):
                out.write(f"{json.dumps(row)}\n")
        connection.execute(_create(table, scan.alias, lines))
    except duckdb.Error as error:
        raise _failed(error) from error
    finally:
        lines.unlink(missing_ok=True)


def _rows(
    scan: Scan, run: Run, store: Store, connection: duckdb.DuckDBPyConnection, cutoff_bytes: int | None
) -> Iterator[dict[str, object]]:
    for split in splits(scan, store, connection, datetime.now(UTC)):
        run.scanned_bytes += split.size
        if cutoff_bytes is not None and run.scanned_bytes > cutoff_bytes:
            raise QueryCancelled("Bytes scanned limit was exceeded")
        for row in rows(scan.table, split.uri, store.read(split.bucket, split.key)):
            yield row | dict(split.partition)


def _create(table: Table, alias: str, lines: Path) -> str:
    # A partition's values are the texts of its location (01): they become the key's type only here.
    kinds = {name: duckdb_type(kind) for name, kind in table.columns.items()}
    read_as = kinds | dict.fromkeys(table.keys, "VARCHAR")
    spec = ", ".join(f"{_quoted(name)}: {_quoted(kind)}" for name, kind in read_as.items())
    wanted = [f'"{name}"' for name in kinds]
    wanted += [f'CAST("{key}" AS {duckdb_type(kind)}) AS "{key}"' for key, kind in table.keys.items()]
    return (
        f'CREATE TABLE "{alias}" AS SELECT {", ".join(wanted)} FROM read_json({_quoted(str(lines))}, '
        f"format = 'newline_delimited', columns = {{{spec}}}, maximum_object_size = {_MAX_ROW_BYTES})"
    )


def _compute(statement: exp.Expr, run: Run, connection: duckdb.DuckDBPyConnection) -> None:
    sql = to_duckdb(statement)
    try:
        described = connection.execute(f"DESCRIBE {sql}").fetchall()
        run.columns = [result_column(name, kind) for name, kind, *_ in described]
        run.rows = [
            [text(value) for value in row] for row in connection.execute(_with_zones(sql, run.columns)).fetchall()
        ]
    except duckdb.Error as error:
        raise _failed(error) from error


def _with_zones(sql: str, columns: Sequence[ResultColumn]) -> str:
    """Let DuckDB write the moments with a zone: its Python side would need a package of time zones to."""
    if not any(column.type == ZONED for column in columns):
        return sql
    names = [f"c{place}" for place in range(len(columns))]
    wanted = ", ".join(
        f"strftime({name}, '%Y-%m-%d %H:%M:%S.%g UTC')" if column.type == ZONED else name
        for name, column in zip(names, columns, strict=True)
    )
    return f"SELECT {wanted} FROM ({sql}) AS result({', '.join(names)})"


def _named_as_athena_does(statement: exp.Expr) -> exp.Expr:
    """Name the columns of the result: a field by its last part, an expression ``_col`` and its place."""
    outermost = statement
    while isinstance(outermost, (exp.SetOperation, exp.Subquery)):
        outermost = outermost.this
    if isinstance(statement, exp.Values):
        width = len(statement.expressions[0].expressions)
        names = [exp.to_identifier(f"_col{place}") for place in range(width)]
        return exp.select("*").from_(exp.alias_(statement, "rows", table=names))
    if not isinstance(outermost, exp.Select):
        return statement
    for place, column in enumerate(list(outermost.expressions)):
        if isinstance(column, exp.Alias) or column.is_star:
            continue
        name = column.name.lower() if isinstance(column, (exp.Column, exp.Dot)) else f"_col{place}"
        column.replace(exp.alias_(column.copy(), name, quoted=True))
    return statement


def _failed(error: duckdb.Error) -> QueryFailed:
    message = str(error).splitlines()[0]
    _, _, reason = message.partition("Error: ")
    missing = re.search(r'(?:not find key|column named|column) "([^"]+)"', message)
    if isinstance(error, duckdb.BinderException) and missing:
        code = "COLUMN_NOT_FOUND"
        reason = (
            f"Column '{missing[1]}' cannot be resolved or requester is not authorized to access requested resources"
        )
    elif isinstance(error, duckdb.BinderException):
        code = "SYNTAX_ERROR"
    elif isinstance(error, duckdb.ConversionException):
        code = "INVALID_CAST_ARGUMENT"
    elif "Division by zero" in message:
        code, reason = "DIVISION_BY_ZERO", "Division by zero"
    elif isinstance(error, (duckdb.InvalidInputException, duckdb.OutOfRangeException)):
        code = "INVALID_FUNCTION_ARGUMENT"
    elif isinstance(error, duckdb.CatalogException):
        code = "FUNCTION_NOT_FOUND"
    else:
        code = "GENERIC_INTERNAL_ERROR"
    return QueryFailed(f"{code}: {reason or message}")


def _quoted(value: str) -> str:
    escaped = value.replace("'", "''")
    return f"'{escaped}'"
