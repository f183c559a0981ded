"""Asks the lake what was detected in a window of time, and sends an alert for each event.

The window ends some time before the scheduled time, since CloudTrail delivers late, and begins where the one before it
ended: windows lie side by side, and each event is asked about once. A run that failed may be repeated, with the same
time: whoever takes the alerts knows those that it had.

It runs alone in its function: Python's own library, boto3, and the files beside it, under the names that they have in
this package; nothing else of the package is there.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from raytrail.detection.handlers.scheduled.alert import message_of
from raytrail.detection.handlers.scheduled.windows import Windows
from raytrail.sigma.window import DELIVERY, parameters

# Athena runs some 20 queries of an account at a time (https://docs.aws.amazon.com/athena/latest/ug/service-limits.html):
# these are not to be all of them.
_AT_ONCE = 4
_WAIT_SECONDS = (0.2, 0.5, 1.0, 2.0)
_RESERVE_SECONDS = 30
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
_BATCH = 10
_CALLS = Config(connect_timeout=5, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 5})


class QueryFailed(Exception):
    """A query ended without an answer."""


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Ask about the window that belongs to the scheduled time, and return how many alerts there were."""
    lag, period = (timedelta(minutes=int(os.environ[name])) for name in ("LAG_MINUTES", "PERIOD_MINUTES"))
    end = datetime.fromisoformat(event["time"]) - lag
    asked_for = _windows().of(end, period, datetime.now(UTC))
    start = asked_for.start
    deadline = time.monotonic() + context.get_remaining_time_in_millis() / 1000 - _RESERVE_SECONDS
    questions = _questions()
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        asked = [pool.submit(_ask, statement, start, end, deadline) for statement in questions["statements"]]
        errors = [str(error) for each in asked if (error := each.exception()) is not None]
    rows = [row for each in asked if each.exception() is None for row in each.result()]
    _send([message_of(row, questions["columns"], questions["detections"]) for row in rows])
    window = {"start": start.isoformat(), "end": end.isoformat()}
    if asked_for.unasked:
        window["unasked"] = f"the {asked_for.unasked} before it: invoke the function with an earlier time"
    print(json.dumps({**window, "alerts": len(rows), "statements": len(asked), "errors": errors}))
    if errors:
        raise QueryFailed(f"{len(errors)} of {len(asked)} statements failed: {'; '.join(errors)}")
    return {**window, "alerts": len(rows)}


def _ask(statement: dict[str, Any], start: datetime, end: datetime, deadline: float) -> list[list[str | None]]:
    """Run a statement, and return its rows."""
    # With a long lag, files of the window may lie under the day on which the function runs.
    delivery = max(DELIVERY, timedelta(minutes=int(os.environ["LAG_MINUTES"])))
    accounts = ", ".join(f"'{account}'" for account in os.environ["ACCOUNTS"].split(","))
    query = _athena().start_query_execution(
        QueryString=statement["sql"].replace("'${accounts}'", accounts),
        ExecutionParameters=parameters(start, end, before_seconds=statement["before_seconds"], delivery=delivery),
        QueryExecutionContext={"Catalog": "AwsDataCatalog", "Database": os.environ["DATABASE"]},
        WorkGroup=os.environ["WORKGROUP"],
    )["QueryExecutionId"]
    for seconds in _waits():
        status = _athena().get_query_execution(QueryExecutionId=query)["QueryExecution"]["Status"]
        if status["State"] == "SUCCEEDED":
            return list(_rows(query))
        if status["State"] in ("FAILED", "CANCELLED"):
            raise QueryFailed(
                f"{query} {status['State'].lower()}: {status.get('StateChangeReason', 'no reason given')}"
            )
        if time.monotonic() > deadline:
            _athena().stop_query_execution(QueryExecutionId=query)
            raise QueryFailed(f"{query} was stopped: the function's time is up")
        time.sleep(seconds)
    raise AssertionError("the waits do not end")


def _waits() -> Iterator[float]:
    yield from _WAIT_SECONDS
    while True:
        yield _WAIT_SECONDS[-1]


def _rows(query: str) -> Iterator[list[str | None]]:
    pages = _athena().get_paginator("get_query_results").paginate(QueryExecutionId=query)
    for number, page in enumerate(pages):
        # The first row names the columns.
        for row in page["ResultSet"]["Rows"][number == 0 :]:
            yield [datum.get("VarCharValue") for datum in row["Data"]]


def _send(messages: Sequence[str]) -> None:
    for first in range(0, len(messages), _BATCH):
        entries = [
            {"Id": str(number), "MessageBody": message}
            for number, message in enumerate(messages[first : first + _BATCH])
        ]
        refused = _sqs().send_message_batch(QueueUrl=os.environ["QUEUE_URL"], Entries=entries).get("Failed", [])
        if refused:
            raise RuntimeError(
                f"{len(refused)} alerts were not taken: {refused[0].get('Message') or refused[0]['Code']}"
            )


@cache
def _questions() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(__file__).with_name("questions.json").read_text(encoding="utf-8"))
    return found


@cache
def _windows() -> Windows:
    table = boto3.resource("dynamodb", config=_CALLS).Table(os.environ["TABLE_NAME"])
    return Windows(table, os.environ["SCHEDULE"])


@cache
def _athena() -> Any:
    return boto3.client("athena", config=_CALLS)


@cache
def _sqs() -> Any:
    return boto3.client("sqs", config=_CALLS)
