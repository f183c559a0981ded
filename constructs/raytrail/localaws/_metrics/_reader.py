"""Reads metrics and metric math as time series: what GetMetricData, dashboards and alarms stand on."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from raytrail.localaws._metrics._math import Scope, Series, Value, evaluate
from raytrail.localaws._metrics._math_grammar import MathError, parse
from raytrail.localaws._metrics._select import is_select, parse_select
from raytrail.localaws._metrics._statistics import Sample, is_statistic, statistic
from raytrail.localaws._metrics._store import Metric, MetricStore
from raytrail.localaws._metrics._wire import ApiError

_ID = re.compile(r"[a-z][a-zA-Z0-9_]*")

Query = Mapping[str, Any]
"""A ``MetricDataQuery`` of the API."""


def dimensions(pairs: Sequence[Mapping[str, str]] | None) -> dict[str, str]:
    """``[{"Name": …, "Value": …}]`` as a mapping."""
    return {pair["Name"]: pair["Value"] for pair in pairs or ()}


def by_period(samples: Sequence[Sample], period: int) -> dict[float, list[Sample]]:
    """Samples by the start of their period, counted from the epoch."""
    buckets: dict[float, list[Sample]] = defaultdict(list)
    for sample in samples:
        buckets[sample.timestamp // period * period].append(sample)
    return dict(sorted(buckets.items()))


def check_period(period: int, parameter: str) -> None:
    """Refuse a period that no metric has.

    Raises:
        ApiError: It is not 1, 5, 10, 20, 30 or a multiple of 60 seconds.
    """
    if period not in (1, 5, 10, 20, 30) and (period < 60 or period % 60):
        raise ApiError(
            "ValidationError", f"The parameter {parameter} must be 1, 5, 10, 20, 30, or a multiple of 60, got {period}"
        )


class MetricReader:
    """Evaluates lists of ``MetricDataQuery`` in the current account and Region."""

    def __init__(self, store: MetricStore) -> None:
        self._store = store

    def read(self, queries: Sequence[Query], start: float, end: float) -> dict[str, Value]:
        """The value of each query by its id.

        Raises:
            ApiError: A query or expression that AWS refuses.
        """
        check_queries(queries)
        return _Evaluation(self._store, queries, start, end).all()


def check_queries(queries: Sequence[Query], parameter: str = "MetricDataQueries") -> None:
    """Refuse what AWS refuses before it reads any data.

    Raises:
        ApiError: An id, statistic or period that is not valid, or both or neither of MetricStat and Expression; or a
            query of Metrics Insights without a period.
    """
    ids = [query["Id"] for query in queries]
    if len(set(ids)) != len(ids):
        raise ApiError("ValidationError", f"The values for parameter id in {parameter} are not unique.")
    for number, query in enumerate(queries, 1):
        member = f"{parameter}.member.{number}"
        if not _ID.fullmatch(query["Id"]):
            raise ApiError(
                "ValidationError",
                f"The value '{query['Id']}' for parameter {member}.Id is not matching the expected pattern "
                "^[a-z][a-zA-Z0-9_]*$.",
            )
        if ("MetricStat" in query) == ("Expression" in query):
            raise ApiError(
                "ValidationError", f"The parameter {member} must have exactly one of MetricStat and Expression"
            )
        if metric_stat := query.get("MetricStat"):
            check_period(metric_stat["Period"], f"{member}.MetricStat.Period")
            if not is_statistic(metric_stat["Stat"]):
                raise ApiError(
                    "ValidationError",
                    f"The value {metric_stat['Stat']} for parameter {member}.MetricStat.Stat is not supported.",
                )
        else:
            try:
                select = parse_select(query["Expression"]) if is_select(query["Expression"]) else None
                if select is None:
                    parse(query["Expression"])
            except MathError as error:
                raise ApiError("ValidationError", f"Error in expression '{query['Id']}': {error}") from error
            if select is not None:
                check_period(query.get("Period", 0), f"{member}.Period")


def period_of(query: Query) -> int | None:
    """The period of a query that reads data itself: of one metric, or of Metrics Insights; None of metric math."""
    if "MetricStat" in query:
        return int(query["MetricStat"]["Period"])
    return int(query["Period"]) if is_select(query["Expression"]) else None


class _Evaluation:
    """One request: each query is worked out once, when it or something that refers to it is asked for."""

    def __init__(self, store: MetricStore, queries: Sequence[Query], start: float, end: float) -> None:
        self._store, self._start, self._end = store, start, end
        self._queries = {query["Id"]: query for query in queries}
        self._found: dict[str, Value] = {}
        self._open: set[str] = set()

    def all(self) -> dict[str, Value]:
        return {id: self._value(id) for id in self._queries}

    def _value(self, id: str) -> Value:
        if id in self._found:
            return self._found[id]
        if id not in self._queries:
            raise MathError(f"Unknown id '{id}'")
        if id in self._open:
            raise ApiError("ValidationError", f"Error in expression '{id}': it refers to itself")
        self._open.add(id)
        query = self._queries[id]
        if "MetricStat" in query:
            value: Value = self._metric(query)
        else:
            value = self._select(query) if is_select(query["Expression"]) else self._expression(query)
        self._open.discard(id)
        self._found[id] = value
        return value

    def _metric(self, query: Query) -> Series:
        stat = query["MetricStat"]
        metric = Metric(
            stat["Metric"].get("Namespace", ""),
            stat["Metric"].get("MetricName", ""),
            dimensions(stat["Metric"].get("Dimensions")),
        )
        period = stat["Period"]
        # A period that the range begins in the middle of is read whole, as AWS rounds StartTime down.
        samples = self._store.samples(metric, self._start // period * period, self._end, stat.get("Unit"))
        return _series(samples, period, stat["Stat"], query, metric.name)

    def _select(self, query: Query) -> Series:
        select, period = parse_select(query["Expression"]), int(query["Period"])
        samples = select.samples(self._store, self._start // period * period, self._end)
        return _series(samples, period, select.statistic, query, query["Id"])

    def _expression(self, query: Query) -> Value:
        periods = [q["MetricStat"]["Period"] for q in self._queries.values() if "MetricStat" in q]
        scope = Scope(
            resolve=self._value,
            metrics=_Metrics(self),
            start=self._start,
            end=self._end,
            period=int(query.get("Period") or (periods[0] if periods else 60)),
        )
        try:
            value = evaluate(parse(query["Expression"]), scope)
        except MathError as error:
            raise ApiError("ValidationError", f"Error in expression '{query['Id']}': {error}") from error
        if isinstance(value, list):
            return value
        if not isinstance(value, Series):
            raise ApiError(
                "ValidationError",
                f"Error in expression '{query['Id']}': The result must be a time series, not a scalar",
            )
        return Series(value.points, value.period, query.get("Label", query["Id"]), query["Id"])

    def metric_ids(self) -> list[str]:
        return [id for id, query in self._queries.items() if "MetricStat" in query]

    def metric_series(self, id: str) -> Series:
        value = self._value(id)
        assert isinstance(value, Series)
        return value


def _series(samples: Sequence[Sample], period: int, stat: str, query: Query, label: str) -> Series:
    values = {time: statistic(group, stat) for time, group in by_period(samples, period).items()}
    points = {time: value for time, value in values.items() if value is not None}
    return Series(points, period, query.get("Label", label), query["Id"])


class _Metrics(Mapping[str, Series]):
    """The metrics of the request as ``METRICS()`` sees them, read only if it is called."""

    def __init__(self, evaluation: _Evaluation) -> None:
        self._evaluation = evaluation

    def __getitem__(self, id: str) -> Series:
        return self._evaluation.metric_series(id)

    def __iter__(self) -> Any:
        return iter(self._evaluation.metric_ids())

    def __len__(self) -> int:
        return len(self._evaluation.metric_ids())
