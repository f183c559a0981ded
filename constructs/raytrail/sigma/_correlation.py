"""Sigma's correlation rules as plain values: what of them can be asked of the lake."""

from __future__ import annotations

from typing import Literal

from sigma.correlations import (
    CorrelationConditionAND,
    SigmaCorrelationCondition,
    SigmaCorrelationConditionOperator,
    SigmaCorrelationRule,
    SigmaCorrelationType,
    SigmaExtendedCorrelationCondition,
    SigmaRuleReference,
)

from raytrail.sigma._actor import ACTOR, correlated_place
from raytrail.sigma._errors import NotExpressible
from raytrail.sigma._model import Correlation

_Type = Literal["event_count", "value_count", "temporal", "temporal_ordered"]
_TYPES: dict[SigmaCorrelationType, _Type] = {
    SigmaCorrelationType.EVENT_COUNT: "event_count",
    SigmaCorrelationType.VALUE_COUNT: "value_count",
    SigmaCorrelationType.TEMPORAL: "temporal",
    SigmaCorrelationType.TEMPORAL_ORDERED: "temporal_ordered",
}
_OPERATORS: dict[SigmaCorrelationConditionOperator, Literal["gt", "gte"]] = {
    SigmaCorrelationConditionOperator.GT: "gt",
    SigmaCorrelationConditionOperator.GTE: "gte",
}
# Two timespans are read before the window that is asked about.
_MAX_SECONDS = 7 * 86400


def correlation_of(rule: SigmaCorrelationRule) -> Correlation:
    """Return what a correlation rule asks of the events of its rules.

    Args:
        rule: Its references are resolved, and the rules have names.

    Raises:
        NotExpressible: There is no event that completes it, or the lake cannot be asked for it.
    """
    kind = _TYPES.get(rule.type)
    if kind is None:
        raise NotExpressible(
            f"the correlation {rule.type.name.lower()} computes with numbers; known are {', '.join(_TYPES.values())}"
        )
    if len(rule.aliases):
        raise NotExpressible(
            f"its fields have aliases: group by fields that the events of all its rules have, or by {ACTOR!r}, which "
            "is the role of a session and otherwise whoever called"
        )
    if rule.timespan.seconds > _MAX_SECONDS:
        raise NotExpressible(f"its timespan {rule.timespan.spec} is more than 7d, which each run would read twice over")
    names = tuple(_name(reference) for reference in rule.rules or rule.referenced_rules)
    operator, count, field = _condition(rule, kind, len(names))
    group_by = tuple(rule.group_by or ())
    for each in group_by:
        if _kind(each) == "list":
            raise NotExpressible(f"it groups by {each}, of which an event has several")
    if field is not None:
        _kind(field)
    return Correlation(
        type=kind,
        rules=names,
        group_by=group_by,
        timespan_seconds=rule.timespan.seconds,
        operator=operator,
        count=count,
        value_field=field,
    )


def _condition(rule: SigmaCorrelationRule, kind: _Type, rules: int) -> tuple[Literal["gt", "gte"], int, str | None]:
    condition = rule.condition
    if isinstance(condition, SigmaExtendedCorrelationCondition):
        parsed = condition.parsed
        plain = isinstance(parsed, CorrelationConditionAND) and all(
            isinstance(arg, SigmaRuleReference) for arg in parsed.args
        )
        if not plain or kind == "temporal_ordered":
            raise NotExpressible(f"its condition {condition.expression!r} is more than that all of its rules match")
        return "gte", rules, None
    operator = _OPERATORS.get(condition.op)
    if operator is None:
        raise NotExpressible(
            f"its condition is {condition.op.name.lower()} {condition.count}: no event completes what is counted from "
            "above or exactly, so there is nothing to report; gt and gte are known"
        )
    if condition.count != int(condition.count):
        raise NotExpressible(f"its condition counts to {condition.count}, which is no whole number")
    least = int(condition.count) + (operator == "gt")
    if kind == "temporal_ordered" and least != rules:
        raise NotExpressible(f"its condition wants {least} of the {rules} rules, and an order has all of them")
    if kind == "temporal" and least > rules:
        raise NotExpressible(f"its condition wants {least} rules, and it has {rules}")
    return operator, int(condition.count), _value_field(condition, kind)


def _value_field(condition: SigmaCorrelationCondition, kind: _Type) -> str | None:
    if kind != "value_count":
        return None
    fields = [condition.fieldref] if isinstance(condition.fieldref, str) else list(condition.fieldref or ())
    if len(fields) != 1:
        raise NotExpressible(f"it counts the values of {', '.join(fields)}: name one field")
    return fields[0]


def _name(reference: SigmaRuleReference) -> str:
    if isinstance(reference.rule, SigmaCorrelationRule):
        raise NotExpressible(f"it correlates {reference.reference!r}, which is a correlation itself")
    return str(reference.rule.name or reference.reference)


def _kind(field: str) -> str:
    """How the lake keeps a field, which has values of its own."""
    kind = correlated_place(field).kind
    if kind == "object":
        raise NotExpressible(f"it groups by or counts {field}, which is an object: name a field in it")
    return kind
