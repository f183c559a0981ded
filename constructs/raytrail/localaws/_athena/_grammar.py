"""What Athena takes as SQL: parses a statement, and refuses by name what the engine below would let pass.

sqlglot reads many dialects leniently, and DuckDB executes more than Trino does. Both are narrowed here, on the
tokens where the spelling tells (``::``, ``OFFSET`` after ``LIMIT``) and on the tree where the meaning does.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence

import sqlglot
from sqlglot import Dialect, Token, TokenType, exp
from sqlglot.errors import ParseError, TokenError

from raytrail.localaws._athena._errors import Malformed, QueryFailed
from raytrail.localaws._athena._functions import FUNCTIONS, TYPES

DIALECT = "athena"

# A word before a parenthesis that opens something else than the arguments of a function.
_KEYWORDS = (
    "all and any array as between by case cross cube distinct else end escape except exists fetch filter first from "
    "full group grouping having in inner intersect is join left like limit natural next not null offset on only or "
    "order outer over partition range recursive right rollup row rows select sets some then union unnest using values "
    "when where with within"
)
_NOT_CALLS = frozenset(_KEYWORDS.split())
# Spellings that DuckDB or sqlglot take and Trino does not.
_FOREIGN = {
    TokenType.ANTI,
    TokenType.ASOF,
    TokenType.DCOLON,
    TokenType.DIV,
    TokenType.GLOB,
    TokenType.ILIKE,
    TokenType.L_BRACE,
    TokenType.NULLSAFE_EQ,
    TokenType.PIVOT,
    TokenType.QUALIFY,
    TokenType.RLIKE,
    TokenType.SEMI,
    TokenType.UNPIVOT,
}
# Begins the name that stands for a question mark; no statement may hold this character.
_PLACE = "\0"
_COUNT = re.compile(r"\s*[+-]?\d+(-\d+)?\s*")
_QUERIES = (exp.Query, exp.Values)


def parse(sql: str, parameters: Sequence[str] = ()) -> exp.Expr:
    """Return the tree of one SELECT statement, parameters filled in.

    Args:
        sql: The statement.
        parameters: A constant of Athena's SQL for each question mark, in the order of the text: ``'us-east-1'``,
            ``10``, ``CAST('2026-11-01' AS DATE)``.

    Raises:
        Malformed: The text is not one statement of Athena's SQL, or not one that is emulated here; or the parameters
            are not as many as the question marks, or one is no constant.
    """
    tokens = _tokens(sql)
    if any(token.token_type == TokenType.SEMICOLON for token in tokens[:-1]):
        raise Malformed(f"Only one sql statement is allowed. Got: {sql}")
    _refuse_tokens(tokens)
    tree = _tree(sql)
    if isinstance(tree, exp.Create):
        raise Malformed("CREATE TABLE AS SELECT and CREATE VIEW are not emulated here")
    if not isinstance(tree, _QUERIES):
        raise Malformed(
            f"{tokens[0].text.upper()} is not emulated here: only SELECT, CREATE EXTERNAL TABLE and DROP TABLE are"
        )
    _refuse_nodes(tree, tokens)
    return _fill(tree, [_constant(parameter) for parameter in parameters])


def refuse_unknown_functions(sql: str) -> None:
    """Refuse a call of a function that is not in the table of functions.

    Raises:
        QueryFailed: As Athena does it, once the query runs.
    """
    for token in _calls(_tokens(sql)):
        name = token.text.lower()
        if name not in FUNCTIONS:
            raise QueryFailed(
                f"FUNCTION_NOT_FOUND: line {token.line}:{_column(token)}: Function '{name}' not registered"
            )


def _tokens(sql: str) -> list[Token]:
    if _PLACE in sql:
        raise Malformed("a statement cannot hold the character U+0000")
    try:
        tokens = sqlglot.tokenize(sql, read="trino")
    except TokenError as error:
        raise Malformed(f"line 1:1: {error}") from error
    if not tokens:
        raise Malformed("line 1:1: mismatched input '<EOF>'")
    if any(token.token_type == TokenType.UNKNOWN and token.text == "`" for token in tokens):
        raise Malformed("backquoted identifiers are not supported; use double quotes to quote identifiers")
    return tokens


def _refuse_tokens(tokens: list[Token]) -> None:
    if tokens[0].token_type == TokenType.FROM:
        raise _mismatched(tokens[0])
    for token in tokens:
        if token.token_type in _FOREIGN or token.text == "==":
            raise _mismatched(token)
    for before, token, after in zip(tokens, tokens[1:], [*tokens[2:], None], strict=False):
        _refuse_neighbours(before, token, after)
    _refuse_clauses(tokens)


def _refuse_neighbours(before: Token, token: Token, after: Token | None) -> None:
    if token.token_type == TokenType.L_BRACKET and not _subscripted(before):
        raise _mismatched(token)
    if after is None:
        return
    if token.token_type == TokenType.INTERVAL and not (
        after.token_type == TokenType.STRING and _COUNT.fullmatch(after.text)
    ):
        raise _mismatched(after)
    if token.token_type == TokenType.COMMA and after.token_type in (TokenType.FROM, TokenType.R_PAREN):
        raise _mismatched(after)


def _refuse_clauses(tokens: list[Token]) -> None:
    """Refuse what follows LIMIT on the same level, and the types of other engines in a cast."""
    limited = [False]
    casting = [False]
    for before, token, after in zip([tokens[0], *tokens], tokens, [*tokens[1:], tokens[-1]], strict=False):
        kind = token.token_type
        if kind == TokenType.L_PAREN:
            limited.append(False)
            casting.append(before.text.lower() in ("cast", "try_cast"))
        elif kind == TokenType.R_PAREN and len(limited) > 1:
            limited.pop()
            casting.pop()
        elif kind == TokenType.LIMIT:
            limited[-1] = True
        elif limited[-1] and kind in (TokenType.OFFSET, TokenType.COMMA):
            raise _mismatched(token)
        elif casting[-1] and kind == TokenType.ALIAS and after.text.lower() not in TYPES:
            raise Malformed(f"line {after.line}:{_column(after)}: Unknown type: {after.text.lower()}")


def _subscripted(token: Token) -> bool:
    """Whether a bracket after this token selects an element, or opens an ARRAY constructor."""
    if token.token_type in (TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.IDENTIFIER):
        return True
    return token.text.lower() == "array" or (token.token_type == TokenType.VAR)


def _refuse_nodes(tree: exp.Expr, tokens: list[Token]) -> None:
    text = tree.sql(DIALECT)
    lambdas = sum(1 for _ in tree.find_all(exp.Lambda))
    arrows = [token for token in tokens if token.token_type == TokenType.ARROW]
    if len(arrows) > lambdas:
        raise _mismatched(arrows[0])
    for node in tree.walk():
        if isinstance(node, exp.Star) and any(node.args.values()):
            raise Malformed(f"mismatched input after '*' in: {node.sql(DIALECT)}")
        if isinstance(node, exp.Group) and node.args.get("all") and not node.expressions:
            raise Malformed("mismatched input 'ALL'. Expecting: <expression>")
        if isinstance(node, exp.Distinct) and node.args.get("on"):
            raise Malformed("mismatched input 'ON'. Expecting: <expression>")
        if isinstance(node, exp.Interval) and node.args.get("unit") is None:
            raise Malformed(f"an interval takes a quoted number and a unit, as in INTERVAL '7' DAY, in: {text}")
        if isinstance(node, exp.Table) and not isinstance(node.this, exp.Identifier):
            raise Malformed(f"mismatched input '(' in: FROM {node.sql(DIALECT)}")
        if isinstance(node, exp.TableSample):
            raise Malformed("TABLESAMPLE is not emulated here")


def _tree(sql: str) -> exp.Expr:
    """Parse, with a name of its own in the place of each question mark: a tree does not keep the order of the text."""
    athena = Dialect.get_or_raise(DIALECT)
    places = (f"{_PLACE}{number}" for number in itertools.count())
    named = [
        Token(TokenType.IDENTIFIER, next(places), token.line, token.col, token.start, token.end)
        if token.token_type == TokenType.PLACEHOLDER
        else token
        for token in athena.tokenize(sql)
    ]
    try:
        trees = [tree for tree in athena.parser().parse(named, sql) if tree is not None]
    except ParseError as error:
        first = error.errors[0]
        raise Malformed(f"line {first['line']}:{first['col']}: mismatched input '{first['highlight']}'") from error
    if len(trees) != 1:
        raise Malformed(f"Only one sql statement is allowed. Got: {sql}")
    return trees[0]


def _constant(parameter: str) -> exp.Expr:
    """Return the tree of an execution parameter, which can be no more than one value in the statement."""
    try:
        _refuse_tokens(_tokens(parameter))
        value = _tree(parameter)
    except Malformed as error:
        raise Malformed(f"Invalid execution parameter {parameter!r}: {error}") from error
    if not isinstance(value, exp.Condition) or value.find(exp.Query, exp.Column):
        raise Malformed(f"Invalid execution parameter {parameter!r}: it is no constant; a text stands in single quotes")
    return value if isinstance(value, exp.Literal) else exp.Paren(this=value)


def _fill(tree: exp.Expr, values: Sequence[exp.Expr]) -> exp.Expr:
    places = [node for node in tree.find_all(exp.Column) if node.name.startswith(_PLACE) and not node.table]
    if len(places) != len(values):
        raise Malformed(f"Incorrect number of parameters: expected {len(places)} but found {len(values)}")
    for place in places:
        place.replace(values[int(place.name.removeprefix(_PLACE))].copy())
    return tree


def _calls(tokens: list[Token]) -> Iterator[Token]:
    """The tokens that are the name of a called function."""
    for index, token in enumerate(tokens[:-1]):
        if tokens[index + 1].token_type != TokenType.L_PAREN or not token.text.isidentifier():
            continue
        if token.token_type in (TokenType.IDENTIFIER, TokenType.STRING):
            continue
        before = tokens[index - 1] if index else None
        if token.text.lower() in _NOT_CALLS or (before is not None and _names_a_relation(tokens, index, before)):
            continue
        yield token


def _names_a_relation(tokens: list[Token], index: int, before: Token) -> bool:
    """Whether the word is the alias of a relation with a list of columns, or a type with a length."""
    if before.token_type in (TokenType.ALIAS, TokenType.R_PAREN):
        return True
    if tokens[index].text.lower() in TYPES - {"date", "map"}:
        return True
    depth = 0
    for place in range(index + 1, len(tokens)):
        depth += {TokenType.L_PAREN: 1, TokenType.R_PAREN: -1}.get(tokens[place].token_type, 0)
        if depth == 0:
            # WITH name (a, b) AS (...)
            return [token.token_type for token in tokens[place + 1 : place + 3]] == [TokenType.ALIAS, TokenType.L_PAREN]
    return False


def _column(token: Token) -> int:
    return max(token.col - len(token.text) + 1, 1)


def _mismatched(token: Token) -> Malformed:
    return Malformed(f"line {token.line}:{_column(token)}: mismatched input '{token.text}'")
