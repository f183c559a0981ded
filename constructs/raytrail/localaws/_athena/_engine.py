"""Runs one statement: plans it, reads the partitions that it selects, and lets DuckDB compute the answer."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
from sqlglot import exp

from raytrail.localaws._athena._errors import QueryFailed
from raytrail.localaws._athena._grammar import parse, refuse_unknown_functions
from raytrail.localaws._athena._load import quoted
from raytrail.localaws._athena._plan import Scan, plan
from raytrail.localaws._athena._relations import Lookup
from raytrail.localaws._athena._render import ZONED, ResultColumn, result_column, text
from raytrail.localaws._athena._source import Source
from raytrail.localaws._athena._table import duckdb_type
from raytrail.localaws._athena._translate import PRELUDE, to_duckdb

# What DuckDB may hold in memory; the rest goes to the temporary folder.
_MEMORY = "400MB"


@dataclass(kw_only=True)
class Run:
    """One execution's result, filled as far as it came.

    Attributes:
        most: How many rows are wanted at most. Default: all.
        more: Whether there are others than those.
    """

    most: int | None = None
    more: bool = False
    columns: list[ResultColumn] = field(default_factory=list)
    rows: list[list[str | None]] = field(default_factory=list)


def execute(
    run: Run, sql: str, *, database: str, lookup: Lookup, source: Source, folder: Path, parameters: Sequence[str] = ()
) -> None:
    """Run a SELECT statement and fill ``run``.

    Args:
        run: Where the result goes.
        sql: The statement, which `parse` accepts.
        database: The database of unqualified table names.
        lookup: Finds a table or a view.
        source: Gives the rows of its tables.
        folder: Where temporary files go.
        parameters: Literals for the statement's question marks, in order.

    Raises:
        QueryFailed: The statement fails as Athena lets it fail.
        QueryCancelled: The source gave up.
    """
    tree = parse(sql, parameters)
    refuse_unknown_functions(sql)
    statement, scans = plan(tree, database, lookup)
    with tempfile.TemporaryDirectory(dir=folder) as temporary, duckdb.connect(":memory:") as connection:
        connection.execute(f"SET memory_limit = '{_MEMORY}'; SET temp_directory = {quoted(temporary)}; {PRELUDE}")
        for scan in scans:
            _load(scan, source, connection, Path(temporary))
        connection.execute("SET enable_external_access = false")
        _compute(_named_as_athena_does(statement), run, connection)


def _load(scan: Scan, source: Source, connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    kinds = scan.table.columns | scan.table.keys
    columns = ", ".join(f'"{name}" {duckdb_type(kind)}' for name, kind in kinds.items())
    try:
        connection.execute(f'CREATE TABLE "{scan.alias}" ({columns})')
        source.fill(scan, connection, folder)
    except duckdb.Error as error:
        raise _failed(error) from error


def _compute(statement: exp.Expr, run: Run, connection: duckdb.DuckDBPyConnection) -> None:
    sql = to_duckdb(statement)
    try:
        described = connection.execute(f"DESCRIBE {sql}").fetchall()
        run.columns = [result_column(name, kind) for name, kind, *_ in described]
        answer = connection.execute(_with_zones(sql, run.columns))
        values = answer.fetchall() if run.most is None else answer.fetchmany(run.most)
        run.rows = [[text(value) for value in row] for row in values]
        run.more = run.most is not None and answer.fetchone() is not None
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
