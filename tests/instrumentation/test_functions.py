"""A Lambda function that one call instruments."""

from __future__ import annotations

from typing import Any

import pytest
from aws_cdk import Stack
from aws_cdk import aws_lambda as lambda_
from tests.synth import bare_stack, only, template_of

from raytrail.errors import InvalidProps
from raytrail.instrumentation import instrument_lambda, python_layer_arn

MINE = "arn:aws:lambda:eu-west-1:111122223333:layer:Mine:7"


def function(stack: Stack, **changes: Any) -> lambda_.Function:
    asked = {
        "code": lambda_.Code.from_inline("def handler(event, context): ..."),
        "handler": "index.handler",
        "runtime": lambda_.Runtime.PYTHON_3_13,
        **changes,
    }
    return lambda_.Function(stack, "Function", **asked)


def test_the_layer_is_that_of_the_stacks_region(context):
    for region in ("us-east-1", "eu-west-1", "ap-southeast-1"):
        stack = bare_stack(context, region=region)
        instrument_lambda(function(stack), service_name="orders")
        assert only(template_of(stack), "AWS::Lambda::Function")["Layers"] == [python_layer_arn(region)]


def test_a_layer_that_is_given_is_taken(stack, template):
    layer = instrument_lambda(function(stack), service_name="orders", layer_arn=MINE)
    assert layer.layer_version_arn == MINE
    assert only(template(), "AWS::Lambda::Function")["Layers"] == [MINE]


def test_a_given_layer_serves_in_a_region_that_the_table_lacks(context):
    stack = bare_stack(context, region="me-south-1")
    with pytest.raises(InvalidProps, match="AWS lists no ADOT Python layer for Region 'me-south-1'"):
        instrument_lambda(function(stack), service_name="orders")
    stack = bare_stack(context, region="me-south-1")
    instrument_lambda(function(stack), service_name="orders", layer_arn=MINE)
    assert only(template_of(stack), "AWS::Lambda::Function")["Layers"] == [MINE]


def test_a_stack_without_a_region_is_refused_unless_a_layer_is_given(context):
    with pytest.raises(InvalidProps) as refused:
        instrument_lambda(function(bare_stack(context, region=None)), service_name="orders")
    assert str(refused.value) == (
        "the stack of Test/Function has no Region, and the layer's version differs by Region; "
        "give the stack an env with a region, or give layer_arn"
    )
    assert instrument_lambda(function(bare_stack(context, region=None)), service_name="orders", layer_arn=MINE)


def test_a_runtime_that_is_not_the_layers_is_refused(stack):
    with pytest.raises(InvalidProps) as refused:
        instrument_lambda(function(stack, runtime=lambda_.Runtime.NODEJS_22_X), service_name="orders")
    assert str(refused.value) == (
        "runtime 'nodejs22.x' of Test/Function is not one that AWS documents for the ADOT Python layer; "
        "use one of python3.10, python3.11, python3.12, python3.13"
    )


def test_the_function_starts_with_opentelemetry_and_traces_actively(stack, template):
    instrument_lambda(function(stack, environment={"TABLE_NAME": "orders"}), service_name="orders")
    made = only(template(), "AWS::Lambda::Function")
    variables = made["Environment"]["Variables"]
    assert variables["TABLE_NAME"] == "orders"
    assert variables["AWS_LAMBDA_EXEC_WRAPPER"] == "/opt/otel-instrument"
    assert variables["OTEL_SERVICE_NAME"] == "orders"
    assert variables["OTEL_AWS_APPLICATION_SIGNALS_ENABLED"] == "false"
    assert made["TracingConfig"] == {"Mode": "Active"}


def test_the_role_gets_the_two_write_actions_of_x_ray_and_nothing_more(stack, template):
    instrument_lambda(function(stack), service_name="orders")
    assert only(template(), "AWS::IAM::Policy")["PolicyDocument"]["Statement"] == [
        {"Effect": "Allow", "Action": ["xray:PutTelemetryRecords", "xray:PutTraceSegments"], "Resource": "*"}
    ]
