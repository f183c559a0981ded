"""examples/ec2_and_beanstalk.py on the embedded AWS, as far as that knows the types of resources."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from tests.cloudformation_stack import Stack

from raytrail.instrumentation import AgentConfig

pytestmark = pytest.mark.local

# What the embedded AWS cannot make: nothing there runs machines, or manages any.
NOT_DEPLOYED = {
    "AWS::EC2::Instance",
    "AWS::ElasticBeanstalk::Application",
    "AWS::ElasticBeanstalk::Environment",
    "AWS::SSM::Association",
    "AWS::SSM::Document",
}


@pytest.fixture(scope="module")
def template(root, tmp_path_factory):
    folder = tmp_path_factory.mktemp("machines")
    environment = {"PATH": os.environ["PATH"], "JSII_NODE": os.environ["JSII_NODE"], "CDK_OUTDIR": str(folder)}
    example = root / "examples" / "ec2_and_beanstalk.py"
    subprocess.run([sys.executable, example], env=environment, cwd=folder, capture_output=True, check=True)
    return json.loads((folder / "machines.template.json").read_text(encoding="utf-8"))


def test_the_rest_of_the_example_is_deployed_and_its_parameters_hold_what_the_agent_reads(local_aws, template):
    resources = template["Resources"]
    assert {each["Type"] for each in resources.values()} >= NOT_DEPLOYED
    kept = {id: each for id, each in resources.items() if each["Type"] not in NOT_DEPLOYED}
    stack = Stack(local_aws)
    # Without the parameter of `cdk bootstrap`, which nobody ran here.
    sections = {name: template[name] for name in ("Conditions", "Outputs") if name in template}
    assert stack.create(kept, **sections) == "CREATE_COMPLETE"
    [command] = [value for value in stack.outputs().values() if "create-activation" in value]
    role = command.split("--iam-role ")[1].split()[0]
    trust = local_aws.client("iam").get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]
    assert trust["Statement"][0]["Principal"] == {"Service": "ssm.amazonaws.com"}
    ssm = local_aws.client("ssm")
    names = [each["Properties"]["Name"] for each in kept.values() if each["Type"] == "AWS::SSM::Parameter"]
    read = {name: json.loads(ssm.get_parameter(Name=name)["Parameter"]["Value"]) for name in names}
    assert len(read) == 4
    [beanstalk] = [value for name, value in read.items() if "Environment" in name]
    assert beanstalk == AgentConfig().value
    assert stack.delete() == "DELETE_COMPLETE"
