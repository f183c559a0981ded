"""The CloudWatch agent on EC2 instances."""

from __future__ import annotations

from typing import Literal, cast

from aws_cdk import aws_autoscaling as autoscaling
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from constructs import Construct

from raytrail.errors import InvalidProps
from raytrail.instrumentation._agent import (
    ServerInstrumentation,
    add_managed_agent,
    already_has_agent,
    found_agent,
    remember_agent,
)
from raytrail.instrumentation._agent_grants import grant_agent
from raytrail.instrumentation._model_agent import AgentConfig
from raytrail.instrumentation._model_layers import Language
from raytrail.instrumentation._model_server import application_environment, user_data_commands

Machines = ec2.IInstance | autoscaling.IAutoScalingGroup
"""An instance, or a group whose instances are alike."""


def instrument_ec2(
    machines: Machines,
    *,
    service_name: str,
    config: AgentConfig | None = None,
    environment: str | None = None,
    language: Language | None = None,
    install: Literal["ssm", "user_data"] = "ssm",
    role: iam.IRole | None = None,
    parameter_name: str | None = None,
) -> ServerInstrumentation:
    """Put the CloudWatch agent on an instance or on those of a group, and say how a program sends its traces to it.

    With Systems Manager nothing of the instance changes: an association installs the agent and configures it, on new
    instances of a group too. The instance's image has SSM's agent, and reaches Systems Manager. The role gets the
    actions of AmazonSSMManagedInstanceCore (less reading of parameters) and those of CloudWatchAgentServerPolicy that
    the configuration needs, inline. Called again with the same configuration, for another service of the same
    machine, it adds nothing.
    See https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/installing-cloudwatch-agent-ssm.html.

    Args:
        machines: The instance or the group.
        service_name: What traces call the program.
        config: What the agent collects. Default: traces from X-Ray's SDKs and by OTLP, of the same machine.
        environment: The environment in each span (``deployment.environment.name``). Default: none.
        language: The program's language, for the variables that load AWS's distribution of OpenTelemetry. Default:
            none of those.
        install: ``user_data`` for machines without Systems Manager: commands of user data do the same, on Amazon Linux,
            when an instance starts for the first time; a change of them means another instance, or none, by its own
            settings. Default: ssm.
        role: The role of the instances, if the CDK does not know it. Default: theirs.
        parameter_name: How the name of the agent's parameter begins, with ``AmazonCloudWatch-``. Default: made of the
            path of the machines.

    Returns:
        What was added, with the variables that the program needs.

    Raises:
        InvalidProps: The role is not known, the machines are not the app's own and user data is asked for, they run
            Windows and user data is asked for, or they have an agent of another configuration.
    """
    config = config or AgentConfig()
    if install not in ("ssm", "user_data"):
        raise InvalidProps(f"install is ssm or user_data, got {install!r}")
    if install == "user_data" and parameter_name is not None:
        raise InvalidProps("with install='user_data' there is no parameter, got parameter_name")
    variables = application_environment(
        service_name=service_name, config=config, environment=environment, language=language
    )
    its_role = role or _role_of(machines)
    scope = _scope_of(machines)
    if already_has_agent(scope, config, install):
        if install == "user_data":
            return ServerInstrumentation(environment=variables, role=its_role)
        parameter, association = found_agent(scope)
        return ServerInstrumentation(environment=variables, parameter=parameter, association=association, role=its_role)
    if install == "user_data":
        _add_user_data(machines, config)
        remember_agent(scope, config, install)
        grant_agent(its_role, config)
        return ServerInstrumentation(environment=variables, role=its_role)
    parameter, association = add_managed_agent(
        remember_agent(scope, config, install),
        config=config,
        mode="ec2",
        role=its_role,
        target=_target(machines),
        parameter_name=parameter_name,
    )
    return ServerInstrumentation(environment=variables, parameter=parameter, association=association, role=its_role)


def _scope_of(machines: Machines) -> Construct:
    """Where what is added goes: below the machines, or beside them where they were made elsewhere."""
    if isinstance(machines, Construct):
        return machines
    beside = cast(Construct, machines.node.scope)
    id = f"{machines.node.id}Agent"
    return cast(Construct, beside.node.try_find_child(id)) or Construct(beside, id)


def _target(machines: Machines) -> tuple[str, str]:
    """How Systems Manager finds the machines; EC2 Auto Scaling tags its instances itself."""
    if isinstance(machines, ec2.Instance) or hasattr(machines, "instance_id"):
        return "InstanceIds", machines.instance_id
    return "tag:aws:autoscaling:groupName", machines.auto_scaling_group_name


def _role_of(machines: Machines) -> iam.IRole:
    principal = machines.grant_principal
    # A group that is imported has a principal that nobody knows, and no construct.
    if not hasattr(principal, "role_name"):
        raise InvalidProps(
            f"the role of {machines.node.path} is not known: it was made elsewhere; give it as role=, as "
            "Role.from_role_name(…)"
        )
    return cast(iam.IRole, principal)


def _add_user_data(machines: Machines, config: AgentConfig) -> None:
    if not isinstance(machines, ec2.Instance | autoscaling.AutoScalingGroup):
        raise InvalidProps(f"user data of {machines.node.path} is not the app's own to change; use install='ssm'")
    if machines.os_type != ec2.OperatingSystemType.LINUX:
        raise InvalidProps(
            f"user data installs the agent on Amazon Linux, and {machines.node.path} runs {machines.os_type.name}; "
            "use install='ssm'"
        )
    machines.add_user_data(*user_data_commands(config.to_json()))
