"""The grammar of Logs Insights queries: text becomes a list of commands.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax.html
"""

from __future__ import annotations

import re
from collections.abc import Callable

from raytrail.localaws._logs._insights_functions import FUNCTIONS
from raytrail.localaws._logs._insights_tree import (
    Among,
    Call,
    Column,
    Command,
    Dedup,
    Duration,
    Expression,
    Field,
    Fields,
    Filter,
    Limit,
    Literal,
    Matches,
    Parse,
    QueryError,
    Sort,
    Stats,
)

AGGREGATES = frozenset(
    [
        *("count", "count_distinct", "sum", "avg", "min", "max", "pct", "median", "stddev"),
        *("earliest", "latest", "sortsfirst", "sortslast"),
    ]
)
MAX_LIMIT = 10_000

_SKIP = re.compile(r"(?:\s+|#[^\n]*)*")
_TOKEN = re.compile(
    r"(?P<duration>\d+(?:ms|mo|min|[smhdwqy])(?!\w))|(?P<number>\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+)"
    r"|(?P<name>(?:`[^`]+`|[@A-Za-z_][\w@]*)(?:\.(?:`[^`]+`|[\w@]+))*)"
    r"|(?P<text>\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*')|(?P<sign>=~|!=|<=|>=|[|,()\[\]=<>+\-*/%^])"
)
_REGEX = re.compile(r"/((?:[^/\\\n]|\\.)*)/")
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400, "w": 604800}
_MONTHS = {"mo": 1, "q": 3, "y": 12}
_LEVELS: tuple[tuple[str, ...], ...] = (("+", "-"), ("*", "/", "%"), ("^",))
_COMPARISONS = ("=", "!=", "<", "<=", ">", ">=")


def parse(query: str) -> list[Command]:
    """The commands of ``query``.

    Raises:
        QueryError: It is not a query, or has a command or function that is not emulated.
    """
    return _Parser(query).query()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._inside_stats = False

    # --- tokens ---

    def _peek(self) -> tuple[str, str, int]:
        """The kind, text and end of the next token; kind is empty at the end."""
        skipped = _SKIP.match(self._text, self._at)
        self._at = skipped.end() if skipped else self._at
        found = _TOKEN.match(self._text, self._at)
        if found:
            return str(found.lastgroup), found[0], found.end()
        return ("", "", self._at) if self._at == len(self._text) else ("?", self._text[self._at], self._at + 1)

    def _next(self) -> tuple[str, str]:
        kind, text, end = self._peek()
        if kind in ("", "?"):
            raise self._unexpected()
        self._at = end
        return kind, text

    def _sign(self, *signs: str) -> str:
        kind, text, end = self._peek()
        if kind == "sign" and text in signs:
            self._at = end
            return text
        return ""

    def _word(self, *words: str) -> str:
        kind, text, end = self._peek()
        if kind == "name" and text.lower() in words:
            self._at = end
            return text.lower()
        return ""

    def _need(self, sign: str) -> None:
        if not self._sign(sign):
            raise self._unexpected()

    def _name(self) -> str:
        kind, text, _ = self._peek()
        if kind != "name":
            raise self._unexpected()
        self._next()
        return text.replace("`", "")

    def _unexpected(self) -> QueryError:
        kind, text, end = self._peek()
        before = self._text[: self._at]
        line, position = before.count("\n") + 1, self._at - (before.rfind("\n") + 1)
        symbol = text if kind else "end of query"
        return QueryError(f"unexpected symbol found {symbol} at line {line} and position {position}", self._at, end)

    # --- commands ---

    def query(self) -> list[Command]:
        commands = [self._command()]
        while self._sign("|"):
            # The only command after dedup is limit.
            if isinstance(commands[-1], Dedup) and self._peek()[1].lower() != "limit":
                raise self._unexpected()
            commands.append(self._command())
        if self._peek()[0]:
            raise self._unexpected()
        return commands

    def _command(self) -> Command:
        commands: dict[str, Callable[[], Command]] = {
            "fields": lambda: Fields(self._columns(), only=False),
            "display": lambda: Fields(self._columns(), only=True),
            "filter": lambda: Filter(self._condition()),
            "stats": self._stats,
            "sort": self._sort,
            "limit": self._limit,
            "parse": self._parse,
            "dedup": self._dedup,
        }
        word = self._word(*commands)
        if not word:
            raise self._unexpected()
        return commands[word]()

    def _dedup(self) -> Dedup:
        names = [self._name()]
        while self._sign(","):
            names.append(self._name())
        return Dedup(tuple(names))

    def _columns(self) -> tuple[Column, ...]:
        columns = [self._column()]
        while self._sign(","):
            columns.append(self._column())
        return tuple(columns)

    def _column(self) -> Column:
        self._peek()
        start = self._at
        value = self._condition()
        label = value.name if isinstance(value, Field) else " ".join(self._text[start : self._at].split())
        return (self._name() if self._word("as") else label), value

    def _stats(self) -> Stats:
        self._inside_stats = True
        columns = self._columns()
        self._inside_stats = False
        for label, value in columns:
            if not _aggregates(value):
                raise QueryError(f"stats needs an aggregate function, got {label}", self._at, self._at)
        return Stats(columns, self._columns() if self._word("by") else ())

    def _sort(self) -> Sort:
        keys = []
        while True:
            value = self._condition()
            keys.append((value, self._word("asc", "desc") == "desc"))
            if not self._sign(","):
                return Sort(tuple(keys))

    def _limit(self) -> Limit:
        kind, text, end = self._peek()
        if kind != "number" or not text.isdigit() or not 1 <= int(text) <= MAX_LIMIT:
            raise QueryError(f"limit takes a number from 1 to {MAX_LIMIT}", self._at, end)
        self._next()
        return Limit(int(text))

    def _parse(self) -> Parse:
        source: Expression = Field("@message")
        pattern = self._regex()
        if pattern is None and self._peek()[0] == "name":
            # A field or a function of one: what follows is a regex, and no division.
            source = self._unary()
            pattern = self._regex()
        if pattern is not None:
            if not pattern.groupindex:
                raise QueryError("parse needs a named group in its regular expression", self._at, self._at)
            if self._word("as"):
                raise QueryError("a regular expression of parse names its own fields", self._at, self._at)
            return Parse(source, pattern, tuple(pattern.groupindex))
        kind, text = self._next()
        if kind != "text" or not self._word("as"):
            raise self._unexpected()
        names = [self._name()]
        while self._sign(","):
            names.append(self._name())
        glob = _unquote(text)
        if glob.count("*") != len(names):
            raise QueryError("the number of fields must be that of the wildcards in parse", self._at, self._at)
        # Each wildcard takes as little as it can, but the last, at the end, takes the rest.
        body = "(.*?)".join(re.escape(part) for part in glob.split("*"))
        if glob.endswith("*"):
            body = body[: -len("(.*?)")] + "(.*)"
        return Parse(source, re.compile(body, re.DOTALL), tuple(names))

    # --- expressions ---

    def _condition(self) -> Expression:
        left = self._conjunction()
        while self._word("or"):
            left = Call("or", (left, self._conjunction()))
        return left

    def _conjunction(self) -> Expression:
        left = self._negation()
        while self._word("and"):
            left = Call("and", (left, self._negation()))
        return left

    def _negation(self) -> Expression:
        return Call("not", (self._negation(),)) if self._word("not") else self._comparison()

    def _comparison(self) -> Expression:
        left = self._value(0)
        if sign := self._sign(*_COMPARISONS):
            return Call(sign, (left, self._value(0)))
        if self._sign("=~"):
            return Matches(left, self._pattern())
        negated = bool(self._word("not"))
        if self._word("like"):
            found: Expression = Matches(left, self._pattern())
        elif self._word("in"):
            self._need("[")
            items = [self._value(0)]
            while self._sign(","):
                items.append(self._value(0))
            self._need("]")
            found = Among(left, tuple(items))
        elif negated:
            raise self._unexpected()
        else:
            return left
        return Call("not", (found,)) if negated else found

    def _pattern(self) -> re.Pattern[str] | Expression:
        return self._regex() or self._value(0)

    def _regex(self) -> re.Pattern[str] | None:
        self._peek()
        found = _REGEX.match(self._text, self._at)
        if not found:
            return None
        try:
            compiled = _compile(found[1])
        except re.error as error:
            raise QueryError(f"invalid regular expression: {error}", self._at, found.end()) from error
        self._at = found.end()
        return compiled

    def _value(self, level: int) -> Expression:
        if level == len(_LEVELS):
            return self._unary()
        left = self._value(level + 1)
        while sign := self._sign(*_LEVELS[level]):
            left = Call(sign, (left, self._value(level + 1)))
        return left

    def _unary(self) -> Expression:
        if self._sign("-"):
            return Call("-", (Literal(0.0), self._unary()))
        if self._sign("("):
            inner = self._condition()
            self._need(")")
            return inner
        start = self._at
        kind, text = self._next()
        if kind == "number":
            return Literal(float(text))
        if kind == "text":
            return Literal(_unquote(text))
        if kind == "duration":
            return _duration(text)
        if kind == "name":
            return self._call(text, start) if self._peek()[1] == "(" else Field(text.replace("`", ""))
        self._at = start
        raise self._unexpected()

    def _call(self, name: str, start: int) -> Expression:
        lower = name.lower()
        if lower not in FUNCTIONS and not (lower in AGGREGATES and self._inside_stats):
            raise QueryError(f"Invalid function: {name}", start, start + len(name))
        self._need("(")
        arguments: list[Expression] = []
        if lower == "count" and self._sign("*"):
            pass
        elif self._peek()[1] != ")":
            arguments.append(self._condition())
            while self._sign(","):
                arguments.append(self._condition())
        self._need(")")
        if lower in FUNCTIONS and not FUNCTIONS[lower].takes(len(arguments)):
            raise QueryError(f"Invalid arguments for function: {name}", start, self._at)
        return Call(lower, tuple(arguments))


def _aggregates(value: Expression) -> bool:
    return isinstance(value, Call) and (value.name in AGGREGATES or any(map(_aggregates, value.arguments)))


def _duration(text: str) -> Duration:
    digits = re.match(r"\d+", text)
    assert digits
    unit = text[digits.end() :]
    if unit in _MONTHS:
        return Duration(months=int(digits[0]) * _MONTHS[unit])
    return Duration(seconds=int(digits[0]) * _SECONDS[unit])


def _unquote(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1])


def _compile(source: str) -> re.Pattern[str]:
    """A regex of the query language in Python's dialect: named groups, and flags in the middle."""
    flags = re.IGNORECASE if "(?i)" in source else 0
    source = re.sub(r"\(\?<(?![=!])", "(?P<", source.replace("(?i)", "")).replace(r"\/", "/")
    return re.compile(source, flags | re.DOTALL)
