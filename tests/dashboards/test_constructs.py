"""Dashboards and alarms."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from aws_cdk import Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_logs as logs
from tests.synth import Json, only, plain, properties, resources

from raytrail.alerting import AlertChannel
from raytrail.audit import AuditMetrics
from raytrail.dashboards import AuditAlarms, OperationsDashboard, SecurityDashboard, ServiceAlarms, ServiceMetrics
from raytrail.detection import ApiCallAlerts, rule_of_api_call
from raytrail.errors import InvalidProps

METRICS = ServiceMetrics(api_name="orders", function_name="orders-handler", table_name="orders-table")

DOCUMENTED = {
    # https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-metrics-and-dimensions.html
    ("AWS/ApiGateway", "Count"): {"ApiName"},
    ("AWS/ApiGateway", "4XXError"): {"ApiName"},
    ("AWS/ApiGateway", "5XXError"): {"ApiName"},
    ("AWS/ApiGateway", "Latency"): {"ApiName"},
    # https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
    ("AWS/Lambda", "Invocations"): {"FunctionName"},
    ("AWS/Lambda", "Errors"): {"FunctionName"},
    ("AWS/Lambda", "Duration"): {"FunctionName"},
    ("AWS/Lambda", "Throttles"): {"FunctionName"},
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html
    ("AWS/DynamoDB", "SuccessfulRequestLatency"): {"TableName", "Operation"},
    # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html
    ("AWS/Events", "MatchedEvents"): {"RuleName"},
}
"""Names of metrics and their dimensions, as AWS's pages have them."""


@pytest.fixture
def channel(stack: Stack) -> AlertChannel:
    return AlertChannel(stack, "Channel", display_name="raytrail alarms")


@pytest.fixture
def audit(stack: Stack) -> AuditMetrics:
    group = logs.LogGroup.from_log_group_name(stack, "Trail", "trail")
    return AuditMetrics(stack, "Metrics", log_group=group, namespace="raytrail/Audit")


@pytest.fixture
def group(stack: Stack) -> logs.ILogGroup:
    return logs.LogGroup.from_log_group_name(stack, "Logs", "/aws/lambda/orders")


def widgets(template: Json) -> list[Json]:
    body = json.loads(plain(only(template, "AWS::CloudWatch::Dashboard")["DashboardBody"]))
    found: list[Json] = body["widgets"]
    return found


def shown(template: Json) -> list[tuple[str, str, frozenset[str]]]:
    """Namespace, name and dimensions of each metric on the dashboard, the short forms of its lists written out."""
    found = []
    for widget in widgets(template):
        before: list[Any] = []
        for metric in widget["properties"].get("metrics", []):
            words = [part for part in metric if isinstance(part, str)]
            whole = [before[at] if part == "." else part for at, part in enumerate(words)] if words else []
            if whole:
                found.append((whole[0], whole[1], frozenset(whole[2::2])))
                before = whole
    return found


def by_description(template: Json) -> dict[str, Json]:
    alarms = [*properties(template, "AWS::CloudWatch::Alarm"), *properties(template, "AWS::CloudWatch::CompositeAlarm")]
    return {each["AlarmDescription"]: plain(each) for each in alarms}


def measured(alarm: Json) -> tuple[str, str, str, int]:
    """Namespace, name, statistic and period in seconds; a metric with a label stands in a list of its own."""
    if "Metrics" not in alarm:
        return alarm["Namespace"], alarm["MetricName"], alarm["Statistic"], alarm["Period"]
    (metric,) = [each["MetricStat"] for each in alarm["Metrics"]]
    return metric["Metric"]["Namespace"], metric["Metric"]["MetricName"], metric["Stat"], metric["Period"]


def test_each_metric_of_a_service_is_one_that_aws_documents():
    metrics = [
        METRICS.requests(),
        METRICS.faults(),
        METRICS.client_errors(),
        METRICS.latency(),
        METRICS.invocations(),
        METRICS.function_errors(),
        METRICS.duration(),
        METRICS.throttles(),
        METRICS.table_latency("PutItem"),
    ]
    for metric in metrics:
        assert DOCUMENTED[metric.namespace, metric.metric_name] == set(metric.dimensions or {})
        assert metric.period.to_seconds() == 60


def test_the_rate_of_faults_is_of_the_requests():
    rate = METRICS.fault_rate()
    assert rate.expression == "100 * faults / requests"
    assert {name: each.metric_name for name, each in rate.using_metrics.items()} == {
        "faults": "5XXError",
        "requests": "Count",
    }


def test_the_operations_dashboard_shows_traces_logs_and_metrics_side_by_side(stack, group, template):
    alarm = cloudwatch.Alarm(stack, "Alarm", metric=METRICS.faults(), threshold=1, evaluation_periods=1)
    OperationsDashboard(
        stack,
        "Board",
        name="orders",
        metrics=METRICS,
        log_group=group,
        trace_groups=["orders-faults"],
        alarms=[alarm],
    )
    made = template()
    assert only(made, "AWS::CloudWatch::Dashboard")["DashboardName"] == "orders"
    kinds = {widget["type"] for widget in widgets(made)}
    assert kinds == {"text", "alarm", "metric", "log"}
    (text,) = [widget["properties"]["markdown"] for widget in widgets(made) if widget["type"] == "text"]
    assert "orders-faults" in text
    assert "https://us-east-1.console.aws.amazon.com/cloudwatch/home?region=us-east-1#xray:traces/query" in text
    (log,) = [widget["properties"]["query"] for widget in widgets(made) if widget["type"] == "log"]
    assert log.startswith("SOURCE '/aws/lambda/orders'")
    assert "xray_trace_id" in log
    assert {metric[:2] for metric in shown(made)} == {key for key in DOCUMENTED if key[0] != "AWS/Events"}


def test_no_two_widgets_lie_on_each_other_and_none_leaves_the_grid(stack, group, template):
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html."""
    OperationsDashboard(stack, "Board", name="orders", metrics=METRICS, log_group=group)
    taken: set[tuple[int, int]] = set()
    for widget in widgets(template()):
        cells = {
            (column, row)
            for column in range(widget["x"], widget["x"] + widget["width"])
            for row in range(widget["y"], widget["y"] + widget["height"])
        }
        assert not cells & taken
        assert max(column for column, _ in cells) < 24
        taken |= cells


def test_the_security_dashboard_shows_alerts_and_counts(stack, channel, audit, template):
    alerts = ApiCallAlerts(stack, "Alerts", channel=channel, rules=[rule_of_api_call("s3:DeleteBucket")])
    SecurityDashboard(
        stack, "Board", name="security", pager_log=alerts.pager.log_group, alert_log=alerts.log_group, audit=audit
    )
    made = template()
    assert {metric[1] for metric in shown(made)} == {"DeniedCalls", "FailedSignIns", "IdentityChanges"}
    groups = resources(made, "AWS::Logs::LogGroup")
    asked = {
        widget["properties"]["title"]: widget["properties"]["query"]
        for widget in widgets(made)
        if widget["type"] == "log"
    }
    for title, part in {"Alerts by detection": "AlertsPagerLogGroup", "Latest alerts": "AlertsLogGroup"}.items():
        (log_group,) = (id for id in groups if part in id)
        assert f"SOURCE '<{log_group}>'" in asked[title]


def test_a_security_dashboard_leaves_out_what_it_is_not_given(stack, audit, template):
    SecurityDashboard(stack, "Board", name="security", audit=audit)
    assert [widget["properties"]["title"] for widget in widgets(template())] == [
        "Denied calls",
        "Failed sign-ins",
        "Changes to identities",
    ]


def test_one_fault_in_a_minute_is_an_alarm(stack, channel, template):
    ServiceAlarms(stack, "Alarms", metrics=METRICS, channel=channel)
    alarm = by_description(template())["Requests were answered with a status of 500 or above"]
    assert measured(alarm) == ("AWS/ApiGateway", "5XXError", "Sum", 60)
    assert (alarm["EvaluationPeriods"], alarm["Threshold"]) == (1, 1)
    assert alarm["ComparisonOperator"] == "GreaterThanOrEqualToThreshold"


def test_slow_answers_in_three_of_five_minutes_are_an_alarm(stack, channel, template):
    ServiceAlarms(stack, "Alarms", metrics=METRICS, channel=channel, slow_percentile_ms=800)
    alarm = by_description(template())["One request in twenty took longer than 800 ms"]
    assert measured(alarm) == ("AWS/ApiGateway", "Latency", "p95", 60)
    assert (alarm["DatapointsToAlarm"], alarm["EvaluationPeriods"], alarm["Threshold"]) == (3, 5, 800)
    assert alarm["ComparisonOperator"] == "GreaterThanThreshold"


def test_a_service_without_requests_is_fine(stack, channel, template):
    ServiceAlarms(stack, "Alarms", metrics=METRICS, channel=channel)
    assert {each["TreatMissingData"] for each in properties(template(), "AWS::CloudWatch::Alarm")} == {"notBreaching"}


def test_one_incident_sends_one_message_when_it_begins_and_one_when_it_ends(stack, channel, template):
    ServiceAlarms(stack, "Alarms", metrics=METRICS, channel=channel)
    made = template()
    (topic,) = resources(made, "AWS::SNS::Topic")
    composite = plain(only(made, "AWS::CloudWatch::CompositeAlarm"))
    assert (composite["AlarmActions"], composite["OKActions"]) == ([f"<{topic}>"], [f"<{topic}>"])
    causes = resources(made, "AWS::CloudWatch::Alarm")
    assert not any("AlarmActions" in each["Properties"] for each in causes.values())
    assert re.findall(r'ALARM\("<(\w+)\.Arn>"\)', composite["AlarmRule"]) == list(causes)
    assert composite["AlarmRule"].count(" OR ") == 1


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_of_latency_is_above_zero(stack, channel, limit):
    with pytest.raises(InvalidProps, match=f"slow_percentile_ms is above 0, got {limit}"):
        ServiceAlarms(stack, "Alarms", metrics=METRICS, channel=channel, slow_percentile_ms=limit)


def test_many_denied_calls_are_an_alarm_that_somebody_receives(stack, channel, audit, template):
    AuditAlarms(stack, "Alarms", metrics=audit, channel=channel, denied_calls=5)
    made = template()
    alarm = by_description(made)["IAM refused 5 calls or more in five minutes"]
    assert measured(alarm) == ("raytrail/Audit", "DeniedCalls", "Sum", 300)
    assert alarm["Threshold"] == 5
    (topic,) = resources(made, "AWS::SNS::Topic")
    assert alarm["AlarmActions"] == [f"<{topic}>"]


def test_an_hour_without_events_is_an_alarm_and_its_end_is_told_too(stack, channel, audit, template):
    AuditAlarms(stack, "Alarms", metrics=audit, channel=channel)
    made = template()
    alarm = by_description(made)["CloudTrail delivered no event to its log group for 1 h"]
    assert measured(alarm) == ("AWS/Logs", "IncomingLogEvents", "Sum", 3600)
    assert (alarm["Threshold"], alarm["ComparisonOperator"], alarm["EvaluationPeriods"]) == (1, "LessThanThreshold", 1)
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
    assert alarm["TreatMissingData"] == "breaching"
    (topic,) = resources(made, "AWS::SNS::Topic")
    assert (alarm["AlarmActions"], alarm["OKActions"]) == ([f"<{topic}>"], [f"<{topic}>"])


def test_tampering_with_a_trail_is_an_alarm_at_the_first_call(stack, channel, audit, template):
    AuditAlarms(stack, "Alarms", metrics=audit, channel=channel)
    alarm = by_description(template())["Somebody stopped, deleted or changed a trail, or tried to"]
    assert measured(alarm) == ("raytrail/Audit", "TrailTampering", "Sum", 60)
    assert (alarm["Threshold"], alarm["EvaluationPeriods"], alarm["TreatMissingData"]) == (1, 1, "notBreaching")


@pytest.mark.parametrize("hours", [0, 25])
def test_silence_is_heard_within_a_day(stack, channel, audit, hours):
    with pytest.raises(InvalidProps, match=f"silent_hours is 1 to 24, got {hours}"):
        AuditAlarms(stack, "Alarms", metrics=audit, channel=channel, silent_hours=hours)
