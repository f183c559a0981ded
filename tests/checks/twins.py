"""Templates of a few resources, held against one check at a time.

Their properties are those of CloudFormation's schemas: a name that a check and its test spell wrong alike is found.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from raytrail.checks import CHECKS, Check, Finding, Floors, check_template

REGION, ACCOUNT = "eu-west-1", "111122223333"

Json = dict[str, Any]


def check(name: str) -> Check:
    """A check by its name."""
    return next(each for each in CHECKS if each.name == name)


def findings(
    name: str, resources: Mapping[str, Any], *, region: str | None = REGION, floors: Floors | None = None, **parts: Any
) -> list[Finding]:
    """What one check finds in a template of these resources; ``parts`` are its other parts, as ``Outputs``."""
    found = check_template({"Resources": resources, **parts}, region=region, account=ACCOUNT, floors=floors)
    return [each for each in found if each.id == check(name).id]


def found(name: str, resources: Mapping[str, Any], **how: Any) -> list[str]:
    """The logical ids of what one check finds."""
    return [each.logical_id for each in findings(name, resources, **how)]


def seen(name: str, resources: Mapping[str, Any], **how: Any) -> str:
    """What one check saw in the one resource that it finds."""
    [finding] = findings(name, resources, **how)
    return finding.seen


def a(type: str, /, **properties: Any) -> Json:
    """A resource."""
    assert set(properties) <= _properties(type), f"{type} has no {set(properties) - _properties(type)}"
    return {"Type": f"AWS::{type}", "Properties": properties}


@cache
def _properties(type: str) -> frozenset[str]:
    """The properties of a type of resource, by CloudFormation's schema."""
    return frozenset(PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", f"AWS::{type}").schema["properties"])


def arn(id: str) -> Json:
    """The ARN of a resource."""
    return {"Fn::GetAtt": [id, "Arn"]}


def ref(id: str) -> Json:
    """A resource, or a parameter."""
    return {"Ref": id}


def allow(service: str, action: str | list[str], resource: Any = "*", **condition: Any) -> Json:
    """A statement that lets a service do something."""
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": action, "Resource": resource}
    return {**statement, "Condition": condition} if condition else statement


def policy(*statements: Json) -> Json:
    """A document of statements."""
    return {"Version": "2012-10-17", "Statement": list(statements)}
