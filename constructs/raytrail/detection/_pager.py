"""A function that tells the channel of alerts: one page for each actor, detection and hour."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from raytrail._shown import accept_streams
from raytrail.alerting import AlertChannel
from raytrail.detection._suppressions import Suppression
from raytrail.detection._watch import watch
from raytrail.findings import acknowledge, place_of

_HANDLER = Path(__file__).with_name("handlers") / "pager"
_PACKAGE = "raytrail/detection/handlers/pager"
"""Where the function's files lie among its code: under the names by which they import each other here, too."""
_LONGEST_RUN = Duration.seconds(30)
MOST_TRIES = 5
_LATE = Duration.minutes(15)


class Pager(Construct):
    """Pages the channel once for each actor, detection and hour, and counts what else there is in it.

    A queue stands before the function: alerts wait in it while something is down, a storm of them takes two runs of
    the function at a time and no more of the account's concurrency, and what fails five times goes to the dead-letter
    queue. From there ``StartMessageMoveTask`` sends it here again. An alert that comes twice is counted once.

    A session of a role counts as the role, but one of Identity Center's as the person. The page says how many alerts
    there were in the last hour before it that had any. Mail gets it as text, other subscribers as JSON.

    Args:
        channel: Who is told. Its key encrypts the queue.
        undelivered: The dead-letter queue.
        suppressions: What nobody is told of. Default: nothing.
        group_alerts: Whether an hour is one page; without it each alert is. Default: yes.
        metric_namespace: Of the metrics ``Paged``, ``Counted``, ``Repeated``, ``Suppressed`` and ``Failed``. Default:
            ``raytrail/Alerts``.
        log_group: For the function's lines, one about each alert. Default: one is made.
        log_retention: How long the log group that is made keeps them. Default: three months.

    Attributes:
        queue: Takes alerts: see `grant_alert`.
        table: Who was told of what, for a week; and what windows of time a schedule asked about.
        function: The function.
        log_group: The function's log group.
        errors_alarm: The function fails.
        late_alarm: Alerts wait in the queue for a quarter of an hour.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        channel: AlertChannel,
        undelivered: sqs.IQueue,
        suppressions: Sequence[Suppression] = (),
        group_alerts: bool = True,
        metric_namespace: str = "raytrail/Alerts",
        log_group: logs.ILogGroup | None = None,
        log_retention: logs.RetentionDays = logs.RetentionDays.THREE_MONTHS,
    ) -> None:
        super().__init__(scope, id)
        self._channel = channel
        self.queue: sqs.Queue = sqs.Queue(
            self,
            "Queue",
            encryption=sqs.QueueEncryption.KMS,
            encryption_master_key=channel.key,
            enforce_ssl=True,
            retention_period=Duration.days(4),
            # Six times the function's: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
            visibility_timeout=Duration.seconds(6 * _LONGEST_RUN.to_seconds()),
            dead_letter_queue=sqs.DeadLetterQueue(queue=undelivered, max_receive_count=MOST_TRIES),
        )
        self.table: dynamodb.Table = dynamodb.Table(
            self,
            "Table",
            partition_key=dynamodb.Attribute(name="group", type=dynamodb.AttributeType.STRING),
            sort_key=dynamodb.Attribute(name="entry", type=dynamodb.AttributeType.STRING),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            time_to_live_attribute="expires",
            encryption=dynamodb.TableEncryption.AWS_MANAGED,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            # What it knows is of the last hours, and in the log groups too.
            removal_policy=RemovalPolicy.DESTROY,
        )
        self.log_group: logs.ILogGroup = log_group or logs.LogGroup(
            self, "LogGroup", retention=log_retention, removal_policy=RemovalPolicy.DESTROY
        )
        role = self._make_role(suppressions)
        with _code(suppressions) as code:
            self.function: lambda_.Function = lambda_.Function(
                self,
                "Function",
                description="Tells the channel of alerts, once for each actor, detection and hour",
                code=code,
                handler=f"{_PACKAGE}/index.handler".replace("/", "."),
                runtime=lambda_.Runtime.PYTHON_3_14,
                memory_size=256,
                timeout=_LONGEST_RUN,
                environment={
                    "TABLE_NAME": self.table.table_name,
                    "TOPIC_ARN": channel.topic.topic_arn,
                    "GROUPED": "true" if group_alerts else "false",
                    "METRIC_NAMESPACE": metric_namespace,
                },
                log_group=self.log_group,
                role=role,
            )
        self.queue.grant_consume_messages(role)
        lambda_.EventSourceMapping(
            self,
            "Source",
            target=self.function,
            event_source_arn=self.queue.queue_arn,
            batch_size=10,
            max_concurrency=2,
            report_batch_item_failures=True,
        )
        self.errors_alarm: cloudwatch.Alarm = watch(
            self,
            "ErrorsAlarm",
            channel=channel,
            metric=self.function.metric_errors(period=Duration.minutes(1), statistic="Sum"),
            description="The function that pages fails: alerts wait in its queue, and its log says why",
        )
        self.late_alarm: cloudwatch.Alarm = watch(
            self,
            "LateAlarm",
            channel=channel,
            metric=self.queue.metric_approximate_age_of_oldest_message(period=Duration.minutes(1), statistic="Maximum"),
            threshold=_LATE.to_seconds(),
            description="An alert has waited for a quarter of an hour to be paged",
        )

    def grant_alert(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let somebody send alerts to the queue, and return the grant.

        An alert is JSON with ``detection``, as `described` returns, and ``event``, whose ``detail`` is the CloudTrail
        record.

        Args:
            grantee: Who is to send.
        """
        # What a sender needs of the key, which is less than the queue's own grant gives:
        # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html
        of_the_key = self._channel.key.grant(grantee, "kms:Decrypt", "kms:GenerateDataKey")
        return self.queue.grant(grantee, "sqs:SendMessage").combine(of_the_key)

    def _make_role(self, suppressions: Sequence[Suppression]) -> iam.Role:
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        self.log_group.grant_write(role)
        accept_streams(role, self.log_group)
        self.table.grant(role, "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:Query")
        self._channel.grant_publish(role)
        if any(each.tag for each in suppressions):
            stack, place = Stack.of(self), place_of(self)
            kinds = {"iam:ListRoleTags": "role", "iam:ListUserTags": "user"}
            for action, kind in kinds.items():
                role.add_to_policy(
                    iam.PolicyStatement(
                        actions=[action],
                        resources=[stack.format_arn(service="iam", region="", resource=kind, resource_name="*")],
                    )
                )
            acknowledge(
                role,
                {
                    f"AwsSolutions-IAM5[Resource::arn:{place.partition}:iam::{place.account}:{kind}/*]": (
                        "whoever calls may have a tag by which nobody is told of it"
                    )
                    for kind in kinds.values()
                },
            )
        return role


@contextmanager
def _code(suppressions: Sequence[Suppression]) -> Iterator[lambda_.Code]:
    """The function's code beside its suppressions, which may be more than fits into its environment."""
    with tempfile.TemporaryDirectory() as folder:
        files = Path(folder) / _PACKAGE
        shutil.copytree(_HANDLER, files, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
        documents = [each.as_document() for each in suppressions]
        (files / "suppressions.json").write_text(json.dumps(documents, indent=1), encoding="utf-8")
        # The folder is copied where the function is made, which is inside this block.
        yield lambda_.Code.from_asset(folder)
