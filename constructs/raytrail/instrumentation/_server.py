"""The CloudWatch agent on machines on premises."""

from __future__ import annotations

import re
from dataclasses import replace

from aws_cdk import Aws, CfnOutput, Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from raytrail.errors import InvalidProps
from raytrail.instrumentation._agent import (
    AGENT_ID,
    ServerInstrumentation,
    add_managed_agent,
    already_has_agent,
    found_agent,
    remember_agent,
)
from raytrail.instrumentation._model_agent import AgentConfig
from raytrail.instrumentation._model_layers import Language
from raytrail.instrumentation._model_server import activation_command, application_environment

TAG_KEY = "raytrail-agent"
"""The tag that an activation puts on each machine, by which the association finds it."""

LARGEST_REGISTRATION = 1000
"""Machines of one activation, and of the standard tier of an account and Region:
https://docs.aws.amazon.com/systems-manager/latest/userguide/hybrid-activation-managed-nodes.html."""


def instrument_server(
    scope: Construct,
    name: str,
    *,
    service_name: str,
    config: AgentConfig | None = None,
    environment: str | None = None,
    language: Language | None = None,
    registration_limit: int = 1,
    role: iam.IRole | None = None,
    parameter_name: str | None = None,
) -> ServerInstrumentation:
    """Put the CloudWatch agent on machines on premises, and say how a program sends its traces to it.

    The machines are managed by Systems Manager through a hybrid activation, which CloudFormation cannot make: the
    stack's output, and ``activation_command``, is the command for that. It gives a code and an ID for
    ``ssm-setup-cli -register``. From then on an association installs the agent and configures it. The agent uses the
    credentials that SSM's agent gets for the role: no access key is made.
    See https://docs.aws.amazon.com/systems-manager/latest/userguide/hybrid-activation-managed-nodes.html.

    Args:
        scope: Where the resources go.
        name: What the machines are called in Systems Manager, and the value of their tag ``raytrail-agent``: letters,
            digits, dots, underscores and hyphens. It is the id of the construct.
        service_name: What traces call the program.
        config: What the agent collects; the stack's Region and asking EC2 for nothing are added. Default: traces from
            X-Ray's SDKs and by OTLP, of the same machine.
        environment: The environment in each span. Default: none.
        language: The program's language, as for `instrument_ec2`. Default: none.
        registration_limit: How many machines may register with one activation: 1 to 1,000. Default: 1.
        role: The role of the machines, which ``ssm.amazonaws.com`` may assume. Default: a new one.
        parameter_name: How the name of the agent's parameter begins, with ``AmazonCloudWatch-``. Default: made of the
            construct's path.

    Returns:
        What was added, with the variables that the program needs.

    Raises:
        InvalidProps: A value is out of range, the metrics have dimensions that only EC2 knows, or the name is taken
            by machines with another configuration.
    """
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,256}", name):
        raise InvalidProps(f"name of machines is 1 to 256 letters, digits, dots, underscores and hyphens, got {name!r}")
    if not 1 <= registration_limit <= LARGEST_REGISTRATION:
        raise InvalidProps(f"registration_limit is 1 to {LARGEST_REGISTRATION}, got {registration_limit}")
    config = _on_premises(config or AgentConfig(), Stack.of(scope).region)
    variables = application_environment(
        service_name=service_name, config=config, environment=environment, language=language
    )
    own = scope.node.try_find_child(name)
    way = f"server {registration_limit} {role.node.path if role else ''}"
    if own is None:
        below = Construct(scope, name)
        its_role = role or _make_role(below)
        parameter, association = add_managed_agent(
            remember_agent(below, config, way),
            config=config,
            mode="onPremise",
            role=its_role,
            target=(f"tag:{TAG_KEY}", name),
            parameter_name=parameter_name,
        )
        command = _command(name, its_role, registration_limit)
        CfnOutput(below, "Activation", value=command, description=f"Makes an activation for {name}")
    elif own.node.try_find_child(AGENT_ID) is not None and already_has_agent(own, config, way):
        parameter, association = found_agent(own)
        found = own.node.try_find_child("Role")
        its_role = role or found  # type: ignore[assignment]  # the child of this id is the role that _make_role made
        command = _command(name, its_role, registration_limit)
    else:
        raise InvalidProps(f"{scope.node.path}/{name} is something else already; give the machines another name")
    return ServerInstrumentation(
        environment=variables,
        parameter=parameter,
        association=association,
        role=its_role,
        activation_command=command,
    )


def _on_premises(config: AgentConfig, region: str) -> AgentConfig:
    if dimensions := config.value.get("metrics", {}).get("append_dimensions"):
        raise InvalidProps(
            f"dimensions {', '.join(dimensions)} of an agent's metrics are known to EC2 alone; leave "
            "them out on premises"
        )
    traces = config.traces and replace(config.traces, local_mode=True)
    return replace(config, traces=traces, region=config.region or region)


def _make_role(scope: Construct) -> iam.Role:
    """The role that AWS's page on hybrid environments documents: Systems Manager assumes it, for this account."""
    arn = f"arn:{Aws.PARTITION}:ssm:{Stack.of(scope).region}:{Stack.of(scope).account}:*"
    conditions = {
        "StringEquals": {"aws:SourceAccount": Stack.of(scope).account},
        "ArnEquals": {"aws:SourceArn": arn},
    }
    return iam.Role(scope, "Role", assumed_by=iam.ServicePrincipal("ssm.amazonaws.com", conditions=conditions))


def _command(name: str, role: iam.IRole, limit: int) -> str:
    region = Stack.of(role).region
    return activation_command(name=name, role_name=role.role_name, region=region, limit=limit, tag=(TAG_KEY, name))
