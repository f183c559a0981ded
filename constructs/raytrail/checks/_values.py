"""What a property of a template comes to before anything is deployed: a plain value, a resource, or not known."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from raytrail.checks._templates import Resource


class Unknown:
    """What is known when it is deployed: a parameter, a lookup, a value of another app."""

    def __repr__(self) -> str:
        return "unknown"


UNKNOWN: Final = Unknown()
"""Anything. Nothing is held against it."""

ACCOUNT: Final = Unknown()
"""The account's id, where it is chosen at the deployment."""

ABSENT: Final = object()
"""What ``AWS::NoValue`` comes to; it is never within a value."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A resource of the app, by its ``Ref`` or by an attribute."""

    resource: Resource
    attribute: str = "Ref"


@dataclass(frozen=True, slots=True)
class Text:
    """A text with parts that are only known when it is deployed."""

    parts: tuple[str | Reference | Unknown, ...]


class Partial(dict[str, Any]):
    """An object to which ``Fn::Transform`` adds what is not known: what is not written in it is `UNKNOWN`."""

    def get(self, key: str, default: Any = None) -> Any:
        """What is written under a key, or `UNKNOWN`."""
        return super().get(key, UNKNOWN)


Value: TypeAlias = Any
"""A JSON value that may hold `Reference`, `Text` and `UNKNOWN`."""

_HOLE = "\0"
_HOLES = re.compile(f"{_HOLE}+")


def text_of(parts: Iterable[Value]) -> Value:
    """Parts put together: a string where all are known."""
    found: list[str | Reference | Unknown] = []
    for part in parts:
        for piece in part.parts if isinstance(part, Text) else (part,):
            if isinstance(piece, (Reference, Unknown)):
                found.append(piece)
            elif isinstance(piece, (str, int, float)):
                said = str(piece).lower() if isinstance(piece, bool) else str(piece)
                if found and isinstance(found[-1], str):
                    found[-1] += said
                elif said:
                    found.append(said)
            else:
                return UNKNOWN
    if not found:
        return ""
    return found[0] if len(found) == 1 else Text(tuple(found))


def flat(value: Value, hole: str = _HOLE) -> str | None:
    """A text with a hole for each part that is not known; None: it is no text."""
    if isinstance(value, str):
        return value
    if isinstance(value, (Reference, Unknown)):
        return hole
    if isinstance(value, Text):
        return "".join(part if isinstance(part, str) else hole for part in value.parts)
    return None


def shown(value: Value) -> str:
    """A text to show: what is not known stands as ``…``."""
    said = flat(value)
    return str(value) if said is None else _HOLES.sub("…", said)


def references(value: Value) -> Iterator[Reference]:
    """Every resource that a value names, however deep."""
    if isinstance(value, Reference):
        yield value
    elif isinstance(value, Text):
        yield from (part for part in value.parts if isinstance(part, Reference))
    elif isinstance(value, dict):
        for each in value.values():
            yield from references(each)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)


def certain(value: Value) -> bool:
    """Whether all of a value is known, resources of the app included."""
    if isinstance(value, (Unknown, Partial)):
        return False
    if isinstance(value, Text):
        return not any(isinstance(part, Unknown) for part in value.parts)
    if isinstance(value, dict):
        return all(map(certain, value.values()))
    return all(map(certain, value)) if isinstance(value, list) else True


def literal(value: Value) -> bool:
    """Whether a value is JSON as it stands, with nothing that is told at the deployment."""
    return certain(value) and not any(True for _ in references(value))


def listed(value: Value) -> list[Value]:
    """A value that may stand alone or in a list, as a list; nothing is an empty one."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def dig(value: Value, *path: str) -> Value:
    """What stands at a path of keys; None: nothing; `UNKNOWN`: something on the way is not known."""
    for key in path:
        if isinstance(value, Unknown):
            return UNKNOWN
        value = value.get(key) if isinstance(value, dict) else None
    return value
