"""EventBridge rules over API calls, and where their alerts go."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import jsii
from aws_cdk import Annotations, Duration, Stack, Token
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sqs as sqs
from constructs import Construct, IValidation

from raytrail.alerting import AlertChannel
from raytrail.detection._bounds import (
    MOST_TARGETS,
    check_rule,
    dead_rules,
    deployable,
    half_seen,
    quota_problems,
)
from raytrail.detection._described import PATHS, QUERY_PATHS, alert_template, page_template, text_template
from raytrail.detection._event_log import event_log, log_statements
from raytrail.detection._model import rule_of_api_call
from raytrail.detection._pager import Pager
from raytrail.detection._suppressions import Suppression
from raytrail.detection._targets import AlertTarget, admit_to_queue, check_place
from raytrail.detection._watch import watch, watch_lost
from raytrail.errors import InvalidProps
from raytrail.sigma import CompiledRule, Level, Vantage, catalog, catalog_rule, reads

_LONGEST_DESCRIPTION = 512
_ALL_EVENTS = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"


class ApiCallAlerts(Construct):
    """Rules on the default event bus that tell somebody about API calls.

    Each event goes whole to a log group, and to a `Pager`, which tells the channel once for each actor, detection and
    hour. What EventBridge could not deliver, or the pager not handle, lands in a dead-letter queue, whose alarm goes to
    the same channel; so do alarms on a pager that fails or is late, and on events that not even that queue could take.

    The rules see what a trail of the account logs, in their own Region; events of global services (IAM and others)
    appear in us-east-1 alone: see `GlobalEventForwarder`. A rule that can never fire, as far as ``vantage`` says, is
    an error of the synth that names the setting which would let it.

    Args:
        channel: Who is told. Its key encrypts the queues.
        rules: What to tell. Default: the alerts of the catalogue that EventBridge expresses and that can fire; an
            annotation names those that cannot.
        without: Names of detections of the catalogue that are left out: nobody wants them, or the bus has no room for
            them, and then `ScheduledDetections` can ask the lake for them. Default: none.
        targets: Where else every alert goes, as it comes: at most three. Default: nowhere.
        suppressions: What nobody is told of, for now. Default: nothing.
        group_alerts: Whether the alerts of an actor, a detection and an hour are one page; without it each is one.
            Default: yes.
        vantage: What is known of the trail, and of what is forwarded here; the Region is the stack's if it names none.
            Default: nothing, and then no rule is held to be dead for it.
        most_rules: How many rules the bus takes, where AWS has raised the quota. Default: 300, and 100 in af-south-1
            and eu-south-1 (https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html).
        log_group_name: The name of the log group of whole events that is made, under ``/aws/events/``. Default: one
            after the stack's.
        log_retention: How long it keeps them. Default: one year.
        log_group: A log group for whole events, under ``/aws/events/``, of the stack's account and Region. Default:
            one is made.
        log_policy: Whether to make the resource policy by which EventBridge writes to log groups. Where the ten of
            the Region are used up, let one of them say what `log_statements` returns, and leave it out. Default: yes.
        undelivered: A standard queue for what could not be delivered. Default: one is made, with the channel's key.
        pager_log_group: For the pager's lines. Default: one is made that keeps them for three months.
        metric_namespace: Of the pager's metrics. Default: ``raytrail/Alerts``.

    Attributes:
        rules: Each EventBridge rule's L1 by its id: a detection of several patterns has several, ``RootUse``,
            ``RootUse2`` and so on.
        detections: The rule that each is of, by the detection's name.
        pager: Who tells the channel.
        log_group: The log group of whole events.
        undelivered: The dead-letter queue.
        undelivered_alarm: The alarm on it.
        lost_alarm: The alarm on what not even that queue could take.
        vantage: What is known of the trail and of what is forwarded, with the stack's Region.

    Raises:
        InvalidProps: A rule is given twice, cannot be an alert of EventBridge, or has too many targets; or the log
            group is not under ``/aws/events/``, or both it and a name are given.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        channel: AlertChannel,
        rules: Sequence[CompiledRule] | None = None,
        without: Sequence[str] = (),
        targets: Sequence[AlertTarget] = (),
        suppressions: Sequence[Suppression] = (),
        group_alerts: bool = True,
        vantage: Vantage | None = None,
        most_rules: int | None = None,
        log_group_name: str | None = None,
        log_retention: logs.RetentionDays = logs.RetentionDays.ONE_YEAR,
        log_group: logs.ILogGroup | None = None,
        log_policy: bool = True,
        undelivered: sqs.IQueue | None = None,
        pager_log_group: logs.ILogGroup | None = None,
        metric_namespace: str = "raytrail/Alerts",
    ) -> None:
        super().__init__(scope, id)
        stack = Stack.of(self)
        self._channel, self._suppressions, self._most_rules = channel, tuple(suppressions), most_rules
        region = None if Token.is_unresolved(stack.region) else stack.region
        self.vantage: Vantage = replace(vantage or Vantage(), region=(vantage and vantage.region) or region)
        self.rules: dict[str, events.CfnRule] = {}
        self.detections: dict[str, CompiledRule] = {}
        self._rules_of: dict[str, list[events.CfnRule]] = {}
        self.log_group: logs.ILogGroup = event_log(
            self, "LogGroup", given=log_group, name=log_group_name, retention=log_retention
        )
        log = AlertTarget.log_group(self.log_group)
        self._log_policy: logs.CfnResourcePolicy | None = None
        if log_policy:
            self._log_policy = logs.CfnResourcePolicy(
                self, "LogPolicy", policy_name=f"{stack.stack_name}-events", policy_document=self._may_log([log])
            )
        self.undelivered: sqs.IQueue = undelivered or self._make_dead_letter_queue()
        admit_to_queue(self, self.undelivered, of_the_channel=channel.key)
        self.undelivered_alarm: cloudwatch.Alarm = watch(
            self,
            "UndeliveredAlarm",
            channel=channel,
            metric=self.undelivered.metric_approximate_number_of_messages_visible(
                period=Duration.minutes(1), statistic="Maximum"
            ),
            description="An alert could not be delivered or paged: read the dead-letter queue for the reason",
        )
        self.lost_alarm: cloudwatch.CfnAlarm = watch_lost(self, "LostAlarm", channel=channel)
        self.pager: Pager = Pager(
            self,
            "Pager",
            channel=channel,
            undelivered=self.undelivered,
            suppressions=suppressions,
            group_alerts=group_alerts,
            metric_namespace=metric_namespace,
            log_group=pager_log_group,
        )
        self._targets: dict[str, AlertTarget] = {}
        pager = AlertTarget(
            kind="Pager",
            arn=self.pager.queue.queue_arn,
            gets="page",
            admit=lambda scope: admit_to_queue(scope, self.pager.queue, of_the_channel=channel.key),
        )
        self._add_target("Pager", pager)
        self._add_target("Log", log)
        for target in targets:
            self.add_target(target)
        if rules is not None and without:
            raise InvalidProps("without is for the rules of the catalogue; leave out of rules what is not wanted")
        for rule in self._of_the_catalogue(without) if rules is None else rules:
            self.add_rule(rule)
        self.node.add_validation(_Validation(self))

    def on_api_call(
        self,
        call: str,
        *,
        title: str | None = None,
        level: Level = "medium",
        techniques: tuple[str, ...] = (),
        read_only: bool | None = None,
    ) -> events.CfnRule:
        """Tell about one API call and return the rule.

        Args:
            call: As ``dynamodb:DeleteTable``.
            title: What it means. Default: that it was called.
            level: How much it matters: medium, high or critical. Default: medium.
            techniques: Ids of ATT&CK techniques. Default: none.
            read_only: Whether the call only reads, which a rule sees only on request. Default: told by its name.

        Raises:
            InvalidProps: The call is malformed, or has a rule already.
        """
        rule = rule_of_api_call(call, title=title, level=level, techniques=techniques)
        return self.add_rule(rule, read_only=read_only)[0]

    def add_rule(self, rule: CompiledRule, *, read_only: bool | None = None) -> tuple[events.CfnRule, ...]:
        """Tell what a rule is about, and return its rules of EventBridge: one for each of its patterns.

        Args:
            rule: The rule.
            read_only: Whether it matches calls that only read, which EventBridge hands over on request alone. Default:
                told by the calls that it names.

        Raises:
            InvalidProps: A rule of that name is there already, or it cannot be an alert of EventBridge.
        """
        check_rule(rule)
        if rule.construct_id in self._rules_of:
            raise InvalidProps(f"detection {rule.name!r} has a rule already; give each detection once")
        state = _ALL_EVENTS if (reads(rule) if read_only is None else read_only) else "ENABLED"
        description = f"{rule.title} [{rule.level}] {' '.join(rule.techniques)}".strip()
        made = []
        for number, pattern in enumerate(rule.patterns, 1):
            id = rule.construct_id + (str(number) if number > 1 else "")
            resource = events.CfnRule(
                self,
                id,
                description=description[:_LONGEST_DESCRIPTION],
                event_pattern=pattern,
                state=state,
                targets=self._targets_for(rule),
            )
            _keep_nulls(resource, pattern)
            if self._log_policy is not None:
                resource.add_resource_dependency(self._log_policy)
            # For whoever reads the template: which detection it is that a rule's events are alerts of.
            named = {"name": rule.name, "level": rule.level, "techniques": list(rule.techniques)}
            resource.add_metadata("raytrail:detections", [named])
            self.rules[id] = resource
            made.append(resource)
        self.detections[rule.name] = rule
        self._rules_of[rule.construct_id] = made
        return tuple(made)

    def add_target(self, target: AlertTarget) -> None:
        """Send every alert of every rule there too, as it comes, whatever is grouped or suppressed for the channel.

        Args:
            target: The target.

        Raises:
            InvalidProps: A rule would have more than five targets, which AWS does not raise; or the target is of
                another account or Region.
        """
        if len(self._targets) == MOST_TARGETS:
            raise InvalidProps(
                f"a rule of EventBridge has at most {MOST_TARGETS} targets, of which the pager and the log group are "
                f"two; put a topic before what {target.arn} and others are to get"
            )
        self._add_target(f"{target.kind}{len(self._targets) + 1}", target)
        if target.watched is not None:
            watch(
                self,
                f"{target.kind}{len(self._targets)}ErrorsAlarm",
                channel=self._channel,
                metric=target.watched.metric_errors(period=Duration.minutes(1), statistic="Sum"),
                description="A function that alerts go to fails",
            )
        for rule in self.detections.values():
            for resource in self._rules_of[rule.construct_id]:
                resource.targets = [*self._targets_for(rule)]

    def problems(self) -> list[str]:
        """Return what is wrong with all rules and suppressions together."""
        known = {*self.detections, *(rule.name for rule in catalog())}
        return [
            *dead_rules(self.detections.values(), self.vantage),
            *quota_problems(self.detections.values(), region=self.vantage.region, most_rules=self._most_rules),
            *(
                f"the suppression {each.reason!r} is of detection {each.detection!r}, and there is none of that name"
                for each in self._suppressions
                if each.detection is not None and each.detection not in known
            ),
        ]

    def _of_the_catalogue(self, without: Sequence[str]) -> tuple[CompiledRule, ...]:
        unwanted = {catalog_rule(name).name for name in without}
        rules, dead = deployable((rule for rule in catalog() if rule.name not in unwanted), self.vantage)
        for id, what, found in (
            ("left-out", "cannot fire here and is left out", dead),
            ("half-seen", "does not see all that it is about", half_seen(rules, self.vantage)),
        ):
            for name, why in found.items():
                Annotations.of(self).add_info_v2(f"raytrail:{id}-{name}", f"rule {name} {what}: {why}")
        return rules

    def _add_target(self, id: str, target: AlertTarget) -> None:
        check_place(self, target.arn)
        target.admit(self)
        self._targets[id] = target
        if self._log_policy is not None:
            self._log_policy.policy_document = self._may_log(
                [each for each in self._targets.values() if each.gets == "event"] or [target]
            )

    def _targets_for(self, rule: CompiledRule) -> list[events.CfnRule.TargetProperty]:
        transformer = events.CfnRule.InputTransformerProperty
        inputs = {
            "event": None,
            "page": transformer(input_template=page_template(rule)),
            "alert": transformer(input_template=alert_template(rule), input_paths_map=QUERY_PATHS),
            "text": transformer(input_template=text_template(rule), input_paths_map=PATHS),
        }
        dead_letters = events.CfnRule.DeadLetterConfigProperty(arn=self.undelivered.queue_arn)
        return [
            events.CfnRule.TargetProperty(
                id=id, arn=target.arn, dead_letter_config=dead_letters, input_transformer=inputs[target.gets]
            )
            for id, target in self._targets.items()
        ]

    def _may_log(self, groups: Sequence[AlertTarget]) -> str:
        # One for all rules of this construct: an account has ten.
        statements = log_statements(log_group_arns=[each.arn for each in groups])
        return Stack.of(self).to_json_string(iam.PolicyDocument(statements=statements))

    def _make_dead_letter_queue(self) -> sqs.Queue:
        return sqs.Queue(
            self,
            "Undelivered",
            encryption=sqs.QueueEncryption.KMS,
            encryption_master_key=self._channel.key,
            enforce_ssl=True,
            retention_period=Duration.days(14),
        )


@jsii.implements(IValidation)
class _Validation:
    def __init__(self, alerts: ApiCallAlerts) -> None:
        self._alerts = alerts

    def validate(self) -> list[str]:
        return self._alerts.problems()


def _keep_nulls(resource: events.CfnRule, pattern: Mapping[str, Any]) -> None:
    """Give a pattern that holds a null to CloudFormation as text.

    On their way into a template jsii loses nulls that stand in lists, and the rule would no longer see records whose
    field is null. CloudFormation's schema takes an object or a text.
    """
    if _holds_null(pattern):
        resource.add_property_override("EventPattern", json.dumps(pattern, separators=(",", ":")))


def _holds_null(value: object) -> bool:
    if isinstance(value, Mapping):
        return any(map(_holds_null, value.values()))
    return any(map(_holds_null, value)) if isinstance(value, list) else value is None
