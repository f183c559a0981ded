"""A collector for a function whose code is instrumented by hand."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import aws_lambda as lambda_

from raytrail.errors import InvalidProps
from raytrail.instrumentation import _layers
from raytrail.instrumentation._collector import configure_collector
from raytrail.instrumentation._functions import Instrumentation
from raytrail.instrumentation._model_collector import CollectorConfig
from raytrail.instrumentation._model_exporters import Exporter, XRay
from raytrail.instrumentation._variables import add_variables, bound_variables
from raytrail.instrumentation._xray import grant_xray, trace


def add_collector(
    function: lambda_.Function,
    *,
    service_name: str,
    exporters: Sequence[Exporter] = (XRay(),),
    config: CollectorConfig | None = None,
    layer_arn: str | None = None,
    enabled: bool = True,
) -> Instrumentation:
    """Give a function the collector that AWS publishes as a layer.

    For Go, Ruby, Rust and other languages that AWS makes no instrumenting layer for: the code makes spans with the
    OpenTelemetry SDK of its language and sends them by OTLP to ``localhost:4317`` (gRPC) or ``localhost:4318`` (HTTP).
    AWS calls this way the legacy one; it costs an extension's start at each cold start.
    See https://aws-otel.github.io/docs/getting-started/lambda/lambda-go.

    Args:
        function: A function of any runtime that takes layers.
        service_name: What traces call the service, for SDKs that read ``OTEL_SERVICE_NAME``.
        exporters: Where the collector sends: `XRay`, `Prometheus`, `Otlp` without a key. Default: traces to X-Ray.
        config: A configuration of your own in place of that of ``exporters``, which then say only what the function's
            role may do. Default: made of ``exporters``.
        layer_arn: The version of the layer. Default: that of the stack's Region in AWS's table.
        enabled: Whether to add it at all; if not, X-Ray is turned off for the function. Default: true.

    Returns:
        What was added.

    Raises:
        InvalidProps: The Region has no layer in the table, the collector cannot send there, the function is not made
            in the app, is a container image, has a collector already, or sets a variable of the collector to something
            else. More variables than Lambda takes are refused at synth.
    """
    _layers.check_made_here(function)
    if not enabled:
        trace(function, "PassThrough")
        return Instrumentation(enabled=False)
    if _layers.is_image(function):
        raise InvalidProps(f"{function.node.path} is a container image, which takes no layer; put a collector into it")
    config = config or CollectorConfig.of(exporters)
    layer = _layers.add_collector_layer(function, layer_arn)
    configure_collector(function, config, exporters)
    add_variables(function, {"OTEL_SERVICE_NAME": service_name})
    bound_variables(function)
    to_xray = any(isinstance(each, XRay) for each in exporters)
    trace(function, "Active" if to_xray else "PassThrough")
    if to_xray:
        grant_xray(function)
    return Instrumentation(enabled=True, collector_layer=layer)
