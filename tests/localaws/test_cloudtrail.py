"""Trails: what they refuse, what they take, and where they deliver it."""

from __future__ import annotations

import json
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from raytrail.localaws import LocalAws
from raytrail.records import RecordLine, read_bytes

pytestmark = pytest.mark.local

ACCOUNT = "111122223333"


def wait_for(find: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        found = find()
        if found:
            return found
        time.sleep(0.05)
    pytest.fail(f"did not find {what}")


def bucket_policy(bucket: str, trail_arn: str, prefix: str = "") -> str:
    folder = f"{prefix}/AWSLogs" if prefix else "AWSLogs"
    principal = {"Service": "cloudtrail.amazonaws.com"}
    of_trail = {"aws:SourceArn": trail_arn}
    statements = [
        {
            "Effect": "Allow",
            "Principal": principal,
            "Action": "s3:GetBucketAcl",
            "Resource": f"arn:aws:s3:::{bucket}",
            "Condition": {"StringEquals": of_trail},
        },
        {
            "Effect": "Allow",
            "Principal": principal,
            "Action": "s3:PutObject",
            "Resource": f"arn:aws:s3:::{bucket}/{folder}/{ACCOUNT}/*",
            "Condition": {"StringEquals": {**of_trail, "s3:x-amz-acl": "bucket-owner-full-control"}},
        },
    ]
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


class Bench:
    """A trail's name and a bucket that lets it in."""

    def __init__(self, aws: LocalAws, prefix: str = "") -> None:
        self.aws = aws
        self.tag = uuid.uuid4().hex[:8]
        self.name = f"trail-{self.tag}"
        self.bucket = f"trail-logs-{self.tag}"
        self.prefix = prefix
        self.arn = f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:trail/{self.name}"
        self.trails = aws.client("cloudtrail")
        self.s3 = aws.client("s3")
        self.s3.create_bucket(Bucket=self.bucket)
        self.s3.put_bucket_policy(Bucket=self.bucket, Policy=bucket_policy(self.bucket, self.arn, prefix))

    def create(self, **members: Any) -> dict[str, Any]:
        given = {"Name": self.name, "S3BucketName": self.bucket, "S3KeyPrefix": self.prefix, **members}
        answer: dict[str, Any] = self.trails.create_trail(**{key: value for key, value in given.items() if value != ""})
        self.trails.start_logging(Name=self.name)
        return answer

    def files(self) -> list[str]:
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket)
        return [item["Key"] for page in pages for item in page.get("Contents", []) if "AWSLogs/" in item["Key"]]

    def records(self) -> list[dict[str, Any]]:
        found = []
        for key in self.files():
            body = self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
            for outcome in read_bytes(body, key):
                assert isinstance(outcome, RecordLine)
                found.append(outcome.record)
        return found

    def wait(self, has: Callable[[dict[str, Any]], bool], what: str) -> dict[str, Any]:
        record: dict[str, Any] = wait_for(lambda: next((r for r in self.records() if has(r)), None), what)
        return record

    def mark(self, word: str) -> str:
        """Make a call whose record is found by the name that it carries."""
        name = f"{word}-{self.tag}-{uuid.uuid4().hex[:6]}"
        self.aws.client("sns").create_topic(Name=name)
        return name

    def saw(self, name: str) -> bool:
        return any(name in json.dumps(record) for record in self.records())


@pytest.fixture
def bench(local_aws: LocalAws) -> Iterator[Bench]:
    made = Bench(local_aws)
    yield made
    for trail in made.trails.list_trails()["Trails"]:
        if made.tag in trail["Name"]:
            made.trails.delete_trail(Name=trail["Name"])


def refused(call: Callable[..., Any], **arguments: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_a_bucket_that_does_not_let_cloudtrail_in_is_refused_as_aws_refuses_it(bench: Bench) -> None:
    bench.s3.delete_bucket_policy(Bucket=bench.bucket)
    code, message = refused(bench.create)
    assert code == "InsufficientS3BucketPolicyException"
    assert message == f"Incorrect S3 bucket policy is detected for bucket: {bench.bucket}"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda policy: policy.replace("/AWSLogs/", "/logs/"),
        lambda policy: policy.replace("trail/trail-", "trail/other-"),
        lambda policy: policy.replace("bucket-owner-full-control", "private"),
        lambda policy: policy.replace("s3:GetBucketAcl", "s3:GetBucketPolicy"),
        lambda policy: policy.replace("cloudtrail.amazonaws.com", "config.amazonaws.com"),
    ],
    ids=["another folder", "another trail", "another acl", "another action", "another service"],
)
def test_each_part_of_the_bucket_policy_counts(bench: Bench, spoil: Callable[[str], str]) -> None:
    spoiled = spoil(bucket_policy(bench.bucket, bench.arn))
    bench.s3.put_bucket_policy(Bucket=bench.bucket, Policy=spoiled)
    assert refused(bench.create)[0] == "InsufficientS3BucketPolicyException"


def test_a_prefix_needs_a_policy_for_that_prefix(bench: Bench) -> None:
    assert refused(bench.create, S3KeyPrefix="audit")[0] == "InsufficientS3BucketPolicyException"
    bench.s3.put_bucket_policy(Bucket=bench.bucket, Policy=bucket_policy(bench.bucket, bench.arn, "audit"))
    bench.create(S3KeyPrefix="audit")
    wait_for(bench.files, "a file")
    assert all(key.startswith(f"audit/AWSLogs/{ACCOUNT}/CloudTrail/us-east-1/") for key in bench.files())


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"S3BucketName": "no-such-bucket-of-ours"}, "S3BucketDoesNotExistException"),
        ({"Name": "ab"}, "InvalidTrailNameException"),
        ({"Name": "a..b"}, "InvalidTrailNameException"),
        ({"Name": "10.0.0.1"}, "InvalidTrailNameException"),
        ({"S3KeyPrefix": "p" * 201}, "InvalidS3PrefixException"),
        ({"SnsTopicName": "no-such-topic"}, "InvalidSnsTopicNameException"),
        (
            {"CloudWatchLogsLogGroupArn": f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:x:*"},
            "InvalidParameterCombinationException",
        ),
        ({"IsMultiRegionTrail": True, "IncludeGlobalServiceEvents": False}, "InvalidParameterCombinationException"),
    ],
)
def test_a_trail_that_could_not_work_is_refused(bench: Bench, members: dict[str, Any], code: str) -> None:
    assert refused(bench.create, **members)[0] == code


def test_files_come_under_the_true_keys_and_hold_each_call_once(bench: Bench) -> None:
    bench.create()
    names = [bench.mark("once") for _ in range(5)]
    wait_for(lambda: all(bench.saw(name) for name in names), "all five")
    ids = [record["eventID"] for record in bench.records()]
    assert len(ids) == len(set(ids))
    day = time.strftime("%Y/%m/%d", time.gmtime())
    folder = f"AWSLogs/{ACCOUNT}/CloudTrail/us-east-1/"
    assert all(key.startswith(folder) and key.endswith(".json.gz") for key in bench.files())
    assert any(key.startswith(f"{folder}{day}/{ACCOUNT}_CloudTrail_us-east-1_") for key in bench.files())
    status = bench.trails.get_trail_status(Name=bench.name)
    assert status["IsLogging"] is True
    assert status["LatestDeliveryTime"].timestamp() > time.time() - 60


def test_stopping_a_trail_is_its_last_record(bench: Bench) -> None:
    bench.create()
    before = bench.mark("before")
    bench.trails.stop_logging(Name=bench.name)
    after = bench.mark("after")
    bench.wait(lambda record: record["eventName"] == "StopLogging", "StopLogging")
    assert bench.saw(before)
    bench.trails.start_logging(Name=bench.name)
    again = bench.mark("again")
    wait_for(lambda: bench.saw(again), "a call after the restart")
    assert not bench.saw(after)


def test_a_call_that_blinds_a_trail_is_still_recorded(bench: Bench) -> None:
    bench.create()
    selector = {"ReadWriteType": "All", "IncludeManagementEvents": False, "DataResources": []}
    bench.trails.put_event_selectors(TrailName=bench.name, EventSelectors=[selector])
    hidden = bench.mark("hidden")
    bench.wait(lambda record: record["eventName"] == "PutEventSelectors", "PutEventSelectors")
    bench.trails.put_event_selectors(
        TrailName=bench.name, EventSelectors=[{"ReadWriteType": "All", "IncludeManagementEvents": True}]
    )
    seen = bench.mark("seen")
    wait_for(lambda: bench.saw(seen), "a call after the repair")
    assert not bench.saw(hidden)


def test_deleting_a_trail_is_its_last_record(bench: Bench) -> None:
    bench.create()
    bench.trails.delete_trail(Name=bench.name)
    bench.wait(lambda record: record["eventName"] == "DeleteTrail", "DeleteTrail")


def test_data_events_are_taken_by_advanced_selectors_only_where_they_point(bench: Bench) -> None:
    bench.create()
    other = f"other-{bench.tag}"
    bench.s3.create_bucket(Bucket=other)
    fields = [
        {"Field": "eventCategory", "Equals": ["Data"]},
        {"Field": "resources.type", "Equals": ["AWS::S3::Object"]},
        {"Field": "readOnly", "Equals": ["false"]},
        {"Field": "resources.ARN", "StartsWith": [f"arn:aws:s3:::{other}/"], "NotEndsWith": [".tmp"]},
    ]
    management = {"Name": "m", "FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management"]}]}
    answer = bench.trails.put_event_selectors(
        TrailName=bench.name, AdvancedEventSelectors=[{"Name": "d", "FieldSelectors": fields}, management]
    )
    assert answer["AdvancedEventSelectors"][0]["FieldSelectors"] == fields
    assert bench.trails.get_event_selectors(TrailName=bench.name)["AdvancedEventSelectors"][1] == management
    bench.s3.put_object(Bucket=other, Key="kept.tmp", Body=b"x")
    bench.s3.get_object(Bucket=other, Key="kept.tmp")
    bench.s3.put_object(Bucket=bench.bucket, Key="elsewhere", Body=b"x")
    bench.s3.put_object(Bucket=other, Key="folder/taken.txt", Body=b"hello")
    record = bench.wait(lambda record: record["eventCategory"] == "Data", "a data event")
    assert record["requestParameters"]["key"] == "folder/taken.txt"
    assert record["managementEvent"] is False
    assert record["additionalEventData"]["bytesTransferredIn"] >= 5
    assert record["resources"] == [
        {"type": "AWS::S3::Object", "ARN": f"arn:aws:s3:::{other}/folder/taken.txt"},
        {"accountId": ACCOUNT, "type": "AWS::S3::Bucket", "ARN": f"arn:aws:s3:::{other}"},
    ]
    later = bench.mark("later")
    wait_for(lambda: bench.saw(later), "a later call")
    assert [r["requestParameters"]["key"] for r in bench.records() if r["eventCategory"] == "Data"] == [
        "folder/taken.txt"
    ]


CATEGORY = {"Field": "eventCategory", "Equals": ["Data"]}


@pytest.mark.parametrize(
    "fields",
    [
        [{"Field": "readOnly", "Equals": ["true"]}],
        [CATEGORY],
        [{"Field": "eventCategory", "StartsWith": ["Data"]}],
        [CATEGORY, {"Field": "resources.type", "Equals": ["AWS::S3::Object"]}, {"Field": "size", "Equals": ["1"]}],
        [
            CATEGORY,
            {"Field": "resources.type", "Equals": ["AWS::S3::Object"]},
            {"Field": "resources.ARN", "Equals": [f"arn:aws:s3:::b/{number}" for number in range(501)]},
        ],
    ],
    ids=["no category", "no type", "not equals", "unknown field", "too many values"],
)
def test_selectors_that_make_no_sense_are_refused(bench: Bench, fields: list[dict[str, Any]]) -> None:
    bench.create()
    call = bench.trails.put_event_selectors
    code, _ = refused(call, TrailName=bench.name, AdvancedEventSelectors=[{"Name": "a", "FieldSelectors": fields}])
    assert code == "InvalidEventSelectorsException"
    assert "AdvancedEventSelectors" not in bench.trails.get_event_selectors(TrailName=bench.name)


def test_data_events_are_not_in_event_history(bench: Bench) -> None:
    bench.s3.put_object(Bucket=bench.bucket, Key="object", Body=b"x")
    marked = bench.mark("marked")
    lookup = bench.aws.client("cloudtrail").lookup_events

    def find() -> list[Any]:
        attributes = [{"AttributeKey": "EventName", "AttributeValue": "CreateTopic"}]
        return [event for event in lookup(LookupAttributes=attributes)["Events"] if marked in event["CloudTrailEvent"]]

    [event] = wait_for(find, "the call after it")
    assert event["Username"] == "operator"
    assert event["ReadOnly"] == "false"
    attributes = [{"AttributeKey": "EventName", "AttributeValue": "PutObject"}]
    assert lookup(LookupAttributes=attributes)["Events"] == []


def test_event_history_is_paged_from_the_newest(local_aws: LocalAws, bench: Bench) -> None:
    marked = [bench.mark(str(number)) for number in range(3)]
    client = local_aws.client("cloudtrail")
    attributes = [{"AttributeKey": "EventName", "AttributeValue": "CreateTopic"}]

    def pages() -> list[dict[str, Any]]:
        paginator = client.get_paginator("lookup_events")
        return list(paginator.paginate(LookupAttributes=attributes, PaginationConfig={"PageSize": 2}))

    def names() -> list[str]:
        events = [event for page in pages() for event in page["Events"]]
        return [json.loads(event["CloudTrailEvent"])["requestParameters"]["name"] for event in events]

    wait_for(lambda: marked[-1] in names(), "the last mark")
    assert names()[:3] == marked[::-1]
    assert all(len(page["Events"]) <= 2 for page in pages())


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"StartTime": 2_000_000_000, "EndTime": 1_000_000_000}, "InvalidTimeRangeException"),
        ({"NextToken": "no-such-token"}, "InvalidNextTokenException"),
        (
            {"LookupAttributes": [{"AttributeKey": "EventName", "AttributeValue": "a"}] * 2},
            "InvalidLookupAttributesException",
        ),
    ],
)
def test_a_lookup_that_makes_no_sense_is_refused(local_aws: LocalAws, arguments: dict[str, Any], code: str) -> None:
    assert refused(local_aws.client("cloudtrail").lookup_events, **arguments)[0] == code


def test_a_trail_of_one_region_takes_no_other(local_aws: LocalAws, bench: Bench) -> None:
    bench.create()
    local_aws.client("sns", region="eu-west-1").create_topic(Name=f"far-{bench.tag}")
    near = bench.mark("near")
    wait_for(lambda: bench.saw(near), "the call in the trail's own Region")
    assert not bench.saw(f"far-{bench.tag}")
    bench.trails.update_trail(Name=bench.name, IsMultiRegionTrail=True)
    local_aws.client("sns", region="eu-west-1").create_topic(Name=f"again-{bench.tag}")
    wait_for(lambda: bench.saw(f"again-{bench.tag}"), "the call in another Region")
    assert any(f"AWSLogs/{ACCOUNT}/CloudTrail/eu-west-1/" in key for key in bench.files())


def test_events_and_word_of_files_go_to_the_log_group_and_the_topic(local_aws: LocalAws, bench: Bench) -> None:
    logs, sns, sqs = (local_aws.client(name) for name in ("logs", "sns", "sqs"))
    group = f"/trail/{bench.tag}"
    logs.create_log_group(logGroupName=group)
    topic = sns.create_topic(Name=f"files-{bench.tag}")["TopicArn"]
    assert refused(bench.create, SnsTopicName=topic)[0] == "InsufficientSnsTopicPolicyException"
    allow = {"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}, "Action": "sns:Publish"}
    policy = {"Version": "2012-10-17", "Statement": [{**allow, "Resource": topic}]}
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=json.dumps(policy))
    queue = sqs.create_queue(QueueName=f"files-{bench.tag}")["QueueUrl"]
    queue_arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:files-{bench.tag}"
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue_arn, Attributes={"RawMessageDelivery": "true"})
    answer = bench.create(
        SnsTopicName=topic,
        CloudWatchLogsLogGroupArn=f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:{group}:*",
        CloudWatchLogsRoleArn=f"arn:aws:iam::{ACCOUNT}:role/logs",
    )
    assert answer["SnsTopicARN"] == topic
    marked = bench.mark("logged")
    stream = f"{ACCOUNT}_CloudTrail_us-east-1"

    def find() -> list[Any]:
        try:
            events = logs.get_log_events(logGroupName=group, logStreamName=stream)["events"]
        except logs.exceptions.ResourceNotFoundException:
            return []
        return [event for event in events if marked in event["message"]]

    [event] = wait_for(find, "the event in the log group")
    assert json.loads(event["message"])["eventName"] == "CreateTopic"
    [message] = wait_for(lambda: sqs.receive_message(QueueUrl=queue).get("Messages"), "word of a file")
    told = json.loads(message["Body"])
    assert told["s3Bucket"] == bench.bucket
    assert set(told["s3ObjectKey"]) <= set(bench.files())


def test_a_bucket_that_comes_back_gets_what_it_missed(bench: Bench) -> None:
    bench.create()
    bench.trails.stop_logging(Name=bench.name)
    bench.wait(lambda record: record["eventName"] == "StopLogging", "the last file")
    for key in bench.files():
        bench.s3.delete_object(Bucket=bench.bucket, Key=key)
    bench.s3.delete_bucket(Bucket=bench.bucket)
    bench.trails.start_logging(Name=bench.name)
    missed = bench.mark("missed")

    def error() -> str | None:
        found: str | None = bench.trails.get_trail_status(Name=bench.name).get("LatestDeliveryError")
        return found

    assert wait_for(error, "the error in the status") == "NoSuchBucket"
    bench.s3.create_bucket(Bucket=bench.bucket)
    wait_for(lambda: bench.saw(missed), "the call that was missed")
    assert error() is None


def load(aws: LocalAws, body: str, query: str = "") -> dict[str, Any]:
    scope = f"{ACCOUNT}/20260101/us-east-1/raytrail/aws4_request"
    request = urllib.request.Request(
        f"{aws.endpoint}/records{query}",
        data=body.encode(),
        headers={"Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"},
        method="POST",
    )
    with urllib.request.urlopen(request) as response:
        answer: dict[str, Any] = json.load(response)
        return answer


def test_records_of_elsewhere_land_where_their_own_would(local_aws: LocalAws, bench: Bench) -> None:
    bench.create(IsMultiRegionTrail=True)
    record = {
        "eventVersion": "1.08",
        "eventTime": "2024-07-31T12:50:02Z",
        "eventSource": "cloudtrail.amazonaws.com",
        "eventName": "StopLogging",
        "awsRegion": "eu-north-1",
        "recipientAccountId": "999988887777",
        "eventID": f"loaded-{bench.tag}",
        "readOnly": False,
        "eventType": "AwsApiCall",
    }
    lines = [json.dumps({"label": 1, "record": record}), "nonsense", json.dumps({**record, "eventTime": "..."})]
    answer = load(local_aws, "\n".join(lines))
    assert answer["loaded"] == 1
    assert [refusal["line"] for refusal in answer["refused"]] == [2, 3]
    assert bench.wait(lambda r: r.get("eventID") == record["eventID"], "the loaded record") == record
    folder = "AWSLogs/999988887777/CloudTrail/eu-north-1/2024/07/31/999988887777_CloudTrail_eu-north-1_20240731T1250Z_"
    assert any(key.startswith(folder) for key in bench.files())

    load(local_aws, json.dumps({**record, "eventID": f"own-{bench.tag}"}), "?account=local")
    own = bench.wait(lambda r: r.get("eventID") == f"own-{bench.tag}", "the adopted record")
    assert own["recipientAccountId"] == ACCOUNT
