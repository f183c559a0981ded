"""Metrics embedded in log events (EMF).

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html

The specification has a number, or an array of numbers, as the target of a metric. What OpenTelemetry's exporters to
CloudWatch write for a histogram, an object with ``Values`` and ``Counts``, is taken too; an object with nothing but
``Min``, ``Max``, ``Sum`` and ``Count`` is not.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from raytrail.localaws._metrics._store import Metric

MARK = '"CloudWatchMetrics"'
"""What a message must contain to be worth parsing."""
_MAX_DIMENSIONS = 30
_MAX_METRICS = 100
_MAX_VALUES = 100


_Weighted = tuple[float, float]
"""A value, and how often it was seen."""


class Embedded(NamedTuple):
    """One value of one metric."""

    metric: Metric
    value: float
    unit: str
    timestamp: float
    times: float = 1
    """How often the value was seen."""


def embedded_metrics(message: str) -> Iterator[Embedded]:
    """The metrics of ``message``; none if it breaks the specification, as CloudWatch takes none then."""
    # Lambda may put a time and a request id before the document.
    start = message.find("{")
    if start < 0:
        return
    try:
        document = json.loads(message[start:])
        about = document["_aws"]
        timestamp = about["Timestamp"] / 1000
        directives = [_directive(document, directive) for directive in about["CloudWatchMetrics"]]
    except (ValueError, KeyError, TypeError):
        return
    for directive in directives:
        for metric, values, unit in directive:
            for value, times in values:
                yield Embedded(metric, value, unit, timestamp, times)


def _directive(document: Mapping[str, Any], directive: Mapping[str, Any]) -> list[tuple[Metric, list[_Weighted], str]]:
    """The metrics of one MetricDirective.

    Raises:
        KeyError: A member is missing, or a reference finds no target on the root node.
        ValueError: A limit is passed.
        TypeError: A target is of the wrong type.
    """
    definitions = directive["Metrics"]
    if len(definitions) > _MAX_METRICS:
        raise ValueError("a MetricDirective has at most 100 metrics")
    sets = []
    for names in directive["Dimensions"]:
        if len(names) > _MAX_DIMENSIONS:
            raise ValueError("a DimensionSet has at most 30 dimensions")
        sets.append({name: _text(document[name]) for name in names})
    found = []
    for definition in definitions:
        values = _weighted(document[definition["Name"]])
        unit = definition.get("Unit", "None")
        found += [(Metric(directive["Namespace"], definition["Name"], dimensions), values, unit) for dimensions in sets]
    return found


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("the target of a dimension is a string")
    return value


def _weighted(target: Any) -> list[_Weighted]:
    if isinstance(target, dict):
        return list(zip(map(_number, target["Values"]), map(_number, target["Counts"]), strict=True))
    values = target if isinstance(target, list) else [target]
    if len(values) > _MAX_VALUES:
        raise ValueError("a metric target has at most 100 values")
    return [(_number(value), 1.0) for value in values]


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError("the target of a metric is a number, or an array of numbers")
    return float(value)
