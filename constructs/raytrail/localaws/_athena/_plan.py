"""What a statement means: its tables and columns resolved, its types checked, its partition predicates found.

sqlglot's optimizer does the resolving, and moves predicates from the outside of a subquery or a CTE to the tables
inside as Trino does. Its result serves the checks and the pruning; what is executed is the statement as written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlglot import exp
from sqlglot.errors import OptimizeError, SqlglotError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.pushdown_projections import pushdown_projections
from sqlglot.optimizer.qualify import qualify

from raytrail.localaws._athena._errors import QueryFailed
from raytrail.localaws._athena._pushdown import conjuncts, movable, null_supplied, push_down
from raytrail.localaws._athena._relations import Lookup, expand_views, find, place_of, relations
from raytrail.localaws._athena._table import Table

_MARK = "raytrail_scan"
_DIALECT = "trino"
_COMPARISONS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between, exp.In)


@dataclass(frozen=True)
class Scan:
    """One reference to a table, and the predicates that decide which of its partitions are read."""

    alias: str
    """The name under which the executed statement finds the rows."""
    table: Table
    predicates: tuple[exp.Expr, ...]
    """Conditions on partition keys only, their columns without a qualifier; all must hold."""
    conditions: tuple[exp.Expr, ...]
    """Conditions on the columns and partition keys of this table, without a qualifier. All must hold, or the row does
    not matter to the answer."""
    columns: frozenset[str]
    """The columns that the statement needs, of all that the table has; the others may stay NULL."""


def plan(tree: exp.Expr, database: str, lookup: Lookup) -> tuple[exp.Expr, tuple[Scan, ...]]:
    """Return the statement with its tables replaced by scans, and the scans.

    Raises:
        QueryFailed: A table, a column or a type is not what the statement takes it for.
    """
    tree = tree.copy()
    expand_views(tree, database, lookup)
    tables = _mark_tables(tree, database, lookup)
    checked, named = _check(tree, database, tables)
    scans = []
    for number, table in tables.items():
        found = next((node for node in checked.find_all(exp.Table) if node.meta.get(_MARK) == number), None)
        conditions = () if found is None else tuple(_conditions(found))
        scans.append(
            Scan(
                alias=f"scan_{number}",
                table=table,
                predicates=tuple(each for each in conditions if _names_only(each, table.keys)),
                conditions=conditions,
                columns=frozenset(named.intersection(table.columns)),
            )
        )
    for node in list(tree.find_all(exp.Table)):
        if _MARK in node.meta:
            _point_at(node, f"scan_{node.meta[_MARK]}")
    return tree, tuple(scans)


def _mark_tables(tree: exp.Expr, database: str, lookup: Lookup) -> dict[int, Table]:
    tables: dict[int, Table] = {}
    for number, node in enumerate(relations(tree)):
        table = find(node, database, lookup)
        assert isinstance(table, Table)  # each view has become its statement
        node.set("catalog", None)
        node.set("db", exp.to_identifier(table.database, quoted=True))
        node.set("this", exp.to_identifier(table.name, quoted=True))
        node.meta[_MARK] = number
        tables[number] = table
    return tables


def _point_at(node: exp.Table, alias: str) -> None:
    if not node.alias:
        node.set("alias", exp.TableAlias(this=exp.to_identifier(node.name, quoted=True)))
    node.set("db", None)
    node.set("this", exp.to_identifier(alias, quoted=True))


def _check(tree: exp.Expr, database: str, tables: Mapping[int, Table]) -> tuple[exp.Expr, set[str]]:
    """Return the statement with its predicates moved inward, and the names of all columns that it needs."""
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
        pruned = pushdown_projections(checked.copy())
        # By name alone, whichever table it is of: a column too many costs a little, one too few an answer.
        named = {part.name.lower() for column in pruned.find_all(exp.Column) for part in column.parts}
        return push_down(checked), named
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
                    f"COLUMN_NOT_FOUND: {place_of(column.this)}Column '{column.name}' cannot be resolved "
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


def _conditions(node: exp.Table) -> Iterator[exp.Expr]:
    """The conditions that every row of this reference must meet to matter."""
    select = node.find_ancestor(exp.Select)
    if select is None:
        return
    join = node.parent if isinstance(node.parent, exp.Join) else None
    supplied = null_supplied(select, join)
    found: list[exp.Expr] = []
    where = select.args.get("where")
    if where is not None and not supplied:
        found.append(where.this)
    for other in select.args.get("joins") or ():
        # The ON of an inner join binds both of its sides, that of an outer join the side that may be absent.
        if other.args.get("on") is not None and (other is join if other.side else not supplied):
            found.append(other.args["on"])
    for part in (part for condition in found for part in conjuncts(condition)):
        columns = list(part.find_all(exp.Column))
        if movable(part) and all(column.table == node.alias_or_name and len(column.parts) == 2 for column in columns):
            yield _bare(part)


def _bare(condition: exp.Expr) -> exp.Expr:
    """A condition with its columns named without their table."""
    bare = condition.copy()
    for column in list(bare.find_all(exp.Column)):
        plain = exp.column(exp.to_identifier(column.name.lower(), quoted=True))
        if column is bare:
            return plain
        column.replace(plain)
    return bare


def _names_only(condition: exp.Expr, keys: Mapping[str, exp.DataType]) -> bool:
    return all(column.name in keys for column in condition.find_all(exp.Column))
