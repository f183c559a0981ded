"""CloudTrail records as EventBridge events."""

from __future__ import annotations

import calendar
import json
import time
import uuid
from collections.abc import Mapping
from typing import Any

DETAIL_TYPES = {
    "AwsApiCall": "AWS API Call via CloudTrail",
    "AwsConsoleAction": "AWS Console Action via CloudTrail",
    "AwsConsoleSignIn": "AWS Console Signin via CloudTrail",
    "AwsServiceEvent": "AWS Service Event via CloudTrail",
    "AwsVpceEvent": "AWS Network Activity Event via CloudTrail",
}
"""By ``eventType``. https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html; other
pages of AWS spell the third "AWS Console Sign In via CloudTrail", so a rule should name both."""

VIA_CLOUDTRAIL = " via CloudTrail"


def event_of(record: Mapping[str, Any], account_id: str) -> dict[str, Any]:
    """The event for a record, in the form that ministack's default bus takes.

    Args:
        record: A CloudTrail record.
        account_id: The account to name when the record names none.
    """
    service = str(record["eventSource"]).partition(".")[0]
    return {
        "EventId": str(uuid.uuid4()),
        "DetailType": DETAIL_TYPES.get(str(record.get("eventType")), DETAIL_TYPES["AwsApiCall"]),
        "Source": f"aws.{service}",
        "Account": str(record.get("recipientAccountId") or account_id),
        "Time": calendar.timegm(time.strptime(str(record["eventTime"])[:19], "%Y-%m-%dT%H:%M:%S")),
        "Region": str(record["awsRegion"]),
        "Resources": [],
        "Detail": json.dumps(record),
        "EventBusName": "default",
    }


def is_quiet(event: Mapping[str, Any]) -> bool:
    """Whether an event is a management event that only reads: it wakes only rules that ask for all of them.

    Args:
        event: As a target gets it: ``source``, ``detail-type``, ``detail``.
    """
    detail = event.get("detail")
    if not str(event.get("source", "")).startswith("aws.") or not isinstance(detail, Mapping):
        return False
    if not str(event.get("detail-type", "")).endswith(VIA_CLOUDTRAIL):
        return False
    management = str(detail.get("managementEvent", True)).lower() == "true"
    return management and str(detail.get("readOnly", "")).lower() == "true"
