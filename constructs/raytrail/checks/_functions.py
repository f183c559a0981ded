"""Functions whose OpenTelemetry layer does not fit them, or does nothing."""

from __future__ import annotations

from collections.abc import Iterator

from raytrail._lambda_layers import WRAPPERS, OtelLayer, language_of, may_hold_a_wrapper, otel_layers
from raytrail.checks._deliveries import FUNCTION
from raytrail.checks._model import Check, Floors, Seen
from raytrail.checks._templates import App, Resource
from raytrail.checks._values import Unknown, Value, listed


def _misfits(app: App, floors: Floors) -> Iterator[Seen]:
    for function in app.of_type(FUNCTION):
        arns = listed(function.get("Layers"))
        layers = otel_layers(tuple(arn for arn in arns if isinstance(arn, str)))
        problems = [problem for layer in layers for problem in _does_not_fit(function, layer)]
        wrapper, language = _wrapper(function), language_of(str(function.get("Runtime")))
        if wrapper in WRAPPERS and language and not any(map(_may_wrap, arns)):
            problems.append(f"AWS_LAMBDA_EXEC_WRAPPER is {wrapper}, and no layer has that script")
        if problems:
            yield Seen(function, "; ".join(problems), "Properties.Layers")


def _does_not_fit(function: Resource, layer: OtelLayer) -> Iterator[str]:
    region, language = function.template.region, language_of(str(function.get("Runtime")))
    architectures = [each for each in listed(function.get("Architectures")) if isinstance(each, str)] or ["x86_64"]
    mine = "arm64" if architectures == ["arm64"] else "amd64"
    if region not in (None, layer.region):
        yield f"the function is in {region}, layer {layer.name} in {layer.region}"
    if layer.language and language and layer.language != language:
        yield f"the runtime is {function.get('Runtime')}, layer {layer.name} is for {layer.language}"
    if layer.architecture not in ("", mine):
        yield f"the function runs on {architectures[0]}, layer {layer.name} on {layer.architecture}"


def _idle(app: App, floors: Floors) -> Iterator[Seen]:
    for function in app.of_type(FUNCTION):
        arns = tuple(arn for arn in listed(function.get("Layers")) if isinstance(arn, str))
        carrying = [layer for layer in otel_layers(arns) if layer.language]
        wrapper, mode = _wrapper(function), function.get("TracingConfig", "Mode")
        if not carrying or isinstance(wrapper, Unknown):
            continue
        if wrapper not in WRAPPERS:
            set_to = f"is {wrapper}" if wrapper else "is not set"
            yield Seen(function, f"layer {carrying[0].name}, and AWS_LAMBDA_EXEC_WRAPPER {set_to}")
        elif mode in (None, "PassThrough") and not _variable(function, "OTEL_TRACES_SAMPLER"):
            yield Seen(function, f"layer {carrying[0].name}, and TracingConfig.Mode is {mode or 'not set'}")


def _variable(function: Resource, name: str) -> Value:
    return function.get("Environment", "Variables", name)


def _wrapper(function: Resource) -> Value:
    return _variable(function, "AWS_LAMBDA_EXEC_WRAPPER")


def _may_wrap(arn: Value) -> bool:
    return not isinstance(arn, str) or may_hold_a_wrapper(arn)


TRACING_LAYER_MISFIT = Check(
    name="TracingLayerMisfit",
    level="error",
    title="the OpenTelemetry layer does not fit the function",
    why="Lambda takes layers of its own Region alone, a layer is made for one language, the older ones for one kind of "
    "processor too, and a function whose wrapper is in no layer does not start.",
    fix="use instrument_lambda of raytrail.instrumentation, or the layer that AWS lists for the Region and the "
    "language",
    trusts="Layers that are a parameter, and layers of your own, which may hold anything; container images and "
    "runtimes of the operating system alone.",
    source="https://aws-otel.github.io/docs/getting-started/lambda",
    look=_misfits,
)

TRACING_LAYER_IDLE = Check(
    name="TracingLayerIdle",
    level="warning",
    title="the OpenTelemetry layer does nothing",
    why="The layer's files are there, and without AWS_LAMBDA_EXEC_WRAPPER nothing starts them. Without active tracing "
    "Lambda says of each request that is not part of a sampled trace already that it is not sampled, and no span is "
    "made.",
    fix=f"set AWS_LAMBDA_EXEC_WRAPPER to {WRAPPERS[0]} and the tracing mode to Active, as instrument_lambda of "
    "raytrail.instrumentation does",
    trusts="Layers and variables that are a parameter; a function that has `OTEL_TRACES_SAMPLER`. Callers that sample "
    "cannot be seen: hence a warning.",
    source="https://docs.aws.amazon.com/lambda/latest/dg/services-xray.html",
    nag=("LambdaTracing",),
    look=_idle,
)
