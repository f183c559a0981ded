"""Tells the channel of alerts: once for each actor, detection and hour.

Messages come from a queue, each at least once. An alert that could not be handled stays in the queue, and after five
tries goes to the dead-letter queue; those that came with it are not affected.

It runs alone in its function: Python's own library, boto3, and the files beside it, under the names that they have in
this package; nothing else of the package is there.
"""

from __future__ import annotations

import json
import os
import time
import traceback
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from raytrail.detection.handlers.pager.alert import Alert
from raytrail.detection.handlers.pager.page import message_of
from raytrail.detection.handlers.pager.state import Pages
from raytrail.detection.handlers.pager.suppress import Suppressions, TagsOfCallers

# The function has half a minute for ten messages: a call that hangs must not take it all.
_CALLS = Config(connect_timeout=2, read_timeout=4, retries={"mode": "standard", "total_max_attempts": 2})
RESERVE_MILLISECONDS = 10_000
"""With less time left, a message is not begun but comes again."""


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Handle a batch of the queue, and name what is to come again."""
    failed = []
    for message in event["Records"]:
        try:
            if context.get_remaining_time_in_millis() < RESERVE_MILLISECONDS:
                raise TimeoutError("no time is left for this alert in this run")
            handle(Alert.read(message["body"]), message["messageId"], context)
        except Exception as error:  # the rest of the batch must not come again for it
            failed.append({"itemIdentifier": message["messageId"]})
            _log("Failed", message=message["messageId"], error=repr(error), trace=traceback.format_exc())
    return {"batchItemFailures": failed}


def handle(alert: Alert, message: str, context: Any) -> None:
    """Page, count or suppress one alert."""
    now, pages = time.time(), _pages()
    told = {"detection": alert.name, "event_id": alert.event_id, "principal": alert.principal, "hour": alert.hour}
    account = context.invoked_function_arn.split(":")[4]
    reason = _suppressions(account).of(alert, datetime.fromtimestamp(now, UTC).date())
    if reason is not None:
        _log("Suppressed", **told, reason=reason)
        return
    new = pages.count(alert, now)
    if not pages.claim(alert, message, now):
        _log("Counted" if new else "Repeated", **told)
        return
    try:
        earlier = pages.earlier(alert) if pages.grouped else None
        _sns().publish(TopicArn=os.environ["TOPIC_ARN"], **message_of(alert, earlier, grouped=pages.grouped))
    except BaseException:
        pages.give_up(alert, message)
        raise
    pages.told(alert)
    _log("Paged", **told)


@cache
def _sns() -> Any:
    return boto3.client("sns", config=_CALLS)


@cache
def _iam() -> Any:
    return boto3.client("iam", config=_CALLS)


@cache
def _pages() -> Pages:
    table = boto3.resource("dynamodb", config=_CALLS).Table(os.environ["TABLE_NAME"])
    return Pages(table, grouped=os.environ["GROUPED"] == "true")


@cache
def _suppressions(account: str) -> Suppressions:
    documents = json.loads(Path(__file__).with_name("suppressions.json").read_text(encoding="utf-8"))
    tags = TagsOfCallers(_iam, account, lambda text: print(json.dumps({"warning": text})))
    return Suppressions(documents, tags)


def _log(outcome: str, **told: Any) -> None:
    """Write a line that is also a metric.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
    """
    metrics = {
        "Timestamp": int(time.time() * 1000),
        "CloudWatchMetrics": [
            {
                "Namespace": os.environ["METRIC_NAMESPACE"],
                "Dimensions": [[]],
                "Metrics": [{"Name": outcome, "Unit": "Count"}],
            }
        ],
    }
    print(json.dumps({"outcome": outcome.lower(), **told, outcome: 1, "_aws": metrics}))
