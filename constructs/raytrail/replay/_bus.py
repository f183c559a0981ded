"""A default event bus with rules, to which records come as CloudTrail sends them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from raytrail.replay._envelope import event_of, is_quiet
from raytrail.replay._index import PatternIndex
from raytrail.replay._model import ALL_MANAGEMENT, DISABLED, Detection, EventRule
from raytrail.replay._patterns import compile_pattern


class EventBus:
    """Rules as EventBridge runs them, their states respected.

    A management event that only reads wakes rules in state ``ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS`` alone, and
    a disabled rule sees nothing. Assumed of the trail: that it logs what is replayed, since it is in the logs.

    Args:
        rules: The rules; several may be of one detection.

    Attributes:
        rules: The rules, in the order given.

    Raises:
        InvalidPattern: EventBridge would not take the pattern of a rule.
    """

    def __init__(self, rules: Iterable[EventRule]) -> None:
        self.rules: tuple[EventRule, ...] = tuple(rules)
        self._index = PatternIndex(
            (number, compile_pattern(rule.pattern)) for number, rule in enumerate(self.rules) if rule.state != DISABLED
        )

    def rules_woken(self, record: Mapping[str, Any]) -> list[EventRule]:
        """The rules that the event of a record wakes.

        Args:
            record: A record as CloudTrail wrote it, with ``eventSource``.
        """
        event = event_of(record)
        matching = self._index.matching(event)
        if not matching:
            return []
        quiet = is_quiet(event)
        woken = [self.rules[number] for number in matching]
        return [rule for rule in woken if not quiet or rule.state == ALL_MANAGEMENT]

    def detections(self, record: Mapping[str, Any]) -> list[Detection]:
        """What the rules that a record wakes say, each detection once.

        Args:
            record: A record as CloudTrail wrote it, with ``eventSource``.
        """
        return list(dict.fromkeys(rule.detection for rule in self.rules_woken(record)))
