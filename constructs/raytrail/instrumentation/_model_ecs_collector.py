"""The configuration of AWS's OpenTelemetry collector (ADOT) in an ECS task.

Receivers, ports and batches are those of the configuration that the collector's image ships for ECS
(``config/ecs/ecs-default-config.yaml`` in https://github.com/aws-observability/aws-otel-collector), with the ports
4317 and 4318 that OpenTelemetry registered. No collector ran to check it here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from raytrail.errors import InvalidProps
from raytrail.instrumentation._model_exporters import (
    CloudWatchMetrics,
    Exporter,
    Honeycomb,
    Otlp,
    Prometheus,
    Signal,
    XRay,
    check_exporters,
)
from raytrail.instrumentation._model_secrets import SecretField

XRAY_PORT, GRPC_PORT, HTTP_PORT, HEALTH_PORT = 2000, 4317, 4318, 13133

_BATCHES: dict[Signal, dict[str, Any]] = {
    "traces": {"timeout": "1s", "send_batch_size": 50},
    "metrics": {"timeout": "60s"},
}


def collector_config(
    exporters: Sequence[Exporter], *, listen: str, service: str | None, log_group: str
) -> dict[str, Any]:
    """Return the configuration of a collector that sends to some exporters.

    Args:
        exporters: Where traces and metrics go.
        listen: The address to receive at: ``localhost`` for containers that share the task's network, ``0.0.0.0`` for
            others.
        service: The service's name, if the collector is one service's own.
        log_group: Where `CloudWatchMetrics` writes its lines.

    Raises:
        InvalidProps: There is no exporter, or one is given twice.
    """
    check_exporters(exporters)
    made: dict[str, dict[str, Any]] = {}
    sends: dict[Signal, list[str]] = {}
    extensions: dict[str, Any] = {"health_check": {"endpoint": f"localhost:{HEALTH_PORT}"}}
    signals: Sequence[Signal]
    options: dict[str, Any]
    for each in exporters:
        match each:
            case XRay():
                id, options, signals = "awsxray", {}, ("traces",)
            case CloudWatchMetrics():
                stream = {"log_group_name": log_group, "log_stream_name": "{TaskId}"}
                id, options, signals = "awsemf", {"namespace": each.namespace, **stream}, ("metrics",)
            case Prometheus():
                id, signals = "prometheusremotewrite", ("metrics",)
                options = {"endpoint": each.endpoint, "resource_to_telemetry_conversion": {"enabled": True}}
                if each.workspace:
                    options["auth"] = {"authenticator": "sigv4auth"}
                    extensions["sigv4auth"] = {"service": "aps", "region": each.workspace[0]}
            case _:
                continue
        made[id] = options
        for signal in signals:
            sends.setdefault(signal, []).append(id)
    for id, otlp, key_names in _otlp(exporters, service):
        made[id] = _otlphttp(otlp, key_names)
        for signal in otlp.signals:
            sends.setdefault(signal, []).append(id)
    pipelines = {
        signal: {
            "receivers": ["otlp", "awsxray"] if signal == "traces" else ["otlp"],
            "processors": ["memory_limiter", f"batch/{signal}"],
            "exporters": ids,
        }
        for signal, ids in sends.items()
    }
    receivers: dict[str, Any] = {
        "otlp": {
            "protocols": {"grpc": {"endpoint": f"{listen}:{GRPC_PORT}"}, "http": {"endpoint": f"{listen}:{HTTP_PORT}"}}
        }
    }
    if "traces" in sends:
        # It takes what X-Ray's SDKs send, and answers SDKs that ask for sampling rules, as the daemon does.
        receivers["awsxray"] = {
            "endpoint": f"{listen}:{XRAY_PORT}",
            "transport": "udp",
            "proxy_server": {"endpoint": f"{listen}:{XRAY_PORT}"},
        }
    limiter = {"check_interval": "1s", "limit_percentage": 80, "spike_limit_percentage": 25}
    return {
        "extensions": extensions,
        "receivers": receivers,
        "processors": {"memory_limiter": limiter, **{f"batch/{signal}": _BATCHES[signal] for signal in sends}},
        "exporters": made,
        "service": {"extensions": list(extensions), "pipelines": pipelines},
    }


def keys(exporters: Sequence[Exporter]) -> dict[str, SecretField]:
    """Return where the key of each variable is that the configuration names."""
    return {name: otlp.secrets[header] for _, otlp, names in _otlp(exporters, "any") for header, name in names.items()}


def sent_signals(exporters: Sequence[Exporter]) -> set[Signal]:
    """Return which signals are sent anywhere."""
    found: set[Signal] = set()
    for each in exporters:
        match each:
            case XRay():
                found.add("traces")
            case CloudWatchMetrics() | Prometheus():
                found.add("metrics")
            case Honeycomb() | Otlp():
                found.update(each.signals)
    return found


def _otlp(exporters: Sequence[Exporter], service: str | None) -> list[tuple[str, Otlp, dict[str, str]]]:
    """Each OTLP exporter with its id, and the variable of each header whose value is a key."""
    found: list[Otlp] = []
    for each in exporters:
        if isinstance(each, Otlp):
            found.append(each)
        elif isinstance(each, Honeycomb):
            if service is None and each.dataset is None and "metrics" in each.signals:
                raise InvalidProps(
                    "a collector for many services has no service's name to call Honeycomb's dataset of metrics by; "
                    "give Honeycomb a dataset, or signals=['traces']"
                )
            found.extend(each.otlp(service or ""))
    return [
        (
            f"otlphttp/{number}",
            otlp,
            {header: f"RAYTRAIL_KEY_{number}_{place}" for place, header in enumerate(otlp.secrets)},
        )
        for number, otlp in enumerate(found)
    ]


def _otlphttp(otlp: Otlp, key_names: dict[str, str]) -> dict[str, Any]:
    made: dict[str, Any] = {"endpoint": otlp.endpoint, "timeout": f"{otlp.timeout_seconds:g}s"}
    # A collector takes a dollar sign for a variable, unless there are two.
    headers = {name: value.replace("$", "$$") for name, value in otlp.headers.items()}
    headers |= {header: f"${{env:{name}}}" for header, name in key_names.items()}
    return {**made, **({"headers": headers} if headers else {})}
