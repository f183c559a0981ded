"""Where the lake keeps a field of CloudTrail's records: a column, a part of a struct, an array, or JSON in a text.

The columns are those of `raytrail.queries.CLOUDTRAIL_COLUMNS`. Hive's SerDe writes their names in lower case, those
inside of structs too; names inside of JSON stay as CloudTrail spells them.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from functools import cache
from typing import Literal

from raytrail.queries import CLOUDTRAIL_COLUMNS
from raytrail.sigma._errors import NotExpressible

ITEM = "v"
"""What a value of a field that has several is called in the conditions about it."""

TIME = "TRY_CAST(replace(replace(eventtime, 'T', ' '), 'Z', '') AS timestamp)"
"""When an event happened, in UTC; NULL for what is no time."""

_JSON_COLUMNS = frozenset(
    ("requestparameters", "responseelements", "additionaleventdata", "serviceeventdetails", "edgedevicedetails")
)
_VALUE = f"json_extract_scalar({ITEM}, '$')"
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

Kind = Literal["text", "list", "json", "object"]


@dataclass(frozen=True, slots=True)
class Place:
    """A field in the lake."""

    field: str
    """As the rule names it."""
    kind: Kind
    """``text``: a text, `sql` is it. ``list``: `sql` is an array, `value` the text of an element. ``json``: the same,
    but the array is made from JSON text, which costs more. ``object``: it has no value of its own, only parts."""
    sql: str
    value: str = ""
    scalar: str = ""
    """The one text that the field has where no array is on its way, else NULL: what events are grouped by."""
    values: str = ""
    """An array of the texts that the field has, each element's of an array: what is counted. NULL is none of them."""

    @property
    def cost(self) -> int:
        """0 for a column, 1 for an array, 2 where JSON has to be parsed."""
        return {"json": 2, "list": 1}.get(self.kind, 0)


@dataclass(frozen=True, slots=True)
class _Type:
    """A type of Hive: its word, and what it consists of by name (of a struct) or by ``""`` (of an array)."""

    word: str
    parts: tuple[tuple[str, _Type], ...] = ()


@dataclass(frozen=True, slots=True)
class Element:
    """An element of an array, of which several conditions are asked at once."""

    array: str
    """The path of the array, from the top of the record."""
    name: str
    """What it is called in these conditions."""
    kind: _Type | None
    """None: it is JSON."""


@cache
def place_of(field: str, element: Element | None = None) -> Place:
    """Return where a field is.

    Args:
        field: Dotted, from the top of the record: ``userIdentity.sessionContext.sessionIssuer.arn``.
        element: That the field is asked of. Default: the whole record.

    Raises:
        NotExpressible: The lake has no such column, or no such part of a column.
    """
    if element is not None:
        return _inside(field, element)
    first, *rest = field.split(".")
    columns = _columns()
    kind = columns.get(first.lower())
    if kind is None or "" in (first, *rest):
        near = difflib.get_close_matches(first, [column.name for column in CLOUDTRAIL_COLUMNS], n=1)
        raise NotExpressible(
            f"the lake has no column for the field {field!r}" + (f" (did you mean {near[0]!r}?)" if near else "")
        )
    if first.lower() in _JSON_COLUMNS:
        return _json(field, first.lower(), rest)
    return _typed(field, first.lower(), kind, rest)


def elements_of(array: str, inside: Element | None = None) -> tuple[str, Element] | None:
    """Return the SQL of an array, and an element of it. None: the lake keeps no array there.

    Where the record has an object in its place, which JSON allows, that is the one element.

    Args:
        array: Its path, from the top of the record.
        inside: The element of another array that it is in.

    Raises:
        NotExpressible: As for `place_of`.
    """
    name = f"e{int(inside.name[1:]) + 1 if inside else 1}"
    place = place_of(array, inside)
    if place.kind == "json":
        return place.sql, Element(array, name, None)
    kind = _columns().get(array.lower())
    if inside is not None or kind is None or kind.word != "array":
        return None
    return place.sql, Element(array, name, dict(kind.parts)[""])


def quoted(text: str) -> str:
    """Return a text as a literal of SQL, in which only the quote has a meaning."""
    doubled = text.replace("'", "''")
    return f"'{doubled}'"


def _inside(field: str, element: Element) -> Place:
    path = field.removeprefix(element.array).split(".")[1:]
    if element.kind is not None:
        return _typed(field, element.name, element.kind, path)
    if not path:
        return Place(field, "json", f"ARRAY[{element.name}]", _VALUE)
    return _json(field, f"json_format({element.name})", path)


def _json(field: str, column: str, path: list[str]) -> Place:
    if not path:
        return Place(field, "object", column)
    steps = "".join(f".{step}" if _WORD.fullmatch(step) else f".{_in_quotes(step)}" for step in path)
    # In lax mode a step goes through the elements of an array by itself, and what is missing is left out.
    found = f"json_query({column}, {quoted(f'lax ${steps}[*]')} WITH ARRAY WRAPPER)"
    elements = f"CAST(json_parse({found}) AS array(json))"
    plain = quoted("$" + "".join(f".{step}" if _WORD.fullmatch(step) else f"[{_in_quotes(step)}]" for step in path))
    return Place(
        field,
        "json",
        elements,
        _VALUE,
        scalar=f"json_extract_scalar({column}, {plain})",
        values=f"transform({elements}, {ITEM} -> {_VALUE})",
    )


def _in_quotes(step: str) -> str:
    if '"' in step or "\\" in step:
        raise NotExpressible(f"the name {step!r} inside of JSON has a quote or a backslash, which a path cannot have")
    return f'"{step}"'


def _typed(field: str, sql: str, kind: _Type, path: list[str]) -> Place:
    for number, step in enumerate(path):
        if kind.word == "map":
            # The keys of a map have dots of their own: cognito-identity.amazonaws.com:aud.
            found = f"element_at({sql}, {quoted('.'.join(path[number:]))})"
            return _text(field, found)
        if kind.word == "array":
            return _elements(field, sql, kind, path[number:])
        part = dict(kind.parts).get(step.lower())
        if part is None:
            near = difflib.get_close_matches(step.lower(), [name for name, _ in kind.parts], n=1)
            hint = f" (did you mean {near[0]!r}?)" if near else ""
            raise NotExpressible(f"the lake's column {sql!r} has no part {step!r}, as {field!r} asks for{hint}")
        sql, kind = f"{sql}.{step.lower()}", part
    if kind.parts:
        return Place(field, "object", sql)
    return _text(field, sql)


def _text(field: str, sql: str) -> Place:
    return Place(field, "text", sql, scalar=sql, values=f"ARRAY[{sql}]")


def _elements(field: str, sql: str, kind: _Type, path: list[str]) -> Place:
    element = _typed(field, ITEM, dict(kind.parts)[""], path)
    return Place(
        field,
        "list",
        sql,
        element.sql,
        scalar="CAST(NULL AS varchar)",
        values=f"transform({sql}, {ITEM} -> {element.sql})",
    )


@cache
def _columns() -> dict[str, _Type]:
    return {column.name: _parsed(column.type) for column in CLOUDTRAIL_COLUMNS}


def _parsed(text: str) -> _Type:
    word, bracket, inner = text.partition("<")
    if not bracket:
        return _Type(word)
    items = _split(inner[:-1])
    if word == "struct":
        return _Type(word, tuple((name, _parsed(kind)) for name, _, kind in (item.partition(":") for item in items)))
    return _Type(word, tuple(("", _parsed(item)) for item in items[-1:]))


def _split(text: str) -> list[str]:
    """Split at the commas that are not inside of angle brackets."""
    items, depth, start = [], 0, 0
    for place, letter in enumerate(text):
        depth += {"<": 1, ">": -1}.get(letter, 0)
        if letter == "," and depth == 0:
            items.append(text[start:place])
            start = place + 1
    return [*items, text[start:]]
