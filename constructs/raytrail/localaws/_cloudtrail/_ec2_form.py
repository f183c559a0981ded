"""EC2 calls as CloudTrail writes them: sets of items, as in EC2's own XML."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

from raytrail.localaws._cloudtrail._calls import Call
from raytrail.localaws._cloudtrail._render import camel
from raytrail.localaws._cloudtrail._xml import document, word
from raytrail.localaws._world import Exchange

_SETS = {
    "BlockDeviceMappings": "blockDeviceMapping",
    "Filters": "filterSet",
    "GroupIds": "securityGroupIdSet",
    "GroupNames": "securityGroupSet",
    "Groups": "groups",
    "InstanceIds": "instancesSet",
    "IpPermissions": "ipPermissions",
    "IpRanges": "ipRanges",
    "Ipv6Ranges": "ipv6Ranges",
    "NetworkInterfaces": "networkInterfaceSet",
    "PrefixListIds": "prefixListIds",
    "Resources": "resourcesSet",
    "SecurityGroupIds": "groupSet",
    "SecurityGroups": "groupSet",
    "TagSpecifications": "tagSpecificationSet",
    "Tags": "tagSet",
    "UserIdGroupPairs": "groups",
    "Values": "valueSet",
}
_ITEM_NAMES = {
    "Values": "value",
    "InstanceIds": "instanceId",
    "GroupIds": "groupId",
    "GroupNames": "groupName",
    "Resources": "resourceId",
    "SecurityGroupIds": "groupId",
    "SecurityGroups": "groupName",
}
_ALWAYS = {
    "AuthorizeSecurityGroupIngress": ("ipPermissions",),
    "AuthorizeSecurityGroupEgress": ("ipPermissions",),
    "RevokeSecurityGroupIngress": ("ipPermissions",),
    "RevokeSecurityGroupEgress": ("ipPermissions",),
    "DescribeInstances": ("instancesSet", "filterSet"),
    "DescribeSecurityGroups": ("securityGroupSet", "securityGroupIdSet", "filterSet"),
    "DescribeVpcs": ("vpcSet", "filterSet"),
    "DescribeSubnets": ("subnetSet", "filterSet"),
}
"""Sets that are written even when empty."""

_WRAPPED = {
    "CreateFlowLogs",
    "DeleteFlowLogs",
    "DescribeFlowLogs",
    "EnableSerialConsoleAccess",
    "DisableSerialConsoleAccess",
    "GetSerialConsoleAccessStatus",
    "CreateLaunchTemplate",
    "DeleteLaunchTemplate",
    "CreateNatGateway",
    "DescribeNatGateways",
    "DeleteNatGateway",
    "ModifyInstanceMetadataOptions",
}
"""EC2's newer operations, whose request and answer stand under names of their own."""


def request_parameters(call: Call, parameters: dict[str, Any]) -> dict[str, Any]:
    """The input of an EC2 call in its set form."""
    name = call.operation.name
    if name in _WRAPPED:
        return {f"{name}Request": _wrapped(parameters) or ""}
    if name == "RunInstances":
        of_item = ("ImageId", "MinCount", "MaxCount", "KeyName")
        item = {key: value for key, value in parameters.items() if key in of_item}
        parameters = {key: value for key, value in parameters.items() if key not in of_item}
        return {"instancesSet": {"items": [_object(item)]}, **_object(parameters)}
    return {**{key: {} for key in _ALWAYS.get(name, ())}, **_object(parameters)}


def response_elements(call: Call, exchange: Exchange) -> dict[str, Any] | None:
    """The answer's XML as CloudTrail turns it."""
    if call.operation.name in _WRAPPED:
        found = document(exchange.response_body)
        return {f"{call.operation.name}Response": found[1]} if found else None
    try:
        root = ElementTree.fromstring(exchange.response_body)  # noqa: S314 - our own answer
    except ElementTree.ParseError:
        return None
    return {_name(child.tag): _element(child) for child in root} or None


def _object(value: dict[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for name, item in value.items():
        if isinstance(item, list):
            shown[_SETS.get(name, _set_name(name))] = _set(name, item)
        elif isinstance(item, dict):
            shown[camel(name)] = _object(item)
        else:
            shown[camel(name)] = item
    return shown


def _set(name: str, items: list[Any]) -> dict[str, Any]:
    if name == "TagSpecifications":
        # Their tags are a plain list, unlike every other.
        rows = [{"resourceType": item.get("ResourceType"), "tags": _tags(item)} for item in items]
    elif items and not isinstance(items[0], dict):
        key = _ITEM_NAMES.get(name) or camel(name.removesuffix("s"))
        rows = [{key: item} for item in items]
    else:
        rows = [_object(item) for item in items]
    return {"items": rows} if rows else {}


def _tags(specification: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": tag.get("Key"), "value": tag.get("Value")} for tag in specification.get("Tags", [])]


def _set_name(name: str) -> str:
    return camel(name.removesuffix("s").removesuffix("Id")) + "Set"


def _wrapped(value: dict[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for name, item in value.items():
        if isinstance(item, list):
            rows = [
                {**_wrapped(row), "tag": place} if isinstance(row, dict) else {"tag": place, "content": row}
                for place, row in enumerate(item, 1)
            ]
            shown[name.removesuffix("s")] = rows[0] if len(rows) == 1 else rows
        else:
            shown[name] = _wrapped(item) if isinstance(item, dict) else item
    return shown


def _element(node: ElementTree.Element) -> Any:
    children = list(node)
    if not children:
        return word((node.text or "").strip()) if (node.text or "").strip() else {}
    if all(_name(child.tag) == "item" for child in children):
        return {"items": [_element(child) for child in children]}
    return {_name(child.tag): _element(child) for child in children}


def _name(tag: str) -> str:
    name = tag.rpartition("}")[2]
    return "_return" if name == "return" else name
