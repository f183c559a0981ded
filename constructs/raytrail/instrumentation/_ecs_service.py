"""An agent as a service of its own: one task on each EC2 instance of a cluster."""

from __future__ import annotations

from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from raytrail.findings import acknowledge
from raytrail.instrumentation._ecs_agents import (
    add_agent,
    check_metric_log_group,
    log_driver,
    log_group_of_metrics,
    port_mappings,
)
from raytrail.instrumentation._model_ecs_agents import CloudWatchAgentContainer, EcsAgent


class EcsAgentService(Construct):
    """One agent on each EC2 instance of a cluster (daemon scheduling), for all tasks there.

    It takes its ports on the instance, so one cluster has one. Tasks in host mode reach it at localhost; tasks in
    bridge and awsvpc mode at the instance's private address: call `instrument_ecs` with ``placement="instance"``. The
    instances' security group lets tasks in awsvpc mode reach the ports, and nobody else: the agent asks no password.
    See https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-Application-Signals-ECS-Daemon.html.

    Args:
        cluster: A cluster with capacity of EC2; Fargate has no instances of yours.
        agent: The agent. Default: the CloudWatch agent.
        log_group: Where the agent writes what it says of itself. Default: a new one that keeps a month.
        metric_log_group: Where a collector writes metrics for CloudWatch, as lines of a log. Default: a new one that
            keeps a month, where the agent does so.
        task_role: The agent's role, which ``ecs-tasks.amazonaws.com`` may assume. It gets a policy with what the agent
            needs, one of another app too unless it is imported with ``mutable=False``. Default: one is made.
        execution_role: The role by which ECS writes the agent's log and reads its keys; as ``task_role``. Default: one
            is made.

    Attributes:
        service: The service.
        task_definition: Its task definition, in bridge mode.
        container: The agent's container.
        log_group: Where the agent writes what it says of itself.

    Raises:
        InvalidProps: The exporters need a service's name, or a log group for metrics is given to an agent that writes
            none.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        cluster: ecs.ICluster,
        agent: EcsAgent | None = None,
        log_group: logs.ILogGroup | None = None,
        metric_log_group: logs.ILogGroup | None = None,
        task_role: iam.IRole | None = None,
        execution_role: iam.IRole | None = None,
    ) -> None:
        super().__init__(scope, id)
        agent = CloudWatchAgentContainer() if agent is None else agent
        check_metric_log_group(agent, metric_log_group)
        self.log_group: logs.ILogGroup = log_group or logs.LogGroup(
            self, "Logs", retention=logs.RetentionDays.ONE_MONTH
        )
        self.task_definition: ecs.Ec2TaskDefinition = ecs.Ec2TaskDefinition(
            self,
            "Task",
            network_mode=ecs.NetworkMode.BRIDGE,
            task_role=task_role,
            execution_role=execution_role,
        )
        self.container: ecs.ContainerDefinition = add_agent(
            self.task_definition,
            agent,
            shared=False,
            service=None,
            metric_log_group=log_group_of_metrics(self, agent, metric_log_group),
            logging=log_driver(self.log_group),
            port_mappings=port_mappings(agent, host_ports=True),
        )
        # Of two agents on one instance only one would get the ports: the old one stops before the new one starts.
        self.service: ecs.Ec2Service = ecs.Ec2Service(
            self,
            "Resource",
            cluster=cluster,
            task_definition=self.task_definition,
            daemon=True,
            min_healthy_percent=0,
            max_healthy_percent=100,
            circuit_breaker=ecs.DeploymentCircuitBreaker(rollback=True),
        )
        acknowledge(
            self.task_definition,
            {"AwsSolutions-ECS2": "the variables are the agent's configuration and its Region; keys are ECS secrets"},
        )
