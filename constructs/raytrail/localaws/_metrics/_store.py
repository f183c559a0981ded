"""The one place that reads and writes ministack's stored data points."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from raytrail.localaws._hooks import hook
from raytrail.localaws._metrics._statistics import Sample

RETENTION_SECONDS = 15 * 24 * 3600
"""How long one-minute data points are kept, as AWS keeps them."""


@dataclass(frozen=True, slots=True)
class Metric:
    """What identifies a metric: another set of dimensions is another metric."""

    namespace: str
    name: str
    dimensions: Mapping[str, str] = field(default_factory=dict)


class MetricStore:
    """The data points of the current account and Region.

    Any part of the embedded AWS makes one at its installation; the data stand in ministack.
    """

    def __init__(self) -> None:
        self._metrics = hook("ministack.services.cloudwatch:_metrics")
        self._bucket = hook("ministack.services.cloudwatch:_metric_bucket")
        self._key_of = hook("ministack.services.cloudwatch:_dims_key")

    def record(
        self,
        metric: Metric,
        value: float,
        unit: str = "None",
        *,
        count: float = 1,
        timestamp: float | None = None,
    ) -> None:
        """Store ``value``, seen ``count`` times, at ``timestamp`` (seconds since the epoch; now)."""
        self._points(metric).append(
            {
                "Timestamp": time.time() if timestamp is None else timestamp,
                "Value": float(value),
                "Count": float(count),
                "Unit": unit,
                "Dimensions": dict(metric.dimensions),
            }
        )

    def observe(self, metric: Metric, value: float, unit: str, now: float) -> None:
        """Add ``value`` to the statistic set of the current minute, so that a gauge read often stays small."""
        minute = now // 60 * 60
        points = self._points(metric)
        known = points[-1].get("_stat") if points and points[-1]["Timestamp"] == minute else None
        if known is not None:
            points[-1]["_stat"] = {
                "SampleCount": known["SampleCount"] + 1,
                "Sum": known["Sum"] + value,
                "Minimum": min(known["Minimum"], value),
                "Maximum": max(known["Maximum"], value),
            }
            return
        first = {"SampleCount": 1.0, "Sum": value, "Minimum": value, "Maximum": value}
        about = {"Timestamp": minute, "Value": value, "Unit": unit, "Dimensions": dict(metric.dimensions)}
        points.append({**about, "_stat": first})

    def samples(self, metric: Metric, start: float, end: float, unit: str | None = None) -> list[Sample]:
        """The samples of exactly this metric from ``start`` (included) to ``end`` (excluded), in any order."""
        points = self._metrics.get((metric.namespace, metric.name, self._key_of(dict(metric.dimensions)))) or []
        return [
            _sample(point)
            for point in list(points)
            if start <= point["Timestamp"] < end and (unit is None or point.get("Unit", "None") == unit)
        ]

    def listing(self) -> Iterable[tuple[Metric, float]]:
        """Each metric with the time of its newest data point."""
        for (namespace, name, _), points in self._metrics.items():
            if points:
                yield Metric(namespace, name, points[-1].get("Dimensions", {})), points[-1]["Timestamp"]

    def evict(self) -> None:
        """Forget what is past its retention.

        In place: other threads append to the same lists, and a list put in their stead would lose those points.
        """
        oldest = time.time() - RETENTION_SECONDS
        for key, points in self._metrics.items():
            while points and points[0]["Timestamp"] < oldest:
                del points[0]
            if not points:
                self._metrics.pop(key, None)

    def _points(self, metric: Metric) -> list[dict[str, Any]]:
        points: list[dict[str, Any]] = self._bucket(
            (metric.namespace, metric.name, self._key_of(dict(metric.dimensions)))
        )
        return points


def _sample(point: Mapping[str, Any]) -> Sample:
    unit = point.get("Unit", "None")
    if known := point.get("_stat"):
        number, total, low, high = (float(known.get(name, 0)) for name in ("SampleCount", "Sum", "Minimum", "Maximum"))
        return Sample(point["Timestamp"], number, total, low, high, unit)
    number = float(point.get("Count", 1))
    return Sample(point["Timestamp"], number, point["Value"] * number, point["Value"], point["Value"], unit)
