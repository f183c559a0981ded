"""From a row of an answer to an alert, as the pager's queue takes it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any


def message_of(row: Sequence[str | None], columns: Sequence[str | None], detections: Mapping[str, Any]) -> str:
    """Return the message for a row.

    Args:
        row: Its values; the first is the name of the detection.
        columns: Where each value belongs in CloudTrail's record, dotted, as ``userIdentity.arn``; None for nowhere.
        detections: What an alert says of each detection, by its name.
    """
    record: dict[str, Any] = {}
    for path, value in zip(columns, row, strict=True):
        if path is not None and value is not None:
            *parts, last = path.split(".")
            at = record
            for part in parts:
                at = at.setdefault(part, {})
            at[last] = value
    event: dict[str, Any] = {
        "version": "0",
        "detail-type": "Scheduled detection",
        "source": "raytrail",
        "account": record.get("recipientAccountId"),
        "region": record.get("awsRegion"),
        "time": record.get("eventTime"),
        "resources": [],
        "detail": record,
    }
    return json.dumps({"detection": detections[str(row[0])], "event": event})
