"""Events of global services, brought from us-east-1 to the home Region."""

from __future__ import annotations

import json
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any

from aws_cdk import Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from raytrail.alerting import AlertChannel
from raytrail.detection._model import MAX_PATTERN_CHARACTERS, SIGN_IN
from raytrail.detection._targets import admit_to_queue
from raytrail.detection._watch import watch, watch_lost
from raytrail.errors import InvalidProps
from raytrail.findings import acknowledge
from raytrail.sigma import GLOBAL_REGION, GLOBAL_SOURCES, Call

__all__ = ["GLOBAL_REGION", "GlobalEventForwarder"]

_SOURCES = tuple(source for source, region in GLOBAL_SOURCES.items() if region == GLOBAL_REGION)
_BY_CLOUDTRAIL = [{"suffix": " via CloudTrail"}]


class GlobalEventForwarder(Construct):
    """Sends the events of global services, and sign-ins, from us-east-1 to the default bus of the home Region.

    Belongs in a stack in us-east-1. EventBridge carries an event over one such hop and no further
    (https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-cross-region.html), and it hands read-only management
    events to rules alone that ask for them, here and at home
    (https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail-management.html). Services
    that are in another Region than us-east-1, as Global Accelerator is, are not forwarded.

    Sign-ins of IAM users appear in us-east-2, eu-north-1 or ap-southeast-2 too (`raytrail.sigma.SIGN_IN_REGIONS`): a
    forwarder with ``calls=()`` in a stack there brings them.

    Args:
        home_region: The Region whose rules shall see the events.
        read_only: Whether to forward calls that only read, too: many, where tools list users and roles all day.
            Default: no, and a rule about such a call belongs in a stack in us-east-1.
        calls: What the rules at home listen to: nothing else is forwarded, sign-ins excepted. Names are forwarded
            one by one as far as a pattern holds them, else all of the service. Default: every event of global services.
        role: The role by which EventBridge puts events on the home bus, which ``events.amazonaws.com`` may assume. It
            gets a policy for that, one of another app too unless it is imported with ``mutable=False``. Default: one
            is made.
        undelivered: A standard queue of us-east-1 for what could not be forwarded. Default: one is made, encrypted by
            SQS.
        channel: Who is told when events cannot be forwarded, in us-east-1: alarms reach topics of their own Region
            alone. Default: nobody; without, watch the queue.

    Attributes:
        rule: The rule's L1.
        role: The role by which EventBridge puts events on the home bus.
        undelivered: The dead-letter queue: what could not be forwarded, and why.
        undelivered_alarm: The alarm on the queue; None without a channel.
        lost_alarm: The alarm on events that not even the queue could take; None without a channel.

    Raises:
        InvalidProps: The home Region is us-east-1, which needs no forwarding.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        home_region: str,
        read_only: bool = False,
        calls: Iterable[Call] | None = None,
        role: iam.IRole | None = None,
        undelivered: sqs.IQueue | None = None,
        channel: AlertChannel | None = None,
    ) -> None:
        super().__init__(scope, id)
        if home_region == GLOBAL_REGION:
            raise InvalidProps(f"home_region {home_region!r} has the events of global services already")
        stack = Stack.of(self)
        bus = stack.format_arn(service="events", region=home_region, resource="event-bus", resource_name="default")
        self.role: iam.IRole = role or iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("events.amazonaws.com"))
        self.role.add_to_principal_policy(iam.PolicyStatement(actions=["events:PutEvents"], resources=[bus]))
        self.undelivered: sqs.IQueue = undelivered or self._make_dead_letter_queue()
        admit_to_queue(self, self.undelivered)
        self.rule: events.CfnRule = events.CfnRule(
            self,
            "Rule",
            description=f"Brings events of global services, and sign-ins, to {home_region}",
            event_pattern=_pattern(None if calls is None else list(calls)),
            state="ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS" if read_only else "ENABLED",
            targets=[
                events.CfnRule.TargetProperty(
                    id="HomeBus",
                    arn=bus,
                    role_arn=self.role.role_arn,
                    dead_letter_config=events.CfnRule.DeadLetterConfigProperty(arn=self.undelivered.queue_arn),
                )
            ],
        )
        self.rule.node.add_dependency(self.role)
        self.undelivered_alarm: cloudwatch.Alarm | None = None
        self.lost_alarm: cloudwatch.CfnAlarm | None = None
        if channel is not None:
            self.undelivered_alarm = watch(
                self,
                "UndeliveredAlarm",
                channel=channel,
                metric=self.undelivered.metric_approximate_number_of_messages_visible(
                    period=Duration.minutes(1), statistic="Maximum"
                ),
                description=f"Events of global services could not be brought to {home_region}: its alerts are blind",
            )
            self.lost_alarm = watch_lost(self, "LostAlarm", channel=channel)

    def _make_dead_letter_queue(self) -> sqs.Queue:
        # Encrypted with a key of SQS's own, which asks for no policy: what is in it is in the trail too.
        queue = sqs.Queue(
            self,
            "Undelivered",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=Duration.days(14),
        )
        acknowledge(queue, {"AwsSolutions-SQS3": "this is the dead-letter queue"})
        return queue


def _pattern(calls: list[Call] | None) -> dict[str, Any]:
    """What is forwarded: by name where the pattern holds the names, else by source.

    The longest list of names is given up first, until the pattern is short enough.
    """
    names = {source: _names(source, calls) for source in _SOURCES}
    pattern = _over(names)
    while len(json.dumps(pattern, separators=(",", ":"))) > MAX_PATTERN_CHARACTERS:
        longest = max(names, key=lambda source: len(json.dumps(names[source])))
        names[longest] = None
        pattern = _over(names)
    return pattern


def _over(names: dict[str, list[Any] | None]) -> dict[str, Any]:
    kinds: list[dict[str, Any]] = [{"detail-type": list(SIGN_IN)}]
    if whole := [source for source, wanted in names.items() if wanted is None]:
        kinds.append({"detail-type": _BY_CLOUDTRAIL, "detail": {"eventSource": whole}})
    kinds += [
        {"detail-type": _BY_CLOUDTRAIL, "detail": {"eventSource": [source], "eventName": wanted}}
        for source, wanted in names.items()
        if wanted
    ]
    # Anybody may put an event of any type on the bus, but not from a source that begins with aws.
    by_aws = {"source": [{"prefix": "aws."}]}
    return {**by_aws, "$or": kinds} if len(kinds) > 1 else {**by_aws, **kinds[0]}


def _names(source: str, calls: list[Call] | None) -> list[Any] | None:
    """What to forward of a source: names and beginnings of names; None: everything; empty: nothing."""
    if calls is None:
        return None
    heads = [call.name.partition("*") for call in calls if fnmatchcase(source, call.source)]
    # What stands behind the first asterisk is left out: rather too much is forwarded than too little.
    if any(star and not head for head, star, _ in heads):
        return None
    return sorted({head for head, star, _ in heads if not star}) + [
        {"prefix": head} for head in sorted({head for head, star, _ in heads if star})
    ]
