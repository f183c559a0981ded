"""EventBridge rules over API calls, and where their alerts go."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from aws_cdk import ArnFormat, Duration, RemovalPolicy, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from raytrail.alerting import AlertChannel
from raytrail.detection._model import Detection, Level
from raytrail.errors import InvalidProps
from raytrail.findings import acknowledge

# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
_PATHS = {
    "actor": "$.detail.userIdentity.arn",
    "call": "$.detail.eventName",
    "service": "$.detail.eventSource",
    "address": "$.detail.sourceIPAddress",
    "region": "$.detail.awsRegion",
    "time": "$.detail.eventTime",
    "event": "$.detail.eventID",
    "account": "$.account",
    "error": "$.detail.errorCode",
}


class ApiCallAlerts(Construct):
    """Rules on the default event bus that tell somebody about API calls.

    Each alert goes to the channel's topic, as a message to read, and to a log group, whole. What EventBridge could
    not deliver lands in a dead-letter queue, whose alarm goes to the same channel.

    The rules see what a trail of the account logs, in their own Region; events of global services (IAM and others)
    appear in us-east-1 alone: see `GlobalEventForwarder`.

    Args:
        channel: Who is told. Its key encrypts the dead-letter queue too.
        detections: What to tell. Default: nothing yet; call `add_detection` or `on_api_call`.
        log_group_name: The log group of whole events, under ``/aws/events/``. Default: one named after the stack.
        log_retention: How long it keeps them. Default: one year.

    Attributes:
        rules: Each rule's L1 by the id of its detection.
        log_group: The log group of whole events.
        undelivered: The dead-letter queue.
        undelivered_alarm: The alarm on it.

    Raises:
        InvalidProps: Two detections share an id, or the log group is not under ``/aws/events/``.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        channel: AlertChannel,
        detections: Sequence[Detection] = (),
        log_group_name: str | None = None,
        log_retention: logs.RetentionDays = logs.RetentionDays.ONE_YEAR,
    ) -> None:
        super().__init__(scope, id)
        stack = Stack.of(self)
        log_group_name = log_group_name or f"/aws/events/{stack.stack_name}"
        if not log_group_name.startswith("/aws/events/"):
            raise InvalidProps(
                f"log_group_name {log_group_name!r} begins with /aws/events/, where EventBridge may write"
            )
        self._channel = channel
        self.rules: dict[str, events.CfnRule] = {}
        self.log_group = logs.LogGroup(
            self,
            "LogGroup",
            log_group_name=log_group_name,
            retention=log_retention,
            removal_policy=RemovalPolicy.DESTROY,
        )
        # EventBridge wants the ARN without the ":*" that CloudFormation's GetAtt has.
        self._log_arn = stack.format_arn(
            service="logs",
            resource="log-group",
            resource_name=self.log_group.log_group_name,
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        self._log_policy = self._let_eventbridge_log()
        self.undelivered = self._make_dead_letter_queue()
        self.undelivered_alarm = self._make_alarm()
        for detection in detections:
            self.add_detection(detection)

    def on_api_call(
        self,
        call: str,
        *,
        title: str | None = None,
        level: Level = "medium",
        techniques: tuple[str, ...] = (),
        read_only: bool = False,
    ) -> events.CfnRule:
        """Tell about one API call, named as in an IAM policy, and return the rule.

        Args:
            call: As ``dynamodb:DeleteTable``.
            title: What it means. Default: that it was called.
            level: How much it matters. Default: medium.
            techniques: Ids of ATT&CK techniques. Default: none.
            read_only: Whether the call only reads, which a rule sees only on request. Default: no.

        Raises:
            InvalidProps: The call is malformed, or has a rule already.
        """
        return self.add_detection(
            Detection.of_api_call(call, title=title, level=level, techniques=techniques, read_only=read_only)
        )

    def add_detection(self, detection: Detection) -> events.CfnRule:
        """Make the rule of one detection and return it.

        Raises:
            InvalidProps: A detection of that id has a rule already.
        """
        if detection.id in self.rules:
            raise InvalidProps(f"detection {detection.id!r} has a rule already; give each detection once")
        target = events.CfnRule.TargetProperty
        dead_letters = events.CfnRule.DeadLetterConfigProperty(arn=self.undelivered.queue_arn)
        rule = events.CfnRule(
            self,
            detection.id,
            description=f"{detection.title} [{detection.level}] {' '.join(detection.techniques)}".strip(),
            event_pattern=detection.pattern(),
            state="ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS" if detection.read_only else "ENABLED",
            targets=[
                target(
                    id="Channel",
                    arn=self._channel.topic.topic_arn,
                    dead_letter_config=dead_letters,
                    input_transformer=events.CfnRule.InputTransformerProperty(
                        input_paths_map=_PATHS, input_template=_message(detection)
                    ),
                ),
                target(id="Log", arn=self._log_arn, dead_letter_config=dead_letters),
            ],
        )
        rule.add_resource_dependency(self._log_policy)
        self.rules[detection.id] = rule
        return rule

    def _let_eventbridge_log(self) -> logs.CfnResourcePolicy:
        # An account has ten such policies in a Region, not adjustable: one for all rules of this construct.
        # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html#eb-cloudwatchlogs-permissions
        stack = Stack.of(self)
        statement = iam.PolicyStatement(
            principals=[
                iam.ServicePrincipal("events.amazonaws.com"),
                iam.ServicePrincipal("delivery.logs.amazonaws.com"),
            ],
            actions=["logs:CreateLogStream", "logs:PutLogEvents"],
            resources=[f"{self._log_arn}:*"],
        )
        return logs.CfnResourcePolicy(
            self,
            "LogPolicy",
            policy_name=f"{stack.stack_name}-events",
            policy_document=stack.to_json_string(iam.PolicyDocument(statements=[statement])),
        )

    def _make_dead_letter_queue(self) -> sqs.Queue:
        stack = Stack.of(self)
        queue = sqs.Queue(
            self,
            "Undelivered",
            encryption=sqs.QueueEncryption.KMS,
            encryption_master_key=self._channel.key,
            enforce_ssl=True,
            retention_period=Duration.days(14),
        )
        # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
        queue.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AllowRules",
                principals=[iam.ServicePrincipal("events.amazonaws.com")],
                actions=["sqs:SendMessage"],
                resources=[queue.queue_arn],
                conditions={
                    "ArnLike": {"aws:SourceArn": stack.format_arn(service="events", resource="rule", resource_name="*")}
                },
            )
        )
        acknowledge(queue, {"AwsSolutions-SQS3": "this is the dead-letter queue"})
        return queue

    def _make_alarm(self) -> cloudwatch.Alarm:
        alarm = cloudwatch.Alarm(
            self,
            "UndeliveredAlarm",
            alarm_description="EventBridge could not deliver an alert: read the dead-letter queue for the reason",
            metric=self.undelivered.metric_approximate_number_of_messages_visible(
                period=Duration.minutes(1), statistic="Maximum"
            ),
            threshold=1,
            evaluation_periods=1,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        alarm.add_alarm_action(actions.SnsAction(self._channel.topic))
        return alarm


def _message(detection: Detection) -> str:
    """The alert: JSON for machines, with a summary for people first.

    A call that was refused is told too, since who tries is worth knowing: its error ends the summary, which is empty
    there when the call succeeded.
    """
    body: dict[str, Any] = {
        "summary": f"{detection.title}: <actor> called <call> from <address> in <region>; error: <error>",
        "detection": detection.id,
        "level": detection.level,
        "techniques": " ".join(detection.techniques),
        "actor": "<actor>",
        "call": "<call>",
        "service": "<service>",
        "source_address": "<address>",
        "region": "<region>",
        "account": "<account>",
        "time": "<time>",
        "error": "<error>",
        "event_id": "<event>",
        # The saved query of the lake that shows what else this actor did around it.
        "query": "raytrail query actor_hour actor=<actor> at=<time>",
    }
    return json.dumps(body)
