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
        slow_percentile_ms: Milliseconds of p95 latency above which the service is slow, in 3 of 5 minutes. Default:
            3,000.

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
        self.faults: cloudwatch.Alarm = cloudwatch.Alarm(
            self,
            "Faults",
            alarm_description="Requests were answered with a status of 500 or above",
            metric=metrics.faults(),
            threshold=1,
            evaluation_periods=1,
            comparison_operator=_AT_LEAST,
            treat_missing_data=_SILENCE_IS_FINE,
        )
        self.slow: cloudwatch.Alarm = cloudwatch.Alarm(
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
        self.unhealthy: cloudwatch.CompositeAlarm = cloudwatch.CompositeAlarm(
            self,
            "Unhealthy",
            alarm_description="The service fails or is slow: see the operations dashboard",
            alarm_rule=cloudwatch.AlarmRule.any_of(self.faults, self.slow),
        )
        self.unhealthy.add_alarm_action(actions.SnsAction(channel.topic))
        self.unhealthy.add_ok_action(actions.SnsAction(channel.topic))


class AuditAlarms(Construct):
    """Alarms of the trail: many calls are denied, its delivery has stopped, somebody tampers with it.

    The heartbeat hears silence in the log group. An account with a trail is rarely quiet for an hour, since services
    call each other, and CloudTrail's own checks of the bucket are recorded; give more hours where it is. Right after
    the first deployment it may ring until the first events come, some minutes. The bucket is delivered to by itself:
    files may still come when the log group gets nothing, and the other way round.

    Args:
        metrics: Counts over the trail.
        channel: Who is told.
        denied_calls: Denied calls in five minutes that are too many. Default: ten.
        silent_hours: Hours without one event after which delivery counts as stopped, 1 to 24. Default: one.

    Attributes:
        denied_calls: The alarm on denied calls, as of somebody who tries what a stolen key can do.
        delivery_stopped: The heartbeat; it says too when events come again.
        tampering: The alarm on calls that stop, delete or change a trail.

    Raises:
        InvalidProps: The hours are not 1 to 24; a trail that was silent for a day should have been looked at.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        metrics: AuditMetrics,
        channel: AlertChannel,
        denied_calls: int = 10,
        silent_hours: int = 1,
    ) -> None:
        super().__init__(scope, id)
        if not 1 <= silent_hours <= 24:
            raise InvalidProps(f"silent_hours is 1 to 24, got {silent_hours}")
        tell = actions.SnsAction(channel.topic)
        self.denied_calls: cloudwatch.Alarm = cloudwatch.Alarm(
            self,
            "DeniedCalls",
            alarm_description=f"IAM refused {denied_calls} calls or more in five minutes",
            metric=metrics.denied_calls.with_(period=Duration.minutes(5)),
            threshold=denied_calls,
            evaluation_periods=1,
            comparison_operator=_AT_LEAST,
            treat_missing_data=_SILENCE_IS_FINE,
        )
        self.denied_calls.add_alarm_action(tell)
        self.delivery_stopped: cloudwatch.Alarm = cloudwatch.Alarm(
            self,
            "DeliveryStopped",
            alarm_description=f"CloudTrail delivered no event to its log group for {silent_hours} h",
            metric=metrics.delivered,
            threshold=1,
            evaluation_periods=silent_hours,
            comparison_operator=cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
            # CloudWatch Logs sends no zeros: a log group without events has no data.
            treat_missing_data=cloudwatch.TreatMissingData.BREACHING,
        )
        self.delivery_stopped.add_alarm_action(tell)
        self.delivery_stopped.add_ok_action(tell)
        self.tampering: cloudwatch.Alarm = cloudwatch.Alarm(
            self,
            "Tampering",
            alarm_description="Somebody stopped, deleted or changed a trail, or tried to",
            metric=metrics.trail_tampering,
            threshold=1,
            evaluation_periods=1,
            comparison_operator=_AT_LEAST,
            treat_missing_data=_SILENCE_IS_FINE,
        )
        self.tampering.add_alarm_action(tell)
