"""instrument_server: machines on premises, by way of a hybrid activation."""

from __future__ import annotations

import re
import shlex
import subprocess
import tomllib

import botocore.session
import pytest
from botocore import xform_name
from tests.synth import only, plain, template_of

from raytrail.errors import InvalidProps
from raytrail.instrumentation import AgentConfig, AgentMetrics, environment_file, instrument_server
from raytrail.instrumentation._model_server import AGENT_FOLDER, management_document


def test_the_role_is_systems_managers_to_assume_for_this_account_alone(stack, template):
    instrument_server(stack, "warehouse", service_name="stock")
    # https://docs.aws.amazon.com/systems-manager/latest/userguide/hybrid-multicloud-service-role.html
    [statement] = only(template(), "AWS::IAM::Role")["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "ssm.amazonaws.com"}
    condition = plain(statement["Condition"])
    assert condition["StringEquals"] == {"aws:SourceAccount": "111122223333"}
    assert condition["ArnEquals"] == {"aws:SourceArn": "arn:<AWS::Partition>:ssm:us-east-1:111122223333:*"}


def test_the_output_is_a_command_that_the_aws_cli_takes(stack, template):
    made = instrument_server(stack, "warehouse", service_name="stock", registration_limit=3)
    [output] = template()["Outputs"].values()
    text = plain(output["Value"])
    program, service, operation, *words = shlex.split(text)
    assert (program, service, operation) == ("aws", "ssm", "create-activation")
    given = dict(zip(words[::2], words[1::2], strict=True))
    model = botocore.session.get_session().get_service_model("ssm").operation_model("CreateActivation").input_shape
    options = {f"--{xform_name(name, '-')}" for name in model.members}
    assert set(given) - {"--region"} <= options
    assert {f"--{xform_name(name, '-')}" for name in model.required_members} <= set(given)
    assert given["--registration-limit"] == "3"
    assert given["--tags"] == "Key=raytrail-agent,Value=warehouse"
    assert made.activation_command is not None


def test_the_association_finds_the_machines_by_the_tag_of_their_activation(stack, template):
    instrument_server(stack, "warehouse", service_name="stock")
    association = only(template(), "AWS::SSM::Association")
    assert association["Targets"] == [{"Key": "tag:raytrail-agent", "Values": ["warehouse"]}]
    *_, configure = plain(only(template(), "AWS::SSM::Document"))["Content"]["mainSteps"]
    assert configure["inputs"]["documentParameters"]["mode"] == "onPremise"


def test_the_agent_asks_ec2_for_nothing_and_knows_its_region(stack, template):
    instrument_server(stack, "warehouse", service_name="stock")
    value = only(template(), "AWS::SSM::Parameter")["Value"]
    assert '"local_mode":true' in value
    assert '"region":"us-east-1"' in value


def test_the_agent_is_pointed_once_to_the_credentials_of_systems_managers_agent(tmp_path):
    document = management_document(parameter_name="AmazonCloudWatch-x", mode="onPremise")
    [step] = [each for each in document["mainSteps"] if each["action"] == "aws:runShellScript"]
    assert step["precondition"] == {"StringEquals": ["platformType", "Linux"]}
    script = "\n".join(step["inputs"]["runCommand"]).replace(AGENT_FOLDER, str(tmp_path))
    (tmp_path / "etc").mkdir()
    file = tmp_path / "etc" / "common-config.toml"
    # As the agent's package leaves it: everything is a comment.
    file.write_text('# [credentials]\n#    shared_credential_profile = "{profile_name}"\n')
    for _ in range(2):
        subprocess.run(["sh", "-ec", script], check=True)
    # https://docs.aws.amazon.com/systems-manager/latest/userguide/ssm-agent-technical-details.html
    assert tomllib.loads(file.read_text()) == {
        "credentials": {"shared_credential_profile": "default", "shared_credential_file": "/root/.aws/credentials"}
    }


def test_on_ec2_nothing_is_said_about_credentials():
    document = management_document(parameter_name="AmazonCloudWatch-x", mode="ec2")
    assert [each["name"] for each in document["mainSteps"]] == ["Install", "Configure"]


def test_said_twice_it_adds_nothing_and_said_otherwise_it_is_refused(stack, template):
    first = instrument_server(stack, "warehouse", service_name="stock")
    before = template()
    second = instrument_server(stack, "warehouse", service_name="returns")
    assert template_of(stack) == before
    assert second.activation_command == first.activation_command
    assert second.environment["AWS_XRAY_TRACING_NAME"] == "returns"
    metrics = AgentMetrics(measurements={"mem": ["mem_used_percent"]})
    with pytest.raises(InvalidProps, match="a CloudWatch agent of another configuration already"):
        instrument_server(stack, "warehouse", service_name="stock", config=AgentConfig(metrics=metrics))


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"name": "a b"}, "name of machines is 1 to 256 letters"),
        ({"registration_limit": 1001}, "registration_limit is 1 to 1000, got 1001"),
        (
            {"config": AgentConfig(metrics=AgentMetrics(measurements={"mem": ["x"]}, dimensions=["InstanceId"]))},
            "known to EC2 alone",
        ),
    ],
)
def test_what_cannot_work_is_refused_with_the_reason(stack, more, reason):
    with pytest.raises(InvalidProps, match=reason):
        instrument_server(stack, **{"name": "warehouse", "service_name": "stock", **more})


def test_the_environment_file_is_read_as_it_was_written(stack):
    made = instrument_server(stack, "warehouse", service_name='the "stock"', environment="prod")
    read = dict(line.split("=", 1) for line in made.environment_file.splitlines())
    assert shlex.split(read["OTEL_SERVICE_NAME"]) == ['the "stock"']
    assert set(read) == set(made.environment)
    with pytest.raises(InvalidProps, match="line break"):
        environment_file({"A": "b\nc"})
    assert all(re.fullmatch(r"[A-Z0-9_]+", name) for name in made.environment)
