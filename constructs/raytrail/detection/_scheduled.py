"""Detections that take more than one event, or more than EventBridge can say: asked of the lake on a schedule."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from raytrail._shown import accept_streams
from raytrail.alerting import AlertChannel
from raytrail.audit import AnalystRole, AuditLake
from raytrail.detection._described import described
from raytrail.detection._pager import Pager
from raytrail.detection._scheduled_fields import FURTHER_FIELDS, OWN_FIELDS
from raytrail.detection._watch import watch
from raytrail.errors import InvalidProps
from raytrail.sigma import CompiledRule, Statement, catalog, statements

_HANDLER = Path(__file__).with_name("handlers") / "scheduled"
_PACKAGE = "raytrail/detection/handlers/scheduled"
_WINDOW = "raytrail/sigma/window.py"
"""Where the function's files lie among its code: under the names by which they import each other here, too."""
_LONGEST_RUN = Duration.minutes(15)
_LONGEST_PERIOD_MINUTES = 24 * 60


class ScheduledDetections(Construct):
    """Asks the lake for what EventBridge cannot see: correlations, and rules that its patterns cannot express.

    A schedule starts a function, which runs a few statements of Athena over one window of time and sends an alert for
    each event that they find to the `Pager`, in the form in which EventBridge sends those of `ApiCallAlerts`: they are
    suppressed, grouped and paged alike. A correlation alerts with the event that completes it.

    **What a window is.** It ends ``lag_minutes`` before the scheduled time, and begins where the one before it ended,
    which the pager's table knows; the first one is as long as the period. So windows lie side by side, and each event
    is asked about once, also where the period or the lag is changed or runs are missing; what is further back than two
    days is left out, which the log says. CloudTrail delivers most files within 15 minutes
    (https://docs.aws.amazon.com/awscloudtrail/latest/userguide/how-cloudtrail-works.html), without a promise: an event
    whose file comes later than the lag is not seen by these detections. It is in the lake, and a query finds it.

    A run that fails is tried twice more; then its time lands in the dead-letter queue, whose alarm goes to the channel:
    invoke the function with that message to make up for it. An alert that is sent twice is paged once.

    **What it costs.** Each statement reads the days that the window touches, of the accounts and Regions that are
    named: up to a hundred rules about single events share one statement, and so do all correlations that count; each
    ``temporal_ordered`` one has its own.

    Args:
        lake: The lake. Its workgroup's byte limit holds for each statement.
        pager: Takes the alerts.
        channel: The pager's: who is told of failures too. Its key encrypts the queues.
        regions: The Regions to read, of those that the lake shows.
        accounts: The accounts to read, of those that the lake shows. Default: the stack's.
        rules: What to detect. Default: of the catalogue, what alerts and has no pattern of EventBridge.
        told: Rules that EventBridge tells of at once, in its own Region: they are asked of the files of the other
            Regions alone. Default: none.
        home_region: That Region. Default: the stack's.
        among: Where else the rules of correlations are looked for. Default: the catalogue.
        role: A role of Lambda's that may ask the lake, as `AnalystRole` makes one; give it where the lake is in another
            stack, made in that stack, so that its rights are written there. Default: one is made here.
        period_minutes: Minutes from one run to the next: 5 to 1,440. Default: 60.
        lag_minutes: Minutes from the end of a window to its run: 0 to 1,440. Default: 30.
        undelivered: A standard queue for the times of runs that failed. Default: one is made, with the channel's key.
        log_group: For the function's lines, one about each run. Default: one is made.
        log_retention: How long the log group that is made keeps them. Default: three months.

    Attributes:
        detections: The rules, by name.
        statements: What the lake is asked.
        function: The function.
        schedule: The schedule's L1.
        undelivered: The dead-letter queue.
        log_group: The function's log group.
        errors_alarm: The function fails.
        undelivered_alarm: A run failed for good.

    Raises:
        InvalidProps: There is nothing to detect, Athena cannot express a rule, no Region is named, or the period or the
            lag is not allowed.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        lake: AuditLake,
        pager: Pager,
        channel: AlertChannel,
        regions: Sequence[str],
        accounts: Sequence[str] = (),
        rules: Sequence[CompiledRule] | None = None,
        told: Sequence[CompiledRule] = (),
        home_region: str | None = None,
        among: Sequence[CompiledRule] | None = None,
        role: iam.IRole | None = None,
        period_minutes: int = 60,
        lag_minutes: int = 30,
        undelivered: sqs.IQueue | None = None,
        log_group: logs.ILogGroup | None = None,
        log_retention: logs.RetentionDays = logs.RetentionDays.THREE_MONTHS,
    ) -> None:
        super().__init__(scope, id)
        _check(period_minutes, lag_minutes, regions)
        self.detections: dict[str, CompiledRule] = {
            rule.name: rule for rule in (unseen(catalog()) if rules is None else rules)
        }
        elsewhere = [region for region in regions if region != (home_region or Stack.of(self).region)]
        told = [rule for rule in told if rule.predicate is not None and elsewhere]
        for rule in self.detections.values():
            if rule.predicate is None and rule.correlation is None:
                raise InvalidProps(f"rule {rule.name!r} cannot be asked of the lake: {rule.athena_reason}")
        carry = {f"further_{number}": expression for number, expression in enumerate(FURTHER_FIELDS.values())}
        self.statements: tuple[Statement, ...] = statements(
            list(self.detections.values()),
            table=lake.table_name,
            # The accounts may be known only where the stack is deployed.
            accounts=["${accounts}"],
            regions=regions,
            carry=carry,
            among=catalog() if among is None else among,
        )
        if told:
            self.detections |= {rule.name: rule for rule in told}
            self.statements += statements(
                told, table=lake.table_name, accounts=["${accounts}"], regions=elsewhere, carry=carry
            )
        if not self.statements:
            raise InvalidProps("rules are none that the lake is asked for: give some, or leave the schedule out")
        self.undelivered: sqs.IQueue = undelivered or sqs.Queue(
            self,
            "Undelivered",
            encryption=sqs.QueueEncryption.KMS,
            encryption_master_key=channel.key,
            enforce_ssl=True,
            retention_period=Duration.days(14),
        )
        self.log_group: logs.ILogGroup = log_group or logs.LogGroup(
            self, "LogGroup", retention=log_retention, removal_policy=RemovalPolicy.DESTROY
        )
        role = role or reader_role(self, "Role", lake=lake)
        # Not in the role's own policy, which may be in the lake's stack: that one knows nothing of these.
        rights = iam.Policy(self, "Rights", roles=[role], statements=_sending([pager.queue, self.undelivered], channel))
        log = iam.PolicyStatement(
            actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=[self.log_group.log_group_arn]
        )
        # Its own entries among the pager's, and no others.
        windows = iam.PolicyStatement(
            actions=["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"],
            resources=[pager.table.table_arn],
            conditions={"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": [self.node.path]}},
        )
        rights.add_statements(log, windows)
        accept_streams(rights, self.log_group)
        with self._code() as code:
            self.function: lambda_.Function = lambda_.Function(
                self,
                "Function",
                description="Asks the lake what was detected, and sends the alerts",
                code=code,
                handler=f"{_PACKAGE}/index.handler".replace("/", "."),
                runtime=lambda_.Runtime.PYTHON_3_14,
                memory_size=256,
                timeout=_LONGEST_RUN,
                environment={
                    "DATABASE": lake.database_name,
                    "WORKGROUP": lake.workgroup_name,
                    "ACCOUNTS": ",".join(accounts or [Stack.of(self).account]),
                    "QUEUE_URL": pager.queue.queue_url,
                    "TABLE_NAME": pager.table.table_name,
                    "SCHEDULE": self.node.path,
                    "PERIOD_MINUTES": str(period_minutes),
                    "LAG_MINUTES": str(lag_minutes),
                },
                log_group=self.log_group,
                role=role,
                retry_attempts=2,
            )
        function = self.function.node.default_child
        assert isinstance(function, lambda_.CfnFunction)
        function.dead_letter_config = lambda_.CfnFunction.DeadLetterConfigProperty(
            target_arn=self.undelivered.queue_arn
        )
        self.function.node.add_dependency(rights)
        self.schedule: scheduler.CfnSchedule = self._make_schedule(period_minutes, channel)
        self.errors_alarm: cloudwatch.Alarm
        self.undelivered_alarm: cloudwatch.Alarm
        self.errors_alarm, self.undelivered_alarm = self._watch(channel)

    @contextmanager
    def _code(self) -> Iterator[lambda_.Code]:
        """The function's code beside the statements."""
        questions = {
            "columns": [*OWN_FIELDS, *FURTHER_FIELDS],
            "detections": {name: described(rule) for name, rule in self.detections.items()},
            "statements": [{"sql": each.sql, "before_seconds": each.before_seconds} for each in self.statements],
        }
        with tempfile.TemporaryDirectory() as folder:
            files = Path(folder) / _PACKAGE
            shutil.copytree(_HANDLER, files, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
            window = Path(folder) / _WINDOW
            window.parent.mkdir(parents=True)
            shutil.copy(Path(__file__).parents[2] / _WINDOW, window)
            (files / "questions.json").write_text(json.dumps(questions, indent=1), encoding="utf-8")
            # The folder is copied where the function is made, which is inside this block.
            yield lambda_.Code.from_asset(folder)

    def _make_schedule(self, period_minutes: int, channel: AlertChannel) -> scheduler.CfnSchedule:
        role = iam.Role(self, "ScheduleRole", assumed_by=iam.ServicePrincipal("scheduler.amazonaws.com"))
        start = iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=[self.function.function_arn])
        for statement in (start, *_sending([self.undelivered], channel)):
            role.add_to_policy(statement)
        target = scheduler.CfnSchedule
        return scheduler.CfnSchedule(
            self,
            "Schedule",
            description="Asks the lake what was detected",
            flexible_time_window=target.FlexibleTimeWindowProperty(mode="OFF"),
            schedule_expression=f"rate({period_minutes} minutes)",
            target=target.TargetProperty(
                arn=self.function.function_arn,
                role_arn=role.role_arn,
                # https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
                input='{"time": "<aws.scheduler.scheduled-time>"}',
                dead_letter_config=target.DeadLetterConfigProperty(arn=self.undelivered.queue_arn),
            ),
        )

    def _watch(self, channel: AlertChannel) -> tuple[cloudwatch.Alarm, cloudwatch.Alarm]:
        errors = watch(
            self,
            "ErrorsAlarm",
            channel=channel,
            metric=self.function.metric_errors(period=Duration.minutes(5), statistic="Sum"),
            description="The function that asks the lake fails: its log says which statement, and why",
        )
        undelivered = watch(
            self,
            "UndeliveredAlarm",
            channel=channel,
            metric=self.undelivered.metric_approximate_number_of_messages_visible(
                period=Duration.minutes(1), statistic="Maximum"
            ),
            description="A window of time was not asked about: invoke the function with the message of the queue",
        )
        return errors, undelivered


def unseen(rules: Sequence[CompiledRule]) -> list[CompiledRule]:
    """Return the rules that alert and that EventBridge cannot express.

    Args:
        rules: Compiled rules, as those of `raytrail.sigma.catalog`.
    """
    return [
        rule
        for rule in rules
        if rule.alerts and not rule.patterns and (rule.predicate is not None or rule.correlation is not None)
    ]


def reader_role(scope: Construct, id: str, *, lake: AuditLake) -> iam.Role:
    """Return a role of Lambda's that may ask a lake, for `ScheduledDetections`; made in the lake's stack.

    Args:
        scope: Where it stands in the tree.
        id: What it is called there.
        lake: The lake.
    """
    return AnalystRole(
        scope, id, lake=lake, assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"), require_mfa=False
    ).role


def _sending(queues: Sequence[sqs.IQueue], channel: AlertChannel) -> list[iam.PolicyStatement]:
    """What it takes to send to queues that the channel's key encrypts, or keys of their own.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html
    """
    own = (queue.encryption_master_key for queue in queues)
    keys = dict.fromkeys((channel.key.key_arn, *(key.key_arn for key in own if key is not None)))
    return [
        iam.PolicyStatement(actions=["sqs:SendMessage"], resources=[queue.queue_arn for queue in queues]),
        iam.PolicyStatement(actions=["kms:Decrypt", "kms:GenerateDataKey"], resources=[*keys]),
    ]


def _check(period_minutes: int, lag_minutes: int, regions: Sequence[str]) -> None:
    if not 5 <= period_minutes <= _LONGEST_PERIOD_MINUTES:
        raise InvalidProps(f"period_minutes is 5 to {_LONGEST_PERIOD_MINUTES}, got {period_minutes}")
    if not 0 <= lag_minutes <= _LONGEST_PERIOD_MINUTES:
        raise InvalidProps(f"lag_minutes is 0 to {_LONGEST_PERIOD_MINUTES}, got {lag_minutes}")
    if not regions:
        raise InvalidProps("regions must name at least one Region: a Region that is not named is not asked about")
