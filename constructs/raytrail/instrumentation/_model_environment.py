"""What an instrumented function finds in its environment: the variables of OpenTelemetry, of the layer, and of ours.

Which variable means what is documented at https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
and at https://aws-otel.github.io/docs/getting-started/lambda, and read in the layers' own scripts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any
from urllib.parse import quote, unquote

from raytrail.errors import InvalidProps
from raytrail.instrumentation._model_exporters import CloudWatchMetrics, Otlp, Prometheus
from raytrail.instrumentation._model_layers import NAMES, Language, python_off_by_default
from raytrail.instrumentation._model_secrets import SecretField, key_in
from raytrail.instrumentation._model_telemetry import COLLECTOR, Telemetry, propagation_problem

OTLP_VARIABLE = "RAYTRAIL_OTLP_EXPORTERS"
ROLLBAR_VARIABLE = "RAYTRAIL_ROLLBAR"
HANDLER_VARIABLE = "RAYTRAIL_HANDLER"
WRAPPED_HANDLER = "raytrail_runtime.entry.handler"

_PROPAGATORS = "OTEL_PROPAGATORS"
_HEADERS = re.compile(r"OTEL_EXPORTER_OTLP_(\w+_)?HEADERS")
_REFERENCE = re.compile(r"""(?:[\w.-]+=[^,="]*)?\{\{resolve:secretsmanager:.*?\}\}""")
"""A header whose value CloudFormation takes from Secrets Manager."""

LONGEST_ENVIRONMENT = 4096
"""https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html: 4 KB for all variables of a function."""


def variables(telemetry: Telemetry, own: Collection[str] = ()) -> dict[str, str]:
    """Return the variables that are the same whatever the deployment makes of names.

    Args:
        telemetry: What a function records.
        own: The names of the variables that the function has: its own propagators go before our default.
            Default: none.
    """
    made = {
        "OTEL_SERVICE_NAME": telemetry.service_name,
        # Application Signals is a paid product of its own, on by default in the layer.
        "OTEL_AWS_APPLICATION_SIGNALS_ENABLED": "false",
    }
    if telemetry.resource_attributes:
        made["OTEL_RESOURCE_ATTRIBUTES"] = ",".join(
            f"{key}={_encoded(value)}" for key, value in telemetry.resource_attributes.items()
        )
    if propagators := telemetry.propagators or (() if _PROPAGATORS in own else _propagators(telemetry)):
        made[_PROPAGATORS] = ",".join(propagators)
    if telemetry.fast_start:
        java = telemetry.language == "java"
        made["OTEL_JAVA_AGENT_FAST_STARTUP_ENABLED" if java else "OTEL_AWS_LAMBDA_FAST_START"] = "true"
    return made | (_python(telemetry) if telemetry.language == "python" else _other(telemetry))


def runtime_variables(telemetry: Telemetry, secret_id: Callable[[SecretField], str]) -> dict[str, Any]:
    """Return the variables of our own layer, as values of JSON.

    Args:
        telemetry: What a function records.
        secret_id: Gives the name or ARN by which the function reads a secret.
    """

    def key(at: SecretField) -> dict[str, Any]:
        return {"id": secret_id(at), "field": at.field}

    made: dict[str, Any] = {}
    if telemetry.otlp and telemetry.language == "python":
        made[OTLP_VARIABLE] = [
            {
                "name": each.name,
                "signals": list(each.signals),
                "endpoint": each.endpoint,
                "headers": dict(each.headers),
                "secrets": {name: key(at) for name, at in each.secrets.items()},
                "timeout_seconds": each.timeout_seconds,
            }
            for each in telemetry.otlp
        ]
    if (errors := telemetry.errors) is not None:
        made[ROLLBAR_VARIABLE] = {
            "endpoint": errors.endpoint,
            "token": key(errors.token),
            "environment": errors.environment,
            "code_version": errors.code_version,
            "timeout_seconds": errors.timeout_seconds,
            "local_variables": errors.local_variables,
        }
    return made


def size_of(made: Mapping[str, str]) -> int:
    """Return the bytes that variables take: those of their JSON, which is what Lambda says that it measures."""
    return len(json.dumps(dict(made), separators=(",", ":"), ensure_ascii=False).encode())


def check_size(made: Mapping[str, str], where: str) -> None:
    """Refuse more than Lambda takes.

    Raises:
        InvalidProps: The variables are more than 4 KB.
    """
    size = size_of(made)
    if size > LONGEST_ENVIRONMENT:
        raise InvalidProps(
            f"the environment of {where} takes at most {LONGEST_ENVIRONMENT} bytes, and telemetry alone needs {size}; "
            "use fewer exporters, headers or resource attributes"
        )


def check_own_headers(own: Mapping[str, Any], where: str, language: Language) -> None:
    """Refuse a key that a function's own variables would give an exporter in clear.

    Args:
        own: The variables of the function: texts, or CloudFormation's functions.
        where: Whose variables they are, for the message.
        language: The function's. Only Python's has a better way than a reference to Secrets Manager in a variable.

    Raises:
        InvalidProps: A variable for the headers of OTLP carries a key.
    """
    if language == "python":
        instead = "leave it out, put the key into Secrets Manager, name the secret in header_secrets of Otlp"
    else:
        instead = (
            f"for {NAMES[language]} put it into Secrets Manager and give the reference "
            "{{resolve:secretsmanager:…}} in its place, or send to an OpenTelemetry collector of your own, which holds "
            "the key"
        )
    for name, value in own.items():
        text = value if isinstance(value, str) else to_json(value)
        if language != "python":
            text = _REFERENCE.sub("", text)
        for header in text.split(",") if _HEADERS.fullmatch(name) else ():
            if words := key_in(header) or key_in(unquote(header.partition("=")[2]).strip()):
                raise InvalidProps(
                    f"{where} has {name} with {words}, in clear for whoever may read the template or the function's "
                    f"configuration: {instead}, and replace the key"
                )


def check_own_propagators(own: Mapping[str, Any], where: str, telemetry: Telemetry) -> None:
    """Refuse propagators of a function's own that would take its spans out of the trace that Lambda has begun.

    Args:
        own: The variables of the function: texts, or CloudFormation's functions, which are not known before the
            deployment.
        where: Whose variables they are, for the message.
        telemetry: What the function records; where it gives propagators itself, the two are compared elsewhere.

    Raises:
        InvalidProps: Traces go to X-Ray, and the variable has no xray, or one that reads a client's header after it.
    """
    value = own.get(_PROPAGATORS)
    if telemetry.propagators or not _propagators(telemetry) or not telemetry.to_xray or not isinstance(value, str):
        return
    if problem := propagation_problem([each for part in value.split(",") if (each := part.strip())]):
        raise InvalidProps(
            f"{where} has {_PROPAGATORS}, and its {problem}; leave the variable out, which makes it baggage, "
            "tracecontext, xray, or choose an order with propagators= in its place"
        )


def to_json(value: Any) -> str:
    """Return a value as the text of a variable."""
    return json.dumps(value, separators=(",", ":"))


def _propagators(telemetry: Telemetry) -> tuple[str, ...]:
    """How a trace is carried on unless told otherwise; none leaves it to the layer."""
    if not telemetry.to_xray:
        # A trace does not begin with Lambda's segments, which nobody would send.
        return "tracecontext", "baggage"
    # Of all that find a trace, the last one wins: by the layer's default a client's traceparent would take the spans
    # out of the trace that Lambda has begun. OpenTelemetry documents no propagator of X-Ray's for .NET.
    return () if telemetry.language == "dotnet" else ("baggage", "tracecontext", "xray")


def _python(telemetry: Telemetry) -> dict[str, str]:
    # Without Application Signals the layer's start script leaves out AWS's distribution too, which is what reads
    # Lambda's trace header.
    made = {"OTEL_PYTHON_DISTRO": "aws_distro", "OTEL_PYTHON_CONFIGURATOR": "aws_configurator"}
    by_otlp = {signal for each in telemetry.otlp for signal in each.signals}
    traces = [*(["otlp_proto_http"] if telemetry.to_xray else []), *(["raytrail_otlp"] if "traces" in by_otlp else [])]
    if traces != ["otlp_proto_http"]:
        made["OTEL_TRACES_EXPORTER"] = ",".join(traces) or "none"
    metrics = ["raytrail_otlp"] if "metrics" in by_otlp else []
    for each in telemetry.exporters:
        if isinstance(each, CloudWatchMetrics):
            metrics.insert(0, "awsemf")
            made["OTEL_EXPORTER_OTLP_LOGS_HEADERS"] = f"x-aws-metric-namespace={each.namespace}"
    if metrics:
        made["OTEL_METRICS_EXPORTER"] = ",".join(metrics)
    if telemetry.prometheus:
        # Remote write takes totals alone.
        made["OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"] = "cumulative"
    if on := {*telemetry.instrumentations, *(["logging"] if telemetry.log_correlation else [])}:
        off = [name for name in python_off_by_default() if name not in on]
        made["OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"] = ",".join(off)
    if telemetry.log_correlation:
        # The IDs are wanted in the log's records, not the records at a log exporter.
        made |= {"OTEL_PYTHON_LOG_CORRELATION": "true", "OTEL_PYTHON_LOG_AUTO_INSTRUMENTATION": "false"}
    if telemetry.resource_detectors:
        made["OTEL_EXPERIMENTAL_RESOURCE_DETECTORS"] = ",".join(telemetry.resource_detectors)
    return made


def _other(telemetry: Telemetry) -> dict[str, str]:
    made: dict[str, str] = {}
    if telemetry.instrumentations and telemetry.language == "nodejs":
        # The script adds HTTP and the handler itself to those that are named.
        made["OTEL_NODE_ENABLED_INSTRUMENTATIONS"] = ",".join(("aws-sdk", *telemetry.instrumentations))
    elif telemetry.instrumentations:
        for name in telemetry.instrumentations:
            made[f"OTEL_INSTRUMENTATION_{re.sub('[.-]', '_', name).upper()}_ENABLED"] = "true"
    if not telemetry.sends("traces"):
        made["OTEL_TRACES_EXPORTER"] = "none"
    for each in telemetry.exporters:
        match each:
            case CloudWatchMetrics(namespace=namespace):
                made["OTEL_METRICS_EXPORTER"] = "awsemf"
                made["OTEL_EXPORTER_OTLP_LOGS_HEADERS"] = f"x-aws-metric-namespace={namespace}"
            case Prometheus():
                made |= _standard(COLLECTOR)
            case Otlp():
                made |= _standard(each)
    return made


def _standard(otlp: Otlp) -> dict[str, str]:
    """OpenTelemetry's own variables for one endpoint, which every SDK reads."""
    made: dict[str, str] = {}
    for signal in otlp.signals:
        prefix = f"OTEL_EXPORTER_OTLP_{signal.upper()}"
        made[f"OTEL_{signal.upper()}_EXPORTER"] = "otlp"
        made[f"{prefix}_ENDPOINT"] = f"{otlp.endpoint}/v1/{signal}"
        made[f"{prefix}_PROTOCOL"] = "http/protobuf"
        # Milliseconds, for all but Python.
        made[f"{prefix}_TIMEOUT"] = f"{round(otlp.timeout_seconds * 1000)}"
        if otlp.headers:
            pairs = [f"{name}={quote(value, safe='')}" for name, value in otlp.headers.items()]
            made[f"{prefix}_HEADERS"] = ",".join(pairs)
    return made


def _encoded(value: str) -> str:
    """The value of a resource attribute, percent-encoded as the specification asks; a token is left for the CDK."""
    return value if "${Token[" in value else quote(value, safe="!#$&'()*+-./:<>?@[]^_`{|}~")
