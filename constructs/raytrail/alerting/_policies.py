"""What the policies of a topic, a queue and a key have to say so that alerts get through, as AWS documents it."""

from __future__ import annotations

from aws_cdk import aws_iam as iam

_PUBLISHERS = ("events.amazonaws.com", "cloudwatch.amazonaws.com", "sns.amazonaws.com")


def key_statements() -> list[iam.PolicyStatement]:
    """Return what the policy of a key has to say that encrypts the topic and the queues of alerts.

    AWS managed keys do not work here: these services publish as themselves and need a key that lets them. See
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html,
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html and
    https://docs.aws.amazon.com/sns/latest/dg/sns-enable-encryption-for-topic-sqs-queue-subscriptions.html.
    """
    return [
        iam.PolicyStatement(
            sid=f"Allow{service.split('.')[0].title()}",
            principals=[iam.ServicePrincipal(service)],
            actions=["kms:Decrypt", "kms:GenerateDataKey*"],
            resources=["*"],
        )
        for service in _PUBLISHERS
    ]


def topic_statements(*, topic_arn: str, account: str) -> list[iam.PolicyStatement]:
    """Return what the policy of a topic has to say so that EventBridge and alarms can publish to it.

    See https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html and
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html.

    Args:
        topic_arn: The topic.
        account: The account of the alarms.
    """
    return [
        # EventBridge takes no conditions in the statement that lets it publish.
        iam.PolicyStatement(
            sid="AllowEventBridge",
            principals=[iam.ServicePrincipal("events.amazonaws.com")],
            actions=["sns:Publish"],
            resources=[topic_arn],
        ),
        iam.PolicyStatement(
            sid="AllowAlarms",
            principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
            actions=["sns:Publish"],
            resources=[topic_arn],
            conditions={"StringEquals": {"aws:SourceAccount": account}},
        ),
    ]


def inbox_statements(*, queue_arn: str, topic_arn: str) -> list[iam.PolicyStatement]:
    """Return what the policy of a queue has to say so that it gets what a topic is told.

    See https://docs.aws.amazon.com/sns/latest/dg/subscribe-sqs-queue-to-sns-topic.html.

    Args:
        queue_arn: The queue.
        topic_arn: The topic.
    """
    return [
        iam.PolicyStatement(
            sid="AllowTopic",
            principals=[iam.ServicePrincipal("sns.amazonaws.com")],
            actions=["sqs:SendMessage"],
            resources=[queue_arn],
            conditions={"ArnEquals": {"aws:SourceArn": topic_arn}},
        )
    ]
