"""How a node of the service graph is called in answers of the API."""

from __future__ import annotations

from typing import Any

from raytrail.traces import Span


def service_id(segment: Span, account_id: str) -> dict[str, Any]:
    """A segment's node as a ``ServiceId``."""
    found = {"Name": segment.service, "Names": [segment.service], "AccountId": account_id}
    return found | ({"Type": segment.type} if segment.type else {})
