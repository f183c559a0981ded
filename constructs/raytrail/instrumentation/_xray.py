"""What Lambda and a function's role do for X-Ray."""

from __future__ import annotations

from aws_cdk import aws_lambda as lambda_

from raytrail.findings import acknowledge
from raytrail.instrumentation._rights import allow


def grant_xray(function: lambda_.Function) -> None:
    """Let a function write to X-Ray."""
    allow(function, ["xray:PutTraceSegments", "xray:PutTelemetryRecords"], ["*"])
    if function.role is not None:
        acknowledge(
            function.role,
            {"AwsSolutions-IAM5[Resource::*]": "X-Ray's write actions know no resource; AWS documents * for them"},
        )


def trace(function: lambda_.Function, mode: str) -> None:
    """Set how Lambda traces a function: Active, or PassThrough, which records nothing."""
    resource_of(function).tracing_config = lambda_.CfnFunction.TracingConfigProperty(mode=mode)


def resource_of(function: lambda_.Function) -> lambda_.CfnFunction:
    """Return the L1 of a function, for what the L2 lets nobody change."""
    resource = function.node.default_child
    assert isinstance(resource, lambda_.CfnFunction)
    return resource
