"""Tasks to instrument, and what a template says of their containers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aws_cdk import Stack
from aws_cdk import aws_ecs as ecs
from tests.synth import plain, resources

PRINTED: dict[str, Any] = json.loads((Path(__file__).parent / "printed" / "ecs_examples.json").read_text())
"""What AWS's pages print, each with its page."""


def fargate(stack: Stack, id: str = "Task", **changes: Any) -> ecs.FargateTaskDefinition:
    """A task on Fargate with one application container."""
    container = changes.pop("container", {})
    task = ecs.FargateTaskDefinition(stack, id, **{"cpu": 512, "memory_limit_mib": 2048, **changes})
    return with_application(task, **container)


def on_ec2(stack: Stack, mode: str = "BRIDGE", id: str = "Task", **container: Any) -> ecs.Ec2TaskDefinition:
    """A task on EC2 with one application container."""
    task = ecs.Ec2TaskDefinition(stack, id, network_mode=ecs.NetworkMode[mode])
    return with_application(task, **container)


def with_application(task: Any, **changes: Any) -> Any:
    asked = {"container_name": "app", "memory_limit_mib": 256, "image": image(), **changes}
    task.add_container("App", **asked)
    return task


def image() -> ecs.ContainerImage:
    return ecs.ContainerImage.from_registry("public.ecr.aws/docker/library/python:3.13-slim")


def containers(template: Mapping[str, Any], task: str = "Task") -> dict[str, dict[str, Any]]:
    """The containers of a task by name, their variables as a dictionary."""
    [found] = [
        each["Properties"]
        for id, each in resources(template, "AWS::ECS::TaskDefinition").items()
        if id.startswith(task)
    ]
    made = {}
    for each in plain(found["ContainerDefinitions"]):
        variables = {pair["Name"]: pair["Value"] for pair in each.get("Environment", [])}
        made[each["Name"]] = {**each, "Environment": variables}
    return made


def actions(template: Mapping[str, Any], role: str) -> dict[str, set[str]]:
    """The actions of a role's policies by resource."""
    made: dict[str, set[str]] = {}
    for id, each in resources(template, "AWS::IAM::Policy").items():
        if role not in id:
            continue
        for statement in each["Properties"]["PolicyDocument"]["Statement"]:
            named = statement["Action"]
            key = json.dumps(plain(statement["Resource"])).strip('"')
            made.setdefault(key, set()).update([named] if isinstance(named, str) else named)
    return made


def as_in_a_template(printed: Any) -> Any:
    """A task definition as the API has it, with the names of CloudFormation; variables and options stay."""
    if isinstance(printed, list):
        return [as_in_a_template(each) for each in printed]
    if not isinstance(printed, dict):
        return printed
    return {
        key[0].upper() + key[1:]: value if key in ("environment", "options") else as_in_a_template(value)
        for key, value in printed.items()
    }
