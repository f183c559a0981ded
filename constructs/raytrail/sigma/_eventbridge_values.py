"""What EventBridge asks for one value of a rule, and for its contrary."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from ipaddress import IPv4Network, IPv6Network
from typing import Literal

from raytrail.sigma._eventbridge_tests import (
    Between,
    But,
    Cell,
    Exists,
    Literally,
    Network,
    Text,
    escaped,
)
from raytrail.sigma._fields import array_in, as_written, is_list_of_texts, is_object, is_open, is_text, spellings
from raytrail.sigma._normal import Fact

Operator = Literal["<", "<=", ">", ">="]
Wildcard = Literal["*", "?"]

_NUMBER = re.compile(r"0|-?[1-9][0-9]*|-?(0|[1-9][0-9]*)\.[0-9]*[1-9]")
"""As JSON writes numbers, but for exponents."""
_PART_OF_NUMBER = re.compile(r"[-+0-9.eE]+")
_EXACT = 2**53
"""EventBridge tells whole numbers apart up to here."""
_ANY_TEXT = Text("starts", "")
_NULL: Cell = (Literally(None), Exists(False))
_NOT_NULL: Cell = (
    *(_ANY_TEXT, Literally(True), Literally(False)),
    *(Between(above=(">=", 0)), Between(below=("<", 0))),
)
_NOT_NULL_TEXT: Cell = (Exists(True),)
"""AWS writes no null in a field that is always a text, but leaves it out."""
_NOT_NUMBERS: Cell = (_ANY_TEXT, Literally(True), Literally(False), *_NULL)
_CONTRARY: dict[Operator, Operator] = {"<": ">=", "<=": ">", ">": "<=", ">=": "<"}


def never(field: str, reason: str) -> Fact:
    """A question that EventBridge cannot ask."""
    if is_object(field):
        reason = "is an object; EventBridge compares values only, so name the field in it"
    return Fact(field, reason, reason)


def text(field: str, parts: Sequence[str | tuple[Wildcard]], *, cased: bool) -> Fact:
    """A text.

    Args:
        field: Dotted, from the record's top.
        parts: Runs of characters, and wildcards as tuples of one.
        cased: Whether upper and lower case are to be told apart although AWS may write the field in any.
    """
    runs = [part for part in parts if isinstance(part, str)]
    if ("?",) in parts:
        return never(field, "EventBridge has no wildcard for one character")
    if parts and not runs:
        return exists(field)
    if len(runs) == len(parts):
        value = "".join(runs)
        return whole(field, value, cased=cased or as_written(field, value))
    tidy = [part for part, before in zip(parts, [None, *parts], strict=False) if part != ("*",) or before != ("*",)]
    return _partly(field, tidy, cased=cased)


def _partly(field: str, parts: Sequence[str | tuple[Wildcard]], *, cased: bool) -> Fact:
    spelled = None if cased else spellings(field, parts)
    tests = tuple(_part(each, cased=cased or spelled is not None) for each in spelled or [tuple(parts)])
    numeric = all(isinstance(part, tuple) or _PART_OF_NUMBER.fullmatch(part) for part in parts)
    if not is_text(field) and (numeric or any(test.accepts(word) for test in tests for word in ("true", "false"))):
        return never(field, "compares a part of what may be a number or boolean; EventBridge sees parts of texts only")
    if all(test.cased for test in tests):
        return _fact(field, tests, (But(tests), Exists(False)))
    if tests[0].how == "like":
        return never(
            field,
            "is searched for a part without regard to case, and EventBridge's wildcard regards it; add |cased, or use"
            " startswith or endswith",
        )
    reason = "negates the start or end of a text without regard to case, which EventBridge cannot; add |cased"
    return _fact(field, tests, reason)


def _part(parts: Sequence[str | tuple[Wildcard]], *, cased: bool) -> Text:
    match parts:
        case [str(start), ("*",)]:
            return Text("starts", start, cased)
        case [("*",), str(end)]:
            return Text("ends", end, cased)
    return Text("like", "".join(escaped(part) if isinstance(part, str) else "*" for part in parts), cased)


def whole(field: str, value: str, *, cased: bool) -> Fact:
    """A text without wildcards. One that is the text of a number or boolean also matches that."""
    if not is_text(field):
        if (value if cased else value.lower()) in ("true", "false"):
            found = boolean(field, value.lower() == "true", cased=cased)
            if isinstance(found.fails, str) or as_written(field, value):
                return found
            # Unlike a boolean, a text says nothing about the other values that the field may have.
            reason = "negates the text of a boolean; write it without quotes if the field is true or false only"
            return replace(found, fails=reason)
        if _NUMBER.fullmatch(value) and abs(float(value)) < _EXACT:
            return number(field, float(value) if "." in value else int(value))
    test = Text("is", value, cased)
    return _fact(field, (test,), (But((test,)), Exists(False)))


def number(field: str, value: int | float) -> Fact:
    """A number, or the text that JSON writes for it."""
    test = Text("is", str(value))
    if is_text(field):
        return _fact(field, (test,), (But((test,)), Exists(False)))
    if abs(value) >= _EXACT:
        return never(field, f"is compared with {value}, and EventBridge tells numbers apart only up to {_EXACT:,}")
    reason = "negates a number, which may also be written as a text; EventBridge negates one of them at a time"
    return _fact(field, (Literally(value), test), reason)


def boolean(field: str, value: bool, *, cased: bool = False) -> Fact:
    """A boolean, or the text that JSON writes for it."""

    def either(value: bool) -> Cell:
        word = str(value).lower()
        return Literally(value), Text("is", word, cased or as_written(field, word))

    if is_text(field):
        test = either(value)[1]
        assert isinstance(test, Text)
        return _fact(field, (test,), (But((test,)), Exists(False)))
    return _fact(field, either(value), (*either(not value), *_NULL))


def null(field: str) -> Fact:
    """Null, or missing: Athena cannot tell them apart."""
    if is_list_of_texts(field):
        return Fact(field, _NULL, _NOT_NULL)
    return _fact(field, _NULL, _NOT_NULL_TEXT if is_text(field) else _NOT_NULL)


def exists(field: str) -> Fact:
    """There, and not null."""
    if is_list_of_texts(field):
        return Fact(field, _NOT_NULL, _NULL)
    return _fact(field, _NOT_NULL_TEXT if is_text(field) else _NOT_NULL, _NULL)


def compared(field: str, operator: Operator, value: int | float) -> Fact:
    """A number that is less or more than another."""
    if is_text(field):
        return never(field, "is a text in CloudTrail, and is compared like a number")
    if abs(value) >= _EXACT:
        return never(field, f"is compared with {value}, and EventBridge tells numbers apart only up to {_EXACT:,}")
    return _fact(field, (_bound(operator, value),), (_bound(_CONTRARY[operator], value), *_NOT_NUMBERS))


def doubts_of(facts: Iterable[Fact]) -> tuple[str, ...]:
    """Where EventBridge may answer otherwise than Athena: a sentence for each kind of question, with its fields.

    Args:
        facts: Of one rule, as the functions here make them.
    """
    there: dict[str, None] = {}
    numbers: dict[str, None] = {}
    for fact in facts:
        if fact.holds in (_NULL, _NOT_NULL):
            there |= {fact.field: None} if is_open(fact.field) and not is_list_of_texts(fact.field) else {}
        elif any(isinstance(test, Between) for test in fact.holds):
            numbers[fact.field] = None
    found = []
    if there:
        found.append(
            f"where {', '.join(there)} holds an object, it is missing to EventBridge, which knows values alone, and"
            " there to Athena; if that can be, name a field in the object"
        )
    if numbers:
        found.append(
            f"where CloudTrail writes {', '.join(numbers)} as a text, EventBridge does not compare it with a number,"
            " and Athena does"
        )
    return tuple(found)


def network(field: str, cidr: IPv4Network | IPv6Network) -> Fact:
    """An address of a network."""
    if cidr.prefixlen < cidr.max_prefixlen:
        return _fact(field, (Network(str(cidr)),), "EventBridge cannot negate a range of addresses")
    if cidr.version == 4:
        return whole(field, str(cidr.network_address), cased=True)
    return never(field, "EventBridge takes IPv6 ranges of /0 to /127; write the address as a text")


def _bound(operator: Operator, value: int | float) -> Between:
    match operator:
        case ">" | ">=":
            return Between(above=(operator, value))
        case "<" | "<=":
            return Between(below=(operator, value))


def _fact(field: str, holds: Cell | str, fails: Cell | str) -> Fact:
    """The fact, unless the field is one that EventBridge sees otherwise than Sigma."""
    if is_object(field):
        return never(field, "")
    if (array := array_in(field)) is not None:
        reason = (
            f"negates what is in the array {array}: EventBridge would ask whether any element differs, Sigma asks"
            " whether none matches"
        )
        return Fact(field, reason if Exists(False) in holds else holds, reason)
    return Fact(field, holds, fails)
