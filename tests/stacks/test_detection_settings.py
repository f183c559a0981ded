"""What the settings of detection change in the templates."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aws_cdk import App
from aws_cdk.assertions import Annotations, Match
from tests.synth import Json, only, properties, resources

from raytrail.errors import InvalidProps, InvalidSettings
from raytrail.settings import read_settings
from raytrail.sigma import catalog
from raytrail.sigma.compiler import InvalidRule
from stacks import compose

ALL_EVENTS = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"
RULE = """
title: Somebody looked at instances
id: 0e9e3e57-9a4d-4d10-9b4f-2fd2d3ab8f11
level: medium
logsource: {product: aws, service: cloudtrail}
detection:
  selection: {eventSource: ec2.amazonaws.com, eventName: DescribeInstances}
  condition: selection
"""


def told(template: Json) -> dict[str, Json]:
    """The rules of a template by the detection that each is of."""
    rules = resources(template, "AWS::Events::Rule").values()
    return {each["Metadata"]["raytrail:detections"][0]["name"]: each["Properties"] for each in rules}


def composed(context: dict[str, Any], **settings: Any) -> App:
    app = App(context={key: value for key, value in context.items() if key != "raytrail"})
    compose(app, read_settings(settings))
    return app


def test_what_is_told_are_the_alerts_of_the_catalogue_that_eventbridge_expresses_and_that_can_fire(synth):
    rules = told(synth()["raytrail-detection"])
    alerts = {each.name for each in catalog() if each.alerts and each.patterns}
    # Data events of buckets are not among what the trail records by itself.
    assert set(rules) <= alerts
    assert len(rules) >= 50


def test_rules_that_the_trail_records_nothing_for_are_left_out_and_named(context):
    app = composed(context)
    stack = app.node.find_child("raytrail-detection")
    left_out = [
        each for each in catalog() if each.alerts and each.patterns and each.name not in stack.alerts.detections
    ]
    for each in left_out:
        said = f"rule {each.name} cannot fire here and is left out: .*"
        Annotations.from_stack(stack).has_info("*", Match.string_like_regexp(said))


def test_sigma_rules_of_a_folder_are_told_too(synth, tmp_path):
    (tmp_path / "theirs.yml").write_text(RULE, encoding="utf-8")
    rules = told(synth(detection={"sigma_dirs": [str(tmp_path)]})["raytrail-detection"])
    assert rules["theirs"]["State"] == ALL_EVENTS


def test_a_sigma_rule_that_cannot_be_read_is_named_with_file_and_line(synth, tmp_path):
    (tmp_path / "theirs.yml").write_text(RULE.replace("medium", "loud"), encoding="utf-8")
    with pytest.raises(InvalidRule, match=r"theirs\.yml:4"):
        synth(detection={"sigma_dirs": [str(tmp_path)]})


def test_a_sigma_rule_that_can_never_fire_is_an_error_that_names_the_setting(synth, tmp_path):
    rule = RULE.replace("ec2.", "s3.").replace("DescribeInstances", "GetObject")
    (tmp_path / "theirs.yml").write_text(rule, encoding="utf-8")
    with pytest.raises(RuntimeError, match=r"can never fire: .*DataEvents\.of\('AWS::S3::Object'"):
        synth(detection={"sigma_dirs": [str(tmp_path)]})
    objects = {"resource_type": "AWS::S3::Object", "arn_prefixes": ["arn:aws:s3:::files/"]}
    synth(detection={"sigma_dirs": [str(tmp_path)]}, audit={"data_events": [objects]})


def pager(template):
    functions = properties(template, "AWS::Lambda::Function")
    (found,) = (each for each in functions if "GROUPED" in each["Environment"]["Variables"])
    return found


def test_suppressions_and_grouping_reach_the_pager(synth):
    suppression = {"until": "2999-01-31", "reason": "the pipeline", "tag": ["alerts", "known"]}
    made = synth(detection={"suppressions": [suppression], "group_alerts": False})["raytrail-detection"]
    function = pager(made)
    assert function["Environment"]["Variables"]["GROUPED"] == "false"
    assert function["Code"] != pager(synth()["raytrail-detection"])["Code"]
    assert "iam:ListRoleTags" in json.dumps(properties(made, "AWS::IAM::Policy"))


@pytest.mark.parametrize(
    ("suppression", "said"),
    [
        ({"reason": "known", "account": "111122223333"}, "detection.suppressions.0.until: needs a value"),
        ({"until": "2999-01-31", "reason": "known"}, "should name an actor, an account or a tag"),
        ({"until": "2999-01-31", "reason": "known", "actor": "*"}, "actor '*' of the suppression 'known' is the ARN"),
        ({"until": "2999-01-31", "reason": "known", "tag": ["a"]}, "detection.suppressions.0.tag"),
    ],
)
def test_a_suppression_that_is_none_is_refused(synth, suppression, said):
    with pytest.raises((InvalidSettings, InvalidProps)) as refused:
        synth(detection={"suppressions": [suppression]})
    assert said in str(refused.value)


def test_elsewhere_reads_of_global_services_are_brought_on_request(synth):
    plain, asked = (synth(region="eu-west-1", detection={"forward_reads": reads}) for reads in (False, True))
    assert only(plain["raytrail-global-events"], "AWS::Events::Rule")["State"] == "ENABLED"
    assert only(asked["raytrail-global-events"], "AWS::Events::Rule")["State"] == ALL_EVENTS


def test_the_lake_is_asked_on_a_schedule_which_can_be_left_out(synth):
    (schedule,) = properties(
        synth(detection={"schedule_minutes": 240})["raytrail-detection"], "AWS::Scheduler::Schedule"
    )
    assert schedule["ScheduleExpression"] == "rate(240 minutes)"
    never = synth(detection={"schedule_minutes": None})
    assert not properties(never["raytrail-detection"], "AWS::Scheduler::Schedule")
    assert not properties(synth(audit={"enabled": False})["raytrail-detection"], "AWS::Scheduler::Schedule")


def test_each_cis_control_that_is_asked_for_has_an_alarm_on_the_trails_log_group(synth):
    made = synth(detection={"cis_alarms": True, "cis_controls": ["4.1", "4.3"]})["raytrail-detection"]
    filters = properties(made, "AWS::Logs::MetricFilter")
    assert len(filters) == 2
    existing = {"bucket_name": "the-trail", "prefix": ""}
    with pytest.raises(InvalidSettings, match=r"cis_alarms: needs the trail's log group; set audit\.existing_trail"):
        synth(detection={"cis_alarms": True}, audit={"existing_trail": existing})


def test_what_cannot_fire_is_not_asked_of_the_lake_and_is_named(context):
    stack = composed(context).node.find_child("raytrail-detection")
    asked = stack.node.find_child("Scheduled").detections
    assert "many_secrets_read" in asked
    assert "many_objects_deleted" not in asked
    said = "many_objects_deleted cannot fire here and is not asked of the lake: .*data events of AWS::S3::Object.*"
    Annotations.from_stack(stack).has_info("*", Match.string_like_regexp(said))


TOPIC = "arn:aws:sns:us-east-1:111122223333:oncall"
TOPIC_KEY = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"


@pytest.fixture(scope="module")
def in_use(synth) -> dict[str, Json]:
    """The templates of an account that has a topic, and a resource policy of logs that lets EventBridge in."""
    made: dict[str, Json] = synth(
        detection={
            "existing_topic": {"arn": TOPIC, "key_arn": TOPIC_KEY},
            "log_policy": False,
        },
        sample={"enabled": False},
    )
    return made


def test_alerts_and_alarms_go_to_a_topic_that_the_account_has(in_use):
    for name in ("detection", "dashboards"):
        template = in_use[f"raytrail-{name}"]
        assert not resources(template, "AWS::SNS::Topic")
        assert not [each for each in template["Outputs"] if each.endswith("InboxUrl")]
        alarms = properties(template, "AWS::CloudWatch::Alarm")
        assert {to for alarm in alarms for to in alarm.get("AlarmActions", ())} == {TOPIC}
    policies = json.dumps(properties(in_use["raytrail-detection"], "AWS::IAM::Policy"))
    assert TOPIC in policies
    assert TOPIC_KEY in policies


def test_no_resource_policy_of_logs_is_made_where_one_lets_eventbridge_in_already(synth, in_use):
    assert only(synth()["raytrail-detection"], "AWS::Logs::ResourcePolicy")
    assert not resources(in_use["raytrail-detection"], "AWS::Logs::ResourcePolicy")


def test_what_is_left_out_of_the_bus_is_asked_of_the_lake(context):
    stack = composed(context, detection={"leave_out": ["access_key_created"]}).node.find_child("raytrail-detection")
    assert "access_key_created" not in stack.alerts.detections
    assert "access_key_created" in stack.node.find_child("Scheduled").detections


def test_a_detection_that_there_is_not_cannot_be_left_out(context):
    with pytest.raises(InvalidProps, match="trail_tampring"):
        composed(context, detection={"leave_out": ["trail_tampring"]})
