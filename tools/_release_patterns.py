"""The detections' EventBridge patterns as JSON, for people who write rules with other tools."""

from __future__ import annotations

import json
from typing import Any

from raytrail.sigma import GLOBAL_REGION, GLOBAL_SOURCES, CompiledRule, catalog, reads

FORMAT = 1
"""Counts the shapes that the file had."""
ABOUT = (
    "Each pattern of a detection is for one rule on the default event bus of each account and Region that a CloudTrail "
    "trail logs, with the state given. Events of a detection that names a region appear there alone. A detection "
    "without patterns cannot be told by EventBridge, for the reason given; its SQL is in the archive of queries."
)


def patterns(version: str) -> str:
    """Return the document as text."""
    return (
        json.dumps(
            {
                "format": FORMAT,
                "version": version,
                "about": ABOUT,
                "detections": [_detection(rule) for rule in catalog() if rule.own],
            },
            indent=1,
            ensure_ascii=False,
        )
        + "\n"
    )


def _detection(rule: CompiledRule) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": rule.name,
        "id": rule.id,
        "title": rule.title,
        "level": rule.level,
        "description": rule.description,
        "techniques": list(rule.techniques),
        "tactics": list(rule.tactics),
        "false_positives": list(rule.false_positives),
        "next_steps": list(rule.next_steps),
        "references": list(rule.references),
    }
    if not rule.patterns:
        return {**found, "patterns": [], "reason": rule.eventbridge_reason}
    return {
        **found,
        "state": "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS" if reads(rule) else "ENABLED",
        **({"region": GLOBAL_REGION} if {call.source for call in rule.calls} <= set(GLOBAL_SOURCES) else {}),
        "patterns": [dict(pattern) for pattern in rule.patterns],
    }
