"""Only detections: the account has a trail, a topic of those on call and rules of its own, and none is changed."""

from __future__ import annotations

import gzip
import json
import uuid
from collections.abc import Iterator

import pytest
from tests.detection.alerts_kit import wait_for
from tests.examples.used_account import Assembly, Deployment, answer, example, message
from tests.synth import Json, properties, resources

from raytrail.localaws import LocalAws

pytestmark = pytest.mark.local

MADE = example("only_detections_on_existing_trail")
ACCOUNT, REGION = MADE["ACCOUNT"], MADE["REGION"]


class Theirs:
    """What was there: a trail with its bucket, a topic that somebody listens to, a rule, and policies."""

    def __init__(self, aws: LocalAws) -> None:
        self.s3, self.cloudtrail, self.events = (aws.client(name) for name in ("s3", "cloudtrail", "events"))
        self.sns, self.sqs, self.logs = (aws.client(name) for name in ("sns", "sqs", "logs"))
        self.name = f"theirs-{uuid.uuid4().hex[:8]}"
        self.s3.create_bucket(Bucket=self.name)
        self.s3.put_bucket_policy(Bucket=self.name, Policy=_lets_cloudtrail_write(self.name))
        self.cloudtrail.create_trail(Name=self.name, S3BucketName=self.name, IsMultiRegionTrail=True)
        self.cloudtrail.start_logging(Name=self.name)
        self.topic = self.sns.create_topic(Name=MADE["ON_CALL"].rpartition(":")[2])["TopicArn"]
        self.pager = self.sqs.create_queue(QueueName=self.name)["QueueUrl"]
        queue = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{self.name}"
        raw = {"RawMessageDelivery": "true"}
        self.sns.subscribe(TopicArn=self.topic, Protocol="sqs", Endpoint=queue, Attributes=raw)
        self.events.put_rule(Name=self.name, EventPattern='{"source": ["aws.health"]}')
        self.logs.put_resource_policy(policyName=self.name, policyDocument='{"Version": "2012-10-17", "Statement": []}')

    def describe(self) -> Json:
        """All of it, as AWS's APIs tell it."""
        policies = self.logs.describe_resource_policies()["resourcePolicies"]
        return {
            # All trails, so that a second one would be seen.
            "trails": self.cloudtrail.describe_trails()["trailList"],
            "selectors": answer(self.cloudtrail.get_event_selectors(TrailName=self.name)),
            "logging": self.cloudtrail.get_trail_status(Name=self.name)["IsLogging"],
            "bucket": self.s3.get_bucket_policy(Bucket=self.name)["Policy"],
            "topic": self.sns.get_topic_attributes(TopicArn=self.topic)["Attributes"],
            "listeners": self.sns.list_subscriptions_by_topic(TopicArn=self.topic)["Subscriptions"],
            "rule": answer(self.events.describe_rule(Name=self.name)),
            "policy": [each["policyDocument"] for each in policies if each["policyName"] == self.name],
        }

    def files(self) -> str:
        """What the trail has written so far."""
        keys = [each["Key"] for each in self.s3.list_objects_v2(Bucket=self.name).get("Contents", [])]
        bodies = (self.s3.get_object(Bucket=self.name, Key=key)["Body"].read() for key in keys)
        return "".join(gzip.decompress(body).decode() for body in bodies)

    def leave(self) -> None:
        """Take it away, for the other tests of the session."""
        self.cloudtrail.delete_trail(Name=self.name)
        self.sns.delete_topic(TopicArn=self.topic)
        self.sqs.delete_queue(QueueUrl=self.pager)
        self.events.delete_rule(Name=self.name)
        self.logs.delete_resource_policy(policyName=self.name)


def _lets_cloudtrail_write(bucket: str) -> str:
    trail = {"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}}
    own = f"arn:aws:s3:::{bucket}"
    look = {**trail, "Action": "s3:GetBucketAcl", "Resource": own}
    write = {**trail, "Action": "s3:PutObject", "Resource": f"{own}/AWSLogs/{ACCOUNT}/*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [look, write]})


@pytest.fixture(scope="module")
def detections(local_aws: LocalAws, assembly: Assembly, before: Json) -> Iterator[Deployment]:
    with Deployment(local_aws, assembly, "detections") as made:
        yield made


def test_no_second_trail_and_no_second_topic_are_made(detections):
    for type in ("AWS::CloudTrail::Trail", "AWS::SNS::Topic", "AWS::SNS::TopicPolicy", "AWS::SNS::Subscription"):
        assert not resources(detections.template, type), type
    assert len(resources(detections.template, "AWS::Events::Rule")) > 50
    alarms = properties(detections.template, "AWS::CloudWatch::Alarm")
    assert {tuple(alarm["AlarmActions"]) for alarm in alarms} == {(MADE["ON_CALL"],)}


def test_a_call_that_their_trail_records_is_a_page_for_those_on_call(local_aws, theirs, detections):
    iam = local_aws.client("iam")
    iam.create_user(UserName=theirs.name)
    key = iam.create_access_key(UserName=theirs.name)["AccessKey"]["AccessKeyId"]
    page = message(theirs.sqs, theirs.pager, lambda page: page.get("detection") == "access_key_created")
    assert "CreateAccessKey" in page["summary"]
    # The same event is in the files of their trail.
    wait_for(lambda: page["event_id"] in theirs.files(), "a file of the trail")
    iam.delete_access_key(UserName=theirs.name, AccessKeyId=key)
    iam.delete_user(UserName=theirs.name)


def test_the_owners_are_told_the_statements_that_aws_documents(detections):
    topic, key = (json.loads(detections.outputs[name]) for name in ("TopicStatements", "KeyStatements"))
    assert {each["Principal"]["Service"] for each in topic} == {"events.amazonaws.com", "cloudwatch.amazonaws.com"}
    assert {each["Resource"] for each in topic} == {MADE["ON_CALL"]}
    assert {tuple(each["Action"]) for each in key} == {("kms:Decrypt", "kms:GenerateDataKey*")}


def test_what_was_there_is_as_it_was_with_the_stack_and_after_it(theirs, before, detections):
    assert theirs.describe() == before
    detections.delete()
    assert theirs.describe() == before
