"""Which rules an event wakes, and what becomes of each delivery."""

from __future__ import annotations

import logging
import time
from typing import Any

from raytrail.localaws._cloudtrail import Recorded
from raytrail.localaws._cloudtrail._late import Late
from raytrail.localaws._events._dead_letters import DeadLetters
from raytrail.localaws._events._envelope import event_of, is_quiet
from raytrail.localaws._events._targets import Failure, Targets
from raytrail.localaws._hooks import hook, wrap

logger = logging.getLogger(__name__)

_AWAKE = ("ENABLED", "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS")


class Router:
    """Stands where ministack dispatches events."""

    def __init__(self) -> None:
        self._rules = hook("ministack.services.eventbridge:_rules")
        self._targets_of = hook("ministack.services.eventbridge:_targets")
        self._view = hook("ministack.services.eventbridge:_pattern_event_view")
        self._matches = hook("ministack.services.eventbridge:_matches_pattern_view")
        self._account = hook("ministack.core.responses:get_account_id")
        self._region = hook("ministack.core.responses:get_region")
        self._archive = hook("ministack.services.eventbridge:_archive_event")
        self._ensure_default_bus = hook("ministack.services.eventbridge:_ensure_default_bus")
        self._store = Late("ministack.services.cloudwatch:_store_datum")
        self._dead_letters = DeadLetters()
        self._targets = Targets(self.dispatch)
        wrap("ministack.services.eventbridge:_dispatch_event", lambda _original: self.dispatch)
        wrap("ministack.services.eventbridge:_invoke_target", lambda _original: self.invoke)

    def forward(self, recorded: Recorded) -> None:
        """Send a CloudTrail record to the default bus of its Region. A listener of CloudTrail's."""
        if not recorded.on_a_trail:
            return
        self._ensure_default_bus()
        event = event_of(recorded.record, recorded.account_id)
        view = self._view(event)
        self.dispatch(event, view)
        self._archive(event, view)

    def dispatch(self, event: dict[str, Any], view: Any = None) -> None:
        """Give an event to the rules of its bus, in the current account and Region."""
        view = view or self._view(event)
        bus = event.get("EventBusName", "default")
        place = self._account(), self._region()
        passed = event.get("_Passed") or []
        quiet = is_quiet(view.event_with_detail())
        for key, rule in self._rules.items():
            if rule.get("EventBusName", "default") != bus or (*place, key) in passed or not rule.get("EventPattern"):
                continue
            state = rule.get("State")
            if state not in _AWAKE or (quiet and state == "ENABLED"):
                continue
            if not self._matches(rule["EventPattern"], view, f"rule {key}"):
                continue
            self._count("MatchedEvents", rule)
            self._count("TriggeredRules", rule)
            for target in list(self._targets_of.get(key, [])):
                # An event passes a rule once: two buses that forward to each other end there.
                self.invoke(target, {**event, "_Passed": [*passed, (*place, key)]}, rule, view)

    def invoke(self, target: dict[str, Any], event: dict[str, Any], rule: dict[str, Any], view: Any = None) -> None:
        """Deliver an event to one target; a delivery that fails goes to the target's dead-letter queue."""
        view = view or self._view(event)
        self._count("Invocations", rule)
        try:
            failure = self._targets.deliver(target, event, rule, view)
        except Exception as error:
            logger.exception("EventBridge could not deliver to %s", target.get("Arn"))
            failure = Failure("INTERNAL_ERROR", str(error))
        if failure is None:
            return
        logger.warning("EventBridge: rule %s, target %s: %s", rule.get("Name"), target.get("Arn"), failure)
        self._count("FailedInvocations", rule)
        queue = (target.get("DeadLetterConfig") or {}).get("Arn")
        if queue:
            sent = self._dead_letters.send(queue, target, rule, view.event_with_detail(), failure)
            self._count("InvocationsSentToDlq" if sent else "InvocationsFailedToBeSentToDlq", rule)

    def _count(self, metric: str, rule: dict[str, Any]) -> None:
        dimensions = {"RuleName": str(rule.get("Name", ""))}
        bus = rule.get("EventBusName", "default")
        if bus != "default":
            dimensions["EventBusName"] = str(bus)
        self._store("AWS/Events", metric, dimensions, time.time(), "Count", 1.0, None, None, None)
