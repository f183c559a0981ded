"""The keywords of X-Ray's filter expressions: what each is compared with, and where each may stand.

The lists are those of https://docs.aws.amazon.com/xray/latest/devguide/xray-console-filters.html. Which keyword may
stand where the page says in its explanations and examples only; what it explains as belonging to a service or to an
element of a root cause is taken to have no meaning elsewhere.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, TypeAlias

from raytrail.errors import InvalidProps

Value: TypeAlias = str | int | float | bool

EQUAL, UNEQUAL = "=", "!="
NUMBER_OPERATORS = (EQUAL, UNEQUAL, "<", "<=", ">", ">=")
STRING_OPERATORS = (EQUAL, UNEQUAL, "CONTAINS", "BEGINSWITH", "ENDSWITH")
OPERATORS: Mapping[str, tuple[str, ...]] = {
    "boolean": (EQUAL, UNEQUAL),
    "number": NUMBER_OPERATORS,
    "string": STRING_OPERATORS,
    "annotation": (*NUMBER_OPERATORS, *STRING_OPERATORS[2:]),
}
"""The operators by kind; of an annotation, whose value may be of each kind, all."""
OPPOSITE: Mapping[str, str] = {"=": "!=", "!=": "=", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}


class Scope(StrEnum):
    """What a keyword speaks of; the value is how a message says it."""

    TRACE = "outside braces"
    """The request as a whole."""
    SERVICE = "in service() { }"
    """One segment of a service."""
    EDGE = "in edge() { }"
    """One call of a service to another."""
    CAUSE_SERVICE = "in rootcause.….service { }"
    """A service of a root cause."""
    CAUSE_ENTITY = "in rootcause.fault.entity { }"
    """A segment or subsegment of the root cause of a fault."""
    TIMED_ENTITY = "in rootcause.responsetime.entity { }"
    """A segment or subsegment of the root cause of the response time."""
    EXCEPTION = "in rootcause.fault.exception { }"
    """An exception of the root cause of a fault."""


_REQUEST = frozenset({Scope.TRACE, Scope.SERVICE, Scope.EDGE})
_ENTITY = frozenset({Scope.CAUSE_ENTITY, Scope.TIMED_ENTITY})
_CAUSE = frozenset({Scope.CAUSE_SERVICE, *_ENTITY, Scope.EXCEPTION})


@dataclass(frozen=True, kw_only=True, slots=True)
class Keyword:
    """A simple keyword: what kind of value it has, and the scopes in which it may stand."""

    kind: Literal["boolean", "number", "string"]
    scopes: frozenset[Scope]
    always_set: bool = False
    """Whether whatever it speaks of has a value for it, so that the opposite operator is the exact negation."""


KEYWORDS: Mapping[str, Keyword] = {
    "ok": Keyword(kind="boolean", scopes=_REQUEST),
    "error": Keyword(kind="boolean", scopes=_REQUEST),
    "throttle": Keyword(kind="boolean", scopes=_REQUEST),
    "fault": Keyword(kind="boolean", scopes=_REQUEST),
    "partial": Keyword(kind="boolean", scopes=_REQUEST),
    "inferred": Keyword(kind="boolean", scopes=frozenset({Scope.TRACE, Scope.SERVICE, Scope.CAUSE_SERVICE})),
    "first": Keyword(kind="boolean", scopes=_CAUSE),
    "last": Keyword(kind="boolean", scopes=_CAUSE),
    "remote": Keyword(kind="boolean", scopes=_ENTITY),
    "root": Keyword(kind="boolean", scopes=frozenset({Scope.SERVICE})),
    "responsetime": Keyword(kind="number", scopes=_REQUEST, always_set=True),
    "duration": Keyword(kind="number", scopes=_REQUEST, always_set=True),
    "http.status": Keyword(kind="number", scopes=_REQUEST),
    "index": Keyword(kind="number", scopes=_CAUSE, always_set=True),
    "coverage": Keyword(kind="number", scopes=frozenset({Scope.TIMED_ENTITY}), always_set=True),
    "http.url": Keyword(kind="string", scopes=_REQUEST),
    "http.method": Keyword(kind="string", scopes=_REQUEST),
    "http.useragent": Keyword(kind="string", scopes=_REQUEST),
    "http.clientip": Keyword(kind="string", scopes=_REQUEST),
    "user": Keyword(kind="string", scopes=_REQUEST),
    "name": Keyword(kind="string", scopes=frozenset({Scope.SERVICE, *_CAUSE})),
    "type": Keyword(kind="string", scopes=frozenset({Scope.SERVICE, Scope.CAUSE_SERVICE})),
    "message": Keyword(kind="string", scopes=frozenset({Scope.EXCEPTION})),
    "availabilityzone": Keyword(kind="string", scopes=_REQUEST),
    "instance.id": Keyword(kind="string", scopes=_REQUEST),
    "resource.arn": Keyword(kind="string", scopes=_REQUEST),
}

ROOT_CAUSES: Mapping[str, Scope] = {
    "rootcause.fault.service": Scope.CAUSE_SERVICE,
    "rootcause.fault.entity": Scope.CAUSE_ENTITY,
    "rootcause.fault.exception": Scope.EXCEPTION,
    "rootcause.responsetime.service": Scope.CAUSE_SERVICE,
    "rootcause.responsetime.entity": Scope.TIMED_ENTITY,
}
ROOT_CAUSE_JSON = "rootcause.json"
GROUPS = ("group.name", "group.arn")
OF_THE_TRACE_ALONE = ("service", "edge", ROOT_CAUSE_JSON, *GROUPS, *ROOT_CAUSES)
"""Keywords that stand in no braces."""

ANNOTATION_SIDES = ("", "source", "destination")
_ANNOTATION_KEY = re.compile(r"[A-Za-z0-9_.:]+")


def check_scope(keyword: str, scope: Scope, allowed: frozenset[Scope]) -> None:
    """Refuse a keyword where it has no meaning.

    Raises:
        InvalidProps: ``scope`` is none of those that it may stand in.
    """
    if scope not in allowed:
        places = ", ".join(place for place in Scope if place in allowed)
        raise InvalidProps(f"{keyword} has no meaning {scope}; it stands {places}")


def check_annotation_key(key: str) -> None:
    """Refuse a key that X-Ray does not index.

    Raises:
        InvalidProps: It is empty, or has a character other than letters, digits, ``_``, ``.`` and, in AWS's own keys
            such as ``aws:api_id``, ``:``.
    """
    if not _ANNOTATION_KEY.fullmatch(key):
        hint = "; write it without quotes" if key[:1] in ("'", '"') else ""
        raise InvalidProps(f"an annotation key has letters, digits, underscores and dots, got {key!r}{hint}")


def check_operator(keyword: str, kind: str, operator: str) -> None:
    """Refuse an operator that a keyword of this kind does not have.

    Args:
        kind: The kind of a `Keyword`, or ``annotation``, whose value may be of each kind.

    Raises:
        InvalidProps: It has no such operator.
    """
    allowed = OPERATORS[kind]
    if operator not in allowed:
        what = "an annotation" if kind == "annotation" else f"a {kind}"
        meant = {"==": "; write =", "<>": "; write !=", "=~": "; write CONTAINS"}.get(operator, "")
        raise InvalidProps(f"{keyword} is {what} and has no {operator}; it has {' '.join(allowed)}{meant}")


def check_value(keyword: str, kind: str, operator: str, value: Value) -> None:
    """Refuse a value of another kind than the keyword and its operator compare with.

    Raises:
        InvalidProps: It is of another kind; a number is not finite; a string cannot be written in the language.
    """
    if kind == "annotation":
        kind = _kind_of_operator(operator, value)
    written = as_text(value)
    if kind == "number" and not is_number(value):
        hint = f"; write {value} without quotes" if isinstance(value, str) and _reads_as_number(value) else ""
        raise InvalidProps(f"{keyword} {operator} compares with a number, got {written}{hint}")
    if kind == "string" and not isinstance(value, str):
        raise InvalidProps(f'{keyword} {operator} compares with a string, got {written}; write "{written}"')
    if kind == "boolean" and not isinstance(value, bool):
        hint = f"; write {value} without quotes" if str(value).lower() in ("true", "false") else ""
        raise InvalidProps(f"{keyword} {operator} compares with true or false, got {written}{hint}")


def _kind_of_operator(operator: str, value: Value) -> str:
    if operator in (EQUAL, UNEQUAL):
        return "boolean" if isinstance(value, bool) else "string" if isinstance(value, str) else "number"
    return "number" if operator in NUMBER_OPERATORS else "string"


def is_number(value: object) -> bool:
    """Whether it is a number; true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def as_text(value: Value) -> str:
    """The value as it stands in an expression.

    Raises:
        InvalidProps: AWS documents no way to write it: a string with a double quote, a backslash or a control
            character (the page knows no escapes), or a number that is not finite.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, int):
        return str(value)
    if not math.isfinite(value):
        raise InvalidProps(f"a filter compares with finite numbers, got {value}")
    if value.is_integer():
        return str(int(value))
    text = repr(value)
    if "e" in text:
        from decimal import Decimal  # seldom needed, and the base import is to stay light

        text = format(Decimal(text), "f")
    return text


def _quoted(value: str) -> str:
    for bad in value:
        if bad in '"\\' or not bad.isprintable():
            raise InvalidProps(
                f"a string of a filter has no {bad!r}, got {value!r}: AWS documents no escapes; "
                "compare with the part before or after it by BEGINSWITH, CONTAINS or ENDSWITH"
            )
    return f'"{value}"'


def _reads_as_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
