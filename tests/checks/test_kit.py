"""The kit's own templates, as they are committed: in order, and found to be wrong where one thing is broken.

What is broken here was written by the constructs, through the CDK, with references across stacks: so a check that
trusts what it cannot resolve is seen to resolve it.
"""

from __future__ import annotations

import copy
import json
import re

import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from raytrail.checks import CHECKS, Floors
from raytrail.checks._catalogue import check_app
from raytrail.checks._templates import App, Template


@pytest.fixture(scope="module")
def kit(root):
    """The golden templates by the concern of their stack."""
    goldens = root / "tests" / "stacks" / "__snapshots__" / "test_templates"
    found = {}
    for file in goldens.glob("test_the_template_is_the_golden_one*.json"):
        concern = re.search(r"\[(\w+)\]", file.name)
        if concern:
            found[concern[1]] = json.loads(file.read_text(encoding="utf-8"))
    assert set(found) >= {"audit", "dashboards", "detection", "sample", "tracing"}
    return found


def findings(templates, region="us-east-1"):
    stacks = [Template(body, name=f"raytrail-{concern}", region=region) for concern, body in templates.items()]
    return check_app(App(stacks), Floors())


def test_the_kit_passes_its_own_checks(kit):
    assert [(each.id, each.construct, each.seen) for each in findings(kit)] == []


def of_type(template, type):
    return [each for each in template["Resources"].values() if each["Type"] == f"AWS::{type}"]


def remove(concern, type):
    def breaks(kit):
        wanted = f"AWS::{type}"
        resources = kit[concern]["Resources"]
        kit[concern]["Resources"] = {id: each for id, each in resources.items() if each["Type"] != wanted}

    return breaks


def put(concern, type, *path, value):
    def breaks(kit):
        for resource in of_type(kit[concern], type):
            inner = resource
            for key in path[:-1]:
                inner = inner.setdefault(key, {})
            inner[path[-1]] = value

    return breaks


def without(concern, type, *path):
    def breaks(kit):
        for resource in of_type(kit[concern], type):
            inner = resource
            for key in path[:-1]:
                inner = inner.get(key, {})
            inner.pop(path[-1], None)

    return breaks


def only_denials(concern, type, document):
    def breaks(kit):
        for resource in of_type(kit[concern], type):
            statements = resource["Properties"][document]["Statement"]
            root = [each for each in statements if "AWS" in each["Principal"] or each["Effect"] == "Deny"]
            resource["Properties"][document]["Statement"] = root

    return breaks


def unconditional(kit):
    for policy in of_type(kit["audit"], "S3::BucketPolicy"):
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
            if statement["Effect"] == "Allow":
                statement.pop("Condition", None)


def no_dead_letters(kit):
    for rule in of_type(kit["detection"], "Events::Rule"):
        for target in rule["Properties"].get("Targets", ()):
            target.pop("DeadLetterConfig", None)


def asking_for(source, name):
    def breaks(kit):
        for rule in of_type(kit["detection"], "Events::Rule"):
            rule["Properties"]["EventPattern"] = {
                "source": [{"prefix": "aws."}],
                "detail-type": ["AWS API Call via CloudTrail"],
                "detail": {"eventSource": [f"{source}.amazonaws.com"], "eventName": [name]},
            }
            rule["Properties"]["State"] = "ENABLED"

    return breaks


def same_priority(kit):
    for rule in of_type(kit["tracing"], "XRay::SamplingRule"):
        rule["Properties"]["SamplingRule"]["Priority"] = 7


def many_widgets(kit):
    for board in of_type(kit["dashboards"], "CloudWatch::Dashboard"):
        board["Properties"]["DashboardBody"] = json.dumps({"widgets": [{}] * 501})


BROKEN = {
    "AlarmReachesNobody": without("dashboards", "CloudWatch::CompositeAlarm", "Properties", "AlarmActions"),
    "TopicReachesNobody": remove("detection", "SNS::Subscription"),
    "DeliveryRefused": only_denials("detection", "SNS::TopicPolicy", "PolicyDocument"),
    "KeyRefusesDelivery": only_denials("detection", "KMS::Key", "KeyPolicy"),
    "LogClassBreaksFilter": put("audit", "Logs::LogGroup", "Properties", "LogGroupClass", value="INFREQUENT_ACCESS"),
    "RetentionOutOfBounds": without("sample", "Logs::LogGroup", "Properties", "RetentionInDays"),
    "TrailGuardOff": put("audit", "CloudTrail::Trail", "Properties", "EnableLogFileValidation", value=False),
    "TrailSeesPart": put("audit", "CloudTrail::Trail", "Properties", "IsMultiRegionTrail", value=False),
    "TrailBucketUnprotected": put("audit", "S3::Bucket", "DeletionPolicy", value="Delete"),
    "TrailCannotDeliver": put("audit", "CloudTrail::Trail", "Properties", "S3KeyPrefix", value="elsewhere"),
    "TrailPolicyOpen": unconditional,
    "RuleNeverMatches": asking_for("ec2", "DescribeInstances"),
    "RuleInWrongRegion": asking_for("iam", "CreateUser"),
    "RuleLosesEvents": no_dead_letters,
    "TraceFilterInvalid": put("tracing", "XRay::Group", "Properties", "FilterExpression", value="fault AND"),
    "SamplingRuleNeverDecides": same_priority,
    "TracingLayerMisfit": put(
        "sample",
        "Lambda::Function",
        "Properties",
        "Layers",
        value=["arn:aws:lambda:eu-west-1:615299751070:layer:AWSOpenTelemetryDistroPython:26"],
    ),
    "TracingLayerIdle": without(
        "sample", "Lambda::Function", "Properties", "Environment", "Variables", "AWS_LAMBDA_EXEC_WRAPPER"
    ),
    "AthenaWithoutLimit": without(
        "audit", "Athena::WorkGroup", "Properties", "WorkGroupConfiguration", "BytesScannedCutoffPerQuery"
    ),
    "DashboardTooLarge": many_widgets,
}


def test_each_check_is_tried():
    assert list(BROKEN) == [check.name for check in CHECKS]


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_in_the_kit_is_found(kit, name):
    broken = copy.deepcopy(kit)
    BROKEN[name](broken)
    # Part of that mistake is to be elsewhere, with nothing that forwards.
    found = findings(broken, region="eu-west-1" if name == "RuleInWrongRegion" else "us-east-1")
    assert f"Raytrail::{name}" in {each.id for each in found}


@pytest.mark.parametrize("name", BROKEN)
def test_a_finding_names_a_property_that_its_resource_has(kit, name):
    broken = copy.deepcopy(kit)
    BROKEN[name](broken)
    for each in findings(broken):
        schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", each.type).schema
        if each.where not in ("", "Properties"):
            assert each.where.split(".")[1] in schema["properties"]
