"""OpenTelemetry for Lambda functions."""

from __future__ import annotations

from aws_cdk import Stack, Token
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_

from raytrail.errors import InvalidProps
from raytrail.findings import acknowledge
from raytrail.instrumentation._model_layers import EXEC_WRAPPER, python_layer_arn, python_runtimes


def instrument_lambda(
    function: lambda_.Function, *, service_name: str, layer_arn: str | None = None
) -> lambda_.ILayerVersion:
    """Trace a Python function with AWS's distribution of OpenTelemetry, and return the layer that was added.

    Adds the ADOT layer of the function's Region, its start script, active tracing, and the two X-Ray actions that
    the function's role needs. The code of the function stays as it is.

    Args:
        function: A function with a Python runtime that AWS documents for the layer.
        service_name: The name of the service in each span (``OTEL_SERVICE_NAME``).
        layer_arn: The layer version to use. Default: that of the stack's Region in AWS's table.

    Raises:
        InvalidProps: The runtime is not one of the layer's, or the Region has no layer in the table.
    """
    runtimes = python_runtimes()
    if function.runtime.name not in runtimes:
        raise InvalidProps(
            f"runtime {function.runtime.name!r} of {function.node.path} is not one that AWS documents for the ADOT "
            f"Python layer; use one of {', '.join(runtimes)}"
        )
    region = Stack.of(function).region
    if layer_arn is None and Token.is_unresolved(region):
        raise InvalidProps(
            f"the stack of {function.node.path} has no Region, and the layer's version differs by Region; "
            "give the stack an env with a region, or give layer_arn"
        )
    layer = lambda_.LayerVersion.from_layer_version_arn(function, "AdotLayer", layer_arn or python_layer_arn(region))
    function.add_layers(layer)
    function.add_environment("AWS_LAMBDA_EXEC_WRAPPER", EXEC_WRAPPER)
    function.add_environment("OTEL_SERVICE_NAME", service_name)
    # Application Signals is a paid product of its own, on by default in the layer; without it the layer's start script
    # leaves out AWS's distribution too, which is what reads Lambda's trace header.
    function.add_environment("OTEL_AWS_APPLICATION_SIGNALS_ENABLED", "false")
    function.add_environment("OTEL_PYTHON_DISTRO", "aws_distro")
    function.add_environment("OTEL_PYTHON_CONFIGURATOR", "aws_configurator")
    _trace_actively(function)
    return layer


def _trace_actively(function: lambda_.Function) -> None:
    resource = function.node.default_child
    assert isinstance(resource, lambda_.CfnFunction)
    resource.tracing_config = lambda_.CfnFunction.TracingConfigProperty(mode="Active")
    function.add_to_role_policy(
        iam.PolicyStatement(actions=["xray:PutTraceSegments", "xray:PutTelemetryRecords"], resources=["*"])
    )
    if function.role is not None:
        acknowledge(
            function.role,
            {"AwsSolutions-IAM5[Resource::*]": "X-Ray's write actions know no resource; AWS documents * for them"},
        )
