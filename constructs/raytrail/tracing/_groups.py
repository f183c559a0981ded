"""X-Ray groups."""

from __future__ import annotations

from aws_cdk import aws_xray as xray
from constructs import Construct

from raytrail.errors import InvalidProps
from raytrail.tracing._model import check_name


class TraceGroup(Construct):
    """The traces that match one filter expression, with metrics of their own.

    A group is billed by the traces that it retrieves, and changing its expression does not sort old traces anew.

    Args:
        name: 1 to 32 letters, digits and dashes, once in the account and Region.
        filter_expression: Which traces, in X-Ray's filter language
            (https://docs.aws.amazon.com/xray/latest/devguide/xray-console-filters.html).
        insights: Whether X-Ray looks for anomalies in the group (billed by trace). Default: no.
        notifications: Whether an insight sends an event to the default EventBridge bus. Default: no.

    Attributes:
        resource: The group's L1.
        group_name: Its name.
        group_arn: Its ARN.

    Raises:
        InvalidProps: The name or the expression is not allowed, or notifications are asked for without insights.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        name: str,
        filter_expression: str,
        insights: bool = False,
        notifications: bool = False,
    ) -> None:
        super().__init__(scope, id)
        check_name("trace group", name)
        if not filter_expression.strip():
            raise InvalidProps(f"filter_expression of trace group {name!r} is empty; a group needs one")
        if notifications and not insights:
            raise InvalidProps(f"notifications of trace group {name!r} need insights=True, which make them")
        self.resource = xray.CfnGroup(
            self,
            "Resource",
            group_name=name,
            filter_expression=filter_expression,
            insights_configuration=xray.CfnGroup.InsightsConfigurationProperty(
                insights_enabled=insights, notifications_enabled=notifications
            ),
        )
        self.group_name = name
        self.group_arn = self.resource.attr_group_arn
