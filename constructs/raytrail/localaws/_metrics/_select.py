"""Metrics Insights: one statistic over many metrics, as alarms and GetMetricData ask for it.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-metrics-insights-querylanguage.html

Read are ``SELECT``, ``FROM`` with a namespace or ``SCHEMA``, and ``WHERE`` over dimensions. ``GROUP BY``, ``ORDER BY``
and ``LIMIT``, which concern several time series, and tags are refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from raytrail.localaws._metrics._math_grammar import MathError
from raytrail.localaws._metrics._statistics import Sample
from raytrail.localaws._metrics._store import Metric, MetricStore

_STATISTICS = {"AVG": "Average", "COUNT": "SampleCount", "MAX": "Maximum", "MIN": "Minimum", "SUM": "Sum"}
_NAME = r'(?:"[^"]+"|\w+)'
_QUERY = re.compile(
    rf"\s*SELECT\s+(?P<function>\w+)\s*\(\s*(?P<metric>{_NAME})\s*\)"
    rf"\s+FROM\s+(?:SCHEMA\s*\(\s*(?P<schema>{_NAME}(?:\s*,\s*{_NAME})*)\s*\)|(?P<namespace>{_NAME}))"
    r"(?:\s+WHERE\s+(?P<where>.+?))?\s*",
    re.IGNORECASE | re.DOTALL,
)
_CONDITION = re.compile(rf"\s*(?P<key>{_NAME})\s*(?P<operator>!=|=)\s*'(?P<value>[^']*)'\s*", re.DOTALL)
_AND = re.compile(r"\s+AND\s+(?=(?:[^']*'[^']*')*[^']*$)", re.IGNORECASE)


def is_select(expression: str) -> bool:
    """Whether an expression is such a query, and not metric math."""
    return re.match(r"\s*SELECT\s", expression, re.IGNORECASE) is not None


@dataclass(frozen=True, slots=True)
class Select:
    """One query."""

    statistic: str
    """As in GetMetricStatistics."""
    metric: str
    namespace: str
    keys: frozenset[str] | None
    """The dimensions that a metric has, all of them; None: whatever it has."""
    where: tuple[tuple[str, bool, str], ...]
    """Key, whether it equals the value or differs from it, and the value."""

    def samples(self, store: MetricStore, start: float, end: float) -> list[Sample]:
        """The samples of every metric that the query is about."""
        metrics = [metric for metric, _ in list(store.listing()) if self._is_about(metric)]
        return [sample for metric in metrics for sample in store.samples(metric, start, end)]

    def _is_about(self, metric: Metric) -> bool:
        if (metric.namespace, metric.name) != (self.namespace, self.metric):
            return False
        has: Mapping[str, str] = metric.dimensions
        if self.keys is not None and self.keys != set(has):
            return False
        return all((has.get(key) == value) is equal for key, equal, value in self.where)


def parse_select(expression: str) -> Select:
    """Read a query.

    Raises:
        MathError: It is malformed, or has a clause that is not emulated.
    """
    found = _QUERY.fullmatch(expression)
    if found is None or found["function"].upper() not in _STATISTICS:
        raise MathError(
            "not a query that is emulated: SELECT AVG|COUNT|MAX|MIN|SUM(metric) FROM namespace or SCHEMA(namespace, "
            "keys) [WHERE key = 'value' AND ...]"
        )
    namespace, *keys = _names(found["schema"] or found["namespace"])
    return Select(
        statistic=_STATISTICS[found["function"].upper()],
        metric=_plain(found["metric"]),
        namespace=namespace,
        keys=frozenset(keys) if found["schema"] else None,
        where=tuple(_conditions(found["where"])),
    )


def _conditions(where: str | None) -> Iterable[tuple[str, bool, str]]:
    for text in _AND.split(where) if where else ():
        found = _CONDITION.fullmatch(text)
        if found is None:
            raise MathError(f"not a condition that is emulated: {text.strip()}")
        yield _plain(found["key"]), found["operator"] == "=", found["value"]


def _names(text: str) -> list[str]:
    return [_plain(name) for name in re.findall(_NAME, text)]


def _plain(name: str) -> str:
    return name.strip('"')
