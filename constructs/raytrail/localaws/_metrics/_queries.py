"""GetMetricData, GetMetricStatistics and ListMetrics."""

from __future__ import annotations

import base64
import time
from typing import Any

from raytrail.localaws._metrics._math import Series
from raytrail.localaws._metrics._reader import MetricReader, by_period, check_period, dimensions
from raytrail.localaws._metrics._statistics import is_statistic, statistic
from raytrail.localaws._metrics._store import Metric, MetricStore
from raytrail.localaws._metrics._wire import ApiError, Values, Wire

_MAX_DATAPOINTS = 1440
"""Of one GetMetricStatistics: API_GetMetricStatistics."""
_PAGE = 500
"""Metrics in one answer of ListMetrics."""
_RECENTLY_ACTIVE_SECONDS = 3 * 3600


def install(wire: Wire, store: MetricStore) -> None:
    """Answer the reading operations of CloudWatch."""
    queries = MetricQueries(store)
    wire.serve("GetMetricData", "_get_metric_data", queries.get_metric_data)
    wire.serve("GetMetricStatistics", "_get_metric_statistics", queries.get_metric_statistics)
    wire.serve("ListMetrics", "_list_metrics", queries.list_metrics)


class MetricQueries:
    """The reading operations, as functions of plain values."""

    def __init__(self, store: MetricStore) -> None:
        self._store = store
        self._reader = MetricReader(store)

    def get_metric_data(self, request: Values) -> Values:
        """https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html."""
        queries = request["MetricDataQueries"]
        start, end = _range(request, "ValidationError")
        values = self._reader.read(queries, start, end)
        # AWS answers newest first unless it is asked otherwise.
        newest_first = request.get("ScanBy", "TimestampDescending") == "TimestampDescending"
        results: list[Values] = []
        for query in queries:
            if not query.get("ReturnData", True):
                continue
            value = values[query["Id"]]
            for series in value if isinstance(value, list) else [value]:
                assert isinstance(series, Series)
                points = sorted(series.points.items(), reverse=newest_first)
                label = series.label
                if isinstance(value, list) and query.get("Label"):
                    label = f"{query['Label']} {label}"
                results.append(
                    {
                        "Id": query["Id"],
                        "Label": label,
                        "Timestamps": [time for time, _ in points],
                        "Values": [number for _, number in points],
                        "StatusCode": "Complete",
                    }
                )
        return {"MetricDataResults": results, "Messages": []}

    def get_metric_statistics(self, request: Values) -> Values:
        """https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricStatistics.html."""
        start, end = _range(request, "InvalidParameterValue")
        period = request["Period"]
        check_period(period, "Period")
        asked, extended = request.get("Statistics", []), request.get("ExtendedStatistics", [])
        if not asked and not extended:
            raise ApiError("InvalidParameterCombination", "Must specify either Statistics or ExtendedStatistics")
        for name in extended:
            if not is_statistic(name):
                raise ApiError(
                    "InvalidParameterValue", f"The value {name} for parameter ExtendedStatistics is invalid."
                )
        if (count := int((end - start) // period)) > _MAX_DATAPOINTS:
            raise ApiError(
                "InvalidParameterCombination",
                f"You have requested up to {count:,} datapoints, which exceeds the limit of {_MAX_DATAPOINTS:,}. "
                "You may reduce the datapoints requested by increasing Period, or decreasing the time range.",
            )
        metric = Metric(request["Namespace"], request["MetricName"], dimensions(request.get("Dimensions")))
        samples = self._store.samples(metric, start // period * period, end, request.get("Unit"))
        datapoints: list[Values] = []
        # Data published with different units are different data points.
        for unit in sorted({sample.unit for sample in samples}):
            for begin, group in by_period([s for s in samples if s.unit == unit], period).items():
                found = {name: statistic(group, name) for name in [*asked, *extended]}
                point: dict[str, Any] = {"Timestamp": begin, "Unit": unit}
                point |= {name: found[name] for name in asked}
                if percentiles := {name: found[name] for name in extended if found[name] is not None}:
                    point["ExtendedStatistics"] = percentiles
                datapoints.append(point)
        return {"Label": request["MetricName"], "Datapoints": datapoints}

    def list_metrics(self, request: Values) -> Values:
        """https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_ListMetrics.html."""
        filters = request.get("Dimensions", [])
        since = time.time() - _RECENTLY_ACTIVE_SECONDS if request.get("RecentlyActive") else 0
        found = []
        for metric, newest in self._store.listing():
            has = metric.dimensions
            if (
                request.get("Namespace", metric.namespace) == metric.namespace
                and request.get("MetricName", metric.name) == metric.name
                and all(d["Name"] in has and d.get("Value", has[d["Name"]]) == has[d["Name"]] for d in filters)
                and newest >= since
            ):
                pairs = [{"Name": name, "Value": value} for name, value in has.items()]
                found.append({"Namespace": metric.namespace, "MetricName": metric.name, "Dimensions": pairs})
        found.sort(key=lambda m: (m["Namespace"], m["MetricName"], str(m["Dimensions"])))
        begin = _position(request.get("NextToken"))
        answer: Values = {"Metrics": found[begin : begin + _PAGE]}
        if len(found) > begin + _PAGE:
            answer["NextToken"] = base64.urlsafe_b64encode(str(begin + _PAGE).encode()).decode()
        return answer


def _range(request: Values, code: str) -> tuple[float, float]:
    start, end = request["StartTime"], request["EndTime"]
    if start is None or end is None or start >= end:
        raise ApiError(code, "The parameter StartTime must be less than the parameter EndTime.")
    return start, end


def _position(token: str | None) -> int:
    if not token:
        return 0
    try:
        return int(base64.urlsafe_b64decode(token))
    except ValueError as error:
        raise ApiError("InvalidParameterValue", "The value for parameter NextToken is invalid.") from error
