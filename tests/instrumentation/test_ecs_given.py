"""Agents on ECS over roles and log groups that are there."""

from __future__ import annotations

import pytest
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from tests.synth import only, resources

from raytrail.errors import InvalidProps
from raytrail.instrumentation import (
    CloudWatchMetrics,
    CollectorContainer,
    EcsAgentService,
    XRay,
    instrument_ecs,
)

METRICS = CollectorContainer(exporters=[XRay(), CloudWatchMetrics(namespace="Shop")])


@pytest.fixture
def task(stack) -> ecs.FargateTaskDefinition:
    made = ecs.FargateTaskDefinition(stack, "Task", cpu=512, memory_limit_mib=1024)
    made.add_container("App", image=ecs.ContainerImage.from_registry("public.ecr.aws/docker/library/python:3.13-slim"))
    return made


@pytest.fixture
def cluster(stack) -> ecs.ICluster:
    vpc = ec2.Vpc.from_vpc_attributes(stack, "Vpc", vpc_id="vpc-1", availability_zones=["us-east-1a"])
    return ecs.Cluster.from_cluster_attributes(stack, "Cluster", cluster_name="prod", vpc=vpc)


def group(stack, name: str) -> logs.ILogGroup:
    return logs.LogGroup.from_log_group_name(stack, name.rpartition("/")[2], name)


def test_metrics_beside_an_application_go_to_a_log_group_that_is_there(stack, task, template):
    agents, metrics = group(stack, "/teams/agents"), group(stack, "/teams/metrics")
    made = instrument_ecs(task, service_name="shop", agent=METRICS, agent_log_group=agents, metric_log_group=metrics)
    again = instrument_ecs(task, service_name="shop", agent=METRICS, agent_log_group=agents, metric_log_group=metrics)
    assert made.agent is not None
    assert again.agent is not None
    assert again.agent.node.path == made.agent.node.path
    assert not resources(template(), "AWS::Logs::LogGroup")
    containers = only(template(), "AWS::ECS::TaskDefinition")["ContainerDefinitions"]
    (collector,) = [each for each in containers if each["Name"] == "aws-otel-collector"]
    assert any("/teams/metrics" in pair["Value"] for pair in collector["Environment"])


def test_a_log_group_for_metrics_that_nobody_writes_is_refused_before_anything_changes(stack, task, template):
    with pytest.raises(InvalidProps, match="metric_log_group is for a CollectorContainer with CloudWatchMetrics"):
        instrument_ecs(task, service_name="shop", metric_log_group=group(stack, "/teams/metrics"))
    (container,) = only(template(), "AWS::ECS::TaskDefinition")["ContainerDefinitions"]
    assert "Environment" not in container


def test_an_agent_of_a_cluster_takes_roles_and_log_groups_that_are_there(stack, cluster, template):
    EcsAgentService(
        stack,
        "Agent",
        cluster=cluster,
        agent=METRICS,
        log_group=group(stack, "/teams/agents"),
        metric_log_group=group(stack, "/teams/metrics"),
        task_role=iam.Role.from_role_name(stack, "TaskRole", "agent"),
        execution_role=iam.Role.from_role_name(stack, "ExecutionRole", "execution", mutable=False),
    )
    made = template()
    types = {each["Type"] for each in made["Resources"].values()}
    assert types == {"AWS::ECS::Service", "AWS::ECS::TaskDefinition", "AWS::IAM::Policy"}
    assert only(made, "AWS::IAM::Policy")["Roles"] == ["agent"]
    task = only(made, "AWS::ECS::TaskDefinition")
    assert task["TaskRoleArn"].endswith("role/agent")
    assert task["ExecutionRoleArn"].endswith("role/execution")


def test_an_agent_of_a_cluster_that_writes_no_metrics_needs_no_log_group_for_them(stack, cluster):
    with pytest.raises(InvalidProps, match="got CloudWatchAgentContainer, which writes no metrics to a log"):
        EcsAgentService(stack, "Agent", cluster=cluster, metric_log_group=group(stack, "/teams/metrics"))
