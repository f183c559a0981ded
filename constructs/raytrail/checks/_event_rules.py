"""EventBridge rules on CloudTrail's events: those that never match, and those that lose what they matched."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from raytrail.checks._deliveries import RULE
from raytrail.checks._model import Check, Floors, Seen
from raytrail.checks._names import region_of
from raytrail.checks._templates import App, Resource
from raytrail.checks._values import Unknown, Value, dig, flat, listed, literal
from raytrail.replay import ALL_MANAGEMENT, DETAIL_TYPES, DISABLED, VIA_CLOUDTRAIL, InvalidPattern, compile_pattern
from raytrail.sigma import GLOBAL_REGION, Call, CompiledRule, Obstacle, Vantage, unreachable

_BY_CLOUDTRAIL = (
    *DETAIL_TYPES.values(),
    # AWS's pages have both spellings, and which one is sent they do not say with one voice.
    "AWS Console Sign In via CloudTrail",
    "AWS Insight via CloudTrail",
)
_OF_PLACE = ("global", "global-reads", "region:")
"""What an obstacle of `raytrail.sigma` begins with that is about the Region of the rule."""


def _never_matches(app: App, floors: Floors) -> Iterator[Seen]:
    for rule, pattern in _patterns(app):
        try:
            compile_pattern(pattern)
        except InvalidPattern as error:
            yield Seen(rule, f"EventBridge does not take the pattern: {error}", "Properties.EventPattern")
            continue
        if misspelt := _misspelt(pattern):
            yield Seen(rule, f"no event has the detail-type {misspelt!r}", "Properties.EventPattern")
        elif reasons := [each for each in _obstacles(app, rule, pattern) if not each.need.startswith(_OF_PLACE)]:
            yield Seen(rule, "; ".join(_said(each) for each in reasons), "Properties.EventPattern")


def _elsewhere(app: App, floors: Floors) -> Iterator[Seen]:
    for rule, pattern in _patterns(app):
        obstacles = _obstacles(app, rule, pattern)
        if obstacles and all(each.need.startswith(_OF_PLACE) for each in obstacles):
            yield Seen(rule, "; ".join(map(str, obstacles)), "Properties.EventPattern")


def _loses(app: App, floors: Floors) -> Iterator[Seen]:
    for rule, pattern in _patterns(app):
        if not _is_of_cloudtrail(pattern):
            continue
        without = [
            str(dig(target, "Id"))
            for target in listed(rule.get("Targets"))
            if isinstance(target, dict) and target.get("DeadLetterConfig") is None
        ]
        if without:
            yield Seen(rule, f"no dead-letter queue for target {', '.join(without)}", "Properties.Targets")


def _patterns(app: App) -> Iterator[tuple[Resource, Mapping[str, Any]]]:
    """The rules on the default bus whose pattern is wholly known."""
    for rule in app.of_type(RULE):
        bus = rule.get("EventBusName")
        on_default = bus is None or (isinstance(bus, str) and bus.rsplit("/", 1)[-1] == "default")
        pattern = rule.get("EventPattern")
        if isinstance(pattern, str):
            try:
                pattern = json.loads(pattern)
            except ValueError:
                # CloudFormation's own validation says so.
                continue
        if on_default and isinstance(pattern, dict) and literal(pattern) and rule.get("State") != DISABLED:
            yield rule, pattern


def _is_of_cloudtrail(pattern: Mapping[str, Any]) -> bool:
    return VIA_CLOUDTRAIL in json.dumps(pattern)


def _misspelt(pattern: Mapping[str, Any]) -> str | None:
    """A detail-type that looks like one of CloudTrail's and is none."""
    return next(
        (
            each
            for each in listed(pattern.get("detail-type"))
            if isinstance(each, str) and "via cloudtrail" in each.lower() and each not in _BY_CLOUDTRAIL
        ),
        None,
    )


def _obstacles(app: App, rule: Resource, pattern: Mapping[str, Any]) -> tuple[Obstacle, ...]:
    """Why no event that the pattern asks for can come to the rule; empty: some can, as far as is known."""
    calls = _calls(pattern)
    if not calls or "$or" in json.dumps(pattern):
        return ()
    state, region = rule.get("State"), rule.template.region
    asked = CompiledRule(
        name="pattern",
        id="",
        title="",
        level="informational",
        description="",
        techniques=(),
        tactics=(),
        calls=calls,
        patterns=(pattern,),
    )
    all_management = isinstance(state, Unknown) or state == ALL_MANAGEMENT
    # To a rule that is only ENABLED the bus is a trail without read-only management events.
    vantage = Vantage(
        region=region,
        management="all" if all_management else "write",
        forwarded=_forwarded(app, region) if region else None,
    )
    return unreachable(asked, vantage, engine="eventbridge")


def _said(obstacle: Obstacle) -> str:
    if obstacle.need == "reads":
        return (
            "it asks for calls that only read, and EventBridge hands those to rules in state "
            f"{ALL_MANAGEMENT} alone: it is ENABLED"
        )
    return obstacle.missing


def _calls(pattern: Mapping[str, Any]) -> tuple[Call, ...]:
    """The calls that a pattern asks for; empty: it is not one about API calls."""
    if listed(pattern.get("detail-type")) != [DETAIL_TYPES["AwsApiCall"]]:
        return ()
    names = _globs(dig(pattern, "detail", "eventName"))
    sources = _globs(dig(pattern, "detail", "eventSource"))
    if sources == ["*"]:
        sources = [
            f"{each.removeprefix('aws.')}.amazonaws.com" if each.startswith("aws.") and "*" not in each else "*"
            for each in _globs(pattern.get("source"))
        ]
    return tuple(Call(source, name) for source in sources for name in names)


def _globs(alternatives: Value) -> list[str]:
    """What a field may be, with ``*`` for any characters."""
    found = [_glob(each) for each in listed(alternatives)] or ["*"]
    return ["*"] if "*" in found else found


def _glob(alternative: Value) -> str:
    match alternative:
        case str():
            return alternative
        case {"prefix": str(start)} if len(alternative) == 1:
            return f"{start}*"
        case {"suffix": str(end)} if len(alternative) == 1:
            return f"*{end}"
    return "*"


def _forwarded(app: App, region: str) -> Any:
    """Which events of global services rules of the app bring from us-east-1 to a Region."""
    states = [
        rule.get("State")
        for rule in app.of_type(RULE)
        if rule.template.region in (GLOBAL_REGION, None)
        for target in listed(rule.get("Targets"))
        if _is_bus_in(dig(target, "Arn"), region)
    ]
    if not states:
        return "none"
    return "write" if all(state in ("ENABLED", None) for state in states) else "all"


def _is_bus_in(arn: Value, region: str) -> bool:
    return ":event-bus/" in (flat(arn) or "") and region_of(arn) in (region, None)


RULE_NEVER_MATCHES = Check(
    name="RuleNeverMatches",
    level="error",
    title="no event can ever match the rule",
    why="EventBridge takes a rule whose pattern no event fits, and it stays silent. Most often it asks for calls that "
    "only read (Get, List, Describe, and sts:AssumeRole), which a rule in state ENABLED is not shown, for Lambda's "
    "calls without the date in their names, or for a detail-type that is spelled otherwise.",
    fix=f"set State to {ALL_MANAGEMENT} for calls that only read; write names as CloudTrail does; try the pattern on "
    "records with raytrail replay",
    trusts="Patterns with a parameter in them; of patterns with `$or` only whether EventBridge takes them, and the "
    "detail-type. That some of several calls match is enough.",
    source="https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail-management.html",
    look=_never_matches,
)

RULE_IN_WRONG_REGION = Check(
    name="RuleInWrongRegion",
    level="warning",
    title="the events of the rule appear in another Region",
    why="Calls of IAM, Organizations, Route 53, CloudFront and other global services appear on the bus of us-east-1 "
    "alone (a few in us-west-2): a rule elsewhere never sees them.",
    fix="put the rule into a stack in us-east-1, or forward the events: GlobalEventForwarder of raytrail.detection",
    trusts="Stacks without a Region; a rule of the app in us-east-1 whose target is the bus of this Region, whatever "
    "it forwards. A forwarder of another app cannot be seen: hence a warning.",
    source="https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-troubleshooting.html",
    look=_elsewhere,
)

RULE_LOSES_EVENTS = Check(
    name="RuleLosesEvents",
    level="warning",
    title="what cannot be delivered is lost",
    why="EventBridge tries again for 24 hours at most, and not at all where it is not let in. Without a dead-letter "
    "queue the event is gone, and with it the alert.",
    fix="give each target a DeadLetterConfig, and alarm on its queue, as ApiCallAlerts of raytrail.detection does",
    trusts="Rules on other events than those of CloudTrail, and targets that are a parameter.",
    source="https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html",
    nag=("EventBusDLQ",),
    look=_loses,
)
