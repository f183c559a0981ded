"""examples/ecs_service_with_agents.py deployed on the embedded AWS: what ECS's API then says of it."""

from __future__ import annotations

import json

import pytest
from tests.cloudformation_stack import report
from tests.instrumentation.deployed_examples import deployed, template_of_example
from tests.synth import ACCOUNT, plain, resources

pytestmark = pytest.mark.local

AGENTS = {
    "shop": ({"App", "ecs-cwagent", "init", "log_router"}, "http://localhost:4316/v1/traces"),
    "search": ({"App", "aws-otel-collector"}, "http://localhost:4318/v1/traces"),
    "cart": ({"App", "xray-daemon"}, "xray-daemon:2000"),
}
"""By service: its containers, and where the application finds its agent."""


@pytest.fixture(scope="module")
def template(root, context, tmp_path_factory):
    file = root / "examples" / "ecs_service_with_agents.py"
    return template_of_example(file, "ShopStack", tmp_path_factory.mktemp("ecs_service_with_agents"), context)


@pytest.fixture(scope="module")
def stack(local_aws, template):
    with deployed(local_aws, template) as made:
        yield made


@pytest.fixture(scope="module")
def definitions(local_aws, stack, template):
    """Each task definition as ECS describes it, by its logical id."""
    ecs = local_aws.client("ecs")
    return {
        id: ecs.describe_task_definition(taskDefinition=stack.physical_id(id))["taskDefinition"]
        for id in resources(template, "AWS::ECS::TaskDefinition")
    }


def small(value):
    """CloudFormation's members as the API spells them; the keys of options stay."""
    if isinstance(value, list):
        return [small(each) for each in value]
    if isinstance(value, dict):
        return {
            key[:1].lower() + key[1:]: each if key in ("Options", "DockerLabels") else small(each)
            for key, each in value.items()
        }
    return value


def test_every_member_of_every_container_is_read_back_from_ecs(stack, template, definitions):
    """Members that ECS's model, as botocore has it, does not know would be missing."""
    for id, each in resources(template, "AWS::ECS::TaskDefinition").items():
        text = json.dumps(small(plain(each["Properties"]["ContainerDefinitions"])))
        for other in template["Resources"]:
            if f"<{other}>" in text:
                text = text.replace(f"<{other}>", stack.physical_id(other))
        for name, value in {"Partition": "aws", "Region": "us-east-1", "AccountId": ACCOUNT}.items():
            text = text.replace(f"<AWS::{name}>", value)
        assert definitions[id]["containerDefinitions"] == json.loads(text)
        assert definitions[id].get("volumes", []) == small(each["Properties"].get("Volumes", []))


@pytest.mark.parametrize("service", AGENTS)
def test_each_service_has_its_agent_and_is_told_where_it_is(definitions, service):
    containers, address = AGENTS[service]
    [made] = [each for id, each in definitions.items() if id.lower().startswith(service)]
    found = {each["name"]: each for each in made["containerDefinitions"]}
    assert set(found) == containers
    assert address in {pair["value"] for pair in found["App"]["environment"]}
    waits_for = {each["containerName"] for each in found["App"]["dependsOn"]}
    assert waits_for == containers - {"App"}


def test_the_roles_of_a_task_are_there_and_its_services_run_nothing(local_aws, stack, template, definitions):
    iam = local_aws.client("iam")
    for each in definitions.values():
        for role in ("taskRoleArn", "executionRoleArn"):
            name = each[role].rpartition("/")[2]
            assert iam.get_role(RoleName=name)["Role"]["Arn"] == each[role]
    entries = [entry for entry in report(local_aws) if entry["stack"] == stack.name]
    services = [entry for entry in entries if entry["type"] == "AWS::ECS::Service"]
    assert len(services) == 2
    assert all("nothing starts a container" in entry["reason"] for entry in services)
