"""OTLP: what an export request says, in protobuf or in JSON, with its spans as segment documents."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from raytrail.localaws._xray._documents import Document
from raytrail.localaws._xray._span_blocks import Attributes
from raytrail.localaws._xray._span_segments import SpanToTranslate, segments


def documents(request: ExportTraceServiceRequest) -> Iterator[Document]:
    """The spans of an export request as segment documents, in the order of the request."""
    for span, resource in spans(request):
        yield from segments(to_translate(span, resource))


def spans(request: ExportTraceServiceRequest) -> Iterator[tuple[Span, Attributes]]:
    """Each span with the attributes of its resource."""
    for group in request.resource_spans:
        resource = attributes(group.resource.attributes)
        for scope in group.scope_spans:
            for span in scope.spans:
                yield span, resource


def to_translate(span: Span, resource: Attributes) -> SpanToTranslate:
    """A span of OTLP with plain values in it."""
    return SpanToTranslate(
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        name=span.name,
        kind=span.kind,
        start=span.start_time_unix_nano / 1e9,
        end=span.end_time_unix_nano / 1e9,
        failed=span.status.code == span.status.STATUS_CODE_ERROR,
        message=span.status.message,
        attributes=attributes(span.attributes),
        events=tuple((event.name, event.time_unix_nano / 1e9, attributes(event.attributes)) for event in span.events),
        links=tuple((link.trace_id.hex(), link.span_id.hex(), attributes(link.attributes)) for link in span.links),
        resource=resource,
    )


def attributes(pairs: Any) -> Attributes:
    """Attributes as a plain dictionary."""
    found: Attributes = {}
    pair: KeyValue
    for pair in pairs:
        found[pair.key] = _value(pair.value)
    return found


def _value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return attributes(value.kvlist_value.values)
    if kind == "bytes_value":
        return value.bytes_value.hex()
    return getattr(value, kind) if kind else None


def read_json(body: bytes) -> ExportTraceServiceRequest:
    """An export request in OTLP's JSON, where IDs are hexadecimal and not base64 as in other protobuf JSON.

    Raises:
        ValueError: The body is no such JSON.
    """

    def with_base64_ids(node: Any) -> Any:
        if isinstance(node, dict):
            return {
                key: base64.b64encode(bytes.fromhex(value)).decode()
                if key in ("traceId", "spanId", "parentSpanId") and isinstance(value, str)
                else with_base64_ids(value)
                for key, value in node.items()
            }
        return [with_base64_ids(item) for item in node] if isinstance(node, list) else node

    try:
        request: ExportTraceServiceRequest = json_format.ParseDict(
            with_base64_ids(json.loads(body)), ExportTraceServiceRequest(), ignore_unknown_fields=True
        )
    except (json_format.ParseError, ValueError) as error:
        raise ValueError(f"not an OTLP export request in JSON: {error}") from error
    return request
