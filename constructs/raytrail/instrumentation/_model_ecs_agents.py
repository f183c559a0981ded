"""The agents that may stand beside an application on ECS. Plain values: each refuses nonsense when it is made."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, NamedTuple

from raytrail.errors import InvalidProps
from raytrail.instrumentation import _model_ecs_collector as collector
from raytrail.instrumentation import _model_ecs_images as images
from raytrail.instrumentation._model_agent import APPLICATION_SIGNALS_HTTP_PORT, AgentConfig, AgentTraces
from raytrail.instrumentation._model_exporters import CloudWatchMetrics, Exporter, Signal, XRay, check_exporters
from raytrail.instrumentation._model_secrets import SecretField

SMALLEST_MEMORY_MIB = 6
"""What ECS gives a container at least: KernelMemory and Memory of
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html."""


class Port(NamedTuple):
    """A port of a container."""

    number: int
    """As 4317."""
    protocol: Literal["tcp", "udp"]
    """``tcp`` or ``udp``."""

    def __str__(self) -> str:
        return f"{self.number}/{self.protocol}"


_XRAY_UDP, _XRAY_TCP = Port(2000, "udp"), Port(2000, "tcp")
_OTLP_PORTS = (Port(collector.GRPC_PORT, "tcp"), Port(collector.HTTP_PORT, "tcp"))


@dataclass(frozen=True, kw_only=True)
class EcsAgent(ABC):
    """What receives an application's telemetry on ECS and sends it on; one of the three classes below.

    Raises:
        InvalidProps: A value is out of range, or the image has no fixed version. See
            https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html.
    """

    image: str
    """The container's image, of a fixed version."""
    essential: bool
    """Whether the task stops when the agent does."""
    cpu: int
    """CPU units, of which 1,024 are a vCPU; 0 to 10,240."""
    memory_reservation_mib: int
    """Memory set aside, in MiB; 6 or more."""
    memory_limit_mib: int
    """Memory at which it is stopped, in MiB."""

    container_name: ClassVar[str]
    """The name that AWS's documentation gives the container."""
    health_check: ClassVar[tuple[str, ...]] = ()
    """The command that tells whether it is well; none for an image that AWS documents none for."""
    inner_ports: ClassVar[tuple[Port, ...]] = ()
    """Ports that it takes for itself alone."""
    takes_otlp: ClassVar[bool] = True
    """Whether it receives OpenTelemetry's spans; else those of X-Ray's SDKs alone."""

    def __post_init__(self) -> None:
        what = f"container {self.container_name!r}"
        images.check_image(self.image, what)
        if not 0 <= self.cpu <= 10_240:
            raise InvalidProps(f"cpu of {what} is 0 to 10240 units (1024 are a vCPU), got {self.cpu}")
        if not SMALLEST_MEMORY_MIB <= self.memory_reservation_mib <= self.memory_limit_mib:
            raise InvalidProps(
                f"memory of {what} is at least {SMALLEST_MEMORY_MIB} MiB, the reservation not above the limit, got "
                f"{self.memory_reservation_mib} and {self.memory_limit_mib}"
            )

    @property
    def signals(self) -> set[Signal]:
        """What it sends on."""
        return {"traces"}

    @property
    def to_xray(self) -> bool:
        """Whether traces go to X-Ray, whose sampling rules hold then."""
        return True

    @property
    def application_signals(self) -> bool:
        """Whether it makes Application Signals."""
        return False

    @property
    def keys(self) -> dict[str, SecretField]:
        """Where the keys are that it needs, by variable."""
        return {}

    @property
    @abstractmethod
    def ports(self) -> tuple[Port, ...]:
        """Where it receives."""

    @abstractmethod
    def environment(self, *, shared: bool, service: str | None, log_group: str) -> dict[str, str | Mapping[str, Any]]:
        """Return its variables; a value that is no text is written as JSON.

        Args:
            shared: Whether it shares the network of those that send, and receives at ``localhost`` alone.
            service: The service's name, if it is one service's own.
            log_group: Where metrics that are lines of a log go.
        """


@dataclass(frozen=True, kw_only=True)
class CloudWatchAgentContainer(EcsAgent):
    """The CloudWatch agent: what AWS recommends. It sends to X-Ray, and nowhere else.

    Args:
        application_signals: Whether it makes Application Signals too, which is charged for by itself, and takes an
            application that `AutoInstrumentation` instruments. AWS's page shows it so. Default: no.
        image: The image. Default: 1.300070.0b1586, read on 2026-06-22.
        essential: Whether the task stops when the agent does, as AWS documents it. Default: yes.
        cpu: CPU units. Default: 128.
        memory_reservation_mib: Memory set aside in MiB. Default: 64, which AWS documents for the whole task.
        memory_limit_mib: Memory at which it is stopped, in MiB. Default: 256.

    Raises:
        InvalidProps: A value is out of range, or the image has no fixed version.
            See https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-Application-Signals-ECS-Sidecar.html.
    """

    application_signals: bool = False
    image: str = images.CLOUDWATCH_AGENT
    essential: bool = True
    cpu: int = 128
    memory_reservation_mib: int = 64
    memory_limit_mib: int = 256

    container_name: ClassVar[str] = "ecs-cwagent"

    @property
    def ports(self) -> tuple[Port, ...]:
        """Where it receives: 4316 and the sampling proxy with Application Signals, else OTLP's ports and X-Ray's."""
        if self.application_signals:
            return Port(APPLICATION_SIGNALS_HTTP_PORT, "tcp"), _XRAY_TCP
        return *_OTLP_PORTS, _XRAY_UDP, _XRAY_TCP

    def config(self, *, shared: bool) -> AgentConfig:
        """Return the agent's configuration.

        Args:
            shared: Whether it shares the network of those that send, and receives at ``localhost`` alone.
        """
        if self.application_signals:
            return AgentConfig(traces=AgentTraces(application_signals=True, otlp=False, xray=False))
        return AgentConfig(traces=AgentTraces(listen="127.0.0.1" if shared else "0.0.0.0"))  # noqa: S104 - containers of other networks send to it; only security groups keep others out

    def environment(self, *, shared: bool, service: str | None, log_group: str) -> dict[str, str | Mapping[str, Any]]:
        """Return its configuration as the variable that it reads.

        Args:
            shared: Whether it shares the network of those that send, and receives at ``localhost`` alone.
            service: The service's name, if it is one service's own.
            log_group: Where metrics that are lines of a log go.
        """
        return {"CW_CONFIG_CONTENT": self.config(shared=shared).to_json()}


@dataclass(frozen=True, kw_only=True)
class CollectorContainer(EcsAgent):
    """AWS's OpenTelemetry collector (ADOT): for exporters beside X-Ray.

    It takes OTLP on 4317 and 4318, and what X-Ray's SDKs send on 2000, so it takes the place of X-Ray's daemon.

    Args:
        exporters: Where traces and metrics go. Keys are in Secrets Manager, and reach the container as secrets of ECS.
            Default: traces to X-Ray.
        image: The image. Default: v0.49.0, read on 2026-07-10.
        essential: Whether the task stops when the collector does, as AWS documents it. If not, the application starts
            without waiting for its health. Default: yes.
        cpu: CPU units. Default: 128.
        memory_reservation_mib: Memory set aside in MiB. Default: 128.
        memory_limit_mib: Memory at which it is stopped, in MiB; from 80 % on it refuses data instead. Default: 512.

    Raises:
        InvalidProps: A value is out of range, the image has no fixed version, or the exporters do not go together.
            See https://docs.aws.amazon.com/AmazonECS/latest/developerguide/trace-data-containerdefinitions.html.
    """

    exporters: Sequence[Exporter] = field(default=(XRay(),))
    image: str = images.COLLECTOR
    essential: bool = True
    cpu: int = 128
    memory_reservation_mib: int = 128
    memory_limit_mib: int = 512

    container_name: ClassVar[str] = "aws-otel-collector"
    # The image is built from nothing: it has no shell and no curl, but this program, which asks port 13133.
    # https://github.com/aws-observability/aws-otel-collector/issues/2034
    health_check: ClassVar[tuple[str, ...]] = ("CMD", "/healthcheck")
    inner_ports: ClassVar[tuple[Port, ...]] = (Port(collector.HEALTH_PORT, "tcp"),)

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "exporters", tuple(self.exporters))
        check_exporters(self.exporters)

    @property
    def signals(self) -> set[Signal]:
        """What its exporters take."""
        return collector.sent_signals(self.exporters)

    @property
    def to_xray(self) -> bool:
        """Whether X-Ray is among the exporters."""
        return any(isinstance(each, XRay) for each in self.exporters)

    @property
    def to_log(self) -> bool:
        """Whether metrics go to CloudWatch as lines of a log."""
        return any(isinstance(each, CloudWatchMetrics) for each in self.exporters)

    @property
    def keys(self) -> dict[str, SecretField]:
        """Where the keys of its exporters are."""
        return collector.keys(self.exporters)

    @property
    def ports(self) -> tuple[Port, ...]:
        """Where it receives."""
        return (*_OTLP_PORTS, *((_XRAY_UDP, _XRAY_TCP) if "traces" in self.signals else ()))

    def environment(self, *, shared: bool, service: str | None, log_group: str) -> dict[str, str | Mapping[str, Any]]:
        """Return its configuration as the variable that it reads.

        See https://aws-otel.github.io/docs/setup/ecs/config-through-ssm.

        Args:
            shared: Whether it shares the network of those that send, and receives at ``localhost`` alone.
            service: The service's name, if it is one service's own.
            log_group: Where metrics that are lines of a log go.
        """
        listen = "localhost" if shared else "0.0.0.0"  # noqa: S104 - containers of other networks send to it; only security groups keep others out
        config = collector.collector_config(self.exporters, listen=listen, service=service, log_group=log_group)
        return {"AOT_CONFIG_CONTENT": config}


@dataclass(frozen=True, kw_only=True)
class XRayDaemonContainer(EcsAgent):
    """X-Ray's daemon: legacy, for applications that use an X-Ray SDK.

    Daemon and SDKs are in maintenance since 2026-02-25: AWS mends their security alone, and recommends OpenTelemetry.
    The two other agents take what X-Ray's SDKs send as well.

    Args:
        image: The image. Default: 3.5.0, released on 2025-08-28.
        essential: Whether the task stops when the daemon does, as ECS has it unless told. Default: yes.
        cpu: CPU units. Default: 32, as AWS documents.
        memory_reservation_mib: Memory set aside in MiB. Default: 256, as AWS documents.
        memory_limit_mib: Memory at which it is stopped, in MiB. Default: 512.

    Raises:
        InvalidProps: A value is out of range, or the image has no fixed version.
            See https://docs.aws.amazon.com/xray/latest/devguide/xray-daemon-ecs.html.
    """

    image: str = images.XRAY_DAEMON
    essential: bool = True
    cpu: int = 32
    memory_reservation_mib: int = 256
    memory_limit_mib: int = 512

    container_name: ClassVar[str] = "xray-daemon"
    takes_otlp: ClassVar[bool] = False

    @property
    def ports(self) -> tuple[Port, ...]:
        """Where it receives segments (UDP) and questions about sampling (TCP)."""
        return _XRAY_UDP, _XRAY_TCP

    def environment(self, *, shared: bool, service: str | None, log_group: str) -> dict[str, str | Mapping[str, Any]]:
        """Return no variable: it needs none but its Region.

        Args:
            shared: Whether it shares the network of those that send, and receives at ``localhost`` alone.
            service: The service's name, if it is one service's own.
            log_group: Where metrics that are lines of a log go.
        """
        return {}
