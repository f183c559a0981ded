"""From OpenTelemetry spans to X-Ray segment documents, by the rules of the collector's ``awsxray`` exporter.

The rules are those of
https://github.com/open-telemetry/opentelemetry-collector-contrib/tree/main/exporter/awsxrayexporter: a server span,
or one without a parent, is a segment; any other is a subsegment that is sent on its own; a span that calls out and is
the first of its process (``aws.span.kind`` is ``LOCAL_ROOT``) is both, the service's segment and the call in it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from raytrail.localaws._xray._causes import exceptions
from raytrail.localaws._xray._documents import Document, fit_name
from raytrail.localaws._xray._header import new_segment_id
from raytrail.localaws._xray._span_blocks import (
    Attributes,
    aws_block,
    database_name,
    filled,
    http_block,
    sql_block,
)

_ORIGINS = {
    "aws_ec2": "AWS::EC2::Instance",
    "aws_ecs": "AWS::ECS::Container",
    "aws_eks": "AWS::EKS::Container",
    "aws_elastic_beanstalk": "AWS::ElasticBeanstalk::Environment",
    "aws_app_runner": "AWS::AppRunner::Service",
}
_ECS_ORIGINS = {"ec2": "AWS::ECS::EC2", "fargate": "AWS::ECS::Fargate"}

_SERVER, _CLIENT = Span.SPAN_KIND_SERVER, Span.SPAN_KIND_CLIENT
_INTERNAL, _PRODUCER, _CONSUMER = Span.SPAN_KIND_INTERNAL, Span.SPAN_KIND_PRODUCER, Span.SPAN_KIND_CONSUMER
_CALLS = (_CLIENT, _PRODUCER, _CONSUMER)

_INDEXED = "aws.xray.annotations"
"""The span attribute that names those to index."""
_METADATA = "aws.xray.metadata."
"""The beginning of the name of an attribute that holds a namespace of metadata, as JSON."""
_FAILED_TRY = "HTTP request failure"
"""The event of an AWS SDK's span for each try of a call that failed."""

_OF_THE_CALL = ("aws.remote.service", "aws.remote.operation", "remoteTarget", "K8s.RemoteNamespace")
_AWS_OF_THE_CALL = ("operation", "account_id", "region", "request_id", "queue_url", "table_name", "table_names")


@dataclass(frozen=True, kw_only=True)
class SpanToTranslate:
    """A span in plain values: IDs in hexadecimal, times in seconds since the epoch."""

    trace_id: str
    span_id: str
    parent_id: str
    name: str
    kind: int
    start: float
    end: float
    failed: bool
    message: str
    attributes: Attributes
    events: tuple[tuple[str, float, Attributes], ...] = ()
    links: tuple[tuple[str, str, Attributes], ...] = ()
    resource: Attributes = field(default_factory=dict)

    @property
    def local_root(self) -> bool:
        """Whether it is the first span of its process."""
        return self.attributes.get("aws.span.kind") == "LOCAL_ROOT"

    @property
    def of_aws_sdk(self) -> bool:
        """Whether it is a call by an AWS SDK."""
        return self.attributes.get("rpc.system") == "aws-api"


def segments(span: SpanToTranslate) -> list[Document]:
    """The span as a segment, as a subsegment on its own, or as both."""
    if not span.local_root:
        made = _document(span)
        if made.get("type") and span.kind in _CALLS and "aws.remote.service" in span.attributes:
            made.setdefault("namespace", "remote")
        return [made]
    if span.kind in (_SERVER, _INTERNAL):
        made = _document(span)
        return [{key: value for key, value in made.items() if key not in ("type", "namespace")}]
    return _service_and_its_call(span)


def xray_trace_id(hexadecimal: str) -> str:
    """A trace ID of OpenTelemetry as X-Ray writes it."""
    return f"1-{hexadecimal[:8]}-{hexadecimal[8:]}"


def _service_and_its_call(span: SpanToTranslate) -> list[Document]:
    own_id = new_segment_id()
    call = {"namespace": "remote", **_document(replace(span, parent_id=own_id)), "type": "subsegment"}
    if span.kind == _CONSUMER:
        call.pop("links", None)
    own_attributes = {key: value for key, value in span.attributes.items() if key not in _OF_THE_CALL}
    service = _document(replace(span, span_id=own_id, attributes=own_attributes))
    dropped = ["type", "namespace", "http", *([] if span.kind == _CONSUMER else ["links"])]
    service = {key: value for key, value in service.items() if key not in dropped}
    if span.attributes.get("aws.local.service"):
        service["name"] = fit_name(str(span.attributes["aws.local.service"]))
    if "aws" in service:
        service["aws"] = {key: value for key, value in service["aws"].items() if key not in _AWS_OF_THE_CALL}
    kept = {
        namespace: {key: value for key, value in entries.items() if key.startswith("otel.resource.")}
        for namespace, entries in service.pop("metadata", {}).items()
    }
    return [call, service | filled({"metadata": filled(kept)})]


def _document(span: SpanToTranslate) -> Document:
    # What a block of the document has taken is gone from here; what remains becomes annotations and metadata.
    left = dict(span.attributes)
    is_segment = span.kind == _SERVER or not span.parent_id
    http = http_block(left, [said for _, _, said in span.events], server=span.kind == _SERVER)
    errors = _errors(span, left)
    aws = aws_block(left, span.resource)
    sql = sql_block(left, span.name, span.attributes.get("server.address"))
    user = left.pop("enduser.id", None)
    annotations, metadata = _searchable(left, span.resource if is_segment else {})
    version = span.resource.get("service.version")
    return filled(
        {
            "id": span.span_id,
            "trace_id": xray_trace_id(span.trace_id),
            "name": fit_name(_name(span)),
            "start_time": span.start,
            "end_time": span.end,
            "parent_id": span.parent_id,
            "type": None if is_segment else "subsegment",
            "namespace": _namespace(span),
            "origin": _origin(span.resource),
            "service": {"version": str(version)} if version and is_segment else None,
            "user": None if user is None else str(user),
            "http": http,
            "aws": aws,
            "sql": sql,
            "annotations": annotations,
            "metadata": metadata,
            "links": [
                filled({"trace_id": xray_trace_id(trace_id), "id": span_id, "attributes": said})
                for trace_id, span_id, said in span.links
            ],
            **errors,
        }
    )


def _name(span: SpanToTranslate) -> str:
    # X-Ray names a segment after the service; a span is named after the operation.
    attributes, first = span.attributes, None
    if span.kind == _SERVER or (span.kind == _INTERNAL and span.local_root):
        first = attributes.get("aws.local.service")
    elif span.kind in _CALLS:
        first = attributes.get("aws.remote.service")
        if first and span.of_aws_sdk:
            first = str(first).removeprefix("AWS.SDK.").removeprefix("AWS::")
    candidates = (
        first,
        attributes.get("peer.service"),
        attributes.get("aws.service"),
        database_name(attributes),
        span.resource.get("service.name") if span.kind == _SERVER else None,
        attributes.get("rpc.service"),
        attributes.get("http.host"),
        attributes.get("net.peer.name"),
        attributes.get("server.address"),
        span.name,
    )
    return str(next((name for name in candidates if name), ""))


def _namespace(span: SpanToTranslate) -> str | None:
    if span.of_aws_sdk or "aws.service" in span.attributes:
        return "aws"
    return "remote" if span.kind == _CLIENT else None


def _origin(resource: Mapping[str, Any]) -> str | None:
    if resource.get("cloud.provider", "aws") != "aws":
        return None
    if resource.get("cloud.platform") == "aws_ecs":
        return _ECS_ORIGINS.get(str(resource.get("aws.ecs.launchtype", "")).lower(), _ORIGINS["aws_ecs"])
    return _ORIGINS.get(str(resource.get("cloud.platform")))


def _errors(span: SpanToTranslate, left: Attributes) -> Document:
    given = span.attributes.get("http.status_code", span.attributes.get("http.response.status_code"))
    status = given if isinstance(given, int) else 0
    flags: Document = {}
    if 400 <= status < 500:
        flags["error"] = True
        if status == 429:
            flags["throttle"] = True
    elif 500 <= status < 600 or span.failed:
        # A status beyond errors does not clear a span that says of itself that it failed.
        flags["fault"] = True
    chain = _exceptions(span)
    if not chain and span.failed:
        message = span.message or str(left.pop("http.status_text", "") or "")
        chain = [{"id": new_segment_id(), "message": message}] if message else []
    return flags | ({"cause": {"exceptions": chain}} if chain else {})


def _exceptions(span: SpanToTranslate) -> list[Document]:
    found: list[Document] = []
    for name, time, said in span.events:
        if name == "exception":
            python = span.resource.get("telemetry.sdk.language") == "python"
            found += exceptions(
                str(said.get("exception.type", "")),
                str(said.get("exception.message", "")),
                str(said.get("exception.stacktrace", "")) if python else "",
                remote=span.kind in (_CLIENT, _PRODUCER),
            )
        elif name == _FAILED_TRY and span.of_aws_sdk:
            code, message = said.get("http.response.status_code"), said.get("aws.http.error_message")
            if code is not None and message is not None:
                text = f"{code}@{time:.6f}@{message}"
                kind = "aws.http.error.event"
                found.append({"id": new_segment_id(), "type": kind, "remote": True, "message": text})
    return found


def _searchable(left: Attributes, resource: Mapping[str, Any]) -> tuple[Document, dict[str, Document]]:
    """What is indexed, and what is only kept. Nothing is indexed but what the span itself names."""
    named = left.pop(_INDEXED, None)
    indexed = {key for key in named if isinstance(key, str)} if isinstance(named, list) else set()
    annotations: Document = {}
    kept: Document = {}
    metadata: dict[str, Document] = {}
    for key, value in [*((f"otel.resource.{key}", value) for key, value in resource.items()), *left.items()]:
        if key in indexed:
            if isinstance(value, str | int | float):
                annotations[re.sub(r"[^0-9A-Za-z.]", "_", key)] = value
            elif key not in left:
                kept[key] = value
        elif key.startswith(_METADATA) and isinstance(value, str):
            namespace, entries = key.removeprefix(_METADATA), _json_object(value)
            if entries is None:
                kept[key] = value
            elif namespace.lower() == "default":
                kept |= entries
            else:
                metadata[namespace] = entries
        elif value is not None:
            kept[key] = value
    return annotations, metadata | ({"default": kept} if kept else {})


def _json_object(text: str) -> Document | None:
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
