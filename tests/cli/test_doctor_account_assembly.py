"""What the doctor reads off a cloud assembly: real ones, held against the CDK's own reader."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import (
    App,
    CliCredentialsStackSynthesizer,
    DefaultStackSynthesizer,
    Environment,
    NestedStack,
    Stack,
    Stage,
    cx_api,
)
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as functions
from aws_cdk import aws_logs as logs

from raytrail.cli._doctor._account._plan import Plan, plans, writes_are_logged
from raytrail.cli._doctor._assembly import UnreadableAssembly, read_assembly
from raytrail.cli._doctor._assembly_values import Where
from raytrail.cli._doctor._model import Identity

HERE = Where(account="111122223333", region="us-east-1", partition="aws")
WHO = Identity(account=HERE.account, arn="arn:aws:iam::111122223333:root", partition="aws", region="us-east-1")


@pytest.fixture(scope="module")
def abroad(synth: Any) -> Path:
    folder: Path = synth.assembly(region="eu-west-1")
    return folder


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The assembly of somebody else's app: a stage, a nested stack, a qualifier of their own, no roles."""
    app = App(outdir=str(tmp_path_factory.mktemp("foreign")), builtin_cloud_formation_validation=False)
    stage = Stage(app, "Live", env=Environment(account="444455556666", region="eu-north-1"))
    shop = Stack(stage, "Shop", synthesizer=DefaultStackSynthesizer(qualifier="team1"))
    logs.LogGroup(NestedStack(shop, "Inner"), "Log", log_group_name="/shop/inner")
    role = iam.Role(shop, "Role", role_name="shop", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
    functions.CfnFunction(
        shop,
        "Function",
        role=role.role_arn,
        code={"zipFile": "pass"},
        layers=[shop.format_arn(service="lambda", account="123456789012", resource="layer:tracing:7")],
    )
    own = Stack(app, "Own", synthesizer=CliCredentialsStackSynthesizer())
    logs.LogGroup(own, "Log")
    app.synth()
    return Path(app.outdir)


def test_the_stacks_are_those_that_the_cdks_own_reader_finds(abroad):
    theirs = {each.stack_name: each for each in cx_api.CloudAssembly(str(abroad)).stacks}
    ours = {each.name: each for each in read_assembly(abroad).stacks}
    assert ours.keys() == theirs.keys()
    for name, stack in theirs.items():
        assert ours[name].region == stack.environment.region
        assert (ours[name].account or "unknown-account") == stack.environment.account
        assert ours[name].templates[0].body == stack.template
        assert ours[name].execution_role == stack.cloud_formation_execution_role_arn
        assert ours[name].roles[0] == stack.assume_role_arn
        assert ours[name].bootstrap.version >= stack.requires_bootstrap_stack_version
        assert ours[name].bootstrap.parameter == stack.bootstrap_stack_version_ssm_parameter


def test_each_region_of_the_app_has_a_plan_and_a_trail_of_all_regions_serves_them_all(abroad):
    made = {plan.where.region: plan for plan in plans(read_assembly(abroad), WHO, "us-west-2")}
    assert set(made) == {"eu-west-1", "us-east-1"}
    assert [stack.name for stack in made["us-east-1"].stacks] == ["raytrail-global-events"]
    assert (made["us-east-1"].trail_elsewhere, made["eu-west-1"].trail_elsewhere) == (True, False)
    assert made["eu-west-1"].buckets == ["cdk-hnb659fds-assets-111122223333-eu-west-1"]


def test_stages_nested_stacks_and_qualifiers_of_others_are_read(foreign):
    shop, own = sorted(read_assembly(foreign).stacks, key=lambda stack: stack.name)
    assert (shop.name, shop.account, shop.region) == ("Live-Shop", "444455556666", "eu-north-1")
    assert (shop.path, own.path) == ("Live/Shop", "Own")
    assert shop.bootstrap is not None
    assert (shop.bootstrap.qualifier, shop.bootstrap.parameter) == ("team1", "/cdk-bootstrap/team1/version")
    where = Where(account="444455556666", region="eu-north-1", partition="aws")
    plan = Plan(where=where, stacks=(shop,))
    assert sorted(plan.names) == ["/shop/inner", "shop"]
    assert plan.layers == ["arn:aws:lambda:eu-north-1:123456789012:layer:tracing:7"]
    assert plan.execution_roles == ["arn:aws:iam::444455556666:role/cdk-team1-cfn-exec-role-444455556666-eu-north-1"]
    assert (own.account, own.region, own.roles, own.execution_role) == ("", "", (), "")


def test_the_kits_fixed_names_are_found_in_its_templates(abroad):
    (home, _) = plans(read_assembly(abroad), WHO, "us-west-2")
    assert {"raytrail", "raytrail-faults", "raytrail-default", "raytrail-operations"} <= set(home.names)
    assert home.listens
    assert [trail.name for trail in home.trails] == ["raytrail"]
    assert home.lake_buckets == []
    assert "eu-west-1" in home.lake_regions


def test_the_files_of_a_trail_that_is_adopted_are_known_by_their_bucket(synth):
    existing = {"existing_trail": {"bucket_name": "org-trail", "organization_id": "o-exampleorgid"}}
    (plan,) = plans(read_assembly(synth.assembly(audit=existing)), WHO, "us-east-1")
    assert (plan.lake_buckets, plan.trails) == (["org-trail"], [])


# What is no assembly, or an old one


def test_a_folder_without_an_assembly_is_told_with_the_command_that_makes_one(tmp_path):
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "cdk").touch()
    with pytest.raises(UnreadableAssembly, match=r"no manifest.json\): make one with `tools/cdk synth`"):
        read_assembly(tmp_path / "cdk.out")
    with pytest.raises(UnreadableAssembly, match="make one with `cdk synth`"):
        read_assembly(tmp_path / "tools" / "cdk.out")


def test_a_folder_that_is_not_there_is_not_said_to_need_a_synth(tmp_path):
    with pytest.raises(UnreadableAssembly, match=r"^there is no folder .*elsewhere; it is to be that of the app's"):
        read_assembly(tmp_path / "elsewhere" / "cdk.out")


@pytest.mark.parametrize(
    "manifest",
    [
        "{",
        "[]",
        '{"artifacts": ["a"]}',
        '{"artifacts": {"a": {}}}',
        '{"artifacts": {"a": {"type": "aws:cloudformation:stack", "properties": {"templateFile": "gone.json"}}}}',
        '{"artifacts": {"a": {"type": "cdk:cloud-assembly", "properties": {"directoryName": "."}}}}',
    ],
)
def test_a_damaged_assembly_is_a_sentence_and_no_traceback(tmp_path, manifest):
    (tmp_path / "manifest.json").write_text(manifest)
    with pytest.raises(UnreadableAssembly, match=r"cannot be read .*: make it anew with `cdk synth`"):
        read_assembly(tmp_path)


def test_an_assembly_older_than_the_settings_is_said_to_be_so(foreign, tmp_path):
    folder = tmp_path / "cdk.out"
    shutil.copytree(foreign, folder)
    settings = tmp_path / "cdk.json"
    settings.write_text(json.dumps({"context": {"raytrail": {}}}))
    made = (folder / "manifest.json").stat().st_mtime
    os.utime(settings, (made - 10, made - 10))
    assert (read_assembly(folder).stale, read_assembly(folder).settings) == ("", True)
    os.utime(settings, (made + 10, made + 10))
    assert read_assembly(folder).stale == "cdk.json changed after cdk.out was made"
    settings.write_text("{")
    assert read_assembly(folder).settings is False


# Values


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", "plain"),
        (5, "5"),
        (True, "true"),
        ({"Ref": "AWS::Region"}, "us-east-1"),
        ({"Ref": "Bucket"}, None),
        ({"Fn::Sub": "logs-${AWS::AccountId}-${!Literal}"}, "logs-111122223333-${Literal}"),
        ({"Fn::Sub": "logs-${Bucket}"}, None),
        ({"Fn::Sub": ["logs-${A}", {"A": "b"}]}, None),
        ({"Fn::Join": ["-", ["a", {"Ref": "AWS::Partition"}]]}, "a-aws"),
        ({"Fn::Join": ["-", ["a", {"Ref": "Bucket"}]]}, None),
        ({"Fn::GetAtt": ["Bucket", "Arn"]}, None),
        (None, None),
    ],
)
def test_a_value_is_known_where_nothing_but_the_place_has_a_say_in_it(value, text):
    assert HERE.text(value) == text


@pytest.mark.parametrize(
    ("selectors", "writes"),
    [
        ({}, True),
        ({"EventSelectors": [{"ReadWriteType": "All", "IncludeManagementEvents": True}]}, True),
        ({"EventSelectors": [{"ReadWriteType": "WriteOnly"}]}, True),
        ({"EventSelectors": [{"ReadWriteType": "ReadOnly", "IncludeManagementEvents": True}]}, False),
        ({"EventSelectors": [{"ReadWriteType": "All", "IncludeManagementEvents": False}]}, False),
        ({"AdvancedEventSelectors": [{"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Data"]}]}]}, False),
        (
            {"AdvancedEventSelectors": [{"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management"]}]}]},
            True,
        ),
        (
            {
                "AdvancedEventSelectors": [
                    {
                        "FieldSelectors": [
                            {"Field": "eventCategory", "Equals": ["Management"]},
                            {"Field": "readOnly", "Equals": ["true"]},
                        ]
                    }
                ]
            },
            False,
        ),
    ],
)
def test_which_selectors_log_calls_that_write(selectors, writes):
    assert writes_are_logged(selectors) is writes
