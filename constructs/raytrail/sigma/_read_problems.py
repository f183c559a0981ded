"""What pySigma finds wrong with a rule, at the line that it is about: pySigma itself knows no lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from sigma.conditions import SigmaCondition
from sigma.correlations import SigmaCorrelationRule
from sigma.exceptions import SigmaError
from sigma.filters import SigmaFilter
from sigma.rule import SigmaDetectionItem, SigmaRule

from raytrail.sigma._actor import ACTOR
from raytrail.sigma._errors import InvalidRule
from raytrail.sigma._names import unknown
from raytrail.sigma._regex import POLICY
from raytrail.sigma._yaml import Document

_KEYS = {
    "SigmaIdentifierError": ("id",),
    "SigmaTagError": ("tags",),
    "SigmaDetectionError": ("detection",),
    "SigmaConditionError": ("detection", "condition"),
    "SigmaFilterConditionError": ("filter", "condition"),
    "SigmaFilterRuleReferenceError": ("filter", "rules"),
    "SigmaCorrelationTypeError": ("correlation", "type"),
    "SigmaCorrelationConditionError": ("correlation", "condition"),
    "SigmaCorrelationRuleError": ("correlation",),
    "SigmaTimespanError": ("correlation", "timespan"),
    "SigmaRuleNotFoundError": ("correlation", "rules"),
}
"""Where an error of pySigma comes from. Others are named after their key, as ``SigmaLevelError``."""


def sigma_problems(rule: SigmaRule | SigmaCorrelationRule | SigmaFilter, document: Document) -> Iterator[InvalidRule]:
    """What pySigma says is wrong, and log sources that are not CloudTrail."""
    in_detail = list(_detection_problems(document))
    yield from in_detail
    for error in rule.errors:
        if not (in_detail and _keys(error)[0] in ("detection", "modifier", "type", "value", "regularexpression")):
            yield problem_at(document, error)
    if isinstance(rule, SigmaCorrelationRule) or rule.errors or in_detail:
        return
    source = rule.logsource
    if (source.product, source.service) != ("aws", "cloudtrail") or source.category is not None:
        kinds = {"category": source.category, "product": source.product, "service": source.service}
        named = ", ".join(f"{key} {value}" for key, value in kinds.items() if value)
        line = document.line_of("logsource")
        yield InvalidRule(
            document.path, line, f"log source is {named}; only product aws, service cloudtrail is compiled here"
        )
    if isinstance(rule, SigmaRule):
        for condition in rule.detection.parsed_condition:
            if (reason := _wrong_condition(condition)) is not None:
                yield InvalidRule(document.path, document.line_of("detection", "condition"), reason)


def name_problems(document: Document) -> Iterator[tuple[str, InvalidRule]]:
    """Fields that are asked for, compared with or grouped by, and that no record has, each with what is wrong."""
    for name, keys in _names(document):
        if (reason := unknown(name)) is not None:
            yield name, InvalidRule(document.path, document.line_of(*keys), reason)


def _wrong_condition(condition: SigmaCondition) -> str | None:
    """What is wrong with a condition, which pySigma reads when it is first asked for."""
    if not isinstance(condition.condition, str):
        return f"the condition is a text, got {condition.condition!r}"
    try:
        parsed = condition.parse()
    except SigmaError as error:
        if (place := re.search(r"\(at char (\d+)\)", str(error.args[0]))) is None:
            return _words(error)
        return (
            f"the condition {condition.condition!r} cannot be read from character {int(place[1]) + 1} on; it is made of"
            " names of selections, and, or, not, parentheses, '1 of NAME*' and 'all of them'"
        )
    return "the condition is empty" if parsed is None else None


def _detection_problems(document: Document) -> Iterator[InvalidRule]:
    """Each item of a detection that pySigma refuses, by itself: so its line is known."""
    for keys, item in _items(document):
        try:
            SigmaDetectionItem.from_mapping(str(keys[-1]), item, policy=POLICY)
        except SigmaError as error:
            yield InvalidRule(document.path, document.line_of(*keys), f"{keys[-1]}: {_words(error)}")


def _names(document: Document) -> Iterator[tuple[str, tuple[str | int, ...]]]:
    """The fields of a rule, each with the keys that lead there."""
    for keys, item in _items(document):
        field, *modifiers = str(keys[-1]).split("|")
        others = (item if isinstance(item, list) else [item]) if "fieldref" in modifiers else []
        # Without a name, values are looked for in the whole record.
        yield from ((name, keys) for name in (field, *map(str, others)) if name)
    correlation = document.value.get("correlation")
    if isinstance(correlation, dict):
        counted = correlation.get("condition")
        for keys, value in (
            (("correlation", "group-by"), correlation.get("group-by")),
            (("correlation", "condition"), counted.get("field") if isinstance(counted, dict) else None),
        ):
            names = value if isinstance(value, list) else [value]
            yield from ((name, keys) for name in names if isinstance(name, str) and name != ACTOR)


def _items(document: Document) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """The keys that lead to each item of the rule's selections, or of the filter's, and its value."""
    for section in ("detection", "filter"):
        selections = document.value.get(section)
        for name, value in selections.items() if isinstance(selections, dict) else ():
            if name not in ("condition", "rules", "timeframe"):
                yield from _items_of(value, (section, name))


def _items_of(value: Any, keys: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _items_of(item, (*keys, index))
    elif isinstance(value, dict):
        for key, item in value.items():
            yield (*keys, str(key)), item


def problem_at(document: Document, error: SigmaError) -> InvalidRule:
    """What pySigma says, at the line that it is about."""
    if str(error).startswith("Sigma tag must start"):
        tag = next(index for index, tag in enumerate(document.value["tags"]) if "." not in str(tag))
        return InvalidRule(document.path, document.line_of("tags", tag), _words(error))
    return InvalidRule(document.path, document.line_of(*_keys(error)), _words(error))


def _keys(error: SigmaError) -> tuple[str, ...]:
    name = type(error).__name__
    return _KEYS.get(name, (name.removeprefix("Sigma").removesuffix("Error").lower(),))


def _words(error: SigmaError) -> str:
    text = str(error.args[0]) if error.args else type(error).__name__
    first = text[:1].lower() if not text[:2].isupper() else text[:1]
    return (first + text[1:]).rstrip(".").replace("doesn't supports", "does not support")
