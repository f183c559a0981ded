"""Alerts on the embedded AWS: from a call to a page, and what is not paged.

EventBridge, SQS, Lambda, DynamoDB and SNS are those of the embedded AWS; the pager runs as its function.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from tests.detection.alerts_kit import USER, Deployed, record, rule, session_of, wait_for
from tests.synth import ACCOUNT, bare_stack

from raytrail.alerting import AlertChannel
from raytrail.detection import ApiCallAlerts, Suppression, rule_of_api_call

pytestmark = pytest.mark.local

BACKUP = session_of("nightly-backup", "run")
TAGGED, UNTAGGED = session_of("tagged-role", "run"), session_of("plain-role", "run")
ELSEWHERE = session_of("tagged-role", "run", account="444455556666")

SUPPRESSIONS = (
    Suppression(
        actor=f"arn:aws:iam::{ACCOUNT}:role/nightly-*", until=date(2999, 1, 1), reason="the backup rotates keys"
    ),
    Suppression(actor=f"arn:aws:iam::{ACCOUNT}:user/lapsed", until=date(2020, 1, 1), reason="was on call"),
    Suppression(account="555566667777", detection="key_made", until=date(2999, 1, 1), reason="a playground"),
    Suppression(tag=("alerts", "known"), until=date(2999, 1, 1), reason="tagged as known"),
)


@pytest.fixture(scope="module")
def alerts(context: dict[str, Any], local_aws: Any) -> Iterator[Deployed]:
    stack = bare_stack(context)
    channel = AlertChannel(stack, "Channel", display_name="alerts")
    ApiCallAlerts(
        stack,
        "Alerts",
        channel=channel,
        rules=[rule(), rule_of_api_call("sqs:DeleteQueue")],
        suppressions=SUPPRESSIONS,
        log_group_name="/aws/events/pager-test",
    )
    deployed = Deployed(local_aws, stack)
    yield deployed
    deployed.delete()


def user(name: str) -> dict[str, Any]:
    return {**USER, "userName": name, "arn": f"arn:aws:iam::{ACCOUNT}:user/{name}"}


def test_the_first_alert_of_an_hour_is_a_page_and_the_others_are_counted(alerts):
    first, second, third = (record(userIdentity=user("one"), eventTime=f"2026-10-01T09:{n}:00Z") for n in (10, 20, 30))
    alerts.send(first)
    assert alerts.outcomes(first) == ["paged"]
    alerts.send(second, third)
    assert alerts.outcomes(second, third) == ["counted", "counted"]
    (page,) = alerts.pages(1)
    assert page["event_id"] == first["eventID"]
    assert page["earlier"] is None
    next_hour = record(userIdentity=user("one"), eventTime="2026-10-01T11:00:00Z")
    alerts.send(next_hour)
    (page,) = alerts.pages(1)
    assert page["earlier"] == {"hour": "2026-10-01T09", "alerts": 3}


def test_an_alert_that_is_delivered_twice_is_counted_once(alerts):
    first, again = (record(userIdentity=user("two"), eventTime="2026-10-01T09:10:00Z") for _ in range(2))
    alerts.send(first)
    alerts.outcomes(first)
    alerts.send(first, again)
    assert alerts.outcomes(again) == ["counted"]
    wait_for(lambda: alerts.outcomes(first) == ["paged repeated"], "the outcome of the repetition")
    alerts.send(record(userIdentity=user("two"), eventTime="2026-10-01T10:00:00Z"))
    assert [page["earlier"] for page in alerts.pages(2)] == [None, {"hour": "2026-10-01T09", "alerts": 2}]


def test_another_actor_and_another_detection_are_pages_of_their_own(alerts):
    one, other = record(userIdentity=user("three")), record(userIdentity=user("four"))
    queue = record(userIdentity=user("three"), eventSource="sqs.amazonaws.com", eventName="DeleteQueue")
    alerts.send(one, other, queue)
    assert alerts.outcomes(one, other, queue) == ["paged"] * 3
    pages = alerts.pages(3)
    assert {(page["detection"], page["actor"].rpartition("/")[2]) for page in pages} == {
        ("key_made", "three"),
        ("key_made", "four"),
        ("sqs_delete_queue", "three"),
    }


def test_two_sessions_of_a_role_are_one_actor(alerts):
    one, other = (record(userIdentity=session_of("deploy", name)) for name in ("monday", "tuesday"))
    alerts.send(one)
    alerts.outcomes(one)
    alerts.send(other)
    assert alerts.outcomes(other) == ["counted"]
    (page,) = alerts.pages(1)
    assert page["principal"] == f"arn:aws:iam::{ACCOUNT}:role/deploy"
    assert page["actor"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/monday"


def test_alerts_that_come_at_once_are_one_page(alerts):
    many = [record(userIdentity=user("storm")) for _ in range(40)]
    alerts.send(*many)
    assert sorted(alerts.outcomes(*many)) == ["counted"] * 39 + ["paged"]
    assert len(alerts.pages(1)) == 1


@pytest.fixture
def tags(alerts) -> Iterator[None]:
    iam = alerts.aws.client("iam")
    for name, given in (("tagged-role", [{"Key": "alerts", "Value": "known"}]), ("plain-role", [])):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument="{}", Tags=given)
    yield
    for name in ("tagged-role", "plain-role"):
        iam.delete_role(RoleName=name)


@pytest.mark.usefixtures("tags")
def test_what_is_suppressed_is_no_page_and_is_kept_and_counted(alerts):
    suppressed = {
        "the backup rotates keys": record(userIdentity=BACKUP),
        "a playground": record(userIdentity=user("five"), recipientAccountId="555566667777"),
        "tagged as known": record(userIdentity=TAGGED),
    }
    alerts.send(*suppressed.values())
    assert alerts.outcomes(*suppressed.values()) == ["suppressed"] * 3
    assert alerts.pages() == []
    reasons = {line["event_id"]: line["reason"] for line in alerts.lines("PagerLogGroup") if "reason" in line}
    raw = {line["detail"]["eventID"] for line in alerts.lines()}
    for reason, each in suppressed.items():
        assert reasons[each["eventID"]] == reason
        assert each["eventID"] in raw

    def counted() -> list[Any]:
        found: list[Any] = alerts.aws.client("cloudwatch").get_metric_statistics(
            Namespace="raytrail/Alerts",
            MetricName="Suppressed",
            StartTime=0,
            EndTime=4_000_000_000,
            Period=86_400 * 365 * 200,
            Statistics=["Sum"],
        )["Datapoints"]
        return found

    assert wait_for(counted, "the metric")[0]["Sum"] >= 3


@pytest.mark.usefixtures("tags")
def test_what_a_suppression_does_not_cover_is_a_page(alerts):
    paged = [
        record(userIdentity=user("lapsed")),
        record(userIdentity=UNTAGGED),
        # Of another account: a tag that is there is not ours to believe.
        record(userIdentity=ELSEWHERE),
        record(userIdentity=user("six"), recipientAccountId="555566667777", eventName="DeleteQueue")
        | {"eventSource": "sqs.amazonaws.com"},
    ]
    alerts.send(*paged)
    assert alerts.outcomes(*paged) == ["paged"] * 4
    alerts.pages(4)


def test_the_event_is_kept_whole_in_the_log_group(alerts):
    seen = record(userIdentity=user("seven"))
    alerts.send(seen)
    (line,) = wait_for(
        lambda: [line for line in alerts.lines() if line["detail"]["eventID"] == seen["eventID"]], "the event"
    )
    assert line["detail"] == seen
    alerts.pages(1)


def test_a_call_of_the_sdk_is_a_page(alerts, local_aws):
    """Through the embedded AWS's CloudTrail, as the other records here are not."""
    name, s3, trails = "pager-test-trail", local_aws.client("s3"), local_aws.client("cloudtrail")
    s3.create_bucket(Bucket=name)
    allow = {"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}}
    statements = [
        {**allow, "Action": "s3:GetBucketAcl", "Resource": f"arn:aws:s3:::{name}"},
        {**allow, "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{name}/AWSLogs/{ACCOUNT}/*"},
    ]
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": statements}))
    trails.create_trail(Name=name, S3BucketName=name, IsMultiRegionTrail=True)
    trails.start_logging(Name=name)
    try:
        iam = local_aws.client("iam")
        iam.create_user(UserName="pager-test-user")
        iam.create_access_key(UserName="pager-test-user")
        (page,) = [each for each in alerts.pages(1) if each["call"] == "CreateAccessKey"]
        assert page["summary"].startswith("A long-lived key was made: ")
        assert page["techniques"] == [{"id": "T1098.001", "name": "Additional Cloud Credentials"}]
    finally:
        trails.delete_trail(Name=name)


def test_a_page_that_cannot_be_published_comes_again_and_then_goes_to_the_dead_letters(alerts, local_aws):
    queue, topic = alerts.physical_id("AWS::SQS::Queue", "PagerQueue"), alerts.physical_id("AWS::SNS::Topic")
    dead = alerts.physical_id("AWS::SQS::Queue", "Undelivered")
    function = alerts.physical_id("AWS::Lambda::Function")
    sqs, functions = local_aws.client("sqs"), local_aws.client("lambda")
    variables = functions.get_function_configuration(FunctionName=function)["Environment"]["Variables"]

    def publish_to(arn: str, seconds: int) -> None:
        sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": str(seconds)})
        functions.update_function_configuration(
            FunctionName=function, Environment={"Variables": {**variables, "TOPIC_ARN": arn}}
        )

    lost = record(userIdentity=user("eight"))
    publish_to(f"{topic}-gone", 1)
    try:
        alerts.send(lost)
        messages = wait_for(
            lambda: sqs.receive_message(QueueUrl=dead, VisibilityTimeout=0).get("Messages"), "the dead letter"
        )
        assert json.loads(messages[0]["Body"])["event"]["detail"]["eventID"] == lost["eventID"]
        assert [line["error"] for line in alerts.lines("PagerLogGroup") if line.get("outcome") == "failed"]
    finally:
        publish_to(topic, 180)
    assert alerts.pages() == []
    # The failed page has left nothing behind that would keep the next one back, and the dead letter can be sent again.
    later = record(userIdentity=user("eight"))
    alerts.send(later)
    assert alerts.outcomes(later) == ["paged"]
    sqs.send_message(QueueUrl=queue, MessageBody=messages[0]["Body"])
    assert alerts.outcomes(lost) == ["repeated"]
    sqs.purge_queue(QueueUrl=dead)
    alerts.pages(1)
