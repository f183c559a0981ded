"""The summary of a trace: what GetTraceSummaries tells, and what one searches by."""

from __future__ import annotations

from typing import Any

from raytrail.localaws._xray._documents import Document, ended, walk
from raytrail.localaws._xray._ids import service_id
from raytrail.localaws._xray._traces import Trace

MAX_ANNOTATIONS = 50
"""How many annotations of a trace X-Ray indexes."""


def summarize(trace: Trace, account_id: str) -> dict[str, Any]:
    """The trace as a ``TraceSummary``.

    Fault and error are those of the entry point alone: what a service handled is no failure of the request.
    """
    root = trace.root
    has = {"HasFault": bool(root.get("fault")), "HasError": bool(root.get("error"))}
    summary: dict[str, Any] = {
        "Id": trace.id,
        "StartTime": trace.start,
        "MatchedEventTime": trace.start,
        "Duration": round(trace.end - trace.start, 3),
        "ResponseTime": round(ended(root) - root["start_time"], 3),
        **has,
        "HasThrottle": any(part.get("throttle") for part in trace.walk()),
        "IsPartial": any(part.get("in_progress", False) for part in trace.walk()),
        "Http": _http(root),
        "Annotations": _annotations(trace, account_id),
        "Users": _users(trace, account_id),
        "ServiceIds": _distinct([service_id(segment, account_id) for segment in trace.segments]),
        "ResourceARNs": [{"ARN": arn} for arn in _distinct(_values(trace, "resource_arn"))],
        "InstanceIds": [],
        "AvailabilityZones": [],
        "EntryPoint": service_id(root, account_id),
        "FaultRootCauses": _root_causes(trace, "fault", account_id),
        "ErrorRootCauses": _root_causes(trace, "error", account_id),
        "ResponseTimeRootCauses": [],
        "Revision": len(trace.by_id),
    }
    return summary


def _http(root: Document) -> dict[str, Any]:
    request, response = (root.get("http", {}).get(part, {}) for part in ("request", "response"))
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
    for part in trace.walk():
        for key, value in part.get("annotations", {}).items():
            count += 1
            if count > MAX_ANNOTATIONS:
                return found
            kind = "BooleanValue" if isinstance(value, bool) else "StringValue"
            kind = "NumberValue" if isinstance(value, int | float) and not isinstance(value, bool) else kind
            service = service_id(trace.owner[part["id"]], account_id)
            found.setdefault(key, []).append({"AnnotationValue": {kind: value}, "ServiceIds": [service]})
    return found


def _users(trace: Trace, account_id: str) -> list[dict[str, Any]]:
    return [
        {"UserName": segment["user"], "ServiceIds": [service_id(segment, account_id)]}
        for segment in trace.segments
        if segment.get("user")
    ]


def _root_causes(trace: Trace, flag: str, account_id: str) -> list[dict[str, Any]]:
    """The path from the entry point down to where the failure began."""
    path = []
    here: Document | None = trace.root if trace.root.get(flag) else None
    while here is not None and here not in path:
        path.append(here)
        here = next((segment for segment in trace.called_by(here) if segment.get(flag)), None)
    if not path:
        return []
    services = [
        {
            **service_id(segment, account_id),
            "EntityPath": [
                {
                    "Name": part["name"],
                    "Exceptions": [
                        {"Name": exception.get("type", ""), "Message": exception.get("message", "")}
                        for exception in _exceptions(part)
                    ],
                    "Remote": part.get("namespace") == "remote",
                }
                for part in walk(segment)
                if part.get(flag)
            ],
            "Inferred": bool(segment.get("inferred")),
        }
        for segment in path
    ]
    return [{"Services": services, "ClientImpacting": True}]


def _exceptions(part: Document) -> list[Document]:
    cause = part.get("cause")
    return list(cause.get("exceptions", ())) if isinstance(cause, dict) else []


def _values(trace: Trace, key: str) -> list[Any]:
    return [segment[key] for segment in trace.segments if key in segment]


def _distinct(items: list[Any]) -> list[Any]:
    return [item for place, item in enumerate(items) if item not in items[:place]]
