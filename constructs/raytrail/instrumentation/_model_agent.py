"""The configuration of the CloudWatch agent, as a value that refuses what the agent would refuse.

The agent replaces the X-Ray daemon since 1.300025.0: it receives what X-Ray's SDKs send (UDP 2000) and what
OpenTelemetry's send (OTLP), and sends both to X-Ray. Fields and bounds are those of
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-Agent-Configuration-File-Details.html and of
the schema that the agent installs as ``doc/amazon-cloudwatch-agent-schema.json``.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from raytrail.errors import InvalidProps
from raytrail.instrumentation._model_agent_schema import RETENTION_DAYS, check_agent_config

XRAY_PORT = 2000
OTLP_GRPC_PORT, OTLP_HTTP_PORT = 4317, 4318
APPLICATION_SIGNALS_HTTP_PORT = 4316
"""Where the agent's receiver of Application Signals listens by HTTP; it has no setting for that."""

SMALLEST_BUFFER_MB = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentTraces:
    """Which traces the agent receives, and where.

    Args:
        xray: Whether it receives segments of X-Ray's SDKs, by UDP on port 2000, and answers their questions about
            sampling by TCP on the same port, as X-Ray's daemon does. Default: yes.
        otlp: Whether it receives OpenTelemetry's spans, by gRPC on port 4317 and HTTP on port 4318. Default: yes.
        application_signals: Whether it receives what AWS's distribution of OpenTelemetry sends to ports 4315 and 4316,
            and makes Application Signals of it, which is charged for by itself. Default: no.
        listen: The IP address to receive at: ``127.0.0.1`` for programs of the same machine or task, ``0.0.0.0`` for
            those of other containers. Default: 127.0.0.1.
        concurrency: How many calls to X-Ray at once, at least 1. Default: the agent's.
        buffer_mb: Megabytes of memory for traces, at least 3. Default: the agent's.
        local_mode: Whether it asks EC2 for no metadata, as on premises. Default: no.

    Raises:
        InvalidProps: Nothing is received, or a value is out of range.
    """

    xray: bool = True
    otlp: bool = True
    application_signals: bool = False
    listen: str = "127.0.0.1"
    concurrency: int | None = None
    buffer_mb: int | None = None
    local_mode: bool = False

    def __post_init__(self) -> None:
        if not (self.xray or self.otlp or self.application_signals):
            raise InvalidProps("an agent's traces are of xray, otlp or application_signals, got none; leave traces out")
        try:
            ipaddress.IPv4Address(self.listen)
        except ValueError:
            raise InvalidProps(f"listen is an IP address, as 127.0.0.1 or 0.0.0.0, got {self.listen!r}") from None
        for name, value, least in (
            ("concurrency", self.concurrency, 1),
            ("buffer_mb", self.buffer_mb, SMALLEST_BUFFER_MB),
        ):
            if value is not None and value < least:
                raise InvalidProps(f"{name} of an agent's traces is at least {least}, got {value}")

    def section(self) -> dict[str, Any]:
        """Return the section ``traces`` of the agent's configuration."""
        at = self.listen
        collected: dict[str, Any] = {}
        if self.application_signals:
            collected["application_signals"] = {}
        if self.xray:
            address = f"{at}:{XRAY_PORT}"
            collected["xray"] = {"bind_address": address, "tcp_proxy": {"bind_address": address}}
        if self.otlp:
            collected["otlp"] = {
                "grpc_endpoint": f"{at}:{OTLP_GRPC_PORT}",
                "http_endpoint": f"{at}:{OTLP_HTTP_PORT}",
            }
        made: dict[str, Any] = {"traces_collected": collected}
        if self.concurrency is not None:
            made["concurrency"] = self.concurrency
        if self.buffer_mb is not None:
            made["buffer_size_mb"] = self.buffer_mb
        if self.local_mode:
            made["local_mode"] = True
        return made


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentMetrics:
    """Which metrics of the machine the agent sends to CloudWatch.

    Args:
        measurements: Names of measurements by what is measured, as ``{"mem": ["mem_used_percent"], "disk":
            ["used_percent"]}``. Each makes custom metrics, which are charged for.
        namespace: Their namespace: 1 to 255 characters, not one of AWS's own
            (https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html). Default: CWAgent.
        interval_seconds: How often: 1 to 172,800 seconds. Below 60 they are of high resolution. Default: 60.
        every_disk: Whether disks and network interfaces are each measured, not only together. Default: yes.
        dimensions: Dimensions of each metric that EC2 knows, among ImageId, InstanceId, InstanceType and
            AutoScalingGroupName. Default: none but the agent's own, the host.

    Raises:
        InvalidProps: Nothing is measured, or a value is none of those.
    """

    measurements: Mapping[str, Sequence[str]] = field(hash=False)
    namespace: str = "CWAgent"
    interval_seconds: int = 60
    every_disk: bool = True
    dimensions: Sequence[str] = ()

    def __post_init__(self) -> None:
        frozen = MappingProxyType({name: tuple(each) for name, each in self.measurements.items()})
        object.__setattr__(self, "measurements", frozen)
        object.__setattr__(self, "dimensions", tuple(self.dimensions))
        if not frozen or not all(frozen.values()):
            raise InvalidProps(f"measurements of an agent's metrics are names by what is measured, got {dict(frozen)}")
        if not re.fullmatch(r"(?!AWS/)[0-9A-Za-z.\-_/#:]{1,255}", self.namespace):
            raise InvalidProps(
                "namespace of an agent's metrics has 1 to 255 of the characters A-Z a-z 0-9 . - _ / # : and does not "
                f"begin with AWS/, got {self.namespace!r}"
            )
        for name in self.dimensions:
            if name not in _EC2_DIMENSIONS:
                raise InvalidProps(
                    f"dimensions of an agent's metrics are among {', '.join(_EC2_DIMENSIONS)}, got {name!r}"
                )

    def section(self) -> dict[str, Any]:
        """Return the section ``metrics`` of the agent's configuration."""
        collected: dict[str, Any] = {}
        for name, measured in self.measurements.items():
            collected[name] = {"measurement": list(measured), "metrics_collection_interval": self.interval_seconds}
            if self.every_disk and name in _OF_RESOURCES:
                collected[name]["resources"] = ["*"]
        made: dict[str, Any] = {"namespace": self.namespace, "metrics_collected": collected}
        if self.dimensions:
            made["append_dimensions"] = {name: f"${{aws:{name}}}" for name in self.dimensions}
        return made


_EC2_DIMENSIONS = ("ImageId", "InstanceId", "InstanceType", "AutoScalingGroupName")
_OF_RESOURCES = ("disk", "diskio", "net")


@dataclass(frozen=True, kw_only=True, slots=True)
class LogFile:
    """A file whose lines the agent sends to CloudWatch Logs.

    Args:
        path: The path, with ``*`` and ``**`` for some of several files, of which the newest is sent.
        log_group: The log group, which the agent makes if there is none. 1 to 512 characters
            (https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html).
        log_stream: The stream; ``{instance_id}``, ``{hostname}`` and ``{ip_address}`` stand for the machine's.
            Default: ``{instance_id}``, which on premises is the host's name.
        retention_days: Days to keep the log group, one of those that CloudWatch Logs knows. Default: the agent sets
            none, which needs one right less.
        timestamp_format: The form of the time in a line, as ``%Y-%m-%dT%H:%M:%S``. Default: the time of reading.
        first_line: A regular expression of a record's first line, or ``{timestamp_format}``. Default: each line that
            does not begin with white space begins a record.

    Raises:
        InvalidProps: A value is out of range.
    """

    path: str
    log_group: str
    log_stream: str = "{instance_id}"
    retention_days: int | None = None
    timestamp_format: str | None = None
    first_line: str | None = None

    def __post_init__(self) -> None:
        for name in ("path", "log_group", "log_stream"):
            if not getattr(self, name):
                raise InvalidProps(f"{name} of a log file is empty")
        if self.retention_days is not None and self.retention_days not in RETENTION_DAYS:
            allowed = ", ".join(map(str, RETENTION_DAYS))
            raise InvalidProps(
                f"retention_days of log file {self.path!r} is one of {allowed}, got {self.retention_days}"
            )

    def entry(self) -> dict[str, Any]:
        """Return the entry of ``collect_list``."""
        made: dict[str, Any] = {
            "file_path": self.path,
            "log_group_name": self.log_group,
            "log_stream_name": self.log_stream,
            "retention_in_days": self.retention_days,
            "timestamp_format": self.timestamp_format,
            "multi_line_start_pattern": self.first_line,
        }
        return {name: value for name, value in made.items() if value is not None}


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentConfig:
    """The configuration of a CloudWatch agent.

    Args:
        traces: Which traces it receives; None for none. Default: from X-Ray's SDKs and by OTLP, of this machine.
        metrics: Which metrics it sends. Default: none.
        logs: The files whose lines it sends. Default: none.
        region: The Region to send to. Default: that of the machine.
        run_as_user: The user that it runs as, on Linux. Default: the agent's: cwagent, or root where SSM starts it.
        debug: Whether its own log tells more. Default: no.
        more: What this class does not model, in the form of the agent's file; it is merged over the rest, key by key,
            and counts as the rest does for what the machine's role may do. Default: nothing.

    Raises:
        InvalidProps: Nothing is collected, or a section has a key or a value that the agent's schema has not.
    """

    traces: AgentTraces | None = field(default_factory=AgentTraces)
    metrics: AgentMetrics | None = None
    logs: Sequence[LogFile] = ()
    region: str | None = None
    run_as_user: str | None = None
    debug: bool = False
    more: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "logs", tuple(self.logs))
        check_agent_config(self.value)

    @property
    def value(self) -> dict[str, Any]:
        """The configuration as the value of its JSON."""
        agent = {"region": self.region, "run_as_user": self.run_as_user, "debug": self.debug or None}
        logs: dict[str, Any] = {}
        if self.logs:
            logs["logs_collected"] = {"files": {"collect_list": [each.entry() for each in self.logs]}}
        if self.traces is not None and self.traces.application_signals:
            logs["metrics_collected"] = {"application_signals": {}}
        made: dict[str, Any] = {
            "agent": {name: value for name, value in agent.items() if value is not None},
            "traces": self.traces.section() if self.traces else {},
            "metrics": self.metrics.section() if self.metrics else {},
            "logs": logs,
        }
        return _merged({name: section for name, section in made.items() if section}, self.more)

    @property
    def receives(self) -> frozenset[str]:
        """The kinds of traces that it receives, as the section ``traces_collected`` names them."""
        return frozenset(self.value.get("traces", {}).get("traces_collected", {}))

    @property
    def application_signals(self) -> bool:
        """Whether it makes Application Signals: of the traces that it receives for them, and of the metrics."""
        metrics = self.value.get("logs", {}).get("metrics_collected", {})
        return all({"application_signals", "app_signals"} & {*each} for each in (self.receives, metrics))

    def to_json(self) -> str:
        """Return the text of the configuration."""
        return json.dumps(self.value, separators=(",", ":"))


def _merged(value: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    made = dict(value)
    for key, each in over.items():
        below = made.get(key)
        made[key] = _merged(below, each) if isinstance(below, Mapping) and isinstance(each, Mapping) else each
    return made
