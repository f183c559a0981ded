"""CloudWatch Logs of the embedded AWS: filter patterns, metrics out of log events, and Logs Insights."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from raytrail.localaws import LocalAws

pytestmark = pytest.mark.local

Event = dict[str, Any]


class Group:
    """A log group with one stream."""

    def __init__(self, local_aws: LocalAws, name: str, **settings: Any) -> None:
        self.logs = local_aws.client("logs")
        self.name = name
        self.logs.create_log_group(logGroupName=name, **settings)
        self.logs.create_log_stream(logGroupName=name, logStreamName="stream")

    def put(self, *messages: str | Event, at: datetime | None = None, apart: float = 1.0) -> None:
        """Store messages, ``apart`` seconds from each other, the last of them ``at`` (now)."""
        last = (at or datetime.now(UTC)).timestamp()
        events = [
            {
                "timestamp": int((last - (len(messages) - 1 - n) * apart) * 1000),
                "message": message if isinstance(message, str) else json.dumps(message),
            }
            for n, message in enumerate(messages)
        ]
        self.logs.put_log_events(logGroupName=self.name, logStreamName="stream", logEvents=events)

    def query(self, query: str, **settings: Any) -> dict[str, Any]:
        end = int(time.time()) + 60
        settings = {"logGroupName": self.name, "startTime": end - 7200, "endTime": end} | settings
        id = self.logs.start_query(queryString=query, **settings)["queryId"]
        return dict(self.logs.get_query_results(queryId=id))

    def rows(self, query: str, **settings: Any) -> list[dict[str, str]]:
        """The rows of a query, without the pointers."""
        return [
            {field["field"]: field["value"] for field in row if field["field"] != "@ptr"}
            for row in self.query(query, **settings)["results"]
        ]


@pytest.fixture
def group(local_aws: LocalAws) -> Group:
    return Group(local_aws, f"/test/{uuid.uuid4().hex[:8]}")


@pytest.fixture
def function_group(local_aws: LocalAws) -> Group:
    return Group(local_aws, f"/aws/lambda/{uuid.uuid4().hex[:8]}")


@pytest.fixture
def logs(local_aws: LocalAws) -> Any:
    return local_aws.client("logs")


@pytest.fixture
def namespace() -> str:
    return f"Test/{uuid.uuid4().hex[:8]}"


# --- filter patterns: the examples of FilterAndPatternSyntax ---
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html

THREE_LINES = ["ERROR WARN message", "ERROR message", "WARN message"]
TRAIL = json.dumps(
    {
        "eventType": "UpdateTrail",
        "sourceIPAddress": "111.111.111.111",
        "arrayKey": ["value", "another value"],
        "objectList": [{"name": "a", "id": 1}, {"name": "b", "id": 2}],
        "SomeObject": None,
        "ThisFlag": True,
    }
)
PEOPLE = json.dumps(
    {
        "user": {"id": 1, "email": "John.Stiles@example.com"},
        "users": [{"id": 2, "email": "John.Doe@example.com"}, {"id": 3, "email": "Jane.Doe@example.com"}],
        "actions": ["GET", "PUT", "DELETE"],
        "coordinates": [[0, 1, 2], [4, 5, 6], [7, 8, 9]],
    }
)
NUMBERS = json.dumps(
    {"latency": 1001, "numbers": [0.005], "processes": [0, 0, 0, 0, {"averageRuntime": 55.5}], "errorCode": 400}
)
ACCESS = [
    '127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET /apache_pb.gif HTTP/1.0" 200 1534',
    '127.0.0.1 - frank [10/Oct/2000:13:35:22 -0700] "GET /apache_pb.gif HTTP/1.0" 500 5324',
    '127.0.0.1 - frank [10/Oct/2000:13:50:35 -0700] "GET /apache_pb.gif HTTP/1.0" 200 4355',
]
INDEX = '127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534'


def matching(logs: Any, pattern: str, messages: list[str]) -> list[int]:
    """The numbers, from 1, of the messages that match."""
    found = logs.test_metric_filter(filterPattern=pattern, logEventMessages=messages)["matches"]
    return [match["eventNumber"] for match in found]


@pytest.mark.parametrize(
    ("pattern", "messages", "expected"),
    [
        # "Matching Terms in Log Events"
        ("ERROR", ["[ERROR] A fatal exception has occurred", "Exiting with ERRORCODE: -1"], [1, 2]),
        ('"ERROR" -"Exiting"', ["[ERROR] A fatal exception has occurred", "Exiting with ERRORCODE: -1"], [1]),
        (
            "ERROR Exception",
            ["[ERROR] Caught IllegalArgumentException", "[ERROR] Unhandled Exception", "ERROR"],
            [1, 2],
        ),
        (
            '"Failed to process the request"',
            [
                "[WARN] Failed to process the request",
                "[ERROR] Unable to continue: Failed to process the request",
                "the",
            ],
            [1, 2],
        ),
        ("error", ["[ERROR] case matters"], []),
        ("", ["anything"], [1]),
        # "OR Pattern Matching"
        ("ERROR", THREE_LINES, [1, 2]),
        ("?ERROR ?WARN", THREE_LINES, [1, 2, 3]),
        ("ERROR WARN", THREE_LINES, [1]),
        ("ERROR -WARN", THREE_LINES, [2]),
        ("[w1=ERROR, w2]", THREE_LINES, [2]),
        ("[w1=ERROR || w1=WARN, w2]", THREE_LINES, [2, 3]),
        ("{$.foo = bar}", ['{"foo": "bar"}', '{"foo": "baz"}'], [1]),
        ("{$.foo = baz }", ['{"foo": "bar"}', '{"foo": "baz"}'], [2]),
        ("{$.foo = bar || $.foo = baz }", ['{"foo": "bar"}', '{"foo": "baz"}'], [1, 2]),
        # "JSON Metric Filter Examples"
        ('{ $.eventType = "UpdateTrail" }', [TRAIL], [1]),
        ("{ $.sourceIPAddress != 123.123.* }", [TRAIL, '{"sourceIPAddress": "123.123.1.1"}'], [1]),
        ('{ $.arrayKey[0] = "value" }', [TRAIL, '{"arrayKey": "value"}'], [1]),
        ("{ $.objectList[1].id = 2 }", [TRAIL, '{"objectList": {"1": {"id": 2}}}', '{"objectList": [1, 2]}'], [1]),
        ("{ $.SomeObject IS NULL }", [TRAIL, "{}", '{"SomeObject": 0}'], [1]),
        ("{ $.SomeOtherObject NOT EXISTS }", [TRAIL, '{"SomeOtherObject": null}'], [1]),
        ("{ $.ThisFlag IS TRUE }", [TRAIL, '{"ThisFlag": false}', '{"ThisFlag": "true"}'], [1]),
        ("{ $.name = *Event }", [f'{{"name": "{name}"}}' for name in ("PutEvent", "GetEvent", "EventId")], [1, 2]),
        ("{ $.name = Event* }", [f'{{"name": "{name}"}}' for name in ("EventId", "EventName", "PutEvent")], [1, 2]),
        ("{ $.name = Ev*ent }", ['{"name": "Ev*ent"}', '{"name": "Event"}'], [1]),
        # "JSON Compound Conditions"
        ('{ ($.user.id = 1) && ($.users[0].email = "John.Doe@example.com") }', [PEOPLE], [1]),
        ('{ ($.user.id = 2 && $.users[0].email = "nonmatch") || $.actions[2] = "GET" }', [PEOPLE], []),
        (
            '{ $.user.email = "John.Stiles@example.com" || $.coordinates[0][1] = nonmatch && $.actions[2] = nomatch }',
            [PEOPLE],
            [1],
        ),
        (
            '{ ($.user.email = "John.Stiles@example.com" || $.coordinates[0][1] = nonmatch)'
            " && $.actions[2] = nomatch }",
            [PEOPLE],
            [],
        ),
        # "JSON Special Considerations"
        ("{$.users = 1}", ['{"users": [1, 2, 3]}'], []),
        ("{$.users != 1}", ['{"users": [1, 2, 3]}'], []),
        # "Numeric Comparisons"
        ("{ $.latency >= 500 }", [NUMBERS], [1]),
        ("{ $.numbers[0] < 10e3 }", [NUMBERS], [1]),
        ("{ $.numbers[0] < 10e-3 }", [NUMBERS], [1]),
        ("{ $.processes[4].averageRuntime <= 55.5 }", [NUMBERS], [1]),
        ("{ $.errorCode = 400 }", [NUMBERS], [1]),
        ("{ $.errorCode != 500 }", [NUMBERS], [1]),
        ("{ $.latency > +1000 }", [NUMBERS], [1]),
        ("{ $.latency > 1001 }", [NUMBERS, '{"latency": "slow"}', "not json"], []),
        ("{ $.latency = * }", [NUMBERS, '{"other": 1}'], [1]),
        # "Using Metric Filters to Extract Values from Space-Delimited Log Events"
        ("[ip, user, username, timestamp, request, status_code, bytes > 1000]", ACCESS, [1, 2, 3]),
        ("[ip, user, username, timestamp, request, status_code = 200, bytes]", ACCESS, [1, 3]),
        ("[ip, user, username, timestamp, request, status_code = 4*, bytes]", [*ACCESS, INDEX], [4]),
        ("[ip, user, username, timestamp, request = *html*, status_code = 4*, bytes]", [*ACCESS, INDEX], [4]),
        ("[ip, user, username, timestamp, request, status_code = 4* && bytes > 1000]", [*ACCESS, INDEX], [4]),
        ("[ip, user, username, timestamp, request, status_code = 4* && status_code != 403, bytes]", [INDEX], [1]),
        ("[..., status_code = 5*, bytes]", ACCESS, [2]),
        ("[ip = 127.*, user, ...]", [*ACCESS, "10.0.0.1 - frank"], [1, 2, 3]),
        ("[ip, user]", ACCESS, []),
        # Regular expressions, which stand between percent signs.
        ("%ERR[0-9]+%", ["an ERR42", "an ERROR"], [1]),
        ("{ $.status = %4[0-9]{2}% }", ['{"status": "404"}', '{"status": "200"}'], [1]),
        ("[..., status_code=%4|5%, bytes]", ACCESS, [2]),
        # What CIS asks of a trail's log group.
        (
            '{ ($.errorCode = "*UnauthorizedOperation") || ($.errorCode = "AccessDenied*") }',
            [
                '{"errorCode": "Client.UnauthorizedOperation"}',
                '{"errorCode": "AccessDeniedException"}',
                '{"errorCode": "AccessDenied"}',
                '{"errorCode": "NoSuchBucket"}',
                '{"eventName": "GetObject"}',
            ],
            [1, 2, 3],
        ),
        (
            '{ $.userIdentity.type = "Root" && $.userIdentity.invokedBy NOT EXISTS'
            ' && $.eventType != "AwsServiceEvent" }',
            [
                '{"userIdentity": {"type": "Root"}, "eventType": "AwsApiCall"}',
                '{"userIdentity": {"type": "Root", "invokedBy": "aws"}, "eventType": "AwsApiCall"}',
                '{"userIdentity": {"type": "Root"}, "eventType": "AwsServiceEvent"}',
            ],
            [1],
        ),
    ],
)
def test_filter_patterns_match_what_aws_documents(
    logs: Any, pattern: str, messages: list[str], expected: list[int]
) -> None:
    assert matching(logs, pattern, messages) == expected


def test_a_filter_extracts_the_fields_that_aws_documents(logs: Any) -> None:
    (match,) = logs.test_metric_filter(
        filterPattern="[..., request=*.html*, status_code=4*,]", logEventMessages=[INDEX]
    )["matches"]
    assert match["eventMessage"] == INDEX
    assert match["extractedValues"] == {
        "$status_code": "404",
        "$request": "GET /index.html HTTP/1.0",
        "$7": "1534",
        "$4": "10/Oct/2000:13:25:15 -0700",
        "$3": "frank",
        "$2": "-",
        "$1": "127.0.0.1",
    }
    (match,) = logs.test_metric_filter(filterPattern="{ $.users[0].id = 2 }", logEventMessages=[PEOPLE])["matches"]
    assert match["extractedValues"] == {"$.users[0].id": "2"}


@pytest.mark.parametrize(
    "pattern",
    [
        "user@example.com",
        "{ $.a = }",
        "{ $.a = 1",
        "{ a = 1 }",
        "{ $.a > abc }",
        "{ ($.a = 1 }",
        "[a, b",
        "[..., a, ...]",
        "[a = 1 || b = 2]",
        "%some(thing)%",
        "%something!%",
    ],
)
def test_a_pattern_that_aws_refuses_is_refused_everywhere(group: Group, pattern: str) -> None:
    transformation = {"metricName": "m", "metricNamespace": "N", "metricValue": "1"}
    calls: list[Callable[[], Any]] = [
        lambda: group.logs.test_metric_filter(filterPattern=pattern, logEventMessages=["x"]),
        lambda: group.logs.filter_log_events(logGroupName=group.name, filterPattern=pattern),
        lambda: group.logs.put_metric_filter(
            logGroupName=group.name, filterName="f", filterPattern=pattern, metricTransformations=[transformation]
        ),
    ]
    for call in calls:
        with pytest.raises(ClientError) as refused:
            call()
        assert refused.value.response["Error"]["Code"] == "InvalidParameterException"
    assert group.logs.describe_metric_filters(logGroupName=group.name)["metricFilters"] == []


def test_filtering_log_events_uses_the_same_patterns(group: Group) -> None:
    group.put({"level": "ERROR", "n": 1}, {"level": "INFO", "n": 2}, "level ERROR, but no JSON")
    found = group.logs.filter_log_events(logGroupName=group.name, filterPattern='{ $.level = "ERROR" }')["events"]
    assert [json.loads(event["message"])["n"] for event in found] == [1]
    assert found[0]["logStreamName"] == "stream"


# --- metrics out of log events ---


def sums(local_aws: LocalAws, namespace: str, name: str, statistic: str = "Sum", **dimensions: str) -> float | None:
    points = local_aws.client("cloudwatch").get_metric_statistics(
        Namespace=namespace,
        MetricName=name,
        Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
        Period=24 * 3600,
        Statistics=[statistic],
        StartTime=datetime.now(UTC) - timedelta(days=2),
        EndTime=datetime.now(UTC) + timedelta(days=1),
    )["Datapoints"]
    return sum(point[statistic] for point in points) if points else None


def put_filter(group: Group, pattern: str, namespace: str, **transformation: Any) -> None:
    group.logs.put_metric_filter(
        logGroupName=group.name,
        filterName=f"filter-{uuid.uuid4().hex[:8]}",
        filterPattern=pattern,
        metricTransformations=[{"metricName": "m", "metricNamespace": namespace, "metricValue": "1", **transformation}],
    )


def test_a_metric_filter_counts_what_matches_from_then_on(local_aws: LocalAws, group: Group, namespace: str) -> None:
    group.put("ERROR before")
    put_filter(group, "ERROR", namespace)
    group.put("ERROR one", "fine", "ERROR two")
    assert sums(local_aws, namespace, "m") == 2.0


def test_a_metric_filter_publishes_values_with_their_unit_and_dimensions(
    local_aws: LocalAws, group: Group, namespace: str
) -> None:
    dimensions = {"Route": "$.route", "Method": "$.http.method"}
    put_filter(
        group, "{ $.latency = * }", namespace, metricValue="$.latency", unit="Milliseconds", dimensions=dimensions
    )
    for latency in (10, 30):
        group.put({"latency": latency, "route": "/a", "http": {"method": "GET"}})
    group.put({"latency": 500, "route": "/b", "http": {"method": "GET"}})
    # Without a value for a dimension, or with one that is no number, nothing is published.
    group.put({"latency": 7, "route": "/a"}, {"latency": "slow", "route": "/a", "http": {"method": "GET"}})
    assert sums(local_aws, namespace, "m", Route="/a", Method="GET") == 40.0
    assert sums(local_aws, namespace, "m", Route="/b", Method="GET") == 500.0
    found = local_aws.client("cloudwatch").list_metrics(Namespace=namespace)["Metrics"]
    assert len(found) == 2
    point = local_aws.client("cloudwatch").get_metric_statistics(
        Namespace=namespace,
        MetricName="m",
        Dimensions=[{"Name": "Route", "Value": "/b"}, {"Name": "Method", "Value": "GET"}],
        Period=3600,
        Statistics=["Sum"],
        StartTime=datetime.now(UTC) - timedelta(hours=2),
        EndTime=datetime.now(UTC) + timedelta(hours=1),
    )["Datapoints"][0]
    assert point["Unit"] == "Milliseconds"


def test_a_space_delimited_filter_publishes_a_column(local_aws: LocalAws, group: Group, namespace: str) -> None:
    put_filter(group, "[..., status_code = 200, bytes]", namespace, metricValue="$bytes")
    group.put(*ACCESS)
    assert sums(local_aws, namespace, "m") == 1534.0 + 4355.0


def test_the_default_value_stands_for_what_does_not_match(local_aws: LocalAws, group: Group, namespace: str) -> None:
    # "If there are no matches … the Default Value of 0 is used for both log records": changing-default-increment-value
    put_filter(group, "ERROR", namespace, defaultValue=0.0)
    assert sums(local_aws, namespace, "m") is None
    group.put("fine", "fine too")
    assert sums(local_aws, namespace, "m") == 0.0
    assert sums(local_aws, namespace, "m", "SampleCount") == 2.0


def test_a_value_counts_at_the_time_of_its_log_event(local_aws: LocalAws, group: Group, namespace: str) -> None:
    put_filter(group, "ERROR", namespace)
    at = datetime.now(UTC).replace(second=30, microsecond=0) - timedelta(minutes=90)
    group.put("ERROR late", at=at)
    (point,) = local_aws.client("cloudwatch").get_metric_statistics(
        Namespace=namespace,
        MetricName="m",
        Period=60,
        Statistics=["Sum"],
        StartTime=at - timedelta(minutes=5),
        EndTime=at + timedelta(minutes=5),
    )["Datapoints"]
    assert point["Timestamp"] == at.replace(second=0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"metricValue": "lots"}, "Invalid metric value"),
        ({"dimensions": {"A": "$.a"}, "defaultValue": 0}, "mutually exclusive"),
        ({"dimensions": {name: f"$.{name}" for name in "abcd"}}, "at most 3 dimensions"),
    ],
)
def test_a_transformation_that_aws_refuses_is_refused(
    group: Group, namespace: str, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ClientError, match=message):
        put_filter(group, "ERROR", namespace, **changes)


def test_a_log_group_has_at_most_100_metric_filters(group: Group, namespace: str) -> None:
    for _ in range(100):
        put_filter(group, "ERROR", namespace)
    with pytest.raises(ClientError, match="LimitExceeded"):
        put_filter(group, "ERROR", namespace)


def test_infrequent_access_refuses_what_it_lacks(local_aws: LocalAws, namespace: str) -> None:
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CloudWatch_Logs_Log_Classes.html
    cheap = Group(local_aws, f"/test/{uuid.uuid4().hex[:8]}", logGroupClass="INFREQUENT_ACCESS")
    with pytest.raises(ClientError, match="INFREQUENT_ACCESS"):
        put_filter(cheap, "ERROR", namespace)
    with pytest.raises(ClientError, match="INFREQUENT_ACCESS"):
        cheap.logs.put_subscription_filter(
            logGroupName=cheap.name, filterName="f", filterPattern="", destinationArn="arn:aws:lambda:::function:f"
        )
    with pytest.raises(ClientError, match="INFREQUENT_ACCESS"):
        cheap.logs.filter_log_events(logGroupName=cheap.name)
    with pytest.raises(ClientError, match="INFREQUENT_ACCESS"):
        cheap.logs.get_log_events(logGroupName=cheap.name, logStreamName="stream")
    cheap.put(embedded(namespace, {"time": 100, "functionVersion": "$LATEST"}))
    assert sums(local_aws, namespace, "time", functionVersion="$LATEST") is None
    assert cheap.rows("stats count(*) as n") == [{"n": "1"}]


def test_log_groups_send_their_own_metrics(local_aws: LocalAws, group: Group) -> None:
    group.put("four", "more")
    assert sums(local_aws, "AWS/Logs", "IncomingLogEvents", LogGroupName=group.name) == 2.0
    assert sums(local_aws, "AWS/Logs", "IncomingBytes", LogGroupName=group.name) == 2 * (4 + 26)


# --- embedded metrics ---
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html


def embedded(namespace: str, members: dict[str, Any], **directive: Any) -> Event:
    """The example of the specification, with changes."""
    about = {
        "Namespace": namespace,
        "Dimensions": [["functionVersion"]],
        "Metrics": [{"Name": "time", "Unit": "Milliseconds"}],
        **directive,
    }
    return {"_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [about]}, **members}


def test_an_embedded_metric_is_published(local_aws: LocalAws, group: Group, namespace: str) -> None:
    group.put(embedded(namespace, {"functionVersion": "$LATEST", "time": 100, "requestId": "989ffbf8"}))
    assert sums(local_aws, namespace, "time", functionVersion="$LATEST") == 100.0
    (metric,) = local_aws.client("cloudwatch").list_metrics(Namespace=namespace)["Metrics"]
    assert metric["Dimensions"] == [{"Name": "functionVersion", "Value": "$LATEST"}]


def test_each_dimension_set_makes_a_metric_and_arrays_many_values(
    local_aws: LocalAws, group: Group, namespace: str
) -> None:
    members = {"time": [1, 2, 3.5], "size": 9, "service": "orders", "stage": "prod"}
    directive = {
        "Dimensions": [[], ["service"], ["service", "stage"]],
        "Metrics": [{"Name": "time"}, {"Name": "size", "Unit": "Bytes"}],
    }
    group.put(embedded(namespace, members, **directive))
    for dimensions in ({}, {"service": "orders"}, {"service": "orders", "stage": "prod"}):
        assert sums(local_aws, namespace, "time", **dimensions) == 6.5
        assert sums(local_aws, namespace, "time", "SampleCount", **dimensions) == 3.0
        assert sums(local_aws, namespace, "size", **dimensions) == 9.0


def test_lambda_may_put_something_before_the_document(
    local_aws: LocalAws, function_group: Group, namespace: str
) -> None:
    document = json.dumps(embedded(namespace, {"functionVersion": "1", "time": 5}))
    function_group.put(f"2026-01-01T00:00:00.000Z\t11111111-2222-3333-4444-555555555555\tINFO\t{document}")
    assert sums(local_aws, namespace, "time", functionVersion="1") == 5.0


@pytest.mark.parametrize(
    ("members", "directive"),
    [
        ({"functionVersion": "1"}, {}),
        ({"time": 5}, {}),
        ({"functionVersion": 1, "time": 5}, {}),
        ({"functionVersion": "1", "time": "5"}, {}),
        ({"functionVersion": "1", "time": True}, {}),
        ({"functionVersion": "1", "time": list(range(101))}, {}),
        ({"functionVersion": "1", "a": {"time": 5}}, {"Metrics": [{"Name": "a.time"}]}),
        ({"functionVersion": "1", "time": 5}, {"Metrics": [{"Name": "time"}] * 101}),
    ],
    ids=[
        "no metric target",
        "no dimension target",
        "a dimension that is a number",
        "a metric that is text",
        "a metric that is a boolean",
        "101 values",
        "a nested target",
        "101 metrics",
    ],
)
def test_a_document_that_breaks_the_specification_publishes_nothing(
    local_aws: LocalAws, group: Group, namespace: str, members: dict[str, Any], directive: dict[str, Any]
) -> None:
    group.put(embedded(namespace, members, **directive))
    assert local_aws.client("cloudwatch").list_metrics(Namespace=namespace)["Metrics"] == []


# --- Logs Insights ---
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax.html

REQUEST = "11111111-2222-3333-4444-555555555555"
REPORT = (
    f"REPORT RequestId: {REQUEST}\tDuration: 12.34 ms\tBilled Duration: 13 ms\tMemory Size: 128 MB\t"
    "Max Memory Used: 30 MB\tInit Duration: 300.5 ms\t\n"
    "XRAY TraceId: 1-5e1b4151-5ac6c58b1a2b3c4d5e6f7081\tSegmentId: 3d5f\tSampled: true\t"
)


@pytest.fixture
def orders(group: Group) -> Group:
    """Six events, a minute apart: the last is the newest."""
    group.put(
        {"level": "INFO", "route": "/a", "ms": 10, "status": 200, "user": {"name": "ann"}, "tags": ["x", "y"]},
        {"level": "INFO", "route": "/a", "ms": 20, "status": 200, "user": {"name": "bob"}},
        {"level": "ERROR", "route": "/a", "ms": 90, "status": 500, "user": {"name": "ann"}, "error": "TimeoutError"},
        {"level": "INFO", "route": "/b", "ms": 30, "status": 200, "user": {"name": "cy"}, "cached": True},
        {"level": "WARN", "route": "/b", "ms": 50, "status": 404, "user": {"name": "ann"}, "note": "  "},
        "a line that is not JSON",
        apart=60,
    )
    return group


def test_without_fields_a_row_is_the_time_and_the_message_newest_first(orders: Group) -> None:
    found = orders.query("filter ms > 20")
    assert [[field["field"] for field in row] for row in found["results"]] == [["@timestamp", "@message", "@ptr"]] * 3
    assert [json.loads(row[1]["value"])["ms"] for row in found["results"]] == [50, 30, 90]
    assert datetime.strptime(found["results"][0][0]["value"], "%Y-%m-%d %H:%M:%S.%f")
    assert found["status"] == "Complete"


def test_the_statistics_say_what_was_scanned_and_what_matched(orders: Group) -> None:
    found = orders.query('filter level = "INFO" | stats count(*) by route | limit 1')
    messages = orders.logs.filter_log_events(logGroupName=orders.name)["events"]
    assert len(found["results"]) == 1
    assert found["statistics"]["recordsMatched"] == 3.0
    assert found["statistics"]["recordsScanned"] == 6.0
    assert found["statistics"]["bytesScanned"] == float(sum(len(event["message"]) for event in messages))


def test_a_pointer_leads_to_its_log_record(orders: Group) -> None:
    (row,) = orders.query('fields level | filter error = "TimeoutError"')["results"]
    record = orders.logs.get_log_record(logRecordPointer=row[-1]["value"])["logRecord"]
    assert json.loads(record["@message"])["error"] == "TimeoutError"


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ('level = "ERROR"', [90]),
        ("level = 'ERROR'", [90]),
        ('level != "INFO" and ispresent(ms)', [90, 50]),
        ("status >= 400 and status < 500", [50]),
        ("ms = 90 or (ms > 40 and ms < 60)", [90, 50]),
        ("not (status = 200) and ispresent(ms)", [90, 50]),
        ('status in [404, 500] and level in ["ERROR", "WARN"]', [90, 50]),
        ('level not in ["INFO"] and ispresent(ms)', [90, 50]),
        ('error like "Timeout"', [90]),
        ("error like /Timeout/", [90]),
        ("error =~ /(?i)timeout/", [90]),
        ("error =~ /^(?i)timeouterror$/", [90]),
        ("@message not like /ms/ and ispresent(ms)", []),
        ("route like /\\/b/ and level not like /WARN/", [30]),
        ('user.name = "ann"', [10, 90, 50]),
        ('tags.1 = "y"', [10]),
        ("ispresent(error)", [90]),
        ("isblank(note) and ms = 50", [50]),
        ("isempty(note) and ms = 50", []),
        ("cached = 1", [30]),
        ("strcontains(user.name, 'c')", [30]),
        ("abs(ms - 100) = 10", [90]),
        ("ms / 10 % 2 = 0 # even tens", [20]),
    ],
)
def test_filter_keeps_the_rows_for_which_its_condition_holds(
    orders: Group, condition: str, expected: list[int]
) -> None:
    assert orders.rows(f"filter {condition}\n| fields ms | sort @timestamp asc") == [{"ms": str(ms)} for ms in expected]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        # "Arithmetic Operations"
        ("2 ^ 3", "8"),
        ("10 % 3", "1"),
        ("1 + 2 * 3 - 4 / 2", "5"),
        ("10 / 4", "2.5"),
        ("2 / 3", "0.6667"),
        # "Numeric Operations"
        ("abs(0 - 5)", "5"),
        ("ceil(1.2)", "2"),
        ("floor(1.8)", "1"),
        ("greatest(1, 3, 2)", "3"),
        ("least(1, 3, 2)", "1"),
        ("sqrt(16)", "4"),
        ("log(1)", "0"),
        # "String Functions"
        ('ltrim("xyZfooxyZ","xyZ")', "fooxyZ"),
        ('rtrim("xyZfooxyZ","xyZ")', "xyZfoo"),
        ('trim("xyZfooxyZ","xyZ")', "foo"),
        ('substr("xyZfooxyZ",3, 3)', "foo"),
        ('replace("foo","o","0")', "f00"),
        ('strcontains("foobar", "oba")', "1"),
        ('strlen("four")', "4"),
        ('toupper("a")', "A"),
        ('tolower("A")', "a"),
        ('concat("a", 1, "b")', "a1b"),
        ("coalesce(nothing, level)", "WARN"),
        ("ispresent(nothing)", "0"),
        # IP addresses
        ('isIpv4InSubnet("10.0.1.7", "10.0.0.0/16")', "1"),
        ('isValidIpv6("10.0.1.7")', "0"),
        # "Datetime Functions"
        ("datefloor(fromMillis(5400000), 1h)", "1970-01-01 01:00:00.000"),
        ("dateceil(fromMillis(5400000), 1h)", "1970-01-01 02:00:00.000"),
        ("toMillis(fromMillis(5400000))", "5400000"),
    ],
)
def test_functions_give_what_aws_documents(orders: Group, expression: str, expected: str) -> None:
    assert orders.rows(f"filter ms = 50 | fields {expression} as value") == [{"value": expected}]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("stats count(*)", [{"count(*)": "6"}]),
        ("stats count(error) as errors, count(*) as all", [{"errors": "1", "all": "6"}]),
        (
            "stats sum(ms), avg(ms), min(ms), max(ms)",
            [{"sum(ms)": "200", "avg(ms)": "40", "min(ms)": "10", "max(ms)": "90"}],
        ),
        ("stats pct(ms, 50) as p50, pct(ms,100) as p100", [{"p50": "30", "p100": "90"}]),
        ("stats count_distinct(user.name) as users", [{"users": "3"}]),
        ("stats earliest(ms) as first, latest(ms) as last", [{"first": "10", "last": "50"}]),
        (
            "filter ispresent(route) | stats avg(ms) as mean by route | sort route asc",
            [{"route": "/a", "mean": "40"}, {"route": "/b", "mean": "40"}],
        ),
        (
            "filter ispresent(ms) | stats count(*) as n by route, status > 399 as failed | sort n desc, route, failed",
            [
                {"route": "/a", "failed": "0", "n": "2"},
                {"route": "/a", "failed": "1", "n": "1"},
                {"route": "/b", "failed": "0", "n": "1"},
                {"route": "/b", "failed": "1", "n": "1"},
            ],
        ),
        (
            "filter ispresent(ms) | stats sum(status >= 500) / count(*) * 100 as error_rate by route | sort route asc",
            [{"route": "/a", "error_rate": "33.3333"}, {"route": "/b", "error_rate": "0"}],
        ),
        ("stats max(ms) as worst by route | filter worst > 80", [{"route": "/a", "worst": "90"}]),
        (
            "filter ispresent(ms) | stats count(*) as n by user.name | stats max(n) as most, count(*) as users",
            [{"most": "3", "users": "3"}],
        ),
        ("filter ms > 1000 | stats count(*)", []),
    ],
)
def test_stats_aggregates(orders: Group, query: str, expected: list[dict[str, str]]) -> None:
    assert orders.rows(query) == expected


def test_bin_groups_by_the_start_of_the_period(group: Group) -> None:
    noon = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    for minute in (1, 4, 6):
        group.put("x", at=noon - timedelta(hours=1) + timedelta(minutes=minute))
    at = (noon - timedelta(hours=1)).strftime("%Y-%m-%d %H:")
    assert group.rows("stats count(*) as n by bin(5m) | sort `bin(5m)` asc") == [
        {"bin(5m)": f"{at}00:00.000", "n": "2"},
        {"bin(5m)": f"{at}05:00.000", "n": "1"},
    ]
    assert group.rows("stats count(*) as n by bin(1h) as hour") == [{"hour": f"{at}00:00.000", "n": "3"}]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("fields ms | sort ms desc | limit 2", [{"ms": "90"}, {"ms": "50"}]),
        ("filter ispresent(ms) | sort level asc, ms desc | fields ms | limit 2", [{"ms": "90"}, {"ms": "30"}]),
        ("fields ms | limit 3", [{}, {"ms": "50"}, {"ms": "30"}]),
        ("fields ms, level | filter ms = 10 | display level", [{"level": "INFO"}]),
        ("fields ms * 2 as twice | filter twice = 20", [{"twice": "20"}]),
        ("fields `user.name` | filter ms = 10", [{"user.name": "ann"}]),
        (
            "filter ispresent(level) | fields level, ms | sort ms desc | dedup level",
            [{"level": "ERROR", "ms": "90"}, {"level": "WARN", "ms": "50"}, {"level": "INFO", "ms": "30"}],
        ),
        ("fields error, ms | sort ms asc | filter ms < 25 | dedup error", [{"ms": "10"}, {"ms": "20"}]),
    ],
)
def test_rows_are_sorted_limited_shown_and_made_unique(
    orders: Group, query: str, expected: list[dict[str, str]]
) -> None:
    assert orders.rows(query) == expected


def test_parse_takes_fields_out_of_text(group: Group) -> None:
    # The two examples of CWL_QuerySyntax.
    group.put(
        "user=ann, method:GET, latency := 12",
        "user=bob, method:PUT, latency := 30",
        "user=ann, method:GET, latency := 20",
    )
    glob = 'parse @message "user=*, method:*, latency := *" as @user, @method, @latency'
    assert group.rows(f"{glob} | stats avg(@latency) by @method, @user | sort @user asc") == [
        {"@method": "GET", "@user": "ann", "avg(@latency)": "16"},
        {"@method": "PUT", "@user": "bob", "avg(@latency)": "30"},
    ]
    group.put("1286536309.450 921 TCP_MISS/200 507 squid.example.com:8080 -")
    pattern = r"/(?<time>[0-9]{10}\.[0-9]{1,3}) .* (?<code>[A-Z_]+\/[0-9]{3}) .*(?<url>[a-z.]+\.com:[0-9]{1,5})/"
    assert group.rows(f"parse @message {pattern} | filter ispresent(code) | display time, code") == [
        {"time": "1286536309.450", "code": "TCP_MISS/200"}
    ]


def test_the_fields_of_lambda_are_discovered(function_group: Group) -> None:
    function_group.put(
        f"START RequestId: {REQUEST} Version: $LATEST",
        f'[INFO]\t2026-01-01T00:00:00.000Z\t{REQUEST}\torder {{"id": 7, "items": [{{"sku": "a"}}]}} done',
        f"END RequestId: {REQUEST}",
        REPORT,
    )
    # The query that CWL_QuerySyntax-examples gives for over-provisioned memory.
    memory = (
        'filter @type = "REPORT" | stats max(@memorySize / 1000 / 1000) as provisionedMemoryMB, '
        "max(@maxMemoryUsed / 1000 / 1000) as maxMemoryUsedMB, provisionedMemoryMB - maxMemoryUsedMB as over"
    ).rpartition(",")[0]
    assert function_group.rows(memory) == [{"provisionedMemoryMB": "128", "maxMemoryUsedMB": "30"}]
    report = 'filter @type = "REPORT" | display @requestId, @duration, @billedDuration, @initDuration, @xrayTraceId'
    assert function_group.rows(report) == [
        {
            "@requestId": REQUEST,
            "@duration": "12.34",
            "@billedDuration": "13",
            "@initDuration": "300.5",
            "@xrayTraceId": "1-5e1b4151-5ac6c58b1a2b3c4d5e6f7081",
        }
    ]
    assert function_group.rows(f'filter @requestId = "{REQUEST}" | stats count(*) as lines') == [{"lines": "4"}]
    assert function_group.rows("filter id = 7 | fields items.0.sku") == [{"items.0.sku": "a"}]


def test_a_query_may_read_several_groups_and_names_each(local_aws: LocalAws, group: Group) -> None:
    other = Group(local_aws, f"{group.name}-other")
    group.put("one")
    other.put("two", "three")
    account = local_aws.config.account_id
    arns = [f"arn:aws:logs:us-east-1:{account}:log-group:{each.name}" for each in (group, other)]
    id = group.logs.start_query(
        logGroupIdentifiers=arns,
        startTime=int(time.time()) - 600,
        endTime=int(time.time()) + 60,
        queryString="stats count(*) as n by @log, @logStream | sort n asc",
    )["queryId"]
    results = group.logs.get_query_results(queryId=id)["results"]
    assert [[field["value"] for field in row] for row in results] == [
        [f"{account}:{group.name}", "stream", "1"],
        [f"{account}:{other.name}", "stream", "2"],
    ]


def test_only_events_in_the_range_are_scanned(group: Group) -> None:
    group.put("old", at=datetime.now(UTC) - timedelta(hours=1))
    group.put("new")
    end = int(time.time()) + 1
    found = group.query("stats count(*) as n", startTime=end - 600, endTime=end)
    assert found["results"] == [[{"field": "n", "value": "1"}]]
    assert found["statistics"]["recordsScanned"] == 1.0


@pytest.mark.parametrize(
    ("query", "symbol"),
    [
        ("bogus x", "bogus"),
        ("fields @message | pattern @message", "pattern"),
        ("fields @message |", "end of query"),
        ("fields", "end of query"),
        ("filter level == 'x'", "="),
        ("filter (level = 'x'", "end of query"),
        ("filter level like", "end of query"),
        ("stats nothing(ms)", "Invalid function: nothing"),
        ("filter count(*) > 1", "Invalid function: count"),
        ("fields strlen()", "Invalid arguments for function: strlen"),
        ("stats ms", "stats needs an aggregate function"),
        ("limit 10001", "limit takes a number"),
        ("limit many", "limit takes a number"),
        ("fields @message | dedup level | stats count(*)", "stats"),
        ("fields @message | parse /(?<a>x)/ as b", "names its own fields"),
        ('parse @message "a*b*" as one', "number of fields"),
        ("parse @message /(unnamed)/", "named group"),
        ("filter @message like /(/", "invalid regular expression"),
        ("fields ms; drop", ";"),
        ("", "end of query"),
    ],
)
def test_a_query_that_is_not_understood_is_refused(orders: Group, query: str, symbol: str) -> None:
    with pytest.raises(ClientError) as refused:
        # botocore itself refuses nothing of these.
        orders.query(query)
    assert refused.value.response["Error"]["Code"] == "MalformedQueryException"
    assert symbol in refused.value.response["Error"]["Message"]
    location = dict(refused.value.response)["queryCompileError"]["location"]
    assert 0 <= location["startCharOffset"] <= location["endCharOffset"] <= len(query)


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"logGroupName": "/not/there"}, "ResourceNotFoundException"),
        ({"queryLanguage": "SQL"}, "InvalidParameterException"),
        ({"endTime": 0}, "InvalidParameterException"),
        ({"limit": 10_001}, "InvalidParameterException"),
    ],
)
def test_a_query_that_cannot_run_is_refused(group: Group, settings: dict[str, Any], code: str) -> None:
    with pytest.raises(ClientError) as refused:
        group.query("fields @message", **settings)
    assert refused.value.response["Error"]["Code"] == code


def test_the_limit_of_the_call_stands_where_the_query_has_none(orders: Group) -> None:
    assert len(orders.rows("fields ms", limit=2)) == 2
    assert len(orders.rows("fields ms | limit 3", limit=2)) == 3


def test_queries_that_ran_are_described(orders: Group) -> None:
    orders.query("fields ms")
    orders.query("fields level")
    found = orders.logs.describe_queries(logGroupName=orders.name)["queries"]
    assert {query["queryString"] for query in found} == {"fields ms", "fields level"}
    assert {query["status"] for query in found} == {"Complete"}


# --- saved queries, and what CloudFormation makes ---


def test_saved_queries_are_kept_found_changed_and_deleted(logs: Any) -> None:
    folder = f"raytrail-{uuid.uuid4().hex[:8]}"
    id = logs.put_query_definition(name=f"{folder}/errors", queryString="fields a", logGroupNames=["/a"])[
        "queryDefinitionId"
    ]
    logs.put_query_definition(name=f"{folder}/errors-2", queryString="fields b")
    (first, _) = logs.describe_query_definitions(queryDefinitionNamePrefix=f"{folder}/")["queryDefinitions"]
    assert (first["queryDefinitionId"], first["queryString"], first["logGroupNames"]) == (id, "fields a", ["/a"])
    logs.put_query_definition(queryDefinitionId=id, name=f"{folder}/errors", queryString="fields c")
    page = logs.describe_query_definitions(queryDefinitionNamePrefix=f"{folder}/", maxResults=1)
    assert [each["queryString"] for each in page["queryDefinitions"]] == ["fields c"]
    rest = logs.describe_query_definitions(
        queryDefinitionNamePrefix=f"{folder}/", maxResults=1, nextToken=page["nextToken"]
    )
    assert [each["queryString"] for each in rest["queryDefinitions"]] == ["fields b"]
    assert "nextToken" not in rest
    assert logs.delete_query_definition(queryDefinitionId=id)["success"] is True
    with pytest.raises(ClientError, match="ResourceNotFound"):
        logs.delete_query_definition(queryDefinitionId=id)


def template(folder: str, group: str) -> dict[str, Any]:
    return {
        "Resources": {
            "Group": {
                "Type": "AWS::Logs::LogGroup",
                "Properties": {
                    "LogGroupName": group,
                    "RetentionInDays": 30,
                    "LogGroupClass": "STANDARD",
                    "Tags": [{"Key": "team", "Value": "sre"}],
                },
            },
            "Errors": {
                "Type": "AWS::Logs::MetricFilter",
                "Properties": {
                    "LogGroupName": {"Ref": "Group"},
                    "FilterName": "errors",
                    "FilterPattern": '{ $.level = "ERROR" }',
                    "ApplyOnTransformedLogs": False,
                    "MetricTransformations": [
                        {
                            "MetricName": "errors",
                            "MetricNamespace": folder,
                            "MetricValue": "1",
                            "Unit": "Count",
                            "Dimensions": [{"Key": "Route", "Value": "$.route"}],
                        }
                    ],
                },
            },
            "Policy": {
                "Type": "AWS::Logs::ResourcePolicy",
                "Properties": {"PolicyName": folder, "PolicyDocument": '{"Version": "2012-10-17", "Statement": []}'},
            },
            "Query": {
                "Type": "AWS::Logs::QueryDefinition",
                "Properties": {
                    "Name": f"{folder}/errors",
                    "QueryString": "stats count(*) by bin(5m)",
                    "LogGroupNames": [{"Ref": "Group"}],
                },
            },
        },
        "Outputs": {
            "Ref": {"Value": {"Ref": "Query"}},
            "Id": {"Value": {"Fn::GetAtt": ["Query", "QueryDefinitionId"]}},
        },
    }


def test_cloudformation_makes_changes_and_deletes_what_belongs_to_logs(local_aws: LocalAws, logs: Any) -> None:
    cloudformation = local_aws.client("cloudformation")
    stack = f"logs-{uuid.uuid4().hex[:8]}"
    name = f"/test/{stack}"
    body = template(stack, name)
    cloudformation.create_stack(StackName=stack, TemplateBody=json.dumps(body))
    cloudformation.get_waiter("stack_create_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})
    outputs = {
        output["OutputKey"]: output["OutputValue"]
        for output in cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["Outputs"]
    }
    try:
        (saved,) = logs.describe_query_definitions(queryDefinitionNamePrefix=stack)["queryDefinitions"]
        assert outputs == {"Ref": saved["queryDefinitionId"], "Id": saved["queryDefinitionId"]}
        assert saved["logGroupNames"] == [name]
        (made,) = logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
        assert (made["retentionInDays"], made["logGroupClass"]) == (30, "STANDARD")
        arn = f"arn:aws:logs:us-east-1:{local_aws.config.account_id}:log-group:{name}"
        assert logs.list_tags_for_resource(resourceArn=arn)["tags"]["team"] == "sre"
        (metric_filter,) = logs.describe_metric_filters(logGroupName=name)["metricFilters"]
        assert metric_filter["applyOnTransformedLogs"] is False
        (transformation,) = metric_filter["metricTransformations"]
        assert (transformation["unit"], transformation["dimensions"]) == ("Count", {"Route": "$.route"})
        assert stack in [policy["policyName"] for policy in logs.describe_resource_policies()["resourcePolicies"]]

        body["Resources"]["Query"]["Properties"]["QueryString"] = "stats count(*) by bin(1h)"
        cloudformation.update_stack(StackName=stack, TemplateBody=json.dumps(body))
        cloudformation.get_waiter("stack_update_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})
        (changed,) = logs.describe_query_definitions(queryDefinitionNamePrefix=stack)["queryDefinitions"]
        assert changed["queryDefinitionId"] == saved["queryDefinitionId"]
        assert changed["queryString"] == "stats count(*) by bin(1h)"
    finally:
        cloudformation.delete_stack(StackName=stack)
        cloudformation.get_waiter("stack_delete_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})
    assert logs.describe_query_definitions(queryDefinitionNamePrefix=stack)["queryDefinitions"] == []
    assert logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"] == []
    assert stack not in [policy["policyName"] for policy in logs.describe_resource_policies()["resourcePolicies"]]


def test_a_stack_does_not_take_over_a_log_group_that_exists(local_aws: LocalAws, group: Group) -> None:
    group.put("precious")
    cloudformation = local_aws.client("cloudformation")
    stack = f"logs-{uuid.uuid4().hex[:8]}"
    resource = {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": group.name}}
    cloudformation.create_stack(
        StackName=stack, TemplateBody=json.dumps({"Resources": {"Group": resource}}), OnFailure="DO_NOTHING"
    )
    with pytest.raises(Exception, match="CREATE_FAILED"):
        cloudformation.get_waiter("stack_create_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})
    reasons = [
        event.get("ResourceStatusReason", "")
        for event in cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
    ]
    assert any("already exists" in reason for reason in reasons), reasons
    assert [event["message"] for event in group.logs.filter_log_events(logGroupName=group.name)["events"]] == [
        "precious"
    ]
