"""Rows of CloudWatch Logs."""

from __future__ import annotations

import json
import time
from typing import Any

from botocore.exceptions import ClientError

from raytrail.demo._evidence import Evidence, wait_for
from raytrail.demo._scene import EXTENDED, Scene
from raytrail.errors import EvidenceMissing


def logs(scene: Scene) -> Evidence:
    """The log lines of one trace."""
    target, trace_id = scene.target, scene.traffic.faulty[-1].trace_id
    client, group = target.client("logs"), target.output("FunctionLogGroup")

    def look() -> list[dict[str, str]] | None:
        query = client.start_query(
            logGroupName=group,
            startTime=int(scene.traffic.since.timestamp()) - 5,
            endTime=int(time.time()) + 5,
            queryString=(
                f'fields @timestamp, level, message | filter xray_trace_id = "{trace_id}" | sort @timestamp asc'
            ),
        )["queryId"]
        answer = wait_for(
            lambda: _finished(client.get_query_results(queryId=query)), seconds=30, what="the Logs Insights query"
        )
        rows = [{cell["field"]: cell["value"] for cell in row} for row in answer["results"]]
        return rows or None

    try:
        rows = wait_for(look, seconds=target.patience_seconds, what=f"log lines of trace {trace_id} in {group}")
    except ClientError as error:
        raise EvidenceMissing(f"the log group {group} cannot be queried: {error}") from error
    return Evidence(
        row="logs",
        seen=f"{len(rows)} lines of one trace",
        proof=trace_id,
        read_with="logs:StartQuery",
        made_by=target.made_by(EXTENDED),
        lines=tuple(f"{row.get('level', '')} {row.get('message', '')}" for row in rows),
    )


def alert_log(scene: Scene) -> Evidence:
    """The same event, whole, in the log group of alerts."""
    assert scene.intrusion is not None
    client, group = scene.target.client("logs"), scene.target.output("AlertLogGroup")

    def look() -> str | None:
        pages = client.get_paginator("filter_log_events").paginate(
            logGroupName=group, startTime=int(scene.intrusion.started_at * 1000) if scene.intrusion else 0
        )
        for page in pages:
            for event in page["events"]:
                detail = json.loads(event["message"]).get("detail", {})
                if detail.get("eventName") == "StopLogging":
                    return str(detail["eventID"])
        return None

    event_id = wait_for(look, seconds=scene.target.patience_seconds, what=f"the event StopLogging in {group}")
    return Evidence(
        row="alert log",
        seen=f"the whole event StopLogging in {group}",
        proof=event_id,
        read_with="logs:FilterLogEvents",
        made_by=scene.target.made_by(EXTENDED),
    )


def _finished(answer: dict[str, Any]) -> dict[str, Any] | None:
    return answer if answer["status"] in {"Complete", "Failed", "Cancelled", "Timeout"} else None
