"""Rows of the alert channel: alerts, what of them is one page, and an alarm."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime
from typing import Any

from raytrail.demo._evidence import Evidence, wait_for
from raytrail.demo._scene import EXTENDED, Collector, Scene
from raytrail.errors import EvidenceMissing


def row_of(detection: str) -> str:
    """The name of the row that shows a detection's alert: ``alert: RootUse`` of ``root_use``."""
    return "alert: " + "".join(word.title() for word in detection.split("_"))


def alert(detection: str, *, call: str) -> Collector:
    """One alert, as the pager told of it through SNS to SQS."""

    def collect(scene: Scene) -> Evidence:
        assert scene.intrusion is not None
        message = scene.inbox.wait(
            what=f"the alert {detection} on {call} in the inbox",
            seconds=scene.target.patience_seconds,
            since=scene.intrusion.started_at,
            detection=detection,
            call=call,
        )
        delay = message.received_at - datetime.fromisoformat(message.body["time"]).timestamp()
        return Evidence(
            row=row_of(detection),
            seen=f"[{message.body['level']}] {_techniques(message.body)} after {max(delay, 0):.0f} s",
            proof=message.body["event_id"],
            read_with="sqs:ReceiveMessage",
            made_by=scene.target.made_by(EXTENDED),
            lines=(message.body["summary"], *message.body["next_steps"][:1], message.body["query"]),
        )

    return collect


def grouped_alerts(scene: Scene) -> Evidence:
    """Two alerts of one detection, actor and hour: a page of the first, and the second counted."""
    assert scene.intrusion is not None
    detection = "security_group_opened"
    page = scene.inbox.wait(
        what=f"the page of {detection} in the inbox",
        seconds=scene.target.patience_seconds,
        since=scene.intrusion.started_at,
        detection=detection,
    )
    client, group = scene.target.client("logs"), scene.target.output("PagerLogGroup")
    wanted = {"outcome": "counted", "detection": detection, "principal": page.body["principal"]}

    def look() -> dict[str, Any] | None:
        pages = client.get_paginator("filter_log_events").paginate(logGroupName=group, filterPattern='"counted"')
        for line in (json.loads(event["message"]) for found in pages for event in found["events"]):
            if all(line.get(key) == value for key, value in wanted.items()):
                return dict(line)
        return None

    counted = wait_for(look, seconds=scene.target.patience_seconds, what=f"a counted alert of {detection} in {group}")
    pages = sum(
        message.body.get("detection") == detection and message.body["principal"] == page.body["principal"]
        for message in scene.inbox.messages
    )
    if pages != 1:
        raise EvidenceMissing(f"two alerts of {detection} by one actor made {pages} pages")
    return Evidence(
        row="grouped alerts",
        seen=f"2 alerts of {detection} in the hour from {page.body['hour'][-2:]}:00 UTC, 1 page; the other is counted",
        proof=counted["event_id"],
        read_with="logs:FilterLogEvents, sqs:ReceiveMessage",
        made_by=scene.target.made_by(EXTENDED),
    )


def sigma_rules(scene: Scene) -> Evidence:
    """Which of the rules of the user's own Sigma folders told of the intruder."""
    assert scene.intrusion is not None
    names = scene.target.output("SigmaRules").split(",")
    # Its own rules tell of what the demo does not do: none of them has to come.
    fired = [
        message.body
        for message in scene.inbox.messages
        if message.body.get("detection") in names and message.received_at >= scene.intrusion.started_at
    ]
    told = Counter(page["detection"] for page in fired)
    said = ", ".join(f"{name} told of {count}" for name, count in sorted(told.items()))
    return Evidence(
        row="your Sigma rules",
        seen=f"{len(names)} deployed: {said or 'none is about what the demo does'}",
        proof=fired[0]["event_id"] if fired else scene.target.output("SigmaRules"),
        read_with="sqs:ReceiveMessage",
        made_by=scene.target.made_by(EXTENDED),
        lines=tuple(page["summary"] for page in fired),
    )


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


def _techniques(page: dict[str, Any]) -> str:
    return " ".join(technique["id"] for technique in page["techniques"])


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
