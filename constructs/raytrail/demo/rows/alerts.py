"""Rows of the alert channel: alerts, and an alarm."""

from __future__ import annotations

import json
from datetime import datetime

from raytrail.demo._evidence import Evidence, wait_for
from raytrail.demo._scene import EXTENDED, Collector, Scene


def alert(detection: str, *, call: str) -> Collector:
    """One alert, as it came through SNS to SQS."""

    def collect(scene: Scene) -> Evidence:
        assert scene.intrusion is not None
        message = scene.inbox.wait(
            what=f"the alert {detection} on {call} in the inbox",
            seconds=scene.target.patience_seconds,
            detection=detection,
            call=call,
        )
        delay = message.received_at - datetime.fromisoformat(message.body["time"]).timestamp()
        return Evidence(
            row=f"alert: {detection}",
            seen=f"[{message.body['level']}] {message.body['techniques']} after {max(delay, 0):.0f} s",
            proof=message.body["event_id"],
            read_with="sqs:ReceiveMessage",
            made_by=scene.target.made_by(EXTENDED),
            lines=(message.body["summary"],),
        )

    return collect


def alarm(scene: Scene) -> Evidence:
    """One alarm that went from OK to ALARM because of the faults, and its message."""
    target, cloudwatch = scene.target, scene.target.client("cloudwatch")
    name = target.output("UnhealthyAlarm")

    def look() -> datetime | None:
        history = cloudwatch.describe_alarm_history(
            AlarmName=name, AlarmTypes=["CompositeAlarm"], HistoryItemType="StateUpdate", StartDate=scene.traffic.since
        )
        for item in history["AlarmHistoryItems"]:
            change = json.loads(item["HistoryData"])
            if change["oldState"]["stateValue"] == "OK" and change["newState"]["stateValue"] == "ALARM":
                moment: datetime = item["Timestamp"]
                return moment
        return None

    moment = wait_for(look, seconds=target.patience_seconds, what=f"the alarm {name} going from OK to ALARM")
    arn, reason = _received(scene, name) if target.local else _sent(scene, name)
    return Evidence(
        row="alarm",
        seen=f"{name}: OK to ALARM at {moment:%H:%M:%S}, its message {'received' if target.local else 'sent'}",
        proof=arn,
        read_with="cloudwatch:DescribeAlarmHistory" + (", sqs:ReceiveMessage" if target.local else ""),
        made_by=target.made_by(EXTENDED),
        lines=(reason,),
    )


def _received(scene: Scene, name: str) -> tuple[str, str]:
    """The alarm's ARN and its reason, from its message in the inbox."""
    message = scene.inbox.wait(
        what=f"the message of the alarm {name}",
        seconds=scene.target.patience_seconds,
        AlarmName=name,
        NewStateValue="ALARM",
        OldStateValue="OK",
    )
    return message.body["AlarmArn"], str(message.body.get("NewStateReason", ""))


def _sent(scene: Scene, name: str) -> tuple[str, str]:
    """The topic that CloudWatch says it told, and its words: the inbox of an account in use is not ours to read."""
    cloudwatch = scene.target.client("cloudwatch")

    def look() -> tuple[str, str] | None:
        history = cloudwatch.describe_alarm_history(
            AlarmName=name, AlarmTypes=["CompositeAlarm"], HistoryItemType="Action", StartDate=scene.traffic.since
        )
        for item in history["AlarmHistoryItems"]:
            if item["HistorySummary"].startswith("Successfully executed action"):
                return str(item["HistorySummary"].rpartition(" ")[2]), str(item["HistorySummary"])
        return None

    return wait_for(look, seconds=scene.target.patience_seconds, what=f"the action of the alarm {name}")
