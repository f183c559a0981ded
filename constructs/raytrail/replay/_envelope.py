"""CloudTrail records as the events that EventBridge gets.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

DETAIL_TYPES = {
    "AwsApiCall": "AWS API Call via CloudTrail",
    "AwsConsoleAction": "AWS Console Action via CloudTrail",
    "AwsConsoleSignIn": "AWS Console Signin via CloudTrail",
    "AwsServiceEvent": "AWS Service Event via CloudTrail",
    "AwsVpceEvent": "AWS Network Activity Event via CloudTrail",
}
"""By ``eventType``. Other pages of AWS spell the third "AWS Console Sign In via CloudTrail", so a rule should name
both."""

VIA_CLOUDTRAIL = " via CloudTrail"
"""How the ``detail-type`` of what CloudTrail sends ends."""


def source_of(record: Mapping[str, Any]) -> str:
    """The ``source`` of a record's event, as ``aws.iam``.

    Args:
        record: A record with ``eventSource``.
    """
    return f"aws.{str(record['eventSource']).partition('.')[0]}"


def detail_type_of(record: Mapping[str, Any]) -> str:
    """The ``detail-type`` of a record's event.

    Args:
        record: A record as CloudTrail wrote it.
    """
    return DETAIL_TYPES.get(str(record.get("eventType")), DETAIL_TYPES["AwsApiCall"])


def event_of(record: Mapping[str, Any], *, account_id: str = "") -> dict[str, Any]:
    """The event that EventBridge gets for a record.

    Args:
        record: A CloudTrail record, with ``eventSource``.
        account_id: The account to name when the record names none. Default: empty.
    """
    return {
        "version": "0",
        # EventBridge gives the event an id of its own, which nobody can know; the record's stands in.
        "id": record.get("eventID", ""),
        "detail-type": detail_type_of(record),
        "source": source_of(record),
        "account": str(record.get("recipientAccountId") or account_id),
        "time": record.get("eventTime", ""),
        "region": str(record.get("awsRegion", "")),
        "resources": [],
        "detail": record,
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
