"""CloudTrail records as EventBridge events, in the form that ministack's default bus takes."""

from __future__ import annotations

import calendar
import json
import time
import uuid
from collections.abc import Mapping
from typing import Any

from raytrail.replay import detail_type_of, is_quiet, source_of

__all__ = ["event_of", "is_quiet"]


def event_of(record: Mapping[str, Any], account_id: str) -> dict[str, Any]:
    """The event for a record, in the form that ministack's default bus takes.

    Args:
        record: A CloudTrail record.
        account_id: The account to name when the record names none.
    """
    return {
        "EventId": str(uuid.uuid4()),
        "DetailType": detail_type_of(record),
        "Source": source_of(record),
        "Account": str(record.get("recipientAccountId") or account_id),
        "Time": calendar.timegm(time.strptime(str(record["eventTime"])[:19], "%Y-%m-%dT%H:%M:%S")),
        "Region": str(record["awsRegion"]),
        "Resources": [],
        "Detail": json.dumps(record),
        "EventBusName": "default",
    }
