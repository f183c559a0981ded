from __future__ import annotations

import pytest
from tests.checks.twins import a, allow, arn, check, found, policy, ref, seen

from raytrail.checks import check_template

EVENTS, CLOUDWATCH, SNS = "events.amazonaws.com", "cloudwatch.amazonaws.com", "sns.amazonaws.com"
ALARM, RULE, TOPIC, QUEUE = "CloudWatch::Alarm", "Events::Rule", "SNS::Topic", "SQS::Queue"
TLS = {
    "Effect": "Deny",
    "Principal": "*",
    "Action": "sns:Publish",
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}


def refused(resources, **how):
    return found("DeliveryRefused", resources, **how)


def by_key(resources, **how):
    return found("KeyRefusesDelivery", resources, **how)


def rule_to(target, **more):
    return a(RULE, Targets=[{"Id": "One", "Arn": target, **more}])


def topic_policy(*statements):
    return a("SNS::TopicPolicy", Topics=[ref("Topic")], PolicyDocument=policy(*statements))


def queue_policy(*statements):
    return a("SQS::QueuePolicy", Queues=[ref("Queue")], PolicyDocument=policy(*statements))


TO_TOPIC = {"Topic": a(TOPIC), "Rule": rule_to(ref("Topic"))}
TO_QUEUE = {"Queue": a(QUEUE), "Rule": rule_to(arn("Queue"))}
FROM_ALARM = {"Topic": a(TOPIC), "Alarm": a(ALARM, AlarmActions=[ref("Topic")])}


def test_eventbridge_is_to_be_let_in_by_the_policy_of_a_topic():
    assert refused(TO_TOPIC) == ["Topic"]
    assert refused({**TO_TOPIC, "Policy": topic_policy(TLS)}) == ["Topic"]
    assert refused({**TO_TOPIC, "Policy": topic_policy(allow(EVENTS, "sns:Publish"))}) == []
    assert refused({**TO_TOPIC, "Policy": topic_policy(TLS, allow(EVENTS, ["SNS:Publish"]))}) == []
    assert refused({**TO_TOPIC, "Policy": topic_policy(allow(EVENTS, "sns:Pub*"))}) == []
    assert refused({**TO_TOPIC, "Policy": topic_policy(allow(CLOUDWATCH, "sns:Publish"))}) == ["Topic"]


def test_eventbridge_takes_no_condition_in_the_policy_of_a_topic():
    condition = {"ArnLike": {"aws:SourceArn": "arn:aws:events:eu-west-1:111122223333:rule/*"}}
    conditional = {**TO_TOPIC, "Policy": topic_policy(allow(EVENTS, "sns:Publish", **condition))}
    assert seen("DeliveryRefused", conditional).endswith("under a Condition, which EventBridge does not support there")
    both = topic_policy(allow(EVENTS, "sns:Publish", **condition), allow(EVENTS, "sns:Publish"))
    assert refused({**TO_TOPIC, "Policy": both}) == []
    # Of a queue AWS documents the very condition.
    assert refused({**TO_QUEUE, "Policy": queue_policy(allow(EVENTS, "sqs:SendMessage", **condition))}) == []


def test_alarms_are_let_in_until_a_topic_has_a_policy_of_its_own():
    assert refused(FROM_ALARM) == []
    assert refused({**FROM_ALARM, "Policy": topic_policy(TLS)}) == ["Topic"]
    conditional = allow(CLOUDWATCH, "sns:Publish", StringEquals={"aws:SourceAccount": "111122223333"})
    assert refused({**FROM_ALARM, "Policy": topic_policy(TLS, conditional)}) == []
    owner = {
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": ["SNS:Publish"],
        "Condition": {"StringEquals": {"AWS:SourceOwner": "111122223333"}},
    }
    assert refused({**FROM_ALARM, "Policy": topic_policy(owner)}) == []


def test_a_queue_lets_nobody_in_by_itself():
    assert refused(TO_QUEUE) == ["Queue"]
    assert refused({**TO_QUEUE, "Policy": queue_policy(allow(EVENTS, "sqs:SendMessage"))}) == []
    subscribed = {
        "Topic": a(TOPIC),
        "Queue": a(QUEUE),
        "Subscription": a("SNS::Subscription", TopicArn=ref("Topic"), Protocol="sqs", Endpoint=arn("Queue")),
    }
    assert refused(subscribed) == ["Queue"]
    assert refused({**subscribed, "Policy": queue_policy(allow(SNS, "sqs:*"))}) == []


@pytest.mark.parametrize("inline", [False, True])
def test_a_dead_letter_queue_is_sent_to_as_well(inline):
    dead = {"DeadLetterConfig": {"Arn": arn("Queue")}}
    resources = {"Queue": a(QUEUE), "Rule": rule_to("arn:aws:sqs:eu-west-1:444455556666:other", **dead)}
    assert refused(resources) == ["Queue"]
    document = policy(allow(EVENTS, "sqs:SendMessage"))
    own = a("SQS::QueueInlinePolicy", Queue=ref("Queue"), PolicyDocument=document)
    shared = a("SQS::QueuePolicy", Queues=[ref("Queue")], PolicyDocument=document)
    assert refused({**resources, "Policy": own if inline else shared}) == []


def test_a_subscriptions_dead_letters_are_sent_by_the_topic():
    lost = {"deadLetterTargetArn": arn("Queue")}
    mail = a("SNS::Subscription", TopicArn=ref("Topic"), Protocol="email", Endpoint="a@example.com", RedrivePolicy=lost)
    resources = {"Topic": a(TOPIC), "Queue": a(QUEUE), "Mail": mail}
    assert refused(resources) == ["Queue"]
    assert refused({**resources, "Policy": queue_policy(allow(SNS, "sqs:SendMessage"))}) == []


def test_cloudtrail_tells_a_topic_that_lets_it():
    trail = a("CloudTrail::Trail", S3BucketName="central-logs", IsLogging=True, SnsTopicName="files")
    resources = {"Topic": a(TOPIC, TopicName="files"), "Trail": trail}
    assert refused(resources) == ["Topic"]
    assert refused({**resources, "Policy": topic_policy(allow("cloudtrail.amazonaws.com", "sns:Publish"))}) == []


def test_a_function_needs_a_permission_that_eventbridge_meets():
    to_function = {"Function": a("Lambda::Function"), "Rule": rule_to(arn("Function"))}
    allowed = {"Action": "lambda:InvokeFunction", "FunctionName": ref("Function"), "Principal": EVENTS}
    assert refused(to_function) == ["Function"]
    assert refused({**to_function, "May": a("Lambda::Permission", **allowed)}) == []
    assert refused({**to_function, "May": a("Lambda::Permission", **{**allowed, "Principal": SNS})}) == ["Function"]
    joined = {**allowed, "Principal": {"Fn::Sub": "events.${AWS::URLSuffix}"}}
    assert refused({**to_function, "May": a("Lambda::Permission", **joined)}) == []
    counted = a("Lambda::Permission", **allowed, SourceAccount="111122223333")
    assert "SourceAccount" in seen("DeliveryRefused", {**to_function, "May": counted})


def test_an_alarm_calls_a_function_as_a_service_of_its_own():
    called = {"Function": a("Lambda::Function"), "Alarm": a(ALARM, AlarmActions=[arn("Function")])}
    allowed = {"Action": "lambda:InvokeFunction", "FunctionName": arn("Function")}
    assert refused({**called, "May": a("Lambda::Permission", **allowed, Principal=CLOUDWATCH)}) == ["Function"]
    right = a("Lambda::Permission", **allowed, Principal="lambda.alarms.cloudwatch.amazonaws.com")
    assert refused({**called, "May": right}) == []


def test_what_is_not_known_lets_in():
    assert refused({"Topic": a(TOPIC), "Rule": rule_to(ref("Topic"), RoleArn=ref("RoleParameter"))}) == []
    assert refused({**TO_QUEUE, "Policy": a("SQS::QueuePolicy", Queues=ref("Queues"), PolicyDocument=policy())}) == []
    computed = a("SNS::TopicPolicy", Topics=[ref("Topic")], PolicyDocument=ref("Document"))
    assert refused({**TO_TOPIC, "Policy": computed}) == []
    some = {"Effect": "Allow", "Principal": {"Service": ref("Service")}, "Action": "sns:Publish"}
    assert refused({**TO_TOPIC, "Policy": topic_policy(some)}) == []
    assert refused({"Rule": rule_to("arn:aws:sqs:eu-west-1:444455556666:another-apps")}) == []


INCLUDED = {"Fn::Transform": {"Name": "AWS::Include", "Parameters": {"Location": "s3://shop/rest.json"}}}


def without(statement, *keys):
    return {key: value for key, value in statement.items() if key not in keys}


def test_what_may_be_included_in_a_statement_is_no_objection():
    right, conditional = (
        allow(EVENTS, "sns:Publish"),
        allow(EVENTS, "sns:Publish", Bool={"aws:SecureTransport": "true"}),
    )
    assert refused({**TO_TOPIC, "Policy": topic_policy({**right, **INCLUDED})}) == []
    assert refused({**TO_TOPIC, "Policy": topic_policy({**conditional, **INCLUDED})}) == ["Topic"]
    assert refused({**TO_TOPIC, "Policy": topic_policy({**without(right, "Action"), **INCLUDED})}) == []
    assert refused({**TO_TOPIC, "Policy": topic_policy(without(right, "Action"))}) == ["Topic"]
    to_queue = without(allow(EVENTS, "sqs:SendMessage"), "Action")
    assert refused({**TO_QUEUE, "Policy": queue_policy({**to_queue, **INCLUDED})}) == []


def test_a_condition_that_a_deployment_may_leave_out_is_no_objection():
    chosen = {"Fn::If": ["Strict", {"Bool": {"aws:SecureTransport": "true"}}, ref("AWS::NoValue")]}
    statement = {**allow(EVENTS, "sns:Publish"), "Condition": chosen}
    assert refused({**TO_TOPIC, "Policy": topic_policy(statement)}) == []


def test_what_may_be_included_in_a_permission_is_no_objection():
    to_function = {"Function": a("Lambda::Function"), "Rule": rule_to(arn("Function"))}
    allowed = {"Action": "lambda:InvokeFunction", "FunctionName": ref("Function"), "Principal": EVENTS}
    permission = a("Lambda::Permission", **allowed)
    counted = a("Lambda::Permission", **allowed, SourceAccount=ref("AWS::AccountId"))
    for include in ({**permission, "Properties": {**allowed, **INCLUDED}}, {**permission, **INCLUDED}):
        assert refused({**to_function, "May": include}) == []
    # Which account it is may be open, and that one is asked for is not.
    agnostic = check_template({"Resources": {**to_function, "May": counted}})
    assert [each.id for each in agnostic] == [check("DeliveryRefused").id]
    chosen = a("Lambda::Permission", **allowed, SourceAccount={"Fn::If": ["Old", "1" * 12, ref("AWS::NoValue")]})
    assert refused({**to_function, "May": chosen}) == []


def encrypted(key, **resources):
    return {**FROM_ALARM, "Topic": a(TOPIC, KmsMasterKeyId=key), **resources}


@pytest.mark.parametrize("key", ["alias/aws/sns", {"Fn::Sub": "arn:aws:kms:${AWS::Region}:1:alias/aws/sns"}])
def test_keys_that_aws_manages_let_in_no_alarm(key):
    assert by_key(encrypted(key)) == ["Topic"]


def test_a_key_of_ones_own_is_to_name_the_service():
    root = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"}, "Action": "kms:*"}
    use = ["kms:Decrypt", "kms:GenerateDataKey*"]
    assert by_key(encrypted(arn("Key"), Key=a("KMS::Key", KeyPolicy=policy(root)))) == ["Topic"]
    assert by_key(encrypted(arn("Key"), Key=a("KMS::Key"))) == ["Topic"]
    assert by_key(encrypted(arn("Key"), Key=a("KMS::Key", KeyPolicy=policy(root, allow(EVENTS, use))))) == ["Topic"]
    assert by_key(encrypted(arn("Key"), Key=a("KMS::Key", KeyPolicy=policy(root, allow(CLOUDWATCH, use))))) == []
    only_read = policy(root, allow(CLOUDWATCH, "kms:Decrypt"))
    assert by_key(encrypted(arn("Key"), Key=a("KMS::Key", KeyPolicy=only_read))) == ["Topic"]


def test_a_key_is_found_behind_an_alias():
    alias = a("KMS::Alias", AliasName="alias/pages", TargetKeyId=ref("Key"))
    assert by_key(encrypted(ref("Alias"), Alias=alias, Key=a("KMS::Key", KeyPolicy=policy()))) == ["Topic"]


def test_an_alias_of_the_app_is_found_by_its_name():
    alias = a("KMS::Alias", AliasName="alias/shop", TargetKeyId=ref("Key"))
    key = {"Key": a("KMS::Key", KeyPolicy=policy()), "Alias": alias}
    for named in ("alias/shop", {"Fn::Sub": "arn:${AWS::Partition}:kms:${AWS::Region}:${AWS::AccountId}:alias/shop"}):
        assert by_key({**encrypted(named), **key}) == ["Topic"]
    assert by_key({**encrypted("alias/another"), **key}) == []


def test_a_key_that_is_not_of_the_app_is_trusted():
    assert by_key(encrypted("arn:aws:kms:eu-west-1:111122223333:key/1234")) == []
    assert by_key(encrypted(ref("KeyParameter"))) == []
    assert by_key(FROM_ALARM) == []


def test_queues_are_encrypted_too():
    queue = {"Queue": a(QUEUE, KmsMasterKeyId="alias/aws/sqs"), "Rule": rule_to(arn("Queue"))}
    assert by_key(queue) == ["Queue"]
    assert by_key({**queue, "Queue": a(QUEUE, SqsManagedSseEnabled=True)}) == []
