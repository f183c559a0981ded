"""Evaluates every metric alarm once a second, in a thread of its own."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from raytrail.localaws._hooks import hook, wrap
from raytrail.localaws._metrics._alarm_notice import AlarmNotices, stamp
from raytrail.localaws._metrics._alarm_rules import EXTRA_PERIODS, Datapoint, MissingData, Rule, Verdict, judge
from raytrail.localaws._metrics._math import Series
from raytrail.localaws._metrics._reader import MetricReader, period_of
from raytrail.localaws._metrics._store import MetricStore

logger = logging.getLogger(__name__)

_MODULE = "ministack.services.cloudwatch"
TICK_SECONDS = 1.0
"""AWS evaluates an alarm about once a minute; here nobody has to wait for it."""
_HOLD_SECONDS = 3.0
"""How long a state that SetAlarmState gave stands: on AWS the true one is back "quickly, often within seconds".

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_SetAlarmState.html
"""

Alarm = dict[str, Any]


class AlarmClock:
    """The evaluation of metric alarms. Composite alarms follow them through ministack.

    Args:
        before_tick: Called at the start of each tick, outside any account: gauges are read there.
    """

    def __init__(self, store: MetricStore, notices: AlarmNotices, before_tick: Callable[[float], None]) -> None:
        self._reader = MetricReader(store)
        self._notices = notices
        self._before_tick = before_tick
        self._alarms = hook(f"{_MODULE}:_alarms")
        self._scope = hook("ministack.core.responses:request_scope")
        self._evaluate_parents = hook(f"{_MODULE}:_evaluate_parent_alarms")
        self._held: dict[str, float] = {}
        """Until when an alarm's state is one that somebody set by hand, by ARN."""
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="alarms", daemon=True)
        # Ministack would evaluate on each PutMetricData, by rules of its own.
        wrap(f"{_MODULE}:_evaluate_alarm", lambda _original: lambda _alarm: None)
        wrap(f"{_MODULE}:_set_alarm_state", self._holding)

    def start(self) -> None:
        """Begin to evaluate."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopping.set()
        self._thread.join(2 * TICK_SECONDS)

    def _holding(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def set_alarm_state(*arguments: Any) -> Any:
            changed = {name: alarm["StateUpdatedTimestamp"] for name, alarm in self._alarms.items()}
            answer = original(*arguments)
            for name, alarm in self._alarms.items():
                if alarm["StateUpdatedTimestamp"] != changed.get(name):
                    self._held[alarm["AlarmArn"]] = time.time() + min(_HOLD_SECONDS, _rule_period(alarm))
            return answer

        return set_alarm_state

    def _run(self) -> None:
        while not self._stopping.wait(TICK_SECONDS):
            now = time.time()
            try:
                self._before_tick(now)
            except Exception:
                logger.exception("the gauges were not read")
            for (account, region, _), alarm in self._alarms.all_items():
                try:
                    with self._scope(account, region):
                        self._evaluate(alarm, now)
                except Exception:
                    logger.exception("alarm %s was not evaluated", alarm.get("AlarmName"))

    def _evaluate(self, alarm: Alarm, now: float) -> None:
        if self._held.get(alarm["AlarmArn"], 0) > now:
            return
        rule, period = _rule(alarm), _rule_period(alarm)
        datapoints = self._datapoints(alarm, rule, period, now)
        verdict = judge(rule, datapoints)
        # The alarm may have been deleted or put anew meanwhile: then this verdict is of something that is gone.
        if verdict is None or verdict.state == alarm["StateValue"] or self._alarms.get(alarm["AlarmName"]) is not alarm:
            return
        self._transition(alarm, verdict, rule, period, datapoints[0].timestamp, now)

    def _datapoints(self, alarm: Alarm, rule: Rule, period: int, now: float) -> list[Datapoint]:
        """The evaluation range, oldest first."""
        current = now // period * period
        back = rule.evaluation_periods + EXTRA_PERIODS
        queries = _queries(alarm)
        values = self._reader.read(queries, current - back * period, current + period)
        series = values[next(query["Id"] for query in queries if query.get("ReturnData", True))]
        if not isinstance(series, Series):
            raise TypeError("an alarm watches one time series")
        # The period that runs counts as soon as it has data, so that an alarm goes off within seconds. Not where a
        # count that begins at zero each period would seem too small until it is over.
        counts = current in series.points and not (rule.comparison.startswith("Less") and _begins_at_zero(alarm))
        newest = current if counts else current - period
        times = [newest - n * period for n in range(back)]
        return [Datapoint(at, series.points.get(at)) for at in reversed(times)]

    def _transition(self, alarm: Alarm, verdict: Verdict, rule: Rule, period: int, start: float, now: float) -> None:
        reason_data: dict[str, Any] = {"version": "1.0", "queryDate": stamp(now), "startDate": stamp(start)}
        if statistic := alarm.get("Statistic") or alarm.get("ExtendedStatistic"):
            reason_data["statistic"] = statistic
        reason_data |= {
            "period": period,
            "recentDatapoints": [point.value for point in reversed(verdict.evaluated)],
            "threshold": rule.threshold,
            "evaluatedDatapoints": [
                {"timestamp": stamp(point.timestamp), "value": point.value} for point in verdict.evaluated
            ],
        }
        old_state = alarm["StateValue"]
        alarm |= {
            "StateValue": verdict.state,
            "StateReason": verdict.reason,
            "StateReasonData": json.dumps(reason_data),
            "StateUpdatedTimestamp": now,
            "StateTransitionedTimestamp": now,
        }
        self._notices.record_state(
            alarm["AlarmName"], old_state, verdict.state, verdict.reason, "MetricAlarm", reason_data
        )
        self._notices.dispatch(alarm, old_state, verdict.state, verdict.reason)
        self._evaluate_parents(alarm)


def _rule(alarm: Mapping[str, Any]) -> Rule:
    # "Alarms that evaluate metrics in the AWS/DynamoDB namespace ignore missing data by default."
    default: MissingData = "ignore" if alarm.get("Namespace") == "AWS/DynamoDB" else "missing"
    return Rule(
        comparison=alarm["ComparisonOperator"],
        threshold=alarm["Threshold"],
        evaluation_periods=alarm["EvaluationPeriods"],
        datapoints_to_alarm=alarm.get("DatapointsToAlarm") or alarm["EvaluationPeriods"],
        missing_data=alarm.get("TreatMissingData") or default,
    )


def _queries(alarm: Mapping[str, Any]) -> list[dict[str, Any]]:
    if alarm.get("Metrics"):
        return list(alarm["Metrics"])
    metric = {
        "Namespace": alarm["Namespace"],
        "MetricName": alarm["MetricName"],
        "Dimensions": alarm.get("Dimensions") or [],
    }
    stat = {
        "Metric": metric,
        "Period": alarm["Period"],
        "Stat": alarm.get("Statistic") or alarm["ExtendedStatistic"],
    }
    if alarm.get("Unit"):
        stat["Unit"] = alarm["Unit"]
    return [{"Id": "m1", "MetricStat": stat}]


def _rule_period(alarm: Mapping[str, Any]) -> int:
    return next(period for query in _queries(alarm) if (period := period_of(query)) is not None)


def _begins_at_zero(alarm: Mapping[str, Any]) -> bool:
    return bool(alarm.get("Metrics")) or alarm.get("Statistic") in ("Sum", "SampleCount")
