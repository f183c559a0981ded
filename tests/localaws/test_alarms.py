"""Alarms of the embedded AWS, through CloudWatch's own API.

The tables of missing data are those of
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
"""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from raytrail.localaws import LocalAws

pytestmark = pytest.mark.local

HOUR = 3600
PATIENCE_SECONDS = 20.0

TREATMENTS = ("missing", "ignore", "breaching", "notBreaching")
RETAIN = "retain"
NO_DATA = "INSUFFICIENT_DATA"
THREE_OF_THREE = [
    ("0 - X - X", "OK", "OK", "OK", "OK"),
    ("0 - - - -", "OK", "OK", "OK", "OK"),
    ("- - - - -", NO_DATA, RETAIN, "ALARM", "OK"),
    ("0 X X - X", "ALARM", "ALARM", "ALARM", "ALARM"),
    ("- - X - -", "ALARM", RETAIN, "ALARM", "OK"),
    # The text below the table: a breach that young might be followed by good data.
    ("- - - - X", NO_DATA, RETAIN, "ALARM", "OK"),
    ("- - - X -", NO_DATA, RETAIN, "ALARM", "OK"),
]
TWO_OF_THREE = [
    ("0 - X - X", "ALARM", "ALARM", "ALARM", "ALARM"),
    ("0 0 X 0 X", "ALARM", "ALARM", "ALARM", "ALARM"),
    ("0 - X - -", "OK", "OK", "ALARM", "OK"),
    ("- - - - 0", "OK", "OK", "ALARM", "OK"),
    ("- - - X -", "ALARM", RETAIN, "ALARM", "OK"),
]
# The members, in their order, of a message that CloudWatch sent in September 2025.
MEMBERS_OF_THE_MESSAGE = [
    *("AlarmName", "AlarmDescription", "AWSAccountId", "AlarmConfigurationUpdatedTimestamp", "NewStateValue"),
    *("NewStateReason", "StateChangeTime", "Region", "AlarmArn", "OldStateValue", "OKActions", "AlarmActions"),
    *("InsufficientDataActions", "Trigger"),
]
MEMBERS_OF_THE_TRIGGER = [
    *("MetricName", "Namespace", "StatisticType", "Statistic", "Unit", "Dimensions", "Period", "EvaluationPeriods"),
    *("DatapointsToAlarm", "ComparisonOperator", "Threshold", "TreatMissingData", "EvaluateLowSampleCountPercentile"),
]


def eventually(get: Callable[[], Any], wanted: Callable[[Any], bool]) -> Any:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        found = get()
        if wanted(found) or time.monotonic() > deadline:
            return found
        time.sleep(0.1)


@pytest.fixture
def cloudwatch(local_aws: LocalAws) -> Iterator[Any]:
    client = local_aws.client("cloudwatch")
    before = set(names_of_alarms(client))
    yield client
    for name in names_of_alarms(client):
        if name not in before:
            client.delete_alarms(AlarmNames=[name])


def names_of_alarms(client: Any) -> list[str]:
    """Every alarm, composite ones first: an alarm that one of them needs cannot be deleted."""
    pages = list(client.get_paginator("describe_alarms").paginate(AlarmTypes=["CompositeAlarm", "MetricAlarm"]))
    kinds = ("CompositeAlarms", "MetricAlarms")
    return [alarm["AlarmName"] for kind in kinds for page in pages for alarm in page[kind]]


@pytest.fixture
def namespace() -> str:
    return f"Test/{uuid.uuid4().hex[:8]}"


@pytest.fixture
def inbox(local_aws: LocalAws) -> Inbox:
    return Inbox(local_aws)


class Inbox:
    """A topic, and a queue that receives what is published there."""

    def __init__(self, local_aws: LocalAws) -> None:
        sns, self._sqs = local_aws.client("sns"), local_aws.client("sqs")
        name = f"inbox-{uuid.uuid4().hex[:8]}"
        self.topic = sns.create_topic(Name=name)["TopicArn"]
        self.queue = self._sqs.create_queue(QueueName=name)["QueueUrl"]
        attributes = self._sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=["QueueArn"])["Attributes"]
        self.queue_arn = attributes["QueueArn"]
        sns.subscribe(TopicArn=self.topic, Protocol="sqs", Endpoint=self.queue_arn)

    def next(self) -> dict[str, Any]:
        found = eventually(
            lambda: self._sqs.receive_message(QueueUrl=self.queue, WaitTimeSeconds=1).get("Messages", []), bool
        )
        assert found, "no message arrived"
        self._sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=found[0]["ReceiptHandle"])
        return dict(json.loads(found[0]["Body"]))


def put(cloudwatch: Any, name: str, namespace: str, **changes: Any) -> None:
    request = {
        "AlarmName": name,
        "Namespace": namespace,
        "MetricName": "m",
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 1.0,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "TreatMissingData": "notBreaching",
        **changes,
    }
    cloudwatch.put_metric_alarm(**{member: value for member, value in request.items() if value is not None})


def record(cloudwatch: Any, namespace: str, value: float = 1.0, **changes: Any) -> None:
    cloudwatch.put_metric_data(Namespace=namespace, MetricData=[{"MetricName": "m", "Value": value, **changes}])


def alarm(cloudwatch: Any, name: str) -> dict[str, Any]:
    found = cloudwatch.describe_alarms(AlarmNames=[name], AlarmTypes=["MetricAlarm", "CompositeAlarm"])
    return dict((found["MetricAlarms"] + found["CompositeAlarms"])[0])


def state_of(cloudwatch: Any, name: str, wanted: str) -> dict[str, Any]:
    found = eventually(lambda: alarm(cloudwatch, name), lambda each: each["StateValue"] == wanted)
    assert found["StateValue"] == wanted, found["StateReason"]
    return dict(found)


def one_tick(cloudwatch: Any) -> None:
    """Return when every alarm that is there now has been evaluated."""
    name, namespace = f"tick-{uuid.uuid4().hex}", f"Tick/{uuid.uuid4().hex}"
    # Alarms are evaluated in the order in which they were made, so this one is the last.
    put(cloudwatch, name, namespace, TreatMissingData="notBreaching")
    state_of(cloudwatch, name, "OK")


def away_from_the_hour() -> None:
    left = HOUR - time.time() % HOUR
    if left < 30:
        time.sleep(left + 1)


@pytest.mark.parametrize("start", [NO_DATA, "OK"])
@pytest.mark.parametrize(("needed", "table"), [(3, THREE_OF_THREE), (2, TWO_OF_THREE)], ids=["3 of 3", "2 of 3"])
def test_missing_data_is_treated_as_the_tables_of_aws_say(
    cloudwatch: Any, namespace: str, needed: int, table: list[tuple[str, ...]], start: str
) -> None:
    away_from_the_hour()
    this_hour = time.time() // HOUR * HOUR
    settings: dict[str, Any] = {"Period": HOUR, "EvaluationPeriods": 3, "DatapointsToAlarm": needed, "Threshold": 5.0}

    def put_all(treatment: str | None) -> None:
        for row, _ in enumerate(table):
            for each in TREATMENTS:
                chosen = treatment or each
                dimensions = [{"Name": "Row", "Value": str(row)}]
                put(
                    cloudwatch,
                    f"{namespace}-{row}-{each}",
                    namespace,
                    TreatMissingData=chosen,
                    Dimensions=dimensions,
                    **settings,
                )

    if start == "OK":
        put_all("notBreaching")
        one_tick(cloudwatch)
        put_all(None)
    data = [
        {
            "MetricName": "m",
            "Dimensions": [{"Name": "Row", "Value": str(row)}],
            "Timestamp": datetime.fromtimestamp(this_hour - (5 - position) * HOUR + 1, UTC),
            "Value": 10.0 if point == "X" else 0.0,
        }
        for row, (points, *_) in enumerate(table)
        for position, point in enumerate(points.split())
        if point != "-"
    ]
    cloudwatch.put_metric_data(Namespace=namespace, MetricData=data)
    if start != "OK":
        put_all(None)
    one_tick(cloudwatch)
    one_tick(cloudwatch)

    expected = {
        f"{namespace}-{row}-{each}": start if state == RETAIN else state
        for row, (_, *states) in enumerate(table)
        for each, state in zip(TREATMENTS, states, strict=True)
    }
    found = cloudwatch.describe_alarms(AlarmNamePrefix=namespace, MaxRecords=100)["MetricAlarms"]
    assert {each["AlarmName"]: each["StateValue"] for each in found} == expected


def test_an_alarm_goes_off_within_the_period_and_tells_its_topic(cloudwatch: Any, namespace: str, inbox: Inbox) -> None:
    put(cloudwatch, "loud", namespace, AlarmActions=[inbox.topic], DatapointsToAlarm=1, AlarmDescription="Too much")
    state_of(cloudwatch, "loud", "OK")
    record(cloudwatch, namespace, 3)
    found = state_of(cloudwatch, "loud", "ALARM")
    notification = inbox.next()
    message = json.loads(notification["Message"])

    assert notification["Subject"] == 'ALARM: "loud" in US East (N. Virginia)'
    assert list(message) == MEMBERS_OF_THE_MESSAGE
    assert list(message["Trigger"]) == MEMBERS_OF_THE_TRIGGER
    assert message["Trigger"] == {
        "MetricName": "m",
        "Namespace": namespace,
        "StatisticType": "Statistic",
        "Statistic": "SUM",
        "Unit": None,
        "Dimensions": [],
        "Period": 60,
        "EvaluationPeriods": 1,
        "DatapointsToAlarm": 1,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "Threshold": 1.0,
        "TreatMissingData": "notBreaching",
        "EvaluateLowSampleCountPercentile": "",
    }
    assert (message["OldStateValue"], message["NewStateValue"]) == ("OK", "ALARM")
    assert message["NewStateReason"] == found["StateReason"]
    assert message["Region"] == "US East (N. Virginia)"
    assert datetime.strptime(message["StateChangeTime"], "%Y-%m-%dT%H:%M:%S.%f%z")


def test_the_reason_is_in_the_words_of_aws(cloudwatch: Any, namespace: str) -> None:
    # The shape: "Threshold Crossed: 1 out of the last 1 datapoints [99.50160229693434 (02/10/19 16:59:00)] was greater
    # than the threshold (50.0) (minimum 1 datapoint for OK -> ALARM transition)." of cloudwatch-and-eventbridge.
    put(cloudwatch, "worded", namespace, ComparisonOperator="GreaterThanThreshold", Threshold=50.0)
    quiet = state_of(cloudwatch, "worded", "OK")["StateReason"]
    assert quiet == (
        "Threshold Crossed: no datapoints were received for 1 period and 1 missing datapoint was treated as "
        "[NonBreaching]."
    )
    before = time.time()
    record(cloudwatch, namespace, 99.5)
    found = state_of(cloudwatch, "worded", "ALARM")
    minute = datetime.fromtimestamp(before // 60 * 60, UTC).strftime("%d/%m/%y %H:%M:00")
    if time.time() // 60 == before // 60:
        assert found["StateReason"] == (
            f"Threshold Crossed: 1 out of the last 1 datapoints [99.5 ({minute})] was greater than the threshold "
            "(50.0) (minimum 1 datapoint for OK -> ALARM transition)."
        )
    data = json.loads(found["StateReasonData"])
    assert data["recentDatapoints"] == [99.5]
    assert (data["version"], data["statistic"], data["period"], data["threshold"]) == ("1.0", "Sum", 60, 50.0)


def test_an_alarm_watches_its_own_dimensions_alone(cloudwatch: Any, namespace: str) -> None:
    put(cloudwatch, "mine", namespace, Dimensions=[{"Name": "Route", "Value": "/a"}])
    put(cloudwatch, "bare", namespace)
    record(cloudwatch, namespace, 9, Dimensions=[{"Name": "Route", "Value": "/b"}])
    one_tick(cloudwatch)
    assert alarm(cloudwatch, "mine")["StateValue"] == "OK"
    assert alarm(cloudwatch, "bare")["StateValue"] == "OK"
    record(cloudwatch, namespace, 9, Dimensions=[{"Name": "Route", "Value": "/a"}])
    state_of(cloudwatch, "mine", "ALARM")
    assert alarm(cloudwatch, "bare")["StateValue"] == "OK"


@pytest.mark.parametrize(
    ("comparison", "at_threshold", "above", "below"),
    [
        ("GreaterThanOrEqualToThreshold", "ALARM", "ALARM", "OK"),
        ("GreaterThanThreshold", "OK", "ALARM", "OK"),
        ("LessThanThreshold", "OK", "OK", "ALARM"),
        ("LessThanOrEqualToThreshold", "ALARM", "OK", "ALARM"),
    ],
)
def test_each_comparison_is_what_its_name_says(
    cloudwatch: Any, namespace: str, comparison: str, at_threshold: str, above: str, below: str
) -> None:
    expected = {"10": at_threshold, "11": above, "9": below}
    for value in expected:
        dimensions = [{"Name": "Value", "Value": value}]
        record(cloudwatch, namespace, float(value), Dimensions=dimensions)
        settings = {"ComparisonOperator": comparison, "Threshold": 10.0, "Statistic": "Maximum"}
        put(cloudwatch, f"is-{value}", namespace, Dimensions=dimensions, TreatMissingData=None, **settings)
    one_tick(cloudwatch)
    assert {value: alarm(cloudwatch, f"is-{value}")["StateValue"] for value in expected} == expected


def test_a_percentile_alarm_takes_the_percentile(cloudwatch: Any, namespace: str) -> None:
    values = [1.0] * 99 + [1000.0]
    cloudwatch.put_metric_data(Namespace=namespace, MetricData=[{"MetricName": "m", "Values": values[:100]}])
    for statistic in ("p50", "p99.9"):
        put(cloudwatch, statistic, namespace, Statistic=None, ExtendedStatistic=statistic, Threshold=500.0)
    state_of(cloudwatch, "p99.9", "ALARM")
    assert alarm(cloudwatch, "p50")["StateValue"] == "OK"
    assert alarm(cloudwatch, "p50")["ExtendedStatistic"] == "p50"
    assert "Statistic" not in alarm(cloudwatch, "p50")


def test_an_api_that_fails_sets_off_its_alarm(local_aws: LocalAws, cloudwatch: Any, inbox: Inbox) -> None:
    gateway, name = local_aws.client("apigateway"), f"api-{uuid.uuid4().hex[:8]}"
    api = gateway.create_rest_api(name=name)["id"]
    root = gateway.get_resources(restApiId=api)["items"][0]["id"]
    method = {"restApiId": api, "resourceId": root, "httpMethod": "GET"}
    gateway.put_method(**method, authorizationType="NONE")
    # Nobody listens there, so that API Gateway itself answers that its integration failed.
    gateway.put_integration(**method, type="HTTP_PROXY", integrationHttpMethod="GET", uri="http://127.0.0.1:1/")
    gateway.create_deployment(restApiId=api, stageName="v1")
    dimensions = [{"Name": "ApiName", "Value": name}]
    put(cloudwatch, name, "AWS/ApiGateway", MetricName="5XXError", Dimensions=dimensions, AlarmActions=[inbox.topic])
    state_of(cloudwatch, name, "OK")
    with pytest.raises(urllib.error.HTTPError, match="HTTP Error 5"):
        urllib.request.urlopen(f"{local_aws.endpoint}/restapis/{api}/v1/_user_request_/")
    state_of(cloudwatch, name, "ALARM")
    assert json.loads(inbox.next()["Message"])["Trigger"]["Dimensions"] == [{"value": name, "name": "ApiName"}]


def test_a_metric_filter_over_a_trail_sets_off_its_alarm(
    local_aws: LocalAws, cloudwatch: Any, namespace: str, inbox: Inbox
) -> None:
    logs, group = local_aws.client("logs"), f"/trail/{uuid.uuid4().hex[:8]}"
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="events")
    transformation = {"metricName": "m", "metricNamespace": namespace, "metricValue": "1"}
    logs.put_metric_filter(
        logGroupName=group,
        filterName="denied",
        filterPattern='{ ($.errorCode = "*UnauthorizedOperation") || ($.errorCode = "AccessDenied*") }',
        metricTransformations=[transformation],
    )
    put(cloudwatch, "denied", namespace, AlarmActions=[inbox.topic])
    state_of(cloudwatch, "denied", "OK")

    def deliver(**event: str) -> None:
        entry = {"timestamp": int(time.time() * 1000), "message": json.dumps(event)}
        logs.put_log_events(logGroupName=group, logStreamName="events", logEvents=[entry])

    deliver(eventName="GetObject", errorCode="NoSuchKey")
    one_tick(cloudwatch)
    assert alarm(cloudwatch, "denied")["StateValue"] == "OK"
    deliver(eventName="GetObject", errorCode="AccessDenied")
    state_of(cloudwatch, "denied", "ALARM")
    assert json.loads(inbox.next()["Message"])["AlarmName"] == "denied"


def math_alarm(namespace: str, expression: str) -> list[dict[str, Any]]:
    def metric(id: str, name: str) -> dict[str, Any]:
        stat = {"Metric": {"Namespace": namespace, "MetricName": name}, "Period": 60, "Stat": "Sum"}
        return {"Id": id, "MetricStat": stat, "ReturnData": False}

    rate = {"Id": "rate", "Expression": expression, "Label": "Error rate", "ReturnData": True}
    return [rate, metric("errors", "errors"), metric("calls", "calls")]


def test_an_alarm_on_metric_math_evaluates_the_expression(cloudwatch: Any, namespace: str, inbox: Inbox) -> None:
    cloudwatch.put_metric_alarm(
        AlarmName="rate",
        EvaluationPeriods=1,
        Threshold=50.0,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
        Metrics=math_alarm(namespace, "errors / calls * 100"),
        AlarmActions=[inbox.topic],
    )
    state_of(cloudwatch, "rate", "OK")
    both = [{"MetricName": "errors", "Value": 3}, {"MetricName": "calls", "Value": 4}]
    cloudwatch.put_metric_data(Namespace=namespace, MetricData=both)
    found = state_of(cloudwatch, "rate", "ALARM")
    assert "[75.0 (" in found["StateReason"]
    assert [query["Id"] for query in found["Metrics"]] == ["rate", "errors", "calls"]
    trigger = json.loads(inbox.next()["Message"])["Trigger"]
    assert trigger["Period"] == 60
    assert [query.get("Expression") for query in trigger["Metrics"]] == ["errors / calls * 100", None, None]
    assert trigger["Metrics"][1]["MetricStat"]["Metric"] == {
        "Dimensions": [],
        "MetricName": "errors",
        "Namespace": namespace,
    }


def test_a_composite_alarm_follows_its_children(cloudwatch: Any, namespace: str, inbox: Inbox) -> None:
    put(cloudwatch, "child", namespace)
    put(cloudwatch, "other", f"{namespace}/quiet")
    cloudwatch.put_composite_alarm(
        AlarmName="either", AlarmRule="ALARM(child) OR ALARM(other)", AlarmActions=[inbox.topic]
    )
    state_of(cloudwatch, "child", "OK")
    record(cloudwatch, namespace)
    state_of(cloudwatch, "either", "ALARM")
    notification = inbox.next()
    message = json.loads(notification["Message"])
    assert notification["Subject"] == 'ALARM: "either" in US East (N. Virginia)'
    assert message["AlarmRule"] == "ALARM(child) OR ALARM(other)"
    assert [each["Arn"].rpartition(":")[2] for each in message["TriggeringChildren"]] == ["child"]


def test_a_change_of_state_is_an_event_on_the_default_bus(
    local_aws: LocalAws, cloudwatch: Any, namespace: str, inbox: Inbox
) -> None:
    events = local_aws.client("events")
    rule = f"alarms-{uuid.uuid4().hex[:8]}"
    pattern = {"source": ["aws.cloudwatch"], "detail": {"alarmName": ["evented"], "state": {"value": ["ALARM"]}}}
    events.put_rule(Name=rule, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=rule, Targets=[{"Id": "queue", "Arn": inbox.queue_arn}])
    try:
        put(cloudwatch, "evented", namespace, AlarmDescription="Says so")
        state_of(cloudwatch, "evented", "OK")
        record(cloudwatch, namespace)
        event = inbox.next()
    finally:
        events.remove_targets(Rule=rule, Ids=["queue"])
        events.delete_rule(Name=rule)
    assert event["detail-type"] == "CloudWatch Alarm State Change"
    assert event["resources"] == [f"arn:aws:cloudwatch:us-east-1:{event['account']}:alarm:evented"]
    detail = event["detail"]
    assert detail["configuration"]["description"] == "Says so"
    (metric,) = detail["configuration"]["metrics"]
    assert metric["metricStat"] == {
        "metric": {"dimensions": {}, "name": "m", "namespace": namespace},
        "period": 60,
        "stat": "Sum",
    }
    assert metric["returnData"] is True
    assert detail["state"]["value"] == "ALARM"
    assert json.loads(detail["state"]["reasonData"])["threshold"] == 1.0
    assert detail["previousState"]["value"] == "OK"
    assert "[NonBreaching]" in detail["previousState"]["reason"]


def test_the_history_tells_what_was_done(cloudwatch: Any, namespace: str, inbox: Inbox) -> None:
    missing = inbox.topic + "-that-is-not-there"
    put(cloudwatch, "historic", namespace, AlarmActions=[inbox.topic, missing])
    state_of(cloudwatch, "historic", "OK")
    record(cloudwatch, namespace)
    state_of(cloudwatch, "historic", "ALARM")
    inbox.next()
    put(cloudwatch, "historic", namespace, Threshold=2.0)
    items = cloudwatch.describe_alarm_history(AlarmName="historic", ScanBy="TimestampAscending")["AlarmHistoryItems"]
    assert [(item["HistoryItemType"], item["HistorySummary"]) for item in items[:5]] == [
        ("ConfigurationUpdate", 'Alarm "historic" created'),
        ("StateUpdate", "Alarm updated from INSUFFICIENT_DATA to OK"),
        ("StateUpdate", "Alarm updated from OK to ALARM"),
        ("Action", f"Successfully executed action {inbox.topic}"),
        ("Action", f"Failed to execute action {missing}. Received error: Topic does not exist"),
    ]
    assert ("ConfigurationUpdate", 'Alarm "historic" updated') in [
        (item["HistoryItemType"], item["HistorySummary"]) for item in items[5:]
    ]


def test_an_alarm_whose_actions_are_disabled_changes_state_in_silence(
    local_aws: LocalAws, cloudwatch: Any, namespace: str, inbox: Inbox
) -> None:
    put(cloudwatch, "muted", namespace, AlarmActions=[inbox.topic], ActionsEnabled=False)
    record(cloudwatch, namespace)
    state_of(cloudwatch, "muted", "ALARM")
    one_tick(cloudwatch)
    depth = local_aws.client("sqs").get_queue_attributes(
        QueueUrl=inbox.queue, AttributeNames=["ApproximateNumberOfMessages"]
    )
    assert depth["Attributes"]["ApproximateNumberOfMessages"] == "0"


def test_a_state_that_was_set_by_hand_runs_the_actions_and_passes(
    cloudwatch: Any, namespace: str, inbox: Inbox
) -> None:
    # "The alarm returns to its actual state quickly, often within seconds": API_SetAlarmState.
    put(cloudwatch, "drill", namespace, AlarmActions=[inbox.topic])
    state_of(cloudwatch, "drill", "OK")
    cloudwatch.set_alarm_state(AlarmName="drill", StateValue="ALARM", StateReason="A fire drill")
    assert alarm(cloudwatch, "drill")["StateValue"] == "ALARM"
    assert json.loads(inbox.next()["Message"])["NewStateReason"] == "A fire drill"
    state_of(cloudwatch, "drill", "OK")


def test_an_update_keeps_the_state(cloudwatch: Any, namespace: str) -> None:
    put(cloudwatch, "kept", namespace)
    record(cloudwatch, namespace)
    before = state_of(cloudwatch, "kept", "ALARM")
    put(cloudwatch, "kept", namespace, AlarmDescription="now with words", TreatMissingData=None)
    after = alarm(cloudwatch, "kept")
    assert (after["StateValue"], after["StateReason"]) == (before["StateValue"], before["StateReason"])
    assert after["AlarmDescription"] == "now with words"
    assert "TreatMissingData" not in after


def test_alarms_of_another_region_are_evaluated_on_their_own_data(
    local_aws: LocalAws, cloudwatch: Any, namespace: str
) -> None:
    away = local_aws.client("cloudwatch", region="eu-west-1")
    put(away, "abroad", namespace)
    put(cloudwatch, "at-home", namespace)
    record(away, namespace)
    state_of(away, "abroad", "ALARM")
    one_tick(cloudwatch)
    assert alarm(cloudwatch, "at-home")["StateValue"] == "OK"
    away.delete_alarms(AlarmNames=["abroad"])


def test_a_metric_of_dynamodb_ignores_missing_data_by_default(cloudwatch: Any) -> None:
    put(cloudwatch, "table", "AWS/DynamoDB", TreatMissingData="notBreaching", MetricName="NeverSent")
    state_of(cloudwatch, "table", "OK")
    put(cloudwatch, "table", "AWS/DynamoDB", TreatMissingData=None, MetricName="NeverSent")
    put(cloudwatch, "custom", "Custom", TreatMissingData="notBreaching", MetricName="NeverSent")
    state_of(cloudwatch, "custom", "OK")
    put(cloudwatch, "custom", "Custom", TreatMissingData=None, MetricName="NeverSent")
    state_of(cloudwatch, "custom", NO_DATA)
    assert alarm(cloudwatch, "table")["StateValue"] == "OK"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ComparisonOperator": "Around"}, "Member must satisfy enum value set"),
        ({"Statistic": None}, "Exactly one of Statistic and ExtendedStatistic"),
        ({"ExtendedStatistic": "p99"}, "Exactly one of Statistic and ExtendedStatistic"),
        ({"Statistic": None, "ExtendedStatistic": "p101"}, "p101"),
        ({"Period": 45}, "must be 1, 5, 10, 20, 30, or a multiple of 60"),
        ({"DatapointsToAlarm": 2}, "DatapointsToAlarm"),
        ({"EvaluationPeriods": 1441}, "EvaluationPeriods * Period must be <= 86400"),
        ({"TreatMissingData": "maybe"}, "breaching, notBreaching, ignore, missing"),
        ({"ThresholdMetricId": "ad1"}, "ThresholdMetricId"),
        ({"Metrics": math_alarm("N", "errors / calls")}, "mutually exclusive"),
    ],
)
def test_put_metric_alarm_refuses_what_aws_refuses(
    cloudwatch: Any, namespace: str, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ClientError) as refused:
        put(cloudwatch, "refused", namespace, **changes)
    assert refused.value.response["Error"]["Code"] == "ValidationError"
    assert message in refused.value.response["Error"]["Message"]
    assert cloudwatch.describe_alarms(AlarmNames=["refused"])["MetricAlarms"] == []


def test_an_alarm_on_math_returns_one_series(cloudwatch: Any, namespace: str) -> None:
    metrics = math_alarm(namespace, "errors / calls")
    metrics[1]["ReturnData"] = True
    with pytest.raises(ClientError, match="Exactly one element of the metrics list should return data"):
        cloudwatch.put_metric_alarm(
            AlarmName="two",
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="GreaterThanThreshold",
            Metrics=metrics,
        )


def test_the_query_protocol_puts_the_same_alarm(local_aws: LocalAws, cloudwatch: Any, namespace: str) -> None:
    form = {
        "Action": "PutMetricAlarm",
        "Version": "2010-08-01",
        "AlarmName": "by-form",
        "EvaluationPeriods": "2",
        "DatapointsToAlarm": "1",
        "Threshold": "1.5",
        "ComparisonOperator": "GreaterThanThreshold",
        "Metrics.member.1.Id": "m1",
        "Metrics.member.1.MetricStat.Metric.Namespace": namespace,
        "Metrics.member.1.MetricStat.Metric.MetricName": "m",
        "Metrics.member.1.MetricStat.Period": "60",
        "Metrics.member.1.MetricStat.Stat": "Sum",
    }
    credential = "AWS4-HMAC-SHA256 Credential=111122223333/20260101/us-east-1/monitoring/aws4_request"
    request = urllib.request.Request(
        local_aws.endpoint,
        urllib.parse.urlencode(form).encode(),
        {"Authorization": f"{credential}, SignedHeaders=host, Signature=0"},
    )
    with urllib.request.urlopen(request) as answer:
        assert b"<PutMetricAlarmResponse" in answer.read()
    found = alarm(cloudwatch, "by-form")
    assert (found["EvaluationPeriods"], found["DatapointsToAlarm"], found["Threshold"]) == (2, 1, 1.5)
    assert found["Metrics"][0]["MetricStat"]["Metric"] == {"Namespace": namespace, "MetricName": "m"}


TEMPLATE = {
    "Resources": {
        "Rate": {
            "Type": "AWS::CloudWatch::Alarm",
            "Properties": {
                "AlarmName": "templated",
                "EvaluationPeriods": 3,
                "DatapointsToAlarm": 2,
                "Threshold": 50,
                "ComparisonOperator": "GreaterThanThreshold",
                "TreatMissingData": "notBreaching",
                "Metrics": math_alarm("Templated", "errors / calls * 100"),
                "Tags": [{"Key": "team", "Value": "sre"}],
            },
        },
        "Slow": {
            "Type": "AWS::CloudWatch::Alarm",
            "Properties": {
                "Namespace": "Templated",
                "MetricName": "latency",
                "Dimensions": [{"Name": "Route", "Value": "/a"}],
                "ExtendedStatistic": "p99",
                "Period": "60",
                "EvaluationPeriods": "1",
                "Threshold": "2.5",
                "ComparisonOperator": "GreaterThanThreshold",
            },
        },
        "Any": {
            "Type": "AWS::CloudWatch::CompositeAlarm",
            "Properties": {
                "AlarmName": "templated-any",
                "AlarmRule": {"Fn::Sub": 'ALARM("${Rate}") OR ALARM("${Slow}")'},
                "AlarmDescription": "Either",
                "Tags": [{"Key": "team", "Value": "sre"}],
            },
        },
    },
    "Outputs": {
        "Slow": {"Value": {"Ref": "Slow"}},
        "Any": {"Value": {"Ref": "Any"}},
        "AnyArn": {"Value": {"Fn::GetAtt": ["Any", "Arn"]}},
    },
}


def test_cloudformation_makes_changes_and_deletes_alarms_whole(local_aws: LocalAws, cloudwatch: Any) -> None:
    cloudformation = local_aws.client("cloudformation")
    stack = f"alarms-{uuid.uuid4().hex[:8]}"
    cloudformation.create_stack(StackName=stack, TemplateBody=json.dumps(TEMPLATE))
    cloudformation.get_waiter("stack_create_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})
    outputs = {
        output["OutputKey"]: output["OutputValue"]
        for output in cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["Outputs"]
    }
    try:
        rate, slow, either = (alarm(cloudwatch, name) for name in ("templated", outputs["Slow"], outputs["Any"]))
        assert (rate["EvaluationPeriods"], rate["DatapointsToAlarm"]) == (3, 2)
        assert [query["Id"] for query in rate["Metrics"]] == ["rate", "errors", "calls"]
        assert rate["TreatMissingData"] == "notBreaching"
        assert (slow["ExtendedStatistic"], slow["Period"], slow["Threshold"]) == ("p99", 60, 2.5)
        assert slow["Dimensions"] == [{"Name": "Route", "Value": "/a"}]
        assert either["AlarmRule"] == f'ALARM("templated") OR ALARM("{outputs["Slow"]}")'
        assert outputs["AnyArn"] == either["AlarmArn"]
        for arn in (rate["AlarmArn"], either["AlarmArn"]):
            assert {"Key": "team", "Value": "sre"} in cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"]

        changed = json.loads(json.dumps(TEMPLATE))
        changed["Resources"]["Rate"]["Properties"]["Threshold"] = 75
        changed["Resources"]["Any"]["Properties"]["AlarmRule"] = {"Fn::Sub": 'ALARM("${Rate}") AND ALARM("${Slow}")'}
        cloudformation.update_stack(StackName=stack, TemplateBody=json.dumps(changed))
        cloudformation.get_waiter("stack_update_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})
        assert alarm(cloudwatch, "templated")["Threshold"] == 75.0
        assert " AND " in alarm(cloudwatch, "templated-any")["AlarmRule"]
    finally:
        cloudformation.delete_stack(StackName=stack)
        cloudformation.get_waiter("stack_delete_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})
    gone = cloudwatch.describe_alarms(AlarmNamePrefix="templated", AlarmTypes=["MetricAlarm", "CompositeAlarm"])
    assert gone["MetricAlarms"] == []
    assert gone["CompositeAlarms"] == []
