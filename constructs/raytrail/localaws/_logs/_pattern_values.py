"""What stands on the right of an operator in a filter pattern: text with wildcards, a number, or a regex."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass

OPERATOR = r"!=|=!|<=|>=|=|<|>"
VALUE = r'"(?:[^"\\]|\\.)*"|%[^%]+%|[^\s"%()&|,\[\]]+'

_ORDER: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_REGEX = re.compile(r"[A-Za-z0-9_#=@/;,:\s^$?\[\]{}|\\*+.-]+")


class PatternError(ValueError):
    """A filter pattern that CloudWatch Logs refuses."""


def regex(source: str) -> re.Pattern[str]:
    """A regex of a filter pattern, which knows no groups and few characters.

    Raises:
        PatternError: It is not one, or has a character that AWS refuses.
    """
    if not _REGEX.fullmatch(source):
        raise PatternError(f"Invalid character(s) in regular expression '{source}'")
    try:
        return re.compile(source)
    except re.error as error:
        raise PatternError(f"Invalid regular expression '{source}'") from error


def number(text: str) -> float | None:
    """The number that ``text`` is, if it is one."""
    return float(text) if _NUMBER.fullmatch(text) else None


@dataclass(frozen=True, slots=True)
class Condition:
    """An operator and what it compares with."""

    sign: str
    test: Callable[[str], bool]

    def holds(self, value: str) -> bool:
        """Whether a field with this text passes."""
        return self.test(value)


def condition(sign: str, literal: str) -> Condition:
    """The condition ``sign literal``, as both stand in a pattern.

    Raises:
        PatternError: An order of something that is no number, or a bad regex.
    """
    sign = "!=" if sign == "=!" else sign
    if sign in _ORDER:
        bound = number(literal)
        if bound is None:
            raise PatternError(f"Operator {sign} takes a number, not {literal}")
        limit, compare = bound, _ORDER[sign]
        return Condition(sign, lambda value: (known := number(value)) is not None and compare(known, limit))
    equal = _equality(literal)
    return Condition(sign, equal if sign == "=" else lambda value: not equal(value))


def _equality(literal: str) -> Callable[[str], bool]:
    if literal.startswith("%"):
        matcher = regex(literal[1:-1])
        return lambda value: bool(matcher.search(value))
    quoted = literal.startswith('"')
    text = re.sub(r"\\(.)", r"\1", literal[1:-1]) if quoted else literal
    if not quoted and (bound := number(literal)) is not None:
        return lambda value: value == text or number(value) == bound
    # Wildcards stand at the ends alone: ``Ev*ent`` matches nothing but itself.
    core = re.escape(text.strip("*"))
    matcher = re.compile(f"{'.*' * text.startswith('*')}{core}{'.*' * text.endswith('*')}", re.DOTALL)
    return lambda value: bool(matcher.fullmatch(value))
