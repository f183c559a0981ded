"""What a statement means: its tables and columns resolved, its types checked, its partition predicates found.

sqlglot's optimizer does the resolving, and moves predicates from the outside of a subquery or a CTE to the tables
inside as Trino does. Its result serves the checks and the pruning; what is executed is the statement as written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlglot import exp
from sqlglot.errors import OptimizeError, SqlglotError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.pushdown_predicates import pushdown_predicates
from sqlglot.optimizer.qualify import qualify

from raytrail.localaws._athena._errors import QueryFailed
from raytrail.localaws._athena._table import Table

_MARK = "raytrail_scan"
_DIALECT = "trino"
_COMPARISONS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between, exp.In)
_RANDOM = (exp.Rand, exp.Subquery, exp.Query, exp.AggFunc, exp.Window)

Lookup = Callable[[str, str], Table]
"""From a database and a table's name to the table; raises QueryFailed."""


@dataclass(frozen=True)
class Scan:
    """One reference to a table, and the predicates that decide which of its partitions are read."""

    alias: str
    """The name under which the executed statement finds the rows."""
    table: Table
    predicates: tuple[exp.Expr, ...]
    """Conditions on partition keys only, their columns without a qualifier; all must hold."""


def plan(tree: exp.Expr, database: str, lookup: Lookup) -> tuple[exp.Expr, tuple[Scan, ...]]:
    """Return the statement with its tables replaced by scans, and the scans.

    Raises:
        QueryFailed: A table, a column or a type is not what the statement takes it for.
    """
    tree = tree.copy()
    tables = _mark_tables(tree, database, lookup)
    checked = _check(tree, database, tables)
    scans = []
    for number, table in tables.items():
        found = next((node for node in checked.find_all(exp.Table) if node.meta.get(_MARK) == number), None)
        predicates = () if found is None else tuple(_predicates(found, table))
        scans.append(Scan(alias=f"scan_{number}", table=table, predicates=predicates))
    for node in list(tree.find_all(exp.Table)):
        if _MARK in node.meta:
            _point_at(node, f"scan_{node.meta[_MARK]}")
    return tree, tuple(scans)


def _mark_tables(tree: exp.Expr, database: str, lookup: Lookup) -> dict[int, Table]:
    tables: dict[int, Table] = {}
    for node in tree.find_all(exp.Table):
        if not node.db and node.name.lower() in _visible_ctes(node):
            continue
        catalog = node.catalog.lower()
        if catalog not in ("", "awsdatacatalog"):
            raise QueryFailed(f"CATALOG_NOT_FOUND: {_at(node)}Catalog '{catalog}' does not exist")
        try:
            table = lookup((node.db or database).lower(), node.name.lower())
        except QueryFailed as error:
            code, _, rest = str(error).partition(": ")
            raise QueryFailed(f"{code}: {_at(node)}{rest}") from None
        node.set("catalog", None)
        node.set("db", exp.to_identifier(table.database, quoted=True))
        node.set("this", exp.to_identifier(table.name, quoted=True))
        number = len(tables)
        node.meta[_MARK] = number
        tables[number] = table
    return tables


def _visible_ctes(node: exp.Expr) -> set[str]:
    names: set[str] = set()
    scope: exp.Expr | None = node
    while scope is not None:
        with_ = scope.args.get("with_") or scope.args.get("with")
        if isinstance(with_, exp.With):
            names.update(cte.alias.lower() for cte in with_.expressions)
        scope = scope.parent
    return names


def _point_at(node: exp.Table, alias: str) -> None:
    if not node.alias:
        node.set("alias", exp.TableAlias(this=exp.to_identifier(node.name, quoted=True)))
    node.set("db", None)
    node.set("this", exp.to_identifier(alias, quoted=True))


def _check(tree: exp.Expr, database: str, tables: Mapping[int, Table]) -> exp.Expr:
    schema: dict[str, dict[str, dict[str, exp.DataType]]] = {}
    for table in tables.values():
        schema.setdefault(table.database, {})[table.name] = {**table.columns, **table.keys}
    options: dict[str, Any] = {"schema": schema, "dialect": _DIALECT}
    try:
        checked = qualify(
            tree.copy(), db=database, expand_alias_refs=False, quote_identifiers=False, identify=False, **options
        )
        _refuse_aliases_in_having(checked)
        _refuse_mixed_types(annotate_types(checked, **options))
        return pushdown_predicates(checked, dialect=_DIALECT)
    except OptimizeError as error:
        raise _unresolved(str(error)) from error
    except SqlglotError as error:
        raise QueryFailed(f"SYNTAX_ERROR: {error}") from error


def _unresolved(message: str) -> QueryFailed:
    column = re.search(r"Column '([^']+)' could not be resolved", message)
    if column is None:
        return QueryFailed(f"SYNTAX_ERROR: {message}")
    place = re.search(r"Line: (\d+), Col: (\d+)", message)
    name = column[1].replace('"', "")
    # sqlglot counts to the end of the word, Trino to its start.
    start = f"line {place[1]}:{int(place[2]) - len(name.split('.')[-1]) + 1}: " if place else ""
    return QueryFailed(
        f"COLUMN_NOT_FOUND: {start}Column '{name}' cannot be resolved "
        "or requester is not authorized to access requested resources"
    )


def _refuse_aliases_in_having(checked: exp.Expr) -> None:
    for having in checked.find_all(exp.Having):
        for column in having.find_all(exp.Column):
            if not column.table and column.find_ancestor(exp.Lambda) is None:
                raise QueryFailed(
                    f"COLUMN_NOT_FOUND: {_at(column.this)}Column '{column.name}' cannot be resolved "
                    "or requester is not authorized to access requested resources"
                )


def _refuse_mixed_types(checked: exp.Expr) -> None:
    """Trino converts nothing on its own: readonly = true compares a text with a boolean."""
    for node in checked.find_all(*_COMPARISONS):
        sides = [node.this, *_right_sides(node)]
        families = [(_family(side), side) for side in sides]
        known = [(family, side) for family, side in families if family]
        for family, side in known[1:]:
            if family != known[0][0]:
                raise QueryFailed(
                    f"TYPE_MISMATCH: Cannot apply operator: {_word(known[0][1])} {_operator(node)} {_word(side)}"
                )


def _right_sides(node: exp.Expr) -> Iterator[exp.Expr]:
    if isinstance(node, exp.Between):
        yield from (node.args["low"], node.args["high"])
    elif isinstance(node, exp.In):
        yield from node.expressions
    else:
        yield node.args["expression"]


_TEMPORAL = {"DATE": "date", "TIMESTAMP": "timestamp", "TIMESTAMPTZ": "timestamp with time zone"}


def _family(node: exp.Expr) -> str | None:
    kind = node.type
    if not isinstance(kind, exp.DataType):
        return None
    if kind.this in exp.DataType.TEXT_TYPES:
        return "text"
    if kind.this in exp.DataType.NUMERIC_TYPES:
        return "number"
    if kind.this == exp.DataType.Type.BOOLEAN:
        return "boolean"
    # Dates and timestamps compare with each other.
    return "time" if kind.this.name in _TEMPORAL else None


def _word(node: exp.Expr) -> str:
    kind = node.type
    assert isinstance(kind, exp.DataType)
    if kind.this in exp.DataType.TEXT_TYPES:
        return f"varchar({len(node.name)})" if isinstance(node, exp.Literal) else "varchar"
    if kind.this in exp.DataType.INTEGER_TYPES and kind.this != exp.DataType.Type.BIGINT:
        return "integer"
    name = str(kind.this.name)
    return _TEMPORAL.get(name, name.lower())


def _operator(node: exp.Expr) -> str:
    symbols: dict[type, str] = {exp.NEQ: "<>", exp.GT: ">", exp.GTE: ">=", exp.LT: "<", exp.LTE: "<="}
    return symbols.get(type(node), "=")


def _predicates(node: exp.Table, table: Table) -> Iterator[exp.Expr]:
    """The conditions on partition keys that every row of this reference must meet to matter."""
    select = node.find_ancestor(exp.Select)
    if select is None:
        return
    join = node.parent if isinstance(node.parent, exp.Join) else None
    supplied = _null_supplied(select, join)
    conditions: list[exp.Expr] = []
    where = select.args.get("where")
    if where is not None and not supplied:
        conditions.append(where.this)
    for other in select.args.get("joins") or ():
        # The ON of an inner join binds both of its sides, that of an outer join the side that may be absent.
        if other.args.get("on") is not None and (other is join if other.side else not supplied):
            conditions.append(other.args["on"])
    for condition in conditions:
        for clause in condition.flatten() if isinstance(condition, exp.And) else [condition]:
            part = clause.unnest()
            if _only_keys(part, node.alias_or_name, table):
                bare = part.copy()
                for column in bare.find_all(exp.Column):
                    column.replace(exp.column(exp.to_identifier(column.name.lower(), quoted=True)))
                yield bare


def _null_supplied(select: exp.Select, join: exp.Join | None) -> bool:
    """Whether a row of this side can be missing from a row of the result."""
    if join is not None and join.side in ("LEFT", "FULL"):
        return True
    joins = select.args.get("joins") or []
    after = joins if join is None else joins[joins.index(join) + 1 :]
    return any(other.side in ("RIGHT", "FULL") for other in after)


def _only_keys(condition: exp.Expr, alias: str, table: Table) -> bool:
    if condition.find(*_RANDOM):
        return False
    columns = list(condition.find_all(exp.Column))
    return bool(columns) and all(
        column.table == alias and column.name.lower() in table.keys and len(column.parts) == 2 for column in columns
    )


def _at(node: exp.Expr) -> str:
    node = node.parts[0] if isinstance(node, exp.Table) else node
    place = next((part for part in node.walk() if "line" in part.meta), None)
    if place is None:
        return ""
    return f"line {place.meta['line']}:{place.meta['col'] - len(place.name) + 1}: "
