"""`TraceEncryption` as resources; what its function does is shown in test_encryption_handler.py."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from aws_cdk import App, Environment, Fn, Stack, Stage
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from tests.synth import Json, only, plain, properties, resources, statements

from raytrail.errors import InvalidProps
from raytrail.tracing import TraceEncryption

A_KEY = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
THEIR_KEY = "arn:aws:kms:us-east-1:111122223333:key/4321dcba-12ab-34cd-56ef-1234567890ab"


@pytest.fixture
def source(root) -> str:
    return (root / "constructs" / "raytrail" / "tracing" / "encryption_handler" / "index.py").read_text("utf-8")


def test_a_key_is_made_that_turns_and_outlives_the_stack(stack, template):
    encryption = TraceEncryption(stack, "Encryption")
    (key,) = resources(template(), "AWS::KMS::Key").values()
    assert key["Properties"]["EnableKeyRotation"] is True
    assert key["DeletionPolicy"] == key["UpdateReplacePolicy"] == "Retain"
    asked = only(template(), "Custom::XRayEncryption")
    assert stack.resolve(encryption.key.key_arn) == asked["KeyArn"]
    assert asked["Adopt"] == "false"


def test_a_key_that_is_given_is_used_and_none_is_made(stack, template):
    TraceEncryption(stack, "Encryption", key=kms.Key.from_key_arn(stack, "Theirs", A_KEY), adopt=True)
    assert resources(template(), "AWS::KMS::Key") == {}
    asked = only(template(), "Custom::XRayEncryption")
    assert (asked["KeyArn"], asked["Adopt"]) == (A_KEY, "true")


def test_an_alias_is_no_key(stack):
    alias = kms.Alias.from_alias_name(stack, "Alias", "alias/traces")
    with pytest.raises(InvalidProps, match="key of Test/Encryption is an alias"):
        TraceEncryption(stack, "Encryption", key=alias)


def test_a_key_of_another_region_is_refused(stack):
    arn = "arn:aws:kms:eu-west-1:111122223333:key/mrk-1234abcd12ab34cd56ef1234567890ab"
    with pytest.raises(InvalidProps) as refused:
        TraceEncryption(stack, "Encryption", key=kms.Key.from_key_arn(stack, "Theirs", arn))
    assert str(refused.value) == (
        "key of Test/Encryption is of Region eu-west-1, and X-Ray of us-east-1 takes a key of us-east-1 alone; "
        "give one of that Region (a replica, if it is a multi-Region key)"
    )


def test_an_earlier_key_is_held_to_the_same(stack):
    alias = kms.Alias.from_alias_name(stack, "Alias", "alias/traces")
    with pytest.raises(InvalidProps, match="earlier_key of Test/Encryption is an alias"):
        TraceEncryption(stack, "Encryption", adopt=True, earlier_key=alias)


def test_an_earlier_key_goes_with_adopt(stack):
    with pytest.raises(InvalidProps) as refused:
        TraceEncryption(stack, "Encryption", earlier_key=kms.Key.from_key_arn(stack, "Earlier", A_KEY))
    assert str(refused.value) == (
        "earlier_key of Test/Encryption is what adopt takes over; give adopt=True, or leave earlier_key out"
    )


def test_a_key_whose_region_is_not_known_yet_passes(stack):
    TraceEncryption(Stack(App(), "Anywhere"), "Encryption", key=kms.Key.from_key_arn(stack, "Theirs", A_KEY))
    hidden = kms.Key.from_key_arn(stack, "Hidden", Fn.import_value("key"))
    TraceEncryption(stack, "Encryption", key=hidden)


def test_the_function_may_do_what_it_does_and_no_more(stack, template):
    encryption = TraceEncryption(stack, "Encryption")
    key, log_group = (
        plain(stack.resolve(arn))
        for arn in (encryption.key.key_arn, encryption.resource.node.scope.node.find_child("LogGroup").log_group_arn)
    )
    policies = properties(template(), "AWS::IAM::Policy")
    allowed = [plain(each) for policy in policies for each in statements(policy["PolicyDocument"])]
    assert [(each["Action"], each["Resource"]) for each in allowed] == [
        (["xray:GetEncryptionConfig", "xray:PutEncryptionConfig"], "*"),
        ("cloudformation:DescribeStacks", "<AWS::StackId>"),
        (["kms:CreateGrant", "kms:DescribeKey"], key),
        (["logs:CreateLogStream", "logs:PutLogEvents"], log_group),
        (["lambda:ListTags", "lambda:TagResource"], plain(stack.resolve(encryption.handler.function_arn))),
    ]
    assert only(template(), "AWS::IAM::Role").get("ManagedPolicyArns") is None


def on_keys(stack: Stack, template: Callable[[], Json]) -> list[tuple[Any, ...]]:
    """What the function may do with keys beside the one that it sets: actions, resources and condition."""
    policies = properties(template(), "AWS::IAM::Policy")
    said = [plain(each) for policy in policies for each in statements(policy["PolicyDocument"]) if "kms:" in str(each)]
    return [(each["Action"], each["Resource"], each.get("Condition")) for each in said]


def test_to_give_back_a_key_that_is_known_the_function_has_rights_on_that_one(stack, template):
    given, earlier = (kms.Key.from_key_arn(stack, id, arn) for id, arn in [("New", A_KEY), ("Earlier", THEIR_KEY)])
    TraceEncryption(stack, "Encryption", key=given, adopt=True, earlier_key=earlier)
    assert on_keys(stack, template) == [(["kms:CreateGrant", "kms:DescribeKey"], [A_KEY, THEIR_KEY], None)]


def test_to_give_back_any_other_it_has_them_on_the_keys_of_the_account_for_grants_that_x_ray_makes(stack, template):
    TraceEncryption(stack, "Encryption", key=kms.Key.from_key_arn(stack, "New", A_KEY), adopt=True)
    keys = "arn:aws:kms:us-east-1:111122223333:key/*"
    via_x_ray = {"StringEquals": {"kms:ViaService": "xray.us-east-1.amazonaws.com"}}
    assert on_keys(stack, template) == [
        (["kms:CreateGrant", "kms:DescribeKey"], A_KEY, None),
        ("kms:CreateGrant", keys, via_x_ray),
        ("kms:DescribeKey", keys, None),
    ]


def test_an_earlier_key_of_the_app_is_there_until_it_has_been_given_back(stack, template):
    earlier = kms.Key(stack, "Earlier")
    TraceEncryption(stack, "Encryption", adopt=True, earlier_key=earlier)
    (custom,) = resources(template(), "Custom::XRayEncryption").values()
    assert stack.get_logical_id(earlier.node.default_child) in custom["DependsOn"]


def test_each_call_in_the_functions_code_is_one_that_it_may_make(source):
    calls = set()
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Attribute(value=ast.Name(id="xray" | "kms" as service), attr=name):
                pass
            case ast.Attribute(value=ast.Call(func=ast.Attribute(attr="client"), args=[service]), attr=name):
                service = ast.literal_eval(service)
            case _:
                continue
        methods = boto3.client(service, region_name="us-east-1").meta.method_to_api_mapping
        calls |= {f"{service}:{methods[name]}"} if name in methods else set()
    assert calls == {
        "xray:GetEncryptionConfig",
        "xray:PutEncryptionConfig",
        "cloudformation:DescribeStacks",
        "kms:DescribeKey",
        "lambda:ListTags",
        "lambda:TagResource",
    }


def test_the_function_is_the_file_beside_the_construct_whole(stack, template, source):
    TraceEncryption(stack, "Encryption")
    function = only(template(), "AWS::Lambda::Function")
    assert function["Code"] == {"ZipFile": source}
    assert function["Handler"] == "index.handler"
    waited = int(only(template(), "Custom::XRayEncryption")["ServiceTimeout"])
    assert function["Timeout"] < waited
    # A request that was given up is not carried out later.
    assert only(template(), "AWS::Lambda::EventInvokeConfig")["MaximumEventAgeInSeconds"] <= waited


def test_the_setting_is_not_touched_before_the_function_may_note_what_it_found(stack, template):
    TraceEncryption(stack, "Encryption")
    (custom,) = resources(template(), "Custom::XRayEncryption").values()
    assert {*resources(template(), "AWS::IAM::Policy"), *resources(template(), "AWS::Lambda::EventInvokeConfig")} <= {
        *custom["DependsOn"],
        *next(iter(resources(template(), "AWS::Lambda::Function").values()))["DependsOn"],
    }


def test_the_log_of_the_function_ends(stack, template):
    TraceEncryption(stack, "Encryption")
    assert only(template(), "AWS::Logs::LogGroup")["RetentionInDays"] == 30


def test_readers_get_the_use_of_the_key(stack, template):
    reader = iam.Role(stack, "Reader", assumed_by=iam.AccountRootPrincipal())
    encryption = TraceEncryption(stack, "Encryption")
    encryption.grant_decrypt(reader).assert_success()
    policies = resources(template(), "AWS::IAM::Policy").values()
    (granted,) = [each for each in policies if "Reader" in str(each["Properties"]["Roles"])]
    (statement,) = granted["Properties"]["PolicyDocument"]["Statement"]
    assert statement["Action"] == "kms:Decrypt"
    assert statement["Resource"] == stack.resolve(encryption.key.key_arn)


# --- One owner --------------------------------------------------------------------------------------------------------

HERE = Environment(account="111122223333", region="eu-west-1")


def test_two_stacks_of_an_app_may_not_both_set_it_for_one_account_and_region():
    app = App()
    TraceEncryption(Stack(app, "One", env=HERE), "Encryption")
    with pytest.raises(InvalidProps) as refused:
        TraceEncryption(Stack(app, "Two", env=HERE), "Encryption")
    assert str(refused.value) == (
        "X-Ray's encryption is set once for an account and Region, and 'One/Encryption' sets that of "
        "111122223333/eu-west-1 already; keep one of the two and drop 'Two/Encryption', or give their stacks "
        "different environments"
    )


def test_each_account_and_region_has_one_of_its_own():
    app = App()
    for index, (account, region) in enumerate(
        [("111122223333", "eu-west-1"), ("111122223333", "us-east-1"), ("444455556666", "eu-west-1")]
    ):
        TraceEncryption(Stack(app, f"S{index}", env=Environment(account=account, region=region)), "Encryption")


def test_stacks_without_an_environment_go_to_the_same_one():
    app = App()
    TraceEncryption(Stack(app, "One"), "Encryption")
    with pytest.raises(InvalidProps, match="sets that of <AWS::AccountId>/<AWS::Region> already"):
        TraceEncryption(Stack(app, "Two"), "Encryption")


def test_stages_without_an_environment_may_each_have_their_own():
    app = App()
    for name in ("Test", "Production"):
        TraceEncryption(Stack(Stage(app, name), "Tracing"), "Encryption")


def test_stages_of_the_same_environment_share_it():
    app = App()
    TraceEncryption(Stack(Stage(app, "Test", env=HERE), "Tracing"), "Encryption")
    with pytest.raises(InvalidProps, match="'Test/Tracing/Encryption' sets that of 111122223333/eu-west-1 already"):
        TraceEncryption(Stack(Stage(app, "Production", env=HERE), "Tracing"), "Encryption")


def test_an_app_remembers_nothing_of_another():
    for _ in range(2):
        TraceEncryption(Stack(App(), "One", env=HERE), "Encryption")
