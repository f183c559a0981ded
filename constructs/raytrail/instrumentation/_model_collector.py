"""The configuration of the collector in AWS's collector layer, as a value that refuses what that collector has not.

The components are those of
https://github.com/aws-observability/aws-otel-lambda#adot-lambda-layer-available-components, and the fields those of
each component's own README at https://github.com/open-telemetry/opentelemetry-collector-contrib. No collector ran to
check them: a field that one of them checks more closely than by its name passes here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from raytrail.errors import InvalidProps
from raytrail.instrumentation._model_exporters import Exporter, Otlp, Prometheus, Signal, XRay, check_exporters
from raytrail.instrumentation._model_secrets import is_for_key, key_in

RECEIVES_AT = {"grpc": {"endpoint": "localhost:4317"}, "http": {"endpoint": "localhost:4318"}}

_HTTP = "endpoint headers timeout compression tls auth proxy_url read_buffer_size write_buffer_size".split()  # noqa: SIM905 - a list of forty names in quotes is harder to read
_FIELDS: dict[str, dict[str, set[str]]] = {
    "receivers": {"otlp": {"protocols"}},
    "exporters": {
        "awsxray": {
            *("region", "role_arn", "endpoint", "proxy_address", "resource_arn", "local_mode", "no_verify_ssl"),
            *("num_workers", "max_retries", "request_timeout_seconds", "index_all_attributes", "indexed_attributes"),
            *("aws_log_groups", "telemetry", "transit_spans_in_otlp_format", "skip_timestamp_validation"),
        },
        "awsemf": {
            *("region", "role_arn", "endpoint", "proxy_address", "namespace", "log_group_name", "log_stream_name"),
            *("log_retention", "tags", "dimension_rollup_option", "resource_to_telemetry_conversion", "version"),
            *("output_destination", "detailed_metrics", "metric_declarations", "metric_descriptors", "max_retries"),
            *("parse_json_encoded_attr_values", "retain_initial_value_of_delta_metric"),
        },
        "prometheusremotewrite": {
            *(*_HTTP, "namespace", "external_labels", "resource_to_telemetry_conversion", "target_info"),
            *("remote_write_queue", "retry_on_failure", "add_metric_suffixes", "send_metadata", "max_batch_size_bytes"),
        },
        "otlp": {*_HTTP, "keepalive", "balancer_name", "sending_queue", "retry_on_failure", "wait_for_ready"},
        "otlphttp": {
            *(*_HTTP, "traces_endpoint", "metrics_endpoint", "logs_endpoint", "encoding"),
            *("sending_queue", "retry_on_failure"),
        },
        "debug": {"verbosity", "sampling_initial", "sampling_thereafter", "use_internal_logger"},
    },
    "extensions": {"sigv4auth": {"region", "service", "assume_role"}},
    "processors": {},
}

_URLS = re.compile(r"(endpoint|url|address)$")
_NO_KEY = "authenticator"
"""A field that is named as if it held a key, and holds the name of an extension."""

_SENDS: dict[str, set[str]] = {
    "awsxray": {"traces"},
    "awsemf": {"metrics"},
    "prometheusremotewrite": {"metrics"},
}


@dataclass(frozen=True, kw_only=True)
class CollectorConfig:
    """The configuration of a collector in AWS's collector layer for Lambda.

    Args:
        value: The configuration, of the form that a collector reads as YAML. ``${env:NAME}`` stands for a variable.

    Raises:
        InvalidProps: It names a component or a field that this collector has not, refers to one that is not there,
            defines one that nothing uses, or carries a key in clear.
    """

    value: Mapping[str, Any] = field(hash=False)

    def __post_init__(self) -> None:
        # A component without options is written as nothing, which JSON made by the CDK would leave out.
        value = {
            section: {id: options or {} for id, options in (ids or {}).items()} if section in _FIELDS else ids
            for section, ids in self.value.items()
        }
        object.__setattr__(self, "value", value)
        for section in self.value:
            if section not in {*_FIELDS, "service"}:
                raise InvalidProps(f"{section!r} is no section of a collector's configuration")
        for section in _FIELDS:
            for id, options in self._section(section).items():
                _check_component(section, id, options)
        _check_clear(value, "a collector's configuration")
        service = self.value.get("service", {})
        pipelines = service.get("pipelines", {})
        if not pipelines:
            raise InvalidProps("a collector's configuration has no pipeline, so it would do nothing")
        used: dict[str, set[str]] = {"extensions": set(service.get("extensions", []))}
        for name, pipeline in pipelines.items():
            self._check_pipeline(name, pipeline, used)
        for section, names in used.items():
            self._check_used(section, names)
        self._check_authenticators(used["extensions"])

    @classmethod
    def of(cls, exporters: Sequence[Exporter]) -> CollectorConfig:
        """Return the configuration for some exporters.

        Args:
            exporters: Where metrics and traces go.

        Raises:
            InvalidProps: The collector cannot send there; the message says what to do.
        """
        check_exporters(exporters)
        made: dict[str, dict[str, Any]] = {}
        extensions: dict[str, dict[str, str]] = {}
        pipelines: dict[str, dict[str, list[str]]] = {}
        signals: Sequence[Signal]
        for number, each in enumerate(exporters):
            match each:
                case XRay():
                    id, options, signals = "awsxray", {}, ("traces",)
                case Prometheus():
                    id, options, signals = "prometheusremotewrite", _remote_write(each), ("metrics",)
                    if each.workspace:
                        extensions["sigv4auth"] = {"service": "aps", "region": each.workspace[0]}
                case Otlp() if not each.header_secrets:
                    id, options, signals = f"otlphttp/{number}", _otlphttp(each), each.signals
                case _:
                    raise InvalidProps(
                        f"the collector layer sends to X-Ray, to Prometheus, and by Otlp without a key, got "
                        f"{type(each).__name__}: it cannot read Secrets Manager, and a key in the environment would "
                        "stand in clear; send to a collector of your own that holds the key, or use a Python function"
                    )
            made[id] = _escaped(options)
            for signal in signals:
                pipelines.setdefault(signal, {"receivers": ["otlp"], "exporters": []})["exporters"].append(id)
        service = {**({"extensions": list(extensions)} if extensions else {}), "pipelines": pipelines}
        return cls(
            value={
                "receivers": {"otlp": {"protocols": RECEIVES_AT}},
                "exporters": made,
                **({"extensions": extensions} if extensions else {}),
                "service": service,
            }
        )

    def to_json(self) -> str:
        """Return the text of the configuration: JSON, which a collector reads as the YAML that it is."""
        return json.dumps(dict(self.value), separators=(",", ":"))

    def _section(self, name: str) -> Mapping[str, Any]:
        return self.value.get(name) or {}

    def _check_pipeline(self, name: str, pipeline: Mapping[str, Any], used: dict[str, set[str]]) -> None:
        signal = name.partition("/")[0]
        if signal not in {"traces", "metrics", "logs"}:
            raise InvalidProps(f"a pipeline is of traces, metrics or logs, got {name!r}")
        for section in ("receivers", "exporters"):
            if not pipeline.get(section):
                raise InvalidProps(f"pipeline {name!r} has no {section}")
        for section in ("receivers", "processors", "exporters"):
            for id in pipeline.get(section, []):
                if id not in self._section(section):
                    raise InvalidProps(f"pipeline {name!r} names {section[:-1]} {id!r}, which is not among {section}")
                used.setdefault(section, set()).add(id)
        for id in pipeline["exporters"]:
            if signal not in _SENDS.get(_type(id), {signal}):
                raise InvalidProps(f"exporter {id!r} takes no {signal}")

    def _check_used(self, section: str, names: set[str]) -> None:
        if unused := sorted(set(self._section(section)) - names):
            raise InvalidProps(f"{section[:-1]} {unused[0]!r} is defined, and nothing uses it")
        if missing := sorted(names - set(self._section(section))):
            raise InvalidProps(f"{section[:-1]} {missing[0]!r} is used, and not defined")

    def _check_authenticators(self, extensions: set[str]) -> None:
        for id, options in self._section("exporters").items():
            named = (options.get("auth") or {}).get("authenticator")
            if named is not None and named not in extensions:
                raise InvalidProps(f"exporter {id!r} authenticates by {named!r}, which is not among the extensions")


def _type(id: str) -> str:
    return id.partition("/")[0]


def _check_component(section: str, id: str, options: Mapping[str, Any]) -> None:
    known = _FIELDS[section].get(_type(id))
    if known is None:
        raise InvalidProps(
            f"the collector layer has no {section[:-1]} {_type(id)!r}; it has "
            f"{', '.join(sorted(_FIELDS[section])) or 'none'}"
        )
    for name in options:
        if name not in known:
            raise InvalidProps(f"{section[:-1]} {id!r} has no field {name!r}; it has {', '.join(sorted(known))}")


def _check_clear(value: Any, where: str) -> None:
    """Refuse keys in clear, wherever they are."""
    match value:
        case Mapping():
            for name, each in value.items():
                inside = f"{name!r} in {where}"
                if name == "headers" and isinstance(each, Mapping):
                    for header, text in each.items():
                        if (words := key_in(str(text))) or is_for_key(header):
                            raise _in_clear(f"header {header!r}", words or "a key")
                elif isinstance(each, str):
                    _check_field(name, each, inside)
                else:
                    _check_clear(each, inside)
        case list() | tuple():
            for each in value:
                _check_clear(each, where)
        case str() if words := key_in(value):
            raise _in_clear(where, words)


def _check_field(name: str, text: str, where: str) -> None:
    if _URLS.search(name):
        parts = urlsplit(text if "://" in text else f"//{text}")
        if parts.username is not None or parts.query or parts.fragment:
            raise InvalidProps(f"{where} is an address without user, query or fragment, got one with it")
    if name == "key_pem" or (is_for_key(name) and name != _NO_KEY):
        raise _in_clear(where, "a key")
    _check_clear(text, where)


def _in_clear(where: str, words: str) -> InvalidProps:
    return InvalidProps(
        f"{where} carries {words}, which would stand in clear in the template and in the function's environment: the "
        "collector layer reads no key from Secrets Manager; name a file in key_file for TLS, and send otherwise to a "
        "collector of your own that holds the key"
    )


def _remote_write(prometheus: Prometheus) -> dict[str, Any]:
    # Each execution environment writes series of its own: without a label that tells them apart they overwrite
    # each other, and the server refuses samples out of order.
    made: dict[str, Any] = {"endpoint": prometheus.endpoint, "resource_to_telemetry_conversion": {"enabled": True}}
    if prometheus.workspace:
        made["auth"] = {"authenticator": "sigv4auth"}
    return made


def _otlphttp(otlp: Otlp) -> dict[str, Any]:
    made: dict[str, Any] = {"endpoint": otlp.endpoint, "timeout": f"{otlp.timeout_seconds:g}s"}
    if otlp.headers:
        made["headers"] = dict(otlp.headers)
    return made


def _escaped(value: Any) -> Any:
    """Keep a collector from taking a dollar sign for a variable."""
    match value:
        case str():
            return value if "${Token[" in value else value.replace("$", "$$")
        case Mapping():
            return {key: _escaped(each) for key, each in value.items()}
        case list() | tuple():
            return [_escaped(each) for each in value]
    return value
