"""The EventBridge backend of pySigma: a rule's condition as event patterns.

A subclass of pySigma's `Backend`, since that walks the conditions, applies processing pipelines and expands values; not
of its `TextQueryBackend`, since a pattern is no text in which each condition has its place: what is one list of
alternatives, and what is factored out, is known only when the whole condition is.

Known to differ from Sigma: ``exists`` is false of an explicit null, as for Athena; comparisons with ``lt`` and the like
see numbers only, not their texts; an object in a field that is not known to be one counts as missing; and a field that
the rule compares with a boolean is taken to be one: its values are ``true``, ``false``, their texts, null, or missing.
"""

from __future__ import annotations

from typing import Any, ClassVar

from sigma.conditions import (
    ConditionAND,
    ConditionFieldEqualsValueExpression,
    ConditionItem,
    ConditionNOT,
    ConditionOR,
    ConditionValueExpression,
)
from sigma.conversion.base import Backend
from sigma.conversion.state import ConversionState
from sigma.correlations import SigmaCorrelationRule
from sigma.exceptions import SigmaFeatureNotSupportedByBackendError
from sigma.processing.pipeline import ProcessingPipeline
from sigma.rule import SigmaRule
from sigma.types import (
    CompareOperators,
    Placeholder,
    SigmaBool,
    SigmaCasedString,
    SigmaCIDRExpression,
    SigmaCompareExpression,
    SigmaNumber,
    SigmaString,
    SpecialChars,
)

from raytrail.sigma import _eventbridge_values as values
from raytrail.sigma._errors import NotExpressible
from raytrail.sigma._eventbridge_pattern import patterns_of
from raytrail.sigma._maps import of_one_element
from raytrail.sigma._normal import All, Deny, Formula, OfOne, Some, factors_of, pushed

_OPERATORS: dict[CompareOperators, values.Operator] = {
    CompareOperators.LT: "<",
    CompareOperators.LTE: "<=",
    CompareOperators.GT: ">",
    CompareOperators.GTE: ">=",
}


class EventBridgeBackend(Backend):
    """Converts rules about CloudTrail to EventBridge event patterns.

    `convert` returns the patterns of all the rules, `convert_rule` a tuple of patterns for each condition of the
    rule: an event that matches any of them matches the rule. Correlations cannot be converted.

    Args:
        processing_pipeline: Applied to each rule before it is converted. Default: none.
        collect_errors: As in pySigma: keep errors in ``errors`` instead of raising them. Default: raise them.

    Raises:
        SigmaFeatureNotSupportedByBackendError: On conversion: EventBridge cannot say what the rule says.
    """

    name: ClassVar[str] = "Amazon EventBridge event patterns"
    """What pySigma calls it."""
    formats: ClassVar[dict[str, str]] = {"default": "Event patterns as mappings"}
    """What `convert` can give."""
    explicit_not_exists_expression: ClassVar[bool] = True
    """That patterns can say that a field is missing."""

    def __init__(self, processing_pipeline: ProcessingPipeline | None = None, collect_errors: bool = False) -> None:
        super().__init__(processing_pipeline, collect_errors)

    def formula(self, rule: SigmaRule) -> Formula:
        """What the rule says, any of its conditions. Applies the pipeline, which changes the rule.

        Args:
            rule: The rule, as pySigma read it.
        """
        self.init_processing_pipeline()
        self.last_processing_pipeline.apply(rule)
        parsed = [condition.parsed for condition in rule.detection.parsed_condition]
        return Some(tuple(self.convert_condition(each, ConversionState()) for each in parsed if each is not None))

    def finalize_query_default(self, rule: SigmaRule, query: Any, index: int, state: ConversionState) -> Any:
        """The patterns of one condition."""
        try:
            return patterns(query)
        except NotExpressible as error:
            raise SigmaFeatureNotSupportedByBackendError(error.reason, source=rule.source) from error

    def finalize_output_default(self, queries: list[Any]) -> Any:
        """The patterns of all conditions of all rules."""
        return [pattern for found in queries for pattern in found]

    def convert_condition_or(self, cond: ConditionOR, state: ConversionState) -> Formula:
        """Alternatives."""
        return Some(self._parts(cond, state))

    def convert_condition_and(self, cond: ConditionAND, state: ConversionState) -> Formula:
        """All of some conditions, those of a map about one array of one of its elements."""
        groups = [tuple(self.convert_condition(part, state) for part in group) for group in of_one_element(cond)]
        return All(tuple(OfOne(group) if len(group) > 1 else group[0] for group in groups))

    def convert_condition_not(self, cond: ConditionNOT, state: ConversionState) -> Formula:
        """A negation."""
        (part,) = self._parts(cond, state)
        return Deny(part)

    def _parts(self, cond: ConditionItem, state: ConversionState) -> tuple[Formula, ...]:
        return tuple(self.convert_condition(part, state) for part in cond.args if part is not None)

    def convert_condition_as_in_expression(self, cond: ConditionOR | ConditionAND, state: ConversionState) -> Formula:
        """Lists need no form of their own here."""
        return (
            self.convert_condition_or(cond, state)
            if isinstance(cond, ConditionOR)
            else self.convert_condition_and(cond, state)
        )

    def convert_condition_field_eq_val_str(
        self, cond: ConditionFieldEqualsValueExpression, state: ConversionState
    ) -> Formula:
        """A text, perhaps with wildcards."""
        assert isinstance(cond.value, SigmaString)
        parts: list[str | tuple[values.Wildcard]] = []
        for part in cond.value.s:
            if isinstance(part, Placeholder):
                return values.never(cond.field, f"placeholder %{part.name}% is filled by no processing pipeline")
            parts.append(part if isinstance(part, str) else ("*" if part is SpecialChars.WILDCARD_MULTI else "?",))
        return values.text(cond.field, parts, cased=isinstance(cond.value, SigmaCasedString))

    def convert_condition_field_eq_val_str_case_sensitive(
        self, cond: ConditionFieldEqualsValueExpression, state: ConversionState
    ) -> Formula:
        """A text with ``|cased``."""
        return self.convert_condition_field_eq_val_str(cond, state)

    def convert_condition_field_eq_val_num(
        self, cond: ConditionFieldEqualsValueExpression, state: ConversionState
    ) -> Formula:
        """A number, or its text."""
        assert isinstance(cond.value, SigmaNumber)
        return values.number(cond.field, cond.value.number)

    def convert_condition_field_eq_val_bool(
        self, cond: ConditionFieldEqualsValueExpression, state: ConversionState
    ) -> Formula:
        """A boolean, or its text."""
        assert isinstance(cond.value, SigmaBool)
        return values.boolean(cond.field, cond.value.boolean)

    def convert_condition_field_eq_val_null(
        self, cond: ConditionFieldEqualsValueExpression, state: ConversionState
    ) -> Formula:
        """Null, or missing."""
        return values.null(cond.field)

    def convert_condition_field_exists(
        self, cond: ConditionFieldEqualsValueExpression, state: ConversionState
    ) -> Formula:
        """There."""
        return values.exists(cond.field)

    def convert_condition_field_not_exists(
        self, cond: ConditionFieldEqualsValueExpression, state: ConversionState
    ) -> Formula:
        """Missing."""
        return Deny(values.exists(cond.field))

    def convert_condition_field_eq_val_cidr(
        self, cond: ConditionFieldEqualsValueExpression, state: ConversionState
    ) -> Formula:
        """An address of a network."""
        assert isinstance(cond.value, SigmaCIDRExpression)
        return values.network(cond.field, cond.value.network)

    def convert_condition_field_compare_op_val(
        self, cond: ConditionFieldEqualsValueExpression, state: ConversionState
    ) -> Formula:
        """A number that is less or more than another."""
        assert isinstance(cond.value, SigmaCompareExpression)
        if (operator := _OPERATORS.get(cond.value.op)) is None:
            return Deny(values.number(cond.field, cond.value.number.number))
        return values.compared(cond.field, operator, cond.value.number.number)

    def convert_condition_field_eq_val_re(
        self, cond: ConditionFieldEqualsValueExpression, state: ConversionState
    ) -> Formula:
        """Refused."""
        reason = "EventBridge has no regular expressions; use startswith, endswith or contains|cased"
        return values.never(cond.field, reason)

    def convert_condition_field_eq_field(
        self, cond: ConditionFieldEqualsValueExpression, state: ConversionState
    ) -> Formula:
        """Refused."""
        return values.never(cond.field, "EventBridge compares fields with values, not with other fields")

    def convert_condition_field_eq_val_timestamp_part(
        self, cond: ConditionFieldEqualsValueExpression, state: ConversionState
    ) -> Formula:
        """Refused."""
        return values.never(cond.field, "EventBridge does not read times")

    def convert_condition_field_eq_query_expr(
        self, cond: ConditionFieldEqualsValueExpression, state: ConversionState
    ) -> Formula:
        """Refused."""
        return values.never(cond.field, "a query of a processing pipeline has no meaning for EventBridge")

    def convert_condition_val(self, cond: ConditionValueExpression, state: ConversionState) -> Formula:
        """Refused."""
        return values.never("", "keywords are searched in the whole record; EventBridge compares fields that are named")

    def _refused_value(self, cond: ConditionValueExpression, state: ConversionState) -> Formula:
        return self.convert_condition_val(cond, state)

    convert_condition_val_str = _refused_value
    convert_condition_val_num = _refused_value
    convert_condition_val_re = _refused_value
    convert_condition_query_expr = _refused_value

    def _refused_correlation(
        self, rule: SigmaCorrelationRule, output_format: str | None = None, method: str = "default"
    ) -> list[Any]:
        raise SigmaFeatureNotSupportedByBackendError("EventBridge sees one event at a time", source=rule.source)

    convert_correlation_event_count_rule = _refused_correlation
    convert_correlation_value_count_rule = _refused_correlation
    convert_correlation_temporal_rule = _refused_correlation
    convert_correlation_temporal_ordered_rule = _refused_correlation
    convert_correlation_extended_temporal_rule = _refused_correlation
    convert_correlation_extended_temporal_ordered_rule = _refused_correlation
    convert_correlation_value_sum_rule = _refused_correlation
    convert_correlation_value_avg_rule = _refused_correlation
    convert_correlation_value_percentile_rule = _refused_correlation
    convert_correlation_value_median_rule = _refused_correlation


def patterns(formula: Formula) -> tuple[dict[str, Any], ...]:
    """Event patterns that together match what the formula does. None, if nothing can match.

    Raises:
        NotExpressible: EventBridge cannot say what the formula says.
    """
    return patterns_of(factors_of(pushed(formula)))
