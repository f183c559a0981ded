"""Metrics out of log events, as they arrive: metric filters, embedded metrics, and AWS/Logs."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from raytrail.localaws._hooks import hook, wrap
from raytrail.localaws._logs._api import Data, LogsApi, LogsError
from raytrail.localaws._logs._emf import MARK, embedded_metrics
from raytrail.localaws._logs._pattern_json import is_selector, parse, value
from raytrail.localaws._logs._pattern_values import PatternError, number
from raytrail.localaws._logs._patterns import compile_pattern
from raytrail.localaws._metrics._emitter import Emitter
from raytrail.localaws._metrics._store import Metric, MetricStore

logger = logging.getLogger(__name__)

_MODULE = "ministack.services.cloudwatch_logs"
_MAX_FILTERS = 100
"""Of one log group: CloudWatch Logs quotas."""
_MAX_DIMENSIONS = 3
_EVENT_OVERHEAD_BYTES = 26
"""What AWS counts for each log event beside its message."""
_KEPT = ("applyOnTransformedLogs", "fieldSelectionCriteria", "emitSystemFieldDimensions")

Event = Mapping[str, Any]


class LogMetrics:
    """Wraps the one function through which every writer stores log events."""

    def __init__(self, store: MetricStore, emitter: Emitter) -> None:
        self._store, self._emitter = store, emitter
        self._groups = hook(f"{_MODULE}:_log_groups")
        self._filters = hook(f"{_MODULE}:_metric_filters")
        wrap(f"{_MODULE}:_append_log_events", self._append)

    def _append(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def append(stream: dict[str, Any], events: Sequence[Event]) -> None:
            original(stream, events)
            try:
                self._take(stream, events)
            except Exception:
                # What reads logs must never break who writes them.
                logger.exception("no metrics were taken from %d log events", len(events))

        return append

    def _take(self, stream: dict[str, Any], events: Sequence[Event]) -> None:
        name = self._group_of(stream)
        if name is None or not events:
            return
        size = sum(len(event["message"].encode()) + _EVENT_OVERHEAD_BYTES for event in events)
        for dimensions in ({"LogGroupName": name}, {}):
            self._emitter.send("AWS/Logs", "IncomingLogEvents", len(events), **dimensions)
            self._emitter.send("AWS/Logs", "IncomingBytes", size, **dimensions)
        if self._groups[name].get("logGroupClass") == "INFREQUENT_ACCESS":
            return
        for key, each in self._filters.items():
            if key[0] == name:
                for event in events:
                    self._apply(each, event)
        for event in events:
            if MARK in event["message"]:
                for found in embedded_metrics(event["message"]):
                    metric, value, unit, timestamp, times = found
                    self._store.record(metric, value, unit, count=times, timestamp=timestamp)

    def _group_of(self, stream: dict[str, Any]) -> str | None:
        for name, group in self._groups.items():
            # Newest first: each invocation of a function makes a stream of its own.
            if any(each is stream for each in reversed(group["streams"].values())):
                return str(name)
        return None

    def _apply(self, metric_filter: Mapping[str, Any], event: Event) -> None:
        message = event["message"]
        extracted = compile_pattern(metric_filter["filterPattern"]).match(message)
        for transformation in metric_filter["metricTransformations"]:
            amount = transformation.get("defaultValue")
            dimensions: dict[str, str] = {}
            if extracted is not None:
                found = _refer(transformation["metricValue"], message, extracted)
                amount = None if found is None else number(found)
                for name, reference in (transformation.get("dimensions") or {}).items():
                    if (text := _refer(reference, message, extracted)) is None:
                        amount = None
                        break
                    dimensions[name] = text
            if amount is not None:
                self._store.record(
                    Metric(transformation["metricNamespace"], transformation["metricName"], dimensions),
                    amount,
                    transformation.get("unit") or "None",
                    timestamp=event["timestamp"] / 1000,
                )


def install(api: LogsApi, store: MetricStore, emitter: Emitter) -> None:
    """Take metrics from log events, and match filter patterns everywhere as AWS does."""
    groups, filters = hook(f"{_MODULE}:_log_groups"), hook(f"{_MODULE}:_metric_filters")
    LogMetrics(store, emitter)

    def check_put(data: Data) -> None:
        name = data.get("logGroupName")
        _refuse_class(groups, name, "InvalidOperationException")
        _compile(data.get("filterPattern", ""))
        _check_transformations(data.get("metricTransformations") or [])
        mine = [key for key in filters if key[0] == name]
        if len(mine) >= _MAX_FILTERS and (name, data.get("filterName")) not in mine:
            raise LogsError("LimitExceededException", "Resource limit exceeded.")

    def check_subscription(data: Data) -> None:
        _refuse_class(groups, data.get("logGroupName"), "InvalidOperationException")
        _compile(data.get("filterPattern", ""))

    def check_read(data: Data) -> None:
        name = data.get("logGroupName") or str(data.get("logGroupIdentifier", "")).rpartition(":log-group:")[2]
        _refuse_class(groups, name, "InvalidParameterException")
        _compile(data.get("filterPattern", ""))

    api.check("_put_metric_filter", check_put)
    wrap(f"{_MODULE}:_put_metric_filter", lambda original: _keeping(original, filters))
    api.check("_put_subscription_filter", check_subscription)
    api.check("_filter_log_events", check_read)
    api.check("_get_log_events", check_read)
    api.add("TestMetricFilter", test_metric_filter)
    wrap(f"{_MODULE}:_compile_filter_pattern", lambda _original: _matcher)
    wrap(f"{_MODULE}:_subscription_pattern_matches", lambda _original: lambda pattern, m: _matcher(pattern)(m))


def test_metric_filter(data: Data) -> Data:
    """https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_TestMetricFilter.html."""
    messages = data.get("logEventMessages") or []
    if not 1 <= len(messages) <= 50:
        raise LogsError("InvalidParameterException", "logEventMessages has from 1 to 50 messages")
    pattern = _compile(data.get("filterPattern", ""))
    matches = []
    for event_number, message in enumerate(messages, 1):
        if (extracted := pattern.match(message)) is not None:
            record = {"eventNumber": event_number, "eventMessage": message, "extractedValues": dict(extracted)}
            matches.append(record)
    return {"matches": matches}


def _compile(source: str) -> Any:
    try:
        return compile_pattern(source or "")
    except PatternError as error:
        raise LogsError("InvalidParameterException", str(error)) from error


def _matcher(source: str) -> Callable[[str], bool]:
    pattern = compile_pattern(source or "")
    return lambda message: pattern.match(message) is not None


def _keeping(original: Callable[[Data], Any], filters: Any) -> Callable[[Data], Any]:
    """PutMetricFilter that also keeps the members which ministack drops."""

    def put(data: Data) -> Any:
        answer = original(data)
        if answer[0] == 200:
            kept = {name: data[name] for name in _KEPT if name in data}
            filters[data["logGroupName"], data["filterName"]].update(kept)
        return answer

    return put


def _refuse_class(groups: Any, name: str | None, code: str) -> None:
    if name in groups and groups[name].get("logGroupClass") == "INFREQUENT_ACCESS":
        raise LogsError(code, "The operation is not supported for log groups of the INFREQUENT_ACCESS log class")


def _check_transformations(transformations: Sequence[Mapping[str, Any]]) -> None:
    if len(transformations) != 1:
        raise LogsError("InvalidParameterException", "A metric filter has exactly one metric transformation")
    transformation = transformations[0]
    metric_value = str(transformation.get("metricValue", ""))
    if number(metric_value) is None and not is_selector(metric_value) and not re.fullmatch(r"\$\w+", metric_value):
        raise LogsError("InvalidParameterException", f"Invalid metric value '{metric_value}'")
    dimensions = transformation.get("dimensions") or {}
    if len(dimensions) > _MAX_DIMENSIONS:
        raise LogsError("InvalidParameterException", f"A metric filter has at most {_MAX_DIMENSIONS} dimensions")
    if dimensions and transformation.get("defaultValue") is not None:
        raise LogsError(
            "InvalidParameterException",
            "Invalid metric transformation: dimensions and default value are mutually exclusive properties.",
        )


def _refer(reference: str, message: str, extracted: Mapping[str, str]) -> str | None:
    """A literal, or what ``$.field`` or ``$column`` finds in the event."""
    if not reference.startswith("$"):
        return reference
    return extracted.get(reference) or (value(parse(message), reference) if is_selector(reference) else None)
