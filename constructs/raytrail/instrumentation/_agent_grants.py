"""What a machine with the CloudWatch agent may do: the actions that AWS documents, for what the agent collects."""

from __future__ import annotations

from collections.abc import Iterable

from aws_cdk import Annotations, ArnFormat, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_ssm as ssm

from raytrail.findings import acknowledge, place_of
from raytrail.instrumentation._model_agent import AgentConfig
from raytrail.instrumentation._model_agent_needs import needs_of
from raytrail.tracing import grant_write

# https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonSSMManagedInstanceCore.html, version 2, without
# reading every parameter: the agent reads its own, and the documents that run here name none.
MANAGED_INSTANCE_ACTIONS = (
    "ssm:DescribeAssociation",
    "ssm:GetDeployablePatchSnapshotForInstance",
    "ssm:GetDocument",
    "ssm:DescribeDocument",
    "ssm:GetManifest",
    "ssm:ListAssociations",
    "ssm:ListInstanceAssociations",
    "ssm:PutInventory",
    "ssm:PutComplianceItems",
    "ssm:PutConfigurePackageResult",
    "ssm:UpdateAssociationStatus",
    "ssm:UpdateInstanceAssociationStatus",
    "ssm:UpdateInstanceInformation",
    "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel",
    "ec2messages:AcknowledgeMessage",
    "ec2messages:DeleteMessage",
    "ec2messages:FailMessage",
    "ec2messages:GetEndpoint",
    "ec2messages:GetMessages",
    "ec2messages:SendReply",
)
"""What SSM's agent needs to be told anything at all."""

# https://docs.aws.amazon.com/aws-managed-policy/latest/reference/CloudWatchAgentServerPolicy.html, version 3.
LOG_ACTIONS = ("logs:PutLogEvents", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:CreateLogGroup")

_EVERYWHERE = "these actions know no resource, or are asked before there is one; AWS documents * for them"
_STREAMS = "the agent names its log streams after the machines"


def grant_agent(role: iam.IRole, config: AgentConfig, *, parameter: ssm.IStringParameter | None = None) -> None:
    """Let a role do what an agent does with a configuration: the actions of CloudWatchAgentServerPolicy for that.

    What the configuration has from ``more`` counts as the rest does; for a section that does not tell what it needs, a
    warning says so.

    Args:
        role: The role of the machine.
        config: What the agent collects.
        parameter: Where it reads that, if it does.
    """
    needs = needs_of(config.value)
    if needs.traces:
        grant_write(role)
    if needs.namespace is not None:
        _grant_metrics(role, needs.namespace)
    if needs.log_groups:
        _grant_logs(role, needs.log_groups, retention=needs.retention)
    if needs.unknown:
        Annotations.of(role).add_warning_v2(
            "raytrail:AgentRights",
            f"the agent's configuration does not tell which rights {', '.join(needs.unknown)} needs, so that the role "
            "gets none for that; give it the actions that AWS documents",
        )
    if parameter is not None:
        _add(role, ["ssm:GetParameter"], [parameter.parameter_arn])
    acknowledge(role, {"AwsSolutions-IAM5[Resource::*]": _EVERYWHERE})


def grant_managed(role: iam.IRole) -> None:
    """Let a role be that of a machine which Systems Manager manages."""
    _add(role, MANAGED_INSTANCE_ACTIONS, ["*"])
    acknowledge(role, {"AwsSolutions-IAM5[Resource::*]": _EVERYWHERE})


def _grant_metrics(role: iam.IRole, namespace: str) -> None:
    role.add_to_principal_policy(
        iam.PolicyStatement(
            actions=["cloudwatch:PutMetricData"],
            resources=["*"],
            conditions={"StringEquals": {"cloudwatch:namespace": namespace}},
        )
    )
    _add(role, ["ec2:DescribeTags", "ec2:DescribeVolumes"], ["*"])


def _grant_logs(role: iam.IRole, groups: Iterable[str], *, retention: bool) -> None:
    actions = [*LOG_ACTIONS, *(["logs:PutRetentionPolicy"] if retention else [])]
    stack, place = Stack.of(role), place_of(role)
    arns, findings = [], {}
    for group in groups:
        arns.append(
            stack.format_arn(
                service="logs",
                resource="log-group",
                resource_name=f"{group}:*",
                arn_format=ArnFormat.COLON_RESOURCE_NAME,
            )
        )
        arn = f"arn:{place.partition}:logs:{place.region}:{place.account}:log-group:{group}:*"
        findings[f"AwsSolutions-IAM5[Resource::{arn}]"] = _STREAMS
    _add(role, actions, arns)
    _add(role, ["logs:DescribeLogGroups"], ["*"])
    acknowledge(role, findings)


def _add(role: iam.IRole, actions: Iterable[str], resources: list[str]) -> None:
    role.add_to_principal_policy(iam.PolicyStatement(actions=[*actions], resources=resources))
