"""The summary of a trace: what GetTraceSummaries tells."""

from __future__ import annotations

from typing import Any, Literal

from raytrail.localaws._xray._ids import service_id
from raytrail.traces import Span, Trace, root_causes

MAX_ANNOTATIONS = 50
"""How many annotations of a trace X-Ray indexes."""


def summarize(trace: Trace, account_id: str) -> dict[str, Any]:
    """The trace as a ``TraceSummary``.

    Fault and error are those of the entry point alone: what a service handled is no failure of the request.
    """
    root = trace.root
    ec2 = [segment.aws.get("ec2") or {} for segment in trace.segments]
    return {
        "Id": trace.id,
        "StartTime": trace.start,
        "MatchedEventTime": trace.start,
        "Duration": round(trace.duration, 3),
        "ResponseTime": round(trace.response_time, 3),
        "HasFault": root.fault,
        "HasError": root.error,
        "HasThrottle": any(span.throttle for span, _ in trace.spans()),
        "IsPartial": trace.partial,
        "Http": _http(root),
        "Annotations": _annotations(trace, account_id),
        "Users": _users(trace, account_id),
        "ServiceIds": _distinct([service_id(segment, account_id) for segment in trace.segments]),
        "ResourceARNs": [{"ARN": arn} for arn in _distinct([span.resource_arn for span in trace.segments])],
        "InstanceIds": [{"Id": id} for id in _distinct([each.get("instance_id") for each in ec2])],
        "AvailabilityZones": [{"Name": zone} for zone in _distinct([each.get("availability_zone") for each in ec2])],
        "EntryPoint": service_id(root, account_id),
        "FaultRootCauses": _root_causes(trace, "fault", account_id),
        "ErrorRootCauses": _root_causes(trace, "error", account_id),
        "ResponseTimeRootCauses": _root_causes(trace, "responsetime", account_id),
        "Revision": sum(1 for _ in trace.spans()),
    }


def _http(root: Span) -> dict[str, Any]:
    request, response = root.http["request"], root.http["response"]
    found = {
        "HttpURL": request.get("url"),
        "HttpStatus": response.get("status"),
        "HttpMethod": request.get("method"),
        "UserAgent": request.get("user_agent"),
        "ClientIp": request.get("client_ip"),
    }
    return {key: value for key, value in found.items() if value is not None}


def _annotations(trace: Trace, account_id: str) -> dict[str, Any]:
    found: dict[str, list[dict[str, Any]]] = {}
    count = 0
    for span, _ in trace.spans():
        for key, value in span.annotations.items():
            count += 1
            if count > MAX_ANNOTATIONS:
                return found
            kind = "BooleanValue" if isinstance(value, bool) else "StringValue"
            kind = "NumberValue" if isinstance(value, int | float) and not isinstance(value, bool) else kind
            service = service_id(trace.segment_of(span), account_id)
            found.setdefault(key, []).append({"AnnotationValue": {kind: value}, "ServiceIds": [service]})
    return found


def _users(trace: Trace, account_id: str) -> list[dict[str, Any]]:
    return [
        {"UserName": segment.user, "ServiceIds": [service_id(segment, account_id)]}
        for segment in trace.segments
        if segment.user
    ]


def _root_causes(trace: Trace, of: Literal["fault", "error", "responsetime"], account_id: str) -> list[dict[str, Any]]:
    # A span need not say its account; here all are of one.
    return [
        {**cause, "Services": [{"AccountId": account_id, **service} for service in cause["Services"]]}
        for cause in root_causes(trace, of)
    ]


def _distinct(items: list[Any]) -> list[Any]:
    return [item for place, item in enumerate(items) if item and item not in items[:place]]
