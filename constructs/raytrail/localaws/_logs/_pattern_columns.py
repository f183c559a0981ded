"""Space-delimited filter patterns: ``[ip, user, ..., request = *html*, status_code = 4*, bytes]``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from raytrail.localaws._logs._pattern_values import OPERATOR, VALUE, Condition, PatternError, condition

_FIELD = re.compile(r'\[(?P<bracketed>[^\]]*)\]|"(?P<quoted>[^"]*)"|(?P<bare>\S+)')
_NAME = re.compile(r"\s*([A-Za-z_]\w*)\s*")
_CONDITION = re.compile(rf"\s*([A-Za-z_]\w*)\s*({OPERATOR})\s*({VALUE})\s*")
_COLUMN_SPLIT = re.compile(r',(?=(?:[^"%]|"[^"]*"|%[^%]*%)*$)')


@dataclass(frozen=True, slots=True)
class _Column:
    name: str
    any_of: tuple[tuple[Condition, ...], ...]
    """Alternatives (``||``) of conditions that all must hold (``&&``)."""

    def accepts(self, value: str) -> bool:
        return not self.any_of or any(all(each.holds(value) for each in group) for group in self.any_of)


class ColumnPattern:
    """A compiled pattern.

    Raises:
        PatternError: It is not one.
    """

    def __init__(self, source: str) -> None:
        parts = [part.strip() for part in _COLUMN_SPLIT.split(source.strip()[1:-1])]
        if parts.count("...") + parts.count("…") > 1:
            raise PatternError("A space-delimited filter pattern has at most one ellipsis")
        gap = next((n for n, part in enumerate(parts) if part in ("...", "…")), None)
        self._head = [column for part in (parts if gap is None else parts[:gap]) for column in _parse(part)]
        self._tail = None if gap is None else [column for part in parts[gap + 1 :] for column in _parse(part)]

    def match(self, message: str) -> Mapping[str, str] | None:
        """The fields of ``message`` by name (``$status_code``) or position (``$1``), if it matches."""
        fields = split(message)
        columns = self._columns(len(fields))
        if columns is None or not all(column.accepts(f) for column, f in zip(columns, fields, strict=True)):
            return None
        return {f"${column.name or n}": f for n, (column, f) in enumerate(zip(columns, fields, strict=True), 1)}

    def _columns(self, count: int) -> Sequence[_Column] | None:
        """The column of each of ``count`` fields; None if they do not fit."""
        if self._tail is None:
            return self._head if len(self._head) == count else None
        missing = count - len(self._head) - len(self._tail)
        return None if missing < 0 else [*self._head, *[_Column("", ())] * missing, *self._tail]


def split(message: str) -> list[str]:
    """The fields of a line: what stands in brackets or quotes is one field, without them."""
    return [next(g for g in found.groups() if g is not None) for found in _FIELD.finditer(message)]


def _parse(source: str) -> list[_Column]:
    """What stands between two commas: one column, or several that ``&&`` joins (``status = 4* && bytes > 1000``)."""
    if not source:
        return [_Column("", ())]
    if plain := _NAME.fullmatch(source):
        return [_Column(plain[1], ())]
    alternatives = [[_condition(part) for part in alternative.split("&&")] for alternative in source.split("||")]
    names = list(dict.fromkeys(name for alternative in alternatives for name, _ in alternative))
    if len(names) > 1 and len(alternatives) > 1:
        raise PatternError(f"The alternatives of one field must be on that field, got '{source}'")
    return [
        _Column(name, tuple(tuple(each for own, each in group if own == name) for group in alternatives))
        for name in names
    ]


def _condition(source: str) -> tuple[str, Condition]:
    found = _CONDITION.fullmatch(source)
    if not found:
        raise PatternError(f"Invalid field '{source}' in space-delimited filter pattern")
    return found[1], condition(found[2], found[3])
