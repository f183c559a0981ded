"""The doctor's look at an account, where the embedded AWS cannot show it: answered and refused at the wire.

botocore parses what is answered here, and each answer is held against its model of the operation.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.sax.saxutils import escape

import pytest
from tests.cli.doctor_kit import REGION, Account, allow, bootstrapped, make_trail, of, write_app

from raytrail.cli._doctor._account import _cfn_lint
from raytrail.cli._doctor._account._policy import ACTIONS, policy
from raytrail.cli._doctor._assembly import Assembly
from raytrail.cli._refusals import Refused
from raytrail.localaws import LocalAws

pytestmark = pytest.mark.local

GROUP = of("AWS::XRay::Group", GroupName="shop-faults", FilterExpression="fault")
LAYER = f"arn:aws:lambda:{REGION}:123456789012:layer:tracing:7"
LAKE = {
    "storage.location.template": "s3://trail-files/AWSLogs/${account}/CloudTrail/${region}/${timestamp}/",
    "projection.region.values": "us-east-1",
}
EVERYTHING = {
    "Group": GROUP,
    "Rule": of("AWS::XRay::SamplingRule", SamplingRule={"RuleName": "shop", "Priority": 5}),
    "Search": of("AWS::XRay::TransactionSearchConfig", IndexingPercentage=5),
    "Key": of("Custom::XRayEncryption", KeyArn="k", Adopt="false"),
    "Workgroup": of("AWS::Athena::WorkGroup", Name="shop"),
    "Database": of("AWS::Glue::Database", DatabaseInput={"Name": "shop"}),
    "Lake": of("AWS::Glue::Table", DatabaseName="shop", TableInput={"Name": "events", "Parameters": LAKE}),
    "Board": of("AWS::CloudWatch::Dashboard", DashboardName="shop"),
    "Alarm": of("AWS::CloudWatch::Alarm", AlarmName="shop"),
    "Log": of("AWS::Logs::LogGroup", LogGroupName="/shop"),
    "Filter": of("AWS::Logs::MetricFilter", LogGroupName="/shop"),
    "Policy": of("AWS::Logs::ResourcePolicy", PolicyName="shop"),
    "Event": of("AWS::Events::Rule", Name="shop", EventPattern={"detail-type": ["AWS API Call via CloudTrail"]}),
    "Role": of("AWS::IAM::Role", RoleName="shop"),
    "Bucket": of("AWS::S3::Bucket", BucketName={"Fn::Sub": "shop-${AWS::AccountId}"}),
    "Topic": of("AWS::SNS::Topic", TopicName="shop"),
    "Queue": of("AWS::SQS::Queue", QueueName="shop"),
    "Table": of("AWS::DynamoDB::Table", TableName="shop"),
    "Function": of("AWS::Lambda::Function", FunctionName="shop", Layers=[LAYER]),
    "Trail": of("AWS::CloudTrail::Trail", TrailName="shop", IsMultiRegionTrail=True),
    "Account": of("AWS::ApiGateway::Account"),
    "Signals": of("AWS::ApplicationSignals::Discovery"),
    # A type that cfn-lint does not know, so that CloudFormation is asked.
    "New": of("AWS::Tomorrow::Thing"),
}
"""A resource of each type that makes the doctor look at something."""


@pytest.fixture
def account(local_aws: LocalAws) -> Account:
    """An account that nobody has used."""
    return Account(aws=local_aws)


@pytest.fixture
def app(tmp_path: Path) -> Callable[..., Assembly]:
    """Writes an app of one stack, called shop, with the resources that are given."""

    def write(bootstrap: bool = False, **resources: Any) -> Assembly:
        return write_app(tmp_path / "cdk.out", {"shop": resources}, bootstrap=bootstrap)

    return write


def simulated(*results: str) -> str:
    """What SimulatePrincipalPolicy answers."""
    return (
        "<SimulatePrincipalPolicyResponse><SimulatePrincipalPolicyResult><IsTruncated>false</IsTruncated>"
        f"<EvaluationResults>{''.join(results)}</EvaluationResults></SimulatePrincipalPolicyResult>"
        "</SimulatePrincipalPolicyResponse>"
    )


def decision(action: str, decided: str, detail: str = "") -> str:
    return (
        f"<member><EvalActionName>{action}</EvalActionName><EvalResourceName>*</EvalResourceName>"
        f"<EvalDecision>{decided}</EvalDecision>{detail}</member>"
    )


BOUNDARY = (
    "<PermissionsBoundaryDecisionDetail><AllowedByPermissionsBoundary>false</AllowedByPermissionsBoundary>"
    "</PermissionsBoundaryDecisionDetail>"
)
ORGANIZATION = (
    "<OrganizationsDecisionDetail><AllowedByOrganizations>false</AllowedByOrganizations></OrganizationsDecisionDetail>"
)


# Permissions


@pytest.mark.parametrize(
    ("decided", "detail", "held_by"),
    [
        ("implicitDeny", "", "no policy that allows it"),
        ("explicitDeny", "", "a policy that denies it"),
        ("implicitDeny", BOUNDARY, "the permissions boundary"),
        ("explicitDeny", ORGANIZATION, "the organization's service control policies"),
    ],
)
def test_what_holds_an_action_back_is_told_as_far_as_the_simulator_says_it(account, app, decided, detail, held_by):
    bootstrapped(account)
    refused = decision("xray:CreateGroup", decided, detail), decision("xray:TagResource", decided, detail)
    account.answer("iam", "SimulatePrincipalPolicy", simulated(*refused))
    found = account.finding("deployment-lacks-actions", app(bootstrap=True, Group=GROUP))
    assert f"held back by {held_by}" in found.seen
    assert "asked for every resource" in found.decided


def test_what_depends_on_the_request_is_no_certain_refusal(account, app):
    bootstrapped(account)
    account.arn = f"arn:aws:iam::{account.number}:user/dev"
    unknown = "<MissingContextValues><member>aws:MultiFactorAuthPresent</member></MissingContextValues>"
    actions = ("sts:AssumeRole", "iam:PassRole", "xray:CreateGroup", "xray:TagResource")
    account.answer(
        "iam", "SimulatePrincipalPolicy", simulated(*(decision(each, "explicitDeny", unknown) for each in actions))
    )
    found = {each.name: each for each in account.examined(app(bootstrap=True, Group=GROUP)).findings}
    assert {name: each.severity for name, each in found.items()} == {
        "may-not-deploy": "warning",
        "deployment-may-lack-actions": "warning",
    }
    assert all("depending on aws:MultiFactorAuthPresent" in each.seen for each in found.values())


def test_the_simulator_is_told_the_region_so_that_policies_by_region_do_not_deny_everything(account, app):
    bootstrapped(account)
    account.examined(app(bootstrap=True, Group=GROUP))
    asked = unquote(" ".join(account.bodies["SimulatePrincipalPolicy"]))
    assert "aws:RequestedRegion" in asked
    assert f"'ContextEntries.member.1.ContextKeyValues.member.1': '{REGION}'" in asked


def test_a_session_is_judged_by_its_role_under_the_roles_path(account, app):
    bootstrapped(account)
    account.client("iam").create_role(RoleName="ops", Path="/team/", AssumeRolePolicyDocument="{}")
    account.arn = f"arn:aws:sts::{account.number}:assumed-role/ops/me"
    account.answer("iam", "SimulatePrincipalPolicy", simulated(decision("sts:AssumeRole", "allowed")))
    assert "may-not-deploy" not in account.findings(app(bootstrap=True, Group=GROUP))
    asked = unquote(" ".join(account.bodies["SimulatePrincipalPolicy"]))
    assert f"arn:aws:iam::{account.number}:role/team/ops" in asked


@pytest.mark.parametrize(
    ("arn", "reason"),
    [
        ("arn:aws:sts::{}:federated-user/bob", "IAM's simulator knows users and roles"),
        (
            "arn:aws:sts::{}:assumed-role/AWSReservedSSO_Admin_0a1b/me",
            "for the path of the role AWSReservedSSO_Admin_0a1b",
        ),
    ],
)
def test_credentials_that_the_simulator_cannot_be_asked_about_are_said_to_be_so(account, app, arn, reason):
    bootstrapped(account)
    account.arn = arn.format(account.number)
    account.refuses = lambda service, operation: "AccessDenied" if operation == "GetRole" else ""
    examined = account.examined(app(bootstrap=True, Group=GROUP))
    assert [each.name for each in examined.findings] == []
    assert reason in examined.not_looked_at[0].reason


def test_a_type_that_cfn_lint_lacks_is_asked_of_cloudformation(account, app):
    bootstrapped(account)
    schema = {"typeName": "AWS::Tomorrow::Thing", "handlers": {"create": {"permissions": ["Tomorrow:CreateThing"]}}}
    account.answer(
        "cloudformation",
        "DescribeType",
        "<DescribeTypeResponse><DescribeTypeResult><TypeName>AWS::Tomorrow::Thing</TypeName>"
        f"<Schema>{escape(json.dumps(schema))}</Schema></DescribeTypeResult></DescribeTypeResponse>",
    )
    # IAM's actions, as cfn-lint knows them, are without it.
    examined = account.examined(app(bootstrap=True, New=of("AWS::Tomorrow::Thing")))
    assert "AWS::Tomorrow::Thing" in examined.not_looked_at[0].reason
    assert ("cloudformation", "DescribeType") in account.calls


def test_without_cfn_lint_cloudformation_is_asked_for_every_schema(account, app, monkeypatch):
    bootstrapped(account)
    role = f"cdk-hnb659fds-cfn-exec-role-{account.number}-{REGION}"
    allow(account, "role", role, "xray:GetGroup")
    before = account.finding("deployment-lacks-actions", app(bootstrap=True, Group=GROUP))
    schema = escape(json.dumps(_cfn_lint.carried_schema("AWS::XRay::Group", REGION)))
    account.answer(
        "cloudformation",
        "DescribeType",
        "<DescribeTypeResponse><DescribeTypeResult><TypeName>AWS::XRay::Group</TypeName>"
        f"<Schema>{schema}</Schema></DescribeTypeResult></DescribeTypeResponse>",
    )
    # What an installation without the extra `local` has of it.
    monkeypatch.setattr(_cfn_lint, "_json", lambda path: None)
    assert account.finding("deployment-lacks-actions", app(bootstrap=True, Group=GROUP)) == before
    assert ("cloudformation", "DescribeType") in account.calls


# Quotas


def rules(number: int) -> dict[str, Any]:
    rule = {"Priority": 1, "FixedRate": 0.1, "ReservoirSize": 1, "ServiceName": "x", "ServiceType": "x", "Host": "x"}
    rule |= {"HTTPMethod": "x", "URLPath": "x", "ResourceARN": "*", "Version": 1}
    return {"SamplingRuleRecords": [{"SamplingRule": {**rule, "RuleName": f"r{each}"}} for each in range(number)]}


@pytest.mark.parametrize(
    ("answer", "status", "findings"),
    [
        ({"Quota": {"ServiceCode": "xray", "QuotaCode": "L-8C0C998A", "Value": 100.0, "Adjustable": True}}, 200, []),
        ({"__type": "NoSuchResourceException", "Message": "no applied value"}, 400, ["quota-exceeded"]),
    ],
)
def test_a_quota_that_was_raised_for_the_account_counts(account, app, answer, status, findings):
    account.answer("xray", "GetSamplingRules", rules(25))
    account.answer("service-quotas", "GetServiceQuota", answer, status)
    ours = of("AWS::XRay::SamplingRule", SamplingRule={"RuleName": "shop", "Priority": 5, "ServiceName": "shop"})
    examined = account.examined(app(Rule=ours))
    assert [each.name for each in examined.findings] == findings
    assert examined.not_looked_at == ()
    for finding in examined.findings:
        assert "--service-code xray --quota-code L-8C0C998A" in finding.command[0]


def test_where_service_quotas_may_not_be_asked_the_default_holds(account, app):
    account.answer("xray", "GetSamplingRules", rules(25))
    account.refuses = lambda service, operation: "AccessDeniedException" if service == "service-quotas" else ""
    ours = of("AWS::XRay::SamplingRule", SamplingRule={"RuleName": "shop", "Priority": 5, "ServiceName": "shop"})
    examined = account.examined(app(Rule=ours))
    assert [each.name for each in examined.findings] == ["quota-exceeded"]
    assert [each.reason for each in examined.not_looked_at] == ["needs servicequotas:GetServiceQuota"]


def test_a_default_quota_that_will_do_is_not_asked_about(account, app):
    account.examined(app(Rule=EVERYTHING["Rule"]))
    assert ("service-quotas", "GetServiceQuota") not in account.calls


# States of stacks that the embedded AWS does not come into


def stack(name: str, status: str) -> str:
    return (
        f"<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackName>{name}</StackName>"
        f"<StackId>arn:aws:cloudformation:{REGION}:123456789012:stack/{name}/1</StackId>"
        f"<CreationTime>2026-11-23T06:00:00Z</CreationTime><StackStatus>{status}</StackStatus>"
        "<StackStatusReason>a role is gone</StackStatusReason></member></Stacks></DescribeStacksResult>"
        "</DescribeStacksResponse>"
    )


NOTHING_MADE = (
    "<ListStackResourcesResponse><ListStackResourcesResult><StackResourceSummaries/></ListStackResourcesResult>"
    "</ListStackResourcesResponse>"
)


@pytest.mark.parametrize(
    ("status", "findings", "command"),
    [
        ("UPDATE_ROLLBACK_FAILED", {"stack-stuck", "bootstrap-stuck"}, "cdk rollback shop"),
        ("DELETE_FAILED", {"stack-stuck", "bootstrap-stuck"}, "cdk destroy shop"),
        ("UPDATE_IN_PROGRESS", {"stack-busy"}, ""),
        ("UPDATE_ROLLBACK_COMPLETE", set(), ""),
        ("REVIEW_IN_PROGRESS", set(), ""),
    ],
)
def test_stacks_that_are_stuck_are_told_with_what_frees_them(account, app, status, findings, command):
    bootstrapped(account)
    # The one answer stands for the app's stack and for CDKToolkit.
    account.answer("cloudformation", "DescribeStacks", stack("shop", status))
    account.answer("cloudformation", "ListStackResources", NOTHING_MADE)
    found = account.examined(app(bootstrap=True, Group=GROUP)).findings
    assert {each.name for each in found} == findings
    assert command in " ".join(line for each in found for line in each.command)


# Trails of other Regions, which the embedded AWS lists in their own alone


@pytest.fixture
def abroad(account: Account) -> Account:
    """The account in another Region, which the answer to ListTrails tells of."""
    names = {"first": "eu-west-1", "off": "eu-west-1", "all": REGION}
    trails = [
        {"Name": name, "HomeRegion": region, "TrailARN": f"arn:aws:cloudtrail:{region}:{account.number}:trail/{name}"}
        for name, region in names.items()
    ]
    account.answer("cloudtrail", "ListTrails", {"Trails": trails})
    return Account(aws=account.aws, number=account.number, region="eu-west-1")


OURS = of("AWS::CloudTrail::Trail", TrailName="shop", IsMultiRegionTrail=True)


def test_a_trail_of_another_region_is_a_second_copy_of_that_region(account, abroad, app):
    bucket = make_trail(abroad, "first")
    make_trail(abroad, "off", on=False)
    found = account.finding("second-trail", app(Trail=OURS))
    assert found.severity == "warning"
    assert found.title == "the app's trail would be a second copy of eu-west-1 beside the trail first"
    assert found.seen.endswith(f"delivers management events to {bucket}; it records eu-west-1 alone")
    assert "by ListTrails" in found.decided


def test_a_trail_of_all_regions_is_told_once(account, abroad, app):
    make_trail(account, "all", IsMultiRegionTrail=True)
    assert account.findings(app(Trail=OURS)) == ["second-trail"]


def test_a_trail_of_another_region_is_no_copy_of_one_that_records_this_one_alone(account, abroad, app):
    make_trail(abroad, "first")
    assert account.findings(app(Trail=of("AWS::CloudTrail::Trail", TrailName="shop"))) == []
    assert ("cloudtrail", "ListTrails") not in account.calls


def test_a_region_that_was_switched_off_since_keeps_its_trails_to_itself(account, abroad, app):
    described = 0

    def refuse(service: str, operation: str) -> str:
        nonlocal described
        described += operation == "DescribeTrails"
        return "UnrecognizedClientException" if described == 2 else ""

    account.refuses = refuse
    examined = account.examined(app(Trail=OURS))
    assert examined.findings == ()
    said = "eu-west-1 does not take the credentials: UnrecognizedClientException"
    assert [each.reason for each in examined.not_looked_at] == [said]


# What may not be looked at


AS_ACTION = {
    ("s3", "HeadBucket"): "s3:ListBucket",
    ("lambda", "GetLayerVersionByArn"): "lambda:GetLayerVersion",
    # API Gateway's actions are the verbs of HTTP.
    ("apigateway", "GetAccount"): "apigateway:GET",
}
"""Calls whose permission has another name (https://docs.aws.amazon.com/service-authorization/latest/reference)."""


def action(service: str, operation: str) -> str:
    prefix = "servicequotas" if service == "service-quotas" else service
    return AS_ACTION.get((service, operation), f"{prefix}:{operation}")


@pytest.fixture
def crowded(account: Account) -> Account:
    """An account in which everything is in the way, so that every call is made."""
    account.client("iam").create_role(RoleName="ops", AssumeRolePolicyDocument="{}")
    account.arn = f"arn:aws:sts::{account.number}:assumed-role/ops/me"
    account.client("xray").create_group(GroupName="shop-faults")
    account.answer("xray", "GetSamplingRules", rules(25))
    account.answer("xray", "GetTraceSegmentDestination", {"Destination": "CloudWatchLogs", "Status": "ACTIVE"})
    trail = {"Name": "all", "IsOrganizationTrail": True, "S3BucketName": "b", "HomeRegion": REGION}
    trail["TrailARN"] = f"arn:aws:cloudtrail:{REGION}:{account.number}:trail/all"
    account.answer("cloudtrail", "DescribeTrails", {"trailList": [trail]})
    account.answer("service-quotas", "GetServiceQuota", {"__type": "NoSuchResourceException", "Message": "no"}, 400)
    account.answer("cloudformation", "DescribeStacks", stack("shop", "UPDATE_COMPLETE"))
    account.answer("cloudformation", "ListStackResources", NOTHING_MADE)
    return account


def test_the_policy_allows_what_the_doctor_calls_and_nothing_more(crowded, app):
    crowded.examined(app(bootstrap=True, **EVERYTHING))
    called = {action(*call) for call in crowded.calls}
    assert called == set(ACTIONS)
    assert policy()["Statement"][0]["Action"] == sorted(ACTIONS)


def test_the_actions_of_the_policy_are_iams():
    assert not _cfn_lint.is_action("xray", "GetNothing")
    assert [each for each in ACTIONS if not _cfn_lint.is_action(*each.split(":"))] == []


def test_what_is_denied_is_no_finding_and_is_said_with_the_action_that_would_let_it(crowded, app):
    needed: set[str] = set()
    # Whose stacks they are is denied first, and then all the rest.
    for spared in ((), ("cloudformation",)):
        crowded.calls.clear()
        crowded.answers.clear()
        crowded.refuses = lambda service, operation, spared=spared: "" if service in spared else denied(service)
        examined = crowded.examined(app(bootstrap=True, **EVERYTHING))
        assert {each.name for each in examined.findings} <= {"name-refused"}
        refused = {action(*call) for call in crowded.calls if call[0] not in spared}
        said = " ".join(each.reason for each in examined.not_looked_at)
        assert {each for each in refused if each not in said} <= {"s3:ListBucket"}
        needed |= refused
    assert len(needed) > 25


def denied(service: str) -> str:
    if service == "ec2":
        return "UnauthorizedOperation"
    return "AccessDenied" if service in ("iam", "cloudformation", "sns", "s3") else "AccessDeniedException"


def test_a_call_that_is_throttled_again_and_again_is_said_to_have_failed(account, app, monkeypatch):
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0)
    account.refuses = lambda service, operation: "ThrottlingException" if operation == "GetGroups" else ""
    examined = account.examined(app(Group=GROUP))
    assert examined.findings == ()
    assert [each.reason for each in examined.not_looked_at] == ["GetGroups failed: ThrottlingException"]


def test_credentials_that_run_out_meanwhile_end_it_with_a_sentence(account, app):
    account.refuses = lambda service, operation: "ExpiredTokenException" if service == "xray" else ""
    with pytest.raises(Refused, match="has expired"):
        account.examined(app(Group=GROUP))


def test_a_region_of_the_app_that_takes_no_credentials_is_a_finding_and_the_others_are_looked_at(account, tmp_path):
    account.region = "eu-west-1"
    bootstrapped(account, region="eu-west-1")
    account.refuses = lambda service, operation: "UnrecognizedClientException" if service == "cloudformation" else ""
    assembly = write_app(tmp_path / "cdk.out", {"shop": {"Group": GROUP}}, region="af-south-1")
    names = account.findings(assembly)
    assert names == ["another-region", "stack-region-refuses"]


def test_stacks_of_another_account_are_not_looked_at(account, tmp_path):
    folder = tmp_path / "cdk.out"
    write_app(folder, {"shop": {"Group": GROUP}})
    manifest = (folder / "manifest.json").read_text().replace("unknown-account", "999988887777")
    (folder / "manifest.json").write_text(manifest)
    from raytrail.cli._doctor._assembly import read_assembly

    examined = account.examined(read_assembly(folder))
    assert (examined.findings, account.calls) == ((), set())
    assert "for account 999988887777" in examined.not_looked_at[0].reason
