"""What EventBridge bounds, and what may be deployed to it: plain values."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from raytrail.detection._model import MAX_PATTERN_CHARACTERS
from raytrail.errors import InvalidProps
from raytrail.sigma import ALERTING, LEVELS, CompiledRule, Vantage, partly, unreachable

# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html
MOST_TARGETS = 5
"""Of one rule; AWS does not raise it."""
MOST_WILDCARD_RULES = 30
"""On one bus; AWS does not raise it."""
_MOST_RULES, _FEW_RULES, _REGIONS_OF_FEW = 300, 100, ("af-south-1", "eu-south-1")

_NAMED = 5

_NAME = re.compile(r"[a-z][a-z0-9_]{2,63}")


def check_rule(rule: CompiledRule) -> None:
    """Refuse a rule that cannot be an alert of EventBridge.

    Raises:
        InvalidProps: Its name or level is not one of an alert, or it has no pattern, or one that is too long.
    """
    if not _NAME.fullmatch(rule.name):
        raise InvalidProps(f"name {rule.name!r} of a rule is in snake_case, of 3 to 64 letters, digits and underscores")
    if not rule.alerts:
        why = f"is of level {rule.level}" if rule.own else "is only part of a correlation"
        raise InvalidProps(
            f"rule {rule.name!r} {why}, which tells nobody: it is for hunting in the lake; alerts are of level "
            f"{', '.join(ALERTING)}, which dataclasses.replace(rule, level=...) gives it"
        )
    if not rule.patterns:
        reason = rule.eventbridge_reason or "a correlation is about several events, and EventBridge sees one at a time"
        raise InvalidProps(f"rule {rule.name!r} cannot run on EventBridge: {reason}; run it on the lake, with Athena")
    for pattern in rule.patterns:
        length = len(json.dumps(pattern, separators=(",", ":")))
        if length > MAX_PATTERN_CHARACTERS:
            raise InvalidProps(
                f"a pattern of rule {rule.name!r} has {length} characters; EventBridge takes {MAX_PATTERN_CHARACTERS}, "
                "so split it into several"
            )


def deployable(rules: Iterable[CompiledRule], vantage: Vantage) -> tuple[tuple[CompiledRule, ...], dict[str, str]]:
    """Return the alerts that EventBridge expresses and that can fire, and by their names why others cannot."""
    alerts = [rule for rule in rules if rule.alerts and rule.patterns]
    dead = {rule.name: _words(unreachable(rule, vantage)) for rule in alerts}
    return tuple(rule for rule in alerts if not dead[rule.name]), {name: why for name, why in dead.items() if why}


def dead_rules(rules: Iterable[CompiledRule], vantage: Vantage) -> list[str]:
    """Return a sentence for each of the rules that can never fire: what is missing, and which setting would let it."""
    found = {rule.name: _words(unreachable(rule, vantage)) for rule in rules}
    return [f"rule {name!r} can never fire: {why}" for name, why in found.items() if why]


def half_seen(rules: Iterable[CompiledRule], vantage: Vantage) -> dict[str, str]:
    """Return what rules that can fire do not see, by their name."""
    found = {rule.name: _words(partly(rule, vantage)) for rule in rules}
    return {name: why for name, why in found.items() if why}


def quota_problems(rules: Iterable[CompiledRule], *, region: str | None, most_rules: int | None) -> list[str]:
    """Return what is wrong with so many rules on one bus.

    Args:
        rules: The detections; each of their patterns is a rule of the bus.
        region: The Region, if it is known.
        most_rules: The quota, where AWS has raised it.
    """
    rules = list(rules)
    patterns = [pattern for rule in rules for pattern in rule.patterns]
    most = most_rules or (_FEW_RULES if region in _REGIONS_OF_FEW else _MOST_RULES)
    problems = []
    if (over := len(patterns) - most) > 0:
        problems.append(
            f"{len(patterns)} rules are more than the {most} that a bus takes in {region or 'this Region'}; leave "
            f"{over} out, the least of them {_least(rules, over)} (`without`, where they are of the catalogue), and "
            "ask the lake for them on a schedule; or ask AWS to raise the quota and say so with most_rules"
        )
    wild = sum('"wildcard"' in json.dumps(pattern) for pattern in patterns)
    if wild > MOST_WILDCARD_RULES:
        problems.append(
            f"{wild} rules have wildcards, and a bus takes {MOST_WILDCARD_RULES}, which AWS does not raise; leave some "
            "out, or write them with startswith and endswith"
        )
    return problems


def _least(rules: Iterable[CompiledRule], room: int) -> str:
    """The detections to miss first: of the lowest level, those that need the most rules, until there is room."""
    named: list[str] = []
    for rule in sorted(rules, key=lambda each: (LEVELS.index(each.level), -len(each.patterns), each.name)):
        if room <= 0 or len(named) == _NAMED:
            break
        named.append(rule.name)
        room -= len(rule.patterns)
    return ", ".join(named) + (" and others" if room > 0 else "")


def _words(obstacles: Iterable[object]) -> str:
    return "; and ".join(str(obstacle) for obstacle in obstacles)
