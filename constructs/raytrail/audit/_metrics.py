"""What the trail's log group can be counted for."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_logs as logs
from constructs import Construct

# After controls of section 4 of the CIS AWS Foundations Benchmark.
_PATTERNS = {
    "DeniedCalls": (
        '{ ($.errorCode = "*UnauthorizedOperation" || $.errorCode = "AccessDenied*")'
        ' && ($.sourceIPAddress != "delivery.logs.amazonaws.com") }'
    ),
    "FailedSignIns": '{ ($.eventName = "ConsoleLogin") && ($.errorMessage = "Failed authentication") }',
    "IdentityChanges": (
        '{ ($.eventSource = "iam.amazonaws.com") && ($.readOnly IS FALSE) && ($.errorCode NOT EXISTS) }'
    ),
    # Refused calls too: who tries once may succeed the next time. CreateTrail and StartLogging hide nothing.
    "TrailTampering": (
        '{ ($.eventSource = "cloudtrail.amazonaws.com") && ($.eventName = "StopLogging" || $.eventName = "DeleteTrail"'
        ' || $.eventName = "UpdateTrail" || $.eventName = "PutEventSelectors" || $.eventName = "PutInsightSelectors") }'
    ),
}


class AuditMetrics(Construct):
    """Counts over the events of a trail, as metrics.

    Args:
        log_group: The trail's log group, of the Standard class: the other class takes no metric filters.
        namespace: The namespace of the metrics.

    Attributes:
        denied_calls: Calls that IAM refused, by minute.
        failed_sign_ins: Sign-ins to the console that failed, by minute.
        identity_changes: Calls that changed something in IAM, by minute.
        trail_tampering: Calls to stop, delete or change a trail, refused ones too, by minute.
        delivered: Events that CloudTrail delivered to the log group, by hour: CloudWatch Logs' own count, which no
            metric filter is needed for
            (https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CloudWatch-Logs-Monitoring-CloudWatch-Metrics.html).
    """

    def __init__(self, scope: Construct, id: str, *, log_group: logs.ILogGroup, namespace: str) -> None:
        super().__init__(scope, id)
        self._namespace = namespace
        self.denied_calls: cloudwatch.Metric = self._count(log_group, "DeniedCalls")
        self.failed_sign_ins: cloudwatch.Metric = self._count(log_group, "FailedSignIns")
        self.identity_changes: cloudwatch.Metric = self._count(log_group, "IdentityChanges")
        self.trail_tampering: cloudwatch.Metric = self._count(log_group, "TrailTampering")
        self.delivered: cloudwatch.Metric = cloudwatch.Metric(
            namespace="AWS/Logs",
            metric_name="IncomingLogEvents",
            dimensions_map={"LogGroupName": log_group.log_group_name},
            statistic="Sum",
            period=Duration.hours(1),
            label="Delivered events",
        )

    def _count(self, log_group: logs.ILogGroup, name: str) -> cloudwatch.Metric:
        return logs.MetricFilter(
            self,
            name,
            log_group=log_group,
            metric_namespace=self._namespace,
            metric_name=name,
            metric_value="1",
            filter_pattern=logs.FilterPattern.literal(_PATTERNS[name]),
        ).metric(statistic="Sum", period=Duration.minutes(1))
