"""The grammar of metric math: ``IF(m1 > 10, errors / SUM([m1, m2]) * 100)`` becomes a tree.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass


class MathError(ValueError):
    """An expression that CloudWatch refuses; the message says why."""


@dataclass(frozen=True, slots=True)
class Number:
    """A scalar."""

    value: float


@dataclass(frozen=True, slots=True)
class Text:
    """A quoted string, as ``METRICS`` takes."""

    value: str


@dataclass(frozen=True, slots=True)
class Name:
    """The id of a metric or expression, or a keyword such as ``REPEAT``."""

    value: str


@dataclass(frozen=True, slots=True)
class Array:
    """``[m1, m2]``."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """A function and its arguments; operators are functions named by their sign."""

    function: str
    arguments: tuple[Node, ...]


Node = Number | Text | Name | Array | Call

_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+)|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<text>\"[^\"]*\"|'[^']*')|(?P<sign>==|!=|<=|>=|&&|\|\||[-+*/^()\[\],<>]))"
)
_LEVELS: tuple[tuple[str, ...], ...] = (
    ("OR", "||"),
    ("AND", "&&"),
    ("==", "!=", "<", "<=", ">", ">="),
    ("+", "-"),
    ("*", "/"),
)
_SAME = {"&&": "AND", "||": "OR"}


def parse(expression: str) -> Node:
    """The tree of ``expression``.

    Raises:
        MathError: It is not metric math.
    """
    parser = _Parser(_tokens(expression))
    tree = parser.level(0)
    if parser.peek()[0]:
        raise MathError(f"Unexpected '{parser.peek()[1]}'")
    return tree


def names(tree: Node) -> set[str]:
    """The ids that ``tree`` refers to."""
    if isinstance(tree, Name):
        return {tree.value} if tree.value[0].islower() else set()
    children = tree.items if isinstance(tree, Array) else tree.arguments if isinstance(tree, Call) else ()
    return {name for child in children for name in names(child)}


def _tokens(expression: str) -> list[tuple[str, str]]:
    tokens, at = [], 0
    text = expression.rstrip()
    while at < len(text):
        found = _TOKEN.match(text, at)
        if not found:
            raise MathError(f"Unexpected character '{text[at:].lstrip()[:1]}' at position {at + 1}")
        tokens.append((str(found.lastgroup), found[str(found.lastgroup)]))
        at = found.end()
    if not tokens:
        raise MathError("The expression is empty")
    return tokens


class _Parser:
    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = tokens
        self._at = 0

    def peek(self) -> tuple[str, str]:
        return self._tokens[self._at] if self._at < len(self._tokens) else ("", "end of expression")

    def take(self, text: str | None = None) -> tuple[str, str]:
        token = self.peek()
        if not token[0] or (text is not None and token[1] != text):
            raise MathError(f"Unexpected '{token[1]}'" + (f", expected '{text}'" if text else ""))
        self._at += 1
        return token

    def level(self, depth: int) -> Node:
        if depth == len(_LEVELS):
            return self.power()
        left = self.level(depth + 1)
        while self.peek()[1] in _LEVELS[depth] and self.peek()[0] != "text":
            sign = self.take()[1]
            left = Call(_SAME.get(sign, sign), (left, self.level(depth + 1)))
        return left

    def power(self) -> Node:
        left = self.unary()
        if self.peek() == ("sign", "^"):
            self.take()
            return Call("^", (left, self.power()))
        return left

    def unary(self) -> Node:
        if self.peek() == ("sign", "-"):
            self.take()
            return Call("negate", (self.unary(),))
        return self.primary()

    def primary(self) -> Node:
        kind, text = self.take()
        if kind == "number":
            return Number(float(text))
        if kind == "text":
            return Text(text[1:-1])
        if kind == "name":
            if self.peek() == ("sign", "("):
                return Call(text, self.items("(", ")"))
            return Name(text)
        if text == "(":
            inner = self.level(0)
            self.take(")")
            return inner
        if text == "[":
            self._at -= 1
            return Array(self.items("[", "]"))
        raise MathError(f"Unexpected '{text}'")

    def items(self, opening: str, closing: str) -> tuple[Node, ...]:
        self.take(opening)
        found: list[Node] = []
        while self.peek()[1] != closing:
            if found:
                self.take(",")
            found.append(self.level(0))
        self.take(closing)
        return tuple(found)
