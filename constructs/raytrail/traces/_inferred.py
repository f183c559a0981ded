"""The segments that X-Ray adds for services that send none of their own."""

from __future__ import annotations

import copy
import hashlib
from typing import Any

from raytrail.traces._documents import Document

_RESOURCES = (
    ("table_name", "AWS::DynamoDB::Table"),
    ("bucket_name", "AWS::S3::Bucket"),
    ("queue_url", "AWS::SQS::Queue"),
    ("function_name", "AWS::Lambda"),
)
"""Fields of the ``aws`` object that name the resource called, and the type of its node.

AWS prints the first; the others are taken to go the same way. A topic is not among them: AWS prints a node of type
``AWS::SNS`` for a call with a ``topic_arn``.
"""

_SEEN_BY_THE_CALLER = ("start_time", "end_time", "in_progress", "http", "aws", "sql", "error", "fault", "throttle")
_THE_CALLERS_OWN = ("xray", "cloudwatch_logs")


def inferred_segment(subsegment: Document, trace_id: str) -> dict[str, Any]:
    """The segment of the service that a subsegment called, as its caller saw it.

    Its form is that of the inferred segments in the trace of
    https://docs.aws.amazon.com/xray/latest/devguide/xray-api-gettingdata.html. The type of a database is on none of
    AWS's pages; it is that of traces that people published.
    """
    segment: dict[str, Any] = {
        # The same subsegment always infers the same segment.
        "id": hashlib.sha256(f"inferred {subsegment['id']}".encode()).hexdigest()[:16],
        "name": subsegment["name"],
        "trace_id": trace_id,
        "parent_id": subsegment["id"],
        "inferred": True,
    }
    if subsegment["namespace"] == "aws":
        _, segment["origin"] = _resource(subsegment) or ("", f"AWS::{subsegment['name']}")
    elif subsegment.get("sql"):
        segment["origin"] = "Database::SQL"
    segment |= {key: copy.deepcopy(subsegment[key]) for key in _SEEN_BY_THE_CALLER if key in subsegment}
    for key in _THE_CALLERS_OWN:
        segment.get("aws", {}).pop(key, None)
    return segment


def node_name(segment: Document) -> str:
    """What the node of a segment is called on the trace map: after the resource where an inferred one names it."""
    resource = _resource(segment) if segment.get("inferred") else None
    name: str = resource[0] if resource and resource[1] == segment.get("origin") else segment["name"]
    return name


def _resource(called: Document) -> tuple[str, str] | None:
    for field, type_ in _RESOURCES:
        resource = called.get("aws", {}).get(field)
        if isinstance(resource, str) and resource:
            return resource.replace(":", "/").rsplit("/", 1)[-1], type_
    return None
