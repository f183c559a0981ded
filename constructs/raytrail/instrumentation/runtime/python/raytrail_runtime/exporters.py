"""Exporters that OpenTelemetry finds as ``raytrail_otlp`` and makes without arguments: all is in the environment."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.metrics import Counter, Histogram, ObservableCounter
from opentelemetry.sdk.metrics.export import AggregationTemporality, MetricExporter, MetricExportResult, MetricsData
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from raytrail_runtime._destinations import send

_TEMPORALITY = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"

_DELTA: dict[type, AggregationTemporality] = {
    Counter: AggregationTemporality.DELTA,
    Histogram: AggregationTemporality.DELTA,
    ObservableCounter: AggregationTemporality.DELTA,
}


class OtlpSpanExporter(SpanExporter):
    """Sends spans to every partner that takes traces."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send a batch; nothing is raised, and no more waited than each partner's bound."""
        sent = send("traces", encode_spans(spans).SerializeToString())
        return SpanExportResult.SUCCESS if sent else SpanExportResult.FAILURE


class OtlpMetricExporter(MetricExporter):
    """Sends metrics to every partner that takes them.

    Sums are deltas unless the environment asks for totals: a function's many execution environments, each with totals
    of its own that end without notice, make totals of little use.
    """

    def __init__(self) -> None:
        totals = os.environ.get(_TEMPORALITY, "").strip().lower() == "cumulative"
        super().__init__(preferred_temporality=None if totals else _DELTA)

    def export(self, metrics_data: MetricsData, timeout_millis: float = 10_000, **_: Any) -> MetricExportResult:
        """Send what was collected; nothing is raised, and no more waited than each partner's bound."""
        if not metrics_data.resource_metrics:
            return MetricExportResult.SUCCESS
        sent = send("metrics", encode_metrics(metrics_data).SerializeToString())
        return MetricExportResult.SUCCESS if sent else MetricExportResult.FAILURE

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        """Nothing is kept back."""
        return True

    def shutdown(self, timeout_millis: float = 30_000, **_: Any) -> None:
        """Nothing is kept open that the end of the process does not close."""
