"""What a Sigma rule is after it was compiled: a plain value that needs neither pySigma nor the CDK."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

Level = Literal["informational", "low", "medium", "high", "critical"]
"""Sigma's levels (https://sigmahq.io/docs/basics/rules.html#rule-level), from the least to the most."""

LEVELS: tuple[Level, ...] = ("informational", "low", "medium", "high", "critical")
"""The levels, from the least to the most."""
ALERTING: tuple[Level, ...] = ("medium", "high", "critical")
"""Levels that tell somebody: medium opens a ticket, high and critical page. The others are kept for hunting."""

Engine = Literal["eventbridge", "athena"]
"""What evaluates rules: EventBridge as events come, Athena in the lake, on a schedule."""


class Call(NamedTuple):
    """Events that a rule can match, as CloudTrail names them. ``*`` in either stands for any characters."""

    source: str
    """As ``iam.amazonaws.com``."""
    name: str
    """As ``CreateAccessKey``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Correlation:
    """What a correlation rule asks of the events that its rules match.

    The words are those of https://sigmahq.io/docs/meta/correlations.html
    """

    type: Literal["event_count", "value_count", "temporal", "temporal_ordered"]
    """What it asks: so many events, so many values of a field, or events of all its rules in a time, in any order or in
    theirs."""
    rules: tuple[str, ...]
    """Names of the rules that it correlates."""
    group_by: tuple[str, ...]
    """Fields that the events have in common, as ``sourceIPAddress``; or ``actor``, which is no field of CloudTrail's:
    the role of a session, and otherwise whoever called."""
    timespan_seconds: int
    """Length of the window."""
    operator: Literal["gt", "gte", "lt", "lte", "eq", "neq"] = "gte"
    """How the number is compared with `count`. Default: at least as many."""
    count: int = 1
    """What the number of events, of values or of rules is compared with. Default: 1."""
    value_field: str | None = None
    """What is counted by ``value_count``, each element of an array for itself; or ``actor``. Default: events."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CompiledRule:
    """One rule, and what each engine makes of it.

    Where an engine cannot express the rule, its field is empty and the reason stands beside it: nothing is compiled
    to something weaker.
    """

    name: str
    """Short and stable, in snake_case, such as ``trail_tampering``: the name in alerts, replays and tests."""
    id: str
    """The rule's UUID."""
    title: str
    """What happened, in a few words."""
    level: Level
    """How much it matters."""
    description: str
    """What it means, in sentences."""
    techniques: tuple[str, ...]
    """Ids of ATT&CK techniques, such as ``T1562.008``."""
    tactics: tuple[str, ...]
    """Short names of ATT&CK tactics, such as ``defense-evasion``: as tagged."""
    false_positives: tuple[str, ...] = ()
    """What else it may be, a sentence each. Default: nothing is known."""
    next_steps: tuple[str, ...] = ()
    """What to do when it alerts, a sentence each. Default: nothing is said."""
    references: tuple[str, ...] = ()
    """URLs of what to read about it. Default: none."""
    path: str = ""
    """The file it came from; for the catalogue its name only. Default: none, it was made in code."""
    calls: tuple[Call, ...] = ()
    """The events that it can match. Default: none, as of a correlation, whose rules have theirs."""
    patterns: tuple[Mapping[str, Any], ...] = field(default=(), hash=False)
    """EventBridge event patterns, whole; an event that matches any of them matches the rule. Default: none."""
    eventbridge_reason: str | None = None
    """Why there is no pattern. Default: there is one, or EventBridge was not asked."""
    predicate: str | None = None
    """Athena SQL: a condition over the columns of the lake's table. Default: none."""
    athena_reason: str | None = None
    """Why there is no predicate. Default: there is one, or Athena was not asked."""
    correlation: Correlation | None = None
    """What it asks of the events of other rules. Default: it is a rule about single events."""
    own: bool = True
    """Whether it is alerted by itself, and not only used by a correlation (Sigma's ``generate``). Default: yes."""

    @property
    def alerts(self) -> bool:
        """Whether it tells somebody: its level is medium or above, and it is not only part of a correlation."""
        return self.own and self.level in ALERTING

    @property
    def construct_id(self) -> str:
        """The name as ids of constructs are written: ``TrailTampering``."""
        return "".join(part[:1].upper() + part[1:] for part in self.name.split("_"))
