"""Checks of OpenTelemetry's settings in the function's environment."""

from __future__ import annotations

from urllib.parse import urlsplit

from raytrail._lambda_layers import WRAPPERS, language_of, otel_layers
from raytrail.cli._terminal import listed
from raytrail.cli._why._finding import Finding
from raytrail.cli._why._seen import FunctionSeen

TO_XRAY = frozenset({"", "otlp", "otlp_proto_http"})
"""Exporters that the layer turns into one that sends to X-Ray's daemon beside the function."""

_PROPAGATORS_OF_LAYER = dict.fromkeys(("python", "java"), ("baggage", "xray", "tracecontext"))
"""Those of a layer that is told none, read in its script; X-Ray's is the last one in that for Node.js."""

ENDPOINT = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"


def sdk_disabled(seen: FunctionSeen) -> Finding | None:
    """OpenTelemetry was told to do nothing."""
    if seen.variable("OTEL_SDK_DISABLED").lower() != "true" or seen.spans_arrive:
        return None
    return Finding(
        name="sdk-disabled",
        title="OpenTelemetry is switched off",
        seen="OTEL_SDK_DISABLED is true",
        means="the SDK starts and makes no span; Lambda's own segments are not affected",
        todo="remove the variable, or set it to false",
    )


def sampler_off(seen: FunctionSeen) -> Finding | None:
    """OpenTelemetry was told to sample nothing."""
    sampler, share = seen.variable("OTEL_TRACES_SAMPLER"), seen.variable("OTEL_TRACES_SAMPLER_ARG")
    nothing = sampler.endswith("always_off") or (sampler.endswith("traceidratio") and _is_zero(share))
    # A parent-based sampler follows Lambda's decision where there is one, so it is to blame only without.
    if not nothing or seen.spans_arrive or (sampler.startswith("parentbased") and seen.arrived.lambdas):
        return None
    argument = f", OTEL_TRACES_SAMPLER_ARG is {share}" if share else ""
    return Finding(
        name="sampler-off",
        title="OpenTelemetry's sampler takes nothing",
        seen=f"OTEL_TRACES_SAMPLER is {sampler}{argument}",
        means="no span of the code is recorded, whatever Lambda decided about the request",
        todo="remove OTEL_TRACES_SAMPLER: the default follows Lambda's decision",
    )


def exported_elsewhere(seen: FunctionSeen) -> Finding | None:
    """No exporter sends to X-Ray."""
    names = [name.strip() for name in seen.variable("OTEL_TRACES_EXPORTER").split(",")]
    if TO_XRAY.intersection(names) or _fast_start(seen) or seen.spans_arrive:
        return None
    nowhere = names == ["none"]
    return Finding(
        name="exported-elsewhere",
        title="spans are exported nowhere" if nowhere else "spans are exported, but not to X-Ray",
        seen=f"OTEL_TRACES_EXPORTER is {','.join(names)}",
        means="only otlp_proto_http, which the layer sends to X-Ray's daemon beside the function, reaches X-Ray",
        todo="remove the variable, or add otlp_proto_http to it (instrument_lambda: XRay() among the exporters)",
    )


def propagator_missing(seen: FunctionSeen) -> Finding | None:
    """Lambda's header is not read, so spans begin a trace of their own."""
    names = _propagators(seen)
    understood = any(name.startswith("xray") for name in names)
    if not names or understood or seen.wrapper not in WRAPPERS or seen.arrived.together:
        return None
    apart = f"; its spans are in trace {seen.arrived.spans}, apart" if seen.arrived.spans else ""
    return Finding(
        name="propagator-missing",
        title="the propagator that reads Lambda's trace header is missing",
        seen=f"OTEL_PROPAGATORS is {','.join(names)}{apart}",
        means="Lambda tells the trace in X-Ray's header alone; spans made without it begin a trace of their own, "
        "and the function's trace has none of them",
        todo=f"set OTEL_PROPAGATORS to {','.join([*names, 'xray'])}",
    )


def propagator_overridden(seen: FunctionSeen) -> Finding | None:
    """A client's header wins over Lambda's, so spans of its requests are in the client's trace, or in none."""
    names = _propagators(seen)
    after = names[names.index("xray") :] if "xray" in names else []
    over = [name for name in after if name in ("tracecontext", "b3", "b3multi")]
    if not over or seen.wrapper not in WRAPPERS or not seen.arrived.lambdas or seen.arrived.together:
        return None
    apart = f"; its spans are in trace {seen.arrived.spans}, apart" if seen.arrived.spans else ""
    order = ",".join([*(name for name in names if name != "xray"), "xray"])
    return Finding(
        name="propagator-overridden",
        title="a client's trace header may win over Lambda's",
        seen=f"propagators, by OTEL_PROPAGATORS or the layer's default, are {','.join(names)}{apart}",
        means=f"the last one that finds a trace wins: a request with the header of {listed(over)} takes the spans of "
        "the code out of Lambda's trace, and one whose header says not sampled has none",
        todo=f"set OTEL_PROPAGATORS to {order} (instrument_lambda does)"
        + (", without the fast start, which reads no such setting" if _fast_start(seen) else ""),
        cause=seen.arrived.spans is not None,
    )


def distro_unset(seen: FunctionSeen) -> Finding | None:
    """Without Application Signals the layer's script does not choose AWS's distribution."""
    signals = seen.variable("OTEL_AWS_APPLICATION_SIGNALS_ENABLED")
    chosen = {
        "OTEL_PYTHON_DISTRO": "aws_distro",
        "OTEL_PYTHON_CONFIGURATOR": "aws_configurator",
    }
    unset = [f"{name}={value}" for name, value in chosen.items() if seen.variable(name) != value]
    layers = [layer for layer in otel_layers(seen.layers) if layer.name == "AWSOpenTelemetryDistroPython"]
    if signals in ("", "true") or not unset or not layers or _fast_start(seen) or seen.spans_arrive:
        return None
    if seen.wrapper not in WRAPPERS or language_of(seen.runtime) != "python":
        return None
    return Finding(
        name="distro-unset",
        title="AWS's distribution is not chosen while Application Signals is off",
        seen=f"OTEL_AWS_APPLICATION_SIGNALS_ENABLED is {signals}; missing: {listed(unset)}",
        means="the layer's script chooses AWS's distribution only together with Application Signals; otherwise plain "
        "OpenTelemetry may start, which sends to localhost:4318, where nobody listens",
        todo=f"set {listed(unset)} (instrument_lambda does)",
    )


def endpoint_elsewhere(seen: FunctionSeen) -> Finding | None:
    """Spans are sent to an endpoint of the user's: a collector that may not run, or another service."""
    url = seen.variable(ENDPOINT)
    if not url or _fast_start(seen) or seen.spans_arrive:
        return None
    host = urlsplit(url).hostname or ""
    shown = f"{ENDPOINT} is {url}"
    if host in ("localhost", "127.0.0.1", "::1"):
        return None if any(layer.collector for layer in otel_layers(seen.layers)) else _no_collector(seen, shown)
    if host.startswith("xray.") and ".amazonaws.com" in host:
        return _otlp_endpoint(seen, shown, host)
    return Finding(
        name="endpoint-elsewhere",
        title="spans go to another endpoint than X-Ray",
        seen=shown + ("; the function is in a VPC" if seen.in_vpc else ""),
        means=f"with this variable the layer sends every span to {host or url} and none to X-Ray, where only Lambda's "
        "own segments are",
        todo=f"look for the trace at {host or url}, or unset {ENDPOINT}"
        + (" and see that the VPC lets requests out" if seen.in_vpc else ""),
    )


def _no_collector(seen: FunctionSeen, shown: str) -> Finding:
    log = next((line for line in reversed(seen.log_lines or ()) if "efused" in line), None)
    return Finding(
        name="collector-not-running",
        title="spans go to a collector that does not run",
        seen=f"{shown}, and no layer has a collector" + (f'; the log says "{log}"' if log else ""),
        means="inside Lambda, localhost is the function alone: every export is refused, tried again, and holds up the "
        "answer meanwhile",
        todo=f"unset {ENDPOINT}, so that spans go to X-Ray's daemon, or add a collector layer (aws-otel-collector-...)",
    )


def _otlp_endpoint(seen: FunctionSeen, shown: str, host: str) -> Finding | None:
    if f".{seen.region}." not in host:
        means, todo = f"the endpoint is of another Region than the function's {seen.region}", "look there, or change it"
    elif seen.indexed_percent == -1:
        means = "X-Ray's OTLP endpoint refuses spans while Transaction Search is off"
        todo = f"unset {ENDPOINT}: the layer reaches X-Ray without it; or switch Transaction Search on"
    else:
        return None
    return Finding(
        name="otlp-endpoint-refuses",
        title="X-Ray's OTLP endpoint does not take the spans",
        seen=shown,
        means=means,
        todo=todo,
    )


def _fast_start(seen: FunctionSeen) -> bool:
    """Whether the layer's small SDK runs, which sends to X-Ray's daemon and reads no setting of exporters."""
    return any(seen.variable(name).lower() == "true" for name in ("OTEL_AWS_LAMBDA_FAST_START", "AWS_LAMBDA_LITE_MODE"))


def _propagators(seen: FunctionSeen) -> list[str]:
    """The propagators that the function has; none where they are not known."""
    given = "" if _fast_start(seen) else seen.variable("OTEL_PROPAGATORS")
    named = [name.strip() for name in given.split(",") if name.strip()]
    return named or [*_PROPAGATORS_OF_LAYER.get(language_of(seen.runtime), ())]


def _is_zero(share: str) -> bool:
    try:
        return float(share) == 0
    except ValueError:
        return False
