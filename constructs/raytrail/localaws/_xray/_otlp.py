"""The spans of an OTLP export request as segment documents."""

from __future__ import annotations

from collections.abc import Iterator

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from raytrail.localaws._otlp import attributes
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
