"""What somebody who asks the lake may do, held against what AWS documents for it."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import botocore.session
import pytest
from aws_cdk import App, Environment, Stack, Validations
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from cdk_nag import AwsSolutionsChecks
from tests.synth import ACCOUNT, REGION, Json, only, plain, properties, resources, template_of

from raytrail.audit import AuditLake, AuditTrail
from raytrail.audit._analysts import AnalystRole
from raytrail.errors import InvalidProps

TABLES = ("cloudtrail_events", "cloudtrail_network_activity", "cloudtrail_insights", "cloudtrail_digests", "events")


def lake_over(stack: Stack, **props: Any) -> AuditLake:
    return AuditLake(stack, "Lake", name="my-lake", regions=[REGION], start_date=date(2026, 1, 2), **props)


@pytest.fixture
def over_a_trail(stack: Stack) -> AuditLake:
    return lake_over(stack, trail=AuditTrail(stack, "Trail", name="raytrail", prefix="audit"))


def allowed(template: Json, principal: str) -> dict[str, set[str]]:
    """The actions that a principal's policies allow, by resource."""
    found: dict[str, set[str]] = {}
    for policy in plain(properties(template, "AWS::IAM::Policy")):
        if not any(principal in each for each in [*policy.get("Roles", []), *policy.get("Users", [])]):
            continue
        for statement in policy["PolicyDocument"]["Statement"]:
            assert statement["Effect"] == "Allow"
            actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
            given = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
            for resource in given:
                found.setdefault(resource.replace("<AWS::Partition>", "aws"), set()).update(actions)
    return found


def test_an_analyst_gets_what_is_documented_and_no_more(stack: Stack, over_a_trail: AuditLake) -> None:
    over_a_trail.grant_query(iam.User(stack, "Ana"))
    template = template_of(stack)
    found = allowed(template, "Ana")
    trail = plain(only(template, "AWS::CloudTrail::Trail"))["S3BucketName"].strip("<>")
    [results] = [id for id in resources(template, "AWS::S3::Bucket") if id.startswith("LakeResults")]
    [key] = resources(template, "AWS::KMS::Key")
    glue = f"arn:aws:glue:{REGION}:{ACCOUNT}"
    athena = f"arn:aws:athena:{REGION}:{ACCOUNT}"
    # https://docs.aws.amazon.com/athena/latest/ug/example-policies-workgroup.html
    workgroup = found.pop(f"{athena}:workgroup/my-lake")
    assert workgroup >= {"athena:StartQueryExecution", "athena:GetQueryResults", "athena:GetNamedQuery"}
    assert not [
        action for action in workgroup if action.startswith(("athena:Create", "athena:Update", "athena:Delete"))
    ]
    assert found.pop("*") == {"athena:ListDataCatalogs", "athena:ListEngineVersions", "athena:ListWorkGroups"}
    assert found.pop(f"{athena}:datacatalog/AwsDataCatalog") == {
        *("athena:GetDatabase", "athena:GetTableMetadata", "athena:ListDatabases", "athena:ListTableMetadata")
    }
    # https://docs.aws.amazon.com/athena/latest/ug/fine-grained-access-to-glue-resources.html
    read = {"glue:GetDatabase", "glue:GetDatabases", "glue:GetPartitions", "glue:GetTable", "glue:GetTables"}
    for resource in ("catalog", "database/my_lake", *(f"table/my_lake/{name}" for name in TABLES)):
        assert found.pop(f"{glue}:{resource}") == read
    # https://docs.aws.amazon.com/athena/latest/ug/s3-permissions.html
    assert found.pop(f"<{trail}.Arn>") == {"s3:GetBucketLocation", "s3:ListBucket"}
    assert found.pop(f"<{trail}.Arn>/audit/AWSLogs/*") == {"s3:GetObject"}
    assert "s3:PutObject" in found.pop(f"<{results}.Arn>/*")
    assert "s3:ListBucket" in found.pop(f"<{results}.Arn>")
    # https://docs.aws.amazon.com/athena/latest/ug/encryption.html
    assert found.pop(f"<{key}.Arn>") == {"kms:Decrypt", "kms:GenerateDataKey"}
    assert found == {}


def test_a_key_of_the_files_that_is_not_that_of_the_results_is_only_read_with(stack: Stack) -> None:
    files, results = kms.Key(stack, "FilesKey"), kms.Key(stack, "ResultsKey")
    bucket = s3.Bucket.from_bucket_attributes(stack, "Files", bucket_name="files", encryption_key=files)
    lake_over(stack, bucket=bucket, encryption_key=results).grant_query(iam.User(stack, "Ana"))
    found = allowed(template_of(stack), "Ana")
    keys = {arn.split(".")[0][1:8]: actions for arn, actions in found.items() if "Key" in arn}
    assert keys == {"FilesKe": {"kms:Decrypt"}, "Results": {"kms:Decrypt", "kms:GenerateDataKey"}}


def test_each_action_is_an_operation_of_the_services_api(stack: Stack, over_a_trail: AuditLake) -> None:
    over_a_trail.grant_query(iam.User(stack, "Ana"))
    actions = set().union(*allowed(template_of(stack), "Ana").values())
    # The driver's stream of results is an action without an operation: Athena's page names it.
    actions.remove("athena:GetQueryResultsStream")
    for service in ("athena", "glue"):
        model = botocore.session.get_session().get_service_model(service)
        asked = {action.removeprefix(f"{service}:") for action in actions if action.startswith(f"{service}:")}
        assert asked
        assert asked <= set(model.operation_names)


def test_the_role_is_taken_on_with_a_second_factor_unless_told_otherwise(stack: Stack, over_a_trail: AuditLake) -> None:
    AnalystRole(stack, "Analyst", lake=over_a_trail)
    AnalystRole(stack, "Federated", lake=over_a_trail, require_mfa=False, max_session_hours=4)
    roles = {
        each["Properties"]["MaxSessionDuration"]: each["Properties"]["AssumeRolePolicyDocument"]["Statement"][0]
        for each in resources(template_of(stack), "AWS::IAM::Role").values()
        if "MaxSessionDuration" in each["Properties"]
    }
    assert roles[3600]["Condition"] == {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
    assert "Condition" not in roles[14400]


@pytest.mark.parametrize("hours", [0, 13])
def test_a_session_is_no_longer_than_iam_allows(stack: Stack, over_a_trail: AuditLake, hours: int) -> None:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html."""
    with pytest.raises(InvalidProps, match=f"max_session_hours is 1 to 12, got {hours}"):
        AnalystRole(stack, "Analyst", lake=over_a_trail, max_session_hours=hours)


def test_the_role_may_ask_what_the_grant_lets_it(stack: Stack, over_a_trail: AuditLake) -> None:
    AnalystRole(stack, "Analyst", lake=over_a_trail)
    over_a_trail.grant_query(iam.User(stack, "Ana"))
    template = template_of(stack)
    assert allowed(template, "Analyst") == allowed(template, "Ana") != {}


@pytest.mark.parametrize("where", ["Test", "Beside"])
def test_findings_are_accepted_on_an_imported_role_of_the_lakes_stack_alone(
    context: dict[str, Any], tmp_path: Any, where: str
) -> None:
    app = App(context=context, outdir=str(tmp_path), builtin_cloud_formation_validation=False)
    stacks = {name: Stack(app, name, env=Environment(account=ACCOUNT, region=REGION)) for name in ("Test", "Beside")}
    lake = lake_over(stacks["Test"], trail=AuditTrail(stacks["Test"], "Trail", name="raytrail"))
    lake.grant_query(iam.Role.from_role_arn(stacks[where], "Theirs", f"arn:aws:iam::{ACCOUNT}:role/analyst"))
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    if where == "Test":
        app.synth()
        return
    # None is accepted there, neither those whose ids only CDK knows nor the star that might be another grant's.
    with pytest.raises(RuntimeError) as refused:
        app.synth()
    found = re.findall(r"AwsSolutions-(\w+)\[Resource::(.*)\]", str(refused.value))
    assert [(rule, resource.rpartition("}")[2]) for rule, resource in found] == [
        *(("IAM5", "*"), ("IAM5", "/AWSLogs/*"), ("IAM5", "/*"))
    ]


@pytest.mark.parametrize("own", [True, False], ids=["own trail", "trail of elsewhere"])
def test_cdk_nag_has_nothing_to_say_of_the_role(context: dict[str, Any], tmp_path: Any, own: bool) -> None:
    app = App(context=context, outdir=str(tmp_path), builtin_cloud_formation_validation=False)
    stack = Stack(app, "Test", env=Environment(account=ACCOUNT, region=REGION))
    if own:
        lake = lake_over(stack, trail=AuditTrail(stack, "Trail", name="raytrail"))
    else:
        lake = lake_over(stack, bucket=s3.Bucket.from_bucket_name(stack, "Files", "trail-files"), prefix="p")
    AnalystRole(stack, "Analyst", lake=lake)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    app.synth()
