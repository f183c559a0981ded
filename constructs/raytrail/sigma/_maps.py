"""What conditions of one map mean for arrays: where their fields are below one array, one element answers them all.

Sigma says nothing of arrays. ``{ipPermissions.items.fromPort: 22, ipPermissions.items.toPort: 22}`` is meant of one
permission, and EventBridge matches it so; conditions of different maps, which the rule's condition joins, may be
answered by different elements.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from sigma.conditions import (
    ConditionAND,
    ConditionFieldEqualsValueExpression,
    ConditionItem,
    ConditionValueExpression,
)

from raytrail.sigma._fields import array_in

_ELEMENT = "element"


def of_one_element(cond: ConditionAND) -> list[list[Any]]:
    """The parts of a conjunction, in groups: one for the fields below each array that a map asks several of.

    Every other part is a group by itself, also those of a conjunction that is no map.
    """
    return _grouped(cond.args) if _is_map(cond) else [[part] for part in cond.args]


def of_one_inside(parts: Iterable[Any], array: str) -> list[list[Any]]:
    """The parts of such a group, asked of one element of ``array``, in groups by the arrays in that element."""
    return _grouped(parts, array)


def array_below(field: str, array: str) -> str | None:
    """The path down to the first array in the field's that is known, below ``array``. None: there is no further one.

    Args:
        field: The path of a field of the elements of ``array``, or of any where that is empty.
        array: The path of an array, or ``""``, for the record itself.
    """
    if not array:
        return array_in(field)
    # An element is to its fields what the record's own is to those below it: only its first word is never an array.
    below = array_in(f"{_ELEMENT}{field.removeprefix(array)}")
    return None if below is None else f"{array}{below.removeprefix(_ELEMENT)}"


def _grouped(parts: Iterable[Any], below: str = "") -> list[list[Any]]:
    groups: dict[str, list[Any]] = {}
    for number, part in enumerate(parts):
        fields = set(fields_in(part))
        array = array_below(next(iter(fields)), below) if len(fields) == 1 else None
        groups.setdefault(array or f"part {number}", []).append(part)
    found = []
    for group in groups.values():
        several = len({field for part in group for field in fields_in(part)}) > 1
        found += [group] if several else [[part] for part in group]
    return found


def _is_map(cond: Any) -> bool:
    """Whether pySigma made a condition from one map of a selection.

    There every part has the whole for its parent. Where the rule's condition joins selections, a part that is one
    of them has its own parent among the selections.
    """
    return all(
        part.parent is cond and (not isinstance(part, ConditionItem) or _is_map(part))
        for part in cond.args
        if part is not None
    )


def fields_in(part: Any) -> Iterator[str]:
    """The fields that a condition asks about; ``""`` for a value without one."""
    match part:
        case ConditionFieldEqualsValueExpression(field=field):
            yield field
        case ConditionValueExpression():
            yield ""
        case ConditionItem(args=args):
            for each in args:
                yield from fields_in(each)
