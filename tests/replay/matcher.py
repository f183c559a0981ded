"""The matcher that is not ours: ministack's, asked about one pattern and one event."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ministack.services import eventbridge


def refusal(pattern: Mapping[str, Any]) -> str | None:
    """Why ministack does not take a pattern, in AWS's words; None when it takes it."""
    reason: str | None = eventbridge._event_pattern_error(json.dumps(pattern))
    return reason


def matches(pattern: Mapping[str, Any], event: Mapping[str, Any]) -> bool:
    """Whether an event matches a pattern, the whole of both as JSON."""
    alternatives = eventbridge._compiled_pattern(json.dumps(pattern))
    return alternatives is not None and any(eventbridge._matches_detail(event, each) for each in alternatives)
