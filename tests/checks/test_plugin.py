"""The plugin in whole synths: what the CDK makes of its findings, and of what is acknowledged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from aws_cdk import Acknowledgment, App, Environment, NestedStack, Stack, Stage, Validations
from aws_cdk import aws_athena as athena
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct
from tests.checks.planted import ACCOUNT, PLANTS, REGION, make_planted_app

from raytrail.checks import CHECKS, Floors, check_assembly, check_template
from raytrail.checks.plugin import RaytrailChecks

REASON = "it was planted here to be found"
ERRORS = {check.name for check in CHECKS if check.level == "error"}


def report(folder):
    """What the CDK wrote of the plugin, which is the only one; None: nothing was found."""
    plugins = json.loads((Path(folder) / "validation-report.json").read_text(encoding="utf-8"))["pluginReports"]
    assert [each["pluginName"] for each in plugins] in ([], ["Raytrail"])
    return plugins[0] if plugins else None


def found(folder, key="violations"):
    """Each finding as its id and its construct."""
    said = report(folder) or {}
    return [
        (violation["ruleName"], construct["constructPath"])
        for violation in said.get(key) or ()
        for construct in violation["violatingConstructs"]
    ]


def refused(app):
    with pytest.raises(RuntimeError, match="ValidationFailed") as error:
        app.synth()
    return str(error.value)


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """The folder of the app with all mistakes, and what the CDK said."""
    folder = tmp_path_factory.mktemp("planted")
    return folder, refused(make_planted_app(str(folder)))


@pytest.fixture(scope="module")
def acknowledged(tmp_path_factory):
    """The folder of the same app in which each mistake is acknowledged."""
    folder = tmp_path_factory.mktemp("acknowledged")
    make_planted_app(str(folder), acknowledged=REASON).synth()
    return folder


def test_there_is_a_mistake_for_each_check():
    assert list(PLANTS) == [check.name for check in CHECKS]


@pytest.mark.parametrize("name", PLANTS)
def test_each_mistake_is_found_where_it_was_planted_and_nowhere_else(planted, name):
    folder, _ = planted
    [where] = [where for id, where in found(folder) if id == f"Raytrail::{name}"]
    assert where.startswith(f"Planted/{name}/")
    assert [id for id, where in found(folder) if where.startswith(f"Planted/{name}/")] == [f"Raytrail::{name}"]


def test_nothing_is_held_against_properties_that_are_included(planted):
    folder, _ = planted
    included = {"Fn::Transform": {"Name": "AWS::Include", "Parameters": {"Location": "s3://shop/resource.json"}}}
    for file in folder.glob("*.template.json"):
        body = json.loads(file.read_text(encoding="utf-8"))
        for resource in body["Resources"].values():
            resource["Properties"] = included
        assert check_template(body, region=REGION, account=ACCOUNT) == ()


def test_the_cdk_prints_what_to_do_and_how_to_acknowledge(planted):
    _, said = planted
    for check in CHECKS:
        assert f"Suggested fix: {check.fix} (more: raytrail findings --explain {check.name})" in said
        assert f"Acknowledge with '{check.id}'" in said


def test_a_report_says_why_with_the_page(planted):
    folder, _ = planted
    for violation in report(folder)["violations"]:
        [check] = [check for check in CHECKS if check.id == violation["ruleName"]]
        assert violation["severity"] == check.level
        assert violation["ruleMetadata"] == {"why": check.why, "page": check.page, "source": check.source}


def test_what_is_acknowledged_is_kept_with_its_reason(acknowledged):
    assert found(acknowledged) == []
    kept = report(acknowledged)["suppressedViolations"]
    assert {each["ruleName"] for each in kept} == {check.id for check in CHECKS}
    assert {(each["reason"], each["acknowledgedAt"]) for each in kept} == {(REASON, f"Planted/{n}") for n in PLANTS}


def test_an_assembly_tells_the_same_without_the_cdk(planted, acknowledged):
    folder, _ = planted
    assert sorted((each.id, each.construct) for each in check_assembly(folder)) == sorted(found(folder))
    assert {each.accepted for each in check_assembly(folder)} == {""}
    assert {each.accepted for each in check_assembly(acknowledged)} == {REASON}


def test_warnings_do_not_end_a_synth(tmp_path):
    warnings = [name for name in PLANTS if name not in ERRORS]
    make_planted_app(str(tmp_path), plants=warnings).synth()
    assert len(found(tmp_path)) == len(warnings) >= 8
    assert report(tmp_path)["conclusion"] == "success"


def test_a_blank_reason_is_refused(tmp_path):
    refused(make_planted_app(str(tmp_path), plants=["AlarmReachesNobody"], acknowledged="  "))
    assert found(tmp_path) == [("Raytrail::AcknowledgmentInvalid", "Planted/AlarmReachesNobody")]
    assert [each.accepted for each in check_assembly(tmp_path)] == [""]


def test_an_acknowledgment_on_the_app_counts_and_is_held_to_the_same(tmp_path):
    app = make_planted_app(str(tmp_path), plants=["AlarmReachesNobody", "AthenaWithoutLimit"])
    accepted = Acknowledgment(id="Raytrail::AlarmReachesNobody", reason=REASON)
    misspelt = Acknowledgment(id="Raytrail::AthenaWithoutLimits", reason=REASON)
    Validations.of(app).acknowledge(accepted, misspelt)
    said = refused(app)
    assert "Raytrail::AthenaWithoutLimits is no check; did you mean Raytrail::AthenaWithoutLimit" in said
    assert [id for id, _ in found(tmp_path)] == ["Raytrail::AthenaWithoutLimit", "Raytrail::AcknowledgmentInvalid"]


def test_an_acknowledgment_on_a_stage_is_held_to_the_same(tmp_path):
    app = App(outdir=str(tmp_path), builtin_cloud_formation_validation=False)
    live = Stage(Construct(app, "World"), "Live")
    athena.CfnWorkGroup(Stack(live, "Lake"), "WorkGroup", name="analysts")
    Validations.of(app).add_plugins(RaytrailChecks(app))
    accepted = Acknowledgment(id="Raytrail::AthenaWithoutLimit", reason=REASON)
    Validations.of(live).acknowledge(accepted, Acknowledgment(id="Raytrail::DashboardTooLarge", reason=" "))
    refused(app)
    assert found(tmp_path) == [("Raytrail::AcknowledgmentInvalid", "World/Live")]
    assert found(tmp_path, "suppressedViolations") == [("Raytrail::AthenaWithoutLimit", "World/Live/Lake/WorkGroup")]


def test_floors_are_those_that_the_plugin_was_given(tmp_path):
    app = App(outdir=str(tmp_path), builtin_cloud_formation_validation=False)
    stack = Stack(app, "Flows")
    group = logs.LogGroup(stack, "Group", retention=logs.RetentionDays.ONE_MONTH)
    logs.CfnLogGroup(stack, "Other", retention_in_days=30)
    ec2.CfnFlowLog(stack, "Flow", resource_id="vpc-1", resource_type="VPC", log_group_name=group.log_group_name)
    Validations.of(app).add_plugins(RaytrailChecks(app, floors=Floors(audit_log_days=365)))
    app.synth()
    assert found(tmp_path) == [("Raytrail::RetentionOutOfBounds", "Flows/Group/Resource")]
    assert "at least 365 are asked for" in report(tmp_path)["violations"][0]["description"]


@pytest.mark.parametrize("references", ["strong", "weak"])
def test_what_points_to_what_is_known_across_stacks_and_nested_ones(tmp_path, references):
    context = {"@aws-cdk/core:defaultCrossStackReferences": references}
    app = App(outdir=str(tmp_path), builtin_cloud_formation_validation=False, context=context)
    where = Environment(account=ACCOUNT, region=REGION)
    pages, watch = Stack(app, "Pages", env=where), Stack(app, "Watch", env=where)
    heard, unheard = sns.Topic(pages, "Heard"), sns.Topic(pages, "Unheard")
    inner = NestedStack(pages, "Inner")
    sns.Subscription(inner, "Mail", topic=heard, protocol=sns.SubscriptionProtocol.EMAIL, endpoint="oncall@example.com")
    metric = cloudwatch.Metric(namespace="Shop", metric_name="Errors")
    for topic in (heard, unheard):
        alarm = cloudwatch.Alarm(watch, f"On{topic.node.id}", metric=metric, threshold=1, evaluation_periods=1)
        alarm.add_alarm_action(actions.SnsAction(topic))
    cloudwatch.Alarm(inner, "Silent", metric=metric, threshold=1, evaluation_periods=1)
    Validations.of(app).add_plugins(RaytrailChecks(app))
    refused(app)
    assert found(tmp_path) == [
        ("Raytrail::AlarmReachesNobody", "Pages/Inner/Silent/Resource"),
        ("Raytrail::TopicReachesNobody", "Pages/Unheard/Resource"),
    ]


def test_a_stage_is_checked_for_itself(tmp_path):
    app = App(outdir=str(tmp_path), builtin_cloud_formation_validation=False)
    stages = [Stage(app, name, env=Environment(account=ACCOUNT, region=REGION)) for name in ("Test", "Live")]
    for stage in stages:
        topic = sns.Topic(Stack(stage, "Pages"), "Topic")
        topic.add_subscription(subscriptions.EmailSubscription("oncall@example.com"))
        logs.LogGroup(Stack(stage, "Shop"), "Group", retention=logs.RetentionDays.INFINITE)
    live = stages[1]
    Validations.of(live).add_plugins(RaytrailChecks(live))
    Validations.of(live).acknowledge(Acknowledgment(id="Raytrail::Nothing", reason=REASON))
    refused(app)
    assert found(tmp_path) == [
        ("Raytrail::RetentionOutOfBounds", "Live/Shop/Group/Resource"),
        ("Raytrail::AcknowledgmentInvalid", "Live"),
    ]
