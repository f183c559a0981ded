"""A function that sends to partners: the layer of ours, the secrets that it may read, and no key anywhere."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aws_cdk import Duration, SecretValue, Stack
from aws_cdk import aws_iam as iam
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
LOOKALIKE = "arn:aws:secretsmanager:us-east-1:444455556666:secret:honeycomb-apikey"
KEY = "arn:aws:kms:us-east-1:444455556666:key/0a1b2c3d"


def imported(stack: Stack) -> dict[str, Any]:
    """Each way to name a secret, the name that the function asks by, and what it may read."""
    by_name = secretsmanager.Secret.from_secret_name_v2(stack, "ByName", "hive")
    complete = secretsmanager.Secret.from_secret_complete_arn(stack, "Complete", ARN)
    return {
        "name": ("hive", "hive", f"{SECRETS}:hive-??????"),
        # Six characters after a hyphen may be the end of a name as well.
        "arn": (ARN, ARN, [ARN, f"{ARN}-??????"]),
        "arn of a name that ends as an arn does": (LOOKALIKE, LOOKALIKE, [LOOKALIKE, f"{LOOKALIKE}-??????"]),
        "arn without its end": (ARN.removesuffix("-AbCdEf"), ARN.removesuffix("-AbCdEf"), f"{ARN[:-7]}-??????"),
        "imported by name": (by_name, "hive", f"{SECRETS}:hive-??????"),
        "imported by arn": (complete, ARN, ARN),
    }


@pytest.mark.parametrize(
    "way",
    [
        "name",
        "arn",
        "arn of a name that ends as an arn does",
        "arn without its end",
        "imported by name",
        "imported by arn",
    ],
)
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
    assert [right["Resource"] for right in rights(template)] == [[ARN, f"{ARN}-??????"], KEY]


def role(stack: Stack, kind: str) -> iam.IRole:
    """A role of each kind that a function may be given."""
    arn = "arn:aws:iam::111122223333:role/orders"
    match kind:
        case "mutable":
            return iam.Role.from_role_arn(stack, "Role", arn)
        case "immutable":
            return iam.Role.from_role_arn(stack, "Role", arn, mutable=False)
        case "of another account":
            return iam.Role.from_role_arn(stack, "Role", arn.replace("1111", "4444"))
    own = iam.Role(stack, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
    return own.without_policy_updates() if kind == "closed" else own


@pytest.mark.parametrize("kind", ["immutable", "of another account", "closed"])
def test_a_role_that_the_cdk_does_not_change_is_said_to_lack_its_rights(stack, template, kind):
    function = a_function(stack, role=role(stack, kind), timeout=Duration.minutes(1))
    source = SecretField(secret="hive", encryption_key_arn=KEY)
    managed = Prometheus.managed(workspace_id="ws-1", region="eu-west-1")
    exporters = [XRay(), Honeycomb(api_key_secret=source), managed]
    instrument_lambda(function, service_name="orders", exporters=exporters)
    assert resources(template(), "AWS::IAM::Policy") == {}
    told = Annotations.from_stack(stack).find_warning("/Test/Function", Match.any_value())
    words = [str(each.entry.data) for each in told]
    for lacking in (
        "allow it xray:PutTraceSegments, xray:PutTelemetryRecords on * yourself",
        f"allow it kms:Decrypt on {KEY} yourself",
        "allow it secretsmanager:GetSecretValue",
        "allow it aps:RemoteWrite",
    ):
        assert sum(lacking in each for each in words) == 1, words
    assert len(words) == 4


@pytest.mark.parametrize("kind", ["mutable", "own"])
def test_a_role_that_the_cdk_changes_lacks_nothing(stack, template, kind):
    function = a_function(stack, role=role(stack, kind), timeout=Duration.minutes(1))
    instrument_lambda(function, service_name="orders", exporters=[XRay(), HIVE])
    assert len(resources(template(), "AWS::IAM::Policy")) == 1
    Annotations.from_stack(stack).has_no_warning("*", Match.any_value())


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
    # Honeycomb two seconds and its key as long, and Rollbar with its token the same.
    hasty = a_function(stack, timeout=Duration.seconds(9))
    instrument_lambda(hasty, service_name="orders", exporters=[XRay(), HIVE], errors=BAR)
    patient = a_function(stack, "Patient", timeout=Duration.seconds(10))
    instrument_lambda(patient, service_name="orders", exporters=[XRay(), HIVE], errors=BAR)
    template()
    told = Annotations.from_stack(stack)
    told.has_warning(
        "/Test/Function",
        Match.string_like_regexp(
            "a request waits up to 8 seconds for partners and keys that do not come, and the function's timeout is 9"
        ),
    )
    told.has_no_warning("/Test/Patient", Match.any_value())


def test_a_function_with_the_time_that_lambda_gives_says_so_for_one_partner(stack, template):
    instrument_lambda(a_function(stack), service_name="orders", exporters=[Otlp(endpoint="https://a.example.com")])
    template()
    told = Annotations.from_stack(stack)
    told.has_warning("/Test/Function", Match.string_like_regexp("up to 2 seconds .* timeout is 3 seconds"))


def test_more_than_an_environment_holds_is_refused(stack):
    many = [Otlp(endpoint=f"https://otlp.example.com/{'x' * 300}/{number}") for number in range(12)]
    with pytest.raises(InvalidProps, match=r"^the environment of Test/Function takes at most 4096 bytes"):
        instrument_lambda(a_function(stack), service_name="orders", exporters=many)


def test_more_than_an_environment_holds_with_what_the_function_has_is_refused_at_synth(stack, template):
    function = a_function(stack, environment={"BIG": "x" * 2800, "ROLE": role(stack, "own").role_arn})
    exporter = Prometheus.managed(workspace_id="ws-1", region="us-east-1")
    # Neither the function's own variables nor those of telemetry are too many.
    instrument_lambda(function, service_name="orders", instrumentations=["sqlite3"], exporters=[XRay(), exporter])
    with pytest.raises(RuntimeError, match="the environment of Test/Function takes at most 4096 bytes in all"):
        template()


def test_what_is_added_to_a_function_later_counts_too(stack, template):
    function = a_function(stack)
    instrument_lambda(function, service_name="orders")
    function.add_environment("BIG", "x" * 4000)
    with pytest.raises(RuntimeError, match="the environment of Test/Function takes at most 4096 bytes in all"):
        template()


def test_an_environment_that_lambda_takes_is_taken(stack, template):
    function = a_function(stack, environment={"BIG": "x" * 3700, "ROLE": role(stack, "own").role_arn})
    instrument_lambda(function, service_name="orders")
    assert "BIG" in made(template)["Environment"]["Variables"]
