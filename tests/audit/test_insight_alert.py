"""The alert on Insights events: what it hears, what it says, and to whom."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from aws_cdk import Stack
from tests.cloudformation_stack import Stack as Deployed
from tests.synth import ACCOUNT, Json, only, plain, resources

from raytrail.alerting import AlertChannel
from raytrail.audit import AuditTrail, InsightAlert, Insights
from raytrail.localaws import LocalAws
from raytrail.queries import saved_query

# After the example that AWS prints:
# https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-insights-fields-trails.html
RECORD: Json = {
    "eventVersion": "1.08",
    "eventTime": "2024-07-10T01:42:00Z",
    "awsRegion": "us-east-1",
    "eventID": "55ed45c5-0b0c-4228-9fe5-EXAMPLEc3f4d",
    "eventType": "AwsCloudTrailInsight",
    "recipientAccountId": "123456789012",
    "sharedEventID": "979c82fe-14d4-4e4c-aa01-EXAMPLE3acee",
    "insightDetails": {
        "state": "Start",
        "eventSource": "autoscaling.amazonaws.com",
        "eventName": "CompleteLifecycleAction",
        "insightType": "ApiCallRateInsight",
        "insightContext": {
            "statistics": {
                "baseline": {"average": 9.82222e-5},
                "insight": {"average": 5.0},
                "insightDuration": 1,
                "baselineDuration": 10181,
            },
            "attributions": [
                {
                    "attribute": "userIdentityArn",
                    "insight": [
                        {"value": "arn:aws:sts::123456789012:assumed-role/CodeDeployRole1", "average": 5.0},
                        {"value": "arn:aws:sts::123456789012:assumed-role/CodeDeployRole2", "average": 5.0},
                    ],
                    "baseline": [
                        {"value": "arn:aws:sts::123456789012:assumed-role/CodeDeployRole1", "average": 9.82222e-5}
                    ],
                }
            ],
        },
    },
    "eventCategory": "Insight",
}
ENVELOPE: Json = {
    "version": "0",
    "id": "7bf73129-1428-4cd3-a780-95db273d1602",
    "detail-type": "AWS Insight via CloudTrail",
    "source": "aws.cloudtrail",
    "account": "123456789012",
    "time": "2024-07-10T01:42:00Z",
    "region": "us-east-1",
    "resources": [],
}


def with_details(**changes: Any) -> Json:
    return {**RECORD, "insightDetails": {**RECORD["insightDetails"], **changes}}


@pytest.fixture
def made(stack: Stack, template: Callable[[], Json]) -> Json:
    channel = AlertChannel(stack, "Channel", display_name="alerts")
    AuditTrail(stack, "Trail", name="insights-under-test", insights=Insights())
    InsightAlert(stack, "InsightAlert", topic=channel.topic, dead_letters=channel.dead_letters)
    return template()


def test_the_rule_tells_the_topic_and_leaves_what_it_cannot_deliver_in_the_queue(made):
    (topic,) = resources(made, "AWS::SNS::Topic")
    rule = plain(only(made, "AWS::Events::Rule"))
    (target,) = rule["Targets"]
    assert (rule["State"], "EventBusName" in rule) == ("ENABLED", False)
    assert target["Arn"] == f"<{topic}>"
    assert "DeadLetters" in target["DeadLetterConfig"]["Arn"]


def test_without_a_queue_the_rule_has_none(stack, template):
    InsightAlert(stack, "InsightAlert", topic=AlertChannel(stack, "Channel", display_name="alerts").topic)
    (target,) = only(template(), "AWS::Events::Rule")["Targets"]
    assert "DeadLetterConfig" not in target


def test_the_saved_query_that_the_message_names_is_there_and_takes_two_days(made):
    (target,) = only(made, "AWS::Events::Rule")["Targets"]
    words = json.loads(target["InputTransformer"]["InputTemplate"])["query"].split()
    assert words[:2] == ["raytrail", "query"]
    assert [each.name for each in saved_query(words[2].strip(",")).parameters] == ["from", "to"]


def test_each_part_of_the_message_is_a_field_of_the_documented_record(made):
    (target,) = only(made, "AWS::Events::Rule")["Targets"]
    event = {**ENVELOPE, "detail": with_details(errorCode="AccessDenied")}
    for name, path in target["InputTransformer"]["InputPathsMap"].items():
        value: Any = event
        for part in path.removeprefix("$.").split("."):
            value = value[part]
        assert value, name


@pytest.mark.local
@pytest.mark.parametrize(
    ("event", "heard"),
    [
        ({**ENVELOPE, "detail": RECORD}, True),
        ({**ENVELOPE, "source": "aws.autoscaling", "detail": RECORD}, True),
        ({**ENVELOPE, "detail": with_details(state="End")}, False),
        ({**ENVELOPE, "source": "my.application", "detail": RECORD}, False),
        ({**ENVELOPE, "detail-type": "AWS API Call via CloudTrail", "detail": RECORD}, False),
        ({**ENVELOPE, "detail-type": "AWS X-Ray Insight Update", "source": "aws.xray", "detail": RECORD}, False),
    ],
    ids=["start", "whatever the source", "end", "somebody's own", "an API call", "of X-Ray"],
)
def test_the_start_of_unusual_activity_is_heard_and_nothing_else(local_aws: LocalAws, made: Json, event, heard):
    """By ministack's matcher of patterns, which this project did not write."""
    pattern = json.dumps(only(made, "AWS::Events::Rule")["EventPattern"])
    answer = local_aws.client("events").test_event_pattern(EventPattern=pattern, Event=json.dumps(event))
    assert answer["Result"] is heard


@pytest.fixture
def deployed(local_aws: LocalAws, made: Json) -> Iterator[Deployed]:
    stack = Deployed(local_aws)
    assert stack.create(made["Resources"]) == "CREATE_COMPLETE", stack.reasons()
    yield stack
    assert stack.delete() == "DELETE_COMPLETE"


def bring(aws: LocalAws, *records: Json) -> Json:
    """Bring records to the embedded CloudTrail, as if they had happened there."""
    scope = f"{ACCOUNT}/20260101/us-east-1/raytrail/aws4_request"
    request = urllib.request.Request(
        f"{aws.endpoint}/records",
        data="\n".join(map(json.dumps, records)).encode(),
        headers={"Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"},
        method="POST",
    )
    with urllib.request.urlopen(request) as response:
        answer: Json = json.load(response)
        return answer


@pytest.mark.local
def test_an_insights_event_on_the_bus_of_the_embedded_aws_reaches_the_inbox(local_aws, deployed, made):
    unasked = {**RECORD, "awsRegion": "us-east-1", "insightDetails": {**RECORD["insightDetails"], "insightType": "Odd"}}
    answer = bring(local_aws, RECORD, with_details(state="End"), unasked)
    assert (answer["loaded"], [each["line"] for each in answer["refused"]]) == (2, [3])
    (inbox,) = [id for id in resources(made, "AWS::SQS::Queue") if "Inbox" in id]
    messages = local_aws.client("sqs").receive_message(
        QueueUrl=deployed.physical_id(inbox), MaxNumberOfMessages=10, WaitTimeSeconds=5
    )["Messages"]
    (alert,) = [json.loads(message["Body"]) for message in messages]
    assert alert["summary"] == (
        "Unusual activity (ApiCallRateInsight): CompleteLifecycleAction of autoscaling.amazonaws.com in us-east-1, "
        "5.0 a minute where 9.82222e-05 is usual; error: "
    )
    assert (alert["time"], alert["account"]) == ("2024-07-10T01:42:00Z", ACCOUNT)
    assert alert["event_id"] == RECORD["sharedEventID"]
    assert "calls_by_actor" in alert["query"]


@pytest.mark.local
def test_without_insights_on_a_trail_the_embedded_aws_refuses_an_insights_event(local_aws):
    elsewhere = {**RECORD, "awsRegion": "ap-south-1"}
    answer = bring(local_aws, elsewhere)
    assert answer["loaded"] == 0
    assert answer["refused"][0]["reason"] == "no trail that logs looks for ApiCallRateInsight in ap-south-1"
