"""Agents and OpenTelemetry for tasks on ECS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aws_cdk import Annotations
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_logs as logs
from constructs import Construct

from raytrail.errors import InvalidProps
from raytrail.instrumentation._ecs_agents import (
    add_agent,
    check_metric_log_group,
    log_driver,
    log_group_of_metrics,
    port_mappings,
)
from raytrail.instrumentation._ecs_checks import (
    Placement,
    TaskValidation,
    check_containers,
    check_fit,
    check_placement,
    check_task,
    memory_problems,
    port_problems,
)
from raytrail.instrumentation._ecs_firelens import LOG_ROUTER, FireLens, check_drivers, route_logs
from raytrail.instrumentation._model_ecs_agents import CloudWatchAgentContainer, EcsAgent, XRayDaemonContainer
from raytrail.instrumentation._model_ecs_environment import (
    INIT_CONTAINER,
    AutoInstrumentation,
    Protocol,
    addresses,
    check_telemetry,
    joined,
    merged,
    settings,
    start_lines,
)

_MARK, _ASKED = "Instrumentation", "raytrail:instrument-ecs"
_UNKNOWN = "INSTANCE-ADDRESS"


@dataclass(frozen=True, kw_only=True)
class EcsInstrumentation:
    """What `instrument_ecs` added to a task.

    Attributes:
        agent: The container of the agent. Default: none, the agent is on the instance.
        init: The container that brings OpenTelemetry. Default: none.
        log_router: The container of Fluent Bit. Default: none.
        start_instructions: Lines for the start script of the application's container, if the address of the agent is
            known there alone. Default: none.
    """

    agent: ecs.ContainerDefinition | None = None
    init: ecs.ContainerDefinition | None = None
    log_router: ecs.ContainerDefinition | None = None
    start_instructions: tuple[str, ...] = ()


def instrument_ecs(
    task_definition: ecs.ITaskDefinition,
    *,
    service_name: str,
    agent: EcsAgent | None = None,
    placement: Placement = "sidecar",
    instance_address: str | None = None,
    containers: Sequence[ecs.ContainerDefinition] | None = None,
    auto: AutoInstrumentation | None = None,
    environment: str | None = None,
    resource_attributes: Mapping[str, str] | None = None,
    protocol: Protocol = "http/protobuf",
    firelens: FireLens | None = None,
    log_groups: Sequence[logs.ILogGroup] = (),
    log_correlation: bool = False,
    agent_log_group: logs.ILogGroup | None = None,
    metric_log_group: logs.ILogGroup | None = None,
) -> EcsInstrumentation:
    """Put an agent beside an application on ECS, and tell the application where it is.

    Call it when the task has your containers. To what you have it adds: the agent's container with its configuration,
    memory limits and health check, the variables of your containers, the order in which they start, and to the task's
    role exactly what the agent needs. A variable that your container has already stays, or is joined with ours where it
    holds more than one thing (PYTHONPATH, JAVA_TOOL_OPTIONS, NODE_OPTIONS, OTEL_RESOURCE_ATTRIBUTES). A sampler that
    it has stays with its own argument.

    The variables hold addresses and names, no key: who owns the task definition acknowledges AwsSolutions-ECS2 on it,
    which a rule pack reports for every variable.

    Args:
        task_definition: A task definition of your app, for Fargate or EC2, of Linux.
        service_name: The name of the service in each span.
        agent: What receives telemetry and sends it on: a `CloudWatchAgentContainer`, a `CollectorContainer`, or
            (legacy) an `XRayDaemonContainer`. Default: the CloudWatch agent, which AWS recommends.
        placement: ``sidecar`` for a container in the task, ``instance`` for an `EcsAgentService` with the same agent
            on the task's EC2 instance. Default: sidecar.
        instance_address: The address of the agent for placement ``instance``, where the network mode is not host and
            you know one. Default: asked for when the container starts, by the lines in ``start_instructions``.
        containers: The containers to instrument. Default: the first essential one.
        auto: Instruments the application without a change of its image. Default: the application does so itself.
        environment: The environment in each span (``deployment.environment``). Default: none.
        resource_attributes: More attributes of each span's resource. Default: none.
        protocol: ``http/protobuf`` on port 4318, which AWS documents, or ``grpc`` on 4317. Default: http/protobuf.
        firelens: Sends the output of containers that are made with its `log_driver` to a log group. Default: it goes
            where it goes.
        log_groups: Log groups of the application, which its spans name, so that a trace leads to its lines; that of
            ``firelens`` is named without being given. Default: none.
        log_correlation: Whether the records of Python's logging carry the ids of trace and span; with ``auto``.
            Default: with ``firelens``, else not.
        agent_log_group: Where the added containers write what they say of themselves. Default: a new one that keeps
            a month.
        metric_log_group: Where a collector beside the application writes metrics for CloudWatch, as lines of a log.
            Default: a new one that keeps a month, where the agent does so.

    Returns:
        What was added. A second call that asks for the same adds nothing, and returns the same.

    Raises:
        InvalidProps: The task definition is imported, of Windows or of ECS Anywhere; network mode, launch type and
            placement do not go together; a log group for metrics is given to an agent that writes none; two
            containers would take one port; the containers need more memory than the task has; a name is taken; a
            container sends elsewhere or by another protocol; with ``auto`` or Application Signals, a container has no
            exporter of OTLP or the SDK turned off (otherwise that is a warning, because X-Ray's SDK may trace it); or
            the task is instrumented already in another way.
    """
    task = check_task(task_definition)
    agent = CloudWatchAgentContainer() if agent is None else agent
    attributes = {**(resource_attributes or {}), **({"deployment.environment": environment} if environment else {})}
    groups = [*log_groups, *([firelens.log_group] if firelens else [])]
    chosen = None if containers is None else tuple(each.container_name for each in containers)
    telling = (service_name, attributes, log_correlation, groups, agent_log_group, metric_log_group)
    asked = repr((agent, placement, instance_address, chosen, auto, protocol, firelens, *telling))
    if (mark := task.node.try_find_child(_MARK)) is not None:
        if mark.node.try_get_context(_ASKED) != asked:
            raise InvalidProps(
                f"{task.node.path} is instrumented already, in another way; call instrument_ecs once for a task"
            )
        here, unknown = _where(task, agent, placement, instance_address, auto, protocol)
        return _found(task, agent, placement, here if unknown else {})
    if groups:
        attributes["aws.log.group.names"] = "&".join(each.log_group_name for each in groups)
    check_placement(task, agent, placement, instance_address)
    check_fit(task, agent, auto, protocol)
    check_metric_log_group(agent, metric_log_group)
    sidecar = agent if placement == "sidecar" else None
    added = {
        **({sidecar.container_name: sidecar.memory_reservation_mib} if sidecar else {}),
        **({INIT_CONTAINER: auto.memory_limit_mib} if auto else {}),
        **({LOG_ROUTER: firelens.memory_reservation_mib} if firelens else {}),
    }
    applications = check_containers(task, containers, [*added])
    if firelens:
        check_drivers(applications)
    for problem in (*port_problems(task, sidecar), *memory_problems(task, sidecar, added)):
        raise InvalidProps(problem)
    here, unknown = _where(task, agent, placement, instance_address, auto, protocol)
    fixed = settings(
        agent,
        service=service_name,
        attributes=attributes,
        auto=auto,
        protocol=protocol,
        log_correlation=log_correlation or firelens is not None,
    )
    has = {each.container_name: _variables_of(each) for each in applications}
    silent = [
        check_telemetry(f"container {name!r} of {task.node.path}", variables, agent, auto=auto, protocol=protocol)
        for name, variables in has.items()
    ]
    made = {name: _joined(variables, {**fixed, **({} if unknown else here)}) for name, variables in has.items()}

    mark = Construct(task, _MARK)
    mark.node.set_context(_ASKED, asked)
    task.node.add_validation(TaskValidation(task, sidecar))
    for words in filter(None, silent):
        Annotations.of(task).add_warning_v2("raytrail:NoTraces", words)
    for each in applications:
        for name, value in made[each.container_name].items():
            each.add_environment(name, value)
    if not added:
        _warn(task, agent, here if unknown else {})
        return _found(task, agent, placement, here if unknown else {})
    own = agent_log_group or logs.LogGroup(mark, "Logs", retention=logs.RetentionDays.ONE_MONTH)
    driver = log_driver(own)
    if sidecar:
        metrics = log_group_of_metrics(mark, agent, metric_log_group)
        _add_sidecar(task, agent, applications, service_name, driver, metrics)
    if auto:
        _add_init(task, auto, applications, driver)
    if firelens:
        route_logs(task, firelens, applications, driver)
    _warn(task, agent, here if unknown else {})
    return _found(task, agent, placement, here if unknown else {})


def _where(
    task: ecs.TaskDefinition,
    agent: EcsAgent,
    placement: Placement,
    instance_address: str | None,
    auto: AutoInstrumentation | None,
    protocol: Protocol,
) -> tuple[dict[str, str], bool]:
    """The variables that say where the agent is, and whether a name stands in them for an address not known here."""
    if placement == "sidecar":
        host = agent.container_name if task.network_mode == ecs.NetworkMode.BRIDGE else "localhost"
    else:
        host = instance_address or ("localhost" if task.network_mode == ecs.NetworkMode.HOST else _UNKNOWN)
    return addresses(agent, host, auto=auto, protocol=protocol), host == _UNKNOWN


def _variables_of(container: ecs.ContainerDefinition) -> dict[str, str]:
    pairs: Any = container.render_container_definition().environment or []
    return {pair.name: pair.value for pair in pairs}


def _joined(has: Mapping[str, str], ours: Mapping[str, str]) -> dict[str, str]:
    """The variables of a container, joined with what it has, before anything is changed."""
    # In awsvpc X-Ray's SDKs find the daemon by themselves, at 127.0.0.1:2000.
    daemon = has.get("AWS_XRAY_DAEMON_ADDRESS")
    if daemon is not None and "AWS_XRAY_DAEMON_ADDRESS" not in ours:
        merged("AWS_XRAY_DAEMON_ADDRESS", daemon, "127.0.0.1:2000")
    return joined(has, ours)


def _add_sidecar(
    task: ecs.TaskDefinition,
    agent: EcsAgent,
    applications: Sequence[ecs.ContainerDefinition],
    service_name: str,
    driver: ecs.LogDriver,
    metrics: logs.ILogGroup | None,
) -> None:
    bridge = task.network_mode == ecs.NetworkMode.BRIDGE
    if isinstance(agent, XRayDaemonContainer):
        # What AWS's page maps; in one network of the task the mapping only tells.
        mappings = [each for each in port_mappings(agent, host_ports=False) if each.protocol == ecs.Protocol.UDP]
    else:
        mappings = port_mappings(agent, host_ports=False) if bridge else []
    container = add_agent(
        task,
        agent,
        shared=not bridge,
        service=service_name,
        metric_log_group=metrics,
        logging=driver,
        port_mappings=mappings,
    )
    # A task whose application waits for the health of an agent that it can do without would not start without it.
    waits = agent.health_check and agent.essential
    conditions = ecs.ContainerDependencyCondition
    for each in applications:
        if bridge:
            each.add_link(container)
        each.add_container_dependencies(
            ecs.ContainerDependency(container=container, condition=conditions.HEALTHY if waits else conditions.START)
        )


def _add_init(
    task: ecs.TaskDefinition,
    auto: AutoInstrumentation,
    applications: Sequence[ecs.ContainerDefinition],
    driver: ecs.LogDriver,
) -> None:
    task.add_volume(name=auto.volume)
    init = task.add_container(
        "Init",
        container_name=INIT_CONTAINER,
        image=ecs.ContainerImage.from_registry(auto.image_uri),
        essential=False,
        command=auto.command,
        memory_limit_mib=auto.memory_limit_mib,
        logging=driver,
    )
    for each in (init, *applications):
        each.add_mount_points(ecs.MountPoint(source_volume=auto.volume, container_path=auto.folder, read_only=False))
    for each in applications:
        each.add_container_dependencies(
            ecs.ContainerDependency(container=init, condition=ecs.ContainerDependencyCondition.SUCCESS)
        )


def _found(
    task: ecs.TaskDefinition, agent: EcsAgent, placement: Placement, unknown: Mapping[str, str]
) -> EcsInstrumentation:
    return EcsInstrumentation(
        agent=task.find_container(agent.container_name) if placement == "sidecar" else None,
        init=task.find_container(INIT_CONTAINER),
        log_router=task.find_container(LOG_ROUTER),
        start_instructions=start_lines(unknown, _UNKNOWN) if unknown else (),
    )


def _warn(task: ecs.TaskDefinition, agent: EcsAgent, unknown: Mapping[str, str]) -> None:
    if isinstance(agent, XRayDaemonContainer):
        Annotations.of(task).add_info_v2(
            "raytrail:LegacyDaemon",
            "X-Ray's daemon and SDKs are in maintenance since 2026-02-25; AWS recommends the CloudWatch agent and "
            "OpenTelemetry, and both other agents take what X-Ray's SDKs send",
        )
    if unknown:
        Annotations.of(task).add_info_v2(
            "raytrail:InstanceAddress",
            "the address of an agent on the instance is known there alone; let the container's start script set it: "
            + " / ".join(start_lines(unknown, _UNKNOWN)),
        )
