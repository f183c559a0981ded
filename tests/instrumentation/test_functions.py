"""A Lambda function that one call instruments."""

from __future__ import annotations

import pytest
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_secretsmanager as secretsmanager
from tests.instrumentation.functions import a_function
from tests.synth import bare_stack, only, resources, template_of

from raytrail.errors import InvalidProps
from raytrail.instrumentation import (
    CloudWatchMetrics,
    Honeycomb,
    Otlp,
    Rollbar,
    XRay,
    add_collector,
    adot_layer_arn,
    instrument_lambda,
    python_layer_arn,
)

MINE = "arn:aws:lambda:eu-west-1:111122223333:layer:Mine:7"


def test_the_layer_is_that_of_the_stacks_region(context):
    for region in ("us-east-1", "eu-west-1", "ap-southeast-1"):
        stack = bare_stack(context, region=region)
        instrument_lambda(a_function(stack), service_name="orders")
        assert only(template_of(stack), "AWS::Lambda::Function")["Layers"] == [python_layer_arn(region)]


@pytest.mark.parametrize(
    ("runtime", "language"),
    [
        (lambda_.Runtime.PYTHON_3_12, "python"),
        (lambda_.Runtime.NODEJS_22_X, "nodejs"),
        (lambda_.Runtime.JAVA_21, "java"),
        (lambda_.Runtime.DOTNET_8, "dotnet"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.name,
)
def test_the_layer_is_that_of_the_runtimes_language(stack, template, runtime, language):
    instrument_lambda(a_function(stack, runtime=runtime), service_name="orders")
    made = only(template(), "AWS::Lambda::Function")
    assert made["Layers"] == [adot_layer_arn(language, "us-east-1")]
    variables = made["Environment"]["Variables"]
    assert variables["AWS_LAMBDA_EXEC_WRAPPER"] == "/opt/otel-instrument"
    assert variables["OTEL_SERVICE_NAME"] == "orders"
    assert variables["OTEL_AWS_APPLICATION_SIGNALS_ENABLED"] == "false"
    assert ("OTEL_PYTHON_DISTRO" in variables) == (language == "python")
    assert made["TracingConfig"] == {"Mode": "Active"}


def test_a_layer_that_is_given_is_taken(stack, template):
    made = instrument_lambda(a_function(stack), service_name="orders", layer_arn=MINE)
    assert made.layer is not None
    assert made.layer.layer_version_arn == MINE
    assert only(template(), "AWS::Lambda::Function")["Layers"] == [MINE]


def test_a_given_layer_serves_in_a_region_that_the_table_lacks(context):
    stack = bare_stack(context, region="me-south-1")
    with pytest.raises(InvalidProps, match="AWS lists no ADOT Python layer for Region 'me-south-1'"):
        instrument_lambda(a_function(stack), service_name="orders")
    stack = bare_stack(context, region="me-south-1")
    instrument_lambda(a_function(stack), service_name="orders", layer_arn=MINE)
    assert only(template_of(stack), "AWS::Lambda::Function")["Layers"] == [MINE]


def test_a_stack_without_a_region_is_refused_unless_a_layer_is_given(context):
    with pytest.raises(InvalidProps) as refused:
        instrument_lambda(a_function(bare_stack(context, region=None)), service_name="orders")
    assert str(refused.value) == (
        "the stack of Test/Function has no Region, and the layer's version differs by Region; "
        "give the stack an env with a region, or give layer_arn"
    )
    stack = bare_stack(context, region=None)
    assert instrument_lambda(a_function(stack), service_name="orders", layer_arn=MINE).enabled


def test_a_runtime_that_aws_does_not_document_is_refused_unless_a_layer_is_given(stack):
    with pytest.raises(InvalidProps) as refused:
        instrument_lambda(a_function(stack, runtime=lambda_.Runtime.PYTHON_3_14), service_name="orders")
    assert str(refused.value) == (
        "runtime 'python3.14' of Test/Function is not one that AWS documents for the ADOT Python layer; use one of "
        "python3.10, python3.11, python3.12, python3.13, or give the ARN of a layer that you know to support it as "
        "layer_arn"
    )
    newest = a_function(stack, "Newest", runtime=lambda_.Runtime.PYTHON_3_14)
    assert instrument_lambda(newest, service_name="orders", layer_arn=MINE).enabled


@pytest.mark.parametrize("runtime", [lambda_.Runtime.PROVIDED_AL2023, lambda_.Runtime.RUBY_3_3], ids=lambda it: it.name)
def test_a_language_without_a_layer_is_told_the_documented_way(stack, runtime):
    with pytest.raises(InvalidProps) as refused:
        instrument_lambda(a_function(stack, runtime=runtime), service_name="orders", layer_arn=MINE)
    assert str(refused.value) == (
        f"AWS makes no ADOT layer that instruments runtime {runtime.name!r} of Test/Function: instrument its code with "
        "the OpenTelemetry SDK of its language, as AWS documents for Go, and give it the collector that the SDK sends "
        "to with add_collector"
    )


def test_a_function_is_instrumented_once(stack):
    function = a_function(stack)
    instrument_lambda(function, service_name="orders")
    with pytest.raises(InvalidProps, match=r"^Test/Function is instrumented already"):
        instrument_lambda(function, service_name="orders")


@pytest.mark.parametrize(
    ("name", "value", "arguments"),
    [
        ("AWS_LAMBDA_EXEC_WRAPPER", "/opt/datadog_wrapper", {}),
        ("OTEL_SERVICE_NAME", "mine", {}),
        ("OTEL_AWS_APPLICATION_SIGNALS_ENABLED", "true", {}),
        ("OTEL_PROPAGATORS", "b3", {"propagators": ["tracecontext", "xray"]}),
        ("OTEL_RESOURCE_ATTRIBUTES", "team=mine", {"environment": "prod"}),
    ],
)
def test_a_variable_that_the_function_has_is_not_overwritten(stack, name, value, arguments):
    function = a_function(stack, environment={name: value})
    with pytest.raises(InvalidProps) as refused:
        instrument_lambda(function, service_name="orders", **arguments)
    assert f"the environment of Test/Function sets {name}" in str(refused.value)
    assert f"leave {name} out of the function's environment" in str(refused.value)
    assert (repr(value) in str(refused.value)) == (name == "AWS_LAMBDA_EXEC_WRAPPER")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("OTEL_SDK_DISABLED", "true", "OpenTelemetry records nothing"),
        ("OTEL_TRACES_EXPORTER", "none", "sends no traces by OTLP"),
        ("OTEL_TRACES_EXPORTER", "otlp_proto_grpc", "sends no traces by OTLP to where they are received"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "by http/protobuf alone; leave the variable out$"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc", "by http/protobuf alone"),
    ],
)
def test_a_variable_with_which_no_trace_would_reach_x_ray_is_refused(stack, name, value, words):
    with pytest.raises(InvalidProps, match=f"^the environment of Test/Function has {name}={value}.*{words}"):
        instrument_lambda(a_function(stack, environment={name: value}), service_name="orders")


@pytest.mark.parametrize("value", ["otlp", "otlp_proto_http", "console,otlp"])
def test_an_exporter_of_the_functions_own_that_sends_to_x_ray_stays(stack, value):
    assert instrument_lambda(a_function(stack, environment={"OTEL_TRACES_EXPORTER": value}), service_name="s").enabled


@pytest.mark.parametrize("runtime", [lambda_.Runtime.PYTHON_3_13, lambda_.Runtime.NODEJS_22_X], ids=lambda it: it.name)
@pytest.mark.parametrize(
    "value", ["xray", "tracecontext,xray", "b3, tracecontext , xray,baggage", "baggage,xray-lambda"]
)
def test_propagators_of_the_functions_own_stay(stack, template, runtime, value):
    instrument_lambda(
        a_function(stack, runtime=runtime, environment={"OTEL_PROPAGATORS": value}), service_name="orders"
    )
    assert only(template(), "AWS::Lambda::Function")["Environment"]["Variables"]["OTEL_PROPAGATORS"] == value


def test_any_propagators_of_the_functions_own_will_do_where_x_ray_or_the_layers_default_has_no_say(stack, template):
    for at, changes in enumerate(({"exporters": [Otlp(endpoint="https://otlp.example.com")]}, {"language": "dotnet"})):
        runtime = lambda_.Runtime.DOTNET_8 if "language" in changes else lambda_.Runtime.PYTHON_3_13
        own = a_function(stack, f"Function{at}", runtime=runtime, environment={"OTEL_PROPAGATORS": "b3"})
        instrument_lambda(own, service_name="orders", **changes)
    made = resources(template(), "AWS::Lambda::Function").values()
    assert [each["Properties"]["Environment"]["Variables"]["OTEL_PROPAGATORS"] for each in made] == ["b3", "b3"]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("tracecontext,baggage", "lack xray, got tracecontext, baggage"),
        ("", "lack xray, got none"),
        ("baggage,xray,tracecontext", "have tracecontext after xray, .* give baggage,tracecontext,xray"),
        ("xray,b3", "have b3 after xray"),
        ("xray, b3multi", "have b3multi after xray"),
    ],
)
def test_propagators_of_the_functions_own_that_lose_lambdas_trace_are_refused(stack, value, words):
    function = a_function(stack, environment={"OTEL_PROPAGATORS": value})
    with pytest.raises(InvalidProps, match=f"has OTEL_PROPAGATORS, and its propagators {words}.* with propagators= in"):
        instrument_lambda(function, service_name="orders")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-dataset=shop,x-honeycomb-team=hive", "a key as x-honeycomb-team"),
        ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "Authorization=Basic%20aGl2ZQ", "a key as Authorization"),
        ("OTEL_EXPORTER_OTLP_METRICS_HEADERS", "x-team=Bearer%20hive", "the value of an authorization header"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-team={{resolve:secretsmanager:hive}}", "a reference that CloudFormation"),
    ],
)
def test_a_key_in_clear_among_the_functions_own_variables_is_refused(stack, name, value, words):
    with pytest.raises(InvalidProps) as refused:
        instrument_lambda(a_function(stack, environment={name: value}), service_name="orders")
    assert str(refused.value).startswith(f"the environment of Test/Function has {name} with {words}")
    assert value.partition("=")[2] not in str(refused.value)
    bare = a_function(stack, "Bare", environment={"OTEL_EXPORTER_OTLP_HEADERS": "x-dataset=shop, x-tenant=a%20b"})
    assert instrument_lambda(bare, service_name="orders").enabled


@pytest.mark.parametrize(
    "runtime", [lambda_.Runtime.NODEJS_22_X, lambda_.Runtime.JAVA_21, lambda_.Runtime.DOTNET_8], ids=lambda it: it.name
)
def test_a_language_without_header_secrets_takes_a_reference_to_its_key_and_no_key(stack, runtime):
    def with_headers(id, value):
        environment = {"OTEL_EXPORTER_OTLP_HEADERS": value}
        return instrument_lambda(a_function(stack, id, runtime=runtime, environment=environment), service_name="orders")

    secret = secretsmanager.Secret(stack, "Hive").secret_value.unsafe_unwrap()
    resolved = "{{resolve:secretsmanager:hive:SecretString:key}}"
    for at, value in enumerate((f"x-honeycomb-team={resolved}", f"x-team={secret},x-dataset=shop", secret)):
        assert with_headers(f"Given{at}", value).enabled
    assert with_headers("Basic", f"Authorization=Basic%20{resolved}").enabled
    for at, value in enumerate(
        ("x-honeycomb-team=bee", f"x-a={resolved},api-key=bee", "x-a={{resolve:ssm-secure:bee}}")
    ):
        with pytest.raises(
            InvalidProps, match=r"give the reference \{\{resolve:secretsmanager:.*, or send to an "
        ) as told:
            with_headers(f"Clear{at}", value)
        assert "header_secrets" not in str(told.value)
        assert "bee" not in str(told.value)


def test_variables_that_say_the_same_or_what_nobody_else_says_stay(stack, template):
    same = {"OTEL_SERVICE_NAME": "orders", "AWS_LAMBDA_EXEC_WRAPPER": "/opt/otel-instrument"}
    own = {"OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "cumulative"}
    instrument_lambda(a_function(stack, environment={**same, **own}), service_name="orders")
    variables = only(template(), "AWS::Lambda::Function")["Environment"]["Variables"]
    assert {**same, **own}.items() <= variables.items()


def test_what_the_function_has_already_stays(stack, template):
    function = a_function(stack, environment={"TABLE_NAME": "orders"})
    instrument_lambda(function, service_name="orders", environment="prod", resource_attributes={"team": "shop"})
    variables = only(template(), "AWS::Lambda::Function")["Environment"]["Variables"]
    assert variables["TABLE_NAME"] == "orders"
    assert variables["OTEL_RESOURCE_ATTRIBUTES"] == "deployment.environment.name=prod,team=shop"


def test_the_role_gets_the_two_write_actions_of_x_ray_and_nothing_more(stack, template):
    instrument_lambda(a_function(stack), service_name="orders")
    assert only(template(), "AWS::IAM::Policy")["PolicyDocument"]["Statement"] == [
        {"Effect": "Allow", "Action": ["xray:PutTelemetryRecords", "xray:PutTraceSegments"], "Resource": "*"}
    ]


def test_turned_off_it_adds_nothing_and_turns_x_ray_off(stack, context, template):
    function = a_function(stack, tracing=lambda_.Tracing.ACTIVE)
    exporters = [XRay(), CloudWatchMetrics(namespace="Shop"), Honeycomb(api_key_secret="hive")]
    made = instrument_lambda(function, service_name="orders", exporters=exporters, enabled=False)
    assert not made.enabled
    assert made.layer is None
    # The CDK lets nobody take back the permission that it gives with active tracing; nothing else differs.
    bare = bare_stack(context)
    a_function(bare, tracing=lambda_.Tracing.ACTIVE)
    was, now = only(template_of(bare), "AWS::Lambda::Function"), only(template(), "AWS::Lambda::Function")
    assert now == {**was, "TracingConfig": {"Mode": "PassThrough"}}


def test_turned_off_it_asks_for_no_region_and_no_layer(context):
    stack = bare_stack(context, region=None)
    instrument_lambda(a_function(stack, runtime=lambda_.Runtime.RUBY_3_3), service_name="orders", enabled=False)
    assert "Layers" not in only(template_of(stack), "AWS::Lambda::Function")


def test_turned_off_it_reports_errors_all_the_same(stack, template):
    errors = Rollbar(access_token_secret="rollbar", environment="prod")
    made = instrument_lambda(a_function(stack), service_name="orders", errors=errors, enabled=False)
    assert (made.enabled, made.layer, made.runtime_layer is None) == (False, None, False)
    function = only(template(), "AWS::Lambda::Function")
    assert function["TracingConfig"] == {"Mode": "PassThrough"}
    assert function["Handler"] == "raytrail_runtime.entry.handler"
    assert set(function["Environment"]["Variables"]) == {"RAYTRAIL_HANDLER", "RAYTRAIL_ROLLBAR"}
    assert len(function["Layers"]) == 1
    (statement,) = only(template(), "AWS::IAM::Policy")["PolicyDocument"]["Statement"]
    assert statement["Action"] == "secretsmanager:GetSecretValue"
    node = a_function(stack, "Node", runtime=lambda_.Runtime.NODEJS_22_X)
    with pytest.raises(InvalidProps, match="errors go to Rollbar from Python alone"):
        instrument_lambda(node, service_name="orders", errors=errors, enabled=False)


@pytest.mark.parametrize("enabled", [True, False])
def test_what_the_app_does_not_make_takes_no_layer(stack, enabled):
    imported = lambda_.Function.from_function_name(stack, "Imported", "orders")
    for given in (imported, a_function(stack).add_alias("live")):
        for add in (instrument_lambda, add_collector):
            with pytest.raises(InvalidProps) as refused:
                add(given, service_name="orders", enabled=enabled)
            assert str(refused.value).startswith(f"{given.node.path} is no lambda.Function that this app makes")


def test_a_function_with_the_cdks_own_instrumentation_is_refused(stack):
    cdks = lambda_.AdotInstrumentationConfig(
        exec_wrapper=lambda_.AdotLambdaExecWrapper.INSTRUMENT_HANDLER,
        layer_version=lambda_.AdotLayerVersion.from_python_sdk_layer_version(
            lambda_.AdotLambdaLayerPythonSdkVersion.LATEST
        ),
    )
    with pytest.raises(InvalidProps, match=r"^Test/Function has the CDK's adot_instrumentation"):
        instrument_lambda(a_function(stack, adot_instrumentation=cdks), service_name="orders")


def test_without_x_ray_lambda_traces_nothing_and_the_role_may_not_write(stack, template):
    partner = Otlp(endpoint="https://otlp.example.com")
    instrument_lambda(a_function(stack), service_name="orders", exporters=[partner])
    assert only(template(), "AWS::Lambda::Function")["TracingConfig"] == {"Mode": "PassThrough"}
    assert "AWS::IAM::Policy" not in {each["Type"] for each in template()["Resources"].values()}
