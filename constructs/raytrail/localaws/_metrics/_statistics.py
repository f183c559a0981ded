"""Statistics of the samples of one period: the basic five, percentiles, and the trimmed family.

What each is: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import NamedTuple

_BASIC = ("SampleCount", "Sum", "Average", "Minimum", "Maximum")
_PERCENTILE = re.compile(r"(p|tm|wm|tc|ts)(\d{1,2}(?:\.\d{1,10})?|100)", re.IGNORECASE)
_RANGE = re.compile(r"(TM|WM|TC|TS|PR)\((-?[\d.]*)(%?):(-?[\d.]*)(%?)\)", re.IGNORECASE)


_Weighted = list[tuple[float, float]]
"""Values with how often each was seen, sorted."""


class Sample(NamedTuple):
    """One stored data point: a value seen ``number`` times, or a published statistic set."""

    timestamp: float
    number: float
    total: float
    low: float
    high: float
    unit: str

    @property
    def is_one_value(self) -> bool:
        """Whether the single values are known, which percentiles need."""
        return self.low == self.high and math.isclose(self.total, self.low * self.number)


def is_statistic(name: str) -> bool:
    """Whether CloudWatch accepts ``name`` as the statistic of a metric (``Sum``, ``p99.9``, ``TM(10%:90%)``)."""
    return name in _BASIC or name.upper() == "IQR" or bool(_PERCENTILE.fullmatch(name) or _RANGE.fullmatch(name))


def statistic(samples: Sequence[Sample], name: str) -> float | None:
    """The statistic ``name`` of one period's samples; None where CloudWatch has none to give."""
    samples = [sample for sample in samples if sample.number > 0]
    if not samples:
        return None
    if name in _BASIC:
        return _basic(samples, name)
    # CloudWatch computes no percentile over statistic sets or negative values.
    if not all(sample.is_one_value for sample in samples) or any(sample.low < 0 for sample in samples):
        return None
    return _extended(sorted((sample.low, sample.number) for sample in samples), name)


def _extended(weighted: _Weighted, name: str) -> float | None:
    if name.upper() == "IQR":
        return _trimmed("tm", *_between(weighted, 25, 75))
    if found := _PERCENTILE.fullmatch(name):
        kind, bound = found[1].lower(), float(found[2])
        return percentile(weighted, bound) if kind == "p" else _trimmed(kind, *_between(weighted, 0, bound))
    found = _RANGE.fullmatch(name)
    assert found, "a statistic that is_statistic refused"
    kind, low, low_percent, high, high_percent = found.groups()
    if low_percent or high_percent:
        return _trimmed(kind.lower(), *_between(weighted, float(low or 0), float(high or 100)))
    floor, ceiling = float(low) if low else -math.inf, float(high) if high else math.inf
    inside = [(value, weight) for value, weight in weighted if floor < value <= ceiling]
    if kind.upper() == "PR":
        return 100 * sum(weight for _, weight in inside) / sum(weight for _, weight in weighted)
    return _trimmed(kind.lower(), inside, [(min(max(value, floor), ceiling), weight) for value, weight in weighted])


def percentile(weighted: Sequence[tuple[float, float]], percent: float) -> float:
    """The percentile of sorted (value, weight) pairs, interpolated between the two nearest ranks."""
    total = sum(weight for _, weight in weighted)
    rank = percent / 100 * (total - 1) if total > 1 else 0.0
    below = _at(weighted, math.floor(rank))
    fraction = rank - math.floor(rank)
    return below + fraction * (_at(weighted, math.floor(rank) + 1) - below) if fraction else below


def _at(weighted: Sequence[tuple[float, float]], index: int) -> float:
    seen = 0.0
    for value, weight in weighted:
        seen += weight
        if index < seen:
            return value
    return weighted[-1][0]


def _basic(samples: Sequence[Sample], name: str) -> float:
    count = sum(sample.number for sample in samples)
    total = sum(sample.total for sample in samples)
    return {
        "SampleCount": count,
        "Sum": total,
        "Average": total / count,
        "Minimum": min(sample.low for sample in samples),
        "Maximum": max(sample.high for sample in samples),
    }[name]


def _between(weighted: Sequence[tuple[float, float]], low: float, high: float) -> tuple[_Weighted, _Weighted]:
    """The pairs between two percentiles, and all pairs clamped to them (what winsorized means take)."""
    total = sum(weight for _, weight in weighted)
    first, last = total * low / 100, total * high / 100
    inside: _Weighted = []
    seen = 0.0
    for value, weight in weighted:
        kept = min(seen + weight, last) - max(seen, first)
        if kept > 0:
            inside.append((value, kept))
        seen += weight
    if not inside:
        return [], []
    floor, ceiling = inside[0][0], inside[-1][0]
    return inside, [(min(max(value, floor), ceiling), weight) for value, weight in weighted]


def _trimmed(kind: str, inside: _Weighted, clamped: _Weighted) -> float | None:
    pairs = clamped if kind == "wm" else inside
    weight = sum(weight for _, weight in pairs)
    if kind == "tc":
        return weight
    total = sum(value * weight for value, weight in pairs)
    if kind == "ts":
        return total
    return total / weight if weight else None
