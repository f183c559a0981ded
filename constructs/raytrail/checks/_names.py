"""Which resource of the app a value means, where it may be a reference, an ARN, a URL or a name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from raytrail.checks._templates import App, Resource
from raytrail.checks._values import Unknown, Value, flat, references

NAMES: Mapping[str, str] = MappingProxyType(
    {
        "AWS::CloudWatch::Alarm": "AlarmName",
        "AWS::CloudWatch::CompositeAlarm": "AlarmName",
        "AWS::CloudWatch::LogAlarm": "AlarmName",
        "AWS::KMS::Alias": "AliasName",
        "AWS::Lambda::Function": "FunctionName",
        "AWS::Logs::LogGroup": "LogGroupName",
        "AWS::S3::Bucket": "BucketName",
        "AWS::SNS::Topic": "TopicName",
        "AWS::SQS::Queue": "QueueName",
    }
)
"""The property that names a resource of each type."""

_RELAYS = ("Custom::", "AWS::CloudFormation::", "AWS::SSM::Parameter")
"""Types of resources whose attributes may name any other: what they tell is known at the deployment."""
_HOLE = "\0"
_KINDS = re.compile(r"^(?:function|log-group|alarm):")
_PARTIAL = re.compile(r"^\d{12}:function:")
"""What a function's name may begin with, which is the end of its ARN then."""
_URL = re.compile(r"https?://[^/]+/[^/]+/(?P<name>[^/]+)")


def meant(app: App, value: Value, *types: str) -> Resource | None:
    """The resource of one of the types that a value means; None: it is none of the app's, or not known."""
    named = list(dict.fromkeys(each.resource for each in references(value) if each.resource.type in types))
    if len(named) == 1:
        return named[0]
    said = flat(value)
    if named or said is None:
        return None
    name, region, account = _read(said)
    if not name or _HOLE in name:
        return None
    found = [
        resource
        for resource in app.of_type(*types)
        if resource.get(NAMES.get(resource.type, "")) == name
        and region in (None, resource.template.region)
        and (account is None or resource.template.account in (None, account))
    ]
    return found[0] if len(found) == 1 else None


def could_mean_any(value: Value) -> bool:
    """Whether a value may mean a resource that cannot be told: a parameter, or an ARN whose name is one."""
    if isinstance(value, Unknown) or any(each.resource.type.startswith(_RELAYS) for each in references(value)):
        return True
    said = flat(value)
    return said is None or (_HOLE in _read(said)[0] and not any(True for _ in references(value)))


def region_of(value: Value) -> str | None:
    """The Region that an ARN names, if it says one."""
    region = _read(flat(value) or "")[1]
    return region if region and _HOLE not in region else None


def _read(said: str) -> tuple[str, str | None, str | None]:
    """The name in a text, and its Region and account if it is an ARN that says them."""
    if url := _URL.fullmatch(said):
        return url["name"], None, None
    if not said.startswith("arn:"):
        return _PARTIAL.sub("", said), None, None
    parts = said.split(":", 5)
    if len(parts) < 6:
        return (_HOLE if _HOLE in said else said), None, None
    region, account = (part if part and _HOLE not in part else None for part in parts[3:5])
    # arn:…:function:name:alias and arn:…:log-group:name:*
    return _KINDS.sub("", parts[5]).partition(":")[0], region, account
