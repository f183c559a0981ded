"""Where alerts can go beside the channel, and what lets EventBridge deliver there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Self

from aws_cdk import Annotations, ArnFormat, Stack, Token
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from raytrail.errors import InvalidProps

EVENTS = "events.amazonaws.com"
LOG_GROUPS = "/aws/events/"
"""Begins the names of log groups that EventBridge writes to."""

Gets = Literal["event", "page", "alert", "text"]
"""What a target gets of an alert."""


def rules_of(scope: Construct) -> str:
    """The ARN pattern of the rules in the scope's account and Region."""
    return Stack.of(scope).format_arn(service="events", resource="rule", resource_name="*")


@dataclass(frozen=True, kw_only=True, slots=True)
class AlertTarget:
    """A queue, a topic, a function or a log group that gets every alert as it comes, neither grouped nor suppressed.

    Made by one of `queue`, `topic`, `function` and `log_group`.

    Attributes:
        kind: Begins the id of the target.
        arn: What EventBridge delivers to.
        gets: The whole ``event``; what becomes a ``page``, which is what is said of the rule and the event; the
            ``alert``, which names the saved query of the actor's hour too; or a ``text``, JSON with a sentence first
            and without the event.
        admit: Lets EventBridge deliver, as AWS documents it.
        watched: The function whose errors are watched. Default: it is no function.
    """

    kind: str
    arn: str
    gets: Gets
    admit: Callable[[Construct], None]
    watched: lambda_.IFunction | None = None

    @classmethod
    def queue(cls, queue: sqs.IQueue) -> Self:
        """A standard queue, which gets JSON: ``detection``, which is said of the rule, ``query``, and ``event``, whole.

        Args:
            queue: The queue, encrypted with a key of one's own or by SQS.

        Raises:
            InvalidProps: The queue is FIFO, or encrypted with AWS's key of SQS, or not at all.
        """
        if queue.fifo:
            raise InvalidProps(f"queue {queue.node.path} is FIFO; alerts have no order, so give a standard queue")
        if queue.encryption_type == sqs.QueueEncryption.UNENCRYPTED:
            raise InvalidProps(f"queue {queue.node.path} is not encrypted; give it a key, or one that SQS manages")
        _check_key(queue.node.path, queue.encryption_master_key, queue.encryption_type)
        return cls(kind="Queue", arn=queue.queue_arn, gets="alert", admit=lambda scope: admit_to_queue(scope, queue))

    @classmethod
    def topic(cls, topic: sns.ITopic) -> Self:
        """A standard topic, which gets JSON with a sentence first, without the event.

        Args:
            topic: The topic.

        Raises:
            InvalidProps: The topic is FIFO, or encrypted with AWS's key of SNS.
        """
        if topic.fifo:
            raise InvalidProps(f"topic {topic.node.path} is FIFO; alerts have no order, so give a standard topic")
        _check_key(topic.node.path, topic.master_key)

        def admit(scope: Construct) -> None:
            # EventBridge takes no conditions in the statement that lets it publish.
            statement = iam.PolicyStatement(
                sid="AllowEventBridge",
                principals=[iam.ServicePrincipal(EVENTS)],
                actions=["sns:Publish"],
                resources=[topic.topic_arn],
            )
            _say(scope, topic.topic_arn, added=topic.add_to_resource_policy(statement).statement_added)
            _admit_to_key(scope, topic.master_key)

        return cls(kind="Topic", arn=topic.topic_arn, gets="text", admit=admit)

    @classmethod
    def function(cls, function: lambda_.IFunction) -> Self:
        """A function, whose event has ``detection``, which is said of the rule, and ``event``, whole.

        Its errors raise an alarm. What becomes of an alert that it fails on is for its own configuration to say.

        Args:
            function: The function.
        """

        def admit(scope: Construct) -> None:
            # Without the account as a condition: EventBridge does not send it.
            function.add_permission(
                f"AllowAlerts{scope.node.addr}", principal=iam.ServicePrincipal(EVENTS), source_arn=rules_of(scope)
            )

        return cls(kind="Function", arn=function.function_arn, gets="alert", admit=admit, watched=function)

    @classmethod
    def log_group(cls, log_group: logs.ILogGroup) -> Self:
        """A log group under ``/aws/events/``, which gets the event, whole.

        The policy that lets EventBridge write there is that of `ApiCallAlerts`.

        Args:
            log_group: The log group.

        Raises:
            InvalidProps: Its name begins otherwise, or is left to CloudFormation.
        """
        own = log_group.node.default_child
        name = own.log_group_name if isinstance(own, logs.CfnLogGroup) else log_group.log_group_name
        if name is None or not (Token.is_unresolved(name) or name.startswith(LOG_GROUPS)):
            raise InvalidProps(
                f"log group {log_group.node.path} has a name that begins with {LOG_GROUPS}, got {name!r}: EventBridge "
                "may write there"
            )
        # EventBridge wants the ARN without the ":*" that CloudFormation's GetAtt has.
        arn = Stack.of(log_group).format_arn(
            service="logs",
            resource="log-group",
            resource_name=log_group.log_group_name,
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        return cls(kind="Log", arn=arn, gets="event", admit=lambda scope: None)


def check_place(scope: Construct, arn: str) -> None:
    """Refuse a target of another account or Region, as far as both are known.

    A rule delivers in its own Region alone, and to another account's by a role, which the kit's rules have not
    (https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-cross-account.html).

    Raises:
        InvalidProps: It is of another.
    """
    if Token.is_unresolved(arn):
        return
    stack, parts = Stack.of(scope), arn.split(":")
    for what, theirs, ours in (("Region", parts[3], stack.region), ("account", parts[4], stack.account)):
        if not Token.is_unresolved(theirs) and not Token.is_unresolved(ours) and theirs != ours:
            raise InvalidProps(
                f"{arn} is of {what} {theirs}, and the rules are of {ours}; give a target of their own account and "
                "Region, and send on from there"
            )


def admit_to_queue(scope: Construct, queue: sqs.IQueue, *, of_the_channel: kms.IKey | None = None) -> None:
    """Let rules of the scope's account and Region send to a queue.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html#eb-sqs-permissions, and
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html

    Raises:
        InvalidProps: The queue is FIFO, or encrypted with AWS's key of SQS.
    """
    if queue.fifo:
        raise InvalidProps(f"queue {queue.node.path} is FIFO; alerts have no order, so give a standard queue")
    _check_key(queue.node.path, queue.encryption_master_key, queue.encryption_type)
    statement = iam.PolicyStatement(
        sid="AllowRules",
        principals=[iam.ServicePrincipal(EVENTS)],
        actions=["sqs:SendMessage"],
        resources=[queue.queue_arn],
        conditions={"ArnLike": {"aws:SourceArn": rules_of(scope)}},
    )
    _say(scope, queue.queue_arn, added=queue.add_to_resource_policy(statement).statement_added)
    if queue.encryption_master_key is not of_the_channel:
        _admit_to_key(scope, queue.encryption_master_key)


def _check_key(path: str, key: kms.IKey | None, type: sqs.QueueEncryption | None = None) -> None:
    if type == sqs.QueueEncryption.KMS_MANAGED or (key is not None and ":alias/aws/" in key.key_arn):
        raise InvalidProps(
            f"{path} is encrypted with a key that AWS manages, whose policy lets EventBridge not use it; give it a "
            "key of your own"
        )


def _admit_to_key(scope: Construct, key: kms.IKey | None) -> None:
    # The channel's key lets EventBridge in already, or its owner is asked for that; said twice it is one statement.
    if key is not None:
        statement = iam.PolicyStatement(
            sid="AllowEvents",
            principals=[iam.ServicePrincipal(EVENTS)],
            actions=["kms:Decrypt", "kms:GenerateDataKey*"],
            resources=["*"],
        )
        _say(scope, key.key_arn, added=key.add_to_resource_policy(statement).statement_added)


def _say(scope: Construct, arn: str, *, added: bool) -> None:
    if not added:
        Annotations.of(scope).add_warning_v2(
            "raytrail:alert-target-policy",
            f"{arn} is not of this app: its own policy is to let {EVENTS} use it, or no alert arrives",
        )
