"""Trino's ``json_query``: SQL/JSON paths in the lax mode, as calls that DuckDB understands.

https://trino.io/docs/current/functions/json.html#json-path-modes. Emulated are member accessors and ``[*]``, with the
results wrapped into an array; that is how a field is found whether or not there are arrays on the way to it.
"""

from __future__ import annotations

import re

from sqlglot import exp

from raytrail.localaws._athena._errors import QueryFailed

PRELUDE = """
CREATE MACRO trino_json_items(l) AS
  flatten(list_transform(l, lambda x: CASE WHEN json_type(x) = 'ARRAY' THEN json_extract(x, '$[*]') ELSE [x] END));
CREATE MACRO trino_json_member(l, p) AS
  list_filter(list_transform(trino_json_items(l), lambda x: json_extract(x, p)), lambda x: x IS NOT NULL);
CREATE MACRO trino_json_root(j) AS CASE WHEN json_valid(j) THEN [CAST(j AS JSON)] END;
CREATE MACRO trino_json_wrapped(l) AS CAST(nullif(to_json(l), '[]') AS VARCHAR);
CREATE MACRO trino_json_found(l) AS nullif(l, CAST([] AS JSON[]));
"""
"""Macros that a connection needs; ``trino_json`` is one of those that it has already."""

_STEP = re.compile(r'\.(?:(?P<word>[A-Za-z_]\w*)(?!\w*\()|"(?P<quoted>[^"\\]+)")|(?P<every>\[\*\])')
_WRAPPER = "trino_json_wrapped"
_WRAPPED = ("WITH ARRAY WRAPPER", "WITH WRAPPER", "WITH UNCONDITIONAL ARRAY WRAPPER", "WITH UNCONDITIONAL WRAPPER")


def json_query(node: exp.JSONExtract) -> exp.Expr:
    """Return what DuckDB executes for a call of ``json_query``.

    Raises:
        QueryFailed: The path, or an option, is not emulated here.
    """
    path = node.expression.name
    option = node.args.get("option")
    others = [name for name in ("quote", "on_condition", "passing") if node.args.get(name)]
    if option is None or option.name.upper() not in _WRAPPED or others:
        raise QueryFailed("NOT_SUPPORTED: json_query is emulated here WITH ARRAY WRAPPER and without other clauses")
    items = _call("trino_json_root", node.this.copy())
    for step in _steps(path):
        items = _call("trino_json_items", items) if step is None else _call("trino_json_member", items, _member(step))
    return _call(_WRAPPER, items)


def found(node: exp.Cast) -> exp.Expr | None:
    """Return what DuckDB executes for ``CAST(json_parse(json_query(...)) AS array(json))``, or None for another cast.

    The text between the two is never made.
    """
    kind, parsed = node.to, node.this
    if not (kind.this == exp.DataType.Type.ARRAY and kind.expressions[0].this == exp.DataType.Type.JSON):
        return None
    text = parsed.this if isinstance(parsed, exp.ParseJSON) else None
    if not (isinstance(text, exp.Anonymous) and text.name == _WRAPPER):
        return None
    return _call("trino_json_found", text.expressions[0].copy())


def _steps(path: str) -> list[str | None]:
    """The names of members that a path goes through, None where it goes through the elements of an array."""
    start = re.match(r"lax\s+\$", path)
    steps: list[str | None] = []
    place = start.end() if start else 0
    while start and place < len(path) and (step := _STEP.match(path, place)):
        steps.append(None if step["every"] else step["word"] or step["quoted"])
        place = step.end()
    if not start or place < len(path):
        raise QueryFailed(
            f"NOT_SUPPORTED: the JSON path {path!r} is not emulated here, only lax ones of names and [*] are"
        )
    return steps


def _member(name: str) -> exp.Expr:
    return exp.Literal.string(f'$."{name}"')


def _call(name: str, *arguments: exp.Expr) -> exp.Anonymous:
    return exp.Anonymous(this=name, expressions=list(arguments))
