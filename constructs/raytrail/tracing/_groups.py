"""X-Ray groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

from aws_cdk import Annotations, Duration, Fn, Stack, Token
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from aws_cdk import aws_xray as xray
from constructs import Construct

from raytrail.errors import InvalidFilter, InvalidProps
from raytrail.traces import Filter, as_filter
from raytrail.tracing._model import MAX_GROUPS, check_name
from raytrail.tracing._owner import claim_name

InsightState = Literal["ACTIVE", "CLOSED"]
"""States of an insight, as its events name them."""

_READ_ACTIONS = (
    "xray:GetTraceSummaries",
    "xray:BatchGetTraces",
    "xray:GetTraceGraph",
    "xray:GetServiceGraph",
    "xray:GetTimeSeriesServiceStatistics",
    "xray:GetInsightSummaries",
    "xray:GetInsight",
    "xray:GetInsightEvents",
    "xray:GetInsightImpactGraph",
)


class ITraceGroup(Construct):
    """A trace group, made by this app or not.

    Attributes:
        group_name: Its name.
        group_arn: Its ARN.
    """

    group_name: str
    group_arn: str

    def metric_trace_count(
        self, *, statistic: str = "Sum", period: Duration | None = None, label: str | None = None
    ) -> cloudwatch.Metric:
        """About how many traces came into the group.

        AWS's guide says that X-Ray publishes such a metric each minute
        (https://docs.aws.amazon.com/xray/latest/devguide/xray-console-groups.html#xray-console-group-cloudwatch); its
        name, ``ApproximateTraceCount`` in ``AWS/X-Ray``, is that of AWS's observability workshop.

        Args:
            statistic: What to make of it. Default: the sum.
            period: Of each value. Default: a minute.
            label: How a graph names it. Default: as CloudWatch does.
        """
        return cloudwatch.Metric(
            namespace="AWS/X-Ray",
            metric_name="ApproximateTraceCount",
            dimensions_map={"GroupName": self.group_name},
            statistic=statistic,
            period=period or Duration.minutes(1),
            label=label,
        )

    def add_alarm(
        self,
        id: str = "Alarm",
        *,
        at_least: int = 1,
        period: Duration | None = None,
        evaluation_periods: int = 1,
        datapoints_to_alarm: int | None = None,
        topic: sns.ITopic | None = None,
    ) -> cloudwatch.Alarm:
        """Raise an alarm when traces come into the group, and return it.

        Only recorded traces come into a group, so sampling decides how few faults can go unseen.

        Args:
            id: Of the alarm, below the group. Default: ``Alarm``.
            at_least: Traces in a period that raise it. Default: one.
            period: Length of a period. Default: a minute.
            evaluation_periods: Periods that are looked at. Default: one.
            datapoints_to_alarm: How many of these must have as many traces. Default: all.
            topic: Who is told of the alarm and of its end. Default: nobody.

        Raises:
            InvalidProps: ``at_least`` or ``evaluation_periods`` is below one, or ``datapoints_to_alarm`` is not from
                one to ``evaluation_periods``.
        """
        where = f"of the alarm on trace group {self.group_name!r}"
        for name, value in (("at_least", at_least), ("evaluation_periods", evaluation_periods)):
            if value < 1:
                raise InvalidProps(f"{name} {where} is 1 or more, got {value}")
        if datapoints_to_alarm is not None and not 1 <= datapoints_to_alarm <= evaluation_periods:
            raise InvalidProps(
                f"datapoints_to_alarm {where} is from 1 to its {evaluation_periods} evaluation_periods, "
                f"got {datapoints_to_alarm}"
            )
        alarm = cloudwatch.Alarm(
            self,
            id,
            alarm_description=f"Traces came into the X-Ray group {self.group_name}",
            metric=self.metric_trace_count(period=period),
            threshold=at_least,
            evaluation_periods=evaluation_periods,
            datapoints_to_alarm=datapoints_to_alarm,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        if topic is not None:
            alarm.add_alarm_action(actions.SnsAction(topic))
            alarm.add_ok_action(actions.SnsAction(topic))
        return alarm

    def on_insight(
        self, id: str, *, target: events.IRuleTarget | None = None, states: Sequence[InsightState] = ()
    ) -> events.Rule:
        """Tell a target when an insight of the group is found, changes or is closed, and return the rule.

        X-Ray sends these events at best effort, to the default bus, which may not have a key of one's own
        (https://docs.aws.amazon.com/xray/latest/devguide/xray-console-insights.html). The event names the group in
        ``detail.GroupName``, by EventBridge's schema of it.

        Args:
            id: Of the rule, below the group.
            target: Whom to tell. Default: nobody yet; call ``add_target`` on the rule.
            states: Of the insight, to tell of. Default: any.

        Raises:
            InvalidProps: The group of this app has no notifications, or a state is not one of an insight.
        """
        self._check_notifications()
        if unknown := [state for state in states if state not in get_args(InsightState)]:
            raise InvalidProps(
                f"states of insights {id!r} of trace group {self.group_name!r} are "
                f"{' and '.join(get_args(InsightState))}, got {', '.join(map(repr, unknown))}"
            )
        detail = {"GroupName": [self.group_name], **({"State": [*states]} if states else {})}
        return events.Rule(
            self,
            id,
            description=f"Insights of the X-Ray group {self.group_name}",
            event_pattern=events.EventPattern(
                source=["aws.xray"], detail_type=["AWS X-Ray Insight Update"], detail=detail
            ),
            targets=[target] if target is not None else None,
        )

    def grant_read(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let somebody look at the group: its definition, traces, service graph and insights; and return the grant.

        X-Ray knows no permission on the traces of one group: who may read these may read all. Where a key of one's
        own encrypts traces, readers need `TraceEncryption.grant_decrypt` too.

        Args:
            grantee: Who is to look.
        """
        definition = iam.Grant.add_to_principal(
            grantee=grantee, actions=["xray:GetGroup"], resource_arns=[self.group_arn]
        )
        return definition.combine(
            iam.Grant.add_to_principal(grantee=grantee, actions=[*_READ_ACTIONS], resource_arns=["*"])
        )

    def _check_notifications(self) -> None:
        """Refuse what the group is known not to send."""


class TraceGroup(ITraceGroup):
    """The traces that match one filter expression, with metrics of their own.

    A group is billed by the traces that it retrieves, and changing its expression does not sort old traces anew.
    ``Tags.of(group).add(…)`` tags it.

    Args:
        name: 1 to 32 letters, digits and dashes, once in the account and Region.
        filter_expression: Which traces: a text in X-Ray's filter language, or one built of `raytrail.tracing`'s words
            (https://docs.aws.amazon.com/xray/latest/devguide/xray-console-filters.html). At run time X-Ray would drop
            a group with a wrong text in silence, so a text is read here. One that holds a token of the CDK, which
            has no value before the deployment, passes unread.
        insights: Whether X-Ray looks for anomalies in the group (billed by trace). Default: no.
        notifications: Whether an insight sends an event to the default EventBridge bus. Default: no.

    Attributes:
        resource: The group's L1.
        filter_expression: The expression, as X-Ray gets it.

    Raises:
        InvalidFilter: The expression is not one of X-Ray's language; it says where and what was expected.
        InvalidProps: The name is not allowed or is taken in this app, the account would have more than 25 groups, or
            notifications are asked for without insights.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        name: str,
        filter_expression: str | Filter,
        insights: bool = False,
        notifications: bool = False,
    ) -> None:
        super().__init__(scope, id)
        check_name("trace group", name)
        self.filter_expression: str = self._read(name, filter_expression)
        if notifications and not insights:
            raise InvalidProps(f"notifications of trace group {name!r} need insights=True, which make them")
        claim_name(self, "trace group", name, at_most=MAX_GROUPS)
        self._notifies = notifications
        self.resource: xray.CfnGroup = xray.CfnGroup(
            self,
            "Resource",
            group_name=name,
            filter_expression=self.filter_expression,
            insights_configuration=xray.CfnGroup.InsightsConfigurationProperty(
                insights_enabled=insights, notifications_enabled=notifications
            ),
        )
        self.group_name = name
        self.group_arn: str = self.resource.attr_group_arn

    @staticmethod
    def from_group_name(scope: Construct, id: str, group_name: str) -> ITraceGroup:
        """Return a group of this account and Region that another app made.

        Its ARN ends in ``*``: X-Ray adds an id to it that the name does not tell.

        Args:
            scope: Where it stands in the tree.
            id: What it is called there.
            group_name: The group's name.
        """
        arn = Stack.of(scope).format_arn(service="xray", resource="group", resource_name=f"{group_name}/*")
        return _Imported(scope, id, name=group_name, arn=arn)

    @staticmethod
    def from_group_arn(scope: Construct, id: str, group_arn: str) -> ITraceGroup:
        """Return a group that another app made, by its ARN, ``arn:…:group/NAME/ID``.

        Args:
            scope: Where it stands in the tree.
            id: What it is called there.
            group_arn: The group's ARN; a token will do.
        """
        return _Imported(scope, id, name=Fn.select(1, Fn.split("/", group_arn)), arn=group_arn)

    def _read(self, name: str, expression: str | Filter) -> str:
        if isinstance(expression, str):
            if not expression.strip():
                raise InvalidProps(f"filter_expression of trace group {name!r} is empty; a group needs one")
            if Token.is_unresolved(expression):
                return expression
        try:
            read = as_filter(expression)
        except InvalidFilter as error:
            raise InvalidFilter(
                f"filter_expression of trace group {name!r}: {error}", column=error.column, expected=error.expected
            ) from error
        if read.uses_parentheses:
            Annotations.of(self).add_warning_v2(
                "raytrail:filterParentheses",
                f"the filter of trace group {name!r} mixes AND and OR, so it holds parentheses, which AWS's page on "
                "filter expressions does not mention; look whether X-Ray keeps the group, or make a group of each part",
            )
        return expression if isinstance(expression, str) else str(read)

    def _check_notifications(self) -> None:
        if not self._notifies:
            raise InvalidProps(
                f"trace group {self.group_name!r} sends no insights; make it with insights=True, notifications=True"
            )


class _Imported(ITraceGroup):
    """A group of another app."""

    def __init__(self, scope: Construct, id: str, *, name: str, arn: str) -> None:
        super().__init__(scope, id)
        self.group_name = name
        self.group_arn = arn
