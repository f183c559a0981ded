"""The configuration of a collector: held against AWS's printed examples, and against what AWS's collector has."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
import yaml
from aws_cdk import aws_lambda as lambda_
from tests.instrumentation.functions import a_function
from tests.synth import only

from raytrail.errors import InvalidProps
from raytrail.instrumentation import (
    CloudWatchMetrics,
    CollectorConfig,
    Honeycomb,
    Otlp,
    Prometheus,
    XRay,
    add_collector,
    collector_layer_arn,
)

# https://aws-otel.github.io/docs/getting-started/lambda/lambda-custom-configuration
PRINTED = """
receivers:
  otlp:
    protocols:
      grpc:
        endpoint: "localhost:4317"
      http:
        endpoint: "localhost:4318"

exporters:
  debug:
  awsxray:

service:
  pipelines:
    traces:
      receivers: [otlp]
      exporters: [awsxray]
    metrics:
      receivers: [otlp]
      exporters: [debug]
  telemetry:
    metrics:
      address: localhost:8888
"""

# The form that https://aws-otel.github.io/docs/getting-started/adot-eks-add-on/config-advanced and the README of the
# exporter print for Amazon Managed Service for Prometheus.
SIGNED = """
receivers: {otlp: {protocols: {http: {endpoint: "localhost:4318"}}}}
extensions:
  sigv4auth:
    service: aps
    region: us-west-2
exporters:
  prometheusremotewrite:
    endpoint: https://aps-workspaces.us-west-2.amazonaws.com/workspaces/ws-XXX/api/v1/remote_write
    auth:
      authenticator: sigv4auth
service:
  extensions: [sigv4auth]
  pipelines:
    metrics:
      receivers: [otlp]
      exporters: [prometheusremotewrite]
"""

WORKSPACE = Prometheus.managed(workspace_id="ws-XXX", region="us-west-2")


@pytest.mark.parametrize("text", [PRINTED, SIGNED])
def test_what_aws_prints_is_taken(text):
    value = yaml.safe_load(text)
    read = json.loads(CollectorConfig(value=value).to_json())
    assert read == {**value, "exporters": {id: options or {} for id, options in value["exporters"].items()}}


def test_the_configuration_for_x_ray_is_that_which_aws_prints():
    printed = yaml.safe_load(PRINTED)
    made = CollectorConfig.of([XRay()]).value
    assert made["receivers"] == printed["receivers"]
    assert made["service"]["pipelines"] == {"traces": printed["service"]["pipelines"]["traces"]}
    assert made["exporters"] == {"awsxray": {}}


def test_the_configuration_for_a_workspace_of_prometheus_is_that_which_is_printed():
    printed = yaml.safe_load(SIGNED)
    made = CollectorConfig.of([WORKSPACE]).value
    assert made["extensions"] == printed["extensions"]
    assert made["service"] == printed["service"]
    # One label for each execution environment, beyond what is printed.
    assert made["exporters"]["prometheusremotewrite"] == {
        **printed["exporters"]["prometheusremotewrite"],
        "resource_to_telemetry_conversion": {"enabled": True},
    }


def test_a_server_of_ones_own_needs_no_signature():
    made = CollectorConfig.of([Prometheus.self_hosted(endpoint="http://prometheus.internal:9090/api/v1/write")]).value
    assert "extensions" not in made
    assert "auth" not in made["exporters"]["prometheusremotewrite"]


def test_a_dollar_sign_is_not_taken_for_a_variable():
    made = CollectorConfig.of([Otlp(endpoint="https://otlp.example.com", headers={"x-price": "$5"})]).value
    assert made["exporters"]["otlphttp/0"]["headers"] == {"x-price": "$$5"}


def test_the_text_is_yaml_too():
    config = CollectorConfig.of([XRay(), WORKSPACE, Otlp(endpoint="https://otlp.example.com")])
    assert yaml.safe_load(config.to_json()) == config.value
    pipelines = config.value["service"]["pipelines"]
    assert pipelines["traces"]["exporters"] == ["awsxray", "otlphttp/2"]
    assert pipelines["metrics"]["exporters"] == ["prometheusremotewrite", "otlphttp/2"]


@pytest.mark.parametrize("exporter", [Honeycomb(api_key_secret="hive"), CloudWatchMetrics(namespace="Shop")])
def test_what_the_collector_cannot_send_to_is_refused(exporter):
    with pytest.raises(InvalidProps, match=r"^the collector layer sends to X-Ray, to Prometheus, and by Otlp without"):
        CollectorConfig.of([exporter])


def changed(change: Any) -> dict[str, Any]:
    value = copy.deepcopy(yaml.safe_load(SIGNED))
    change(value)
    return value


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda v: v["exporters"].update(datadog={}), "the collector layer has no exporter 'datadog'; it has awsemf,"),
        (lambda v: v.update(processors={"batch": {}}), "the collector layer has no processor 'batch'; it has none"),
        (lambda v: v.update(exporter={}), "'exporter' is no section of a collector's configuration"),
        (
            lambda v: v["exporters"]["prometheusremotewrite"].update(endpiont="x"),
            "exporter 'prometheusremotewrite' has no field 'endpiont'; it has add_metric_suffixes",
        ),
        (
            lambda v: v["exporters"]["prometheusremotewrite"].update(headers={"Authorization": "Bearer x"}),
            "header 'Authorization' carries the value of an authorization header",
        ),
        (
            lambda v: v["exporters"]["prometheusremotewrite"].update(headers={"api_key": "x"}),
            "header 'api_key' carries",
        ),
        (
            lambda v: v["exporters"]["prometheusremotewrite"].update(endpoint="https://me:secret@prometheus.example"),
            "'endpoint' in 'prometheusremotewrite' in 'exporters' in a collector's configuration is an address without",
        ),
        (
            lambda v: v["exporters"]["prometheusremotewrite"].update(
                endpoint="https://prometheus.example?token=secret"
            ),
            "is an address without user, query or fragment",
        ),
        (
            lambda v: v["exporters"]["prometheusremotewrite"].update(proxy_url="http://me:secret@proxy.example:3128"),
            "'proxy_url' in 'prometheusremotewrite' in 'exporters'",
        ),
        (
            lambda v: v["receivers"]["otlp"]["protocols"]["http"].update(endpoint="me:secret@localhost:4318"),
            "'endpoint' in 'http' in 'protocols' in 'otlp' in 'receivers'",
        ),
        (
            lambda v: v["exporters"]["prometheusremotewrite"].update(tls={"key_pem": "secret"}),
            "'key_pem' in 'tls' in 'prometheusremotewrite' in 'exporters' in a collector's configuration carries a key",
        ),
        (
            lambda v: v["exporters"]["prometheusremotewrite"].update(external_labels={"note": ["Bearer secret"]}),
            "carries the value of an authorization header, which would stand in clear in the template",
        ),
        (
            lambda v: v["exporters"]["prometheusremotewrite"].update(external_labels={"password": "secret"}),
            "'password' in 'external_labels'",
        ),
        (lambda v: v["service"].update(pipelines={}), "a collector's configuration has no pipeline"),
        (lambda v: v["service"].update(pipelines={"profiles": {}}), "a pipeline is of traces, metrics or logs"),
        (lambda v: v["service"]["pipelines"]["metrics"].update(receivers=[]), "pipeline 'metrics' has no receivers"),
        (
            lambda v: v["service"]["pipelines"]["metrics"].update(exporters=["awsemf"]),
            "pipeline 'metrics' names exporter 'awsemf', which is not among exporters",
        ),
        (
            lambda v: v["service"]["pipelines"].update(traces=v["service"]["pipelines"]["metrics"]),
            "exporter 'prometheusremotewrite' takes no traces",
        ),
        (lambda v: v["exporters"].update(debug=None), "exporter 'debug' is defined, and nothing uses it"),
        (lambda v: v.pop("extensions"), "extension 'sigv4auth' is used, and not defined"),
        (
            lambda v: v["exporters"]["prometheusremotewrite"].update(auth={"authenticator": "basicauth"}),
            "exporter 'prometheusremotewrite' authenticates by 'basicauth', which is not among the extensions",
        ),
    ],
)
def test_what_the_collector_would_stop_at_is_refused(change, why):
    with pytest.raises(InvalidProps) as refused:
        CollectorConfig(value=changed(change))
    assert why in str(refused.value)
    assert "secret" not in str(refused.value)


def test_an_address_that_the_environment_completes_and_keys_in_files_are_taken():
    options = {
        "endpoint": "https://${env:PROMETHEUS}:9090/api/v1/write",
        "tls": {"key_file": "/var/task/key.pem", "ca_pem": "-----BEGIN CERTIFICATE-----"},
        "headers": {"x-scope-orgid": "shop"},
    }
    value = changed(lambda v: v["exporters"]["prometheusremotewrite"].update(options))
    assert CollectorConfig(value=value).value["exporters"]["prometheusremotewrite"].items() >= options.items()


def test_a_go_function_gets_the_collector_of_its_architecture(stack, template):
    function = a_function(
        stack,
        runtime=lambda_.Runtime.PROVIDED_AL2023,
        handler="bootstrap",
        architecture=lambda_.Architecture.ARM_64,
    )
    made = add_collector(function, service_name="orders", exporters=[XRay(), WORKSPACE])
    assert made.collector_layer is not None
    resource = only(template(), "AWS::Lambda::Function")
    assert resource["Layers"] == [collector_layer_arn("arm64", "us-east-1")]
    assert resource["TracingConfig"] == {"Mode": "Active"}
    variables = resource["Environment"]["Variables"]
    assert variables["OTEL_SERVICE_NAME"] == "orders"
    assert set(json.loads(variables["RAYTRAIL_COLLECTOR_CONFIG"])["exporters"]) == {"awsxray", "prometheusremotewrite"}
    assert "AWS_LAMBDA_EXEC_WRAPPER" not in variables
    actions = [each["Action"] for each in only(template(), "AWS::IAM::Policy")["PolicyDocument"]["Statement"]]
    assert actions == ["aps:RemoteWrite", ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]]


def test_a_configuration_of_ones_own_is_taken(stack, template):
    config = CollectorConfig(value=yaml.safe_load(PRINTED))
    function = a_function(stack, runtime=lambda_.Runtime.RUBY_3_3)
    add_collector(function, service_name="orders", config=config)
    variables = only(template(), "AWS::Lambda::Function")["Environment"]["Variables"]
    assert json.loads(variables["RAYTRAIL_COLLECTOR_CONFIG"]) == config.value
    assert set(config.value["exporters"]) == {"debug", "awsxray"}


def test_a_function_has_one_collector(stack):
    function = a_function(stack, runtime=lambda_.Runtime.RUBY_3_3)
    add_collector(function, service_name="orders")
    with pytest.raises(InvalidProps, match=r"^Test/Function has a collector already"):
        add_collector(function, service_name="orders")


def test_a_function_of_another_service_is_not_renamed(stack):
    function = a_function(stack, runtime=lambda_.Runtime.RUBY_3_3, environment={"OTEL_SERVICE_NAME": "mine"})
    with pytest.raises(InvalidProps, match=r"^the environment of Test/Function sets OTEL_SERVICE_NAME already"):
        add_collector(function, service_name="orders")


def test_a_configuration_and_variables_that_lambda_does_not_take_together_are_refused_at_synth(stack, template):
    function = a_function(stack, runtime=lambda_.Runtime.RUBY_3_3, environment={"BIG": "x" * 3900})
    add_collector(function, service_name="orders")
    with pytest.raises(RuntimeError, match="the environment of Test/Function takes at most 4096 bytes in all"):
        template()


def test_turned_off_the_collector_is_not_there(stack, template):
    function = a_function(stack, runtime=lambda_.Runtime.RUBY_3_3)
    add_collector(function, service_name="orders", enabled=False)
    resource = only(template(), "AWS::Lambda::Function")
    assert "Layers" not in resource
    assert resource["TracingConfig"] == {"Mode": "PassThrough"}
