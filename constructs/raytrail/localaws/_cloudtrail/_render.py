"""Values as CloudTrail writes them: lower first letters, its dates, and nothing secret."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"

_OMITTED = {
    "SecretAccessKey": None,
    "TokenCode": None,
    "Password": ("iam",),
    "OldPassword": ("iam",),
    "NewPassword": ("iam",),
    "SecretString": ("secretsmanager",),
    "SecretBinary": ("secretsmanager",),
    "ExpressionAttributeValues": ("dynamodb",),
    "Payload": ("lambda",),
}
"""Members that never appear, with the services where that holds (None: everywhere)."""

_HIDDEN = {
    "MessageBody": ("sqs",),
    "Message": ("sns",),
    "Subject": ("sns",),
    "Parameters": ("ssm",),
    "MessageAttributes": ("sns", "sqs"),
}
"""Members shown as hidden although the model does not call them sensitive."""

_EMPTIED = {"Environment": ("lambda",), "ImageConfigResponse": ("lambda",)}
"""Members of which only the presence appears."""

_ITEM_MEMBERS = {"Item", "AttributeUpdates"}
_KEY_MEMBERS = {"Key", "ExclusiveStartKey"}


def render(service: str, shape: Shape, value: Any) -> Any:
    """``value``, which has the form of ``shape``, as CloudTrail shows it.

    Args:
        service: botocore's name of the service, for the secrets of its own.
        shape: The shape of the value.
        value: By member name, as botocore's parsers give it.
    """
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        return _structure(service, shape, value)
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [render(service, shape.member, item) for item in value if not _is_blob(shape.member, item)]
    if isinstance(shape, MapShape) and isinstance(value, dict):
        return {str(key): render(service, shape.value, item) for key, item in value.items()}
    if isinstance(value, datetime):
        return date(value)
    return value


def date(moment: datetime) -> str:
    """A time within parameters: ``Jul 10, 2026, 11:54:39 AM``, in UTC."""
    moment = moment.astimezone(UTC)
    hour = moment.hour % 12 or 12
    return f"{moment:%b} {moment.day}, {moment.year}, {hour}:{moment:%M:%S %p}"


def camel(name: str) -> str:
    """``TrailARN`` as ``trailARN``, ``ARN`` as ``arn``: the first letter lower, a name of capitals whole."""
    return name.lower() if name.isupper() else name[:1].lower() + name[1:]


def _structure(service: str, shape: StructureShape, value: dict[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for name, member in shape.members.items():
        item = value.get(name)
        if item is None or _is_blob(member, item) or _among(_OMITTED, name, service):
            continue
        if service == "dynamodb" and name in _ITEM_MEMBERS and isinstance(item, dict):
            # Of an item only the attribute names, of a key also the values.
            shown[camel(name)] = sorted(item)
        elif service == "dynamodb" and name in _KEY_MEMBERS and isinstance(item, dict):
            shown[camel(name)] = {key: _plain(attribute) for key, attribute in item.items()}
        elif _among(_EMPTIED, name, service):
            shown[camel(name)] = {}
        elif _among(_HIDDEN, name, service) or member.metadata.get("sensitive"):
            shown[camel(name)] = HIDDEN
        else:
            shown[camel(name)] = render(service, member, item)
    return shown


def _plain(attribute: Any) -> Any:
    return next(iter(attribute.values()), None) if isinstance(attribute, dict) else attribute


def _among(table: dict[str, Any], name: str, service: str) -> bool:
    return name in table and (table[name] is None or service in table[name])


def _is_blob(shape: Shape, value: Any) -> bool:
    return shape.type_name == "blob" or isinstance(value, bytes) or hasattr(value, "read")
