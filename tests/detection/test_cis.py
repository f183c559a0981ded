"""Alarms for the monitoring controls of the CIS AWS Foundations Benchmark.

The filters are held against those that Security Hub's documentation prints, and against a second reading of these, in
plain Python, on records of our own and on real ones. The evaluator of filters is that of the embedded AWS, which is
this project's own and has tests of its own against AWS's printed examples.
"""

from __future__ import annotations

import copy
import gzip
import json
import re
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Environment, Stack, Validations
from aws_cdk import aws_logs as logs
from cdk_nag import AwsSolutionsChecks
from tests.cloudformation_stack import Stack as Deployed
from tests.synth import ACCOUNT, REGION, bare_stack, plain, properties, resources, template_of

from raytrail.alerting import AlertChannel
from raytrail.detection import CIS_CONTROLS, CisAlarms
from raytrail.detection._cis_controls import MAX_PATTERN_CHARACTERS, SPARING_SERVICES, UNAUTHORIZED_CALLS
from raytrail.errors import InvalidProps

Json = dict[str, Any]

PRINTED = {
    "CloudWatch.1": '{$.userIdentity.type="Root" && $.userIdentity.invokedBy NOT EXISTS && $.eventType !="AwsServiceEvent"}',  # noqa: E501 - as printed
    "CloudWatch.2": '{($.errorCode="*UnauthorizedOperation") || ($.errorCode="AccessDenied*")}',
    "CloudWatch.3": '{ ($.eventName = "ConsoleLogin") && ($.additionalEventData.MFAUsed != "Yes") && ($.userIdentity.type = "IAMUser") && ($.responseElements.ConsoleLogin = "Success") }',  # noqa: E501 - as printed
    "CloudWatch.4": "{($.eventSource=iam.amazonaws.com) && (($.eventName=DeleteGroupPolicy) || ($.eventName=DeleteRolePolicy) || ($.eventName=DeleteUserPolicy) || ($.eventName=PutGroupPolicy) || ($.eventName=PutRolePolicy) || ($.eventName=PutUserPolicy) || ($.eventName=CreatePolicy) || ($.eventName=DeletePolicy) || ($.eventName=CreatePolicyVersion) || ($.eventName=DeletePolicyVersion) || ($.eventName=AttachRolePolicy) || ($.eventName=DetachRolePolicy) || ($.eventName=AttachUserPolicy) || ($.eventName=DetachUserPolicy) || ($.eventName=AttachGroupPolicy) || ($.eventName=DetachGroupPolicy))}",  # noqa: E501 - as printed
    "CloudWatch.5": "{($.eventName=CreateTrail) || ($.eventName=UpdateTrail) || ($.eventName=DeleteTrail) || ($.eventName=StartLogging) || ($.eventName=StopLogging)}",  # noqa: E501 - as printed
    "CloudWatch.6": '{($.eventName=ConsoleLogin) && ($.errorMessage="Failed authentication")}',
    "CloudWatch.7": "{($.eventSource=kms.amazonaws.com) && (($.eventName=DisableKey) || ($.eventName=ScheduleKeyDeletion))}",  # noqa: E501 - as printed
    "CloudWatch.8": "{($.eventSource=s3.amazonaws.com) && (($.eventName=PutBucketAcl) || ($.eventName=PutBucketPolicy) || ($.eventName=PutBucketCors) || ($.eventName=PutBucketLifecycle) || ($.eventName=PutBucketReplication) || ($.eventName=DeleteBucketPolicy) || ($.eventName=DeleteBucketCors) || ($.eventName=DeleteBucketLifecycle) || ($.eventName=DeleteBucketReplication))}",  # noqa: E501 - as printed
    "CloudWatch.9": "{($.eventSource=config.amazonaws.com) && (($.eventName=StopConfigurationRecorder) || ($.eventName=DeleteDeliveryChannel) || ($.eventName=PutDeliveryChannel) || ($.eventName=PutConfigurationRecorder))}",  # noqa: E501 - as printed
    "CloudWatch.10": "{($.eventName=AuthorizeSecurityGroupIngress) || ($.eventName=AuthorizeSecurityGroupEgress) || ($.eventName=RevokeSecurityGroupIngress) || ($.eventName=RevokeSecurityGroupEgress) || ($.eventName=CreateSecurityGroup) || ($.eventName=DeleteSecurityGroup)}",  # noqa: E501 - as printed
    "CloudWatch.11": "{($.eventName=CreateNetworkAcl) || ($.eventName=CreateNetworkAclEntry) || ($.eventName=DeleteNetworkAcl) || ($.eventName=DeleteNetworkAclEntry) || ($.eventName=ReplaceNetworkAclEntry) || ($.eventName=ReplaceNetworkAclAssociation)}",  # noqa: E501 - as printed
    "CloudWatch.12": "{($.eventName=CreateCustomerGateway) || ($.eventName=DeleteCustomerGateway) || ($.eventName=AttachInternetGateway) || ($.eventName=CreateInternetGateway) || ($.eventName=DeleteInternetGateway) || ($.eventName=DetachInternetGateway)}",  # noqa: E501 - as printed
    "CloudWatch.13": "{($.eventSource=ec2.amazonaws.com) && (($.eventName=CreateRoute) || ($.eventName=CreateRouteTable) || ($.eventName=ReplaceRoute) || ($.eventName=ReplaceRouteTableAssociation) || ($.eventName=DeleteRouteTable) || ($.eventName=DeleteRoute) || ($.eventName=DisassociateRouteTable))}",  # noqa: E501 - as printed
    "CloudWatch.14": "{($.eventName=CreateVpc) || ($.eventName=DeleteVpc) || ($.eventName=ModifyVpcAttribute) || ($.eventName=AcceptVpcPeeringConnection) || ($.eventName=CreateVpcPeeringConnection) || ($.eventName=DeleteVpcPeeringConnection) || ($.eventName=RejectVpcPeeringConnection) || ($.eventName=AttachClassicLinkVpc) || ($.eventName=DetachClassicLinkVpc) || ($.eventName=DisableVpcClassicLink) || ($.eventName=EnableVpcClassicLink)}",  # noqa: E501 - as printed
}
"""https://docs.aws.amazon.com/securityhub/latest/userguide/cloudwatch-controls.html."""

USER = {"type": "IAMUser", "arn": f"arn:aws:iam::{ACCOUNT}:user/alex", "accountId": ACCOUNT, "userName": "alex"}


def record(service: str, name: str, **fields: Any) -> Json:
    return {
        "eventVersion": "1.11",
        "userIdentity": USER,
        "eventTime": "2026-10-01T12:00:00Z",
        "eventSource": f"{service}.amazonaws.com",
        "eventName": name,
        "awsRegion": REGION,
        "sourceIPAddress": "203.0.113.7",
        "requestParameters": None,
        "responseElements": None,
        "eventType": "AwsApiCall",
        **fields,
    }


def but(known: Json, path: str, value: Any = ...) -> Json:
    """The record with one field changed, or without it."""
    changed = copy.deepcopy(known)
    *parents, last = path.split(".")
    place = changed
    for parent in parents:
        place = place[parent]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return changed


SIGN_IN = record(
    "signin",
    "ConsoleLogin",
    eventType="AwsConsoleSignIn",
    additionalEventData={"MFAUsed": "No"},
    responseElements={"ConsoleLogin": "Success"},
)
FAILED = record("signin", "ConsoleLogin", eventType="AwsConsoleSignIn", errorMessage="Failed authentication")
ROOT = record("s3", "ListBuckets", userIdentity={"type": "Root", "arn": f"arn:aws:iam::{ACCOUNT}:root"})
DENIED = record("s3", "PutObject", errorCode="AccessDenied")
DELIVERY = {"type": "AWSService", "invokedBy": "delivery.logs.amazonaws.com"}
SEEN: dict[str, list[Json]] = {
    "4.1": [
        DENIED,
        record("ec2", "RunInstances", errorCode="Client.UnauthorizedOperation"),
        record("iam", "ListUsers", errorCode="AccessDeniedException"),
        # A service that does something for somebody has been asked to.
        but(DENIED, "userIdentity", {**USER, "invokedBy": "cloudformation.amazonaws.com"}),
        but(DENIED, "userIdentity", {"accountId": ACCOUNT}),
    ],
    "4.2": [SIGN_IN],
    "4.3": [ROOT],
    "4.4": [record("iam", "PutUserPolicy"), record("iam", "AttachRolePolicy")],
    "4.5": [record("cloudtrail", name) for name in ("StopLogging", "DeleteTrail", "UpdateTrail")],
    "4.6": [FAILED],
    "4.7": [record("kms", "DisableKey"), record("kms", "ScheduleKeyDeletion")],
    "4.8": [record("s3", "PutBucketPolicy"), record("s3", "DeleteBucketReplication")],
    "4.9": [record("config", "StopConfigurationRecorder")],
    "4.10": [record("ec2", "AuthorizeSecurityGroupIngress")],
    "4.11": [record("ec2", "ReplaceNetworkAclEntry")],
    "4.12": [record("ec2", "AttachInternetGateway")],
    "4.13": [record("ec2", "CreateRoute")],
    "4.14": [record("ec2", "CreateVpcPeeringConnection")],
    "4.15": [record("organizations", "LeaveOrganization"), record("organizations", "UpdatePolicy")],
}
NEAR_MISSES: dict[str, list[Json]] = {
    "4.1": [
        but(DENIED, "errorCode", "NoSuchKey"),
        but(DENIED, "errorCode"),
        but(DENIED, "userIdentity", DELIVERY),
        but(DENIED, "sourceIPAddress", "delivery.logs.amazonaws.com"),
    ],
    "4.2": [
        but(SIGN_IN, "additionalEventData.MFAUsed", "Yes"),
        but(SIGN_IN, "userIdentity.type", "AssumedRole"),
        but(SIGN_IN, "responseElements.ConsoleLogin", "Failure"),
        but(SIGN_IN, "eventName", "SwitchRole"),
    ],
    "4.3": [
        but(ROOT, "userIdentity.type", "IAMUser"),
        but(ROOT, "userIdentity.invokedBy", "autoscaling.amazonaws.com"),
        but(ROOT, "eventType", "AwsServiceEvent"),
    ],
    "4.4": [record("iam", "GetUserPolicy"), record("organizations", "ListPolicies"), record("iot", "CreatePolicy")],
    "4.5": [record("cloudtrail", "GetTrailStatus"), record("cloudtrail", "PutEventSelectors")],
    "4.6": [but(FAILED, "errorMessage"), but(FAILED, "eventName", "CheckMfa")],
    "4.7": [record("kms", "CancelKeyDeletion"), record("cloudhsm", "DisableKey")],
    "4.8": [record("s3", "GetBucketPolicy"), record("s3-outposts", "PutBucketPolicy")],
    "4.9": [record("config", "PutConfigRule"), record("macie2", "PutConfigurationRecorder")],
    "4.10": [record("ec2", "DescribeSecurityGroups")],
    "4.11": [record("ec2", "DescribeNetworkAcls")],
    "4.12": [record("ec2", "CreateNatGateway")],
    "4.13": [record("ec2", "AssociateRouteTable"), record("appmesh", "CreateRoute")],
    "4.14": [record("ec2", "DescribeVpcs")],
    "4.15": [record("organizations", "DescribeOrganization"), record("iotfleetwise", "LeaveOrganization")],
}

BY_NUMBER = {control.number: control for control in CIS_CONTROLS}
each_control = pytest.mark.parametrize("number", BY_NUMBER)


def made_pattern(number: str) -> str:
    """The filter that is made when nothing is said."""
    return SPARING_SERVICES if number == "4.1" else BY_NUMBER[number].pattern


def make(stack: Stack, **options: Any) -> CisAlarms:
    group = logs.LogGroup(stack, "TrailLogs", log_group_name=f"trail-{uuid.uuid4().hex[:8]}")
    channel = AlertChannel(stack, "Channel", display_name="raytrail alerts")
    return CisAlarms(stack, "Cis", log_group=group, channel=channel, namespace="raytrail/CIS", **options)


# --- what is made ---


@pytest.fixture(scope="module")
def made(context) -> Json:
    stack = bare_stack(context)
    make(stack)
    return template_of(stack)


def test_each_control_is_a_filter_that_counts_ones_over_the_trails_log_group(made):
    (group,) = resources(made, "AWS::Logs::LogGroup")
    filters = [plain(each) for each in properties(made, "AWS::Logs::MetricFilter")]
    assert {each["FilterPattern"] for each in filters} == {made_pattern(number) for number in BY_NUMBER}
    assert [each["MetricTransformations"] for each in filters] == [
        [{"MetricName": each.metric, "MetricNamespace": "raytrail/CIS", "MetricValue": "1"}] for each in CIS_CONTROLS
    ]
    assert {each["LogGroupName"] for each in filters} == {f"<{group}>"}


def test_each_control_has_an_alarm_that_tells_the_channel_of_one_match_in_five_minutes(made):
    (topic,) = resources(made, "AWS::SNS::Topic")
    alarms = {each["MetricName"]: plain(each) for each in properties(made, "AWS::CloudWatch::Alarm")}
    assert list(alarms) == [control.metric for control in CIS_CONTROLS]
    for control in CIS_CONTROLS:
        alarm = alarms[control.metric]
        assert alarm.pop("AlarmDescription").startswith(f"CIS {control.number}: {control.title}")
        assert alarm == {
            "AlarmActions": [f"<{topic}>"],
            "ComparisonOperator": "GreaterThanOrEqualToThreshold",
            "EvaluationPeriods": 1,
            "MetricName": control.metric,
            "Namespace": "raytrail/CIS",
            "Period": 300,
            "Statistic": "Sum",
            "Threshold": 1,
            "TreatMissingData": "notBreaching",
        }


def test_an_alarm_names_the_control_by_which_security_hub_checks_for_it(made):
    told = [each["AlarmDescription"] for each in properties(made, "AWS::CloudWatch::Alarm")]
    assert [re.findall(r"\(Security Hub: (CloudWatch\.\d+)\)", text) for text in told] == [
        [control.security_hub] if control.security_hub else [] for control in CIS_CONTROLS
    ]


def test_the_alarm_on_refused_calls_says_what_it_leaves_out(made):
    told = next(each["AlarmDescription"] for each in properties(made, "AWS::CloudWatch::Alarm"))
    assert told == (
        "CIS 4.1: A call was refused for lack of permission (Security Hub: CloudWatch.2). Calls that AWS services make "
        "for themselves are left out, so that CloudWatch.2, which asks for the filter without that, fails"
    )


def test_services_are_counted_on_request_by_the_filter_that_security_hub_asks_for(stack, template):
    make(stack, controls=["4.1"], spare_services=False)
    (made,) = properties(template(), "AWS::Logs::MetricFilter")
    assert made["FilterPattern"] == UNAUTHORIZED_CALLS.pattern
    (alarm,) = properties(template(), "AWS::CloudWatch::Alarm")
    assert "left out" not in alarm["AlarmDescription"]


def test_some_controls_can_be_chosen(stack, template):
    alarms = make(stack, controls=["4.14", "4.3"])
    assert [each["MetricName"] for each in properties(template(), "AWS::CloudWatch::Alarm")] == [
        "RootUse",
        "VpcChanges",
    ]
    assert list(alarms.alarms) == list(alarms.metrics) == ["4.3", "4.14"]


@pytest.mark.parametrize(("controls", "got"), [(["4.3", "4.16"], "got 4.16$"), ([], "got none$")])
def test_what_is_no_control_is_refused(stack, controls, got):
    with pytest.raises(InvalidProps, match=f"controls are some of 4.1, .*, 4.15, {got}"):
        make(stack, controls=controls)


def test_cdk_nag_has_nothing_to_say(context, tmp_path):
    flags = {key: value for key, value in context.items() if key != "raytrail"}
    app = App(context=flags, outdir=str(tmp_path), builtin_cloud_formation_validation=False)
    make(Stack(app, "Test", env=Environment(account=ACCOUNT, region=REGION)))
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    app.synth()


# --- what the filters mean ---


def test_a_filter_is_the_one_that_security_hub_prints():
    assert {each.security_hub: each.pattern for each in CIS_CONTROLS if each.security_hub} == PRINTED


def test_the_numbers_are_those_of_the_section():
    assert [each.number for each in CIS_CONTROLS] == [f"4.{number}" for number in range(1, 16)]


@each_control
def test_a_pattern_is_no_longer_than_cloudwatch_logs_takes(number):
    assert max(len(made_pattern(number)), len(BY_NUMBER[number].pattern)) <= MAX_PATTERN_CHARACTERS


@pytest.fixture(scope="module")
def matches(local_aws) -> Callable[[str, list[Json]], list[Json]]:
    """The records that a filter matches."""
    client = local_aws.client("logs")

    def matches(pattern: str, records: list[Json]) -> list[Json]:
        found: list[Json] = []
        for start in range(0, len(records), 50):
            lines = [json.dumps(each) for each in records[start : start + 50]]
            answer = client.test_metric_filter(filterPattern=pattern, logEventMessages=lines)
            found += [records[start + match["eventNumber"] - 1] for match in answer["matches"]]
        return found

    return matches


@pytest.mark.local
@each_control
def test_a_filter_takes_what_it_is_for_and_passes_over_near_misses(matches, number):
    assert matches(made_pattern(number), [*SEEN[number], *NEAR_MISSES[number]]) == SEEN[number]


@pytest.mark.local
def test_sparing_services_leaves_out_what_services_do_for_themselves_and_nothing_else(matches):
    records = [*SEEN["4.1"], *NEAR_MISSES["4.1"]]
    spared = [
        each for each in matches(UNAUTHORIZED_CALLS.pattern, records) if each not in matches(SPARING_SERVICES, records)
    ]
    assert spared == [
        but(DENIED, "userIdentity", DELIVERY),
        but(DENIED, "sourceIPAddress", "delivery.logs.amazonaws.com"),
    ]


def read(pattern: str, event: Json) -> bool:
    """A second reading of a filter: the words of those that are lists of names, and by hand of the others."""
    identity = event.get("userIdentity") or {}
    error = str(event.get("errorCode") or "")
    if "eventName" in pattern and "ConsoleLogin" not in pattern:
        source = re.findall(r"eventSource=(\S+?)\)", pattern)
        names = re.findall(r"eventName=(\w+)", pattern)
        return event.get("eventName") in names and source in ([], [event.get("eventSource")])
    if "Failed authentication" in pattern:
        return event.get("eventName") == "ConsoleLogin" and event.get("errorMessage") == "Failed authentication"
    if "MFAUsed" in pattern:
        return (
            event.get("eventName") == "ConsoleLogin"
            and (event.get("additionalEventData") or {}).get("MFAUsed", "Yes") != "Yes"
            and identity.get("type") == "IAMUser"
            and (event.get("responseElements") or {}).get("ConsoleLogin") == "Success"
        )
    if "Root" in pattern:
        by_itself = "invokedBy" not in identity and event.get("eventType", "AwsServiceEvent") != "AwsServiceEvent"
        return identity.get("type") == "Root" and by_itself
    refused = error.endswith("UnauthorizedOperation") or error.startswith("AccessDenied")
    return refused and (pattern != SPARING_SERVICES or identity.get("type") != "AWSService")


def real_records(folder: Path) -> Iterator[Json]:
    for file in sorted(folder.glob("*.ndjson.gz")):
        with gzip.open(file, "rt", encoding="utf-8") as lines:
            for row in map(json.loads, lines):
                yield row.get("record") or row.get("event", {}).get("detail") or row


@pytest.mark.local
def test_on_real_records_a_filter_means_what_a_second_reading_of_it_says(matches, attack_logs):
    records = list(real_records(attack_logs))
    counted = {}
    for number in BY_NUMBER:
        found = matches(made_pattern(number), records)
        assert found == [each for each in records if read(made_pattern(number), each)], number
        counted[number] = len(found)
    print(f"\n{len(records)} real records, matches by control: {counted}")
    # In these logs nobody mistyped a password (4.6) or touched an access control list (4.11).
    assert {number for number, count in counted.items() if count} == set(BY_NUMBER) - {"4.6", "4.11"}


# --- at work ---


@pytest.mark.local
def test_each_alarm_moves_when_its_control_is_touched_and_not_before(local_aws, context):
    stack = bare_stack(context, account=local_aws.config.account_id, region=local_aws.config.region)
    make(stack)
    template = template_of(stack)
    deployed = Deployed(local_aws)
    assert deployed.create(template["Resources"]) == "CREATE_COMPLETE", deployed.reasons()
    try:
        names = {
            each["Properties"]["MetricName"]: deployed.physical_id(id)
            for id, each in resources(template, "AWS::CloudWatch::Alarm").items()
        }
        (group,) = (deployed.physical_id(id) for id in resources(template, "AWS::Logs::LogGroup"))
        cloudwatch, trail = local_aws.client("cloudwatch"), local_aws.client("logs")
        trail.create_log_stream(logGroupName=group, logStreamName="events")

        def deliver(records: dict[str, list[Json]]) -> None:
            now = int(time.time() * 1000)
            lines = [{"timestamp": now, "message": json.dumps(each)} for some in records.values() for each in some]
            trail.put_log_events(logGroupName=group, logStreamName="events", logEvents=lines)

        def states() -> dict[str, str]:
            found = cloudwatch.describe_alarms(AlarmNames=list(names.values()))["MetricAlarms"]
            return {each["MetricName"]: each["StateValue"] for each in found}

        def settled(state: str) -> dict[str, str]:
            deadline = time.monotonic() + 30
            while set(states().values()) != {state} and time.monotonic() < deadline:
                time.sleep(0.2)
            return states()

        # What is delivered at the end of a period is soon in the one before.
        if (left := 300 - time.time() % 300) < 15:
            time.sleep(left)
        deliver(NEAR_MISSES)
        quiet = dict.fromkeys(names, "OK")
        assert settled("OK") == quiet
        assert {metric: counted(cloudwatch, metric) for metric in names} == dict.fromkeys(names, 0)
        deliver(SEEN)
        assert {metric: counted(cloudwatch, metric) for metric in names} == {
            control.metric: len(SEEN[control.number]) for control in CIS_CONTROLS
        }
        assert settled("ALARM") == dict.fromkeys(names, "ALARM")
    finally:
        deployed.delete()


def counted(cloudwatch: Any, metric: str) -> float:
    now = datetime.now(UTC)
    points = cloudwatch.get_metric_statistics(
        Namespace="raytrail/CIS",
        MetricName=metric,
        Statistics=["Sum"],
        Period=300,
        StartTime=now - timedelta(minutes=10),
        EndTime=now + timedelta(minutes=10),
    )["Datapoints"]
    return sum(point["Sum"] for point in points)
