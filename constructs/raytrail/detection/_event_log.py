"""Where whole events are kept: a log group, and the policy that lets EventBridge write there."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from raytrail.detection._targets import LOG_GROUPS
from raytrail.errors import InvalidProps


def event_log(
    scope: Construct, id: str, *, given: logs.ILogGroup | None, name: str | None, retention: logs.RetentionDays
) -> logs.ILogGroup:
    """Return the log group of whole events: the one that is given, or a new one.

    Raises:
        InvalidProps: A log group and a name are given, or the name is not under ``/aws/events/``.
    """
    if given is not None:
        if name is not None:
            raise InvalidProps("log_group_name is of the log group that is made; give it, or log_group")
        return given
    name = name or f"{LOG_GROUPS}{Stack.of(scope).stack_name}"
    if not name.startswith(LOG_GROUPS):
        raise InvalidProps(f"log_group_name {name!r} begins with {LOG_GROUPS}, where EventBridge may write")
    return logs.LogGroup(scope, id, log_group_name=name, retention=retention, removal_policy=RemovalPolicy.DESTROY)


def log_statements(*, log_group_arns: Sequence[str]) -> list[iam.PolicyStatement]:
    """Return what a resource policy of CloudWatch Logs has to say so that EventBridge can write to log groups.

    An account has ten such policies in a Region, and AWS raises that for nobody. See
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html#eb-cloudwatchlogs-permissions.

    Args:
        log_group_arns: The log groups, without ``:*`` at the end; ``…:log-group:/aws/events/*`` is for all of them.
    """
    return [
        iam.PolicyStatement(
            principals=[
                iam.ServicePrincipal("events.amazonaws.com"),
                iam.ServicePrincipal("delivery.logs.amazonaws.com"),
            ],
            actions=["logs:CreateLogStream", "logs:PutLogEvents"],
            resources=[f"{arn}:*" for arn in log_group_arns],
        )
    ]
