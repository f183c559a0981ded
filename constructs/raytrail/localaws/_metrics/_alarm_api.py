"""PutMetricAlarm: everything that AWS keeps of an alarm, and its refusals."""

from __future__ import annotations

import time
from typing import Any

from raytrail.localaws._hooks import hook
from raytrail.localaws._metrics._alarm_notice import AlarmNotices
from raytrail.localaws._metrics._alarm_rules import COMPARISONS
from raytrail.localaws._metrics._reader import check_period, check_queries, period_of
from raytrail.localaws._metrics._statistics import is_statistic
from raytrail.localaws._metrics._wire import ApiError, Operation, Values, Wire

_MODULE = "ministack.services.cloudwatch"
_MISSING_DATA = ("breaching", "notBreaching", "ignore", "missing")
_DAY = 86_400
_METRIC = ("MetricName", "Namespace", "Statistic", "ExtendedStatistic", "Period", "Dimensions", "Unit")
_DEFAULTED = (*_METRIC, "TreatMissingData", "AlarmDescription")
_UNSUPPORTED = (
    "ThresholdMetricId",
    "EvaluationCriteria",
    "EvaluationWindow",
    "EvaluationInterval",
    "WarmUpConfiguration",
)
"""Anomaly detection, PromQL and evaluation windows: refused rather than kept and never evaluated."""


class MetricAlarms:
    """Creates and updates metric alarms, for the API and for CloudFormation alike."""

    def __init__(self, wire: Wire, notices: AlarmNotices) -> None:
        self._wire = wire
        self._notices = notices
        self._alarms = hook(f"{_MODULE}:_alarms")
        self._original: Operation = wire.original("PutMetricAlarm", "_put_metric_alarm")
        wire.serve("PutMetricAlarm", "_put_metric_alarm", self.put)

    def put(self, request: Values) -> Values:
        """https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html.

        Raises:
            ApiError: What AWS refuses, and alarms on anomalies, PromQL or windows, which are not emulated.
        """
        _check(request)
        name = request["AlarmName"]
        before = self._alarms.get(name)
        self._original(request)
        alarm = self._alarms[name]
        # Ministack keeps a part of the request and fills in defaults; AWS shows what was asked for.
        for member in _DEFAULTED:
            alarm.pop(member, None)
        kept = set(self._wire.request_shape("PutMetricAlarm").members) - {"Tags"}
        alarm |= {member: value for member, value in request.items() if member in kept}
        alarm.setdefault("Dimensions", [])
        now = time.time()
        alarm["AlarmConfigurationUpdatedTimestamp"] = now
        if before is None:
            alarm["StateUpdatedTimestamp"] = alarm["StateTransitionedTimestamp"] = now
        else:
            for member in ("StateReasonData", "StateUpdatedTimestamp", "StateTransitionedTimestamp"):
                if member in before:
                    alarm[member] = before[member]
            self._notices.record(name, "ConfigurationUpdate", f'Alarm "{name}" updated', {"type": "Update"})
        return {}

    def from_template(self, name: str, properties: Values) -> str:
        """Create or update alarm ``name`` from CloudFormation's properties; its ARN.

        Raises:
            ValueError: What the API refuses, in the words of a resource handler.
        """
        shape = self._wire.request_shape("PutMetricAlarm")
        request = self._wire.coerce(shape, {**properties, "AlarmName": name})
        if name in self._alarms:
            request.pop("Tags", None)
        try:
            self.put(request)
        except ApiError as error:
            raise ValueError(f"{error.message} (Service: CloudWatch, Status Code: {error.status})") from error
        return str(self._alarms[name]["AlarmArn"])


def _check(request: Values) -> None:
    for member in _UNSUPPORTED:
        if member in request:
            raise ApiError("ValidationError", f"The embedded AWS evaluates no alarms with {member}")
    if request.get("ComparisonOperator") not in COMPARISONS:
        _refuse_enum("comparisonOperator", request.get("ComparisonOperator"), tuple(COMPARISONS))
    if "TreatMissingData" in request and request["TreatMissingData"] not in _MISSING_DATA:
        raise ApiError(
            "ValidationError",
            f"The value {request['TreatMissingData']} for parameter TreatMissingData is not one of "
            f"[{', '.join(_MISSING_DATA)}]",
        )
    if "Threshold" not in request:
        raise ApiError("ValidationError", "The parameter Threshold is required for alarms on a static threshold")
    periods: int = request["EvaluationPeriods"]
    if not 1 <= request.get("DatapointsToAlarm", periods) <= periods:
        raise ApiError(
            "ValidationError", "The value of DatapointsToAlarm must be between 1 and the value of EvaluationPeriods"
        )
    period = _check_metrics(request) if "Metrics" in request else _check_metric(request)
    if periods * period > (_DAY if period < 3600 else 7 * _DAY):
        raise ApiError(
            "ValidationError",
            "Metrics cannot be checked across more than a day (EvaluationPeriods * Period must be <= 86400).",
        )


def _check_metric(request: Values) -> int:
    if not request.get("MetricName") or not request.get("Namespace"):
        raise ApiError("ValidationError", "Either MetricName and Namespace, or Metrics, must be specified")
    if ("Statistic" in request) == ("ExtendedStatistic" in request):
        raise ApiError("ValidationError", "Exactly one of Statistic and ExtendedStatistic must be specified")
    statistic = request.get("Statistic") or request["ExtendedStatistic"]
    if not is_statistic(statistic):
        raise ApiError("ValidationError", f"The value {statistic} for parameter ExtendedStatistic is not supported.")
    if "Period" not in request:
        raise ApiError("ValidationError", "The parameter Period is required for alarms on one metric")
    check_period(request["Period"], "Period")
    return int(request["Period"])


def _check_metrics(request: Values) -> int:
    for member in _METRIC:
        if request.get(member):
            raise ApiError("ValidationError", f"The parameters Metrics and {member} are mutually exclusive")
    metrics: list[Any] = request["Metrics"]
    check_queries(metrics, "Metrics")
    if sum(query.get("ReturnData", True) for query in metrics) != 1:
        raise ApiError("ValidationError", "Exactly one element of the metrics list should return data.")
    periods = {period for query in metrics if (period := period_of(query)) is not None}
    if len(periods) != 1:
        raise ApiError("ValidationError", "The metrics of an alarm must all have the same period")
    return periods.pop()


def _refuse_enum(member: str, value: Any, allowed: tuple[str, ...]) -> None:
    raise ApiError(
        "ValidationError",
        f"1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: "
        f"Member must satisfy enum value set: [{', '.join(allowed)}]",
    )
