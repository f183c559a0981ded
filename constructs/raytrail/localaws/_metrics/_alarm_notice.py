"""What an alarm's change of state sets off: actions, an EventBridge event, and entries of its history.

The message to SNS is held against one that AWS sent; the event against those printed in
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html
"""

from __future__ import annotations

import json
import logging
import time
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import botocore.session

from raytrail.localaws._hooks import hook, wrap

logger = logging.getLogger(__name__)

_MODULE = "ministack.services.cloudwatch"
_ACTIONS = {"ALARM": "AlarmActions", "OK": "OKActions", "INSUFFICIENT_DATA": "InsufficientDataActions"}
_STATISTICS = {
    "SampleCount": "SAMPLE_COUNT",
    "Average": "AVERAGE",
    "Sum": "SUM",
    "Minimum": "MINIMUM",
    "Maximum": "MAXIMUM",
}

Alarm = Mapping[str, Any]


def stamp(timestamp: float) -> str:
    """A time as alarms write it: ``2019-10-01T13:56:40.985+0000``."""
    at = datetime.fromtimestamp(timestamp, UTC)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}+0000"


class AlarmNotices:
    """Tells others of a change of state; ministack's own SetAlarmState and composite alarms tell through it too."""

    def __init__(self) -> None:
        self._account = hook("ministack.core.responses:get_account_id")
        self._region = hook("ministack.core.responses:get_region")
        self._publish = hook("ministack.services.sns:publish_internal")
        self._may_publish = hook("ministack.services.sns:topic_policy_allows")
        self._put_events = hook("ministack.services.eventbridge:_put_events")
        self._function = hook("ministack.services.lambda_svc:_get_func_record_for_ref")
        self._invocation = hook("ministack.services.lambda_svc:_execution_record_for_config")
        self._invoke = hook("ministack.services.lambda_svc:invoke_async_with_retry")
        self._history = hook(f"{_MODULE}:_history_entries")
        self._iso = hook(f"{_MODULE}:_ts_iso")
        self._states: dict[str, dict[str, Any]] = {}
        """The state that was last told of each alarm, which the next event names as the previous one."""
        self._regions = _region_names()
        wrap(f"{_MODULE}:_dispatch_alarm_actions", lambda _original: self.dispatch)
        wrap(f"{_MODULE}:_record_history", lambda _original: self.record_state)

    def dispatch(self, alarm: Alarm, old_state: str, new_state: str, reason: str) -> None:
        """Run the actions of ``new_state`` and send the event. ``alarm`` is in its new state already."""
        detail = self._detail(alarm, old_state)
        self._event(alarm, detail)
        if not alarm.get("ActionsEnabled", True):
            return
        for action in alarm.get(_ACTIONS[new_state]) or ():
            try:
                self._act(action, alarm, old_state, detail)
                outcome = f"Successfully executed action {action}"
            except Exception as error:
                # An action that fails changes nothing of the alarm: its history says so, as on AWS.
                outcome = f"Failed to execute action {action}. Received error: {error}"
                logger.warning("alarm %s: %s", alarm["AlarmName"], outcome)
            data = {"actionState": outcome.split()[0], "resource": action}
            kind = "CompositeAlarm" if "AlarmRule" in alarm else "MetricAlarm"
            self.record(alarm["AlarmName"], "Action", outcome, data, kind)

    def record(self, name: str, kind: str, summary: str, data: Any, alarm_type: str = "MetricAlarm") -> None:
        """Add an entry to the history of alarm ``name``."""
        self._history().append(
            {
                "AlarmName": name,
                "AlarmType": alarm_type,
                "Timestamp": self._iso(time.time()),
                "HistoryItemType": kind,
                "HistorySummary": summary,
                "HistoryData": json.dumps(data),
            }
        )

    def record_state(
        self,
        name: str,
        old_state: str,
        new_state: str,
        reason: str,
        alarm_type: str = "MetricAlarm",
        reason_data: Any = None,
    ) -> None:
        """Add a StateUpdate, or, for an alarm that was just made, a ConfigurationUpdate."""
        if reason == "Unchecked: Initial alarm creation":
            self.record(name, "ConfigurationUpdate", f'Alarm "{name}" created', {"type": "Create"}, alarm_type)
            return
        new = {"stateValue": new_state, "stateReason": reason}
        if reason_data is not None:
            new["stateReasonData"] = reason_data
        data = {"version": "1.0", "oldState": {"stateValue": old_state}, "newState": new}
        self.record(name, "StateUpdate", f"Alarm updated from {old_state} to {new_state}", data, alarm_type)

    def _act(self, action: str, alarm: Alarm, old_state: str, detail: Mapping[str, Any]) -> None:
        service = action.split(":")[2] if action.count(":") >= 5 else ""
        if service == "sns":
            if not self._may_publish(action, "cloudwatch.amazonaws.com", alarm["AlarmArn"], self._account()):
                raise PermissionError("CloudWatch Alarms is not authorized to perform: SNS:Publish on the topic")
            region = self._regions.get(self._region(), self._region())
            subject = f'{alarm["StateValue"]}: "{alarm["AlarmName"]}" in {region}'
            if self._publish(action, json.dumps(self._message(alarm, old_state)), subject[:100]) is None:
                raise LookupError("Topic does not exist")
        elif service == "lambda":
            record, config, name = self._function(action)
            if not record or not config:
                raise LookupError(f"Function not found: {name}")
            event = {
                "source": "aws.cloudwatch",
                "alarmArn": alarm["AlarmArn"],
                "accountId": self._account(),
                "time": stamp(alarm["StateUpdatedTimestamp"]),
                "region": self._region(),
                "alarmData": detail,
            }
            self._invoke(self._invocation(record, config), event)
        else:
            raise ValueError(f"the embedded AWS runs no {service or 'such'} actions")

    def _message(self, alarm: Alarm, old_state: str) -> dict[str, Any]:
        message = {
            "AlarmName": alarm["AlarmName"],
            "AlarmDescription": alarm.get("AlarmDescription") or None,
            "AWSAccountId": self._account(),
            "AlarmConfigurationUpdatedTimestamp": stamp(alarm["AlarmConfigurationUpdatedTimestamp"]),
            "NewStateValue": alarm["StateValue"],
            "NewStateReason": alarm["StateReason"],
            "StateChangeTime": stamp(alarm["StateUpdatedTimestamp"]),
            "Region": self._regions.get(self._region(), self._region()),
            "AlarmArn": alarm["AlarmArn"],
            "OldStateValue": old_state,
            "OKActions": list(alarm.get("OKActions") or ()),
            "AlarmActions": list(alarm.get("AlarmActions") or ()),
            "InsufficientDataActions": list(alarm.get("InsufficientDataActions") or ()),
        }
        if "AlarmRule" in alarm:
            children = json.loads(alarm.get("StateReasonData") or "{}").get("triggeringAlarms", [])
            return message | {
                "AlarmRule": alarm["AlarmRule"],
                "TriggeringChildren": [
                    {"Arn": c["arn"], "State": {"Value": c["state"]["value"], "Timestamp": c["state"]["timestamp"]}}
                    for c in children
                ],
            }
        return message | {"Trigger": _trigger(alarm)}

    def _detail(self, alarm: Alarm, old_state: str) -> dict[str, Any]:
        now = {
            "reason": alarm["StateReason"],
            "timestamp": stamp(alarm["StateUpdatedTimestamp"]),
            "value": alarm["StateValue"],
        }
        if alarm.get("StateReasonData"):
            now["reasonData"] = alarm["StateReasonData"]
        before = self._states.get(alarm["AlarmArn"])
        if before is None or before["value"] != old_state:
            made = stamp(alarm["AlarmConfigurationUpdatedTimestamp"])
            before = {"reason": "Unchecked: Initial alarm creation", "timestamp": made, "value": old_state}
        self._states[alarm["AlarmArn"]] = now
        configuration: dict[str, Any] = {}
        if alarm.get("AlarmDescription"):
            configuration["description"] = alarm["AlarmDescription"]
        if "AlarmRule" in alarm:
            configuration["alarmRule"] = alarm["AlarmRule"]
        else:
            configuration["metrics"] = _event_metrics(alarm)
        return {
            "alarmName": alarm["AlarmName"],
            "configuration": configuration,
            "previousState": before,
            "state": now,
        }

    def _event(self, alarm: Alarm, detail: Mapping[str, Any]) -> None:
        entry = {
            "Source": "aws.cloudwatch",
            "DetailType": "CloudWatch Alarm State Change",
            "Detail": json.dumps(detail),
            "Resources": [alarm["AlarmArn"]],
        }
        try:
            self._put_events({"Entries": [entry]}, allow_aws_source=True)
        except Exception:
            logger.exception("the event of alarm %s was not sent", alarm["AlarmName"])


def _trigger(alarm: Alarm) -> dict[str, Any]:
    """``Trigger`` of the message to SNS."""
    periods = {"EvaluationPeriods": alarm["EvaluationPeriods"]}
    if "DatapointsToAlarm" in alarm:
        periods["DatapointsToAlarm"] = alarm["DatapointsToAlarm"]
    ending = {
        "ComparisonOperator": alarm["ComparisonOperator"],
        "Threshold": alarm["Threshold"],
        "TreatMissingData": alarm.get("TreatMissingData") or "",
        "EvaluateLowSampleCountPercentile": alarm.get("EvaluateLowSampleCountPercentile") or "",
    }
    if alarm.get("Metrics"):
        return {"Period": _period(alarm), **periods, **ending, "Metrics": _sns_metrics(alarm)}
    statistic = (
        {"StatisticType": "ExtendedStatistic", "ExtendedStatistic": alarm["ExtendedStatistic"]}
        if alarm.get("ExtendedStatistic")
        else {"StatisticType": "Statistic", "Statistic": _STATISTICS[alarm["Statistic"]]}
    )
    return {
        "MetricName": alarm["MetricName"],
        "Namespace": alarm["Namespace"],
        **statistic,
        "Unit": alarm.get("Unit"),
        "Dimensions": _sns_dimensions(alarm.get("Dimensions")),
        "Period": alarm["Period"],
        **periods,
        **ending,
    }


def _period(alarm: Alarm) -> int:
    return next(int(q["MetricStat"]["Period"]) for q in alarm["Metrics"] if "MetricStat" in q)


def _sns_dimensions(pairs: Any) -> list[dict[str, str]]:
    return [{"value": pair["Value"], "name": pair["Name"]} for pair in pairs or ()]


def _sns_metrics(alarm: Alarm) -> list[dict[str, Any]]:
    metrics = json.loads(json.dumps(list(alarm["Metrics"])))
    for query in metrics:
        if stat := query.get("MetricStat"):
            stat["Metric"]["Dimensions"] = _sns_dimensions(stat["Metric"].get("Dimensions"))
    return list(metrics)


def _event_metrics(alarm: Alarm) -> list[dict[str, Any]]:
    if not alarm.get("Metrics"):
        metric = {"MetricName": alarm["MetricName"], "Namespace": alarm["Namespace"]}
        simple = {
            "Metric": metric | {"Dimensions": alarm.get("Dimensions") or []},
            "Period": alarm["Period"],
            "Stat": alarm.get("ExtendedStatistic") or alarm.get("Statistic"),
        }
        # AWS names the one metric by a UUID; the same alarm keeps the same.
        queries: list[dict[str, Any]] = [
            {"Id": str(uuid.uuid5(uuid.NAMESPACE_URL, alarm["AlarmArn"])), "MetricStat": simple}
        ]
    else:
        queries = alarm["Metrics"]
    metrics: list[dict[str, Any]] = []
    for query in queries:
        described: dict[str, Any] = {"id": query["Id"], "returnData": query.get("ReturnData", True)}
        if "Expression" in query:
            described["expression"] = query["Expression"]
        if "Label" in query:
            described["label"] = query["Label"]
        if stat := query.get("MetricStat"):
            metric = stat["Metric"]
            described["metricStat"] = {
                "metric": {
                    "dimensions": {pair["Name"]: pair["Value"] for pair in metric.get("Dimensions") or ()},
                    "name": metric["MetricName"],
                    "namespace": metric["Namespace"],
                },
                "period": stat["Period"],
                "stat": stat["Stat"],
            }
        metrics.append(described)
    return metrics


def _region_names() -> dict[str, str]:
    """``us-east-1`` -> ``US East (N. Virginia)``, from botocore's own list."""
    data = botocore.session.Session().get_data("endpoints")
    return {
        region: about["description"].replace("Europe (", "EU (")
        for partition in data["partitions"]
        for region, about in partition["regions"].items()
    }
