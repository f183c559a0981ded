"""Event history: LookupEvents over the management events of an account and Region."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import Any

from raytrail.localaws._hooks import hook
from raytrail.localaws._world import Response

MAX_EVENTS = 50_000
"""Kept of each account and Region. AWS keeps 90 days."""
MAX_RESULTS = 50

_NAMED = {
    "bucketName": "AWS::S3::Bucket",
    "functionName": "AWS::Lambda::Function",
    "groupId": "AWS::EC2::SecurityGroup",
    "groupName": "AWS::IAM::Group",
    "logGroupName": "AWS::Logs::LogGroup",
    "policyArn": "AWS::IAM::Policy",
    "roleName": "AWS::IAM::Role",
    "tableName": "AWS::DynamoDB::Table",
    "trailName": "AWS::CloudTrail::Trail",
    "userName": "AWS::IAM::User",
}
_ATTRIBUTES = {
    "EventId",
    "EventName",
    "ReadOnly",
    "Username",
    "ResourceType",
    "ResourceName",
    "EventSource",
    "AccessKeyId",
}


class History:
    """Keeps management events, and answers LookupEvents from them."""

    def __init__(self) -> None:
        self._events: dict[tuple[str, str], deque[dict[str, Any]]] = {}
        self._account = hook("ministack.core.responses:get_account_id")
        self._region = hook("ministack.core.responses:get_region")
        dispatch: dict[str, Callable[[dict[str, Any]], Response]] = hook("ministack.services.cloudtrail:_DISPATCH")
        dispatch["LookupEvents"] = self.lookup

    def add(self, record: dict[str, Any], account_id: str) -> None:
        """Keep a management event of an account."""
        place = account_id, str(record.get("awsRegion"))
        self._events.setdefault(place, deque(maxlen=MAX_EVENTS)).append(_event(record))

    def lookup(self, body: dict[str, Any]) -> Response:
        """LookupEvents: the newest first, in pages."""
        refusal = _refuse(body)
        if refusal:
            return refusal
        wanted = {item["AttributeKey"]: item["AttributeValue"] for item in body.get("LookupAttributes") or []}
        start, end = body.get("StartTime"), body.get("EndTime")
        # Insights are a category of their own, of which there are none here.
        place = "" if body.get("EventCategory") == "insight" else self._region()
        kept = self._events.get((self._account(), place), deque())
        found = [
            event
            for event in reversed(list(kept))
            if (start is None or event["EventTime"] >= float(start))
            and (end is None or event["EventTime"] <= float(end))
            and all(_has(event, key, value) for key, value in wanted.items())
        ]
        # Newer events may arrive between pages: a token names the last event that was given.
        token = body.get("NextToken")
        if token:
            places = [place for place, event in enumerate(found) if event["EventId"] == token]
            if not places:
                return _error("InvalidNextTokenException", "The token used for paging is not valid.")
            found = found[places[0] + 1 :]
        page = found[: int(body.get("MaxResults", MAX_RESULTS))]
        answer: dict[str, Any] = {"Events": page}
        if len(found) > len(page):
            answer["NextToken"] = page[-1]["EventId"]
        return 200, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(answer).encode()


def _event(record: dict[str, Any]) -> dict[str, Any]:
    identity = record.get("userIdentity") or {}
    event = {
        "EventId": record.get("eventID", ""),
        "EventName": record.get("eventName"),
        "ReadOnly": str(record.get("readOnly", False)).lower(),
        "EventTime": datetime.fromisoformat(record["eventTime"]).timestamp(),
        "EventSource": record.get("eventSource"),
        "Resources": _resources(record),
        "CloudTrailEvent": json.dumps(record, separators=(",", ":"), ensure_ascii=False),
    }
    name = identity.get("userName") or str(identity.get("arn", "")).rpartition("/")[2]
    if name:
        event["Username"] = name
    if identity.get("accessKeyId"):
        event["AccessKeyId"] = identity["accessKeyId"]
    return event


def _resources(record: dict[str, Any]) -> list[dict[str, str]]:
    found = {
        (str(resource.get("type", "")), str(resource.get("ARN") or ""))
        for resource in record.get("resources") or []
        if resource.get("type")
    }
    parameters = record.get("requestParameters")
    for key, kind in _NAMED.items():
        value = parameters.get(key) if isinstance(parameters, dict) else None
        if isinstance(value, str):
            found.add((kind, value))
    return [{"ResourceType": kind, "ResourceName": name} for kind, name in sorted(found)]


def _has(event: dict[str, Any], key: str, value: str) -> bool:
    if key in ("ResourceType", "ResourceName"):
        return any(resource[key] == value for resource in event["Resources"])
    return bool(event.get(key) == value)


def _refuse(body: dict[str, Any]) -> Response | None:
    attributes = body.get("LookupAttributes") or []
    if len(attributes) > 1:
        return _error(
            "InvalidLookupAttributesException", "Maximum number of lookup attributes is 1: more than one was given."
        )
    if any(item.get("AttributeKey") not in _ATTRIBUTES for item in attributes):
        return _error("InvalidLookupAttributesException", "Invalid lookup attribute key.")
    try:
        if not 1 <= int(body.get("MaxResults", MAX_RESULTS)) <= MAX_RESULTS:
            raise ValueError
    except (TypeError, ValueError):
        return _error("InvalidMaxResultsException", f"Max results must be between 1 and {MAX_RESULTS}.")
    start, end = body.get("StartTime"), body.get("EndTime")
    if start is not None and end is not None and float(start) > float(end):
        return _error("InvalidTimeRangeException", "Start time cannot be after end time.")
    return None


def _error(code: str, message: str) -> Response:
    content = json.dumps({"__type": code, "message": message}).encode()
    return 400, {"Content-Type": "application/x-amz-json-1.1"}, content
