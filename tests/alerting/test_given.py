"""The alert channel over a topic, a key and a queue that are there: what is used, made, and asked of their owners."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from aws_cdk.assertions import Annotations, Match
from tests.synth import ACCOUNT, REGION, Json, only, plain, properties, resources, statements

from raytrail.alerting import AlertChannel, inbox_statements, key_statements, topic_statements
from raytrail.errors import InvalidProps

TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:on-call"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/0a1b2c3d"
QUEUE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:chat-bridge"


def warnings(stack: Stack) -> list[str]:
    found = Annotations.from_stack(stack).find_warning("*", Match.any_value())
    return [str(each.entry.data) for each in found]


@pytest.fixture
def topic(stack: Stack) -> sns.ITopic:
    return sns.Topic.from_topic_attributes(stack, "OnCall", topic_arn=TOPIC, key_arn=KEY)


@pytest.fixture
def make(stack: Stack) -> Callable[..., AlertChannel]:
    def make(**props: Any) -> AlertChannel:
        return AlertChannel(stack, "Channel", display_name="alerts", **props)

    return make


def test_over_a_topic_of_others_a_key_for_the_queues_is_all_that_is_made(make, topic, template):
    channel = make(topic=topic)
    assert channel.topic is topic
    assert {each["Type"] for each in template()["Resources"].values()} == {"AWS::KMS::Key"}


def test_over_a_topic_and_a_key_of_others_nothing_is_made_at_all(stack, make, topic, template):
    make(topic=topic, key=kms.Key.from_key_arn(stack, "Key", KEY))
    assert template().get("Resources", {}) == {}
    policy, key = sorted(warnings(stack))
    assert f"key {KEY} is not of this app" in policy
    assert "raytrail.alerting.key_statements" in policy
    assert f"topic {TOPIC} is not of this app" in key
    assert "raytrail.alerting.topic_statements" in key


def test_the_statements_that_the_owners_are_asked_for_are_those_that_are_made_for_own_ones(stack, template):
    """Each is held against AWS's pages in test_channel.py."""
    AlertChannel(stack, "Channel", display_name="alerts")
    made = template()
    (topic,) = resources(made, "AWS::SNS::Topic")
    (inbox,) = [id for id in resources(made, "AWS::SQS::Queue") if "Inbox" in id]
    key = statements(only(made, "AWS::KMS::Key")["KeyPolicy"])
    of_topic = plain(statements(only(made, "AWS::SNS::TopicPolicy")["PolicyDocument"]))
    of_inbox = [
        statement
        for policy in properties(made, "AWS::SQS::QueuePolicy")
        for statement in plain(statements(policy["PolicyDocument"]))
    ]

    def said(values: list[iam.PolicyStatement]) -> list[Json]:
        found: list[Json] = stack.resolve([each.to_statement_json() for each in values])
        return statements({"Statement": found})

    asked_of_topic = topic_statements(topic_arn=f"<{topic}>", account=ACCOUNT)
    asked_of_inbox = inbox_statements(queue_arn=f"<{inbox}.Arn>", topic_arn=f"<{topic}>")
    for asked, there in ((key_statements(), key), (asked_of_topic, of_topic), (asked_of_inbox, of_inbox)):
        assert [each for each in said(asked) if each not in there] == []


def test_a_topic_of_the_app_gets_the_statements_and_keeps_its_own_key(stack, make, template):
    key = kms.Key(stack, "Theirs")
    channel = make(topic=sns.Topic(stack, "Topic", master_key=key), key=key)
    made = template()
    assert len(resources(made, "AWS::KMS::Key")) == 1
    services = {
        each["Principal"]["Service"] for each in statements(only(made, "AWS::SNS::TopicPolicy")["PolicyDocument"])
    }
    assert services == {"events.amazonaws.com", "cloudwatch.amazonaws.com"}
    assert warnings(stack) == []
    assert channel.key is key


def test_who_publishes_may_use_the_topics_key_and_not_the_queues(stack, make, topic, template):
    role = iam.Role(stack, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
    make(topic=topic).grant_publish(role)
    assert plain(statements(only(template(), "AWS::IAM::Policy")["PolicyDocument"])) == [
        {"Effect": "Allow", "Action": "sns:Publish", "Resource": TOPIC},
        {"Effect": "Allow", "Action": ["kms:Decrypt", "kms:GenerateDataKey"], "Resource": KEY},
    ]


def test_a_given_inbox_hears_the_topic_and_is_left_as_it_is(stack, make, topic, template):
    inbox = sqs.Queue.from_queue_arn(stack, "Inbox", QUEUE)
    channel = make(topic=topic, inbox=inbox)
    assert channel.inbox is inbox
    assert channel.dead_letters is None
    made = template()
    subscription = only(made, "AWS::SNS::Subscription")
    assert (subscription["TopicArn"], subscription["Endpoint"]) == (TOPIC, QUEUE)
    assert not resources(made, "AWS::SQS::Queue")
    assert any("raytrail.alerting.inbox_statements" in warning for warning in warnings(stack))


def test_an_own_topic_may_have_an_inbox_of_others(stack, make, template):
    make(inbox=sqs.Queue.from_queue_arn(stack, "Inbox", QUEUE))
    made = template()
    assert not resources(made, "AWS::SQS::Queue")
    assert only(made, "AWS::SNS::Subscription")["Endpoint"] == QUEUE


def test_without_an_inbox_there_is_none_to_read(make, topic):
    channel = make(topic=topic)
    with pytest.raises(InvalidProps, match="Channel has no inbox, since its topic was given"):
        _ = channel.inbox


def test_addresses_are_subscribed_to_a_given_topic_too(make, topic, template):
    make(topic=topic, emails=["oncall@example.com"])
    assert only(template(), "AWS::SNS::Subscription")["Endpoint"] == "oncall@example.com"


@pytest.mark.parametrize(
    ("arn", "key", "said"),
    [
        (f"{TOPIC}.fifo", None, "is FIFO; alerts have no order"),
        (TOPIC, f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/aws/sns", "a key that AWS manages"),
        (f"arn:aws:sns:eu-west-1:{ACCOUNT}:on-call", None, "is of Region eu-west-1, and alarms of us-east-1 publish"),
    ],
)
def test_a_topic_that_alarms_cannot_publish_to_is_refused(stack, make, arn, key, said):
    theirs = sns.Topic.from_topic_attributes(stack, "OnCall", topic_arn=arn, key_arn=key)
    with pytest.raises(InvalidProps, match=said):
        make(topic=theirs)


def test_a_fifo_queue_is_refused_as_an_inbox(stack, make):
    with pytest.raises(InvalidProps, match="is FIFO; a standard topic sends to standard queues alone"):
        make(inbox=sqs.Queue.from_queue_arn(stack, "Inbox", f"{QUEUE}.fifo"))


def services_of(key: Json) -> set[str]:
    principals = [each["Principal"] for each in statements(key["KeyPolicy"])]
    return {each["Service"] for each in principals if "Service" in each}


PUBLISHERS = {"events.amazonaws.com", "cloudwatch.amazonaws.com", "sns.amazonaws.com"}


def test_the_key_of_an_own_topic_lets_alarms_and_rules_use_it_too(stack, make, template):
    make(topic=sns.Topic(stack, "Topic", master_key=kms.Key(stack, "Theirs")))
    keys = properties(template(), "AWS::KMS::Key")
    assert [services_of(each) for each in keys] == [PUBLISHERS, PUBLISHERS]
    assert warnings(stack) == []


def test_the_key_of_an_own_inbox_lets_sns_use_it_too(stack, make, template):
    make(inbox=sqs.Queue(stack, "Inbox", encryption_master_key=kms.Key(stack, "Theirs")))
    assert [services_of(each) for each in properties(template(), "AWS::KMS::Key")] == [PUBLISHERS, PUBLISHERS]
    assert warnings(stack) == []


def test_the_owner_of_a_topics_key_and_of_an_inboxs_is_asked_for_its_statements(stack, make, topic):
    inbox = sqs.Queue.from_queue_attributes(stack, "Inbox", queue_arn=QUEUE, key_arn=f"{KEY}9")
    make(topic=topic, inbox=inbox)
    asked = [each for each in warnings(stack) if "raytrail.alerting.key_statements" in each]
    assert [arn for arn in (KEY, f"{KEY}9") if any(f"key {arn} is" in each for each in asked)] == [KEY, f"{KEY}9"]


OTHER = "999988887777"


def test_the_topic_of_another_account_is_to_let_functions_of_this_one_publish(stack):
    """SNS and KMS take what both sides allow, where the two sides are two accounts."""
    arn = f"arn:aws:sns:{REGION}:{OTHER}:on-call"
    said = topic_statements(topic_arn=arn, account=ACCOUNT)[-1]
    assert plain(stack.resolve(said.to_statement_json())) == {
        "Sid": "AllowPublisher",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
        "Action": "sns:Publish",
        "Resource": arn,
    }
    key = key_statements(publisher=ACCOUNT)[-1]
    assert (key.sid, key.actions) == ("AllowPublisher", ["kms:Decrypt", "kms:GenerateDataKey*"])
    assert len(topic_statements(topic_arn=TOPIC, account=ACCOUNT)) == 2
    assert len(key_statements()) == 3


def test_a_queue_of_another_account_is_refused_as_an_inbox(stack, make):
    theirs = sqs.Queue.from_queue_arn(stack, "Inbox", f"arn:aws:sqs:{REGION}:{OTHER}:chat-bridge")
    with pytest.raises(InvalidProps, match="is of account 999988887777, which would have to confirm"):
        make(inbox=theirs)


def test_a_queue_with_a_key_of_aws_is_refused_as_an_inbox(stack, make):
    with pytest.raises(InvalidProps, match="whose policy does not let SNS use it"):
        make(inbox=sqs.Queue(stack, "Inbox", encryption=sqs.QueueEncryption.KMS_MANAGED))
