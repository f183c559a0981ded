"""Alarms on the ways of an alert."""

from __future__ import annotations

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from constructs import Construct

from raytrail.alerting import AlertChannel


def watch(
    scope: Construct,
    id: str,
    *,
    channel: AlertChannel,
    metric: cloudwatch.IMetric,
    description: str,
    threshold: float = 1,
) -> cloudwatch.Alarm:
    """Return an alarm to the channel, on a metric that reaches a threshold in one period."""
    alarm = cloudwatch.Alarm(
        scope,
        id,
        alarm_description=description,
        metric=metric,
        threshold=threshold,
        evaluation_periods=1,
        comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
        treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
    )
    alarm.add_alarm_action(actions.SnsAction(channel.topic))
    return alarm


def watch_lost(scope: Construct, id: str, *, channel: AlertChannel) -> cloudwatch.CfnAlarm:
    """Return an alarm to the channel on events that not even a dead-letter queue could take.

    EventBridge counts them for each rule apart, and an alarm on metric math takes ten metrics
    (https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-limits.html), so this one asks for all rules
    of the Region's default bus: those of others, as far as they have dead-letter queues, are told of too.
    """
    return cloudwatch.CfnAlarm(
        scope,
        id,
        alarm_description=(
            "EventBridge could neither deliver an event nor put it into a dead-letter queue: it is lost; look at the "
            "metric InvocationsFailedToBeSentToDlq for the rule, and at its queue's policy and key"
        ),
        metrics=[
            cloudwatch.CfnAlarm.MetricDataQueryProperty(
                id="lost",
                expression='SELECT SUM(InvocationsFailedToBeSentToDlq) FROM SCHEMA("AWS/Events", RuleName)',
                period=60,
                return_data=True,
            )
        ],
        comparison_operator="GreaterThanOrEqualToThreshold",
        threshold=1,
        evaluation_periods=1,
        treat_missing_data="notBreaching",
        alarm_actions=[channel.topic.topic_arn],
    )
