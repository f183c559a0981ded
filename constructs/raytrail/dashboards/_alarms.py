"""Alarms that somebody receives."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from constructs import Construct

from raytrail.alerting import AlertChannel
from raytrail.audit import AuditMetrics
from raytrail.dashboards._metrics import ServiceMetrics
from raytrail.errors import InvalidProps

_AT_LEAST = cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD
_SILENCE_IS_FINE = cloudwatch.TreatMissingData.NOT_BREACHING


class ServiceAlarms(Construct):
    """One alarm when a service is unhealthy: it answers with faults, or it is slow.

    The two causes are alarms of their own, without an action, so that one incident sends one message.

    Args:
        metrics: What is measured.
        channel: Who is told.
        slow_percentile_ms: Milliseconds of p95 latency above which the service is slow, in 3 of 5 minutes.

    Attributes:
        faults: Alarms on the first fault in a minute.
        slow: Alarms on latency.
        unhealthy: The composite of both, which is sent.

    Raises:
        InvalidProps: The limit of latency is not above zero.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        metrics: ServiceMetrics,
        channel: AlertChannel,
        slow_percentile_ms: int = 3000,
    ) -> None:
        super().__init__(scope, id)
        if slow_percentile_ms <= 0:
            raise InvalidProps(f"slow_percentile_ms is above 0, got {slow_percentile_ms}")
        self.faults = cloudwatch.Alarm(
            self,
            "Faults",
            alarm_description="Requests were answered with a status of 500 or above",
            metric=metrics.faults(),
            threshold=1,
            evaluation_periods=1,
            comparison_operator=_AT_LEAST,
            treat_missing_data=_SILENCE_IS_FINE,
        )
        self.slow = cloudwatch.Alarm(
            self,
            "Slow",
            alarm_description=f"One request in twenty took longer than {slow_percentile_ms} ms",
            metric=metrics.latency("p95"),
            threshold=slow_percentile_ms,
            evaluation_periods=5,
            datapoints_to_alarm=3,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            treat_missing_data=_SILENCE_IS_FINE,
        )
        self.unhealthy = cloudwatch.CompositeAlarm(
            self,
            "Unhealthy",
            alarm_description="The service fails or is slow: see the operations dashboard",
            alarm_rule=cloudwatch.AlarmRule.any_of(self.faults, self.slow),
        )
        self.unhealthy.add_alarm_action(actions.SnsAction(channel.topic))
        self.unhealthy.add_ok_action(actions.SnsAction(channel.topic))


class AuditAlarms(Construct):
    """An alarm on many denied calls, as of somebody who tries what a stolen key can do.

    Args:
        metrics: Counts over the trail.
        channel: Who is told.
        denied_calls: Denied calls in five minutes that are too many. Default: ten.

    Attributes:
        denied_calls: The alarm.
    """

    def __init__(
        self, scope: Construct, id: str, *, metrics: AuditMetrics, channel: AlertChannel, denied_calls: int = 10
    ) -> None:
        super().__init__(scope, id)
        self.denied_calls = cloudwatch.Alarm(
            self,
            "DeniedCalls",
            alarm_description=f"IAM refused {denied_calls} calls or more in five minutes",
            metric=metrics.denied_calls.with_(period=Duration.minutes(5)),
            threshold=denied_calls,
            evaluation_periods=1,
            comparison_operator=_AT_LEAST,
            treat_missing_data=_SILENCE_IS_FINE,
        )
        self.denied_calls.add_alarm_action(actions.SnsAction(channel.topic))
