"""What the settings of tracing and of the sample's partners change in the templates."""

from __future__ import annotations

import json

import pytest
from aws_cdk import App
from aws_cdk.assertions import Annotations, Match
from tests.synth import only, resources

import stacks.sample
from raytrail.errors import InvalidSettings
from raytrail.settings import read_settings

KEY = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"


def test_without_tracing_the_sample_works_on_and_nothing_of_it_is_traced(synth):
    templates = synth(tracing={"enabled": False}, sample={"honeycomb_secret": "a"})
    assert "raytrail-tracing" not in templates
    sample = templates["raytrail-sample"]
    function = only(sample, "AWS::Lambda::Function")
    assert function["TracingConfig"] == {"Mode": "PassThrough"}
    assert [name for name in function["Environment"]["Variables"] if name.startswith(("OTEL_", "AWS_LAMBDA_"))] == []
    assert [layer for layer in function["Layers"] if "OpenTelemetry" in layer] == []
    assert only(sample, "AWS::ApiGateway::Stage").get("TracingEnabled", False) is False
    assert "xray:" not in json.dumps(sample)


def test_without_tracing_errors_are_not_dropped_in_silence(context):
    settings = read_settings({"tracing": {"enabled": False}, "sample": {"rollbar_secret": "b"}})
    stack = stacks.sample.SampleStack(App(context=context), settings=settings)
    words = r"^sample\.rollbar_secret: errors are not reported .* while tracing\.enabled is false.*raytrail:rollbar-off"
    Annotations.from_stack(stack).has_warning("/raytrail-sample/Function", Match.string_like_regexp(words))


def test_encryption_and_transaction_search_are_off_unless_asked_for(synth):
    plain = synth()["raytrail-tracing"]
    assert {each["Type"] for each in plain["Resources"].values()} <= {
        "AWS::XRay::Group",
        "AWS::XRay::SamplingRule",
        "AWS::CDK::Metadata",
    }
    asked = synth(tracing={"encryption_key_arn": KEY, "transaction_search_percent": 3})["raytrail-tracing"]
    assert only(asked, "Custom::XRayEncryption")["KeyArn"] == KEY
    assert only(asked, "AWS::XRay::TransactionSearchConfig") == {"IndexingPercentage": 3}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            {"tracing": {"debug_path": "*"}},
            "tracing.debug_path or tracing.health_check_path: sampling rule 'raytrail-health' (priority 100) would "
            "never decide",
        ),
        # The default of the first is /debug*.
        (
            {"tracing": {"health_check_path": "/debug/health"}},
            "tracing.debug_path or tracing.health_check_path: sampling rule 'raytrail-health' (priority 100) would "
            "never decide",
        ),
        (
            {"tracing": {"health_check_path": "*"}},
            "tracing.health_check_path: sampling rule 'raytrail-default' (priority 9000) would never decide",
        ),
        (
            {"region": "mx-central-1", "tracing": {"transaction_search_percent": 1}},
            "tracing.transaction_search_percent: CloudFormation has no Transaction Search",
        ),
        (
            {"region": "eu-west-1", "tracing": {"encryption_key_arn": KEY}},
            "tracing.encryption_key_arn: key of raytrail-tracing/Encryption is of Region us-east-1",
        ),
    ],
)
def test_what_is_wrong_only_together_names_the_setting(synth, settings, said):
    with pytest.raises(InvalidSettings) as refused:
        synth(**settings)
    assert str(refused.value).startswith(said)


def test_partners_are_named_by_their_secrets_alone(synth, tmp_path, monkeypatch):
    (tmp_path / "python").mkdir()
    monkeypatch.setattr(stacks.sample, "ROLLBAR", tmp_path)
    sample = synth(sample={"honeycomb_secret": "honeycomb", "honeycomb_region": "eu", "rollbar_secret": "rollbar"})[
        "raytrail-sample"
    ]
    function = only(sample, "AWS::Lambda::Function")
    assert function["Handler"] == "raytrail_runtime.entry.handler"
    told = json.dumps(function["Environment"])
    assert "https://api.eu1.honeycomb.io" in told
    assert "https://api.rollbar.com/api/1/" in told
    assert len(resources(sample, "AWS::Lambda::LayerVersion")) == 2
    statements = [
        statement
        for policy in resources(sample, "AWS::IAM::Policy").values()
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if "secretsmanager" in str(statement["Action"])
    ]
    assert {str(statement["Action"]) for statement in statements} == {"secretsmanager:GetSecretValue"}


def test_without_rollbars_package_the_settings_are_refused_with_the_way_to_get_it(synth, tmp_path, monkeypatch):
    monkeypatch.setattr(stacks.sample, "ROLLBAR", stacks.sample.CODE.parents[1] / "build" / "nowhere")
    with pytest.raises(InvalidSettings, match="run `make layers`, which puts it into build/nowhere"):
        synth(sample={"rollbar_secret": "rollbar"})


def test_a_region_without_a_powertools_layer_that_we_know_is_refused():
    with pytest.raises(InvalidSettings, match=r"sample\.powertools_layer_arn: we know no Powertools layer"):
        stacks.sample.powertools_layer("cn-north-1")
