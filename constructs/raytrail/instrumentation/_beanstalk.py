"""Tracing for Elastic Beanstalk environments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aws_cdk import aws_elasticbeanstalk as elasticbeanstalk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_ssm as ssm

from raytrail.errors import InvalidProps
from raytrail.findings import acknowledge
from raytrail.instrumentation._agent import add_managed_agent, already_has_agent, found_agent, remember_agent
from raytrail.instrumentation._model_agent import AgentConfig
from raytrail.instrumentation._model_beanstalk import (
    PROFILE_OPTION,
    VARIABLES,
    BeanstalkAgent,
    beanstalk_config_file,
    check_platform,
    check_variables,
    option_settings,
)
from raytrail.instrumentation._model_layers import Language
from raytrail.tracing import grant_write

_PROFILE = "InstanceProfile"
_WRITE = "X-Ray's write actions know no resource; AWS documents * for them"


@dataclass(frozen=True, kw_only=True)
class BeanstalkInstrumentation:
    """What `instrument_beanstalk` added.

    Attributes:
        settings: The option settings, by namespace and name; without that of the instance profile.
        association: What installs and configures the CloudWatch agent. Default: none, as for X-Ray's daemon.
        config_file: The text of ``.ebextensions/raytrail.config`` that does the same without the CDK.
    """

    settings: Mapping[tuple[str, str], str]
    config_file: str
    association: ssm.CfnAssociation | None = None


def instrument_beanstalk(
    application_environment: elasticbeanstalk.CfnEnvironment,
    *,
    service_name: str,
    role: iam.IRole | None = None,
    agent: BeanstalkAgent = "daemon",
    config: AgentConfig | None = None,
    environment: str | None = None,
    language: Language | None = None,
) -> BeanstalkInstrumentation:
    """Trace the program of an Elastic Beanstalk environment.

    With ``daemon`` the platform runs X-Ray's daemon (``XRayEnabled``), which receives from X-Ray's SDKs; AWS gives
    SDKs and daemon security fixes alone since 2026-02-25. With ``cloudwatch`` the daemon is off, and Systems Manager
    installs the CloudWatch agent, which receives from OpenTelemetry too, on every instance of the environment.

    Args:
        application_environment: The environment. Its option settings are added to, and none is changed.
        service_name: What traces call the program.
        role: The role of the instances, which gets the rights; ``cloudwatch`` needs it. Where the environment has
            neither the option ``IamInstanceProfile`` nor a saved configuration (``template_name``), a profile of this
            role is made and set; else the profile that is there stays, and has to be that of this role. Default: no
            rights are added, and no profile; the role of the environment's own needs those of
            AWSElasticBeanstalkWebTier for X-Ray.
        agent: ``daemon`` or ``cloudwatch``. Default: daemon.
        config: What the CloudWatch agent collects. Default: traces from X-Ray's SDKs and by OTLP.
        environment: The environment in each span; for OpenTelemetry. Default: none.
        language: The program's language; for OpenTelemetry. Default: none.

    Returns:
        What was added.

    Raises:
        InvalidProps: The platform runs the program in a container (Docker, ECS), an option is set to something else
            already, a variable turns the SDK off or chooses another protocol, or the CloudWatch agent is asked for
            without a role.
    """
    check_platform(application_environment.solution_stack_name)
    check_platform(application_environment.platform_arn)
    wanted = option_settings(
        service_name=service_name, agent=agent, config=config, environment=environment, language=language
    )
    has = _given(application_environment)
    _check_given(application_environment, has, wanted)
    association = None
    if agent == "cloudwatch":
        own = {name: value for (namespace, name), value in has.items() if namespace == VARIABLES}
        check_variables(f"the environment of {application_environment.node.path}", own, config or AgentConfig())
        association = _add_agent(application_environment, config or AgentConfig(), role)
    elif role is not None:
        grant_write(role)
        acknowledge(role, {"AwsSolutions-IAM5[Resource::*]": _WRITE})
    _add_settings(application_environment, {**wanted, **_profile(application_environment, role, has)}, has)
    return BeanstalkInstrumentation(
        settings=wanted,
        association=association,
        config_file=beanstalk_config_file(
            service_name=service_name, agent=agent, config=config, environment=environment, language=language
        ),
    )


def _add_agent(
    target: elasticbeanstalk.CfnEnvironment, config: AgentConfig, role: iam.IRole | None
) -> ssm.CfnAssociation:
    if role is None:
        raise InvalidProps("the CloudWatch agent needs rights of its own: give the instance profile's role as role=")
    if already_has_agent(target, config, "ssm"):
        return found_agent(target)[1]
    # Elastic Beanstalk tags its instances with the name of their environment.
    _, association = add_managed_agent(
        remember_agent(target, config, "ssm"),
        config=config,
        mode="ec2",
        role=role,
        target=("tag:elasticbeanstalk:environment-name", target.ref),
    )
    return association


def _profile(
    target: elasticbeanstalk.CfnEnvironment, role: iam.IRole | None, has: Mapping[tuple[str, str], Any]
) -> dict[tuple[str, str], str]:
    """The instance profile of the role, where nothing else names one."""
    # An option of the environment would win over that of its saved configuration.
    if role is None or PROFILE_OPTION in has or target.template_name is not None:
        return {}
    return {PROFILE_OPTION: iam.InstanceProfile(target, _PROFILE, role=role).instance_profile_name}


def _given(target: elasticbeanstalk.CfnEnvironment) -> dict[tuple[str, str], Any]:
    """The values of the option settings that are there."""
    given = target.option_settings or []
    if not isinstance(given, list):
        raise InvalidProps(f"the option settings of {target.node.path} are a token, which cannot be added to")
    return {(_get(each, "namespace"), _get(each, "option_name")): _get(each, "value") for each in given}


def _check_given(
    target: elasticbeanstalk.CfnEnvironment, has: Mapping[tuple[str, str], Any], wanted: Mapping[tuple[str, str], str]
) -> None:
    for (namespace, name), value in wanted.items():
        there = has.get((namespace, name), value)
        if there != value:
            raise InvalidProps(
                f"option {name} of {namespace} of {target.node.path} is {there!r} already, and {value!r} is needed"
            )


def _add_settings(
    target: elasticbeanstalk.CfnEnvironment,
    wanted: Mapping[tuple[str, str], str],
    has: Mapping[tuple[str, str], Any],
) -> None:
    given: Any = target.option_settings or []
    target.option_settings = [
        *given,
        *(
            elasticbeanstalk.CfnEnvironment.OptionSettingProperty(namespace=namespace, option_name=name, value=value)
            for (namespace, name), value in wanted.items()
            if (namespace, name) not in has
        ),
    ]


def _get(setting: Any, name: str) -> Any:
    """A field of an option setting, which is a struct, or what JSON is written as."""
    if isinstance(setting, Mapping):
        camel = name.split("_", maxsplit=1)[0] + "".join(part.title() for part in name.split("_")[1:])
        return setting.get(name, setting.get(camel))
    return getattr(setting, name, None)
