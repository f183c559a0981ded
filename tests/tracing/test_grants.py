"""Who may write and who may read, held against the policies that AWS manages."""

from __future__ import annotations

import json

import boto3
import pytest
from aws_cdk import aws_iam as iam
from ministack.services import iam as emulated
from tests.synth import only, statements

from raytrail.tracing import READ_ACTIONS, SAMPLING_ACTIONS, WRITE_ACTIONS, grant_read, grant_write

# AWSXRayDaemonWriteAccess, version 2 of 13 February 2024, as AWS's reference of managed policies prints it:
# https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSXRayDaemonWriteAccess.html
DAEMON_WRITE = {
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
    "xray:GetSamplingStatisticSummaries",
}


@pytest.fixture
def role(stack) -> iam.Role:
    return iam.Role(stack, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))


def granted(template) -> dict:
    (statement,) = statements(only(template, "AWS::IAM::Policy")["PolicyDocument"])
    return statement


def test_an_agent_may_do_what_the_policy_of_the_daemon_allows(role, template):
    grant_write(role).assert_success()
    assert set(granted(template())["Action"]) == DAEMON_WRITE
    assert granted(template())["Resource"] == "*"


def test_a_function_which_samples_by_itself_may_send_and_no_more(role, template):
    grant_write(role, sampling=False).assert_success()
    assert set(granted(template())["Action"]) == {"xray:PutTraceSegments", "xray:PutTelemetryRecords"}


def test_a_reader_may_do_what_the_read_only_policy_allows(role, template):
    grant_read(role).assert_success()
    assert set(granted(template())["Action"]) == read_only_policy()


def read_only_policy() -> set[str]:
    """The actions of AWSXrayReadOnlyAccess, as the emulator's authors copied it."""
    record = emulated._aws_managed_policies["arn:aws:iam::aws:policy/AWSXrayReadOnlyAccess"]
    (version,) = record["Versions"].values()
    return {action for each in json.loads(version["Document"])["Statement"] for action in each["Action"]}


def test_nobody_may_do_what_x_ray_has_no_operation_for():
    operations = set(boto3.client("xray", region_name="us-east-1").meta.method_to_api_mapping.values())
    # Documented actions that no operation is named after: the console's.
    console = {"xray:BatchGetTraceSummaryById", "xray:GetDistinctTraceGraphs"}
    named = {f"xray:{operation}" for operation in operations}
    assert {*WRITE_ACTIONS, *SAMPLING_ACTIONS, *READ_ACTIONS} - console <= named
    assert console <= set(READ_ACTIONS)
