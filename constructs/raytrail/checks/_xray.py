"""X-Ray: groups that hold nothing, and sampling rules that never decide."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations

from raytrail.checks._model import Check, Floors, Seen
from raytrail.checks._templates import App, Template
from raytrail.checks._values import Value, dig
from raytrail.traces import InvalidFilter, parse_filter

_GROUP, _RULE = "AWS::XRay::Group", "AWS::XRay::SamplingRule"
_PATTERNS = ("ServiceName", "ServiceType", "Host", "HTTPMethod", "URLPath", "ResourceARN")
_LAMBDA = ("AWS::Lambda::Function", "AWS::Lambda")


def _filters(app: App, floors: Floors) -> Iterator[Seen]:
    for group in app.of_type(_GROUP):
        expression = group.get("FilterExpression")
        if not isinstance(expression, str) or not expression:
            continue
        try:
            parse_filter(expression)
        except InvalidFilter as error:
            # The first line says it; the others draw where.
            yield Seen(group, f"{expression!r}: {str(error).splitlines()[0]}", "Properties.FilterExpression")


def _sampling(app: App, floors: Floors) -> Iterator[Seen]:
    rules = [(rule, dig(rule.properties, "SamplingRule")) for rule in app.of_type(_RULE)]
    rules = [(rule, said) for rule, said in rules if isinstance(said, dict)]
    for rule, said in rules:
        if said.get("ServiceType") in _LAMBDA:
            yield Seen(rule, f"ServiceType is {said['ServiceType']}", "Properties.SamplingRule.ServiceType")
    for (one, first), (other, second) in combinations(rules, 2):
        if not _meet(one.template, other.template):
            continue
        priorities = first.get("Priority"), second.get("Priority")
        if not all(isinstance(each, int) for each in priorities):
            continue
        if priorities[0] == priorities[1]:
            yield Seen(
                other, f"it shares priority {priorities[0]} with {one.label}", "Properties.SamplingRule.Priority"
            )
            continue
        pair = sorted(((one, first), (other, second)), key=lambda each: int(each[1]["Priority"]))
        (earlier, wide), (later, narrow) = pair
        if _hides(wide, narrow):
            yield Seen(
                later,
                f"{earlier.label} (priority {wide['Priority']}) is looked at first and matches all that it matches",
                "Properties.SamplingRule",
            )


def _meet(one: Template, other: Template) -> bool:
    """Whether what two templates make is certainly in one account and Region."""
    if one.outermost is other.outermost:
        return True
    places = one.region, one.account
    return None not in places and places == (other.region, other.account)


def _hides(wide: Value, narrow: Value) -> bool:
    """Whether a rule that is looked at first certainly decides in place of another.

    One that asks for attributes or an ARN hides nothing: the X-Ray SDKs pass over it.
    """
    if wide.get("Attributes") or str(wide.get("ResourceARN", "*")).strip("*"):
        return False
    return all(_covers(wide.get(name, "*"), narrow.get(name, "*")) for name in _PATTERNS)


def _covers(wide: Value, narrow: Value) -> bool:
    """Whether one pattern certainly takes all that another takes: two different ones with wildcards may, or not."""
    if not isinstance(wide, str) or not isinstance(narrow, str):
        return False
    if wide in ("*", narrow):
        return True
    expression = "".join({"*": ".*", "?": "."}.get(letter, re.escape(letter)) for letter in wide)
    return not set("*?") & set(narrow) and re.fullmatch(expression, narrow, re.DOTALL) is not None


TRACE_FILTER_INVALID = Check(
    name="TraceFilterInvalid",
    level="warning",
    title="X-Ray does not understand the filter of the group",
    why="A group whose expression X-Ray cannot read holds no trace, and has no metrics. The deployment says nothing.",
    fix="write it with the words of raytrail.tracing, or as X-Ray's documentation does",
    trusts="Expressions with a parameter in them. The language is read as AWS documents it (docs/filters.md), which "
    "leaves some of it open: hence a warning.",
    source="https://docs.aws.amazon.com/xray/latest/devguide/xray-console-filters.html",
    look=_filters,
)

SAMPLING_RULE_NEVER_DECIDES = Check(
    name="SamplingRuleNeverDecides",
    level="warning",
    title="the sampling rule does not decide, or by chance",
    why="The rule with the lowest number that fits decides alone: one that is hidden behind a wider one is never "
    "asked, and of two with one number either may be. Lambda asks for no sampling rule at all: a function that "
    "requests reach first takes one a second and 5 % of the rest.",
    fix="give each rule its own priority, the narrow ones the lower numbers; sample functions where the trace begins, "
    "as at a stage of API Gateway; SamplingRules of raytrail.tracing refuses the others",
    trusts="Rules of other apps, and of two stacks whose account or Region is not known; rules with attributes or an "
    "ARN, which the SDKs pass over; of two patterns with wildcards only what is the same, or `*`.",
    source="https://docs.aws.amazon.com/xray/latest/devguide/xray-console-sampling.html",
    look=_sampling,
)
