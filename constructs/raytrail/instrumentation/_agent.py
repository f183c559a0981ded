"""The CloudWatch agent on machines, by way of Systems Manager."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from aws_cdk import Names, Stack, Tags
from aws_cdk import aws_iam as iam
from aws_cdk import aws_ssm as ssm
from constructs import Construct, IConstruct

from raytrail.errors import InvalidProps
from raytrail.instrumentation._agent_grants import grant_agent, grant_managed
from raytrail.instrumentation._model_agent import AgentConfig
from raytrail.instrumentation._model_server import (
    LARGEST_STANDARD_PARAMETER,
    PARAMETER_PREFIX,
    AgentMode,
    check_parameter,
    environment_file,
    management_document,
)

AGENT_ID = "CloudWatchAgent"
"""The id of what is added below a machine or a scope."""

_ASKED = "raytrail:agent"


@dataclass(frozen=True, kw_only=True)
class ServerInstrumentation:
    """What `instrument_ec2` or `instrument_server` added.

    Attributes:
        environment: The variables that the program needs to send its traces to the agent.
        parameter: The parameter with the agent's configuration. Default: none, user data carries it.
        association: What tells Systems Manager to install and configure the agent. Default: none, user data does it.
        role: The role of the machines. Default: none.
        activation_command: The command that makes an activation for machines on premises. Default: none, as for EC2.
    """

    environment: Mapping[str, str]
    parameter: ssm.IStringParameter | None = None
    association: ssm.CfnAssociation | None = None
    role: iam.IRole | None = None
    activation_command: str | None = None

    @property
    def environment_file(self) -> str:
        """The variables as the text of a file for systemd's ``EnvironmentFile=``."""
        return environment_file(self.environment)


def already_has_agent(scope: IConstruct, config: AgentConfig, way: str) -> bool:
    """Whether a machine has the very same agent already, so that there is nothing to add.

    Args:
        scope: What the agent is below.
        config: The agent's configuration.
        way: How it gets there.

    Raises:
        InvalidProps: It has one with another configuration, or by another way.
    """
    found = scope.node.try_find_child(AGENT_ID)
    if found is None:
        return False
    if found.node.try_get_context(_ASKED) != _asked(scope, config, way):
        raise InvalidProps(
            f"{scope.node.path} has a CloudWatch agent of another configuration already; a machine runs one, so put "
            "all that it collects into one AgentConfig"
        )
    return True


def remember_agent(scope: Construct, config: AgentConfig, way: str) -> Construct:
    """Return the construct that what is added goes below; `already_has_agent` finds it again."""
    made = Construct(scope, AGENT_ID)
    # The CDK gives a machine's name, as a tag, to everything below it.
    Tags.of(made).remove("Name")
    made.node.set_context(_ASKED, _asked(scope, config, way))
    return made


def add_managed_agent(
    below: Construct,
    *,
    config: AgentConfig,
    mode: AgentMode,
    role: iam.IRole,
    target: tuple[str, str],
    parameter_name: str | None = None,
) -> tuple[ssm.IStringParameter, ssm.CfnAssociation]:
    """Have Systems Manager install and configure the agent on the machines of a target.

    The parameter's name ends with a digest of the configuration: another configuration is another parameter, so that
    the association changes too and Systems Manager runs it again on every machine.

    Args:
        below: Where the resources go.
        config: The agent's configuration.
        mode: Where the machines are.
        role: Their role.
        target: A key and a value of Systems Manager's targets.
        parameter_name: The beginning of the parameter's name. Default: made of the path of ``below``.
    """
    text = config.to_json()
    name = parameter_name or PARAMETER_PREFIX + Names.unique_resource_name(below, max_length=60, separator="-")
    check_parameter(name, text)
    parameter = ssm.StringParameter(
        below,
        "Config",
        parameter_name=f"{name}-{_digest(below, text)}",
        string_value=text,
        description="Configuration of the CloudWatch agent",
        tier=ssm.ParameterTier.STANDARD
        if len(text.encode()) <= LARGEST_STANDARD_PARAMETER
        else ssm.ParameterTier.ADVANCED,
    )
    document = ssm.CfnDocument(
        below,
        "Document",
        content=management_document(parameter_name=parameter.parameter_name, mode=mode),
        document_type="Command",
        target_type="/",
    )
    key, value = target
    association = ssm.CfnAssociation(
        below,
        "Association",
        name=document.ref,
        targets=[ssm.CfnAssociation.TargetProperty(key=key, values=[value])],
    )
    grant_managed(role)
    grant_agent(role, config, parameter=parameter)
    # A machine that asks before its role may would wait for the association's next run.
    association.node.add_dependency(role)
    return parameter, association


def found_agent(scope: IConstruct) -> tuple[ssm.IStringParameter, ssm.CfnAssociation]:
    """Return what `add_managed_agent` made below a scope."""
    below = scope.node.find_child(AGENT_ID).node
    parameter, association = below.find_child("Config"), below.find_child("Association")
    assert isinstance(parameter, ssm.StringParameter)
    assert isinstance(association, ssm.CfnAssociation)
    return parameter, association


def _digest(scope: IConstruct, text: str) -> str:
    return hashlib.sha256(_resolved(scope, text).encode()).hexdigest()[:8]


def _asked(scope: IConstruct, config: AgentConfig, way: str) -> str:
    return f"{way} {_resolved(scope, config.to_json())}"


def _resolved(scope: IConstruct, text: str) -> str:
    """A text whose tokens are references: the number of a token differs from one synth to the next."""
    return json.dumps(Stack.of(scope).resolve(text), sort_keys=True)
