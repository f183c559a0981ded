"""Detections over what an account has: log groups, queues and roles that are given are used, and none is made."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from aws_cdk import App, Environment, Fn, Stack, Validations
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from aws_cdk.assertions import Annotations, Match
from cdk_nag import AwsSolutionsChecks
from tests.detection.alerts_kit import rule, target_of
from tests.synth import ACCOUNT, REGION, Json, bare_stack, only, plain, properties, resources, statements, template_of

from raytrail.alerting import AlertChannel
from raytrail.audit import AuditLake
from raytrail.detection import (
    GLOBAL_REGION,
    AlertTarget,
    ApiCallAlerts,
    GlobalEventForwarder,
    ScheduledDetections,
    log_statements,
)
from raytrail.errors import InvalidProps
from raytrail.tracing import TraceEncryption

QUEUE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:dead-letters"
GROUP = "/aws/events/central"


def warnings(stack: Stack) -> list[str]:
    found = Annotations.from_stack(stack).find_warning("*", Match.any_value())
    return [str(each.entry.data) for each in found]


@pytest.fixture
def make(stack: Stack, template: Callable[[], Json]) -> Callable[..., Json]:
    def make(**props: Any) -> Json:
        channel = AlertChannel(stack, "Channel", display_name="alerts")
        ApiCallAlerts(stack, "Alerts", channel=channel, rules=[rule()], **props)
        return template()

    return make


def named(stack: Stack, name: str = GROUP) -> logs.ILogGroup:
    return logs.LogGroup.from_log_group_name(stack, name.rpartition("/")[2], name)


def test_whole_events_go_to_a_log_group_that_is_there(stack, make):
    made = make(log_group=named(stack), pager_log_group=named(stack, "/teams/pager"))
    assert not resources(made, "AWS::Logs::LogGroup")
    arn = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{GROUP}"
    assert target_of(only(made, "AWS::Events::Rule"), "Log")["Arn"] == arn
    policy = json.loads(only(made, "AWS::Logs::ResourcePolicy")["PolicyDocument"])
    assert policy["Statement"][0]["Resource"] == f"{arn}:*"
    assert only(made, "AWS::Lambda::Function")["LoggingConfig"] == {"LogGroup": "/teams/pager"}


def test_where_the_ten_policies_of_logs_are_used_up_none_is_made(stack, make):
    made = make(log_group=named(stack), log_policy=False)
    assert not resources(made, "AWS::Logs::ResourcePolicy")
    assert "DependsOn" not in next(iter(resources(made, "AWS::Events::Rule").values()))


def test_what_one_of_the_ten_is_to_say_is_what_would_have_been_made(stack, make):
    """Which test_alerts.py holds against AWS's page."""
    made = make(log_group=named(stack))
    arn = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{GROUP}"
    (said,) = stack.resolve([each.to_statement_json() for each in log_statements(log_group_arns=[arn])])
    (there,) = json.loads(only(made, "AWS::Logs::ResourcePolicy")["PolicyDocument"])["Statement"]
    services = [set(each.pop("Principal")["Service"]) for each in (said, there)]
    assert said == there
    assert services[0] == services[1]


def test_a_log_group_that_eventbridge_cannot_write_to_is_refused(stack, make):
    with pytest.raises(InvalidProps, match="has a name that begins with /aws/events/"):
        make(log_group=named(stack, "/teams/alerts"))


def test_a_log_group_has_its_name_already(stack, make):
    with pytest.raises(InvalidProps, match="log_group_name is of the log group that is made"):
        make(log_group=named(stack), log_group_name=GROUP)


def test_what_cannot_be_delivered_goes_to_a_queue_that_is_there(stack, make):
    made = make(undelivered=sqs.Queue.from_queue_arn(stack, "Theirs", QUEUE))
    for target in only(made, "AWS::Events::Rule")["Targets"]:
        assert target["DeadLetterConfig"] == {"Arn": QUEUE}
    (pager,) = [
        each for each in properties(made, "AWS::SQS::Queue") if "RedrivePolicy" in each and "VisibilityTimeout" in each
    ]
    assert pager["RedrivePolicy"]["deadLetterTargetArn"] == QUEUE
    alarms = [each.get("Dimensions", []) for each in properties(made, "AWS::CloudWatch::Alarm")]
    assert [{"Name": "QueueName", "Value": "dead-letters"}] in alarms
    assert [each for each in warnings(stack) if f"{QUEUE} is not of this app" in each]


def test_over_a_topic_of_others_the_pager_uses_their_key_to_publish_and_ours_to_read(stack, template):
    key = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/theirs"
    topic = f"arn:aws:sns:{REGION}:{ACCOUNT}:on-call"
    given = sns.Topic.from_topic_attributes(stack, "OnCall", topic_arn=topic, key_arn=key)
    channel = AlertChannel(stack, "Channel", display_name="alerts", topic=given)
    ApiCallAlerts(stack, "Alerts", channel=channel, rules=[rule()])
    made = template()
    assert only(made, "AWS::Lambda::Function")["Environment"]["Variables"]["TOPIC_ARN"] == topic
    said = plain(statements(only(made, "AWS::IAM::Policy")["PolicyDocument"]))
    (own,) = resources(made, "AWS::KMS::Key")
    of_keys = {each["Resource"]: each["Action"] for each in said if "kms:Decrypt" in each["Action"]}
    assert of_keys == {key: ["kms:Decrypt", "kms:GenerateDataKey"], f"<{own}.Arn>": "kms:Decrypt"}
    for alarm in properties(made, "AWS::CloudWatch::Alarm"):
        assert alarm["AlarmActions"] == [topic]


class TestForwarder:
    def test_a_role_and_a_queue_that_are_there_are_used(self, context):
        stack = bare_stack(context, region=GLOBAL_REGION)
        GlobalEventForwarder(
            stack,
            "Forwarder",
            home_region="eu-west-1",
            role=iam.Role.from_role_name(stack, "Role", "their-forwarder"),
            undelivered=sqs.Queue.from_queue_arn(stack, "Queue", QUEUE),
        )
        made = template_of(stack)
        assert {each["Type"] for each in made["Resources"].values()} == {"AWS::Events::Rule", "AWS::IAM::Policy"}
        (target,) = only(made, "AWS::Events::Rule")["Targets"]
        assert target["RoleArn"].endswith(f"{ACCOUNT}:role/their-forwarder")
        assert target["DeadLetterConfig"] == {"Arn": QUEUE}
        assert only(made, "AWS::IAM::Policy")["Roles"] == ["their-forwarder"]
        assert [each for each in warnings(stack) if f"{QUEUE} is not of this app" in each]

    def test_a_role_that_is_not_to_be_changed_is_not(self, context):
        stack = bare_stack(context, region=GLOBAL_REGION)
        role = iam.Role.from_role_name(stack, "Role", "their-forwarder", mutable=False)
        GlobalEventForwarder(stack, "Forwarder", home_region="eu-west-1", role=role)
        assert not resources(template_of(stack), "AWS::IAM::Policy")


def test_a_schedule_takes_a_queue_with_a_key_of_its_own_and_a_log_group(stack, template):
    channel = AlertChannel(stack, "Channel", display_name="alerts")
    alerts = ApiCallAlerts(stack, "Alerts", channel=channel, rules=[])
    lake = AuditLake(
        stack,
        "Lake",
        name="ours",
        bucket=s3.Bucket.from_bucket_name(stack, "Files", "trail-files"),
        regions=[REGION],
        start_date=date(2026, 1, 1),
    )
    key = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/theirs"
    queue = sqs.Queue.from_queue_attributes(stack, "Queue", queue_arn=QUEUE, key_arn=key)
    ScheduledDetections(
        stack,
        "Scheduled",
        lake=lake,
        pager=alerts.pager,
        channel=channel,
        regions=[REGION],
        rules=[rule("key_part", patterns=(), predicate="eventname = 'CreateAccessKey'")],
        undelivered=queue,
        log_group=named(stack, "/teams/schedule"),
    )
    made = template()
    (function,) = [each for each in properties(made, "AWS::Lambda::Function") if "DeadLetterConfig" in each]
    assert function["DeadLetterConfig"] == {"TargetArn": QUEUE}
    assert function["LoggingConfig"] == {"LogGroup": "/teams/schedule"}
    (rights,) = [each for id, each in resources(made, "AWS::IAM::Policy").items() if "Rights" in id]
    said = plain(statements(rights["Properties"]["PolicyDocument"]))
    (of_keys,) = [each for each in said if "kms:Decrypt" in each["Action"]]
    (own,) = resources(made, "AWS::KMS::Key")
    assert set(of_keys["Resource"]) == {f"<{own}.Arn>", key}


@pytest.mark.parametrize("place", [(ACCOUNT, REGION), (None, None)], ids=["known place", "any place"])
def test_cdk_nag_finds_nothing_where_log_groups_and_roles_are_given(context, tmp_path, place):
    flags = {key: value for key, value in context.items() if key != "raytrail"}
    app = App(context=flags, outdir=str(tmp_path), builtin_cloud_formation_validation=False)
    stack = Stack(app, "Test", env=Environment(account=place[0], region=place[1]))
    channel = AlertChannel(stack, "Channel", display_name="alerts")
    alerts = ApiCallAlerts(
        stack,
        "Alerts",
        channel=channel,
        rules=[rule()],
        log_group=named(stack),
        pager_log_group=named(stack, "/teams/pager"),
    )
    lake = AuditLake(
        stack,
        "Lake",
        name="ours",
        bucket=s3.Bucket.from_bucket_name(stack, "Files", "trail-files"),
        results=s3.Bucket.from_bucket_name(stack, "Results", "query-results"),
        regions=[REGION],
        start_date=date(2026, 1, 1),
    )
    ScheduledDetections(
        stack,
        "Scheduled",
        lake=lake,
        pager=alerts.pager,
        channel=channel,
        regions=[REGION],
        rules=[rule("key_part", patterns=(), predicate="eventname = 'CreateAccessKey'")],
        log_group=named(stack, "/teams/schedule"),
    )
    arn = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/teams/encryption"
    TraceEncryption(stack, "Encryption", log_group=logs.LogGroup.from_log_group_arn(stack, "Lines", arn))
    lake.grant_query(iam.Role.from_role_name(stack, "Analyst", "their-analysts"))
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    app.synth()


@pytest.mark.parametrize(
    "arn",
    [
        Fn.import_value("shop-lines"),
        Fn.import_value(Fn.sub("${AWS::StackName}-lines")),
        Fn.sub("arn:${AWS::Partition}:logs:eu-west-1:111122223333:log-group:lines"),
        Fn.select(1, Fn.split("|", Fn.ref("Lines"))),
    ],
    ids=["imported", "imported by a made name", "substituted", "selected"],
)
def test_cdk_nag_finds_nothing_however_the_arn_of_a_log_group_is_told(context, tmp_path, arn):
    flags = {key: value for key, value in context.items() if key != "raytrail"}
    app = App(context=flags, outdir=str(tmp_path), builtin_cloud_formation_validation=False)
    stack = Stack(app, "Test", env=Environment(account=ACCOUNT, region=REGION))
    TraceEncryption(stack, "Encryption", log_group=logs.LogGroup.from_log_group_arn(stack, "Given", arn))
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    app.synth()


def test_a_wildcard_of_the_apps_own_role_is_the_apps_to_accept(context, tmp_path):
    flags = {key: value for key, value in context.items() if key != "raytrail"}
    app = App(context=flags, outdir=str(tmp_path), builtin_cloud_formation_validation=False)
    stack = Stack(app, "Test", env=Environment(account=ACCOUNT, region=REGION))
    files = s3.Bucket.from_bucket_name(stack, "Files", "trail-files")
    results = s3.Bucket.from_bucket_name(stack, "Results", "query-results")
    lake = AuditLake(
        stack, "Lake", name="ours", bucket=files, results=results, regions=[REGION], start_date=date(2026, 1, 1)
    )
    lake.grant_query(iam.Role(stack, "Own", assumed_by=iam.AccountRootPrincipal()))
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    with pytest.raises(RuntimeError, match="ValidationFailed"):
        app.synth()


def test_a_key_of_others_encrypts_the_queues_and_its_owner_is_asked(stack, template):
    key = kms.Key.from_key_arn(stack, "Key", f"arn:aws:kms:{REGION}:{ACCOUNT}:key/theirs")
    channel = AlertChannel(stack, "Channel", display_name="alerts", key=key)
    ApiCallAlerts(stack, "Alerts", channel=channel, rules=[rule()])
    made = template()
    assert not resources(made, "AWS::KMS::Key")
    assert {each["KmsMasterKeyId"] for each in properties(made, "AWS::SQS::Queue")} == {key.key_arn}
    assert [each for each in warnings(stack) if "raytrail.alerting.key_statements" in each]


@pytest.mark.parametrize(
    ("queue", "said"),
    [
        ({"encryption": sqs.QueueEncryption.KMS_MANAGED}, "a key that AWS manages"),
        ({"fifo": True}, "is FIFO"),
    ],
)
def test_a_dead_letter_queue_that_rules_cannot_send_to_is_refused(stack, make, queue, said):
    with pytest.raises(InvalidProps, match=said):
        make(undelivered=sqs.Queue(stack, "DeadLetters", **queue))


def test_the_owner_of_an_own_queues_key_is_asked_to_let_rules_use_it(stack, make):
    key = kms.Key.from_key_arn(stack, "Theirs", f"arn:aws:kms:{REGION}:{ACCOUNT}:key/0a1b2c3d")
    make(undelivered=sqs.Queue(stack, "DeadLetters", encryption_master_key=key))
    (asked,) = warnings(stack)
    assert f"{key.key_arn} is not of this app" in asked


@pytest.mark.parametrize("place", [f"{REGION}:999988887777", f"eu-west-1:{ACCOUNT}"])
def test_a_target_that_rules_do_not_reach_is_refused(stack, make, place):
    target = AlertTarget.topic(sns.Topic.from_topic_arn(stack, "Theirs", f"arn:aws:sns:{place}:on-call"))
    with pytest.raises(InvalidProps, match="give a target of their own account and Region"):
        make(targets=[target])
