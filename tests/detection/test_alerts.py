"""The rules, where their alerts go, and the policies that let them: each as AWS documents it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from aws_cdk import Stack
from tests.detection.records import CASES, Json, event
from tests.synth import ACCOUNT, REGION, only, plain, properties, resources, statements

from raytrail.alerting import AlertChannel
from raytrail.detection import DETECTIONS, ApiCallAlerts, Detection
from raytrail.errors import InvalidProps
from raytrail.queries import saved_query

EVENTS = {"Service": "events.amazonaws.com"}


@pytest.fixture
def alerts(stack: Stack) -> ApiCallAlerts:
    channel = AlertChannel(stack, "Channel", display_name="raytrail alerts")
    return ApiCallAlerts(stack, "Alerts", channel=channel, detections=DETECTIONS)


@pytest.fixture
def made(alerts: ApiCallAlerts, template: Callable[[], Json]) -> Json:
    return template()


def rules(template: Json) -> list[Json]:
    return [plain(each) for each in properties(template, "AWS::Events::Rule")]


def target(rule: Json, id: str) -> Json:
    (found,) = [each for each in rule["Targets"] if each["Id"] == id]
    return found


def id_of(template: Json, type: str, part: str = "") -> str:
    (found,) = [id for id in resources(template, type) if part in id]
    return found


def test_each_detection_has_a_rule_with_its_pattern(made):
    wanted = [json.dumps(each.pattern(), sort_keys=True) for each in DETECTIONS]
    assert sorted(json.dumps(rule["EventPattern"], sort_keys=True) for rule in rules(made)) == sorted(wanted)


def test_each_alert_goes_to_the_topic_and_whole_to_the_log_group(made):
    topic, group = id_of(made, "AWS::SNS::Topic"), id_of(made, "AWS::Logs::LogGroup")
    for rule in rules(made):
        assert {each["Id"]: each["Arn"] for each in rule["Targets"]} == {
            "Channel": f"<{topic}>",
            # Without the ":*" that the log group's Arn attribute ends in: EventBridge refuses that.
            "Log": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:<{group}>",
        }
        assert "InputTransformer" not in target(rule, "Log")


def test_what_cannot_be_delivered_lands_in_the_dead_letter_queue(made):
    queue = id_of(made, "AWS::SQS::Queue", "Undelivered")
    for rule in rules(made):
        assert [each["DeadLetterConfig"] for each in rule["Targets"]] == [{"Arn": f"<{queue}.Arn>"}] * 2


def test_no_target_has_a_role_where_eventbridge_wants_a_resource_policy(made):
    """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html."""
    assert not any("RoleArn" in each for rule in rules(made) for each in rule["Targets"])


def at(path: str, event: Json) -> Any:
    value: Any = event
    for part in path.removeprefix("$.").split("."):
        value = value[part]
    return value


def test_the_message_names_actor_call_address_region_technique_and_event(made):
    case = next(case for case in CASES if case.detection.id == "AccessKeyCreated")
    (rule,) = [each for each in rules(made) if each["EventPattern"]["detail"] == case.detection.detail]
    transformer = target(rule, "Channel")["InputTransformer"]
    whole = event(case.seen)
    text = transformer["InputTemplate"]
    for name, path in transformer["InputPathsMap"].items():
        # A successful call has no error code: EventBridge leaves such a variable empty.
        text = text.replace(f"<{name}>", "" if name == "error" else str(at(path, whole)))
    assert json.loads(text) == {
        "summary": "A long-lived access key was made: arn:aws:iam::111122223333:user/alex called CreateAccessKey from "
        "203.0.113.7 in us-east-1; error: ",
        "detection": "AccessKeyCreated",
        "level": "medium",
        "techniques": "T1098.001",
        "actor": "arn:aws:iam::111122223333:user/alex",
        "call": "CreateAccessKey",
        "service": "iam.amazonaws.com",
        "source_address": "203.0.113.7",
        "region": "us-east-1",
        "account": "111122223333",
        "time": "2026-10-01T12:00:00Z",
        "error": "",
        "event_id": "5a6b7c8d-0000-4000-8000-000000000001",
        "query": "raytrail query actor_hour actor=arn:aws:iam::111122223333:user/alex at=2026-10-01T12:00:00Z",
    }


def test_the_query_that_an_alert_names_is_one_of_ours_with_these_parameters(made):
    template = json.loads(target(rules(made)[0], "Channel")["InputTransformer"]["InputTemplate"])
    command, verb, name, *given = template["query"].split()
    assert (command, verb) == ("raytrail", "query")
    assert [word.partition("=")[0] for word in given] == [each.name for each in saved_query(name).parameters]


def test_the_message_uses_each_of_its_paths_and_no_other(made):
    for rule in rules(made):
        transformer = target(rule, "Channel")["InputTransformer"]
        used = set(re.findall(r"<(\w+)>", transformer["InputTemplate"]))
        assert used == set(transformer["InputPathsMap"])


def test_eventbridge_may_write_to_the_log_group_as_aws_documents(made):
    """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html#eb-cloudwatchlogs-permissions.

    The page allows all groups under /aws/events/; this is one of them.
    """
    group = id_of(made, "AWS::Logs::LogGroup")
    policy = json.loads(plain(only(made, "AWS::Logs::ResourcePolicy")["PolicyDocument"]))
    assert statements(policy) == [
        {
            "Effect": "Allow",
            "Principal": {"Service": ["delivery.logs.amazonaws.com", "events.amazonaws.com"]},
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:<{group}>:*",
        }
    ]


def test_rules_wait_for_the_policy_that_lets_them_log(made):
    policy = id_of(made, "AWS::Logs::ResourcePolicy")
    assert all(policy in each["DependsOn"] for each in resources(made, "AWS::Events::Rule").values())


def test_the_log_group_is_where_eventbridge_may_write_and_forgets(made):
    group = only(made, "AWS::Logs::LogGroup")
    assert group["LogGroupName"].startswith("/aws/events/")
    assert group["RetentionInDays"] == 365


def test_a_log_group_elsewhere_is_refused(stack):
    channel = AlertChannel(stack, "Channel", display_name="raytrail alerts")
    with pytest.raises(InvalidProps, match="log_group_name 'alerts' begins with /aws/events/"):
        ApiCallAlerts(stack, "Alerts", channel=channel, log_group_name="alerts")


def test_the_dead_letter_queue_takes_events_of_this_accounts_rules_as_aws_documents(made):
    """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html."""
    queue = id_of(made, "AWS::SQS::Queue", "Undelivered")
    (policy,) = [
        plain(each["PolicyDocument"])
        for each in properties(made, "AWS::SQS::QueuePolicy")
        if each["Queues"] == [{"Ref": queue}]
    ]
    assert [each for each in statements(policy) if each["Effect"] == "Allow"] == [
        {
            "Effect": "Allow",
            "Principal": EVENTS,
            "Action": "sqs:SendMessage",
            "Resource": f"<{queue}.Arn>",
            "Condition": {"ArnLike": {"aws:SourceArn": f"arn:aws:events:{REGION}:{ACCOUNT}:rule/*"}},
        }
    ]


def test_the_dead_letter_queue_is_encrypted_with_the_channels_key_and_keeps_for_14_days(made):
    queue = made["Resources"][id_of(made, "AWS::SQS::Queue", "Undelivered")]["Properties"]
    assert queue["KmsMasterKeyId"] == {"Fn::GetAtt": [id_of(made, "AWS::KMS::Key"), "Arn"]}
    assert queue["MessageRetentionPeriod"] == 14 * 86_400


def test_one_undelivered_alert_is_an_alarm_to_the_same_topic(made):
    alarm = plain(only(made, "AWS::CloudWatch::Alarm"))
    assert alarm["MetricName"] == "ApproximateNumberOfMessagesVisible"
    queue = id_of(made, "AWS::SQS::Queue", "Undelivered")
    assert alarm["Dimensions"] == [{"Name": "QueueName", "Value": f"<{queue}.QueueName>"}]
    assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (1, "GreaterThanOrEqualToThreshold")
    assert alarm["AlarmActions"] == [f"<{id_of(made, 'AWS::SNS::Topic')}>"]


def test_any_other_call_is_one_line(alerts, template):
    rule = alerts.on_api_call("s3:DeleteBucket")
    assert alerts.rules["S3DeleteBucket"] is rule
    (added,) = [
        each for each in rules(template()) if each["EventPattern"]["detail"].get("eventName") == ["DeleteBucket"]
    ]
    assert added["State"] == "ENABLED"
    assert added["Description"] == "s3:DeleteBucket was called [medium]"


def test_a_call_that_only_reads_is_asked_for(alerts, template):
    """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html: or none is seen."""
    alerts.on_api_call("secretsmanager:GetSecretValue", title="A secret was read", level="high", read_only=True)
    states = {each["Description"]: each["State"] for each in rules(template())}
    assert states.pop("A secret was read [high]") == "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"
    root = next(case.detection for case in CASES if case.detection.id == "RootUse")
    assert [name for name, state in states.items() if state != "ENABLED"] == [
        f"{root.title} [{root.level}] {root.techniques[0]}"
    ]


def test_a_detection_is_given_once(alerts):
    with pytest.raises(InvalidProps, match="detection 'DynamodbDeleteTable' has a rule already"):
        alerts.on_api_call("dynamodb:DeleteTable")


def test_two_sets_of_alerts_live_in_one_app(stack, template):
    channel = AlertChannel(stack, "Channel", display_name="raytrail alerts")
    for team in ("One", "Two"):
        ApiCallAlerts(
            stack,
            team,
            channel=channel,
            log_group_name=f"/aws/events/{team}",
            detections=[Detection.of_api_call("s3:DeleteBucket")],
        )
    assert len(rules(template())) == 2
