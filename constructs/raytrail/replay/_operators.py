"""What EventBridge compares one value with: the lists of alternatives in an event pattern, compiled to functions.

The operators are those of https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html,
read as AWS's open-source matcher reads them (https://github.com/aws/event-ruler). A value here is what JSON calls one:
a text, a number, true, false or null.
"""

from __future__ import annotations

import ipaddress
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

from raytrail.errors import InvalidProps

Test: TypeAlias = Callable[[Any], bool]
"""Whether a value matches."""

_Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
_Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_LOWER_BOUNDS, _UPPER_BOUNDS = (">", ">="), ("<", "<=")
_LONGEST_REMEMBERED, _MOST_REMEMBERED = 200, 500
_NEGATED = ("prefix", "suffix", "equals-ignore-case", "wildcard")
"""What ``anything-but`` takes besides values."""
_V4 = re.compile(r"\d+(\.\d+){3}", re.ASCII)
_V6 = re.compile(r"[0-9a-fA-F:]*:[0-9a-fA-F:]*")
_MASK = re.compile(r"\d+", re.ASCII)
_PARTS = re.compile(r"\\[\\*]|\*|[^\\*]+|\\", re.DOTALL)


class InvalidPattern(InvalidProps):
    """An event pattern that EventBridge does not take."""


def compile_alternatives(alternatives: Sequence[Any]) -> tuple[Test, bool]:
    """Return whether a value matches any alternative, and whether a missing field does.

    Raises:
        InvalidPattern: One is no value and no operator of EventBridge's, or there is none.
    """
    if not alternatives:
        raise InvalidPattern("empty arrays are not allowed: name at least one value")
    words = frozenset(each for each in alternatives if isinstance(each, str))
    tests: list[Test] = [_one_of(words)] if words else []
    absent = False
    for each in alternatives:
        if isinstance(each, Mapping) and "exists" in each:
            if _only(each)[1] not in (True, False) or not isinstance(each["exists"], bool):
                raise InvalidPattern(f"exists takes true or false, got {each['exists']!r}")
            absent = absent or not each["exists"]
            if each["exists"]:
                tests.append(_anything)
        elif isinstance(each, Mapping):
            tests.append(_operator(each))
        elif isinstance(each, (list, tuple)):
            raise InvalidPattern(f"an alternative is a text, number, true, false, null or operator, got {each!r}")
        elif not isinstance(each, str):
            tests.append(_equal_to(each))
    test = tests[0] if len(tests) == 1 else _any_of(tests)
    return (test if len(tests) == bool(words) else _remembering(test)), absent


def literal_words(alternatives: Sequence[Any]) -> frozenset[str] | None:
    """The texts that alternatives consist of, or None where one is something else."""
    return frozenset(alternatives) if all(isinstance(each, str) for each in alternatives) else None


def _anything(value: Any) -> bool:
    return True


def _one_of(words: frozenset[str]) -> Test:
    # Of other types none equals a text; those that cannot be hashed are no values.
    return words.__contains__


def _any_of(tests: Sequence[Test]) -> Test:
    return lambda value: any(test(value) for test in tests)


def _remembering(test: Test) -> Test:
    """The same test, which remembers its answers: most fields of a log have few values, again and again."""
    answers: dict[str, bool] = {}

    def remembered(value: Any) -> bool:
        if type(value) is not str or len(value) > _LONGEST_REMEMBERED:
            return test(value)
        answer = answers.get(value)
        if answer is None:
            if len(answers) >= _MOST_REMEMBERED:
                answers.clear()
            answer = answers[value] = test(value)
        return answer

    return remembered


def _equal_to(wanted: Any) -> Test:
    """Equality of JSON, in which 1 is not true."""
    if isinstance(wanted, bool) or wanted is None:
        return lambda value: value is wanted
    if not isinstance(wanted, (int, float)):
        raise InvalidPattern(f"an alternative is a text, number, true, false, null or operator, got {wanted!r}")
    return lambda value: not isinstance(value, bool) and isinstance(value, (int, float)) and value == wanted


def _operator(expression: Mapping[str, Any]) -> Test:
    name, operand = _only(expression)
    make = _OPERATORS.get(name)
    if make is None:
        raise InvalidPattern(f"unknown operator {name!r}, there are {', '.join([*_OPERATORS, 'exists'])}")
    return make(operand)


def _only(expression: Mapping[str, Any]) -> tuple[str, Any]:
    if len(expression) != 1:
        raise InvalidPattern(f"an operator is an object with one key, got {sorted(expression)}")
    return next(iter(expression.items()))


def _exactly(operand: Any) -> Test:
    wanted = _text("exactly", operand)
    return lambda value: bool(value == wanted)


def _prefix(operand: Any) -> Test:
    if isinstance(operand, Mapping):
        return _ignoring_case(_nested("prefix", operand), at_start=True, at_end=False)
    start = _text("prefix", operand)
    return lambda value: isinstance(value, str) and value.startswith(start)


def _suffix(operand: Any) -> Test:
    if isinstance(operand, Mapping):
        return _ignoring_case(_nested("suffix", operand), at_start=False, at_end=True)
    end = _text("suffix", operand)
    return lambda value: isinstance(value, str) and value.endswith(end)


def _nested(name: str, operand: Mapping[str, Any]) -> str:
    inner, text = _only(operand)
    if inner != "equals-ignore-case":
        raise InvalidPattern(f"{name} takes a text or equals-ignore-case, got {inner!r}")
    return _text(inner, text)


def _equals_ignore_case(operand: Any) -> Test:
    return _ignoring_case(_text("equals-ignore-case", operand), at_start=True, at_end=True)


def _ignoring_case(text: str, *, at_start: bool, at_end: bool) -> Test:
    """Either case of each letter, by itself: ``ß`` is matched by ``SS``, and the Kelvin sign not by ``k``."""
    if text.isascii():
        return _ignoring_case_ascii(text.lower(), at_start=at_start, at_end=at_end)
    parts = (dict.fromkeys((letter.lower(), letter.upper())) for letter in text)
    body = "".join(f"(?:{'|'.join(map(re.escape, forms))})" for forms in parts)
    pattern = re.compile(f"{'' if at_start else '.*'}{body}{'' if at_end else '.*'}", re.DOTALL)
    return lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None


def _ignoring_case_ascii(text: str, *, at_start: bool, at_end: bool) -> Test:
    size = len(text)

    def test(value: Any) -> bool:
        if not isinstance(value, str):
            return False
        if at_start and at_end:
            part = value
        elif at_start:
            part = value[:size]
        else:
            part = value[len(value) - size :] if len(value) >= size else ""
        return part.isascii() and part.lower() == text

    return test


def _wildcard(operand: Any) -> Test:
    pieces = wildcard_pieces(_text("wildcard", operand))
    if len(pieces) == 1:
        return _one_of(frozenset(pieces))
    start, *middle, end = pieces
    shortest = sum(map(len, pieces))

    def test(value: Any) -> bool:
        if not isinstance(value, str) or len(value) < shortest:
            return False
        if not (value.startswith(start) and value.endswith(end)):
            return False
        # The first place where a piece fits leaves the most for the others: no need to try another.
        position, limit = len(start), len(value) - len(end)
        for piece in middle:
            position = value.find(piece, position, limit)
            if position < 0:
                return False
            position += len(piece)
        return True

    return test


def wildcard_pieces(text: str) -> list[str]:
    r"""The texts between the stars of a wildcard, with ``\*`` and ``\\`` as the characters that they stand for.

    Raises:
        InvalidPattern: There are two stars side by side, or a backslash before something else.
    """
    pieces = [""]
    before = ""
    for part in _PARTS.findall(text):
        if part == "*":
            if before == "*":
                raise InvalidPattern(f"consecutive wildcard characters in {text!r}")
            pieces.append("")
        elif part == "\\":
            raise InvalidPattern(f"a backslash in wildcard {text!r} escapes only * and itself")
        else:
            pieces[-1] += part[1:] if part[0] == "\\" else part
        before = part
    return pieces


def _numeric(operand: Any) -> Test:
    if not isinstance(operand, (list, tuple)) or len(operand) not in (2, 4):
        raise InvalidPattern(f'numeric takes ["=", 5] or [">=", 0, "<", 10], got {operand!r}')
    pairs = [(operand[place], operand[place + 1]) for place in range(0, len(operand), 2)]
    for name, number in pairs:
        if not isinstance(name, str) or name not in _COMPARISONS:
            raise InvalidPattern(f"numeric compares by {', '.join(_COMPARISONS)}, got {name!r}")
        _number("numeric", number)
    if len(pairs) == 2:
        (low, bottom), (high, top) = pairs
        if low not in _LOWER_BOUNDS or high not in _UPPER_BOUNDS or not bottom < top:
            raise InvalidPattern(f'a range is written lower bound first, as [">=", 0, "<", 10], got {operand!r}')
    checks = [(_COMPARISONS[name], float(number)) for name, number in pairs]

    def test(value: Any) -> bool:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return False
        return all(compare(value, number) for compare, number in checks)

    return test


def _cidr(operand: Any) -> Test:
    network = _network(_text("cidr", operand))

    def test(value: Any) -> bool:
        address = _address(value) if isinstance(value, str) else None
        return address is not None and address.version == network.version and address in network

    return test


def _network(text: str) -> _Network:
    address, slash, mask = text.partition("/")
    parsed = _address(address)
    if not slash or not _MASK.fullmatch(mask) or parsed is None or int(mask) >= parsed.max_prefixlen:
        raise InvalidPattern(
            f"cidr takes a block such as 10.0.0.0/8 or 2001:db8::/32 and no single address, got {text!r}"
        )
    return ipaddress.ip_network(f"{parsed}/{int(mask)}", strict=False)


@lru_cache(maxsize=4096)
def _address(text: str) -> _Address | None:
    """The address that a text is for EventBridge: plain IPv4, its parts decimal, or plain IPv6."""
    if _V4.fullmatch(text):
        # Python refuses leading zeros, which EventBridge reads as nothing.
        text = ".".join(part.lstrip("0") or "0" for part in text.split("."))
    elif not _V6.fullmatch(text):
        return None
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _anything_but(operand: Any) -> Test:
    if isinstance(operand, Mapping):
        name, inner = _only(operand)
        if name not in _NEGATED:
            raise InvalidPattern(f"anything-but takes values or one of {', '.join(_NEGATED)}, got {name!r}")
        several = list(inner) if isinstance(inner, (list, tuple)) else [inner]
        if not several:
            raise InvalidPattern("empty arrays are not allowed: name at least one value")
        if name in ("prefix", "suffix") and "" in several:
            raise InvalidPattern(f"anything-but takes no empty {name}")
        for each in several:
            _text(name, each)
        tests = [_OPERATORS[name](each) for each in several]
        return lambda value: not any(test(value) for test in tests)
    if isinstance(operand, (list, tuple)):
        kinds = {isinstance(each, str) for each in operand}
        if len(kinds) != 1:
            raise InvalidPattern(f"anything-but takes texts or numbers, not both and not none, got {operand!r}")
        values = list(operand)
    else:
        values = [operand]
    for each in values:
        if not isinstance(each, str):
            _number("anything-but", each)
    words = frozenset(each for each in values if isinstance(each, str))
    if words:
        return lambda value: value not in words
    tests = [_equal_to(each) for each in values]
    return lambda value: not any(test(value) for test in tests)


def _text(name: str, operand: Any) -> str:
    if not isinstance(operand, str):
        raise InvalidPattern(f"{name} takes a text, got {operand!r}")
    return operand


def _number(name: str, operand: Any) -> None:
    try:
        exact = not isinstance(operand, bool) and isinstance(operand, (int, float)) and float(operand) == operand
    except OverflowError:
        exact = False
    if not exact or operand in (float("inf"), float("-inf")):
        raise InvalidPattern(f"{name} takes numbers that fit into 64 bits as floating point, got {operand!r}")


_OPERATORS: dict[str, Callable[[Any], Test]] = {
    "exactly": _exactly,
    "prefix": _prefix,
    "suffix": _suffix,
    "equals-ignore-case": _equals_ignore_case,
    "wildcard": _wildcard,
    "numeric": _numeric,
    "cidr": _cidr,
    "anything-but": _anything_but,
}
