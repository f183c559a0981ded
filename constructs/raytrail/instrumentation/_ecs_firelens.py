"""FireLens: an application's output, with the ids of traces in it, by way of Fluent Bit to a log group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs

from raytrail.errors import InvalidProps
from raytrail.instrumentation._model_ecs_images import FLUENT_BIT, check_image

LOG_ROUTER = "log_router"

# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/firelens-taskdef.html asks for what the output needs; the
# output cloudwatch_logs writes to an existing group with these.
_ACTIONS = ("logs:CreateLogStream", "logs:PutLogEvents")


@dataclass(frozen=True, kw_only=True)
class FireLens:
    """Where an application's output goes by FireLens. Make your container with its `log_driver`.

    Each line arrives with the cluster, the task and the container beside it. That a line carries a trace's id is the
    application's doing: for Python `instrument_ecs` sets ``OTEL_PYTHON_LOG_CORRELATION``; Java and Node.js need the id
    in the pattern of their logger, as
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Application-Signals-TraceLogCorrelation.html shows.

    Args:
        log_group: The log group.
        image: The image of Fluent Bit. Default: 3.4.3, read on 2026-06-22.
        essential: Whether the task stops when Fluent Bit does, as AWS recommends. Default: yes.
        memory_reservation_mib: Memory set aside in MiB. Default: 51, as AWS documents.
        memory_limit_mib: Memory at which it is stopped, in MiB. Default: 256.

    Raises:
        InvalidProps: The image has no fixed version.
    """

    log_group: logs.ILogGroup
    image: str = FLUENT_BIT
    essential: bool = True
    memory_reservation_mib: int = 51
    memory_limit_mib: int = 256

    def __post_init__(self) -> None:
        check_image(self.image, f"container {LOG_ROUTER!r}")

    @property
    def log_driver(self) -> ecs.LogDriver:
        """What your container is made with, as ``logging``, so that its output goes to Fluent Bit and the log group."""
        return ecs.LogDrivers.firelens(
            options={
                "Name": "cloudwatch_logs",
                "region": self.log_group.env.region,
                "log_group_name": self.log_group.log_group_name,
                "log_stream_prefix": "ecs/",
                "auto_create_group": "false",
            }
        )


def check_drivers(containers: Sequence[ecs.ContainerDefinition]) -> None:
    """Refuse containers whose output goes elsewhere: a container's driver is set when it is made.

    Raises:
        InvalidProps: A container has another driver, or none.
    """
    for each in containers:
        driver = each.log_driver_config.log_driver if each.log_driver_config is not None else None
        if driver != "awsfirelens":
            raise InvalidProps(
                f"output of container {each.container_name!r} goes to {driver or 'no driver'}, not to "
                "FireLens; make the container with logging=firelens.log_driver"
            )


def route_logs(
    task_definition: ecs.TaskDefinition,
    firelens: FireLens,
    containers: Sequence[ecs.ContainerDefinition],
    logging: ecs.LogDriver,
) -> ecs.ContainerDefinition:
    """Add Fluent Bit to a task whose containers send to it."""
    router = task_definition.add_firelens_log_router(
        "LogRouter",
        container_name=LOG_ROUTER,
        image=ecs.ContainerImage.from_registry(firelens.image),
        essential=firelens.essential,
        memory_reservation_mib=firelens.memory_reservation_mib,
        memory_limit_mib=firelens.memory_limit_mib,
        firelens_config=ecs.FirelensConfig(
            type=ecs.FirelensLogRouterType.FLUENTBIT, options=ecs.FirelensOptions(enable_ecs_log_metadata=True)
        ),
        logging=logging,
    )
    for each in containers:
        each.add_container_dependencies(
            ecs.ContainerDependency(container=router, condition=ecs.ContainerDependencyCondition.START)
        )
    iam.Grant.add_to_principal(
        grantee=task_definition.task_role, actions=[*_ACTIONS], resource_arns=[firelens.log_group.log_group_arn]
    )
    return router
