"""What the policies of a topic, a queue and a key have to say so that alerts get through, as AWS documents it."""

from __future__ import annotations

from aws_cdk import Token
from aws_cdk import aws_iam as iam

_PUBLISHERS = ("events.amazonaws.com", "cloudwatch.amazonaws.com", "sns.amazonaws.com")
_PARTS_OF_AN_ARN = 6


def key_statements(*, publisher: str | None = None) -> list[iam.PolicyStatement]:
    """Return what the policy of a key has to say that encrypts the topic and the queues of alerts.

    AWS managed keys do not work here: these services publish as themselves and need a key that lets them. See
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html,
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html and
    https://docs.aws.amazon.com/sns/latest/dg/sns-enable-encryption-for-topic-sqs-queue-subscriptions.html.

    Args:
        publisher: Another account than the key's, whose functions publish to a topic with this key. Default: none.
    """
    services = [
        iam.PolicyStatement(
            sid=f"Allow{service.split('.')[0].title()}",
            principals=[iam.ServicePrincipal(service)],
            actions=["kms:Decrypt", "kms:GenerateDataKey*"],
            resources=["*"],
        )
        for service in _PUBLISHERS
    ]
    if publisher is None:
        return services
    of_the_account = iam.PolicyStatement(
        sid="AllowPublisher",
        principals=[iam.AccountPrincipal(publisher)],
        actions=["kms:Decrypt", "kms:GenerateDataKey*"],
        resources=["*"],
    )
    return [*services, of_the_account]


def topic_statements(*, topic_arn: str, account: str) -> list[iam.PolicyStatement]:
    """Return what the policy of a topic has to say so that EventBridge and alarms can publish to it.

    See https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html and
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html. The topic of another
    account lets in this one's functions too, which need both sides
    (https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-use-cases.html).

    Args:
        topic_arn: The topic.
        account: The account of the alarms, and of the functions that page.
    """
    statements = [
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
    parts = [] if Token.is_unresolved(topic_arn) else topic_arn.split(":")
    if len(parts) == _PARTS_OF_AN_ARN and parts[4] != account:
        publishers = iam.PolicyStatement(
            sid="AllowPublisher",
            principals=[iam.AccountPrincipal(account)],
            actions=["sns:Publish"],
            resources=[topic_arn],
        )
        statements.append(publishers)
    return statements


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
