"""Predicates moved inward to the tables that they are about, as Trino's planner moves them.

sqlglot moves them through subqueries and WITH clauses, but stops at a window and at a grouping. Trino passes a window
(``PredicatePushDown.visitWindow``) and a grouping (``visitAggregation``) with the conditions whose columns the
window is partitioned by, or the rows are grouped by: a condition on such columns keeps or drops whole partitions.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp
from sqlglot.optimizer.pushdown_predicates import pushdown_predicates

_DIALECT = "trino"
_UNMOVABLE = (exp.Rand, exp.Subquery, exp.Query, exp.AggFunc, exp.Window)
# Statements are not nested deeper; each round moves a predicate in by one level at least.
_MAX_ROUNDS = 20


def push_down(tree: exp.Expr) -> exp.Expr:
    """Return a qualified statement with each predicate as far inward as Trino would move it."""
    for _ in range(_MAX_ROUNDS):
        tree = pushdown_predicates(tree, dialect=_DIALECT)
        moved = [_through_barriers(select) for select in list(tree.find_all(exp.Select))]
        if not any(moved):
            break
    return tree


def conjuncts(condition: exp.Expr) -> list[exp.Expr]:
    """The conditions that must all hold for this one to hold."""
    parts = condition.flatten() if isinstance(condition, exp.And) else [condition]
    return [part.unnest() for part in parts]


def movable(condition: exp.Expr) -> bool:
    """Whether a condition is about columns alone, and answers the same wherever it is asked."""
    return condition.find(*_UNMOVABLE) is None and condition.find(exp.Column) is not None


def null_supplied(select: exp.Select, join: exp.Join | None) -> bool:
    """Whether a row of this side can be missing from a row of the result."""
    if join is not None and join.side in ("LEFT", "FULL"):
        return True
    joins = select.args.get("joins") or []
    after = joins if join is None else joins[joins.index(join) + 1 :]
    return any(other.side in ("RIGHT", "FULL") for other in after)


def _through_barriers(select: exp.Select) -> bool:
    where = select.args.get("where")
    if where is None:
        return False
    moved = False
    for alias, inner, join in _sources(select):
        if null_supplied(select, join):
            continue
        keys = _keys(inner)
        for condition in conjuncts(where.this):
            if movable(condition) and all(column.table == alias for column in condition.find_all(exp.Column)):
                moved |= _add(inner, condition, keys)
    return moved


def _sources(select: exp.Select) -> Iterator[tuple[str, exp.Select, exp.Join | None]]:
    """The selects that this one reads from and nobody else does, by the name that they have here."""
    from_ = select.args.get("from_") or select.args.get("from")
    if from_ is None:
        return
    for node, join in [(from_.this, None), *((join.this, join) for join in select.args.get("joins") or ())]:
        inner = node.unnest() if isinstance(node, exp.Subquery) else _cte(node)
        if isinstance(inner, exp.Select):
            yield node.alias_or_name, inner, join


def _cte(node: exp.Expr) -> exp.Expr | None:
    if not isinstance(node, exp.Table) or node.db:
        return None
    root = node.root()
    ctes = [cte for cte in root.find_all(exp.CTE) if cte.alias == node.name]
    named = [table for table in root.find_all(exp.Table) if not table.db and table.name == node.name]
    return ctes[0].this if len(ctes) == len(named) == 1 else None


def _keys(inner: exp.Select) -> dict[str, exp.Column]:
    """The columns of a select's result by which a condition passes its windows and its grouping."""
    barriers: list[list[exp.Expr]] = [
        window.args.get("partition_by") or [] for item in inner.expressions for window in item.find_all(exp.Window)
    ]
    group = inner.args.get("group")
    if group is not None:
        barriers.append(group.expressions)
    if not barriers or inner.args.get("limit") or inner.args.get("offset"):
        return {}
    return {
        item.alias_or_name: item.unalias()
        for item in inner.expressions
        if isinstance(item.unalias(), exp.Column) and all(item.unalias() in barrier for barrier in barriers)
    }


def _add(inner: exp.Select, condition: exp.Expr, keys: dict[str, exp.Column]) -> bool:
    if not all(column.name in keys for column in condition.find_all(exp.Column)):
        return False
    bare = condition.copy()
    for column in list(bare.find_all(exp.Column)):
        if column is bare:
            bare = keys[column.name].copy()
        else:
            column.replace(keys[column.name].copy())
    where = inner.args.get("where")
    if where is not None and bare in conjuncts(where.this):
        return False
    inner.where(bare, copy=False)
    return True
