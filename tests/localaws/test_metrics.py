"""Metrics of the embedded AWS: what services send, and what CloudWatch's reading operations answer."""

from __future__ import annotations

import io
import json
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import pytest
from botocore.exceptions import ClientError

from raytrail.localaws._metrics._catalog import CATALOG, PAGES

if TYPE_CHECKING:
    from raytrail.localaws import LocalAws

pytestmark = pytest.mark.local

PATIENCE_SECONDS = 20.0
HANDLER = """
import json, os, boto3

def handler(event, context):
    name = (event.get("queryStringParameters") or {}).get("do", "") if "httpMethod" in event else event.get("do")
    if name == "crash":
        raise RuntimeError("on purpose")
    if name == "write":
        table = boto3.client("dynamodb", endpoint_url=os.environ["AWS_ENDPOINT_URL"])
        table.put_item(TableName=event["table"], Item={"id": {"S": "x" * 1500}})
    status = {"refuse": 404}.get(name, 200)
    return {"statusCode": status, "body": json.dumps({"did": name})}
"""


def eventually(get: Callable[[], Any], wanted: Callable[[Any], bool]) -> Any:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        found = get()
        if wanted(found) or time.monotonic() > deadline:
            return found
        time.sleep(0.1)


@pytest.fixture
def namespace() -> str:
    return f"Test/{uuid.uuid4().hex[:8]}"


@pytest.fixture
def cloudwatch(local_aws: LocalAws) -> Any:
    return local_aws.client("cloudwatch")


def now() -> datetime:
    return datetime.now(UTC)


def span() -> dict[str, datetime]:
    return {"StartTime": now() - timedelta(hours=3), "EndTime": now() + timedelta(minutes=2)}


def total(cloudwatch: Any, namespace: str, name: str, statistic: str = "Sum", **dimensions: str) -> float | None:
    """One statistic over everything that a metric has."""
    points = cloudwatch.get_metric_statistics(
        Namespace=namespace,
        MetricName=name,
        Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
        Period=24 * 3600,
        Statistics=[statistic],
        StartTime=now() - timedelta(days=2),
        EndTime=now() + timedelta(days=1),
    )["Datapoints"]
    return sum(point[statistic] for point in points) if points else None


@dataclass(frozen=True)
class Service:
    """A function behind a stage of a REST API."""

    function: str
    arn: str
    api: str
    api_id: str
    port: int
    endpoint: str

    def call(self, do: str, *, by_host: bool = False) -> int:
        path = f"/v1/thing?do={do}" if by_host else f"/restapis/{self.api_id}/v1/_user_request_/thing?do={do}"
        host = {"Host": f"{self.api_id}.execute-api.127.0.0.1:{self.port}"} if by_host else {}
        try:
            with urllib.request.urlopen(urllib.request.Request(self.endpoint + path, headers=host)) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code


@pytest.fixture
def service(local_aws: LocalAws) -> Service:
    awslambda, gateway = local_aws.client("lambda"), local_aws.client("apigateway")
    name = f"fn-{uuid.uuid4().hex[:8]}"
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("index.py", HANDLER)
    arn = awslambda.create_function(
        FunctionName=name,
        Runtime="python3.12",
        Handler="index.handler",
        Role="arn:aws:iam::111122223333:role/anything",
        Code={"ZipFile": package.getvalue()},
        Timeout=30,
    )["FunctionArn"]
    awslambda.get_waiter("function_active_v2").wait(FunctionName=name)
    api = f"api-{uuid.uuid4().hex[:8]}"
    api_id = gateway.create_rest_api(name=api)["id"]
    root = gateway.get_resources(restApiId=api_id)["items"][0]["id"]
    resource = gateway.create_resource(restApiId=api_id, parentId=root, pathPart="thing")["id"]
    method = {"restApiId": api_id, "resourceId": resource, "httpMethod": "GET"}
    gateway.put_method(**method, authorizationType="NONE")
    uri = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{arn}/invocations"
    gateway.put_integration(**method, type="AWS_PROXY", integrationHttpMethod="POST", uri=uri)
    gateway.create_deployment(restApiId=api_id, stageName="v1")
    return Service(name, arn, api, api_id, local_aws.config.port, local_aws.endpoint)


# --- what services send ---


@pytest.mark.parametrize("by_host", [False, True], ids=["by path", "by host"])
def test_each_request_to_a_stage_is_counted_by_its_outcome(cloudwatch: Any, service: Service, by_host: bool) -> None:
    statuses = [service.call(do, by_host=by_host) for do in ("go", "go", "refuse", "crash")]
    assert statuses == [200, 200, 404, 502]
    for dimensions in ({"ApiName": service.api}, {"ApiName": service.api, "Stage": "v1"}):
        found = {
            name: total(cloudwatch, "AWS/ApiGateway", name, **dimensions) for name in ("Count", "4XXError", "5XXError")
        }
        assert found == {"Count": 4.0, "4XXError": 1.0, "5XXError": 1.0}
        # "The Average statistic represents the 5XXError error rate": what did not fail counts as 0.
        assert total(cloudwatch, "AWS/ApiGateway", "5XXError", "Average", **dimensions) == 0.25
        latency = total(cloudwatch, "AWS/ApiGateway", "Latency", "Maximum", **dimensions)
        integration = total(cloudwatch, "AWS/ApiGateway", "IntegrationLatency", "Maximum", **dimensions)
        assert latency is not None
        assert integration is not None
        assert latency >= integration > 0


def test_a_request_that_reaches_no_method_has_no_integration_latency(cloudwatch: Any, service: Service) -> None:
    url = f"{service.endpoint}/restapis/{service.api_id}/v1/_user_request_/nowhere"
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(url)
    assert total(cloudwatch, "AWS/ApiGateway", "4XXError", ApiName=service.api) == 1.0
    assert total(cloudwatch, "AWS/ApiGateway", "IntegrationLatency", ApiName=service.api) is None


def test_detailed_metrics_are_sent_by_method_where_the_stage_asks_for_them(
    local_aws: LocalAws, cloudwatch: Any, service: Service
) -> None:
    detailed = {"ApiName": service.api, "Method": "GET", "Resource": "/thing", "Stage": "v1"}
    service.call("go")
    assert total(cloudwatch, "AWS/ApiGateway", "Count", **detailed) is None
    change = {"op": "replace", "path": "/*/*/metrics/enabled", "value": "true"}
    local_aws.client("apigateway").update_stage(restApiId=service.api_id, stageName="v1", patchOperations=[change])
    service.call("go")
    assert total(cloudwatch, "AWS/ApiGateway", "Count", **detailed) == 1.0


def test_each_invocation_is_counted_once_however_it_came(
    local_aws: LocalAws, cloudwatch: Any, service: Service
) -> None:
    awslambda = local_aws.client("lambda")
    service.call("go")
    service.call("crash")
    awslambda.invoke(FunctionName=service.function, Payload=b"{}")
    assert "FunctionError" in awslambda.invoke(FunctionName=service.function, Payload=b'{"do": "crash"}')
    awslambda.invoke(FunctionName=service.function, InvocationType="Event", Payload=b"{}")
    eventually(
        lambda: total(cloudwatch, "AWS/Lambda", "Invocations", FunctionName=service.function), lambda n: n == 5.0
    )
    for dimensions in ({}, {"Resource": service.function}):
        found = {
            name: total(cloudwatch, "AWS/Lambda", name, FunctionName=service.function, **dimensions)
            for name in ("Invocations", "Errors", "Throttles")
        }
        assert found == {"Invocations": 5.0, "Errors": 2.0, "Throttles": 0.0}
    duration = total(cloudwatch, "AWS/Lambda", "Duration", "SampleCount", FunctionName=service.function)
    assert duration == 5.0
    concurrent = total(cloudwatch, "AWS/Lambda", "ConcurrentExecutions", "Maximum", FunctionName=service.function)
    assert concurrent is not None
    assert concurrent >= 1.0


def test_a_throttled_invocation_is_neither_an_invocation_nor_an_error(
    local_aws: LocalAws, cloudwatch: Any, service: Service
) -> None:
    awslambda = local_aws.client("lambda")
    awslambda.put_function_concurrency(FunctionName=service.function, ReservedConcurrentExecutions=0)
    with pytest.raises(ClientError, match="TooManyRequests"):
        awslambda.invoke(FunctionName=service.function, Payload=b"{}")
    throttles = total(cloudwatch, "AWS/Lambda", "Throttles", FunctionName=service.function)
    assert throttles is not None
    assert throttles >= 1.0
    assert total(cloudwatch, "AWS/Lambda", "Invocations", FunctionName=service.function) is None


@pytest.fixture
def table(local_aws: LocalAws) -> str:
    name = f"table-{uuid.uuid4().hex[:8]}"
    local_aws.client("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return name


def test_calls_to_a_table_send_latency_by_operation_and_consumed_capacity(
    local_aws: LocalAws, cloudwatch: Any, table: str
) -> None:
    dynamodb = local_aws.client("dynamodb")
    dynamodb.put_item(TableName=table, Item={"id": {"S": "small"}})
    dynamodb.put_item(TableName=table, Item={"id": {"S": "large"}, "body": {"S": "x" * 9000}})
    dynamodb.get_item(TableName=table, Key={"id": {"S": "small"}})
    dynamodb.get_item(TableName=table, Key={"id": {"S": "large"}}, ConsistentRead=True)
    dynamodb.scan(TableName=table)

    def count(operation: str) -> float | None:
        dimensions = {"TableName": table, "Operation": operation}
        return total(cloudwatch, "AWS/DynamoDB", "SuccessfulRequestLatency", "SampleCount", **dimensions)

    assert [count(operation) for operation in ("PutItem", "GetItem", "Scan", "Query")] == [2.0, 2.0, 1.0, None]
    # One write unit for each started KB: 1, and 9 for 9,013 bytes.
    assert total(cloudwatch, "AWS/DynamoDB", "ConsumedWriteCapacityUnits", TableName=table) == 10.0
    # Half a unit for each started 4 KB, a whole one if consistent: 0.5, 3, and 1.5 for the scan.
    assert total(cloudwatch, "AWS/DynamoDB", "ConsumedReadCapacityUnits", TableName=table) == 5.0
    returned = total(cloudwatch, "AWS/DynamoDB", "ReturnedItemCount", TableName=table, Operation="Scan")
    assert returned == 2.0


def test_what_a_function_does_to_a_table_is_counted_too(
    local_aws: LocalAws, cloudwatch: Any, service: Service, table: str
) -> None:
    payload = json.dumps({"do": "write", "table": table}).encode()
    answer = local_aws.client("lambda").invoke(FunctionName=service.function, Payload=payload)
    assert "FunctionError" not in answer, answer["Payload"].read()
    dimensions = {"TableName": table, "Operation": "PutItem"}
    assert total(cloudwatch, "AWS/DynamoDB", "SuccessfulRequestLatency", "SampleCount", **dimensions) == 1.0
    assert total(cloudwatch, "AWS/DynamoDB", "ConsumedWriteCapacityUnits", TableName=table) == 2.0


def test_a_condition_that_fails_is_no_user_error(local_aws: LocalAws, cloudwatch: Any, table: str) -> None:
    dynamodb = local_aws.client("dynamodb")
    before = total(cloudwatch, "AWS/DynamoDB", "UserErrors") or 0.0
    dynamodb.put_item(TableName=table, Item={"id": {"S": "a"}})
    with pytest.raises(ClientError, match="ConditionalCheckFailed"):
        dynamodb.put_item(TableName=table, Item={"id": {"S": "a"}}, ConditionExpression="attribute_not_exists(id)")
    assert total(cloudwatch, "AWS/DynamoDB", "ConditionalCheckFailedRequests", TableName=table) == 1.0
    with pytest.raises(ClientError, match="ValidationException"):
        dynamodb.put_item(TableName=table, Item={"wrong": {"S": "a"}})
    assert (total(cloudwatch, "AWS/DynamoDB", "UserErrors") or 0.0) - before == 1.0


def test_messages_are_counted_where_they_are_published_and_where_they_arrive(
    local_aws: LocalAws, cloudwatch: Any
) -> None:
    sns, sqs = local_aws.client("sns"), local_aws.client("sqs")
    name = f"mail-{uuid.uuid4().hex[:8]}"
    topic = sns.create_topic(Name=name)["TopicArn"]
    queue = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn + "-that-is-not-there")
    sns.publish(TopicArn=topic, Message="one")
    sqs.send_message(QueueUrl=queue, MessageBody="two")
    batch = [{"Id": str(n), "MessageBody": "more"} for n in range(3)]
    sqs.send_message_batch(QueueUrl=queue, Entries=batch)

    sent = {
        name_: total(cloudwatch, "AWS/SNS", name_, TopicName=name)
        for name_ in ("NumberOfMessagesPublished", "NumberOfNotificationsDelivered", "NumberOfNotificationsFailed")
    }
    assert set(sent.values()) == {1.0}
    assert total(cloudwatch, "AWS/SQS", "NumberOfMessagesSent", QueueName=name) == 5.0

    def depth() -> float | None:
        return total(cloudwatch, "AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum", QueueName=name)

    assert eventually(depth, lambda found: found == 5.0) == 5.0


def test_every_metric_that_is_sent_is_in_the_catalog_with_its_unit_and_dimensions(
    cloudwatch: Any, service: Service
) -> None:
    service.call("go")
    pages = cloudwatch.get_paginator("list_metrics").paginate()
    sent = [metric for page in pages for metric in page["Metrics"] if metric["Namespace"] in PAGES]
    assert {metric["Namespace"] for metric in sent} >= {"AWS/ApiGateway", "AWS/Lambda", "AWS/Logs"}
    for metric in sent:
        entry = CATALOG[metric["Namespace"], metric["MetricName"]]
        assert {d["Name"] for d in metric["Dimensions"]} in [set(each) for each in entry.dimensions], metric
    datapoint = cloudwatch.get_metric_statistics(
        Namespace="AWS/Lambda",
        MetricName="Duration",
        Dimensions=[{"Name": "FunctionName", "Value": service.function}],
        Period=3600,
        Statistics=["Average"],
        **span(),
    )["Datapoints"][0]
    assert datapoint["Unit"] == "Milliseconds"


# --- what reading answers ---

BEGIN = (now() - timedelta(hours=1)).replace(minute=0, second=0, microsecond=0)
"""The start of a whole hour that is over."""


def publish(cloudwatch: Any, namespace: str, name: str, values: list[float | None], **changes: Any) -> None:
    """One value a minute, from BEGIN on."""
    data = [
        {"MetricName": name, "Value": value, "Timestamp": BEGIN + timedelta(minutes=minute), **changes}
        for minute, value in enumerate(values)
        if value is not None
    ]
    if data:
        cloudwatch.put_metric_data(Namespace=namespace, MetricData=data)


def stat(
    id: str, namespace: str, name: str, statistic: str = "Sum", period: int = 60, **changes: Any
) -> dict[str, Any]:
    metric = {"Namespace": namespace, "MetricName": name, **changes}
    return {"Id": id, "MetricStat": {"Metric": metric, "Period": period, "Stat": statistic}}


def read(
    cloudwatch: Any, queries: list[dict[str, Any]], minutes: int = 5, **changes: Any
) -> dict[str, list[float | None]]:
    """The values of each result by minute; None where it has none."""
    results = cloudwatch.get_metric_data(
        MetricDataQueries=queries, StartTime=BEGIN, EndTime=BEGIN + timedelta(minutes=minutes), **changes
    )["MetricDataResults"]
    found: dict[str, list[float | None]] = {}
    for result in results:
        by_minute = dict(zip(result["Timestamps"], result["Values"], strict=True))
        found[result["Id"]] = [by_minute.get(BEGIN + timedelta(minutes=minute)) for minute in range(minutes)]
    return found


def test_a_metric_is_read_by_period_and_statistic(cloudwatch: Any, namespace: str) -> None:
    publish(cloudwatch, namespace, "m", [1, 2, 3, 4, 5, 6])
    queries = [
        stat(id, namespace, "m", statistic, period=180)
        for id, statistic in (("s", "Sum"), ("a", "Average"), ("n", "SampleCount"), ("x", "Maximum"), ("p", "p50"))
    ]
    found = read(cloudwatch, queries, minutes=6)
    assert {id: (values[0], values[3]) for id, values in found.items()} == {
        "s": (6, 15),
        "a": (2, 5),
        "n": (3, 3),
        "x": (3, 6),
        "p": (2, 5),
    }


def test_results_come_newest_first_unless_asked_otherwise(cloudwatch: Any, namespace: str) -> None:
    publish(cloudwatch, namespace, "m", [1, 2, 3])
    query = {"MetricDataQueries": [stat("m1", namespace, "m")], **span()}
    (newest_first,) = cloudwatch.get_metric_data(**query)["MetricDataResults"]
    (oldest_first,) = cloudwatch.get_metric_data(**query, ScanBy="TimestampAscending")["MetricDataResults"]
    assert newest_first["Values"] == [3, 2, 1]
    assert oldest_first["Values"] == [1, 2, 3]
    assert oldest_first["Timestamps"][0] == BEGIN
    assert newest_first["StatusCode"] == "Complete"


def test_another_set_of_dimensions_is_another_metric(cloudwatch: Any, namespace: str) -> None:
    publish(cloudwatch, namespace, "m", [1])
    publish(cloudwatch, namespace, "m", [10], Dimensions=[{"Name": "a", "Value": "1"}])
    both = [{"Name": "a", "Value": "1"}, {"Name": "b", "Value": "2"}]
    publish(cloudwatch, namespace, "m", [100], Dimensions=both)
    queries = [
        stat("bare", namespace, "m"),
        stat("one", namespace, "m", Dimensions=both[:1]),
        stat("two", namespace, "m", Dimensions=both[::-1]),
    ]
    assert {id: values[0] for id, values in read(cloudwatch, queries).items()} == {"bare": 1, "one": 10, "two": 100}


def test_values_with_counts_and_statistic_sets_are_counted(cloudwatch: Any, namespace: str) -> None:
    at = {"Timestamp": BEGIN, "MetricName": "m"}
    cloudwatch.put_metric_data(
        Namespace=namespace,
        MetricData=[
            {**at, "Values": [1.0, 5.0], "Counts": [3.0, 1.0]},
            {**at, "StatisticValues": {"SampleCount": 2, "Sum": 20, "Minimum": 8, "Maximum": 12}},
        ],
    )
    names = ["SampleCount", "Sum", "Average", "Minimum", "Maximum"]
    (point,) = cloudwatch.get_metric_statistics(
        Namespace=namespace, MetricName="m", Period=60, Statistics=names, ExtendedStatistics=["p90"], **span()
    )["Datapoints"]
    assert [point[name] for name in names] == [6, 28, pytest.approx(28 / 6), 1, 12]
    # A statistic set of different values has no percentiles.
    assert "ExtendedStatistics" not in point


@pytest.mark.parametrize(
    ("statistic", "expected"),
    [
        ("p50", 50.5),
        ("p99", 99.01),
        ("p100", 100),
        ("tm90", 45.5),
        ("TM(10%:90%)", 50.5),
        ("tc90", 90),
        ("ts10", 55),
        ("wm98", pytest.approx(50.47)),
        ("PR(:10)", 10),
        ("TC(90:)", 10),
        ("IQR", 50.5),
    ],
)
def test_extended_statistics_are_what_their_definitions_say(
    cloudwatch: Any, namespace: str, statistic: str, expected: Any
) -> None:
    # Statistics-definitions: tm90 drops the 10 % highest, wm98 puts the 98th percentile in their place.
    values = [float(n) for n in range(1, 101)]
    datum = {"MetricName": "m", "Timestamp": BEGIN, "Values": values}
    cloudwatch.put_metric_data(Namespace=namespace, MetricData=[datum])
    assert read(cloudwatch, [stat("m1", namespace, "m", statistic)])["m1"][0] == expected


def test_listing_filters_by_dimension(cloudwatch: Any, namespace: str) -> None:
    for value in ("1", "2"):
        publish(cloudwatch, namespace, "m", [1], Dimensions=[{"Name": "a", "Value": value}])
    publish(cloudwatch, namespace, "other", [1])

    def names(**filters: Any) -> list[tuple[str, list[Any]]]:
        found = cloudwatch.list_metrics(Namespace=namespace, **filters)["Metrics"]
        return [(metric["MetricName"], [d["Value"] for d in metric["Dimensions"]]) for metric in found]

    assert names() == [("m", ["1"]), ("m", ["2"]), ("other", [])]
    assert names(MetricName="other") == [("other", [])]
    assert names(Dimensions=[{"Name": "a"}]) == [("m", ["1"]), ("m", ["2"])]
    assert names(Dimensions=[{"Name": "a", "Value": "2"}]) == [("m", ["2"])]


def test_the_query_protocol_reads_the_same(local_aws: LocalAws, cloudwatch: Any, namespace: str) -> None:
    publish(cloudwatch, namespace, "m", [4, 6], Dimensions=[{"Name": "a", "Value": "<1>"}])
    form = {
        "Action": "GetMetricData",
        "Version": "2010-08-01",
        "StartTime": BEGIN.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "EndTime": (BEGIN + timedelta(minutes=5)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "MetricDataQueries.member.1.Id": "m1",
        "MetricDataQueries.member.1.MetricStat.Metric.Namespace": namespace,
        "MetricDataQueries.member.1.MetricStat.Metric.MetricName": "m",
        "MetricDataQueries.member.1.MetricStat.Metric.Dimensions.member.1.Name": "a",
        "MetricDataQueries.member.1.MetricStat.Metric.Dimensions.member.1.Value": "<1>",
        "MetricDataQueries.member.1.MetricStat.Period": "60",
        "MetricDataQueries.member.1.MetricStat.Stat": "Sum",
        "MetricDataQueries.member.1.ReturnData": "false",
        "MetricDataQueries.member.2.Id": "e1",
        "MetricDataQueries.member.2.Expression": "m1 * 2",
        "MetricDataQueries.member.2.Label": "a < b",
    }

    def send(**changes: str) -> ElementTree.Element:
        credential = "AWS4-HMAC-SHA256 Credential=111122223333/20260101/us-east-1/monitoring/aws4_request"
        headers = {"Authorization": f"{credential}, SignedHeaders=host, Signature=0"}
        body = urllib.parse.urlencode(form | changes).encode()
        try:
            answer = urllib.request.urlopen(urllib.request.Request(local_aws.endpoint, body, headers))
        except urllib.error.HTTPError as error:
            answer = error
        return ElementTree.fromstring(answer.read())

    xml = {"cw": "http://monitoring.amazonaws.com/doc/2010-08-01/"}
    (result,) = send().findall(".//cw:MetricDataResults/cw:member", xml)
    assert [result.findtext(f"cw:{name}", namespaces=xml) for name in ("Id", "Label")] == ["e1", "a < b"]
    assert [value.text for value in result.findall("cw:Values/cw:member", xml)] == ["12.0", "8.0"]
    refused = send(**{"MetricDataQueries.member.2.Expression": "m1 *"})
    assert refused.findtext(".//cw:Code", namespaces=xml) == "ValidationError"


# --- metric math ---
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html

MISSING = None


@pytest.mark.parametrize(
    ("expression", "metrics", "expected"),
    [
        # The table below "Comparison and logical operators".
        ("metric1 < metric2", ([30, 20, 0, 0], [20, MISSING, 20, MISSING]), [0, 0, 1, 0]),
        ("metric1 >= 30", ([30, 20, 0, 0], []), [1, 0, 0, 0]),
        ("metric1 > 15 AND metric2 > 15", ([30, 20, 0, 0], [20, MISSING, 20, MISSING]), [1, 0, 0, 0]),
        # The three tables below "Using IF expressions".
        (
            "IF(metric1, metric2, metric3)",
            ([1, 1, 0, 0, MISSING], [30, MISSING, 0, 0, 30], [0, 0, 20, MISSING, 20]),
            [30, 0, 20, MISSING, MISSING],
        ),
        (
            "IF(metric1, 5, metric3)",
            ([1, 1, 0, 0, MISSING], [], [0, 0, 20, MISSING, 20]),
            [5, 5, 20, MISSING, MISSING],
        ),
        (
            "IF(metric1, metric2, 5)",
            ([1, 1, 0, 0, MISSING], [30, MISSING, 0, 0, 30]),
            [30, 0, 5, 5, MISSING],
        ),
        # "Missing values in a time series are treated as 0 … an attempt to divide by zero … is dropped."
        ("metric1 + metric2", ([1, MISSING, 3], [10, 20, MISSING]), [11, 20, 3]),
        ("metric1 / metric2 * 100", ([1, 1, MISSING], [4, MISSING, 2]), [25, MISSING, 0]),
        ("SUM(METRICS())", ([1, MISSING, 3], [10, 20, MISSING], [100]), [111, 20, 3]),
        ('SUM(METRICS("2"))', ([1], [10]), [10]),
        ("AVG([metric1, metric2])", ([1, 3], [MISSING, 5]), [0.5, 4]),
        ("MAX([metric1, metric2])", ([1, 9], [2, 5]), [2, 9]),
        ("metric1 - AVG(metric1)", ([1, 3], []), [-1, 1]),
        ("2 ^ metric1", ([3], []), [8]),
        ("2 + 3 * metric1", ([2], []), [8]),
        ("FILL(metric1, 0)", ([1, MISSING, 3], []), [1, 0, 3]),
        ("FILL(metric1, REPEAT)", ([1, MISSING, 3], []), [1, 1, 3]),
        ("FILL(metric1, LINEAR)", ([1, MISSING, 3], []), [1, 2, 3]),
        ("DIFF(metric1)", ([1, 4, 9], []), [MISSING, 3, 5]),
        ("RATE(metric1)", ([0, 60, 180], []), [MISSING, 1, 2]),
        ("RUNNING_SUM(metric1)", ([1, 2, 3], []), [1, 3, 6]),
        ("metric1 / PERIOD(metric1)", ([60, 120], []), [1, 2]),
        ("CEIL(metric1 / 2) + FLOOR(metric1 / 2)", ([3], []), [3]),
        ("ABS(metric1 - metric2)", ([1], [4]), [3]),
        ("FIRST(SORT(METRICS(), MAX, DESC))", ([1, 2], [9, 1]), [9, 1]),
        ("IF(metric1 > 2, metric1)", ([1, 5], []), [MISSING, 5]),
        ("EPOCH(metric1) - EPOCH(metric1) + MINUTE(metric1)", ([1, 1, 1], []), [0, 1, 2]),
    ],
)
def test_metric_math_gives_what_aws_documents(
    cloudwatch: Any, namespace: str, expression: str, metrics: tuple[list[float | None], ...], expected: list[Any]
) -> None:
    queries: list[dict[str, Any]] = [{"Id": "e1", "Expression": expression}]
    for number, values in enumerate(metrics, 1):
        publish(cloudwatch, namespace, f"m{number}", values)
        queries.append({**stat(f"metric{number}", namespace, f"m{number}"), "ReturnData": False})
    assert read(cloudwatch, queries, minutes=len(expected))["e1"] == expected


def test_an_expression_may_stand_on_another(cloudwatch: Any, namespace: str) -> None:
    publish(cloudwatch, namespace, "m", [2, 4])
    queries: list[dict[str, Any]] = [
        {"Id": "rate", "Expression": "doubled / 8 * 100", "Label": "Rate"},
        {"Id": "doubled", "Expression": "m1 * 2", "ReturnData": False},
        {**stat("m1", namespace, "m"), "ReturnData": False},
    ]
    assert read(cloudwatch, queries, minutes=2) == {"rate": [50, 100]}


def test_an_array_of_series_is_one_result_each(cloudwatch: Any, namespace: str) -> None:
    publish(cloudwatch, namespace, "a", [1])
    publish(cloudwatch, namespace, "b", [2])
    queries = [
        {"Id": "e1", "Expression": "METRICS() * 10", "Label": "Ten times"},
        {**stat("m1", namespace, "a"), "ReturnData": False},
        {**stat("m2", namespace, "b"), "ReturnData": False},
    ]
    results = cloudwatch.get_metric_data(MetricDataQueries=queries, **span())["MetricDataResults"]
    found = [(result["Id"], result["Label"], result["Values"]) for result in results]
    assert found == [("e1", "Ten times a", [10]), ("e1", "Ten times b", [20])]


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("m1 +", "Unexpected 'end of expression'"),
        ("m1 & m2", "Unexpected character '&'"),
        ("m9 * 2", "Unknown id 'm9'"),
        ("SUM(m1)", "must be a time series"),
        ("SEARCH('{AWS/EC2} CPU', 'Sum')", "Unsupported function SEARCH"),
        ("ANOMALY_DETECTION_BAND(m1)", "Unsupported function ANOMALY_DETECTION_BAND"),
        ("e1 + 1", "refers to itself"),
        ("FILL(m1)", "Too few arguments"),
    ],
)
def test_an_expression_that_is_not_evaluated_is_refused(
    cloudwatch: Any, namespace: str, expression: str, message: str
) -> None:
    publish(cloudwatch, namespace, "m", [1])
    queries: list[dict[str, Any]] = [{"Id": "e1", "Expression": expression}, stat("m1", namespace, "m")]
    with pytest.raises(ClientError) as refused:
        read(cloudwatch, queries)
    assert refused.value.response["Error"]["Code"] == "ValidationError"
    assert message in refused.value.response["Error"]["Message"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"Statistics": None}, "InvalidParameterCombination"),
        ({"Statistics": None, "ExtendedStatistics": ["p101"]}, "InvalidParameterValue"),
        ({"StartTime": BEGIN + timedelta(days=3)}, "InvalidParameterValue"),
        ({"StartTime": BEGIN - timedelta(days=2)}, "InvalidParameterCombination"),
        ({"Period": 61}, "ValidationError"),
    ],
)
def test_get_metric_statistics_refuses_what_aws_refuses(cloudwatch: Any, changes: dict[str, Any], code: str) -> None:
    request = {"Namespace": "N", "MetricName": "m", "Period": 60, "Statistics": ["Sum"], **span(), **changes}
    with pytest.raises(ClientError) as refused:
        cloudwatch.get_metric_statistics(**{name: value for name, value in request.items() if value is not None})
    assert refused.value.response["Error"]["Code"] == code


@pytest.mark.parametrize(
    "query",
    [
        {"Id": "Upper", "Expression": "1"},
        {"Id": "m1"},
        stat("m1", "N", "m", "Median"),
        stat("m1", "N", "m", period=90),
    ],
)
def test_get_metric_data_refuses_what_aws_refuses(cloudwatch: Any, query: dict[str, Any]) -> None:
    with pytest.raises(ClientError) as refused:
        cloudwatch.get_metric_data(MetricDataQueries=[query], **span())
    assert refused.value.response["Error"]["Code"] == "ValidationError"


def test_a_dashboard_is_kept_as_its_template_has_it(local_aws: LocalAws, cloudwatch: Any) -> None:
    name, cloudformation = f"board-{uuid.uuid4().hex[:8]}", local_aws.client("cloudformation")
    body = json.dumps({"widgets": [{"type": "text", "properties": {"markdown": "# Hello"}}]})
    properties = {"DashboardName": name, "DashboardBody": body}
    template = {"Resources": {"Board": {"Type": "AWS::CloudWatch::Dashboard", "Properties": properties}}}
    cloudformation.create_stack(StackName=name, TemplateBody=json.dumps(template))
    cloudformation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    assert json.loads(cloudwatch.get_dashboard(DashboardName=name)["DashboardBody"]) == json.loads(body)
    cloudformation.delete_stack(StackName=name)
    cloudformation.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    with pytest.raises(ClientError, match="does not exist"):
        cloudwatch.get_dashboard(DashboardName=name)
