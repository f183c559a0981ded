"""An agent's container in a task, with the rights that AWS documents for it, and no other."""

from __future__ import annotations

import re
from collections.abc import Sequence

import jsii
from aws_cdk import ArnFormat, Duration, Stack
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from raytrail.errors import InvalidProps
from raytrail.findings import acknowledge, place_of
from raytrail.instrumentation._model_ecs_agents import CollectorContainer, EcsAgent
from raytrail.instrumentation._model_exporters import Prometheus
from raytrail.instrumentation._model_secrets import SecretField

# https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSXRayDaemonWriteAccess.html
XRAY_ACTIONS = (
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
    "xray:GetSamplingStatisticSummaries",
)

# Of https://docs.aws.amazon.com/aws-managed-policy/latest/reference/CloudWatchAgentServerPolicy.html those that
# Application Signals needs, as CloudWatchLambdaApplicationSignalsExecutionRolePolicy names them.
SIGNALS_ACTIONS = ("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents")
SIGNALS_LOG_GROUP = "/aws/application-signals/data"

# Of https://docs.aws.amazon.com/AmazonECS/latest/developerguide/trace-data.html those that an existing log group needs.
METRIC_LOG_ACTIONS = ("logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams")


_OF_THE_COLLECTOR = (
    "${env:NAME} stands for a variable that the collector reads by itself; CloudFormation is to leave it"
)


def add_agent(
    task_definition: ecs.TaskDefinition,
    agent: EcsAgent,
    *,
    shared: bool,
    service: str | None,
    metric_log_group: logs.ILogGroup | None,
    logging: ecs.LogDriver,
    port_mappings: Sequence[ecs.PortMapping],
) -> ecs.ContainerDefinition:
    """Add an agent's container to a task, and to the task's role what it may do."""
    stack = Stack.of(task_definition)
    log_group = metric_log_group.log_group_name if metric_log_group is not None else ""
    made = agent.environment(shared=shared, service=service, log_group=log_group)
    container = task_definition.add_container(
        _id(agent.container_name),
        container_name=agent.container_name,
        image=ecs.ContainerImage.from_registry(agent.image),
        essential=agent.essential,
        cpu=agent.cpu,
        memory_reservation_mib=agent.memory_reservation_mib,
        memory_limit_mib=agent.memory_limit_mib,
        environment={
            # ECS tells a container on EC2 no Region.
            "AWS_REGION": stack.region,
            **{name: value if isinstance(value, str) else stack.to_json_string(value) for name, value in made.items()},
        },
        secrets={name: _Key(task_definition, key) for name, key in agent.keys.items()},
        health_check=_health_check(agent),
        logging=logging,
        port_mappings=list(port_mappings),
    )
    _grant(task_definition, agent, metric_log_group)
    if agent.keys:
        acknowledge(task_definition, {"CloudFormation-Validate::E1029": _OF_THE_COLLECTOR})
    return container


def check_metric_log_group(agent: EcsAgent, given: logs.ILogGroup | None) -> None:
    """Refuse a log group for metrics that nobody would write.

    Raises:
        InvalidProps: One is given, and the agent writes no metrics to a log.
    """
    if given is not None and not _writes_metrics(agent):
        raise InvalidProps(
            f"metric_log_group is for a CollectorContainer with CloudWatchMetrics, got {type(agent).__name__}, which "
            "writes no metrics to a log; leave it out"
        )


def log_group_of_metrics(
    scope: Construct, agent: EcsAgent, given: logs.ILogGroup | None = None
) -> logs.ILogGroup | None:
    """Return the log group that metrics need, if they go to CloudWatch as lines of a log: the given, or a new one."""
    if not _writes_metrics(agent):
        return None
    return given or logs.LogGroup(scope, "Metrics", retention=logs.RetentionDays.ONE_MONTH)


def _writes_metrics(agent: EcsAgent) -> bool:
    return isinstance(agent, CollectorContainer) and agent.to_log


def _health_check(agent: EcsAgent) -> ecs.HealthCheck | None:
    if not agent.health_check:
        return None
    return ecs.HealthCheck(
        command=[*agent.health_check],
        interval=Duration.seconds(10),
        timeout=Duration.seconds(5),
        retries=3,
        start_period=Duration.seconds(10),
    )


def _grant(task_definition: ecs.TaskDefinition, agent: EcsAgent, log_group: logs.ILogGroup | None) -> None:
    role, stack = task_definition.task_role, Stack.of(task_definition)
    findings: dict[str, str] = {}

    def allow(actions: Sequence[str], resource: str) -> None:
        iam.Grant.add_to_principal(grantee=role, actions=[*actions], resource_arns=[resource])

    if agent.to_xray:
        allow(XRAY_ACTIONS, "*")
        findings["AwsSolutions-IAM5[Resource::*]"] = "X-Ray's actions on traces know no resource"
    if agent.application_signals:
        allow(
            SIGNALS_ACTIONS,
            stack.format_arn(
                service="logs",
                resource="log-group",
                resource_name=f"{SIGNALS_LOG_GROUP}:*",
                arn_format=ArnFormat.COLON_RESOURCE_NAME,
            ),
        )
        place = place_of(task_definition)
        arn = f"arn:{place.partition}:logs:{place.region}:{place.account}:log-group:{SIGNALS_LOG_GROUP}:*"
        findings[f"AwsSolutions-IAM5[Resource::{arn}]"] = "the streams of the one log group of Application Signals"
    if log_group is not None:
        allow(METRIC_LOG_ACTIONS, log_group.log_group_arn)
    for each in agent.exporters if isinstance(agent, CollectorContainer) else ():
        if isinstance(each, Prometheus) and each.workspace:
            region, id = each.workspace
            allow(
                ["aps:RemoteWrite"],
                stack.format_arn(service="aps", region=region, resource="workspace", resource_name=id),
            )
    if findings:
        acknowledge(role, findings)


class _Key(ecs.Secret):
    """A key of Secrets Manager for a container: the execution role reads that secret, and does nothing else.

    The CDK's own adds the right to describe it, which ECS does not need:
    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/secrets-envvar-secrets-manager.html.
    """

    def __init__(self, task_definition: ecs.TaskDefinition, key: SecretField) -> None:
        super().__init__()
        self._key, self._task_definition = key, task_definition
        self._arn, self._resource = _arns(task_definition, key)

    @property
    def arn(self) -> str:
        return f"{self._arn}:{self._key.field}::" if self._key.field else self._arn

    @property
    def has_field(self) -> bool | None:
        return bool(self._key.field)

    @jsii.member(jsii_name="grantRead")
    def grant_read(self, grantee: iam.IGrantable) -> iam.Grant:
        own = None if isinstance(self._key.secret, str) else self._key.secret.encryption_key
        if key_arn := self._key.encryption_key_arn or (str(own.key_arn) if own is not None else None):
            iam.Grant.add_to_principal(grantee=grantee, actions=["kms:Decrypt"], resource_arns=[key_arn])
        return iam.Grant.add_to_principal(
            grantee=grantee, actions=["secretsmanager:GetSecretValue"], resource_arns=[self._resource]
        )


def _arns(scope: Construct, key: SecretField) -> tuple[str, str]:
    """The ARN by which ECS asks for a secret, and that of the right to read it."""
    secret = key.secret
    if not isinstance(secret, str):
        full = secret.secret_full_arn
        return (full, full) if full else (secret.secret_arn, f"{secret.secret_arn}-??????")
    if not secret.startswith("arn:"):
        secret = Stack.of(scope).format_arn(
            service="secretsmanager",
            resource="secret",
            resource_name=secret,
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
    return secret, secret if re.search(r"-[A-Za-z0-9]{6}$", secret) else f"{secret}-??????"


def _id(container_name: str) -> str:
    return {"ecs-cwagent": "CloudWatchAgent", "aws-otel-collector": "Collector", "xray-daemon": "XRayDaemon"}[
        container_name
    ]


def port_mappings(agent: EcsAgent, *, host_ports: bool) -> list[ecs.PortMapping]:
    """Return a mapping of each of an agent's ports, onto the same of the instance or onto a free one."""
    return [
        ecs.PortMapping(
            container_port=port.number,
            host_port=port.number if host_ports else None,
            protocol=ecs.Protocol.UDP if port.protocol == "udp" else ecs.Protocol.TCP,
        )
        for port in agent.ports
    ]


def log_driver(log_group: logs.ILogGroup) -> ecs.LogDriver:
    """Return the driver for what agents say of themselves; it never makes them wait."""
    return ecs.LogDrivers.aws_logs(stream_prefix="ecs", log_group=log_group, mode=ecs.AwsLogDriverMode.NON_BLOCKING)
