"""From Trino's SQL to DuckDB's: sqlglot's translation, and what it leaves different."""

from __future__ import annotations

import re
from typing import Any

from sqlglot import exp
from sqlglot.optimizer.annotate_types import annotate_types

from raytrail.localaws._athena import _addresses, _json_paths

PRELUDE = """
SET TimeZone = 'UTC';
SET integer_division = true;
CREATE MACRO trino_json(j) AS CASE WHEN json_valid(j) THEN j END;
CREATE MACRO trino_json_extract(j, p) AS json_extract(trino_json(j), p);
CREATE MACRO trino_json_extract_scalar(j, p) AS
  CASE WHEN json_type(trino_json(j), p) NOT IN ('OBJECT', 'ARRAY', 'NULL')
    THEN json_extract_string(trino_json(j), p) END;
CREATE MACRO trino_json_array_contains(j, v) AS
  CASE WHEN json_type(trino_json(j)) = 'ARRAY'
    THEN list_contains(TRY_CAST(CAST(trino_json(j) AS JSON) AS JSON[]), to_json(v)) END;
CREATE MACRO trino_json_size(j, p) AS
  CASE json_type(trino_json(j), p)
    WHEN 'OBJECT' THEN CAST(len(json_keys(trino_json(j), p)) AS BIGINT)
    WHEN 'ARRAY' THEN CAST(json_array_length(trino_json(j), p) AS BIGINT)
    WHEN NULL THEN NULL
    ELSE 0
  END;
CREATE MACRO trino_split_part(s, d, n) AS string_split(s, d)[n];
CREATE MACRO trino_regexp_extract(s, p, g) AS CASE WHEN regexp_matches(s, p) THEN regexp_extract(s, p, g) END;
CREATE MACRO trino_slice(a, s, n) AS
  CASE WHEN s > 0 THEN a[s : s + n - 1] ELSE a[len(a) + s + 1 : len(a) + s + n] END;
CREATE MACRO trino_array_position(a, v) AS CAST(coalesce(list_position(a, v), 0) AS BIGINT);
CREATE MACRO trino_to_iso8601(t) AS
  CASE typeof(t)
    WHEN 'DATE' THEN strftime(t, '%Y-%m-%d')
    WHEN 'TIMESTAMP' THEN strftime(t, '%Y-%m-%dT%H:%M:%S.%g')
    ELSE strftime(t, '%Y-%m-%dT%H:%M:%S.%gZ')
  END;
"""
PRELUDE = f"{PRELUDE}{_json_paths.PRELUDE}{_addresses.PRELUDE}"
"""Settings and macros that a connection needs before a translated statement runs."""

_DATE_UNITS = {"DAY", "WEEK", "MONTH", "QUARTER", "YEAR", "DAYS", "WEEKS", "MONTHS", "YEARS"}
_MACROS: dict[type[exp.Expr], tuple[str, ...]] = {
    exp.JSONExtract: ("trino_json_extract", "this", "expression"),
    exp.JSONExtractScalar: ("trino_json_extract_scalar", "this", "expression"),
    exp.SplitPart: ("trino_split_part", "this", "delimiter", "part_index"),
    exp.ArraySlice: ("trino_slice", "this", "start", "end"),
    exp.JSONArrayContains: ("trino_json_array_contains", "this", "expression"),
    exp.ArrayPosition: ("trino_array_position", "this", "expression"),
}
_MATCHES = {"ANY_MATCH": exp.GT, "NONE_MATCH": exp.EQ}


def to_duckdb(tree: exp.Expr) -> str:
    """Return the SQL that DuckDB executes for a Trino statement or expression."""
    root = exp.Paren(this=annotate_types(tree.copy(), dialect="trino"))
    # From the leaves up, so that what is rewritten inside is what an outer call takes.
    for node in reversed(list(root.bfs())):
        rewritten = _rewrite(node)
        if rewritten is not node:
            rewritten.type = node.type
            node.replace(rewritten)
    return str(root.this.sql("duckdb", comments=False))


def _rewrite(node: exp.Expr) -> exp.Expr:
    if isinstance(node, exp.Func):
        return _function(node)
    if isinstance(node, (exp.Add, exp.Sub)) and _is_date(node.this) and isinstance(node.expression, exp.Interval):
        # DuckDB makes a timestamp of a date and days.
        return _as_date(node) if _unit(node.expression.args.get("unit")) in _DATE_UNITS else node
    return node


def _function(node: exp.Func) -> exp.Expr:  # noqa: PLR0911 - one case for each function that differs
    other = _other_type(node)
    if other is not None:
        return other
    plain = _MACROS.get(type(node))
    if plain is not None:
        macro, *names = plain
        return _call(macro, *(node.args[name] for name in names))
    match node:
        case exp.RegexpExtract():
            group = node.args.get("group") or exp.Literal.number(0)
            return _call("trino_regexp_extract", node.this, node.expression, group)
        case exp.RegexpReplace():
            # $1 is Java's word for the first group, \1 is RE2's.
            new = node.args.get("replacement")
            if isinstance(new, exp.Literal):
                new.set("this", re.sub(r"\$(\d)", r"\\\1", new.name))
        case exp.DateDiff():
            # Trino counts whole units that have passed, as DuckDB's date_sub does.
            unit = exp.Literal.string(_unit(node.args.get("unit")).lower())
            return _call("date_sub", unit, node.expression, node.this)
        case exp.DateAdd() | exp.DateTrunc() | exp.TimestampTrunc():
            if _is_date(node.this) and _unit(node.args.get("unit")) in _DATE_UNITS:
                return _as_date(node)
        case exp.Cast():
            if _is_text(node.to) and _is_timestamp(node.this):
                return _call("strftime", node.this, exp.Literal.string("%Y-%m-%d %H:%M:%S.%g"))
        case exp.ArgMax() | exp.ArgMin() if not node.args.get("count"):
            # Trino's answer may be NULL; DuckDB's plain one passes over rows where it would be.
            name = "arg_max_null" if isinstance(node, exp.ArgMax) else "arg_min_null"
            return _call(name, node.this, node.expression)
        case exp.Anonymous():
            return _anonymous(node)
    return node


def _other_type(node: exp.Func) -> exp.Expr | None:
    """What is about SQL/JSON or about addresses, neither of which DuckDB has; None for all else."""
    match node:
        case exp.JSONExtract() if node.args.get("json_query"):
            return _json_paths.json_query(node)
        case exp.ArrayContains() if _addresses.is_address(node.expression):
            return _addresses.in_network(node.this, node.expression)
        case exp.Cast() if node.to.this == exp.DataType.Type.IPADDRESS:
            return _addresses.address(node)
        case exp.Cast():
            return _json_paths.found(node)
    return None


def _anonymous(node: exp.Anonymous) -> exp.Expr:
    name = node.name.upper()
    if name in _MATCHES:
        count = _call("len", _call("list_filter", *node.expressions))
        return exp.Paren(this=_MATCHES[name](this=count, expression=exp.Literal.number(0)))
    if name == "ALL_MATCH":
        array = node.expressions[0]
        count = _call("len", _call("list_filter", *node.expressions))
        return exp.Paren(this=exp.EQ(this=count, expression=_call("len", array.copy())))
    if name == "EVERY":
        return _call("bool_and", *node.expressions)
    if name in ("JSON_SIZE", "TO_ISO8601"):
        return _call(f"trino_{name.lower()}", *node.expressions)
    return node


def _call(name: str, *arguments: Any) -> exp.Anonymous:
    return exp.Anonymous(this=name, expressions=[argument.copy() for argument in arguments])


def _as_date(node: exp.Expr) -> exp.Expr:
    return exp.cast(node.copy(), exp.DataType.Type.DATE)


def _is_date(node: exp.Expr) -> bool:
    return isinstance(node.type, exp.DataType) and node.type.this == exp.DataType.Type.DATE


def _is_timestamp(node: exp.Expr) -> bool:
    return isinstance(node.type, exp.DataType) and node.type.this in (
        exp.DataType.Type.TIMESTAMP,
        exp.DataType.Type.DATETIME,
    )


def _is_text(kind: exp.DataType) -> bool:
    return kind.this in exp.DataType.TEXT_TYPES


def _unit(unit: object) -> str:
    return str(unit.name).upper() if isinstance(unit, exp.Expr) else ""
