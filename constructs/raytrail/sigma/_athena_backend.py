"""Sigma conditions as Athena SQL (Trino's, engine version 3): a pySigma backend over the columns of the lake.

A condition is true in exactly the records in which Sigma's is; what cannot be said exactly is refused with the reason.
SQL's NULL, which a missing field gives, is no third answer: `NOT` takes it for false.

Conditions of one selection about one array are asked of the same element, as EventBridge asks them (`_maps`).

Fields inside of JSON are found with SQL/JSON (https://trino.io/docs/current/functions/json.html), whose lax mode goes
through arrays as EventBridge does. Columns are asked before arrays, and these before JSON, so that JSON is parsed for
the few events that the rest lets through.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import Any, ClassVar

from sigma.conditions import (
    ConditionAND,
    ConditionFieldEqualsValueExpression,
    ConditionNOT,
    ConditionOR,
    ConditionValueExpression,
)
from sigma.conversion.base import TextQueryBackend
from sigma.conversion.state import ConversionState
from sigma.exceptions import SigmaError
from sigma.rule import SigmaRule
from sigma.types import (
    SigmaBool,
    SigmaCasedString,
    SigmaCIDRExpression,
    SigmaCompareExpression,
    SigmaExists,
    SigmaExpansion,
    SigmaFieldReference,
    SigmaNull,
    SigmaNumber,
    SigmaRegularExpression,
    SigmaString,
    SigmaTimestampPart,
    SpecialChars,
    TimestampPart,
)

from raytrail.sigma import _athena_values as values
from raytrail.sigma._athena_columns import TIME, Element, Place, elements_of, place_of
from raytrail.sigma._errors import NotExpressible
from raytrail.sigma._fields import array_in, spellings
from raytrail.sigma._maps import array_below, fields_in, of_one_element, of_one_inside

_FieldEquals = ConditionFieldEqualsValueExpression

_ELEMENT = "element"
"""Where the state of a conversion keeps the element of an array that conditions are asked of."""

# What is compared with nothing, or with something else than a value of the field.
_OTHERS = (SigmaNull, SigmaExists, SigmaTimestampPart, SigmaExpansion)
# https://trino.io/docs/current/functions/datetime.html#extraction-function
_PARTS = {
    TimestampPart.MINUTE: "minute",
    TimestampPart.HOUR: "hour",
    TimestampPart.DAY: "day",
    TimestampPart.WEEK: "week",
    TimestampPart.MONTH: "month",
    TimestampPart.YEAR: "year",
}


def predicate(rule: SigmaRule) -> str:
    """Return a rule's condition as Athena SQL: true, false, or NULL, which means false, for a row of the lake's table.

    Raises:
        NotExpressible: It cannot be said exactly; the reason says what.
    """
    backend = AthenaBackend()
    try:
        found = [
            str(backend.convert_condition(each.parsed, ConversionState())) for each in rule.detection.parsed_condition
        ]
    except NotExpressible:
        raise
    except SigmaError as error:
        raise NotExpressible(str(error)) from error
    # Several conditions of one rule are alternatives.
    return found[0] if len(found) == 1 else " OR ".join(f"({each})" for each in found)


class AthenaBackend(TextQueryBackend):
    """Writes conditions over the lake's table of events."""

    name: ClassVar[str] = "Athena over raytrail's lake"

    def convert_condition_and(self, cond: ConditionAND, state: ConversionState) -> str:
        """Conditions that must all hold, the cheap ones first."""
        return self._all_of(of_one_element(cond), state)

    def convert_condition_or(self, cond: ConditionOR, state: ConversionState) -> str:
        """Conditions of which one must hold, the cheap ones first."""
        return " OR ".join(self._alternatives(cond, state))

    def convert_condition_not(self, cond: ConditionNOT, state: ConversionState) -> str:
        """What does not hold, or is about a field that is missing."""
        inner = cond.args[0]
        if isinstance(inner, _FieldEquals) and isinstance(inner.value, (SigmaNull, SigmaExists)):
            return values.exists(_place(inner.field, state), not _wants_value(inner.value))
        return f"NOT coalesce({self._sql(inner, state)}, false)"

    def convert_condition_field_eq_val(self, cond: _FieldEquals, state: ConversionState) -> str:
        """A field and a value, or the absence of one."""
        match cond.value:
            case SigmaNull() | SigmaExists():
                return values.exists(_place(cond.field, state), _wants_value(cond.value))
            case SigmaTimestampPart():
                return _part_of_time(cond.field, cond.value)
            case SigmaExpansion():
                return str(self.convert_condition_field_eq_expansion(cond, state))
            case _:
                return " OR ".join(_comparisons([cond], state))

    def convert_condition_val(self, cond: ConditionValueExpression, state: ConversionState) -> str:
        """A value without a field."""
        raise NotExpressible(f"{str(cond.value)!r} is looked for in the whole record: name the field that it is in")

    def _sql(self, cond: Any, state: ConversionState) -> str:
        return str(self.convert_condition(cond, state))

    def _all_of(self, groups: Sequence[Sequence[Any]], state: ConversionState) -> str:
        """Groups of conditions that must all hold, those of a group of one element."""
        found = []
        for group in sorted(groups, key=lambda parts: max(map(_cost, parts))):
            together = self._of_one(group, state) if len(group) > 1 else None
            found += [together] if together else [self._one_of_all(part, state) for part in group]
        return " AND ".join(found)

    def _of_one(self, parts: Sequence[Any], state: ConversionState) -> str | None:
        """Conditions that one element of an array must meet. None: the lake has one object there, and no array."""
        outer = _element(state)
        field = next(fields_in(parts[0]))
        array = array_below(field, outer.array if outer else "")
        found = elements_of(array, outer) if array else None
        if found is None:
            return None
        sql, element = found
        inside = ConversionState(processing_state={_ELEMENT: element})
        return f"any_match({sql}, {element.name} -> {self._all_of(of_one_inside(parts, element.array), inside)})"

    def _one_of_all(self, part: Any, state: ConversionState) -> str:
        alternatives = self._alternatives(part, state) if isinstance(part, ConditionOR) else []
        return f"({' OR '.join(alternatives)})" if len(alternatives) > 1 else self._sql(part, state)

    def _alternatives(self, cond: ConditionOR, state: ConversionState) -> list[str]:
        """Conditions of which one must hold; those on one field together, so that its JSON is parsed once."""
        fields: dict[str, list[_FieldEquals]] = {}
        found: list[tuple[int, list[str]]] = []
        for arg in cond.args:
            if isinstance(arg, _FieldEquals) and not isinstance(arg.value, _OTHERS):
                fields.setdefault(arg.field, []).append(arg)
            elif isinstance(arg, ConditionOR):
                found.append((_cost(arg), self._alternatives(arg, state)))
            else:
                found.append((_cost(arg), [self._sql(arg, state)]))
        found.extend((_cost(items[0]), _comparisons(items, state)) for items in fields.values())
        return [each for _, alternatives in sorted(found, key=itemgetter(0)) for each in alternatives]


def _element(state: ConversionState) -> Element | None:
    """The element of an array that conditions are asked of. None: the record."""
    found = state.processing_state.get(_ELEMENT)
    assert found is None or isinstance(found, Element)
    return found


def _place(field: str, state: ConversionState) -> Place:
    return place_of(field, _element(state))


def _comparisons(items: Sequence[_FieldEquals], state: ConversionState) -> list[str]:
    """Conditions of which one holds where a field has one of some values."""
    whole: dict[bool, list[str]] = {}
    tests: list[values.Test] = []
    for item in items:
        if _is_whole(item.value):
            whole.setdefault(_cased(item), []).append(_text(item.value))
        else:
            tests.append(_test(item))
    equal = [values.equals(texts, cased=cased) for cased, texts in whole.items()]
    return values.any_of(_place(items[0].field, state), [*equal, *tests])


def _test(cond: _FieldEquals) -> values.Test:
    match cond.value:
        case SigmaString():
            return values.like(_parts(cond.value), cased=_cased(cond))
        case SigmaRegularExpression():
            return values.matches(cond.value)
        case SigmaCIDRExpression():
            return values.inside(cond.value)
        case SigmaCompareExpression():
            return values.compares(cond.value)
        case SigmaFieldReference():
            if (array := array_in(cond.field)) is not None and array == array_in(cond.value.field):
                raise NotExpressible(
                    f"{cond.field} is compared with {cond.value.field} in the same array {array}, and SQL would compare"
                    " it with that of every element; compare with a field outside of the array"
                )
            return values.same(cond.value)
        case _:
            raise NotExpressible(
                f"{cond.field} is compared with a {type(cond.value).__name__}, which SQL does not have"
            )


def _part_of_time(field: str, value: SigmaTimestampPart) -> str:
    if field != "eventTime":
        raise NotExpressible(f"{field} is compared with a part of a time, and only eventTime is always one")
    return f"{_PARTS[value.timestamp_part]}({TIME}) = {value.number}"


def _wants_value(value: SigmaNull | SigmaExists) -> bool:
    return isinstance(value, SigmaExists) and value.exists


def _cost(cond: object) -> int:
    """0 for the call, 1 for another column, 2 for an array, 3 for JSON: of the most expensive part."""
    if isinstance(cond, _FieldEquals):
        return 0 if cond.field in ("eventSource", "eventName") else 1 + place_of(cond.field).cost
    return max((_cost(arg) for arg in getattr(cond, "args", ())), default=0)


def _is_whole(value: object) -> bool:
    if isinstance(value, SigmaString):
        return not value.contains_special()
    return isinstance(value, (SigmaBool, SigmaNumber))


def _cased(cond: _FieldEquals) -> bool:
    """Whether upper and lower case differ."""
    if isinstance(cond.value, SigmaCasedString):
        return True
    text = _text(cond.value)
    return text.lower() == text.upper() or len(spellings(cond.field, _parts(cond.value) or [text]) or ()) == 1


def _text(value: object) -> str:
    """The value without wildcards, as a record would have it: a number or a boolean is JSON's text of it."""
    if isinstance(value, SigmaBool):
        return "true" if value.boolean else "false"
    if isinstance(value, SigmaNumber):
        return str(value.number)
    return "".join(part for part in _parts(value) if isinstance(part, str))


def _parts(value: object) -> list[str | SpecialChars]:
    """The pieces of a text between its wildcards, and these."""
    parts: list[str | SpecialChars] = []
    for part in value.s if isinstance(value, SigmaString) else ():
        if not isinstance(part, (str, SpecialChars)):
            raise NotExpressible(f"the placeholder {part.name!r} has no value here: write the values into the rule")
        parts.append(part)
    return parts
