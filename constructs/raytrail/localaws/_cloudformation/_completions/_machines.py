"""Task definitions of ECS as its own API names their members, and instance profiles by their name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from raytrail.localaws._cloudformation._completions._completed import Handler, Json, Properties, completed
from raytrail.localaws._cloudformation._schemas import ResourceSchema, resource_schema
from raytrail.localaws._hooks import hook

_TASK_DEFINITION = "AWS::ECS::TaskDefinition"
_ROLES = {"ExecutionRoleArn", "TaskRoleArn"}
_LEADING_CAPITALS = re.compile(r"[A-Z]+(?=[A-Z][a-z]|$)|[A-Z]")
_OTHERWISE = {"FilesystemId": "fileSystemId", "ProxyConfigurationProperties": "properties"}
"""Members that CloudFormation calls by other words than ECS."""


def install(handlers: dict[str, Handler]) -> None:
    """Complete the types of this module."""
    handlers[_TASK_DEFINITION] = completed(handlers[_TASK_DEFINITION], _task_definition())
    name = "AWS::IAM::InstanceProfile"
    handlers[name] = _instance_profile_handler(handlers[name])


def _task_definition() -> Any:
    definitions = hook("ministack.services.ecs:_task_defs")
    region = hook("ministack.core.responses:get_region")

    def apply(arn: str, new: Properties, old: Properties) -> None:
        schema = resource_schema(_TASK_DEFINITION, region())
        assert schema is not None
        members = {key: value for key, value in new.items() if key not in _ROLES | {"Tags"}}
        definitions[arn.rpartition("task-definition/")[2]] |= _as_the_api(schema, members, schema.document)

    return apply


def _as_the_api(schema: ResourceSchema, value: Json, described: Mapping[str, Json]) -> Json:
    """CloudFormation's members under the names of ECS's API; the keys of a map are the user's and stay."""
    described = schema.resolve(described)
    if isinstance(value, Mapping):
        members = described.get("properties")
        if members is None:
            return dict(value)
        return {api_name(name): _as_the_api(schema, each, members.get(name, {})) for name, each in value.items()}
    if isinstance(value, list):
        return [_as_the_api(schema, each, described.get("items", {})) for each in value]
    return value


def api_name(member: str) -> str:
    """What ECS's API calls a member of CloudFormation's: EFSVolumeConfiguration is efsVolumeConfiguration."""
    if member.startswith("FSx"):
        return f"fsx{member[3:]}"
    return _OTHERWISE.get(member) or _LEADING_CAPITALS.sub(lambda found: found[0].lower(), member, count=1)


def _instance_profile_handler(handler: Handler) -> Handler:
    """Ref of an instance profile is its name; the emulator's is its ARN."""
    profiles = hook("ministack.services.iam:_instance_profiles")

    def create(logical_id: str, props: Properties, stack_name: str) -> tuple[str, Json]:
        arn, attributes = handler["create"](logical_id, props, stack_name)
        return arn.rpartition("/")[2], attributes

    def update(
        name: str, old: Properties, new: Properties, stack_name: str, logical_id: str | None = None
    ) -> tuple[str, Json]:
        arn, attributes = handler["update"](profiles[name]["Arn"], old, new, stack_name, logical_id)
        return arn.rpartition("/")[2], attributes

    def delete(name: str, props: Properties) -> None:
        if name in profiles:
            handler["delete"](profiles[name]["Arn"], props)

    return {**handler, "create": create, "update": update, "delete": delete}
