"""OpenTelemetry for Lambda functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aws_cdk import Annotations, Stack
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from raytrail.errors import InvalidProps
from raytrail.instrumentation import _layers
from raytrail.instrumentation._collector import configure_collector
from raytrail.instrumentation._model_collector import CollectorConfig
from raytrail.instrumentation._model_environment import (
    HANDLER_VARIABLE,
    WRAPPED_HANDLER,
    check_own_headers,
    check_own_propagators,
    check_size,
    runtime_variables,
    to_json,
    variables,
)
from raytrail.instrumentation._model_errors import Rollbar
from raytrail.instrumentation._model_exporters import Exporter, XRay
from raytrail.instrumentation._model_given import check_enabled, check_protocol, check_traces_exporter
from raytrail.instrumentation._model_images import image_instructions
from raytrail.instrumentation._model_layers import EXEC_WRAPPER, Language
from raytrail.instrumentation._model_telemetry import Telemetry
from raytrail.instrumentation._secrets import grant_read, secret_id
from raytrail.instrumentation._variables import add_variables, bound_variables, variables_of
from raytrail.instrumentation._xray import grant_xray, resource_of, trace

LAMBDA_TIMEOUT_SECONDS = 3
"""What a function has unless told otherwise: https://docs.aws.amazon.com/lambda/latest/dg/configuration-timeout.html."""

_MARK = "Instrumentation"


@dataclass(frozen=True, kw_only=True)
class Instrumentation:
    """What `instrument_lambda` added to a function.

    Attributes:
        enabled: Whether the function is instrumented; if not, errors may be reported all the same.
        layer: AWS's layer for the function's language. Default: none, as for a container image.
        runtime_layer: The layer of this package, if the function sends by OTLP or reports errors. Default: none.
        collector_layer: AWS's collector layer, if metrics go to Prometheus. Default: none.
        image_instructions: The lines that the Dockerfile of a container image needs. Default: none, as for other
            functions.
    """

    enabled: bool
    layer: lambda_.ILayerVersion | None = None
    runtime_layer: lambda_.ILayerVersion | None = None
    collector_layer: lambda_.ILayerVersion | None = None
    image_instructions: tuple[str, ...] = ()


def instrument_lambda(
    function: lambda_.Function,
    *,
    service_name: str,
    environment: str | None = None,
    exporters: Sequence[Exporter] = (XRay(),),
    errors: Rollbar | None = None,
    instrumentations: Sequence[str] = (),
    propagators: Sequence[str] = (),
    resource_attributes: Mapping[str, str] | None = None,
    resource_detectors: Sequence[str] = (),
    log_correlation: bool = False,
    fast_start: bool = False,
    enabled: bool = True,
    language: Language | None = None,
    layer_arn: str | None = None,
    collector_layer_arn: str | None = None,
) -> Instrumentation:
    """Instrument a function with AWS's distribution of OpenTelemetry. Its code stays as it is.

    Adds the ADOT layer of the function's language and Region, its start script, active tracing, and to the function's
    role exactly what that needs: the two actions that write to X-Ray, reading the secrets that are named, writing to
    the workspace of Prometheus that is named.

    Args:
        function: A function that the app makes, with a runtime that AWS documents for the layer of Python, Node.js,
            Java or .NET, or a container image.
        service_name: The name of the service in each span.
        environment: The environment in each span (``deployment.environment.name``). Default: none.
        exporters: Where traces and metrics go; two at once for Python. Lambda decides which requests X-Ray traces:
            without `XRay` none does, and every request is traced elsewhere. Default: traces to X-Ray.
        errors: Where errors go. Python alone. Default: nowhere but the log.
        instrumentations: Libraries to make spans of beyond those that the layer makes, as ``sqlite3``; each costs time
            at a cold start. For Python they are held against the layer's list, for Node.js and Java only their form is.
            Default: none; the layer has the AWS SDK and HTTP.
        propagators: How a trace is carried on, among xray, tracecontext, baggage, b3 and b3multi. With `XRay` xray
            comes after all that read a client's header, because the last one that finds a trace wins. Default: what
            the function has in OTEL_PROPAGATORS; else baggage, tracecontext, xray; without `XRay` tracecontext and
            baggage; for .NET with `XRay` the layer's own.
        resource_attributes: More attributes of each span's resource, none of which is a key. Default: none; the layer
            adds those of Lambda.
        resource_detectors: Which detectors add attributes to them, among otel, os, host, process, service_instance and
            aws_lambda. Python alone. Default: the SDK's, which is otel.
        log_correlation: Whether the records of Python's logging carry the IDs of trace and span (``otelTraceID``,
            ``otelSpanID``), which a log in Lambda's JSON format then shows. Default: they do not.
        fast_start: Whether a smaller SDK takes the place of the full one, for a shorter cold start: traces to X-Ray and
            nothing else. For Python and Node.js it needs a layer of v0.19.0 or later, and an older one ignores it.
            That of Python has propagators of its own (baggage, xray, tracecontext), whatever is given here: a client
            that sends a ``traceparent`` takes the spans with it. Default: the full one.
        enabled: Whether to instrument at all. If not, X-Ray is turned off for the function and nothing is added but
            what reports errors, so that it costs nothing and works as before. Default: true.
        language: The language of a container image, which does not tell. Default: that of the runtime.
        layer_arn: The version of AWS's layer to use; the function's runtime is then yours to match. Default: that of
            the stack's Region in AWS's table.
        collector_layer_arn: The version of AWS's collector layer, which `Prometheus` takes. Default: that of AWS's
            table.

    Returns:
        What was added.

    Raises:
        InvalidProps: The runtime is not one of a layer's, the Region has no layer in the table, the exporters do not
            go together or not with the language, the function is not made in the app or instrumented already, or its
            environment sets a variable of the layer's to something else, as another AWS_LAMBDA_EXEC_WRAPPER, turns the
            SDK off, keeps traces from X-Ray by another exporter, protocol or order of propagators, or has a key for
            OTLP in clear. More variables than Lambda takes are refused at synth.
    """
    _layers.check_made_here(function)
    if not enabled:
        trace(function, "PassThrough")
        return Instrumentation(
            enabled=False, runtime_layer=_report_errors(function, service_name, errors, language) if errors else None
        )
    if function.node.try_find_child(_MARK) is not None:
        raise InvalidProps(f"{function.node.path} is instrumented already; call instrument_lambda once for a function")
    attributes = {"deployment.environment.name": environment} if environment else {}
    telemetry = Telemetry(
        language=_layers.language_of(function, language, own_layer=layer_arn is not None),
        service_name=service_name,
        exporters=tuple(exporters),
        errors=errors,
        resource_attributes={**attributes, **(resource_attributes or {})},
        instrumentations=tuple(instrumentations),
        propagators=tuple(propagators),
        resource_detectors=tuple(resource_detectors),
        log_correlation=log_correlation,
        fast_start=fast_start,
    )
    # A container image gets nothing else that would tell.
    Construct(function, _MARK)
    made = (
        _in_image(function, telemetry)
        if _layers.is_image(function)
        else _with_layers(function, telemetry, layer_arn, collector_layer_arn)
    )
    _check_given(function, telemetry)
    ours = variables(telemetry, variables_of(function))
    _set_environment(function, telemetry, {"AWS_LAMBDA_EXEC_WRAPPER": EXEC_WRAPPER, **ours})
    _check_timeout(function, telemetry)
    grant_read(function, telemetry.secrets)
    trace(function, "Active" if telemetry.to_xray else "PassThrough")
    if telemetry.to_xray:
        grant_xray(function)
    return made


def _with_layers(
    function: lambda_.Function, telemetry: Telemetry, layer_arn: str | None, collector_layer_arn: str | None
) -> Instrumentation:
    layer = _layers.add_adot(function, telemetry.language, layer_arn)
    runtime = _layers.add_runtime(function) if telemetry.needs_runtime_layer else None
    collector = None
    if telemetry.prometheus:
        collector = _layers.add_collector_layer(function, collector_layer_arn)
        configure_collector(function, CollectorConfig.of([telemetry.prometheus]), [telemetry.prometheus])
    if telemetry.errors is not None:
        _wrap_handler(function)
    return Instrumentation(enabled=True, layer=layer, runtime_layer=runtime, collector_layer=collector)


def _report_errors(
    function: lambda_.Function, service_name: str, errors: Rollbar, language: Language | None
) -> lambda_.ILayerVersion | None:
    """Report errors though nothing is traced, and return our layer; an image has its files, and names the handler."""
    language = _layers.language_of(function, language, own_layer=True)
    telemetry = Telemetry(language=language, service_name=service_name, exporters=(XRay(),), errors=errors)
    layer = None
    if not _layers.is_image(function):
        layer = _layers.add_runtime(function)
        _wrap_handler(function)
    _set_environment(function, telemetry, {})
    _check_timeout(function, telemetry)
    grant_read(function, telemetry.secrets)
    return layer


def _wrap_handler(function: lambda_.Function) -> None:
    resource = resource_of(function)
    add_variables(function, {HANDLER_VARIABLE: resource.handler or ""})
    resource.handler = WRAPPED_HANDLER


def _in_image(function: lambda_.Function, telemetry: Telemetry) -> Instrumentation:
    if telemetry.prometheus:
        raise InvalidProps(
            f"{function.node.path} is a container image, and AWS publishes its collector for Lambda as a layer alone; "
            "send metrics by Otlp to a collector of your own"
        )
    lines = image_instructions(
        telemetry.language,
        runtime=telemetry.needs_runtime_layer,
        handler="YOUR.HANDLER" if telemetry.errors is not None else None,
    )
    text = "a container image takes no layers; its Dockerfile needs what image_instructions() gives: "
    Annotations.of(function).add_info_v2("raytrail:ImageInstructions", text + " / ".join(lines))
    return Instrumentation(enabled=True, image_instructions=lines)


def _check_timeout(function: lambda_.Function, telemetry: Telemetry) -> None:
    """Warn where a partner that does not answer could use up the time that the function has."""
    waits = telemetry.longest_wait_seconds
    timeout = function.timeout.to_seconds() if function.timeout else LAMBDA_TIMEOUT_SECONDS
    if waits and timeout <= waits + 1:
        Annotations.of(function).add_warning_v2(
            "raytrail:Timeout",
            f"a request waits up to {waits:g} seconds for partners and keys that do not come, and the function's "
            f"timeout is {timeout:g} seconds; raise it, or lower timeout_seconds",
        )


def _check_given(function: lambda_.Function, telemetry: Telemetry) -> None:
    """Refuse variables of the function's own, beside those of ours, that hold a key, or let nothing be sent."""
    where, has = f"the environment of {function.node.path}", variables_of(function)
    check_own_headers(has, where, telemetry.language)
    check_own_propagators(has, where, telemetry)
    check_enabled(where, has)
    if telemetry.to_xray and "OTEL_TRACES_EXPORTER" not in variables(telemetry):
        # The layer sends to X-Ray what its exporter for HTTP is given, and leaves the one for gRPC as it is.
        check_traces_exporter(where, has, ("otlp", "otlp_proto_http"))
    if telemetry.to_xray and telemetry.language == "python":
        check_protocol(where, has, "http/protobuf", signals=("traces",))


def _set_environment(function: lambda_.Function, telemetry: Telemetry, made: Mapping[str, str]) -> None:
    """Set these variables, and those of our own layer."""
    ours = runtime_variables(telemetry, secret_id)
    check_size({**made, **{name: to_json(value) for name, value in ours.items()}}, function.node.path)
    stack = Stack.of(function)
    add_variables(function, {**made, **{name: stack.to_json_string(value) for name, value in ours.items()}})
    bound_variables(function)
