"""What cannot work on ECS, with the reason."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import jsii
from aws_cdk import Token
from aws_cdk import aws_ecs as ecs
from constructs import IValidation

from raytrail.errors import InvalidProps
from raytrail.instrumentation._model_agent import XRAY_PORT
from raytrail.instrumentation._model_ecs_agents import CloudWatchAgentContainer, EcsAgent, Port
from raytrail.instrumentation._model_ecs_environment import PROTOCOLS, AutoInstrumentation, Protocol

Placement = Literal["sidecar", "instance"]
"""Where an agent stands: in the task, or once on the instance."""

_DAEMON = re.compile(r"(.*/)?(aws-)?xray-daemon([:@].*)?")
"""An image of X-Ray's daemon, from any registry."""


def check_task(task_definition: ecs.ITaskDefinition) -> ecs.TaskDefinition:
    """Return a task definition that agents can be added to.

    Raises:
        InvalidProps: It is imported, of Windows, or runs on machines of one's own.
    """
    where = task_definition.node.path
    if not isinstance(task_definition, ecs.TaskDefinition):
        raise InvalidProps(
            f"{where} is an imported task definition, which nothing can be added to; instrument it where it is made"
        )
    platform = task_definition.runtime_platform
    family = platform.operating_system_family if platform is not None else None
    if family is not None and family.is_windows():
        raise InvalidProps(
            f"{where} is a task of Windows, and the images of agents and init containers are of Linux; send by OTLP to "
            "a collector elsewhere"
        )
    if task_definition.is_external_compatible:
        raise InvalidProps(
            f"{where} runs on machines of your own (ECS Anywhere), for which AWS documents no such agent; use "
            "EC2 or Fargate"
        )
    return task_definition


def check_placement(
    task_definition: ecs.TaskDefinition, agent: EcsAgent, placement: Placement, instance_address: str | None
) -> None:
    """Refuse a place where an agent cannot be reached.

    Raises:
        InvalidProps: The network mode, the launch type and the place do not go together.
    """
    where, mode = task_definition.node.path, task_definition.network_mode
    if mode not in (ecs.NetworkMode.AWS_VPC, ecs.NetworkMode.BRIDGE, ecs.NetworkMode.HOST):
        raise InvalidProps(f"{where} has network mode {mode.name}, in which no container reaches another")
    if placement == "instance":
        if task_definition.is_fargate_compatible:
            raise InvalidProps(
                f"{where} may run on Fargate, which has no instances of yours to run an agent on; use a sidecar"
            )
        return
    if placement != "sidecar":
        raise InvalidProps(f"placement of an agent is sidecar or instance, got {placement!r}")
    if instance_address is not None:
        raise InvalidProps("instance_address is for an agent on the instance; a sidecar has an address of its own")
    if mode == ecs.NetworkMode.HOST:
        raise InvalidProps(
            f"{where} has network mode HOST, in which the sidecars of two tasks on one instance would take the same "
            "ports; run the agent as an EcsAgentService and use placement='instance'"
        )
    if mode == ecs.NetworkMode.BRIDGE and isinstance(agent, CloudWatchAgentContainer):
        raise InvalidProps(
            f"{where} has network mode BRIDGE, and AWS supports the CloudWatch agent as a sidecar in awsvpc alone; "
            "use awsvpc, a CollectorContainer, or an EcsAgentService and placement='instance'"
        )


def check_fit(
    task_definition: ecs.TaskDefinition, agent: EcsAgent, auto: AutoInstrumentation | None, protocol: Protocol
) -> None:
    """Refuse what an agent does not receive, or an architecture does not run.

    Raises:
        InvalidProps: The agent, the application's instrumentation and the protocol do not go together.
    """
    if protocol not in PROTOCOLS:
        raise InvalidProps(f"protocol is one of {', '.join(PROTOCOLS)}, got {protocol!r}")
    if not agent.takes_otlp and auto is not None:
        raise InvalidProps(
            "X-Ray's daemon takes what X-Ray's SDKs send, and the init container brings OpenTelemetry; use a "
            "CloudWatchAgentContainer or a CollectorContainer"
        )
    if protocol == "grpc" and (agent.application_signals or not agent.takes_otlp):
        raise InvalidProps("protocol grpc is for OTLP on port 4317, which this agent has not; use http/protobuf")
    if auto is not None and auto.language == "dotnet" and _is_arm(task_definition):
        raise InvalidProps("AWS documents the profiler of .NET for linux-x64 alone, got a task of ARM64")


def memory_problems(
    task_definition: ecs.TaskDefinition, agent: EcsAgent | None, added: Mapping[str, int]
) -> Iterator[str]:
    """Yield why a task has too little memory: an agent that may use it all, and containers that reserve more.

    See https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html: what the containers
    reserve in sum is bounded by the task's memory; without a reservation a container's limit is reserved.

    Args:
        task_definition: The task.
        agent: The agent in the task. Default: none.
        added: What containers reserve that are to be added, in MiB by name.
    """
    memory = _resource(task_definition).memory
    if memory is None or Token.is_unresolved(memory):
        return
    has = f"{task_definition.node.path} has {memory} MiB of memory"
    if agent is not None and agent.memory_limit_mib >= int(memory):
        yield (
            f"{has}, and container {agent.container_name!r} may use {agent.memory_limit_mib} of them; raise the task's "
            "memory, or lower memory_limit_mib"
        )
    reserved = {**{each.container_name: _reserved(each) for each in containers_of(task_definition)}, **added}
    if (total := sum(reserved.values())) > int(memory):
        parts = ", ".join(f"{name} {mib}" for name, mib in reserved.items() if mib)
        yield (
            f"{has}, and its containers reserve {total} ({parts}); raise the task's memory, or lower what they reserve"
        )


def _reserved(container: ecs.ContainerDefinition) -> int:
    made: Any = container.render_container_definition()
    mib = made.memory_reservation or made.memory
    return 0 if mib is None or Token.is_unresolved(mib) else int(mib)


def _is_arm(task_definition: ecs.TaskDefinition) -> bool:
    # The L2 hands out an object for each architecture that tells nobody which it is.
    platform: Any = _resource(task_definition).runtime_platform
    return getattr(platform, "cpu_architecture", None) == "ARM64"


def _resource(task_definition: ecs.TaskDefinition) -> ecs.CfnTaskDefinition:
    resource = task_definition.node.default_child
    assert isinstance(resource, ecs.CfnTaskDefinition)
    return resource


def containers_of(task_definition: ecs.TaskDefinition) -> list[ecs.ContainerDefinition]:
    """Return the containers in the order in which the template has them."""
    return [each for each in task_definition.node.children if isinstance(each, ecs.ContainerDefinition)]


def check_containers(
    task_definition: ecs.TaskDefinition, given: Sequence[ecs.ContainerDefinition] | None, new_names: Sequence[str]
) -> list[ecs.ContainerDefinition]:
    """Return the containers to instrument.

    Raises:
        InvalidProps: There is none, one is of another task, or has the name of a container to be added.
    """
    where, present = task_definition.node.path, containers_of(task_definition)
    names = [each.container_name for each in present]
    if taken := [name for name in new_names if name in names]:
        raise InvalidProps(
            f"{where} has a container {taken[0]!r} already, the name of one that would be added; remove or rename it"
        )
    if given is None:
        default = task_definition.default_container
        given = [] if default is None else [default]
    chosen = [each.container_name for each in given]
    if not chosen:
        raise InvalidProps(f"{where} has no container to instrument; add your application's first")
    for each in given:
        if each.container_name not in names or each.task_definition.node.path != where:
            raise InvalidProps(f"container {each.container_name!r} is none of {where}, which has {', '.join(names)}")
    return [each for each in present if each.container_name in chosen]


def port_problems(task_definition: ecs.TaskDefinition, agent: EcsAgent | None) -> Iterator[str]:
    """Yield each port that two containers of a task would take.

    In awsvpc and host mode all containers share one network; in bridge mode only ports of the host can meet.
    """
    shared = task_definition.network_mode != ecs.NetworkMode.BRIDGE
    takes: dict[Port, list[str]] = {}
    if agent is not None and shared:
        for port in (*agent.ports, *agent.inner_ports):
            takes[port] = [agent.container_name]
    for container in containers_of(task_definition):
        for port in _ports_of(container, shared=shared):
            users = takes.setdefault(port, [])
            if container.container_name not in users:
                users.append(container.container_name)
    for port, users in takes.items():
        if len(users) > 1:
            yield (
                f"containers {' and '.join(map(repr, users))} of {task_definition.node.path} would both take port "
                f"{port} of one network; only one starts, so give one of them another port"
            )


def _is_daemon(container: ecs.ContainerDefinition) -> bool:
    """Whether a container is X-Ray's daemon at the ports of its image, which a command may change."""
    made: Any = container.render_container_definition()
    return bool(_DAEMON.fullmatch(container.image_name)) and not (made.command or made.entry_point)


def _ports_of(container: ecs.ContainerDefinition, *, shared: bool) -> Iterator[Port]:
    daemon = shared and _is_daemon(container)
    if daemon and not container.port_mappings:
        # In one network it receives without a mapping.
        yield from (Port(XRAY_PORT, "udp"), Port(XRAY_PORT, "tcp"))
    for mapping in container.port_mappings:
        if number := mapping.container_port if shared else mapping.host_port:
            udp = mapping.protocol == ecs.Protocol.UDP
            yield Port(int(number), "udp" if udp else "tcp")
            if daemon and udp:
                # X-Ray's daemon answers questions about sampling at the same port by TCP, which nobody maps:
                # https://docs.aws.amazon.com/xray/latest/devguide/xray-daemon-configuration.html
                yield Port(int(number), "tcp")


@jsii.implements(IValidation)
class TaskValidation:
    """Looks at synth whether a container that was added later takes a port of another, or too much memory."""

    def __init__(self, task_definition: ecs.TaskDefinition, agent: EcsAgent | None) -> None:
        self._task_definition, self._agent = task_definition, agent

    def validate(self) -> list[str]:
        """Return what is wrong."""
        return [
            *port_problems(self._task_definition, self._agent),
            *memory_problems(self._task_definition, self._agent, {}),
        ]
