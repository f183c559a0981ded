"""What is replayed, and what comes out of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias

from raytrail.sigma import ALERTING, CompiledRule, Engine, Level

State: TypeAlias = Literal["ENABLED", "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS", "DISABLED"]
"""States of a rule, as EventBridge names them
(https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutRule.html)."""

ENABLED: State = "ENABLED"
"""It sees everything but management events that only read."""
ALL_MANAGEMENT: State = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"
"""It sees management events that only read, too."""
DISABLED: State = "DISABLED"
"""It sees nothing."""
STATES: tuple[State, ...] = (ENABLED, ALL_MANAGEMENT, DISABLED)
"""States of a rule. https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutRule.html"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Detection:
    """What a match says."""

    name: str
    """As ``trail_tampering``."""
    level: Level
    """How much it matters."""
    techniques: tuple[str, ...] = ()
    """Ids of ATT&CK techniques. Default: none."""
    tactics: tuple[str, ...] = ()
    """Short names of the tactics that it is tagged with. Default: all of its techniques."""

    @property
    def alerts(self) -> bool:
        """Whether its level tells somebody."""
        return self.level in ALERTING

    @classmethod
    def of(cls, rule: CompiledRule) -> Detection:
        """The detection that a rule is.

        Args:
            rule: The rule.
        """
        return cls(name=rule.name, level=rule.level, techniques=rule.techniques, tactics=rule.tactics)


@dataclass(frozen=True, kw_only=True, slots=True)
class EventRule:
    """One rule on the default event bus."""

    name: str
    """Where it is from, as ``raytrail-detection.template.json: TrailTampering``."""
    detection: Detection
    """What it says when it matches."""
    pattern: Mapping[str, Any] = field(hash=False)
    """Its event pattern, parsed from JSON."""
    state: State = ENABLED
    """Whether it runs, and what it sees. Default: it runs, and sees no reads."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Match:
    """One detection that one engine saw in one record."""

    file: str
    """The file of the record."""
    line: int
    """Counted from 1, as `raytrail.records` counts."""
    event_id: str | None
    """The record's ``eventID``, if it has one."""
    detection: Detection
    """What was detected."""
    engine: Engine
    """Which engine saw it."""
    actor: str = "unknown"
    """Who called: the role behind a session, the user, the service, or the account. Default: ``unknown``."""
    account: str = "unknown"
    """The account that the record belongs to. Default: ``unknown``."""
    time: str = ""
    """When it happened, as `time_of` gives it. Default: none."""

    @property
    def day(self) -> str:
        """As ``2026-01-31``."""
        return self.time[:10]

    @property
    def hour(self) -> str:
        """As ``2026-01-31T23``, in UTC: what alerts are grouped by."""
        return self.time[:13]


def actor_of(record: Mapping[str, Any]) -> str:
    """Who called, as pages name it: the sessions of a role are one actor, since who assumes it chooses their names.

    Args:
        record: A record as CloudTrail wrote it.
    """
    identity = _object(record.get("userIdentity"))
    role = _object(_object(identity.get("sessionContext")).get("sessionIssuer")).get("arn")
    if role:
        return str(role)
    arn = str(identity.get("arn") or "")
    if ":assumed-role/" in arn:
        return arn.rpartition("/")[0]
    caller = str(identity.get("principalId") or "")
    names = (
        arn,
        _object(identity.get("onBehalfOf")).get("userId"),
        # "AROA...:session" of a caller in another account; the colons of other ids are their own.
        caller.partition(":")[0] if caller.startswith("AROA") else caller,
        identity.get("userName"),
        identity.get("invokedBy"),
        identity.get("accountId"),
    )
    return next((str(name) for name in names if name), "unknown")


def match_of(file: str, line: int, record: Mapping[str, Any], detection: Detection, engine: Engine) -> Match:
    """The match of a record that was found at a place.

    Args:
        file: The file of the record.
        line: Its line, counted from 1.
        record: The record as CloudTrail wrote it.
        detection: What was detected.
        engine: Which engine saw it.
    """
    event_id = record.get("eventID")
    return Match(
        file=file,
        line=line,
        event_id=event_id if isinstance(event_id, str) else None,
        detection=detection,
        engine=engine,
        actor=actor_of(record),
        account=account_of(record),
        time=time_of(record),
    )


def time_of(record: Mapping[str, Any]) -> str:
    """When it happened, in UTC, as CloudTrail writes it: ``2026-01-31T23:59:59Z``; nothing where that is no time.

    Args:
        record: A record as CloudTrail wrote it, or as others changed it.
    """
    text = str(record.get("eventTime") or "")
    try:
        moment = datetime.fromisoformat(text)
        # The lake takes a time without an offset for one in UTC, too.
        moment = moment.astimezone(UTC) if moment.tzinfo not in (None, UTC) else moment
    except (ValueError, OverflowError):
        return ""
    return moment.replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def account_of(record: Mapping[str, Any]) -> str:
    """The account that a record belongs to.

    Args:
        record: A record as CloudTrail wrote it.
    """
    identity = record.get("userIdentity")
    said = record.get("recipientAccountId") or (identity.get("accountId") if isinstance(identity, Mapping) else None)
    return str(said or "unknown")
