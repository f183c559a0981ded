"""What an Elastic Beanstalk environment is told: option settings, and the file for those who deploy without the CDK.

Documented at https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/environment-configuration-debugging.html (X-Ray's
daemon) and https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/customize-containers-cw.html (the CloudWatch agent).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Literal

from raytrail.errors import InvalidProps
from raytrail.instrumentation._model_agent import XRAY_PORT, AgentConfig
from raytrail.instrumentation._model_layers import Language
from raytrail.instrumentation._model_server import AGENT_CONTROL, AGENT_FOLDER, application_environment

BeanstalkAgent = Literal["daemon", "cloudwatch"]
"""X-Ray's daemon of the platform, or the CloudWatch agent."""
OptionSettings = Mapping[tuple[str, str], str]
"""Values by namespace and name of the option."""

XRAY_OPTION = ("aws:elasticbeanstalk:xray", "XRayEnabled")
VARIABLES = "aws:elasticbeanstalk:application:environment"

_WITHOUT_DAEMON = re.compile(r"running ECS|Multi-container Docker", re.IGNORECASE)


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
    """Refuse a platform that has no daemon, and whose programs run in containers that do not reach the machine's own.

    Raises:
        InvalidProps: It is one of several containers, run by ECS.
    """
    if name is not None and _WITHOUT_DAEMON.search(name):
        raise InvalidProps(
            f"platform {name!r} runs containers by ECS, and AWS ships no X-Ray daemon with it; add the daemon or the "
            "CloudWatch agent as a container to Dockerrun.aws.json or docker-compose.yml"
        )


def beanstalk_config_file(
    *,
    service_name: str,
    agent: BeanstalkAgent = "daemon",
    config: AgentConfig | None = None,
    environment: str | None = None,
    language: Language | None = None,
) -> str:
    """Return the text of ``.ebextensions/raytrail.config``, for those who deploy a source bundle without the CDK.

    The instance profile's role still needs the rights: AWSElasticBeanstalkWebTier has those of X-Ray.

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
