"""The functions and operators of Logs Insights, over the values that a log event can hold."""

from __future__ import annotations

import ipaddress
import math
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from raytrail.localaws._logs._insights_tree import Duration

_NUMBER = re.compile(r"\s*[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?\s*")

Value = Any
"""None, bool, int, float, str or Moment."""


class Moment(NamedTuple):
    """A time, in milliseconds since the epoch."""

    milliseconds: float


def text(value: Value) -> str:
    """``value`` as Logs Insights prints it."""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, Moment):
        at = datetime.fromtimestamp(value.milliseconds / 1000, UTC)
        return at.strftime("%Y-%m-%d %H:%M:%S.") + f"{at.microsecond // 1000:03d}"
    if isinstance(value, float):
        return f"{value:.4f}".rstrip("0").rstrip(".") if math.isfinite(value) else str(value)
    return str(value)


def number(value: Value) -> float | None:
    """``value`` as a number, if it is one or reads like one."""
    if isinstance(value, Moment):
        return value.milliseconds
    if isinstance(value, (bool, int, float)):
        return float(value)
    return float(value) if isinstance(value, str) and _NUMBER.fullmatch(value) else None


def truth(value: Value) -> bool:
    """Whether a condition with this value holds."""
    return bool(number(value)) if number(value) is not None else value in ("true", True)


def compare(left: Value, right: Value) -> int | None:
    """Negative, zero or positive; as numbers where both are; None where either is missing."""
    if left is None or right is None:
        return None
    first, second = number(left), number(right)
    if first is not None and second is not None:
        return (first > second) - (first < second)
    one, other = _plain(left), _plain(right)
    return (one > other) - (one < other)


def _plain(value: Value) -> str:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else text(value)


@dataclass(frozen=True, slots=True)
class Function:
    """A function, how many arguments it takes, and whether it has a value although one of them has none."""

    apply: Callable[..., Value]
    least: int
    most: int
    sees_missing: bool = False

    def takes(self, count: int) -> bool:
        """Whether it can be called with ``count`` arguments."""
        return self.least <= count <= self.most

    def __call__(self, *arguments: Value) -> Value:
        if not self.sees_missing and any(argument is None for argument in arguments):
            return None
        try:
            return self.apply(*arguments)
        except (ValueError, TypeError, OverflowError, ZeroDivisionError):
            return None


_MANY = 100


def floor_time(value: Value, period: Duration, *, up: bool = False) -> Value:
    """The start (or, with ``up``, the next start) of the period that the time ``value`` lies in."""
    milliseconds = value.milliseconds if isinstance(value, Moment) else number(value)
    if milliseconds is None:
        return None
    if period.months:
        at = datetime.fromtimestamp(milliseconds / 1000, UTC)
        month = ((at.year * 12 + at.month - 1) // period.months + up) * period.months
        return Moment(datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC).timestamp() * 1000)
    width = period.seconds * 1000
    return Moment((math.ceil if up else math.floor)(milliseconds / width) * width)


def _arithmetic(apply: Callable[[float, float], float]) -> Function:
    def calculate(left: Value, right: Value) -> Value:
        first, second = number(left), number(right)
        return None if first is None or second is None else apply(first, second)

    return Function(calculate, 2, 2)


def _numeric(apply: Callable[[float], float]) -> Function:
    return Function(lambda value: None if (n := number(value)) is None else float(apply(n)), 1, 1)


def _trim(left: bool, right: bool) -> Function:
    def trim(value: Value, characters: Value = None) -> str:
        known, cut = text(value), None if characters is None else text(characters)
        known = known.lstrip(cut) if left else known
        return known.rstrip(cut) if right else known

    return Function(trim, 1, 2)


def _inside(version: int | None) -> Function:
    def inside(address: Value, subnet: Value) -> bool:
        found = ipaddress.ip_address(text(address))
        return version in (None, found.version) and found in ipaddress.ip_network(text(subnet), strict=False)

    return Function(inside, 2, 2)


def _is_address(version: int | None) -> Function:
    def check(address: Value) -> bool:
        try:
            return version in (None, ipaddress.ip_address(text(address)).version)
        except ValueError:
            return False

    return Function(check, 1, 1)


def _ordered(pick: Callable[[list[Value], Callable[[Value], float]], Value]) -> Function:
    return Function(lambda *values: pick(list(values), lambda value: number(value) or 0.0), 1, _MANY)


def _substring(value: Value, start: Value, length: Value = None) -> str:
    first = int(number(start) or 0)
    return text(value)[first : None if length is None else first + int(number(length) or 0)]


FUNCTIONS: dict[str, Function] = {
    "+": _arithmetic(lambda a, b: a + b),
    "-": _arithmetic(lambda a, b: a - b),
    "*": _arithmetic(lambda a, b: a * b),
    "/": _arithmetic(lambda a, b: a / b),
    "%": _arithmetic(math.fmod),
    "^": _arithmetic(lambda a, b: a**b),
    "abs": _numeric(abs),
    "ceil": _numeric(math.ceil),
    "floor": _numeric(math.floor),
    "log": _numeric(math.log),
    "sqrt": _numeric(math.sqrt),
    "greatest": _ordered(lambda values, key: max(values, key=key)),
    "least": _ordered(lambda values, key: min(values, key=key)),
    "ispresent": Function(lambda value: value is not None, 1, 1, sees_missing=True),
    "coalesce": Function(lambda *values: next((v for v in values if v is not None), None), 1, _MANY, sees_missing=True),
    "isempty": Function(lambda value: value is None or text(value) == "", 1, 1, sees_missing=True),
    "isblank": Function(lambda value: value is None or not text(value).strip(), 1, 1, sees_missing=True),
    "concat": Function(lambda *values: "".join(map(text, values)), 1, _MANY),
    "ltrim": _trim(True, False),
    "rtrim": _trim(False, True),
    "trim": _trim(True, True),
    "strlen": Function(lambda value: float(len(text(value))), 1, 1),
    "toupper": Function(lambda value: text(value).upper(), 1, 1),
    "tolower": Function(lambda value: text(value).lower(), 1, 1),
    "substr": Function(_substring, 2, 3),
    "replace": Function(lambda value, old, new: text(value).replace(text(old), text(new)), 3, 3),
    "strcontains": Function(lambda value, part: text(part) in text(value), 2, 2),
    "isvalidip": _is_address(None),
    "isvalidipv4": _is_address(4),
    "isvalidipv6": _is_address(6),
    "isipinsubnet": _inside(None),
    "isipv4insubnet": _inside(4),
    "isipv6insubnet": _inside(6),
    "bin": Function(floor_time, 1, 1),
    "datefloor": Function(floor_time, 2, 2),
    "dateceil": Function(lambda value, period: floor_time(value, period, up=True), 2, 2),
    "frommillis": Function(lambda value: None if (n := number(value)) is None else Moment(n), 1, 1),
    "tomillis": Function(number, 1, 1),
    "now": Function(lambda: float(int(time.time())), 0, 0),
}
"""Every function outside of ``stats``, by its name in lower case; ``bin`` takes the time of its row first."""
