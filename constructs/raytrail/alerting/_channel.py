"""Where alerts and alarms go, and who gets them."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_sqs as sqs
from constructs import Construct


class AlertChannel(Construct):
    """An encrypted topic that EventBridge rules and CloudWatch alarms can publish to, with somebody who listens.

    The inbox queue keeps each message for 14 days, so that nothing is lost before a person or a chat bridge
    subscribes, and so that an alarm never goes to nobody.

    Args:
        display_name: What a mail names as its sender; at most 100 characters.
        emails: Addresses that get each message; each confirms its subscription once. Default: none.

    Attributes:
        key: The KMS key of the topic and its queues.
        topic: The topic.
        inbox: The queue that receives each message, as it was published.
        dead_letters: Where messages go that the inbox's reader failed to handle five times.
    """

    def __init__(self, scope: Construct, id: str, *, display_name: str, emails: Sequence[str] = ()) -> None:
        super().__init__(scope, id)
        account = Stack.of(self).account
        self.key = kms.Key(
            self,
            "Key",
            description=f"Encrypts the alerts of {display_name}",
            enable_key_rotation=True,
            removal_policy=RemovalPolicy.DESTROY,
        )
        # AWS managed keys do not work here: these services publish as themselves and need a key that lets them.
        # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html
        for service in ("events.amazonaws.com", "cloudwatch.amazonaws.com", "sns.amazonaws.com"):
            self.key.add_to_resource_policy(
                iam.PolicyStatement(
                    sid=f"Allow{service.split('.')[0].title()}",
                    principals=[iam.ServicePrincipal(service)],
                    actions=["kms:Decrypt", "kms:GenerateDataKey*"],
                    resources=["*"],
                )
            )
        self.topic = sns.Topic(self, "Topic", display_name=display_name, master_key=self.key, enforce_ssl=True)
        # EventBridge takes no conditions in the statement that lets it publish.
        self.topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AllowEventBridge",
                principals=[iam.ServicePrincipal("events.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[self.topic.topic_arn],
            )
        )
        self.topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AllowAlarms",
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[self.topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": account}},
            )
        )
        self.dead_letters = self._queue("DeadLetters")
        self.inbox = self._queue("Inbox", dead_letters=self.dead_letters)
        self._subscribe_inbox()
        for address in emails:
            self.topic.add_subscription(subscriptions.EmailSubscription(address))

    def _subscribe_inbox(self) -> None:
        # Not the L2 subscription: it names the topic in the key's policy, and the topic needs the key first.
        self.inbox.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AllowTopic",
                principals=[iam.ServicePrincipal("sns.amazonaws.com")],
                actions=["sqs:SendMessage"],
                resources=[self.inbox.queue_arn],
                conditions={"ArnEquals": {"aws:SourceArn": self.topic.topic_arn}},
            )
        )
        sns.Subscription(
            self,
            "InboxSubscription",
            topic=self.topic,
            protocol=sns.SubscriptionProtocol.SQS,
            endpoint=self.inbox.queue_arn,
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
