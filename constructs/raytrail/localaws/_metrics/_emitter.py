"""Sends the metrics of AWS services, each as the catalog has it."""

from __future__ import annotations

from raytrail.localaws._metrics._catalog import CATALOG
from raytrail.localaws._metrics._store import Metric, MetricStore


class Emitter:
    """Stores service metrics in the current account and Region."""

    def __init__(self, store: MetricStore) -> None:
        self._store = store

    def send(self, namespace: str, name: str, value: float, /, **dimensions: str) -> None:
        """Store one value of a service metric.

        Raises:
            KeyError: The catalog has no such metric, or not with these dimensions.
        """
        entry = CATALOG[namespace, name]
        if tuple(dimensions) not in entry.dimensions:
            raise KeyError(f"{namespace} {name} has no dimensions {tuple(dimensions)}")
        self._store.record(Metric(namespace, name, dimensions), value, entry.unit)

    def gauge(self, namespace: str, name: str, value: float, now: float, /, **dimensions: str) -> None:
        """Add a reading to the current minute of a service metric."""
        self._store.observe(Metric(namespace, name, dimensions), value, CATALOG[namespace, name].unit, now)
