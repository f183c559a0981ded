"""The alert channel: who may publish, what is encrypted, who receives; each policy as AWS documents it.

The embedded AWS evaluates no policy, so these statements are held against AWS's pages, here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from aws_cdk import Stack
from tests.synth import ACCOUNT, only, properties, resources, statements

from raytrail.alerting import AlertChannel

Json = dict[str, Any]


def service(name: str) -> Json:
    return {"Service": f"{name}.amazonaws.com"}


@pytest.fixture
def made(stack: Stack, template: Callable[[], Json]) -> Json:
    AlertChannel(stack, "Channel", display_name="raytrail alerts", emails=["oncall@example.com"])
    return template()


def ref(template: Json, type: str, part: str = "") -> str:
    (found,) = [id for id in resources(template, type) if part in id]
    return found


def test_the_topic_and_both_queues_are_encrypted_with_the_channels_key(made):
    key = {"Fn::GetAtt": [ref(made, "AWS::KMS::Key"), "Arn"]}
    assert only(made, "AWS::SNS::Topic")["KmsMasterKeyId"] == key
    queues = properties(made, "AWS::SQS::Queue")
    assert [queue["KmsMasterKeyId"] for queue in queues] == [key, key]


def test_the_key_rotates(made):
    assert only(made, "AWS::KMS::Key")["EnableKeyRotation"] is True


@pytest.mark.parametrize(
    "name",
    [
        # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html (encrypted topics, queues)
        "events",
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html
        "cloudwatch",
        # https://docs.aws.amazon.com/sns/latest/dg/sns-enable-encryption-for-topic-sqs-queue-subscriptions.html
        "sns",
    ],
)
def test_the_service_may_use_the_key_as_aws_documents(made, name):
    documented = {
        "Effect": "Allow",
        "Principal": service(name),
        "Action": ["kms:Decrypt", "kms:GenerateDataKey*"],
        "Resource": "*",
    }
    assert documented in statements(only(made, "AWS::KMS::Key")["KeyPolicy"])


def test_nobody_else_may_use_the_key_but_the_account(made):
    principals = [each["Principal"] for each in statements(only(made, "AWS::KMS::Key")["KeyPolicy"])]
    assert principals == [
        {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
        service("events"),
        service("cloudwatch"),
        service("sns"),
    ]


def test_eventbridge_may_publish_without_a_condition(made):
    """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html: it supports none there."""
    documented = {
        "Effect": "Allow",
        "Principal": service("events"),
        "Action": "sns:Publish",
        "Resource": {"Ref": ref(made, "AWS::SNS::Topic")},
    }
    assert documented in statements(only(made, "AWS::SNS::TopicPolicy")["PolicyDocument"])


def test_alarms_of_this_account_may_publish(made):
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html."""
    documented = {
        "Effect": "Allow",
        "Principal": service("cloudwatch"),
        "Action": "sns:Publish",
        "Resource": {"Ref": ref(made, "AWS::SNS::Topic")},
        "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}},
    }
    assert documented in statements(only(made, "AWS::SNS::TopicPolicy")["PolicyDocument"])


def test_the_topic_takes_nothing_without_tls(made):
    denied = [
        each for each in only(made, "AWS::SNS::TopicPolicy")["PolicyDocument"]["Statement"] if each["Effect"] == "Deny"
    ]
    assert [each["Condition"] for each in denied] == [{"Bool": {"aws:SecureTransport": "false"}}]
    assert denied[0]["Principal"] == "*"


def test_the_queues_take_nothing_without_tls(made):
    for policy in properties(made, "AWS::SQS::QueuePolicy"):
        denied = [each for each in policy["PolicyDocument"]["Statement"] if each["Effect"] == "Deny"]
        assert [(each["Action"], each["Condition"]) for each in denied] == [
            ("sqs:*", {"Bool": {"aws:SecureTransport": "false"}})
        ]


def test_the_inbox_takes_messages_of_this_topic_alone(made):
    """https://docs.aws.amazon.com/sns/latest/dg/subscribe-sqs-queue-to-sns-topic.html."""
    documented = {
        "Effect": "Allow",
        "Principal": service("sns"),
        "Action": "sqs:SendMessage",
        "Resource": {"Fn::GetAtt": [ref(made, "AWS::SQS::Queue", "Inbox"), "Arn"]},
        "Condition": {"ArnEquals": {"aws:SourceArn": {"Ref": ref(made, "AWS::SNS::Topic")}}},
    }
    allowed = [
        each
        for policy in properties(made, "AWS::SQS::QueuePolicy")
        for each in statements(policy["PolicyDocument"])
        if each["Effect"] == "Allow"
    ]
    assert allowed == [documented]


def test_each_message_reaches_the_inbox_as_it_was_published(made):
    inbox = {"Fn::GetAtt": [ref(made, "AWS::SQS::Queue", "Inbox"), "Arn"]}
    (subscription,) = [each for each in properties(made, "AWS::SNS::Subscription") if each["Protocol"] == "sqs"]
    assert (subscription["Endpoint"], subscription["RawMessageDelivery"]) == (inbox, True)


def test_each_address_is_subscribed(made):
    mails = [each["Endpoint"] for each in properties(made, "AWS::SNS::Subscription") if each["Protocol"] == "email"]
    assert mails == ["oncall@example.com"]


def test_a_message_that_its_reader_cannot_handle_goes_to_the_dead_letters_after_five_times(made):
    queues = {id: each["Properties"] for id, each in resources(made, "AWS::SQS::Queue").items()}
    inbox, dead = ref(made, "AWS::SQS::Queue", "Inbox"), ref(made, "AWS::SQS::Queue", "DeadLetters")
    assert queues[inbox]["RedrivePolicy"] == {
        "deadLetterTargetArn": {"Fn::GetAtt": [dead, "Arn"]},
        "maxReceiveCount": 5,
    }


def test_messages_are_kept_for_14_days(made):
    days = {each["MessageRetentionPeriod"] / 86_400 for each in properties(made, "AWS::SQS::Queue")}
    assert days == {14}
