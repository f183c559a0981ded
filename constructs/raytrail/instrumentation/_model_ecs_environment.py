"""What an application's container on ECS finds in its environment, and what its init container brings.

Names and values are those of
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-Application-Signals-ECS-Sidecar.html.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote

from raytrail.errors import InvalidProps
from raytrail.instrumentation import _model_ecs_collector as collector
from raytrail.instrumentation._model_agent import APPLICATION_SIGNALS_HTTP_PORT
from raytrail.instrumentation._model_ecs_agents import EcsAgent
from raytrail.instrumentation._model_ecs_images import AUTO_INSTRUMENTATION, check_image
from raytrail.instrumentation._model_given import check_enabled, check_protocol, check_traces_exporter
from raytrail.instrumentation._model_layers import LANGUAGES, Language

Protocol = Literal["http/protobuf", "grpc"]
"""How OTLP is sent."""
PROTOCOLS = ("http/protobuf", "grpc")

INIT_CONTAINER = "init"

_VOLUMES: dict[Language, str] = {
    "python": "opentelemetry-auto-instrumentation-python",
    "java": "opentelemetry-auto-instrumentation",
    "nodejs": "opentelemetry-auto-instrumentation-node",
    "dotnet": "opentelemetry-auto-instrumentation",
}
_FOLDERS: dict[Language, str] = {
    "python": "/otel-auto-instrumentation-python",
    "java": "/otel-auto-instrumentation",
    "nodejs": "/otel-auto-instrumentation-node",
    "dotnet": "/otel-auto-instrumentation",
}

ADDRESSES = (
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
    "OTEL_AWS_APPLICATION_SIGNALS_EXPORTER_ENDPOINT",
    "AWS_XRAY_DAEMON_ADDRESS",
)
"""Variables that say where to send: with another value in them nothing would reach the agent."""

JOINED = {"JAVA_TOOL_OPTIONS": " ", "NODE_OPTIONS": " ", "OTEL_RESOURCE_ATTRIBUTES": ","}
"""Variables that hold more than one thing: ours comes behind what a container has already."""

SAMPLER, SAMPLER_ARGUMENT = "OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG"
_XRAY_SAMPLER = "xray"


@dataclass(frozen=True, kw_only=True, slots=True)
class AutoInstrumentation:
    """An init container that puts AWS's distribution of OpenTelemetry beside the application. Its image stays as it is.

    Args:
        language: The application's: python, java, nodejs or dotnet. The image of the application is built on glibc and
            has a shell's usual paths; a Node.js application in the format of ES modules cannot be instrumented so.
        image: The image. Default: that of the language, read on 2026-06-22.
        app_path: For Python: the folder of the application's code, which AWS advises to name in PYTHONPATH.
            Default: none; Python finds the folder of the script that it starts.
        memory_limit_mib: Memory of the init container in MiB. Default: 128.

    Raises:
        InvalidProps: The language is none of those, the image has no fixed version, or a path is given for another
            language than Python.
    """

    language: Language
    image: str | None = None
    app_path: str | None = None
    memory_limit_mib: int = 128

    def __post_init__(self) -> None:
        if self.language not in LANGUAGES:
            raise InvalidProps(f"language of an application is one of {', '.join(LANGUAGES)}, got {self.language!r}")
        check_image(self.image_uri, "the init container")
        if self.app_path is not None and self.language != "python":
            raise InvalidProps(f"app_path is for python, which looks for modules there, got it for {self.language}")

    @property
    def image_uri(self) -> str:
        """The image of the init container."""
        return self.image or AUTO_INSTRUMENTATION[self.language]

    @property
    def volume(self) -> str:
        """The name of the volume that both containers share."""
        return _VOLUMES[self.language]

    @property
    def folder(self) -> str:
        """Where the volume is in both containers."""
        return _FOLDERS[self.language]

    @property
    def command(self) -> list[str]:
        """What the init container does, as AWS prints it; for .NET from the root, which AWS's page leaves out."""
        if self.language == "java":
            return ["cp", "/javaagent.jar", f"{self.folder}/javaagent.jar"]
        return ["cp", "-a", "/autoinstrumentation/.", self.folder]

    def variables(self) -> dict[str, str]:
        """Return what makes the application's language start with the instrumentation."""
        at = self.folder
        match self.language:
            case "python":
                parts = [f"{at}/opentelemetry/instrumentation/auto_instrumentation", self.app_path, at]
                return {
                    "PYTHONPATH": ":".join(part for part in parts if part),
                    "OTEL_PYTHON_DISTRO": "aws_distro",
                    "OTEL_PYTHON_CONFIGURATOR": "aws_configurator",
                }
            case "java":
                return {"JAVA_TOOL_OPTIONS": f" -javaagent:{at}/javaagent.jar", **_PROPAGATORS}
            case "nodejs":
                return {"NODE_OPTIONS": f"--require {at}/autoinstrumentation.js"}
            case "dotnet":
                plugin = "AWS.Distro.OpenTelemetry.AutoInstrumentation"
                return {
                    "CORECLR_ENABLE_PROFILING": "1",
                    "CORECLR_PROFILER": "{918728DD-259F-4A6A-AC2B-B85E1B658318}",
                    "CORECLR_PROFILER_PATH": f"{at}/linux-x64/OpenTelemetry.AutoInstrumentation.Native.so",
                    "DOTNET_ADDITIONAL_DEPS": f"{at}/AdditionalDeps",
                    "DOTNET_SHARED_STORE": f"{at}/store",
                    "DOTNET_STARTUP_HOOKS": f"{at}/net/OpenTelemetry.AutoInstrumentation.StartupHook.dll",
                    "OTEL_DOTNET_AUTO_HOME": at,
                    "OTEL_DOTNET_AUTO_PLUGINS": f"{plugin}.Plugin, {plugin}",
                    **_PROPAGATORS,
                }


_PROPAGATORS = {"OTEL_PROPAGATORS": "tracecontext,baggage,b3,xray"}


def settings(
    agent: EcsAgent,
    *,
    service: str,
    attributes: Mapping[str, str],
    auto: AutoInstrumentation | None,
    protocol: Protocol,
    log_correlation: bool,
) -> dict[str, str]:
    """Return the variables that are the same wherever the agent is."""
    if not agent.takes_otlp:
        return {"AWS_XRAY_TRACING_NAME": service}
    made = {
        "OTEL_RESOURCE_ATTRIBUTES": ",".join(
            f"{key}={_encoded(value)}" for key, value in {**attributes, "service.name": service}.items()
        ),
        "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
        "OTEL_LOGS_EXPORTER": "none",
        "OTEL_METRICS_EXPORTER": "otlp" if "metrics" in agent.signals else "none",
    }
    if "traces" not in agent.signals:
        made["OTEL_TRACES_EXPORTER"] = "none"
    if auto is not None or agent.application_signals:
        made["OTEL_AWS_APPLICATION_SIGNALS_ENABLED"] = "true" if agent.application_signals else "false"
    if auto is None:
        # Only AWS's distribution knows the sampler and the propagator of X-Ray: an SDK without it would not start.
        return made if agent.application_signals else {**made, "AWS_XRAY_TRACING_NAME": service}
    if agent.to_xray:
        made[SAMPLER] = _XRAY_SAMPLER
    if log_correlation and auto.language == "python":
        made["OTEL_PYTHON_LOG_CORRELATION"] = "true"
    return {**made, **auto.variables()}


def addresses(agent: EcsAgent, host: str, *, auto: AutoInstrumentation | None, protocol: Protocol) -> dict[str, str]:
    """Return the variables that say where to send, for an agent on ``host``."""
    # X-Ray's SDKs send to 127.0.0.1:2000 unless told otherwise.
    daemon = {} if host == "localhost" else {"AWS_XRAY_DAEMON_ADDRESS": f"{host}:{collector.XRAY_PORT}"}
    if not agent.takes_otlp:
        return daemon
    made: dict[str, str] = {}
    if agent.application_signals:
        base = f"http://{host}:{APPLICATION_SIGNALS_HTTP_PORT}"
        made["OTEL_AWS_APPLICATION_SIGNALS_EXPORTER_ENDPOINT"] = f"{base}/v1/metrics"
        daemon = {}
    else:
        base = f"http://{host}:{collector.HTTP_PORT if protocol == 'http/protobuf' else collector.GRPC_PORT}"
    for signal in ("traces", "metrics"):
        if signal in agent.signals:
            path = f"/v1/{signal}" if protocol == "http/protobuf" else ""
            made[f"OTEL_EXPORTER_OTLP_{signal.upper()}_ENDPOINT"] = base + path
    if auto is not None and auto.language == "dotnet":
        made["OTEL_EXPORTER_OTLP_ENDPOINT"] = base
    if auto is not None and agent.to_xray:
        made[SAMPLER_ARGUMENT] = f"endpoint=http://{host}:{collector.XRAY_PORT}"
    return {**made, **(daemon if "traces" in agent.signals else {})}


def start_lines(made: Mapping[str, str], host: str) -> tuple[str, ...]:
    """Return lines for a container's start script that ask EC2 for the instance's address and set variables by it.

    See https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html.

    Args:
        made: The variables, with ``host`` where the address belongs.
        host: What stands there.
    """
    metadata = "http://169.254.169.254/latest"
    return (
        f'TOKEN=$(curl -sS -X PUT -H "X-aws-ec2-metadata-token-ttl-seconds: 60" {metadata}/api/token)',
        f'HOST=$(curl -sS -H "X-aws-ec2-metadata-token: $TOKEN" {metadata}/meta-data/local-ipv4)',
        *(_export(name, value.replace(host, "$HOST")) for name, value in made.items()),
    )


def _export(name: str, value: str) -> str:
    # The argument belongs to our sampler, and a container may have another one.
    only = f'[ "${SAMPLER}" != {_XRAY_SAMPLER} ] || ' if name == SAMPLER_ARGUMENT else ""
    return f'{only}export {name}="{value}"'


def check_telemetry(
    where: str, has: Mapping[str, str], agent: EcsAgent, *, auto: AutoInstrumentation | None, protocol: Protocol
) -> str | None:
    """Refuse variables of a container with which OpenTelemetry would send the agent nothing.

    Returns:
        Why it sends no traces, where that may be meant: a container that instruments itself may do so by X-Ray's SDK,
        or not at all. Default: it sends some.

    Raises:
        InvalidProps: An exporter sends by another protocol; or the SDK is turned off or no exporter sends traces by
            OTLP, though the application is instrumented by AWS's distribution or makes Application Signals.
    """
    if not agent.takes_otlp:
        return None
    try:
        check_enabled(where, has)
        if "traces" in agent.signals:
            check_traces_exporter(where, has)
    except InvalidProps as problem:
        if auto is not None or agent.application_signals:
            raise
        return f"{problem}, unless X-Ray's SDK traces the container, or nothing is meant to"
    if "traces" in agent.signals:
        check_traces_exporter(where, has, ("otlp", "otlp_proto_grpc" if protocol == "grpc" else "otlp_proto_http"))
    check_protocol(
        where,
        has,
        protocol,
        # Application Signals are metrics.
        signals={*agent.signals, *(["metrics"] if agent.application_signals else [])},
        general=auto is not None and auto.language == "dotnet",
        props=() if agent.application_signals else PROTOCOLS,
    )
    return None


def joined(has: Mapping[str, str], ours: Mapping[str, str]) -> dict[str, str]:
    """Return what a container's variables become, given what it has.

    Raises:
        InvalidProps: A variable says where to send, and names another place.
    """
    made = {name: merged(name, has.get(name), value) for name, value in ours.items()}
    if made.get(SAMPLER) != _XRAY_SAMPLER:
        # Another sampler would read our sampler's argument as its own.
        made.pop(SAMPLER_ARGUMENT, None)
    return made


def merged(name: str, has: str | None, ours: str) -> str:
    """Return the value of a variable, given what the container has in it.

    Raises:
        InvalidProps: The variable says where to send, and names another place.
    """
    # An empty variable counts as none: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
    if not has or has == ours:
        return ours
    if name == "PYTHONPATH":
        # The folder that starts the instrumentation stays before everything that could hold a module of its name.
        first, _, rest = ours.partition(":")
        return f"{first}:{has}:{rest}"
    if name in JOINED:
        return f"{has.rstrip()}{JOINED[name]}{ours.lstrip()}"
    if name in ADDRESSES:
        raise InvalidProps(
            f"variable {name} of the container says {has!r}, and the agent receives at {ours!r}: nothing would reach "
            "it; leave the variable out"
        )
    return has


def _encoded(value: str) -> str:
    return value if "${Token[" in value else quote(value, safe="/:&@ ")
