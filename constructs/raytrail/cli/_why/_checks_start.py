"""Checks of what stands before OpenTelemetry: tracing mode, runtime, layer, wrapper."""

from __future__ import annotations

from raytrail._lambda_layers import (
    LAYER_OF,
    RUNTIMES,
    WRAPPERS,
    OtelLayer,
    language_of,
    may_hold_a_wrapper,
    otel_layers,
)
from raytrail.cli._terminal import listed
from raytrail.cli._why._finding import Finding
from raytrail.cli._why._seen import FunctionSeen


def active_tracing_off(seen: FunctionSeen) -> Finding | None:
    """Lambda hands on a caller's trace and starts none."""
    if seen.active or seen.arrived.lambdas:
        return None
    return Finding(
        name="active-tracing-off",
        title="active tracing is off",
        seen="TracingConfig.Mode is PassThrough",
        means="Lambda starts no trace, records no segment of its own, and tells OpenTelemetry that the request is not "
        "sampled, unless the caller's request already belongs to a sampled trace",
        todo="set the mode to Active: instrument_lambda does, unless tracing.enabled is false; by hand, `aws "
        f"lambda update-function-configuration --function-name {seen.name} --tracing-config Mode=Active`",
        # A caller's trace is all that can arrive, and here one did.
        cause=not seen.anything_arrives,
    )


def wrapper_without_layer(seen: FunctionSeen) -> Finding | None:
    """The script that starts the runtime comes with a layer that is not there."""
    if seen.wrapper not in WRAPPERS or seen.image or seen.spans_arrive or _language_layers(seen):
        return None
    log = _line(seen, f"{seen.wrapper}: does not exist")
    # A runtime that consists of the operating system alone takes no wrapper, and a layer of one's own may have it.
    if not log and (seen.runtime.startswith("provided") or any(map(may_hold_a_wrapper, seen.layers))):
        return None
    language = language_of(seen.runtime)
    layer = f"the layer {LAYER_OF[language]} of {seen.region}" if language else "the layer that has the script"
    return Finding(
        name="wrapper-without-layer",
        title="the wrapper is set, and no layer has it",
        seen=f"AWS_LAMBDA_EXEC_WRAPPER is {seen.wrapper}; layers: {listed(seen.layers)}{log}",
        means="Lambda starts a runtime by that script: without it the function does not start, and every request fails "
        "with Runtime.ExitError",
        todo=f"add {layer} (instrument_lambda does), or unset AWS_LAMBDA_EXEC_WRAPPER",
    )


def layer_without_wrapper(seen: FunctionSeen) -> Finding | None:
    """The layer is there and nothing starts it."""
    layers = _language_layers(seen)
    if not layers or seen.variables is None or seen.wrapper in WRAPPERS or seen.spans_arrive:
        return None
    set_to = f"is {seen.wrapper}, another script" if seen.wrapper else "is not set"
    return Finding(
        name="layer-without-wrapper",
        title="the layer is there, and its wrapper is not set",
        seen=f"layer {layers[0].name}; AWS_LAMBDA_EXEC_WRAPPER {set_to}",
        means="the layer's files are there, and the function starts without OpenTelemetry: no span of its code is made",
        todo=f"set AWS_LAMBDA_EXEC_WRAPPER to {WRAPPERS[0]}"
        + ("; a function has one wrapper, so let that script call the other" if seen.wrapper else ""),
    )


def layer_of_another_language(seen: FunctionSeen) -> Finding | None:
    """A layer for other functions."""
    language = language_of(seen.runtime)
    wrong = [layer for layer in _language_layers(seen) if layer.language != language]
    if not seen.runtime or not wrong or len(wrong) < len(_language_layers(seen)) or seen.spans_arrive:
        return None
    right = f"take {LAYER_OF[language]}" if language else "see docs/instrumentation.md for what this runtime needs"
    return Finding(
        name="layer-of-another-language",
        title="the layer is for another language",
        seen=f"runtime {seen.runtime}; layer {listed(layer.name for layer in wrong)}",
        means="the layer's code cannot run in this runtime: the function does not start, or starts without it",
        todo=f"{right} in place of it",
    )


def layer_of_another_region(seen: FunctionSeen) -> Finding | None:
    """Layer versions are of one Region."""
    wrong = [layer for layer in otel_layers(seen.layers) if layer.region != seen.region]
    if not wrong:
        return None
    return Finding(
        name="layer-of-another-region",
        title="the layer is of another Region",
        seen=f"the function is in {seen.region}, the layer in {listed(layer.region for layer in wrong)}",
        means="Lambda takes layers of its own Region only, and their version numbers differ by Region",
        todo=f"take the version that AWS lists for {seen.region}; raytrail.instrumentation has the table",
    )


def image_function(seen: FunctionSeen) -> Finding | None:
    """Images take no layers: what a layer holds is in the image, or nowhere."""
    if not seen.image or seen.spans_arrive:
        return None
    wrapper = f"AWS_LAMBDA_EXEC_WRAPPER is {seen.wrapper}" if seen.wrapper else "AWS_LAMBDA_EXEC_WRAPPER is not set"
    return Finding(
        name="image-function",
        title="it is a container image, which takes no layers",
        seen=f"PackageType is Image; {wrapper}",
        means="OpenTelemetry is there only if the image holds the layer's files under /opt, which cannot be seen from "
        "outside",
        todo="copy the layer's content to /opt in the Dockerfile, and set AWS_LAMBDA_EXEC_WRAPPER to "
        f"{WRAPPERS[0]} (docs/instrumentation.md)",
    )


def unsupported_runtime(seen: FunctionSeen) -> Finding | None:
    """A runtime that AWS's layer is not made for."""
    language = language_of(seen.runtime)
    if seen.image or not seen.runtime or seen.runtime in RUNTIMES.get(language, ()) or seen.spans_arrive:
        return None
    if language and not _language_layers(seen):
        # Nobody tried.
        return None
    known = f"AWS documents the layer for {listed(RUNTIMES[language])}" if language else "AWS has no layer for it"
    return Finding(
        name="unsupported-runtime",
        title="AWS's layer is not made for this runtime",
        seen=f"runtime {seen.runtime}",
        means=f"{known}; elsewhere it may fail to start, or do nothing",
        todo="use a documented runtime"
        if language
        else "put the OpenTelemetry SDK into the code, with the X-Ray "
        "propagator and an exporter (docs/instrumentation.md)",
        cause=bool(_language_layers(seen) or seen.wrapper in WRAPPERS),
    )


def layer_of_another_architecture(seen: FunctionSeen) -> Finding | None:
    """The older layers are made for one kind of processor."""
    mine = "arm64" if seen.architecture == "arm64" else "amd64"
    wrong = [layer for layer in otel_layers(seen.layers) if layer.architecture not in ("", mine)]
    if not wrong or seen.spans_arrive:
        return None
    return Finding(
        name="layer-of-another-architecture",
        title="the layer is for another processor",
        seen=f"the function runs on {seen.architecture}; layer {listed(layer.name for layer in wrong)}",
        means="the collector in that layer cannot run here",
        todo=f"take the layer with {mine} in its name, or AWS's recommended layer, which fits both",
    )


def _language_layers(seen: FunctionSeen) -> list[OtelLayer]:
    return [layer for layer in otel_layers(seen.layers) if layer.language]


def _line(seen: FunctionSeen, text: str) -> str:
    found = next((line for line in reversed(seen.log_lines or ()) if text in line), None)
    return f'; the log says "{found}"' if found else ""
