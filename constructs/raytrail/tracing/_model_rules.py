"""What sampling rules are to one another: which may stand beside which, and which one decides."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from raytrail.errors import InvalidProps
from raytrail.tracing._model import MAX_SAMPLING_RULES, PATTERNS, SamplingRule
from raytrail.tracing._model_globs import covers, matches


def check_beside(rule: SamplingRule, others: Iterable[SamplingRule]) -> None:
    """Refuse a rule that cannot stand beside the others.

    Raises:
        InvalidProps: Its name or priority is taken, there are 25 already, or one of two rules could never decide
            because the other is looked at first and matches all that it matches.
    """
    others = list(others)
    for other in others:
        if rule.name == other.name:
            raise InvalidProps(f"sampling rule {rule.name!r} is defined twice; rename one")
        if rule.priority == other.priority:
            raise InvalidProps(
                f"sampling rules {other.name!r} and {rule.name!r} share priority {rule.priority}; "
                "which one decides would be chance, so give one another"
            )
    if len(others) >= MAX_SAMPLING_RULES:
        raise InvalidProps(
            f"sampling rule {rule.name!r} is one more than the {MAX_SAMPLING_RULES} that X-Ray allows; drop one"
        )
    for other in others:
        first, second = sorted((rule, other), key=lambda each: each.priority)
        if hides(first, second):
            raise InvalidProps(
                f"sampling rule {second.name!r} (priority {second.priority}) would never decide: {first.name!r} "
                f"(priority {first.priority}) is looked at first and matches all that it matches; give "
                f"{second.name!r} a number below {first.priority}, or narrow {first.name!r}"
            )


def hides(first: SamplingRule, second: SamplingRule) -> bool:
    """Whether ``first``, if looked at first, always decides in place of ``second``.

    A rule that asks for attributes or an ARN hides nothing: the X-Ray SDKs pass over it. Rules that hide another
    only together are not looked for.
    """
    if first.attributes or first.resource_arn.strip("*"):
        return False
    return all(covers(getattr(first, name), getattr(second, name)) for name in PATTERNS)


def applies(rule: SamplingRule, request: Mapping[str, str], attributes: Mapping[str, str]) -> bool:
    """Whether a rule matches a request, upper and lower case apart, as AWS's distribution of OpenTelemetry does it.

    The X-Ray SDKs, which AWS only maintains, take no notice of case. What API Gateway does, AWS does not say.

    Args:
        rule: The rule.
        request: What the request has for each pattern of a rule, by the name of the pattern.
        attributes: Its attributes.
    """
    return all(matches(getattr(rule, name), request[name]) for name in PATTERNS) and all(
        key in attributes and matches(pattern, attributes[key]) for key, pattern in rule.attributes.items()
    )
