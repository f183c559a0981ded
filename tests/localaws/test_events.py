"""CloudTrail's events on EventBridge, and what becomes of each delivery."""

from __future__ import annotations

import io
import json
import time
import uuid
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from raytrail.localaws import LocalAws
from raytrail.records import RecordLine, read_records

pytestmark = pytest.mark.local

ACCOUNT = "111122223333"
ALL_EVENTS = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"


def wait_for(find: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        found = find()
        if found:
            return found
        time.sleep(0.05)
    pytest.fail(f"did not find {what}")


@pytest.fixture(scope="module", autouse=True)
def trail(local_aws: LocalAws) -> Iterator[str]:
    """A trail that logs: without one, EventBridge hears nothing."""
    s3, client = local_aws.client("s3"), local_aws.client("cloudtrail")
    name = f"events-{uuid.uuid4().hex[:8]}"
    s3.create_bucket(Bucket=name)
    allow = {"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}}
    statements = [
        {**allow, "Action": "s3:GetBucketAcl", "Resource": f"arn:aws:s3:::{name}"},
        {**allow, "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{name}/AWSLogs/{ACCOUNT}/*"},
    ]
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": statements}))
    client.create_trail(Name=name, S3BucketName=name, IsMultiRegionTrail=True)
    client.start_logging(Name=name)
    yield name
    client.delete_trail(Name=name)


class Bench:
    """Rules, and queues to see what they deliver."""

    def __init__(self, aws: LocalAws) -> None:
        self.aws = aws
        self.tag = uuid.uuid4().hex[:8]
        self.rules: list[tuple[str, str, str]] = []

    def queue(self, name: str, *, region: str = "us-east-1", policy: dict[str, Any] | None = None) -> tuple[str, str]:
        attributes = {"Policy": json.dumps(policy)} if policy else {}
        full = f"{name}-{self.tag}"
        client = self.aws.client("sqs", region=region)
        url = client.create_queue(QueueName=full, Attributes=attributes)["QueueUrl"]
        return url, f"arn:aws:sqs:{region}:{ACCOUNT}:{full}"

    def rule(
        self,
        target: dict[str, Any],
        pattern: dict[str, Any],
        *,
        state: str = "ENABLED",
        region: str = "us-east-1",
        bus: str = "default",
    ) -> str:
        events = self.aws.client("events", region=region)
        name = f"rule-{uuid.uuid4().hex[:8]}"
        events.put_rule(Name=name, EventPattern=json.dumps(pattern), State=state, EventBusName=bus)
        events.put_targets(Rule=name, EventBusName=bus, Targets=[{"Id": "t", **target}])
        self.rules.append((region, bus, name))
        return name

    def messages(self, url: str, region: str = "us-east-1") -> list[dict[str, Any]]:
        client = self.aws.client("sqs", region=region)
        found: list[dict[str, Any]] = []
        while batch := client.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"], VisibilityTimeout=0
        ).get("Messages"):
            new = [message for message in batch if message["MessageId"] not in {seen["MessageId"] for seen in found}]
            if not new:
                break
            found += new
        return found

    def events(self, url: str, region: str = "us-east-1") -> list[dict[str, Any]]:
        return [json.loads(message["Body"]) for message in self.messages(url, region)]

    def topic(self, region: str = "us-east-1") -> str:
        """Make a write call of which the rules below hear."""
        name = f"called-{self.tag}-{uuid.uuid4().hex[:6]}"
        self.aws.client("sns", region=region).create_topic(Name=name)
        return name

    def pattern(self, **detail: Any) -> dict[str, Any]:
        return {"source": ["aws.sns"], "detail": {"requestParameters": {"name": [{"prefix": f"called-{self.tag}"}]}}}


@pytest.fixture
def bench(local_aws: LocalAws) -> Iterator[Bench]:
    made = Bench(local_aws)
    yield made
    for region, bus, name in made.rules:
        events = local_aws.client("events", region=region)
        events.remove_targets(Rule=name, EventBusName=bus, Ids=["t"])
        events.delete_rule(Name=name, EventBusName=bus)


def test_the_envelope_is_the_one_of_real_events(bench: Bench, attack_logs: Path) -> None:
    url, arn = bench.queue("envelope")
    bench.rule({"Arn": arn}, bench.pattern())
    name = bench.topic()
    [event] = wait_for(lambda: bench.events(url), "the event")
    outcomes = list(read_records(attack_logs / "custodian_eventbridge_envelopes.ndjson.gz"))
    assert len(outcomes) == 10
    for outcome in outcomes:
        assert isinstance(outcome, RecordLine)
        # Debug is Cloud Custodian's own; one of the ten was stored without its version.
        keys = set(outcome.wrapper["event"]) - {"debug"} | {"detail", "version"}
        assert set(event) == keys
        assert event["detail-type"] == outcome.wrapper["event"]["detail-type"]
    assert event["source"] == "aws.sns"
    assert (event["version"], event["account"], event["region"]) == ("0", ACCOUNT, "us-east-1")
    assert event["resources"] == []
    assert event["time"] == event["detail"]["eventTime"]
    assert event["detail"]["requestParameters"]["name"] == name
    assert event["detail"]["eventName"] == "CreateTopic"


def test_a_call_that_only_reads_wakes_only_rules_for_all_management_events(bench: Bench) -> None:
    plain, plain_arn = bench.queue("plain")
    full, full_arn = bench.queue("full")
    off, off_arn = bench.queue("off")
    pattern = {
        "source": ["aws.sns"],
        "detail": {"eventName": ["CreateTopic", "GetTopicAttributes"]},
        "$or": [
            {"detail": {"requestParameters": {"name": [{"prefix": f"called-{bench.tag}"}]}}},
            {"detail": {"requestParameters": {"topicArn": [{"wildcard": f"*called-{bench.tag}*"}]}}},
        ],
    }
    bench.rule({"Arn": plain_arn}, pattern)
    bench.rule({"Arn": full_arn}, pattern, state=ALL_EVENTS)
    bench.rule({"Arn": off_arn}, pattern, state="DISABLED")
    topic = f"arn:aws:sns:us-east-1:{ACCOUNT}:{bench.topic()}"
    bench.aws.client("sns").get_topic_attributes(TopicArn=topic)
    bench.topic()

    def names(url: str) -> list[str]:
        return sorted(event["detail"]["eventName"] for event in bench.events(url))

    wait_for(lambda: len(names(plain)) >= 2 and len(names(full)) >= 3, "the calls")
    assert names(plain) == ["CreateTopic", "CreateTopic"]
    assert names(full) == ["CreateTopic", "CreateTopic", "GetTopicAttributes"]
    assert names(off) == []


def test_a_data_event_is_heard_only_when_a_trail_takes_it(bench: Bench, trail: str) -> None:
    url, arn = bench.queue("data")
    s3, trails = bench.aws.client("s3"), bench.aws.client("cloudtrail")
    bucket = f"data-{bench.tag}"
    s3.create_bucket(Bucket=bucket)
    bench.rule({"Arn": arn}, {"detail": {"eventName": ["PutObject"], "requestParameters": {"bucketName": [bucket]}}})
    s3.put_object(Bucket=bucket, Key="unheard", Body=b"x")
    data = {"Type": "AWS::S3::Object", "Values": [f"arn:aws:s3:::{bucket}/"]}
    selector = {"ReadWriteType": "All", "IncludeManagementEvents": True}
    trails.put_event_selectors(TrailName=trail, EventSelectors=[{**selector, "DataResources": [data]}])
    s3.put_object(Bucket=bucket, Key="heard", Body=b"x")
    [event] = wait_for(lambda: bench.events(url), "the data event")
    assert event["detail"]["requestParameters"]["key"] == "heard"
    assert event["detail"]["eventCategory"] == "Data"
    trails.put_event_selectors(TrailName=trail, EventSelectors=[selector])


def test_without_a_trail_that_logs_nothing_is_heard(bench: Bench, trail: str) -> None:
    url, arn = bench.queue("silence")
    bench.rule({"Arn": arn}, bench.pattern())
    trails = bench.aws.client("cloudtrail")
    trails.stop_logging(Name=trail)
    unheard = bench.topic()
    trails.start_logging(Name=trail)
    heard = bench.topic()
    wait_for(lambda: bench.events(url), "the call after the restart")
    names = [event["detail"]["requestParameters"]["name"] for event in bench.events(url)]
    assert names == [heard]
    assert unheard not in names


def test_global_services_are_heard_in_us_east_1_and_forwarded_to_the_home_region(bench: Bench) -> None:
    home, direct = "eu-west-1", bench.queue("direct", region="eu-west-1")
    url, arn = bench.queue("home", region=home)
    user = f"user-{bench.tag}"
    pattern = {"source": ["aws.iam"], "detail": {"requestParameters": {"userName": [user]}}}
    bus = f"home-{bench.tag}"
    bench.aws.client("events", region=home).create_event_bus(Name=bus)
    bus_arn = f"arn:aws:events:{home}:{ACCOUNT}:event-bus/{bus}"
    role = f"arn:aws:iam::{ACCOUNT}:role/forward"
    bench.rule({"Arn": bus_arn, "RoleArn": role}, pattern, state=ALL_EVENTS)
    bench.rule({"Arn": arn}, pattern, region=home, bus=bus)
    bench.rule({"Arn": direct[1]}, pattern, region=home)
    iam = bench.aws.client("iam", region=home)
    iam.create_user(UserName=user)
    iam.get_user(UserName=user)
    [event] = wait_for(lambda: bench.events(url, home), "the forwarded event")
    # The event keeps the Region where it happened; and what only reads stays out of a rule that is merely enabled.
    assert (event["region"], event["detail"]["eventName"]) == ("us-east-1", "CreateUser")
    assert bench.events(direct[0], home) == []
    iam.delete_user(UserName=user)


def test_a_second_region_after_another_is_refused_into_the_dead_letter_queue(bench: Bench) -> None:
    role = f"arn:aws:iam::{ACCOUNT}:role/forward"
    url, arn = bench.queue("dead", region="eu-west-1")
    pattern = bench.pattern()
    bench.rule({"Arn": f"arn:aws:events:eu-west-1:{ACCOUNT}:event-bus/default", "RoleArn": role}, pattern)
    third = f"arn:aws:events:eu-central-1:{ACCOUNT}:event-bus/default"
    bench.rule({"Arn": third, "RoleArn": role, "DeadLetterConfig": {"Arn": arn}}, pattern, region="eu-west-1")
    bench.topic()
    [message] = wait_for(lambda: bench.messages(url, "eu-west-1"), "the dead letter")
    assert message["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "THIRD_REGION_HOP_DETECTED"


def test_two_buses_that_forward_to_each_other_end(bench: Bench) -> None:
    role = f"arn:aws:iam::{ACCOUNT}:role/forward"
    url, arn = bench.queue("loop")
    for here, there in (("us-east-1", "eu-west-1"), ("eu-west-1", "us-east-1")):
        target = {"Arn": f"arn:aws:events:{there}:{ACCOUNT}:event-bus/default", "RoleArn": role}
        bench.rule(target, bench.pattern(), region=here)
    bench.rule({"Arn": arn}, bench.pattern())
    first, second = bench.topic(), bench.topic()

    def names() -> list[str]:
        return [event["detail"]["requestParameters"]["name"] for event in bench.events(url)]

    # The call itself, and once more as it came back from the other Region; then the ring of rules is closed.
    wait_for(lambda: names().count(second) == 2, "the second call")
    last = bench.topic()
    wait_for(lambda: names().count(last) == 2, "a later call")
    assert [names().count(name) for name in (first, second)] == [2, 2]


def test_a_log_group_is_written_only_with_a_policy_for_both_services(bench: Bench) -> None:
    logs = bench.aws.client("logs")
    group = f"/aws/events/{bench.tag}"
    logs.create_log_group(logGroupName=group)
    arn = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:{group}"
    url, queue_arn = bench.queue("dead-log")
    bench.rule({"Arn": arn, "DeadLetterConfig": {"Arn": queue_arn}}, bench.pattern())

    def policy(*services: str) -> None:
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": list(services)},
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": f"{arn}:*",
        }
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        logs.put_resource_policy(policyName=f"events-{bench.tag}", policyDocument=document)

    policy("events.amazonaws.com")
    bench.topic()
    [message] = wait_for(lambda: bench.messages(url), "the dead letter")
    assert message["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "NO_PERMISSIONS"

    policy("events.amazonaws.com", "delivery.logs.amazonaws.com")
    name = bench.topic()
    found = wait_for(lambda: logs.filter_log_events(logGroupName=group)["events"], "the event in the log group")
    assert [json.loads(event["message"])["detail"]["requestParameters"]["name"] for event in found] == [name]
    logs.delete_resource_policy(policyName=f"events-{bench.tag}")


def test_a_transformer_for_a_log_group_makes_timestamp_and_message(bench: Bench) -> None:
    logs = bench.aws.client("logs")
    group = f"/aws/events/shaped-{bench.tag}"
    logs.create_log_group(logGroupName=group)
    arn = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:{group}"
    allow = {
        "Effect": "Allow",
        "Principal": {"Service": ["events.amazonaws.com", "delivery.logs.amazonaws.com"]},
        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": f"{arn}:*",
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    logs.put_resource_policy(policyName=f"shaped-{bench.tag}", policyDocument=document)
    dead, dead_arn = bench.queue("dead-shaped")
    paths = {"time": "$.time", "what": "$.detail.eventName"}
    good = {"InputPathsMap": paths, "InputTemplate": '{"timestamp": <time>, "message": "saw <what>"}'}
    bad = {"InputPathsMap": paths, "InputTemplate": '{"text": "saw <what>"}'}
    bench.rule({"Arn": arn, "InputTransformer": good}, bench.pattern())
    bench.rule({"Arn": arn, "InputTransformer": bad, "DeadLetterConfig": {"Arn": dead_arn}}, bench.pattern())
    bench.topic()
    [letter] = wait_for(lambda: bench.messages(dead), "the dead letter")
    assert letter["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "INVALID_JSON"
    [event] = wait_for(lambda: logs.filter_log_events(logGroupName=group)["events"], "the event in the log group")
    assert event["message"] == "saw CreateTopic"
    assert event["timestamp"] % 1000 == 0
    logs.delete_resource_policy(policyName=f"shaped-{bench.tag}")


def test_a_topic_needs_a_policy_without_conditions(bench: Bench) -> None:
    sns = bench.aws.client("sns")
    topic = sns.create_topic(Name=f"alerts-{bench.tag}")["TopicArn"]
    url, queue_arn = bench.queue("alerts")
    dead, dead_arn = bench.queue("dead-alerts")
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue_arn)
    bench.rule({"Arn": topic, "DeadLetterConfig": {"Arn": dead_arn}}, bench.pattern())
    allow = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sns:Publish",
        "Resource": topic,
    }

    def policy(statement: dict[str, Any]) -> None:
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=document)

    policy({**allow, "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}}})
    refused = bench.topic()
    [letter] = wait_for(lambda: bench.messages(dead), "the dead letter")
    assert json.loads(letter["Body"])["detail"]["requestParameters"]["name"] == refused
    assert letter["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "NO_PERMISSIONS"
    policy(allow)
    name = bench.topic()
    [notice] = wait_for(lambda: bench.events(url), "the notice")
    assert json.loads(notice["Message"])["detail"]["requestParameters"]["name"] == name


def test_a_target_that_does_not_exist_leaves_a_letter_with_all_that_aws_tells(bench: Bench) -> None:
    url, queue_arn = bench.queue("dead-letters")
    target = f"arn:aws:sns:us-east-1:{ACCOUNT}:no-such-topic-{bench.tag}"
    transformer = {"InputPathsMap": {"n": "$.detail.eventName"}, "InputTemplate": '"<n>"'}
    name = bench.rule(
        {"Arn": target, "DeadLetterConfig": {"Arn": queue_arn}, "InputTransformer": transformer}, bench.pattern()
    )
    bench.topic()
    [letter] = wait_for(lambda: bench.messages(url), "the dead letter")
    told = {key: value["StringValue"] for key, value in letter["MessageAttributes"].items()}
    assert told.pop("ERROR_MESSAGE")
    assert told == {
        "RULE_ARN": f"arn:aws:events:us-east-1:{ACCOUNT}:rule/{name}",
        "TARGET_ARN": target,
        "ERROR_CODE": "NO_RESOURCE",
        "RETRY_ATTEMPTS": "0",
    }
    # The letter is the event, not what the transformer would have made of it.
    assert json.loads(letter["Body"])["detail"]["eventName"] == "CreateTopic"


def test_a_queue_whose_policy_names_another_rule_gets_nothing(bench: Bench) -> None:
    dead, dead_arn = bench.queue("dead-queue")
    full = f"arn:aws:sqs:us-east-1:{ACCOUNT}:guarded-{bench.tag}"
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": full,
        "Condition": {"ArnEquals": {"aws:SourceArn": f"arn:aws:events:us-east-1:{ACCOUNT}:rule/other"}},
    }
    url, arn = bench.queue("guarded", policy={"Version": "2012-10-17", "Statement": [statement]})
    name = bench.rule({"Arn": arn, "DeadLetterConfig": {"Arn": dead_arn}}, bench.pattern())
    bench.topic()
    wait_for(lambda: bench.messages(dead), "the dead letter")
    assert bench.messages(url) == []
    statement["Condition"]["ArnEquals"]["aws:SourceArn"] = f"arn:aws:events:us-east-1:{ACCOUNT}:rule/{name}"
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    bench.aws.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    bench.topic()
    assert len(wait_for(lambda: bench.messages(url), "the event")) == 1


def test_an_input_transformer_shapes_what_a_target_gets(bench: Bench) -> None:
    url, arn = bench.queue("shaped")
    transformer = {
        "InputPathsMap": {"who": "$.detail.userIdentity.arn", "what": "$.detail.eventName"},
        "InputTemplate": '{"text": "<what> by <who>", "rule": <aws.events.rule-name>}',
    }
    name = bench.rule({"Arn": arn, "InputTransformer": transformer}, bench.pattern())
    bench.topic()
    [shaped] = wait_for(lambda: bench.events(url), "the shaped event")
    assert shaped == {
        "text": f"CreateTopic by arn:aws:sts::{ACCOUNT}:assumed-role/Administrator/operator",
        "rule": name,
    }


def test_a_function_is_called_and_its_own_calls_are_heard_as_its_role(bench: Bench) -> None:
    url, arn = bench.queue("echo")
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    iam, functions = bench.aws.client("iam"), bench.aws.client("lambda")
    role = iam.create_role(
        RoleName=f"answer-{bench.tag}",
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
    )["Role"]["Arn"]
    code = (
        "import boto3\n"
        "def handler(event, context):\n"
        f"    boto3.client('sqs').create_queue(QueueName='answer-{bench.tag}')\n"
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("index.py", code)
    function = functions.create_function(
        FunctionName=f"answer-{bench.tag}",
        Runtime="python3.11",
        Role=role,
        Handler="index.handler",
        Code={"ZipFile": buffer.getvalue()},
        Timeout=30,
    )["FunctionArn"]
    rule = bench.rule({"Arn": function}, bench.pattern())
    functions.add_permission(
        FunctionName=function,
        StatementId="events",
        Action="lambda:InvokeFunction",
        Principal="events.amazonaws.com",
        SourceArn=f"arn:aws:events:us-east-1:{ACCOUNT}:rule/{rule}",
    )
    bench.rule({"Arn": arn}, {"detail": {"requestParameters": {"queueName": [f"answer-{bench.tag}"]}}})
    bench.topic()
    [event] = wait_for(lambda: bench.events(url), "the function's own call")
    assert event["detail"]["userIdentity"]["arn"] == (
        f"arn:aws:sts::{ACCOUNT}:assumed-role/answer-{bench.tag}/answer-{bench.tag}"
    )


def test_deliveries_and_failures_are_counted_by_rule(bench: Bench) -> None:
    url, arn = bench.queue("counted-dead")
    name = bench.rule(
        {"Arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:absent-{bench.tag}", "DeadLetterConfig": {"Arn": arn}},
        bench.pattern(),
    )
    bench.topic()
    wait_for(lambda: bench.messages(url), "the dead letter")
    cloudwatch = bench.aws.client("cloudwatch")
    for metric in ("MatchedEvents", "TriggeredRules", "Invocations", "FailedInvocations", "InvocationsSentToDlq"):
        answer = cloudwatch.get_metric_statistics(
            Namespace="AWS/Events",
            MetricName=metric,
            Dimensions=[{"Name": "RuleName", "Value": name}],
            StartTime=time.time() - 600,
            EndTime=time.time() + 60,
            Period=3600,
            Statistics=["Sum"],
        )
        assert sum(point["Sum"] for point in answer["Datapoints"]) == 1, metric


def test_events_of_ones_own_still_reach_their_bus(bench: Bench) -> None:
    url, arn = bench.queue("own")
    bus = f"own-{bench.tag}"
    events = bench.aws.client("events")
    events.create_event_bus(Name=bus)
    bench.rule({"Arn": arn}, {"source": ["shop"]}, bus=bus)
    entry = {"Source": "shop", "DetailType": "order", "Detail": '{"id": 7}', "EventBusName": bus}
    assert events.put_events(Entries=[entry])["FailedEntryCount"] == 0
    [event] = wait_for(lambda: bench.events(url), "the event")
    assert event["detail"] == {"id": 7}
