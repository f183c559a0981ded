"""Where alerts and alarms go, and who gets them."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import Annotations, Duration, RemovalPolicy, Stack, Token
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from raytrail.alerting._policies import inbox_statements, key_statements, topic_statements
from raytrail.errors import InvalidProps


class AlertChannel(Construct):
    """An encrypted topic that EventBridge rules and CloudWatch alarms can publish to, with somebody who listens.

    The inbox queue keeps each message for 14 days, so that nothing is lost before a person or a chat bridge
    subscribes, and so that an alarm never goes to nobody. A topic that is given has its listeners already: it gets an
    inbox only where one is given too.

    What is given and is of this app gets the policy statements that AWS documents. What is not of this app is left as
    it is, and synth warns: its owner adds what `topic_statements`, `key_statements` or `inbox_statements` returns.

    Args:
        display_name: What a mail of the topic that is made names as its sender; at most 100 characters. The key's
            description has it too.
        emails: Addresses that get each message; each confirms its subscription once. Default: none.
        topic: A standard topic to publish to, of the stack's Region, since alarms publish nowhere else. If it is
            encrypted and of another app, import it with ``Topic.from_topic_attributes(…, key_arn=…)``: whoever
            publishes needs the key too. Default: one is made.
        key: Encrypts the queues, and the topic that is made. Default: one is made, and rotated each year.
        inbox: A standard queue of the stack's account that gets each message. If it is encrypted with a key and of
            another app, import it with ``Queue.from_queue_attributes(…, key_arn=…)``: SNS needs the key. Default: one
            is made beside a topic that is made, and none beside one that is given.

    Attributes:
        key: The KMS key of the queues, and of the topic that was made.
        topic: The topic.
        dead_letters: Where messages go that the reader of the inbox that was made failed to handle five times, or
            None.

    Raises:
        InvalidProps: The topic is FIFO, of another Region, or encrypted with AWS's key of SNS; or the inbox is FIFO,
            of another account, or encrypted with AWS's key of SQS.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        display_name: str,
        emails: Sequence[str] = (),
        topic: sns.ITopic | None = None,
        key: kms.IKey | None = None,
        inbox: sqs.IQueue | None = None,
    ) -> None:
        super().__init__(scope, id)
        if topic is not None:
            self._check(topic)
        if inbox is not None:
            self._check_inbox(inbox)
        self.key: kms.IKey = key or kms.Key(
            self,
            "Key",
            description=f"Encrypts the alerts of {display_name}",
            enable_key_rotation=True,
            removal_policy=RemovalPolicy.DESTROY,
        )
        self._topic_key = topic.master_key if topic is not None else self.key
        inbox_key = inbox.encryption_master_key if inbox is not None else None
        # Whoever publishes needs the topic's key, and SNS the queue's: one of the app's is told, of others asked for.
        keys = {each.key_arn: each for each in (self.key, self._topic_key, inbox_key) if each is not None}
        for arn, each in keys.items():
            said = key_statements(publisher=self._publisher(topic) if each is self._topic_key else None)
            self._ask_the_owner(
                "key", arn, "key_statements", [each.add_to_resource_policy(it).statement_added for it in said]
            )
        self.topic: sns.ITopic = topic or sns.Topic(
            self, "Topic", display_name=display_name, master_key=self.key, enforce_ssl=True
        )
        said = topic_statements(topic_arn=self.topic.topic_arn, account=Stack.of(self).account)
        added = [self.topic.add_to_resource_policy(each).statement_added for each in said]
        self._ask_the_owner("topic", self.topic.topic_arn, "topic_statements", added)
        self.dead_letters: sqs.IQueue | None = None
        if inbox is None and topic is None:
            self.dead_letters = self._queue("DeadLetters")
            inbox = self._queue("Inbox", dead_letters=self.dead_letters)
        self._inbox = inbox
        if inbox is not None:
            self._subscribe(inbox)
        for address in emails:
            self.topic.add_subscription(subscriptions.EmailSubscription(address))

    @property
    def inbox(self) -> sqs.IQueue:
        """The queue that receives each message, as it was published.

        Raises:
            InvalidProps: There is none: a topic was given, and no inbox with it.
        """
        if self._inbox is None:
            raise InvalidProps(
                f"{self.node.path} has no inbox, since its topic was given and has its listeners; give inbox= too"
            )
        return self._inbox

    def grant_publish(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let somebody publish to the topic, and use its key for that, and return the grant.

        https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html

        Args:
            grantee: Who is to publish.
        """
        grant = iam.Grant.add_to_principal(
            grantee=grantee, actions=["sns:Publish"], resource_arns=[self.topic.topic_arn]
        )
        if self._topic_key is None:
            return grant
        return grant.combine(self._topic_key.grant(grantee, "kms:Decrypt", "kms:GenerateDataKey"))

    def _check(self, topic: sns.ITopic) -> None:
        if topic.fifo:
            raise InvalidProps(f"topic {topic.node.path} is FIFO; alerts have no order, so give a standard topic")
        if topic.master_key is not None and ":alias/aws/" in topic.master_key.key_arn:
            raise InvalidProps(
                f"topic {topic.node.path} is encrypted with a key that AWS manages, whose policy lets neither "
                "EventBridge nor alarms use it; give it a key of your own"
            )
        theirs, ours = topic.env.region, Stack.of(self).region
        if not Token.is_unresolved(theirs) and not Token.is_unresolved(ours) and theirs != ours:
            raise InvalidProps(
                f"topic {topic.node.path} is of Region {theirs}, and alarms of {ours} publish to topics of {ours} "
                "alone; give one of that Region"
            )

    def _check_inbox(self, inbox: sqs.IQueue) -> None:
        if inbox.fifo:
            raise InvalidProps(f"inbox {inbox.node.path} is FIFO; a standard topic sends to standard queues alone")
        key = inbox.encryption_master_key
        if inbox.encryption_type == sqs.QueueEncryption.KMS_MANAGED or (
            key is not None and ":alias/aws/" in key.key_arn
        ):
            raise InvalidProps(
                f"inbox {inbox.node.path} is encrypted with a key that AWS manages, whose policy does not let SNS use "
                "it; give it a key of your own, or one that SQS manages"
            )
        theirs, ours = inbox.env.account, Stack.of(self).account
        if not Token.is_unresolved(theirs) and not Token.is_unresolved(ours) and theirs != ours:
            # https://docs.aws.amazon.com/sns/latest/dg/sns-send-message-to-sqs-cross-account.html
            raise InvalidProps(
                f"inbox {inbox.node.path} is of account {theirs}, which would have to confirm the subscription and "
                "gets nothing until then; let its owner subscribe it, or give a queue of the stack's account"
            )

    def _publisher(self, topic: sns.ITopic | None) -> str | None:
        """The stack's account, where the topic is of another one."""
        ours = Stack.of(self).account
        return ours if topic is not None and topic.env.account != ours else None

    def _ask_the_owner(self, kind: str, arn: str, function: str, added: Sequence[bool]) -> None:
        if not all(added):
            Annotations.of(self).add_warning_v2(
                f"raytrail:alert-{kind}-policy",
                f"{kind} {arn} is not of this app: its policy is to hold the statements that "
                f"raytrail.alerting.{function} returns, or not every alert gets through",
            )

    def _subscribe(self, inbox: sqs.IQueue) -> None:
        # Not the L2 subscription: it names the topic in the key's policy, and the topic needs the key first.
        said = inbox_statements(queue_arn=inbox.queue_arn, topic_arn=self.topic.topic_arn)
        added = [inbox.add_to_resource_policy(each).statement_added for each in said]
        self._ask_the_owner("inbox", inbox.queue_arn, "inbox_statements", added)
        sns.Subscription(
            self,
            "InboxSubscription",
            topic=self.topic,
            protocol=sns.SubscriptionProtocol.SQS,
            endpoint=inbox.queue_arn,
            raw_message_delivery=True,
        )

    def _queue(self, id: str, *, dead_letters: sqs.IQueue | None = None) -> sqs.Queue:
        return sqs.Queue(
            self,
            id,
            encryption=sqs.QueueEncryption.KMS,
            encryption_master_key=self.key,
            enforce_ssl=True,
            retention_period=Duration.days(14),
            dead_letter_queue=sqs.DeadLetterQueue(queue=dead_letters, max_receive_count=5) if dead_letters else None,
        )
