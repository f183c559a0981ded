"""A function that sends to partners: the layer of ours, the secrets that it may read, and no key anywhere."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aws_cdk import Duration, SecretValue, Stack
from aws_cdk import aws_kms as kms
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk.assertions import Annotations, Match
from tests.instrumentation.functions import a_function
from tests.synth import only, plain, resources, statements

from raytrail.errors import InvalidProps
from raytrail.instrumentation import (
    Honeycomb,
    Otlp,
    Prometheus,
    Rollbar,
    SecretField,
    XRay,
    collector_layer_arn,
    instrument_lambda,
    python_layer_arn,
)

HIVE = Honeycomb(api_key_secret="team/honeycomb")
BAR = Rollbar(access_token_secret="rollbar", environment="prod")
SECRETS = "arn:aws:secretsmanager:us-east-1:111122223333:secret"


def made(template: Any) -> Any:
    return plain(only(template(), "AWS::Lambda::Function"))


def rights(template: Any) -> list[Any]:
    policy = only(template(), "AWS::IAM::Policy")["PolicyDocument"]
    return [each for each in plain(statements(policy)) if "xray:PutTraceSegments" not in each["Action"]]


def test_two_partners_at_once_beside_x_ray(stack, template):
    exporters = [XRay(), HIVE, Otlp(endpoint="https://otlp.example.com", headers={"x-env": "prod"}, name="other")]
    done = instrument_lambda(a_function(stack), service_name="orders", exporters=exporters)
    function = made(template)
    assert python_layer_arn("us-east-1") in function["Layers"]
    assert done.runtime_layer is not None
    assert len(function["Layers"]) == 2
    variables = function["Environment"]["Variables"]
    assert variables["OTEL_TRACES_EXPORTER"] == "otlp_proto_http,raytrail_otlp"
    entries = json.loads(variables["RAYTRAIL_OTLP_EXPORTERS"])
    assert [entry["name"] for entry in entries] == ["honeycomb", "honeycomb", "other"]
    assert entries[0]["secrets"] == {"x-honeycomb-team": {"id": "team/honeycomb"}}
    assert function["Handler"] == "index.handler"


def test_functions_of_a_stack_share_the_layer(stack, template):
    for id in ("One", "Two"):
        instrument_lambda(a_function(stack, id), service_name=id, exporters=[XRay(), HIVE])
    assert len(resources(template(), "AWS::Lambda::LayerVersion")) == 1


def test_a_function_that_needs_no_layer_of_ours_gets_none(stack, template):
    assert instrument_lambda(a_function(stack), service_name="orders").runtime_layer is None
    assert resources(template(), "AWS::Lambda::LayerVersion") == {}


def test_the_role_may_read_exactly_the_secrets_that_are_named(stack, template):
    instrument_lambda(a_function(stack), service_name="orders", exporters=[XRay(), HIVE], errors=BAR)
    assert rights(template) == [
        {
            "Effect": "Allow",
            "Action": "secretsmanager:GetSecretValue",
            "Resource": [f"{SECRETS}:rollbar-??????", f"{SECRETS}:team/honeycomb-??????"],
        }
    ]


def test_a_secret_of_the_stack_is_named_and_allowed_by_its_arn_with_the_key_that_encrypts_it(stack, template):
    key = kms.Key(stack, "Key")
    secret = secretsmanager.Secret(stack, "Secret", encryption_key=key)
    source = SecretField(secret=secret, field="hive")
    instrument_lambda(a_function(stack), service_name="orders", exporters=[Honeycomb(api_key_secret=source)])
    [secret_id] = resources(template(), "AWS::SecretsManager::Secret")
    [key_id] = resources(template(), "AWS::KMS::Key")
    entries = json.loads(made(template)["Environment"]["Variables"]["RAYTRAIL_OTLP_EXPORTERS"])
    assert entries[0]["secrets"]["x-honeycomb-team"] == {"id": f"<{secret_id}>", "field": "hive"}
    assert rights(template) == [
        {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": f"<{secret_id}>"},
        {
            "Effect": "Allow",
            "Action": "kms:Decrypt",
            "Resource": f"<{key_id}.Arn>",
            "Condition": {"StringEquals": {"kms:ViaService": "secretsmanager.us-east-1.amazonaws.com"}},
        },
    ]


ARN = "arn:aws:secretsmanager:us-east-1:444455556666:secret:hive-AbCdEf"
KEY = "arn:aws:kms:us-east-1:444455556666:key/0a1b2c3d"


def imported(stack: Stack) -> dict[str, Any]:
    """Each way to name a secret, the name that the function asks by, and what it may read."""
    by_name = secretsmanager.Secret.from_secret_name_v2(stack, "ByName", "hive")
    complete = secretsmanager.Secret.from_secret_complete_arn(stack, "Complete", ARN)
    return {
        "name": ("hive", "hive", f"{SECRETS}:hive-??????"),
        "arn": (ARN, ARN, ARN),
        "arn without its end": (ARN.removesuffix("-AbCdEf"), ARN.removesuffix("-AbCdEf"), f"{ARN[:-7]}-??????"),
        "imported by name": (by_name, "hive", f"{SECRETS}:hive-??????"),
        "imported by arn": (complete, ARN, ARN),
    }


@pytest.mark.parametrize("way", ["name", "arn", "arn without its end", "imported by name", "imported by arn"])
def test_a_secret_may_be_named_in_each_way_that_aws_knows(stack, template, way):
    source, asked_by, allowed = imported(stack)[way]
    instrument_lambda(a_function(stack), service_name="orders", exporters=[Honeycomb(api_key_secret=source)])
    entries = json.loads(made(template)["Environment"]["Variables"]["RAYTRAIL_OTLP_EXPORTERS"])
    assert entries[0]["secrets"]["x-honeycomb-team"]["id"] == asked_by
    [right] = rights(template)
    assert right["Resource"] == allowed


def test_the_key_that_encrypts_a_secret_of_another_account_may_be_named(stack, template):
    source = SecretField(secret=ARN, encryption_key_arn=KEY)
    instrument_lambda(a_function(stack), service_name="orders", exporters=[Honeycomb(api_key_secret=source)])
    assert [right["Resource"] for right in rights(template)] == [ARN, KEY]


def test_a_key_as_a_secret_value_is_refused():
    with pytest.raises(InvalidProps) as refused:
        Honeycomb(api_key_secret=SecretValue.unsafe_plain_text("the-key"))
    assert str(refused.value) == (
        "a key is given as a secret of Secrets Manager, by name, ARN or construct, got SecretValue: a key itself, also "
        "as a SecretValue, would stand in the template"
    )


def test_errors_go_by_way_of_a_handler_that_knows_the_functions_own(stack, template):
    instrument_lambda(a_function(stack), service_name="orders", errors=BAR)
    function = made(template)
    assert function["Handler"] == "raytrail_runtime.entry.handler"
    variables = function["Environment"]["Variables"]
    assert variables["RAYTRAIL_HANDLER"] == "index.handler"
    assert json.loads(variables["RAYTRAIL_ROLLBAR"]) == {
        "endpoint": "https://api.rollbar.com/api/1/",
        "token": {"id": "rollbar"},
        "environment": "prod",
        "timeout_seconds": 2,
        "local_variables": False,
    }
    assert len(function["Layers"]) == 2


def test_metrics_to_a_workspace_of_prometheus_take_the_collector_layer(stack, template):
    exporter = Prometheus.managed(workspace_id="ws-1", region="eu-west-1")
    done = instrument_lambda(a_function(stack), service_name="orders", exporters=[XRay(), exporter])
    function = made(template)
    assert done.collector_layer is not None
    assert collector_layer_arn("x86_64", "us-east-1") in function["Layers"]
    variables = function["Environment"]["Variables"]
    assert variables["OPENTELEMETRY_COLLECTOR_CONFIG_URI"] == "env:RAYTRAIL_COLLECTOR_CONFIG"
    config = json.loads(variables["RAYTRAIL_COLLECTOR_CONFIG"])
    assert config["exporters"]["prometheusremotewrite"]["auth"] == {"authenticator": "sigv4auth"}
    assert rights(template) == [
        {
            "Effect": "Allow",
            "Action": "aps:RemoteWrite",
            "Resource": "arn:aws:aps:eu-west-1:111122223333:workspace/ws-1",
        }
    ]


def test_a_function_whose_time_partners_could_use_up_says_so(stack, template):
    instrument_lambda(a_function(stack), service_name="orders", exporters=[XRay(), HIVE], errors=BAR)
    patient = a_function(stack, "Patient", timeout=Duration.seconds(6))
    instrument_lambda(patient, service_name="orders", exporters=[XRay(), HIVE], errors=BAR)
    template()
    told = Annotations.from_stack(stack)
    told.has_warning(
        "/Test/Function",
        Match.string_like_regexp(
            "a request waits up to 4 seconds for partners that do not answer, and the function's timeout is 3 seconds"
        ),
    )
    told.has_no_warning("/Test/Patient", Match.any_value())


def test_more_than_an_environment_holds_is_refused(stack):
    many = [Otlp(endpoint=f"https://otlp.example.com/{'x' * 300}/{number}") for number in range(12)]
    with pytest.raises(InvalidProps, match=r"^the environment of Test/Function takes at most 4096 bytes"):
        instrument_lambda(a_function(stack), service_name="orders", exporters=many)
