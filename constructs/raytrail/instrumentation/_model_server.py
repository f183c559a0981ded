"""What a server needs around the CloudWatch agent: a program's environment, and the steps that install the agent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import quote

from raytrail.errors import InvalidProps
from raytrail.instrumentation._model_agent import (
    APPLICATION_SIGNALS_HTTP_PORT,
    OTLP_HTTP_PORT,
    XRAY_PORT,
    AgentConfig,
)
from raytrail.instrumentation._model_layers import Language

AgentMode = Literal["ec2", "onPremise"]

PARAMETER_PREFIX = "AmazonCloudWatch-"
"""How names of parameters begin that CloudWatchAgentServerPolicy lets an agent read."""

LARGEST_PARAMETER, LARGEST_STANDARD_PARAMETER = 8192, 4096
"""Bytes of a parameter: https://docs.aws.amazon.com/general/latest/gr/ssm.html."""

AGENT_FOLDER = "/opt/aws/amazon-cloudwatch-agent"
AGENT_CONTROL = f"{AGENT_FOLDER}/bin/amazon-cloudwatch-agent-ctl"

ON_LINUX = {"StringEquals": ["platformType", "Linux"]}


def application_environment(
    *,
    service_name: str,
    config: AgentConfig,
    environment: str | None = None,
    language: Language | None = None,
    host: str = "localhost",
) -> dict[str, str]:
    """Return the variables with which a program sends its traces to a CloudWatch agent.

    Those of OpenTelemetry are for a program with AWS's distribution, which knows the sampler ``xray``: it asks X-Ray
    for the sampling rules by way of the agent. Those that begin with ``AWS_XRAY_`` are for a program with an X-Ray
    SDK. A program with both kinds set uses the ones that it knows.
    See https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-Application-Signals-Enable-EC2Main.html.

    Args:
        service_name: What traces call the program.
        config: What the agent receives.
        environment: The environment in each span (``deployment.environment.name``). Default: none.
        language: The program's language; Python and Node.js have variables of their own, which load the distribution.
            Default: none of those.
        host: Where the agent is. Default: the same machine.

    Raises:
        InvalidProps: The service has no name, or the agent receives no traces.
    """
    if not config.receives:
        raise InvalidProps("a program cannot send its traces to an agent that receives none; give the agent traces")
    if not service_name.strip():
        raise InvalidProps(f"service_name is what traces call the program, got {service_name!r}")
    made: dict[str, str] = {}
    if config.application_signals or "otlp" in config.receives:
        made |= _opentelemetry(service_name, config, environment, host)
        made |= _OF_LANGUAGE.get(language, {}) if language else {}
    if "xray" in config.receives:
        made["AWS_XRAY_DAEMON_ADDRESS"] = f"{'127.0.0.1' if host == 'localhost' else host}:{XRAY_PORT}"
        made["AWS_XRAY_TRACING_NAME"] = service_name
    return made


def _opentelemetry(service_name: str, config: AgentConfig, environment: str | None, host: str) -> dict[str, str]:
    signals = config.application_signals
    port = APPLICATION_SIGNALS_HTTP_PORT if signals else OTLP_HTTP_PORT
    made = {
        "OTEL_SERVICE_NAME": service_name,
        "OTEL_TRACES_EXPORTER": "otlp",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_LOGS_EXPORTER": "none",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"http://{host}:{port}/v1/traces",
        "OTEL_AWS_APPLICATION_SIGNALS_ENABLED": "true" if signals else "false",
    }
    if signals:
        made["OTEL_AWS_APPLICATION_SIGNALS_EXPORTER_ENDPOINT"] = f"http://{host}:{port}/v1/metrics"
    if environment:
        made["OTEL_RESOURCE_ATTRIBUTES"] = f"deployment.environment.name={quote(environment, safe=_PLAIN)}"
    # The agent answers questions about sampling where it takes the place of X-Ray's daemon, and where it makes
    # Application Signals; elsewhere the SDK records every request that its caller does not decide about.
    if signals or "xray" in config.receives:
        made["OTEL_TRACES_SAMPLER"] = "xray"
        made["OTEL_TRACES_SAMPLER_ARG"] = f"endpoint=http://{host}:{XRAY_PORT}"
    return made


_PLAIN = "!#$&'()*+-./:<>?@[]^_`{|}~"

_OF_LANGUAGE: Mapping[str, Mapping[str, str]] = {
    "python": {"OTEL_PYTHON_DISTRO": "aws_distro", "OTEL_PYTHON_CONFIGURATOR": "aws_configurator"},
    "nodejs": {"NODE_OPTIONS": "--require '@aws/aws-distro-opentelemetry-node-autoinstrumentation/register'"},
}


def environment_file(environment: Mapping[str, str]) -> str:
    """Return variables as the text of a file for systemd's ``EnvironmentFile=``.

    Args:
        environment: The variables.

    Raises:
        InvalidProps: A value has a line break, which such a file cannot carry.
    """
    lines = []
    for name, value in environment.items():
        if "\n" in value:
            raise InvalidProps(f"value of {name} has a line break, which an environment file cannot carry")
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        lines.append(f'{name}="{escaped}"\n')
    return "".join(lines)


def check_parameter(name: str, text: str) -> None:
    """Refuse a parameter that an agent could not read, or that Parameter Store does not take.

    Raises:
        InvalidProps: The name does not begin with ``AmazonCloudWatch-``, or the text is more than 8 KB.
    """
    if "${Token[" not in name and not name.startswith(PARAMETER_PREFIX):
        raise InvalidProps(
            f"the parameter of an agent's configuration is named {PARAMETER_PREFIX}…, which is what AWS's policy for "
            f"agents lets them read, got {name!r}"
        )
    if (size := len(text.encode())) > LARGEST_PARAMETER:
        raise InvalidProps(f"a parameter holds {LARGEST_PARAMETER} bytes, and the agent's configuration has {size}")


def management_document(*, parameter_name: str, mode: AgentMode) -> dict[str, Any]:
    """Return the content of an SSM document that installs the agent and configures it, in this order.

    It calls AWS's own documents with the parameters that AWS documents. Two associations would do the same in either
    order, and a machine that is configured before it has the agent stays without.
    See https://docs.aws.amazon.com/systems-manager/latest/userguide/documents-command-ssm-plugin-reference.html.
    """
    steps = [_run("Install", "AWS-ConfigureAWSPackage", {"action": "Install", "name": "AmazonCloudWatchAgent"})]
    if mode == "onPremise":
        steps.append(_shell("UseCredentialsOfSsm", *_COMMON_CONFIG))
    configure = {
        "action": "configure",
        "mode": mode,
        "optionalConfigurationSource": "ssm",
        "optionalConfigurationLocation": parameter_name,
        "optionalRestart": "yes",
    }
    steps.append(_run("Configure", "AmazonCloudWatch-ManageAgent", configure))
    return {"schemaVersion": "2.2", "description": "Install and configure the CloudWatch agent", "mainSteps": steps}


def user_data_commands(text: str) -> tuple[str, ...]:
    """Return the commands that install and configure the agent on Amazon Linux, as root, without SSM.

    Args:
        text: The agent's configuration.
    """
    file = f"{AGENT_FOLDER}/etc/raytrail.json"
    return (
        "yum install -y amazon-cloudwatch-agent",
        f"cat > {file} <<'RAYTRAIL_AGENT'\n{text}\nRAYTRAIL_AGENT",
        f"{AGENT_CONTROL} -a fetch-config -m ec2 -s -c file:{file}",
    )


def activation_command(*, name: str, role_name: str, region: str, limit: int, tag: tuple[str, str]) -> str:
    """Return the command that makes the code and the ID with which machines register: CloudFormation has no such type.

    See https://docs.aws.amazon.com/cli/latest/reference/ssm/create-activation.html.
    """
    return (
        f"aws ssm create-activation --default-instance-name {name} --iam-role {role_name} "
        f"--registration-limit {limit} --region {region} --tags Key={tag[0]},Value={tag[1]}"
    )


# SSM's agent keeps the credentials of its role in root's file, and the CloudWatch agent on premises looks for a
# profile of another name: https://docs.aws.amazon.com/systems-manager/latest/userguide/ssm-agent-technical-details.html
_COMMON_CONFIG = (
    f"file={AGENT_FOLDER}/etc/common-config.toml",
    "grep -q '^ *\\[credentials\\]' \"$file\" 2>/dev/null || printf "
    '\'[credentials]\\n  shared_credential_profile = "default"\\n'
    '  shared_credential_file = "/root/.aws/credentials"\\n\' >> "$file"',
)


def _run(name: str, document: str, parameters: Mapping[str, str]) -> dict[str, Any]:
    inputs = {"documentType": "SSMDocument", "documentPath": document, "documentParameters": dict(parameters)}
    return {"action": "aws:runDocument", "name": name, "inputs": inputs}


def _shell(name: str, *commands: str) -> dict[str, Any]:
    return {
        "action": "aws:runShellScript",
        "name": name,
        "precondition": ON_LINUX,
        "inputs": {"runCommand": list(commands)},
    }
