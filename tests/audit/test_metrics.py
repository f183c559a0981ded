"""Counts over the trail's log group."""

from __future__ import annotations

import json

import pytest
from aws_cdk import aws_logs as logs
from tests.detection.alerts_kit import USER, call
from tests.synth import properties

from raytrail.audit import AuditMetrics
from raytrail.audit._metrics import _PATTERNS

SIGN_IN = call("signin", "ConsoleLogin", errorMessage="Failed authentication")
SEEN = {
    "DeniedCalls": [
        call("s3", "GetObject", errorCode="AccessDenied"),
        call("iam", "ListUsers", errorCode="AccessDeniedException"),
        call("ec2", "RunInstances", errorCode="Client.UnauthorizedOperation"),
    ],
    "FailedSignIns": [SIGN_IN],
    "IdentityChanges": [call("iam", "CreateUser", userIdentity=USER, readOnly=False)],
    "TrailTampering": [
        call("cloudtrail", "StopLogging"),
        call("cloudtrail", "DeleteTrail", errorCode="AccessDenied"),
        *(call("cloudtrail", name) for name in ("UpdateTrail", "PutEventSelectors", "PutInsightSelectors")),
    ],
}
PASSED_OVER = {
    "DeniedCalls": [
        call("s3", "GetObject"),
        call("s3", "GetObject", errorCode="NoSuchKey"),
        call("s3", "PutObject", errorCode="AccessDenied", sourceIPAddress="delivery.logs.amazonaws.com"),
    ],
    "FailedSignIns": [{**SIGN_IN, "errorMessage": None}, {**SIGN_IN, "eventName": "SwitchRole"}],
    "IdentityChanges": [
        call("iam", "ListUsers", readOnly=True),
        call("iam", "CreateUser", errorCode="AccessDenied"),
        call("sts", "AssumeRole"),
    ],
    "TrailTampering": [
        call("cloudtrail", "DescribeTrails"),
        call("cloudtrail", "StartLogging"),
        call("codebuild", "StopLogging"),
    ],
}


def test_each_count_is_a_metric_filter_that_counts_ones(stack, template):
    group = logs.LogGroup.from_log_group_name(stack, "Trail", "trail")
    metrics = AuditMetrics(stack, "Metrics", log_group=group, namespace="raytrail/Audit")
    found = {
        each["MetricTransformations"][0]["MetricName"]: each
        for each in properties(template(), "AWS::Logs::MetricFilter")
    }
    assert {name: each["FilterPattern"] for name, each in found.items()} == _PATTERNS
    for each in found.values():
        (transformation,) = each["MetricTransformations"]
        assert (transformation["MetricNamespace"], transformation["MetricValue"]) == ("raytrail/Audit", "1")
        assert each["LogGroupName"] == "trail"
    shown = [metrics.denied_calls, metrics.failed_sign_ins, metrics.identity_changes, metrics.trail_tampering]
    assert [(each.namespace, each.metric_name, each.statistic) for each in shown] == [
        ("raytrail/Audit", name, "Sum") for name in _PATTERNS
    ]


def test_what_was_delivered_is_the_log_groups_own_count(stack):
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CloudWatch-Logs-Monitoring-CloudWatch-Metrics.html."""
    group = logs.LogGroup.from_log_group_name(stack, "Trail", "trail")
    delivered = AuditMetrics(stack, "Metrics", log_group=group, namespace="raytrail/Audit").delivered
    assert (delivered.namespace, delivered.metric_name, delivered.statistic) == ("AWS/Logs", "IncomingLogEvents", "Sum")
    assert dict(delivered.dimensions or {}) == {"LogGroupName": "trail"}


def test_a_pattern_is_no_longer_than_cloudwatch_logs_takes():
    """https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutMetricFilter.html."""
    assert all(len(pattern) <= 1024 for pattern in _PATTERNS.values())


@pytest.mark.local
@pytest.mark.parametrize("name", _PATTERNS)
def test_a_count_takes_what_it_is_for_and_passes_over_the_rest(local_aws, name):
    """By TestMetricFilter of the embedded AWS, whose language of patterns is this project's own."""
    lines = [json.dumps(record) for record in SEEN[name] + PASSED_OVER[name]]
    answer = local_aws.client("logs").test_metric_filter(filterPattern=_PATTERNS[name], logEventMessages=lines)
    assert [match["eventMessage"] for match in answer["matches"]] == lines[: len(SEEN[name])]
