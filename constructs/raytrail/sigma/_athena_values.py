"""Comparisons of one field of the lake, as SQL.

A field with several values matches where any of them does: a test is put around each value by `any_of`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from sigma.types import (
    SigmaCIDRExpression,
    SigmaCompareExpression,
    SigmaFieldReference,
    SigmaRegularExpression,
    SigmaRegularExpressionFlag,
    SpecialChars,
)

from raytrail.sigma._athena_columns import ITEM, Place, place_of, quoted
from raytrail.sigma._errors import NotExpressible

Test = Callable[[str], str]
"""From the SQL of one value, as a text, to a condition about it."""

_OPERATORS = {"LT": "<", "LTE": "<=", "GT": ">", "GTE": ">=", "NEQ": "<>"}
_WILDCARDS = {SpecialChars.WILDCARD_MULTI: "%", SpecialChars.WILDCARD_SINGLE: "_"}
_FLAGS = {
    SigmaRegularExpressionFlag.IGNORECASE: "i",
    SigmaRegularExpressionFlag.MULTILINE: "m",
    SigmaRegularExpressionFlag.DOTALL: "s",
}
# Athena documents Java's expressions, pySigma reads RE2's: these are not the same in both.
_UNPORTABLE = re.compile(
    r"""\(\?(?!:|[ims]+[:)]).               # lookaround, named and atomic groups, comments
    |\\(?:[1-9]|k<|[CGXRZhHvVN])          # references to groups, and classes of one of the two
    |(?<!\\)[*+?}]\+                       # possessive quantifiers
    |(?<!\\)\[(?:\\.|[^\]\\])*?(?:\[|&&)  # a class in a class, and intersections
    """,
    re.VERBOSE,
)


def any_of(place: Place, tests: Sequence[Test]) -> list[str]:
    """Conditions of which one holds where a value of a field passes one of some tests.

    Raises:
        NotExpressible: The field is an object.
    """
    if place.kind == "object":
        raise NotExpressible(f"{place.field} is an object: name the field in it whose value is meant")
    if place.kind == "text":
        return [test(place.sql) for test in tests]
    conditions = " OR ".join(test(place.value) for test in tests)
    return [f"any_match({place.sql}, {ITEM} -> {conditions})"]


def exists(place: Place, wanted: bool) -> str:
    """Whether a field is there and has a value other than null, or not."""
    if place.kind in ("text", "object"):
        return f"{place.sql} IS {'NOT ' if wanted else ''}NULL"
    there = f"json_format({ITEM}) <> 'null'" if place.kind == "json" else f"{place.value} IS NOT NULL"
    found = f"any_match({place.sql}, {ITEM} -> {there})"
    return found if wanted else f"NOT coalesce({found}, false)"


def equals(texts: Sequence[str], *, cased: bool) -> Test:
    """Whether it is one of some texts."""
    literals = list(dict.fromkeys(quoted(text) if cased else _lowered(text) for text in texts))
    operator = f"= {literals[0]}" if len(literals) == 1 else f"IN ({', '.join(literals)})"
    return lambda value: f"{_folded(value, cased)} {operator}"


def like(parts: Sequence[str | SpecialChars], *, cased: bool) -> Test:
    """Whether it is a text with wildcards."""
    text = "".join(_escaped(part) if isinstance(part, str) else _WILDCARDS[part] for part in parts)
    escape = " ESCAPE '\\'" if "\\" in text else ""
    pattern = quoted(text) if cased else _lowered(text)
    return lambda value: f"{_folded(value, cased)} LIKE {pattern}{escape}"


def matches(expression: SigmaRegularExpression) -> Test:
    """Whether a regular expression is found in it.

    Raises:
        NotExpressible: Not every engine reads the expression alike.
    """
    text = str(expression.regexp)
    unportable = _UNPORTABLE.search(text)
    if unportable:
        raise NotExpressible(
            f"the regular expression {text!r} has {unportable[0]!r}, which not every engine reads alike: "
            "write it without lookaround, references, named or atomic groups, possessive quantifiers and nested classes"
        )
    flags = "".join(sorted(_FLAGS[flag] for flag in expression.flags))
    pattern = quoted(f"(?{flags}){text}" if flags else text)
    return lambda value: f"regexp_like({value}, {pattern})"


def inside(expression: SigmaCIDRExpression) -> Test:
    """Whether it is an address of a network."""
    network = quoted(str(expression.network))
    return lambda value: f"contains({network}, TRY_CAST({value} AS ipaddress))"


def compares(expression: SigmaCompareExpression) -> Test:
    """Whether it is a number that is less, or more, than another."""
    number, operator = expression.number.number, _OPERATORS[expression.op.name]

    # Without the regular expression, the words NaN and Infinity would be numbers.
    def test(value: str) -> str:
        return f"(regexp_like({value}, '^-?[0-9]') AND TRY_CAST({value} AS double) {operator} {number})"

    return test


def same(reference: SigmaFieldReference) -> Test:
    """Whether it is, begins with, ends with or contains a value of another field, without regard to case.

    Raises:
        NotExpressible: The lake does not have the other field, or it is an object.
    """
    other = place_of(reference.field)
    # The element of this field is called ITEM already.
    inner = other.sql if other.kind == "text" else re.sub(rf"\b{ITEM}\b", "w", other.value)
    if other.kind == "object":
        any_of(other, [])

    def test(value: str) -> str:
        left, right = f"lower({value})", f"lower({inner})"
        if reference.starts_with and reference.ends_with:  # what `contains` makes of it
            found = f"strpos({left}, {right}) > 0"
        elif reference.starts_with:
            found = f"starts_with({left}, {right})"
        elif reference.ends_with:
            found = f"starts_with(reverse({left}), reverse({right}))"
        else:
            found = f"{left} = {right}"
        return found if other.kind == "text" else f"any_match({other.sql}, w -> {found})"

    return test


def _folded(value: str, cased: bool) -> str:
    return value if cased else f"lower({value})"


def _lowered(text: str) -> str:
    # Which letters beyond ASCII are the same is for the engine to say.
    return quoted(text.lower()) if text.isascii() else f"lower({quoted(text)})"


def _escaped(text: str) -> str:
    return re.sub(r"([%_\\])", r"\\\1", text)
