"""The pager's resources: its code, its rights, and what it is told."""

from __future__ import annotations

import json
import re
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Stack
from aws_cdk import aws_iam as iam
from tests.synth import ACCOUNT, Json, bare_stack, only, plain, properties, resources, statements, template_of

from raytrail.alerting import AlertChannel
from raytrail.detection import ApiCallAlerts, Suppression
from raytrail.detection.handlers import pager as handlers
from raytrail.detection.handlers.pager.state import CLAIM_SECONDS

PACKAGE = "raytrail/detection/handlers/pager"
LATER = date(2999, 1, 1)
BY_ACTOR = Suppression(actor=f"arn:aws:iam::{ACCOUNT}:role/ci", until=LATER, reason="the pipeline")
BY_TAG = Suppression(tag=("alerts", "known"), until=LATER, reason="tagged")


@pytest.fixture
def make(stack: Stack) -> Any:
    """The template of alerts whose pager is given something."""

    def make(**given: Any) -> Json:
        channel = AlertChannel(stack, "Channel", display_name="raytrail alerts")
        ApiCallAlerts(stack, "Alerts", channel=channel, rules=[], **given)
        return template_of(stack)

    return make


def code_of(stack: Stack, template: Json) -> dict[str, bytes]:
    """The files of the function by name."""
    app = stack.node.root
    assert isinstance(app, App)
    key = only(template, "AWS::Lambda::Function")["Code"]["S3Key"]
    folder = Path(app.outdir) / f"asset.{key.removesuffix('.zip')}"
    return {str(each.relative_to(folder)): each.read_bytes() for each in folder.rglob("*") if each.is_file()}


def rights(template: Json) -> list[tuple[Any, Any]]:
    """Actions and resources that the function's role may use."""
    found = plain(only(template, "AWS::IAM::Policy")["PolicyDocument"])
    return [(each["Action"], each["Resource"]) for each in statements(found)]


def test_the_function_holds_its_code_and_its_suppressions_and_nothing_else(stack, make):
    code = code_of(stack, make(suppressions=[BY_ACTOR]))
    names = ("alert.py", "index.py", "page.py", "state.py", "suppress.py", "suppressions.json")
    assert sorted(code) == [f"{PACKAGE}/{name}" for name in names]
    assert json.loads(code[f"{PACKAGE}/suppressions.json"]) == [
        {"until": "2999-01-01", "reason": "the pipeline", "actor": f"arn:aws:iam::{ACCOUNT}:role/ci"}
    ]


def test_the_function_needs_nothing_that_it_does_not_hold():
    """Of the package, it imports what lies beside it alone."""
    files = Path(handlers.__path__[0]).rglob("*.py")
    imported = {
        name
        for file in files
        for name in re.findall(r"^(?:from|import) (\S+)", file.read_text(encoding="utf-8"), re.MULTILINE)
    }
    others = {name for name in imported if name.split(".")[0] not in {*sys.stdlib_module_names, "boto3", "botocore"}}
    beside = {f"raytrail.detection.handlers.pager.{name}" for name in ("alert", "page", "state", "suppress")}
    assert others == beside


def test_another_suppression_is_another_version_of_the_code(context):
    keys = set()
    for given in ([], [BY_ACTOR], [BY_ACTOR]):
        stack = bare_stack(context)
        channel = AlertChannel(stack, "Channel", display_name="raytrail alerts")
        ApiCallAlerts(stack, "Alerts", channel=channel, rules=[], suppressions=given)
        keys.add(only(template_of(stack), "AWS::Lambda::Function")["Code"]["S3Key"])
    assert len(keys) == 2


def test_the_function_may_do_what_it_does_and_nothing_else(make):
    made = make()
    (role,) = resources(made, "AWS::IAM::Role")
    assert only(made, "AWS::IAM::Policy")["Roles"] == [{"Ref": role}]
    ids = {
        type: next(id for id in resources(made, type) if part in id)
        for type, part in {
            "AWS::Logs::LogGroup": "PagerLogGroup",
            "AWS::DynamoDB::Table": "",
            "AWS::SNS::Topic": "",
            "AWS::KMS::Key": "",
            "AWS::SQS::Queue": "PagerQueue",
        }.items()
    }
    assert rights(made) == [
        (["logs:CreateLogStream", "logs:PutLogEvents"], f"<{ids['AWS::Logs::LogGroup']}.Arn>"),
        (
            ["dynamodb:DeleteItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"],
            f"<{ids['AWS::DynamoDB::Table']}.Arn>",
        ),
        ("sns:Publish", f"<{ids['AWS::SNS::Topic']}>"),
        # https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html, and Decrypt for the queue, too
        (["kms:Decrypt", "kms:GenerateDataKey"], f"<{ids['AWS::KMS::Key']}.Arn>"),
        (
            [
                "sqs:ChangeMessageVisibility",
                "sqs:DeleteMessage",
                "sqs:GetQueueAttributes",
                "sqs:GetQueueUrl",
                "sqs:ReceiveMessage",
            ],
            f"<{ids['AWS::SQS::Queue']}.Arn>",
        ),
    ]


def test_tags_may_be_read_only_where_a_suppression_asks_for_them(make):
    found = [each for each in rights(make(suppressions=[BY_ACTOR, BY_TAG])) if "iam:" in str(each)]
    assert found == [
        ("iam:ListRoleTags", f"arn:aws:iam::{ACCOUNT}:role/*"),
        ("iam:ListUserTags", f"arn:aws:iam::{ACCOUNT}:user/*"),
    ]


@pytest.mark.parametrize(("grouped", "told"), [(True, "true"), (False, "false")])
def test_the_function_is_told_whether_to_group_and_where_to_count(make, grouped, told):
    made = make(group_alerts=grouped, metric_namespace="acme/Alerts")
    variables = only(made, "AWS::Lambda::Function")["Environment"]["Variables"]
    assert (variables["GROUPED"], variables["METRIC_NAMESPACE"]) == (told, "acme/Alerts")


def test_what_fails_comes_again_and_after_five_tries_is_put_aside(make):
    """https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html: six times the function's timeout."""
    made = make()
    (queue,) = [each for each in properties(made, "AWS::SQS::Queue") if "VisibilityTimeout" in each]
    function, source = only(made, "AWS::Lambda::Function"), only(made, "AWS::Lambda::EventSourceMapping")
    assert queue["VisibilityTimeout"] == 6 * function["Timeout"]
    assert queue["RedrivePolicy"]["maxReceiveCount"] == 5
    (dead,) = [id for id in resources(made, "AWS::SQS::Queue") if "Undelivered" in id]
    assert queue["RedrivePolicy"]["deadLetterTargetArn"] == {"Fn::GetAtt": [dead, "Arn"]}
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    # A storm of alerts must not take the concurrency that the account's other functions need.
    assert source["ScalingConfig"] == {"MaximumConcurrency": 2}


def test_a_claim_lasts_longer_than_the_function_may_run(make):
    assert only(make(), "AWS::Lambda::Function")["Timeout"] < CLAIM_SECONDS


def test_the_table_forgets_is_billed_by_request_and_can_be_put_back(make):
    table = only(make(), "AWS::DynamoDB::Table")
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires", "Enabled": True}
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["SSESpecification"] == {"SSEEnabled": True}


def test_somebody_else_can_be_let_send_alerts(stack):
    channel = AlertChannel(stack, "Channel", display_name="raytrail alerts")
    alerts = ApiCallAlerts(stack, "Alerts", channel=channel, rules=[])
    role = iam.Role(stack, "Scheduled", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
    alerts.pager.grant_alert(role)
    (policy,) = [
        plain(each["PolicyDocument"])
        for each in properties(template_of(stack), "AWS::IAM::Policy")
        if "Scheduled" in json.dumps(each["Roles"])
    ]
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html
    assert [(each["Action"], each["Effect"]) for each in policy["Statement"]] == [
        (["kms:Decrypt", "kms:GenerateDataKey"], "Allow"),
        ("sqs:SendMessage", "Allow"),
    ]
