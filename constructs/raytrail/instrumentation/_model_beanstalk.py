"""What an Elastic Beanstalk environment is told: option settings, and the file for those who deploy without the CDK.

Documented at https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/environment-configuration-debugging.html (X-Ray's
daemon) and https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/customize-containers-cw.html (the CloudWatch agent).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Literal

from raytrail.errors import InvalidProps
from raytrail.instrumentation._model_agent import XRAY_PORT, AgentConfig
from raytrail.instrumentation._model_given import check_enabled, check_protocol
from raytrail.instrumentation._model_layers import Language
from raytrail.instrumentation._model_server import AGENT_CONTROL, AGENT_FOLDER, application_environment

BeanstalkAgent = Literal["daemon", "cloudwatch"]
"""X-Ray's daemon of the platform, or the CloudWatch agent."""
OptionSettings = Mapping[tuple[str, str], str]
"""Values by namespace and name of the option."""

XRAY_OPTION = ("aws:elasticbeanstalk:xray", "XRayEnabled")
VARIABLES = "aws:elasticbeanstalk:application:environment"
PROFILE_OPTION = ("aws:autoscaling:launchconfiguration", "IamInstanceProfile")

# As the names of solution stacks have it, and those in ARNs of platforms.
_ECS = re.compile(r"running ECS|ECS running on|Multi-container Docker", re.IGNORECASE)
_DOCKER = re.compile(r"running Docker|Docker running on|Preconfigured - Docker", re.IGNORECASE)


def option_settings(
    *,
    service_name: str,
    agent: BeanstalkAgent,
    config: AgentConfig | None = None,
    environment: str | None = None,
    language: Language | None = None,
) -> dict[tuple[str, str], str]:
    """Return the option settings of an environment whose program sends traces.

    Args:
        service_name: What traces call the program.
        agent: ``daemon`` for X-Ray's daemon, which the platform ships and which receives from X-Ray's SDKs alone;
            ``cloudwatch`` for the CloudWatch agent, for OpenTelemetry too.
        config: What the CloudWatch agent collects. Default: traces of the same machine.
        environment: The environment in each span; for OpenTelemetry. Default: none.
        language: The program's language; for OpenTelemetry. Default: none.

    Raises:
        InvalidProps: The agent is none of those, or the daemon is given what it has no use for.
    """
    if agent not in ("daemon", "cloudwatch"):
        raise InvalidProps(f"agent of a Beanstalk environment is daemon or cloudwatch, got {agent!r}")
    if agent == "daemon":
        for name, value in (("config", config), ("environment", environment), ("language", language)):
            if value is not None:
                raise InvalidProps(
                    f"X-Ray's daemon has no use for {name}: it receives from X-Ray's SDKs alone; use "
                    "agent='cloudwatch' for OpenTelemetry"
                )
        variables = {"AWS_XRAY_DAEMON_ADDRESS": f"127.0.0.1:{XRAY_PORT}", "AWS_XRAY_TRACING_NAME": service_name}
    else:
        config = config or AgentConfig()
        variables = application_environment(
            service_name=service_name, config=config, environment=environment, language=language
        )
    # Both listen at the same port.
    daemon = "true" if agent == "daemon" else "false"
    return {XRAY_OPTION: daemon, **{(VARIABLES, name): value for name, value in variables.items()}}


def check_platform(name: str | None) -> None:
    """Refuse a platform whose programs run in containers, which do not reach what listens on the machine itself.

    Raises:
        InvalidProps: It is one of Docker, or of several containers, run by ECS.
    """
    if name is None:
        return
    if _ECS.search(name):
        raise InvalidProps(
            f"platform {name!r} runs containers by ECS, and AWS ships no X-Ray daemon with it; add the daemon or the "
            "CloudWatch agent as a container to Dockerrun.aws.json"
        )
    if _DOCKER.search(name):
        raise InvalidProps(
            f"platform {name!r} runs the program in a container, to which 127.0.0.1 is itself, so that it does not "
            "reach an agent of the machine; add X-Ray's daemon or the CloudWatch agent as a container to "
            "docker-compose.yml, and let the program send to that"
        )


def check_variables(where: str, has: Mapping[str, Any], config: AgentConfig) -> None:
    """Refuse variables of an environment with which OpenTelemetry would send the CloudWatch agent nothing.

    The variables that `option_settings` has are none of this: they are compared, each with its value.

    Args:
        where: Whose environment it is.
        has: The variables that are there.
        config: What the agent collects.

    Raises:
        InvalidProps: The SDK is turned off, or a signal goes by another protocol.
    """
    if config.application_signals or "otlp" in config.receives:
        check_enabled(where, has)
        # Application Signals are metrics.
        signals = ("traces", *(["metrics"] if config.application_signals else []))
        check_protocol(where, has, "http/protobuf", signals=signals)


def beanstalk_config_file(
    *,
    service_name: str,
    agent: BeanstalkAgent = "daemon",
    config: AgentConfig | None = None,
    environment: str | None = None,
    language: Language | None = None,
) -> str:
    """Return the text of ``.ebextensions/raytrail.config``, for those who deploy a source bundle without the CDK.

    The instance profile's role still needs the rights: AWSElasticBeanstalkWebTier has those of X-Ray. A platform of
    Docker or ECS has no use for the file: to a container 127.0.0.1 is itself.

    Args:
        service_name: What traces call the program.
        agent: ``daemon`` or ``cloudwatch``, which the file installs and configures on Amazon Linux 2023 and 2.
            Default: daemon.
        config: What the CloudWatch agent collects. Default: traces of the same machine.
        environment: The environment in each span; for OpenTelemetry. Default: none.
        language: The program's language; for OpenTelemetry. Default: none.

    Raises:
        InvalidProps: As for `instrument_beanstalk`.
    """
    settings = option_settings(
        service_name=service_name, agent=agent, config=config, environment=environment, language=language
    )
    lines = ["option_settings:"]
    for namespace in dict.fromkeys(namespace for namespace, _ in settings):
        lines.append(f"  {namespace}:")
        # Text in JSON's quotes is text in YAML too, whatever is in it.
        lines += [f"    {name}: {json.dumps(value)}" for (of, name), value in settings.items() if of == namespace]
    if agent == "cloudwatch":
        file = f"{AGENT_FOLDER}/bin/config.json"
        lines += [
            "packages:",
            "  yum:",
            "    amazon-cloudwatch-agent: []",
            "files:",
            f'  "{file}":',
            '    mode: "000600"',
            "    owner: root",
            "    group: root",
            "    content: |",
            f"      {(config or AgentConfig()).to_json()}",
            "container_commands:",
            "  start_cloudwatch_agent:",
            f"    command: {AGENT_CONTROL} -a append-config -m ec2 -s -c file:{file}",
        ]
    return "\n".join(lines) + "\n"
