"""Types that are only recorded: what Ref and Fn::GetAtt say of machines and networks that are not there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import aws_cdk
import botocore.exceptions
import botocore.session
import pytest
from aws_cdk import aws_ec2 as ec2
from tests.cloudformation_stack import Resources, Stack, report
from tests.synth import template_of

from raytrail.localaws import recorded_types
from raytrail.localaws._cloudformation._completions._machines import api_name
from raytrail.localaws._cloudformation._schemas import ResourceSchema, resource_schema

if TYPE_CHECKING:
    from raytrail.localaws import LocalAws

pytestmark = pytest.mark.local

MACHINES: Resources = {
    "Instance": {"Type": "AWS::EC2::Instance", "Properties": {"ImageId": "ami-0123456789abcdef0"}},
    "Address": {"Type": "AWS::EC2::EIP", "Properties": {"Domain": "vpc"}},
    "Gateway": {
        "Type": "AWS::EC2::NatGateway",
        "Properties": {
            "SubnetId": "subnet-0123456789abcdef0",
            "AllocationId": {"Fn::GetAtt": ["Address", "AllocationId"]},
        },
    },
    "Flows": {
        "Type": "AWS::EC2::FlowLog",
        "Properties": {"ResourceId": "vpc-0123456789abcdef0", "ResourceType": "VPC", "TrafficType": "ALL"},
    },
    "Document": {
        "Type": "AWS::SSM::Document",
        "Properties": {"Content": {"schemaVersion": "2.2"}, "DocumentType": "Command"},
    },
    "Association": {"Type": "AWS::SSM::Association", "Properties": {"Name": {"Ref": "Document"}}},
    "Application": {"Type": "AWS::ElasticBeanstalk::Application", "Properties": {}},
    "Version": {
        "Type": "AWS::ElasticBeanstalk::ApplicationVersion",
        "Properties": {
            "ApplicationName": {"Ref": "Application"},
            "SourceBundle": {"S3Bucket": "bundles", "S3Key": "shop.zip"},
        },
    },
    "Settings": {
        "Type": "AWS::ElasticBeanstalk::ConfigurationTemplate",
        "Properties": {"ApplicationName": {"Ref": "Application"}},
    },
    "Environment": {
        "Type": "AWS::ElasticBeanstalk::Environment",
        "Properties": {
            "ApplicationName": {"Ref": "Application"},
            "TemplateName": {"Ref": "Settings"},
            "VersionLabel": {"Ref": "Version"},
        },
    },
}

REFS = {
    "Instance": r"i-[0-9a-f]{17}",
    "Address": r"203\.0\.113\.\d{1,3}",
    "Gateway": r"nat-[0-9a-f]{17}",
    "Flows": r"fl-[0-9a-f]{17}",
    "Document": r"{stack}-Document-[A-Z0-9]+",
    "Association": r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
    "Application": r"{stack}-Application-[A-Z0-9]+",
    "Version": r"{stack}-Version-[A-Z0-9]+",
    "Settings": r"{stack}-Settings-[A-Z0-9]+",
    "Environment": r"{stack}-[A-Za-z]+-?[A-Z0-9]+",
}
"""What the page of each type in CloudFormation's guide says that Ref returns."""

GET_ATT = {
    "Instance": "InstanceId",
    "Address": "PublicIp",
    "Gateway": "NatGatewayId",
    "Flows": "Id",
    "Association": "AssociationId",
    "Settings": "TemplateName",
}
"""The attribute of each that is what Ref returns."""


@pytest.fixture
def stack(local_aws: LocalAws) -> Iterator[Stack]:
    made = Stack(local_aws)
    yield made
    try:
        made.delete()
    except botocore.exceptions.ClientError:
        return


def create(stack: Stack, resources: Resources) -> dict[str, str]:
    outputs = {f"{id}Ref": {"Value": {"Ref": id}} for id in resources}
    outputs |= {f"{id}Att": {"Value": {"Fn::GetAtt": [id, name]}} for id, name in GET_ATT.items() if id in resources}
    assert stack.create(resources, Outputs=outputs) == "CREATE_COMPLETE", stack.reasons()
    return stack.outputs()


def test_ref_and_fn_getatt_have_the_forms_of_aws(local_aws: LocalAws, stack: Stack) -> None:
    outputs = create(stack, MACHINES)
    for id, form in REFS.items():
        assert re.fullmatch(form.replace("{stack}", stack.name), outputs[f"{id}Ref"]), id
    for id in GET_ATT:
        assert outputs[f"{id}Att"] == outputs[f"{id}Ref"], id
    assert len(outputs["EnvironmentRef"]) <= 40
    entries = [entry for entry in report(local_aws) if entry["stack"] == stack.name]
    assert {entry["type"]: entry["reason"] for entry in entries} == {
        each["Type"]: recorded_types()[each["Type"]] for each in MACHINES.values()
    }


def test_what_was_recorded_keeps_its_ids_when_it_is_updated(stack: Stack) -> None:
    gateway = {name: MACHINES[name] for name in ("Instance", "Address", "Gateway")}
    before = create(stack, gateway)
    tags = [{"Key": "team", "Value": "shop"}]
    changed = {id: {**each, "Properties": {**each["Properties"], "Tags": tags}} for id, each in gateway.items()}
    outputs = {f"{id}Ref": {"Value": {"Ref": id}} for id in gateway}
    outputs |= {f"{id}Att": {"Value": {"Fn::GetAtt": [id, GET_ATT[id]]}} for id in gateway}
    outputs["Allocation"] = {"Value": {"Fn::GetAtt": ["Address", "AllocationId"]}}
    assert stack.update(changed, Outputs=outputs) == "UPDATE_COMPLETE", stack.reasons()
    after = stack.outputs()
    assert re.fullmatch(r"eipalloc-[0-9a-f]{17}", after.pop("Allocation"))
    assert after == before


def test_two_stacks_have_ids_of_their_own(local_aws: LocalAws, stack: Stack) -> None:
    other = Stack(local_aws)
    some = {name: MACHINES[name] for name in ("Instance", "Document", "Association")}
    assert not set(create(stack, some).values()) & set(create(other, some).values())
    assert other.delete() == "DELETE_COMPLETE"


def test_an_attribute_that_only_a_machine_would_have_fails_the_stack(stack: Stack) -> None:
    outputs = {"Address": {"Value": {"Fn::GetAtt": ["Instance", "PrivateIp"]}}}
    assert stack.create({"Instance": MACHINES["Instance"]}, Outputs=outputs) == "ROLLBACK_COMPLETE"
    assert "PrivateIp" in stack.reasons()


@pytest.mark.parametrize(
    ("id", "wrong", "said"),
    [
        ("Instance", {"ImageID": "ami-1"}, "#: extraneous key [ImageID] is not permitted"),
        ("Environment", {"EnvironmentName": "abc"}, "#/EnvironmentName: expected minLength: 4, actual: 3"),
        ("Association", {"Name": "no such name!"}, "#/Name: failed validation constraint for keyword [pattern]"),
        ("Flows", {"TrafficType": "SOME"}, "#/TrafficType: SOME is not a valid enum value"),
    ],
)
def test_properties_are_held_against_the_schema_of_the_type(stack: Stack, id: str, wrong: dict[str, str], said: str):
    made = {"Type": MACHINES[id]["Type"], "Properties": {**MACHINES[id]["Properties"], **wrong}}
    there = {"Application": MACHINES["Application"], "Document": MACHINES["Document"]}
    made["Properties"] = {
        key: value for key, value in made["Properties"].items() if key not in ("TemplateName", "VersionLabel")
    }
    assert stack.create({**there, id: made}) == "ROLLBACK_COMPLETE"
    assert said in stack.reasons()


def test_a_whole_network_of_the_cdk_is_deployed(local_aws: LocalAws, stack: Stack, context: dict[str, object]) -> None:
    flags = {key: value for key, value in context.items() if key != "raytrail"}
    app = aws_cdk.App(context={**flags, "@aws-cdk/aws-ec2:restrictDefaultSecurityGroup": False})
    network = aws_cdk.Stack(app, "Network", env=aws_cdk.Environment(account="111122223333", region="us-east-1"))
    ec2.Vpc(
        network,
        "Vpc",
        availability_zones=["us-east-1a", "us-east-1b"],
        nat_gateways=1,
        flow_logs={"All": ec2.FlowLogOptions()},
    )
    template = template_of(network)
    assert stack.create(template["Resources"]) == "CREATE_COMPLETE", stack.reasons()
    types = {each["Type"] for each in template["Resources"].values()}
    assert {"AWS::EC2::EIP", "AWS::EC2::NatGateway", "AWS::EC2::FlowLog"} <= types
    [gateway] = [id for id, each in template["Resources"].items() if each["Type"] == "AWS::EC2::NatGateway"]
    tables = local_aws.client("ec2").describe_route_tables()["RouteTables"]
    through = {route.get("NatGatewayId") for table in tables for route in table["Routes"]}
    assert stack.physical_id(gateway) in through


def test_an_instance_profile_is_known_by_its_name_and_has_its_arn(local_aws: LocalAws, stack: Stack) -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-iam-instanceprofile.html."""
    profile = {"Type": "AWS::IAM::InstanceProfile", "Properties": {"Roles": ["somebody"], "Path": "/machines/"}}
    outputs = {"Ref": {"Value": {"Ref": "Profile"}}, "Arn": {"Value": {"Fn::GetAtt": ["Profile", "Arn"]}}}
    assert stack.create({"Profile": profile}, Outputs=outputs) == "CREATE_COMPLETE", stack.reasons()
    iam = local_aws.client("iam")
    made = stack.outputs()
    assert re.fullmatch(rf"{stack.name}-Profile-[A-Z0-9]+", made["Ref"])
    found = iam.get_instance_profile(InstanceProfileName=made["Ref"])["InstanceProfile"]
    assert found["Arn"] == made["Arn"]
    other = {**profile, "Properties": {**profile["Properties"], "Roles": ["somebody-else"]}}
    assert stack.update({"Profile": other}, Outputs=outputs) == "UPDATE_COMPLETE", stack.reasons()
    assert stack.outputs() == made
    assert stack.delete() == "DELETE_COMPLETE"
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.get_instance_profile(InstanceProfileName=made["Ref"])


NEWER_THAN_BOTOCORE = {"maxComputePercent", "nvidiaMps", "s3FilesVolumeConfiguration", "sharingStrategy"}


def test_each_member_of_a_task_definition_is_called_as_ecs_calls_it() -> None:
    """As botocore's model of RegisterTaskDefinition has it."""
    schema = resource_schema("AWS::ECS::TaskDefinition", "us-east-1")
    assert schema is not None
    model = botocore.session.get_session().get_service_model("ecs")
    shape = model.operation_model("RegisterTaskDefinition").input_shape
    unknown = {api_name(name) for name in members_of(schema, schema.document)} - set(members_in(shape))
    assert unknown - NEWER_THAN_BOTOCORE == {"taskDefinitionArn"}


def members_of(schema: ResourceSchema, described: Any, above: tuple[Any, ...] = ()) -> Iterator[str]:
    found = schema.resolve(described)
    if any(found is each for each in above):
        return
    for name, member in found.get("properties", {}).items():
        yield name
        yield from members_of(schema, member, (*above, found))
    if "items" in found:
        yield from members_of(schema, found["items"], (*above, found))


def members_in(shape: Any) -> Iterator[str]:
    for name, member in getattr(shape, "members", {}).items():
        yield name
        yield from members_in(member)
    for inner in (getattr(shape, "member", None), getattr(shape, "value", None)):
        if inner is not None:
            yield from members_in(inner)
