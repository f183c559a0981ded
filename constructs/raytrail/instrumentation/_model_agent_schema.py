"""What a section of the CloudWatch agent's configuration may hold: the sections that the agent's schema closes.

Names and bounds are those of ``translator/config/schema.json`` of https://github.com/aws/amazon-cloudwatch-agent
(read at 01c5802b), which the agent holds its file against when it starts. Sections that the schema leaves open (single
measurements, ``application_signals``, ``opentelemetry``) are passed as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from raytrail.errors import InvalidProps

RETENTION_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
)
"""Days that a log group may be kept for, as the agent's schema lists them."""

LONGEST_INTERVAL_SECONDS = 172_800
LONGEST_MEASUREMENT = 255

_SECTIONS = ("agent", "metrics", "logs", "traces", "opentelemetry")
_OTLP = {"grpc_endpoint", "http_endpoint", "tls", "service.name", "deployment.environment"}
_SERVICE = {"service.name", "deployment.environment"}
_KEYS: dict[str, set[str]] = {
    "traces": {
        *("traces_collected", "concurrency", "buffer_size_mb", "resource_arn", "local_mode", "insecure", "credentials"),
        *("proxy_override", "endpoint_override", "region_override", "transit_spans_in_otlp_format"),
    },
    "traces.traces_collected": {"app_signals", "application_signals", "xray", "otlp"},
    "traces.traces_collected.xray": {"bind_address", "tcp_proxy"},
    "traces.traces_collected.xray.tcp_proxy": {"bind_address"},
    "traces.traces_collected.otlp": _OTLP,
    "traces.credentials": {"role_arn"},
    "metrics": {
        *("namespace", "aggregation_dimensions", "append_dimensions", "metrics_destinations", "metrics_collected"),
        *("force_flush_interval", "credentials", "endpoint_override", *_SERVICE),
    },
    "metrics.metrics_collected.otlp": _OTLP,
    "metrics.credentials": {"role_arn"},
    "logs": {
        *("logs_collected", "metrics_collected", "log_stream_name", "force_flush_interval", "credentials"),
        *("endpoint_override", "concurrency", *_SERVICE),
    },
    "logs.logs_collected": {"files", "windows_events", "application_signals", "journald"},
    "logs.logs_collected.files": {"collect_list"},
    "logs.logs_collected.files.collect_list": {
        *("file_path", "log_group_name", "log_stream_name", "log_group_class", "multi_line_start_pattern"),
        *("timestamp_format", "timezone", "trim_timestamp", "encoding", "auto_removal", "backpressure_mode"),
        *("blacklist", "publish_multi_logs", "retention_in_days", "filters", *_SERVICE),
    },
    "logs.metrics_collected.otlp": _OTLP,
    "logs.credentials": {"role_arn"},
}
_REQUIRED = {
    "traces": ("traces_collected",),
    "metrics": ("metrics_collected",),
    "logs.logs_collected.files": ("collect_list",),
    "logs.logs_collected.files.collect_list": ("file_path",),
}
_NOT_EMPTY = ("traces.traces_collected", "metrics.metrics_collected", "logs.logs_collected")
_ENDPOINTS = ("bind_address", "grpc_endpoint", "http_endpoint")
_LEAST = {"traces.concurrency": 1, "traces.buffer_size_mb": 3, "logs.concurrency": 1}
_LENGTHS = {
    **dict.fromkeys((*_ENDPOINTS, "endpoint_override", "proxy_override"), (4, 2048)),
    **dict.fromkeys(("log_group_name", "log_stream_name"), (1, 512)),
    **dict.fromkeys(("multi_line_start_pattern", "timestamp_format", "encoding", "blacklist"), (1, 4096)),
    "file_path": (0, 4096),
    "namespace": (1, 255),
    "role_arn": (20, 2048),
}
_ONE_OF = {"timezone": ("Local", "LOCAL", "UTC"), "backpressure_mode": ("fd_release",)}
_FLAGS = (
    *("local_mode", "insecure", "transit_spans_in_otlp_format", "trim_timestamp", "auto_removal"),
    "publish_multi_logs",
)
_DISTINCT = ("measurement", "collect_list")
_WITHOUT_MEASUREMENT = {"collectd", "statsd", "ethtool", "nvidia_smi", "jmx", "otlp", "prometheus", "app_signals"}
_OF_A_PROCESS = ("pid_file", "exe", "pattern")


def check_agent_config(value: Mapping[str, Any]) -> None:
    """Refuse a configuration that the agent's schema refuses, or that would make it listen twice at one place.

    Args:
        value: The value of the agent's JSON.

    Raises:
        InvalidProps: A section has a key that it has not, lacks one, or holds a value out of range.
    """
    for section in value:
        if section not in _SECTIONS:
            raise InvalidProps(f"{section!r} is no section of an agent's configuration: {', '.join(_SECTIONS)}")
    if not any(value.get(section) for section in _SECTIONS[1:]):
        raise InvalidProps("an agent collects traces, metrics or logs, got none of them")
    if (logs := value.get("logs")) and not {"logs_collected", "metrics_collected"} & set(logs):
        raise InvalidProps("section logs of an agent's configuration has logs_collected or metrics_collected")
    for path, held in _sections({name: value[name] for name in value if name != "opentelemetry"}, ""):
        _check_section(path, held)
    _check_measured(value.get("metrics", {}).get("metrics_collected", {}))
    _check_endpoints(value)


def _check_section(path: str, held: Mapping[str, Any]) -> None:
    if (known := _KEYS.get(path)) is not None:
        for key in held:
            if key not in known:
                raise InvalidProps(
                    f"section {path} of an agent's configuration has no {key!r}: {', '.join(sorted(known))}"
                )
    for key in _REQUIRED.get(path, ()):
        if key not in held:
            raise InvalidProps(f"section {path} of an agent's configuration needs {key!r}")
    if path in _NOT_EMPTY and not held:
        raise InvalidProps(f"section {path} of an agent's configuration is empty; leave it out")
    for key, value in held.items():
        _check_value(f"{path}.{key}", key, value)


def _check_value(path: str, key: str, value: Any) -> None:
    if path in _LEAST and not (_is_whole(value) and value >= _LEAST[path]):
        raise InvalidProps(f"{path} of an agent's configuration is at least {_LEAST[path]}, got {value!r}")
    if key in {"metrics_collection_interval", "force_flush_interval"} and not (
        _is_whole(value) and 1 <= value <= LONGEST_INTERVAL_SECONDS
    ):
        raise InvalidProps(
            f"{path} of an agent's configuration is 1 to {LONGEST_INTERVAL_SECONDS} seconds, got {value!r}"
        )
    if key == "retention_in_days" and value != -1 and value not in RETENTION_DAYS:
        allowed = ", ".join(map(str, RETENTION_DAYS))
        raise InvalidProps(f"{path} of an agent's configuration is -1 or one of {allowed}, got {value!r}")
    if path == "logs.logs_collected.files.collect_list" and not value:
        raise InvalidProps(f"{path} of an agent's configuration is empty; leave logs out")
    if (allowed_words := _ONE_OF.get(key)) and value not in allowed_words:
        raise InvalidProps(f"{path} of an agent's configuration is {' or '.join(allowed_words)}, got {value!r}")
    if key in _FLAGS and not isinstance(value, bool):
        raise InvalidProps(f"{path} of an agent's configuration is true or false, got {value!r}")
    if key in _LENGTHS:
        least, most = _LENGTHS[key]
        if not isinstance(value, str) or not least <= len(value) <= most:
            got = f"{len(value)} of them" if isinstance(value, str) else repr(value)
            raise InvalidProps(f"{path} of an agent's configuration has {least} to {most} characters, got {got}")
    if key in _DISTINCT and any(each in value[:place] for place, each in enumerate(value)):
        raise InvalidProps(f"{path} of an agent's configuration names something twice, got {value!r}")


def _check_measured(collected: Mapping[str, Any]) -> None:
    """Each kind of metric says what is measured, and of a process which it is."""
    for name, held in collected.items():
        if name in _WITHOUT_MEASUREMENT:
            continue
        for each in held if isinstance(held, list | tuple) else [held]:
            where = f"section metrics.metrics_collected.{name} of an agent's configuration"
            measured = each.get("measurement")
            if measured is None:
                raise InvalidProps(f"{where} needs 'measurement'")
            for one in measured:
                if isinstance(one, str) and not 1 <= len(one) <= LONGEST_MEASUREMENT:
                    raise InvalidProps(
                        f"a measurement of {where} has 1 to {LONGEST_MEASUREMENT} characters, got {one!r}"
                    )
            if name == "procstat" and not any(key in each for key in _OF_A_PROCESS):
                raise InvalidProps(f"{where} needs {', '.join(_OF_A_PROCESS[:-1])} or {_OF_A_PROCESS[-1]}")


def _check_endpoints(value: Mapping[str, Any]) -> None:
    """AWS's page on OTLP: each ``otlp`` section needs an endpoint and port of its own."""
    seen: dict[str, str] = {}
    for path, held in _sections(value, ""):
        if not (path.endswith(".otlp") or path.endswith(".xray")):
            continue
        for key in _ENDPOINTS:
            if (endpoint := held.get(key)) is None:
                continue
            port = str(endpoint).rpartition(":")[2]
            if port in seen and port != "0":
                raise InvalidProps(
                    f"an agent listens once at a port, got {endpoint!r} in {seen[port]} and in {path}.{key}"
                )
            seen[port] = f"{path}.{key}"


def _sections(value: Any, path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(value, Mapping):
        if path:
            yield path, value
        for key, below in value.items():
            yield from _sections(below, f"{path}.{key}".lstrip("."))
    elif isinstance(value, list | tuple):
        for below in value:
            yield from _sections(below, path)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
