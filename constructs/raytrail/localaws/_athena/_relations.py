"""From the names in a statement to tables and views: looks them up, and puts a view's statement where it is named."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlglot import exp

from raytrail.localaws._athena._errors import Malformed, QueryFailed
from raytrail.localaws._athena._grammar import parse, refuse_unknown_functions
from raytrail.localaws._athena._table import Table, View

Lookup = Callable[[str, str], Table | View]
"""From a database and a name to the table or view; raises QueryFailed."""


def relations(tree: exp.Expr) -> list[exp.Table]:
    """The places of a statement that name a table or a view, and not one of its WITH clauses."""
    return [node for node in tree.find_all(exp.Table) if node.db or node.name.lower() not in _visible_ctes(node)]


def find(node: exp.Table, database: str, lookup: Lookup) -> Table | View:
    """Return what a place names.

    Raises:
        QueryFailed: There is no such catalog, database or table.
    """
    catalog = node.catalog.lower()
    if catalog not in ("", "awsdatacatalog"):
        raise QueryFailed(f"CATALOG_NOT_FOUND: {place_of(node)}Catalog '{catalog}' does not exist")
    try:
        return lookup((node.db or database).lower(), node.name.lower())
    except QueryFailed as error:
        code, _, rest = str(error).partition(": ")
        raise QueryFailed(f"{code}: {place_of(node)}{rest}") from None


def expand_views(tree: exp.Expr, database: str, lookup: Lookup, above: Sequence[str] = ()) -> None:
    """Put the statement of each view where the view is named, in place, views of views too.

    Raises:
        QueryFailed: A name is not found, or a view is recursive, stale or no statement of Athena.
    """
    for node in relations(tree):
        found = find(node, database, lookup)
        if isinstance(found, View):
            node.replace(_subquery(node, found, lookup, above))


def place_of(node: exp.Expr) -> str:
    """``line 1:15: ``, where a part of the statement stands; empty if that is not known."""
    node = node.parts[0] if isinstance(node, exp.Table) else node
    place = next((part for part in node.walk() if "line" in part.meta), None)
    if place is None:
        return ""
    return f"line {place.meta['line']}:{place.meta['col'] - len(place.name) + 1}: "


def _subquery(node: exp.Table, view: View, lookup: Lookup, above: Sequence[str]) -> exp.Subquery:
    where = place_of(node)
    if view.label in above:
        raise QueryFailed(f"VIEW_IS_RECURSIVE: {where}View '{view.label}' is recursive")
    try:
        tree = parse(view.sql)
        refuse_unknown_functions(view.sql)
        expand_views(tree, view.schema, lookup, (*above, view.label))
    except Malformed as error:
        raise QueryFailed(f"INVALID_VIEW: {where}Failed parsing stored view '{view.label}': {error}") from error
    except QueryFailed as error:
        code, _, rest = str(error).partition(": ")
        code = code if code == "VIEW_IS_RECURSIVE" else "INVALID_VIEW"
        raise QueryFailed(f"{code}: {where}Failed analyzing stored view '{view.label}': {rest}") from error
    _refuse_stale(tree, view, where)
    for inner in relations(tree):
        # The statement around it may have another database, or a WITH clause of that name.
        if not inner.db:
            inner.set("db", exp.to_identifier(view.schema, quoted=True))
    alias = node.args.get("alias") or exp.TableAlias(this=exp.to_identifier(view.name, quoted=True))
    return exp.Subquery(this=tree, alias=alias.copy())


def _refuse_stale(tree: exp.Expr, view: View, where: str) -> None:
    """Refuse a view whose statement no longer gives the columns that the catalog says it has."""
    if not isinstance(tree, exp.Query) or tree.is_star:
        return
    names = [name.lower() for name in tree.named_selects]
    if names != view.columns:
        stored = ", ".join(view.columns)
        raise QueryFailed(
            f"VIEW_IS_STALE: {where}View '{view.label}' is stale or in invalid state: it gives the columns "
            f"[{', '.join(names)}], the catalog has [{stored}]"
        )


def _visible_ctes(node: exp.Expr) -> set[str]:
    names: set[str] = set()
    scope: exp.Expr | None = node
    while scope is not None:
        with_ = scope.args.get("with_") or scope.args.get("with")
        if isinstance(with_, exp.With):
            names.update(cte.alias.lower() for cte in with_.expressions)
        scope = scope.parent
    return names
