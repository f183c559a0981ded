"""Queries of Metrics Insights, as GetMetricData and alarms of the embedded AWS ask them.

What each part means is what AWS says of it, with the same words:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-metrics-insights-querylanguage.html
"""

from __future__ import annotations

import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

pytestmark = pytest.mark.local


@pytest.fixture(scope="module")
def cloudwatch(local_aws) -> Any:
    return local_aws.client("cloudwatch")


@pytest.fixture(scope="module")
def namespace(cloudwatch) -> str:
    """A namespace with a metric in four sets of dimensions: 1, 10, 100 and 1000."""
    name = f"Test/{uuid.uuid4().hex[:8]}"
    for value, given in (
        (1, {}),
        (10, {"Rule": "a"}),
        (100, {"Rule": "b"}),
        (1000, {"Rule": "a", "Bus": "mine"}),
    ):
        pairs = [{"Name": key, "Value": each} for key, each in given.items()]
        cloudwatch.put_metric_data(
            Namespace=name, MetricData=[{"MetricName": "Failed", "Value": value, "Dimensions": pairs}]
        )
    return name


def ask(cloudwatch: Any, query: str, **more: Any) -> list[float]:
    found = cloudwatch.get_metric_data(
        MetricDataQueries=[{"Id": "q", "Expression": query, "Period": 3600, **more}],
        StartTime=datetime.now(UTC) - timedelta(hours=2),
        EndTime=datetime.now(UTC) + timedelta(hours=2),
    )
    values: list[float] = found["MetricDataResults"][0]["Values"]
    return values


@pytest.mark.parametrize(
    ("query", "value"),
    [
        # "matches all metrics in the namespace, no matter their dimensions"
        ('SELECT SUM(Failed) FROM "{}"', 1111),
        # "only the metrics that do not have any dimensions defined"
        ('SELECT SUM(Failed) FROM SCHEMA("{}")', 1),
        # "only the metrics that were reported with exactly one dimension"
        ('SELECT SUM(Failed) FROM SCHEMA("{}", Rule)', 110),
        # "the order of these label keys does not matter"
        ('SELECT SUM(Failed) FROM SCHEMA("{}", Bus, Rule)', 1000),
        ('SELECT SUM(Failed) FROM SCHEMA("{}", Rule, Bus)', 1000),
        # "label value must match", "must not match", "both conditions must be true"
        ("SELECT SUM(Failed) FROM SCHEMA(\"{}\", Rule) WHERE Rule = 'a'", 10),
        ("SELECT SUM(Failed) FROM SCHEMA(\"{}\", Rule) WHERE Rule != 'a'", 100),
        ("SELECT SUM(Failed) FROM \"{}\" WHERE Rule = 'a' AND Bus = 'mine'", 1000),
        # "None of the keywords are case sensitive", and names may stand in double quotation marks
        ('select max("Failed") from schema("{}", "Rule")', 100),
        ('SELECT MIN(Failed) FROM SCHEMA("{}", Rule)', 10),
        ('SELECT AVG(Failed) FROM SCHEMA("{}", Rule)', 55),
        ('SELECT COUNT(Failed) FROM SCHEMA("{}", Rule)', 2),
    ],
)
def test_a_query_is_one_statistic_over_the_metrics_that_it_is_about(cloudwatch, namespace, query, value):
    assert sum(ask(cloudwatch, query.format(namespace))) == value


def test_what_no_metric_matches_is_no_data(cloudwatch, namespace):
    assert ask(cloudwatch, f'SELECT SUM(Other) FROM "{namespace}"') == []
    assert ask(cloudwatch, f"SELECT SUM(Failed) FROM \"{namespace}\" WHERE Rule = 'none'") == []


@pytest.mark.parametrize(
    "query",
    [
        "SELECT SUM(Failed)",
        "SELECT P90(Failed) FROM Mine",
        "SELECT SUM(Failed) FROM Mine GROUP BY Rule",
        "SELECT SUM(Failed) FROM Mine WHERE Rule LIKE 'a'",
        "SELECT SUM(Failed) FROM Mine WHERE tag.env = 'prod'",
        "SELECT SUM(Failed) FROM Mine LIMIT 5",
    ],
)
def test_what_is_malformed_or_not_emulated_is_refused_and_not_taken_for_something_else(cloudwatch, query):
    with pytest.raises(ClientError, match="Error in expression 'q': not a"):
        ask(cloudwatch, query)


def test_a_query_needs_a_period(cloudwatch):
    with pytest.raises(ClientError, match=r"parameter MetricDataQueries\.member\.1\.Period must be"):
        cloudwatch.get_metric_data(
            MetricDataQueries=[{"Id": "q", "Expression": "SELECT SUM(Failed) FROM Mine"}],
            StartTime=datetime.now(UTC) - timedelta(hours=2),
            EndTime=datetime.now(UTC),
        )


def test_an_alarm_goes_off_for_a_metric_that_came_after_it(cloudwatch, namespace):
    name = f"lost-{namespace[5:]}"
    cloudwatch.put_metric_alarm(
        AlarmName=name,
        Metrics=[
            {"Id": "q", "Expression": f'SELECT SUM(Lost) FROM SCHEMA("{namespace}", Rule)', "Period": 60},
        ],
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        Threshold=1,
        EvaluationPeriods=1,
        TreatMissingData="notBreaching",
    )

    def state() -> str:
        return str(cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]["StateValue"])

    def becomes(wanted: str) -> bool:
        deadline = time.monotonic() + 20
        while state() != wanted and time.monotonic() < deadline:
            time.sleep(0.1)
        return state() == wanted

    try:
        assert becomes("OK")
        lost = {"MetricName": "Lost", "Value": 1, "Dimensions": [{"Name": "Rule", "Value": "new"}]}
        cloudwatch.put_metric_data(Namespace=namespace, MetricData=[lost])
        assert becomes("ALARM")
    finally:
        cloudwatch.delete_alarms(AlarmNames=[name])
