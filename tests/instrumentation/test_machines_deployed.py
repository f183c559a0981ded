"""examples/ec2_and_beanstalk.py deployed on the embedded AWS, where no machine runs and what stands for one is kept."""

from __future__ import annotations

import json
import re

import pytest
from tests.cloudformation_stack import report
from tests.instrumentation.deployed_examples import deployed, template_of_example
from tests.synth import resources

from raytrail.instrumentation import AgentConfig

pytestmark = pytest.mark.local

RECORDED = {
    "AWS::AutoScaling::AutoScalingGroup",
    "AWS::EC2::Instance",
    "AWS::ElasticBeanstalk::Application",
    "AWS::ElasticBeanstalk::Environment",
    "AWS::SSM::Association",
    "AWS::SSM::Document",
}


@pytest.fixture(scope="module")
def template(root, context, tmp_path_factory):
    file = root / "examples" / "ec2_and_beanstalk.py"
    return template_of_example(file, "MachinesStack", tmp_path_factory.mktemp("ec2_and_beanstalk"), context)


@pytest.fixture(scope="module")
def stack(local_aws, template):
    with deployed(local_aws, template) as made:
        yield made


def test_what_stands_for_a_machine_is_listed_as_recorded_with_the_reason(local_aws, stack, template):
    entries = [entry for entry in report(local_aws) if entry["stack"] == stack.name]
    assert {entry["logical_id"] for entry in entries} == set(template["Resources"])
    recorded = {entry["type"] for entry in entries if entry["emulation"] == "recorded"}
    assert recorded >= RECORDED
    assert all(entry["reason"] for entry in entries if entry["type"] in RECORDED)


def test_the_command_for_machines_on_premises_names_a_role_that_systems_manager_assumes(local_aws, stack):
    [command] = [value for value in stack.outputs().values() if "create-activation" in value]
    role = command.split("--iam-role ")[1].split()[0]
    trust = local_aws.client("iam").get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]
    assert trust["Statement"][0]["Principal"] == {"Service": "ssm.amazonaws.com"}


def test_the_parameters_hold_what_the_agent_reads(local_aws, stack, template):
    names = [each["Properties"]["Name"] for each in resources(template, "AWS::SSM::Parameter").values()]
    ssm = local_aws.client("ssm")
    read = {name: json.loads(ssm.get_parameter(Name=name)["Parameter"]["Value"]) for name in names}
    assert len(read) == 4
    [beanstalk] = [value for name, value in read.items() if "Environment" in name]
    assert beanstalk == AgentConfig().value


def test_each_machine_has_the_profile_that_lets_the_agent_send(local_aws, stack, template):
    iam = local_aws.client("iam")
    profiles = {id: stack.physical_id(id) for id in resources(template, "AWS::IAM::InstanceProfile")}
    for name in profiles.values():
        [role] = iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"]["Roles"]
        written = json.dumps(
            [
                iam.get_role_policy(RoleName=role["RoleName"], PolicyName=policy)["PolicyDocument"]
                for policy in iam.list_role_policies(RoleName=role["RoleName"])["PolicyNames"]
            ]
        )
        assert "xray:PutTraceSegments" in written
    [instance] = resources(template, "AWS::EC2::Instance").values()
    assert instance["Properties"]["IamInstanceProfile"]["Ref"] in profiles


def test_the_associations_name_documents_and_machines_that_are_there(stack, template):
    for id, association in resources(template, "AWS::SSM::Association").items():
        assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", stack.physical_id(id))
        document = association["Properties"]["Name"]["Ref"]
        assert stack.physical_id(document).startswith(f"{stack.name}-")
    [id] = resources(template, "AWS::EC2::Instance")
    assert re.fullmatch(r"i-[0-9a-f]{17}", stack.physical_id(id))
