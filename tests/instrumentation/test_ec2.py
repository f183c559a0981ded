"""instrument_ec2: what Systems Manager is told, what the role may do, and what cannot work."""

from __future__ import annotations

import json
import subprocess

import pytest
from aws_cdk import App, Environment, Stack
from aws_cdk import aws_autoscaling as autoscaling
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from tests.synth import bare_stack, only, plain, properties, resources, template_of

from raytrail.errors import InvalidProps
from raytrail.instrumentation import AgentConfig, AgentMetrics, AgentTraces, LogFile, instrument_ec2

EVERYTHING = AgentConfig(
    metrics=AgentMetrics(measurements={"mem": ["mem_used_percent"]}),
    logs=[LogFile(path="/var/log/shop.log", log_group="/shop", retention_days=30)],
)

# https://docs.aws.amazon.com/aws-managed-policy/latest/reference/CloudWatchAgentServerPolicy.html (version 3)
AGENT_POLICY = """
cloudwatch:PutMetricData ec2:DescribeVolumes ec2:DescribeTags logs:PutLogEvents logs:PutRetentionPolicy
logs:DescribeLogStreams logs:DescribeLogGroups logs:CreateLogStream logs:CreateLogGroup xray:PutTraceSegments
xray:PutTelemetryRecords xray:GetSamplingRules xray:GetSamplingTargets xray:GetSamplingStatisticSummaries
ssm:GetParameter
"""
# https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonSSMManagedInstanceCore.html (version 2)
CORE_POLICY = """
ssm:DescribeAssociation ssm:GetDeployablePatchSnapshotForInstance ssm:GetDocument ssm:DescribeDocument ssm:GetManifest
ssm:GetParameter ssm:GetParameters ssm:ListAssociations ssm:ListInstanceAssociations ssm:PutInventory
ssm:PutComplianceItems ssm:PutConfigurePackageResult ssm:UpdateAssociationStatus ssm:UpdateInstanceAssociationStatus
ssm:UpdateInstanceInformation ssmmessages:CreateControlChannel ssmmessages:CreateDataChannel
ssmmessages:OpenControlChannel ssmmessages:OpenDataChannel ec2messages:AcknowledgeMessage ec2messages:DeleteMessage
ec2messages:FailMessage ec2messages:GetEndpoint ec2messages:GetMessages ec2messages:SendReply
"""


def instance(stack, id="Instance", image=None):
    vpc = stack.node.try_find_child("Vpc") or ec2.Vpc(stack, "Vpc", max_azs=1, nat_gateways=0)
    image = image or ec2.MachineImage.generic_linux({stack.region: "ami-0123456789abcdef0"})
    kind = ec2.InstanceType("t4g.small")
    return ec2.Instance(stack, id, vpc=vpc, instance_type=kind, machine_image=image)


def actions(template):
    found: set[str] = set()
    for policy in properties(template, "AWS::IAM::Policy"):
        for statement in policy["PolicyDocument"]["Statement"]:
            given = statement["Action"]
            found |= {given} if isinstance(given, str) else set(given)
    return found


def steps(template):
    content = plain(only(template, "AWS::SSM::Document"))["Content"]
    assert content["schemaVersion"] == "2.2"
    return [(step["inputs"]["documentPath"], step["inputs"]["documentParameters"]) for step in content["mainSteps"]]


def test_systems_manager_installs_the_agent_and_then_configures_it_with_the_parameters_that_aws_documents(
    stack, template
):
    made = instrument_ec2(instance(stack), service_name="orders")
    [parameter] = resources(template(), "AWS::SSM::Parameter")
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/installing-cloudwatch-agent-ssm.html
    assert steps(template()) == [
        ("AWS-ConfigureAWSPackage", {"action": "Install", "name": "AmazonCloudWatchAgent"}),
        (
            "AmazonCloudWatch-ManageAgent",
            {
                "action": "configure",
                "mode": "ec2",
                "optionalConfigurationSource": "ssm",
                "optionalConfigurationLocation": f"<{parameter}>",
                "optionalRestart": "yes",
            },
        ),
    ]
    [target] = plain(only(template(), "AWS::SSM::Association"))["Targets"]
    assert target["Key"] == "InstanceIds"
    assert target["Values"] == [f"<{next(iter(resources(template(), 'AWS::EC2::Instance')))}>"]
    assert made.association is not None


def test_the_agent_may_read_the_parameter_of_the_name_that_aws_policy_allows(stack, template):
    instrument_ec2(instance(stack), service_name="orders", config=EVERYTHING)
    parameter = only(template(), "AWS::SSM::Parameter")
    assert parameter["Name"].startswith("AmazonCloudWatch-")
    assert json.loads(parameter["Value"]) == EVERYTHING.value


def test_the_role_has_exactly_the_documented_actions_for_what_is_collected(stack, template):
    instrument_ec2(instance(stack), service_name="orders", config=EVERYTHING)
    assert actions(template()) == {*AGENT_POLICY.split(), *CORE_POLICY.split()} - {"ssm:GetParameters"}
    [role] = [each for id, each in resources(template(), "AWS::IAM::Role").items() if id.startswith("Instance")]
    assert "ManagedPolicyArns" not in role["Properties"]


def test_who_sends_traces_alone_may_send_traces_alone(stack, template):
    instrument_ec2(instance(stack), service_name="orders", install="user_data")
    assert actions(template()) == {action for action in AGENT_POLICY.split() if action.startswith("xray:")}


def test_metrics_may_be_put_into_their_namespace_alone_and_logs_into_their_group(stack, template):
    instrument_ec2(instance(stack), service_name="orders", config=EVERYTHING)
    [policy] = properties(template(), "AWS::IAM::Policy")
    by_action = {str(each["Action"]): plain(each) for each in policy["PolicyDocument"]["Statement"]}
    metrics = by_action["cloudwatch:PutMetricData"]
    assert metrics["Condition"] == {"StringEquals": {"cloudwatch:namespace": "CWAgent"}}
    logs = next(each for key, each in by_action.items() if "logs:PutLogEvents" in key)
    assert logs["Resource"].endswith(":log-group:/shop:*")
    read = by_action["ssm:GetParameter"]
    assert ":parameter/" in read["Resource"]


def test_another_configuration_is_another_parameter_so_that_machines_are_configured_again(context):
    names = set()
    for config in (AgentConfig(), EVERYTHING):
        stack = bare_stack(context)
        instrument_ec2(instance(stack), service_name="orders", config=config)
        names.add(only(template_of(stack), "AWS::SSM::Parameter")["Name"])
    assert len(names) == 2


def test_the_instances_of_a_group_are_found_by_the_groups_tag(stack, template):
    vpc = ec2.Vpc(stack, "Vpc", max_azs=1, nat_gateways=0)
    image = ec2.MachineImage.generic_linux({stack.region: "ami-0123456789abcdef0"})
    group = autoscaling.AutoScalingGroup(
        stack, "Group", vpc=vpc, instance_type=ec2.InstanceType("t4g.small"), machine_image=image
    )
    instrument_ec2(group, service_name="orders")
    [target] = only(template(), "AWS::SSM::Association")["Targets"]
    assert target["Key"] == "tag:aws:autoscaling:groupName"


def test_a_group_that_was_made_elsewhere_needs_its_role_named(stack, template):
    group = autoscaling.AutoScalingGroup.from_auto_scaling_group_name(stack, "Theirs", "fleet")
    with pytest.raises(InvalidProps, match=r"role of Test/Theirs is not known.*give it as role="):
        instrument_ec2(group, service_name="orders")
    role = iam.Role.from_role_name(stack, "TheirRole", "fleet-role")
    instrument_ec2(group, service_name="orders", role=role)
    instrument_ec2(group, service_name="stock", role=role)
    assert only(template(), "AWS::SSM::Association")["Targets"][0]["Values"] == ["fleet"]
    assert only(template(), "AWS::IAM::Policy")["Roles"] == ["fleet-role"]


@pytest.mark.parametrize("install", ["ssm", "user_data"])
def test_a_second_service_on_the_machine_adds_nothing_and_gets_its_own_environment(stack, template, install):
    machine = instance(stack)
    first = instrument_ec2(machine, service_name="orders", install=install)
    before = template()["Resources"]
    second = instrument_ec2(machine, service_name="stock", install=install)
    assert template_of(stack)["Resources"] == before
    assert first.environment["OTEL_SERVICE_NAME"] == "orders"
    assert second.environment["OTEL_SERVICE_NAME"] == "stock"
    if install == "ssm":
        assert second.association is not None
        assert second.association.logical_id == first.association.logical_id


def test_a_machine_has_one_configuration(stack):
    machine = instance(stack)
    instrument_ec2(machine, service_name="orders")
    with pytest.raises(InvalidProps, match="a machine runs one, so put all that it collects into one AgentConfig"):
        instrument_ec2(machine, service_name="orders", config=EVERYTHING)


def test_user_data_is_a_script_that_a_shell_reads(stack):
    machine = instance(stack)
    instrument_ec2(machine, service_name="orders", config=EVERYTHING, install="user_data")
    script = machine.user_data.render()
    assert subprocess.run(["bash", "-n"], input=script, text=True, check=False).returncode == 0
    assert "yum install -y amazon-cloudwatch-agent" in script
    assert EVERYTHING.to_json() in script.splitlines()
    assert "amazon-cloudwatch-agent-ctl -a fetch-config -m ec2 -s -c file:" in script


def test_user_data_for_windows_is_refused_and_systems_manager_named(stack):
    image = ec2.MachineImage.generic_windows({stack.region: "ami-0123456789abcdef0"})
    with pytest.raises(InvalidProps, match="runs WINDOWS; use install='ssm'"):
        instrument_ec2(instance(stack, image=image), service_name="orders", install="user_data")


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"install": "chef"}, "install is ssm or user_data, got 'chef'"),
        ({"install": "user_data", "parameter_name": "AmazonCloudWatch-x"}, "there is no parameter"),
        ({"parameter_name": "config"}, "is named AmazonCloudWatch-…"),
        ({"service_name": " "}, "service_name is what traces call the program"),
        (
            {"config": AgentConfig(traces=None, logs=[LogFile(path="/x", log_group="y")])},
            "to an agent that receives none",
        ),
        (
            {"config": AgentConfig(logs=[LogFile(path="/x" * 2000, log_group=each) for each in "abc"])},
            "a parameter holds 8192 bytes",
        ),
    ],
)
def test_what_cannot_work_is_refused_with_the_reason(stack, more, reason):
    with pytest.raises(InvalidProps, match=reason):
        instrument_ec2(instance(stack), **{"service_name": "orders", **more})


def test_a_configuration_of_more_than_4_kb_is_an_advanced_parameter(stack, template):
    config = AgentConfig(logs=[LogFile(path="/x" * 1100, log_group=each) for each in "yz"])
    instrument_ec2(instance(stack), service_name="orders", config=config)
    assert only(template(), "AWS::SSM::Parameter")["Tier"] == "Advanced"


def test_the_parameter_is_named_alike_from_one_synth_to_the_next_whatever_tokens_it_holds(context):
    names = set()
    for unrelated in (0, 3):
        stack = Stack(App(context=context, builtin_cloud_formation_validation=False), "Test", env=Environment())
        for _ in range(unrelated):
            stack.format_arn(service="s3", resource="x")
        config = AgentConfig(traces=AgentTraces(), region=stack.region)
        subnets = {"availability_zones": ["a"], "public_subnet_ids": ["s"]}
        vpc = ec2.Vpc.from_vpc_attributes(stack, "Vpc", vpc_id="vpc-1", **subnets)
        image = ec2.MachineImage.generic_linux({"us-east-1": "ami-1"})
        kind = ec2.InstanceType("t4g.small")
        machine = ec2.Instance(stack, "Instance", vpc=vpc, instance_type=kind, machine_image=image)
        instrument_ec2(machine, service_name="orders", config=config)
        names.add(only(template_of(stack), "AWS::SSM::Parameter")["Name"])
    assert len(names) == 1
