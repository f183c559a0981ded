"""Saved Logs Insights queries."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from aws_cdk import aws_logs as logs
from tests.synth import properties

from raytrail.errors import InvalidProps
from raytrail.logs import (
    ERRORS_BY_MESSAGE,
    FUNCTION_QUERIES,
    LINES_BY_TRACE,
    SLOWEST_INVOCATIONS,
    LogQuery,
    SavedLogQueries,
)


@pytest.mark.parametrize("name", ["", "x" * 256])
def test_a_name_has_1_to_255_characters(name):
    with pytest.raises(InvalidProps, match=f"name of a log query has 1 to 255 characters, got {len(name)}"):
        LogQuery(name=name, text="fields @message")


@pytest.mark.parametrize("text", ["", "x" * 10_001])
def test_a_text_has_1_to_10000_characters(text):
    with pytest.raises(InvalidProps, match=f"text of log query 'Errors' has 1 to 10000 characters, got {len(text)}"):
        LogQuery(name="Errors", text=text)


def test_the_longest_that_the_service_takes_is_taken():
    assert LogQuery(name="x" * 255, text="x" * 10_000)


def test_queries_are_saved_in_a_folder_for_their_log_groups(stack, template):
    group = logs.LogGroup.from_log_group_name(stack, "Group", "/aws/lambda/orders")
    saved = SavedLogQueries(
        stack,
        "Queries",
        folder="orders",
        log_groups=[group],
        queries=[LogQuery(name="All lines", text="fields @message")],
    )
    assert list(saved.queries) == ["All lines"]
    assert properties(template(), "AWS::Logs::QueryDefinition") == [
        {"Name": "orders/All lines", "QueryString": "fields @message", "LogGroupNames": ["/aws/lambda/orders"]}
    ]


def test_without_a_choice_the_queries_for_a_function_are_saved(stack, template):
    group = logs.LogGroup.from_log_group_name(stack, "Group", "/aws/lambda/orders")
    SavedLogQueries(stack, "Queries", folder="orders", log_groups=[group])
    saved = {each["Name"]: each["QueryString"] for each in properties(template(), "AWS::Logs::QueryDefinition")}
    assert saved == {f"orders/{query.name}": query.text for query in FUNCTION_QUERIES}


LINES = (
    '{"level": "INFO", "message": "order made", "xray_trace_id": "1-b"}',
    '{"level": "ERROR", "message": "no such table", "xray_trace_id": "1-a"}',
    '{"level": "ERROR", "message": "no such table", "xray_trace_id": "1-a"}',
    "REPORT RequestId: 26d87fb1\tDuration: 12.50 ms\tBilled Duration: 13 ms\tMemory Size: 512 MB",
    "REPORT RequestId: 9b1deb4d\tDuration: 900.00 ms\tBilled Duration: 900 ms\tMemory Size: 512 MB",
)
"""What a function that logs JSON leaves in its log group, Lambda's own report lines among it."""


@pytest.fixture(scope="module")
def ask(local_aws) -> Callable[[LogQuery], list[dict[str, str]]]:
    """Asks Logs Insights of the embedded AWS, which is this project's own, about `LINES`."""
    client, group = local_aws.client("logs"), "/test/saved-queries"
    client.create_log_group(logGroupName=group)
    client.create_log_stream(logGroupName=group, logStreamName="one")
    now = int(time.time() * 1000)
    events = [{"timestamp": now + index, "message": line} for index, line in enumerate(LINES)]
    client.put_log_events(logGroupName=group, logStreamName="one", logEvents=events)

    def run(query: LogQuery) -> list[dict[str, str]]:
        started = client.start_query(
            logGroupName=group, startTime=now // 1000 - 60, endTime=now // 1000 + 60, queryString=query.text
        )
        while (answer := client.get_query_results(queryId=started["queryId"]))["status"] in {"Scheduled", "Running"}:
            time.sleep(0.05)
        assert answer["status"] == "Complete"
        return [{cell["field"]: cell["value"] for cell in row} for row in answer["results"]]

    return run


@pytest.mark.local
def test_lines_are_listed_by_their_trace(ask):
    rows = ask(LINES_BY_TRACE)
    assert [(row["xray_trace_id"], row["level"]) for row in rows] == [
        ("1-a", "ERROR"),
        ("1-a", "ERROR"),
        ("1-b", "INFO"),
    ]


@pytest.mark.local
def test_errors_are_counted_by_their_message(ask):
    assert [(row["message"], row["errors"]) for row in ask(ERRORS_BY_MESSAGE)] == [("no such table", "2")]


@pytest.mark.local
def test_the_slowest_invocation_comes_first(ask):
    rows = ask(SLOWEST_INVOCATIONS)
    assert [(row["request_id"], float(row["duration_ms"])) for row in rows] == [("9b1deb4d", 900), ("26d87fb1", 12.5)]
