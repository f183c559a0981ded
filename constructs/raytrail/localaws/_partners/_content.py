"""What an OTLP export request brings, in plain JSON."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from raytrail.localaws._otlp import attributes, plain

_KINDS = ("gauge", "sum", "histogram", "exponential_histogram", "summary")


def content_of(request: Message) -> dict[str, Any]:
    """``{"spans": […]}``, ``{"metrics": […]}`` or ``{"logs": […]}``."""
    match request:
        case ExportTraceServiceRequest():
            return {"spans": _spans(request)}
        case ExportMetricsServiceRequest():
            return {"metrics": _metrics(request)}
        case ExportLogsServiceRequest():
            return {"logs": _logs(request)}
    return {}


def _spans(request: ExportTraceServiceRequest) -> list[dict[str, Any]]:
    return [
        _span(span, attributes(group.resource.attributes), scope.scope.name)
        for group in request.resource_spans
        for scope in group.scope_spans
        for span in scope.spans
    ]


def _span(span: Span, resource: dict[str, Any], scope: str) -> dict[str, Any]:
    trace_id = span.trace_id.hex()
    return {
        "name": span.name,
        "trace_id": trace_id,
        "xray_trace_id": f"1-{trace_id[:8]}-{trace_id[8:]}",
        "span_id": span.span_id.hex(),
        "parent_id": span.parent_span_id.hex(),
        "kind": Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_").lower(),
        "status": Status.StatusCode.Name(span.status.code).removeprefix("STATUS_CODE_").lower(),
        "service": resource.get("service.name"),
        "start": span.start_time_unix_nano / 1e9,
        "end": span.end_time_unix_nano / 1e9,
        "attributes": attributes(span.attributes),
        "events": [{"name": event.name, "attributes": attributes(event.attributes)} for event in span.events],
        "scope": scope,
        "resource": resource,
    }


def _metrics(request: ExportMetricsServiceRequest) -> list[dict[str, Any]]:
    """One entry for each data point."""
    found = []
    for group in request.resource_metrics:
        resource = attributes(group.resource.attributes)
        for scope in group.scope_metrics:
            for metric in scope.metrics:
                found += [{**point, "resource": resource} for point in _points(metric, resource.get("service.name"))]
    return found


def _points(metric: Metric, service: Any) -> Iterable[dict[str, Any]]:
    kind = metric.WhichOneof("data")
    if kind not in _KINDS:
        return
    for point in getattr(metric, kind).data_points:
        about = {"name": metric.name, "unit": metric.unit, "kind": kind, "service": service}
        about["attributes"] = attributes(point.attributes)
        if kind in ("gauge", "sum"):
            yield {**about, "value": getattr(point, point.WhichOneof("value") or "as_double")}
        else:
            yield {**about, "count": point.count, "sum": point.sum}


def _logs(request: ExportLogsServiceRequest) -> list[dict[str, Any]]:
    return [
        {
            "body": plain(record.body),
            "severity": record.severity_text,
            "trace_id": record.trace_id.hex(),
            "service": attributes(group.resource.attributes).get("service.name"),
            "attributes": attributes(record.attributes),
        }
        for group in request.resource_logs
        for scope in group.scope_logs
        for record in scope.log_records
    ]
