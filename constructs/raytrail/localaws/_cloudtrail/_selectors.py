"""Which records a trail takes: basic and advanced event selectors. Plain values in, an answer out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from raytrail.localaws._cloudtrail._names import GLOBAL_SERVICES

DEFAULT: list[dict[str, Any]] = [
    {"ReadWriteType": "All", "IncludeManagementEvents": True, "DataResources": [], "ExcludeManagementEventSources": []}
]
"""What a trail selects that was given no selectors: management events, reads and writes."""

MAX_DATA_RESOURCES = 250
MAX_VALUES = 500

_FIELDS = {
    "errorCode",
    "eventCategory",
    "eventName",
    "eventSource",
    "eventType",
    "readOnly",
    "resources.ARN",
    "resources.type",
    "sessionCredentialFromConsole",
    "userIdentity.arn",
    "vpcEndpointId",
}
_EQUALS_ONLY = {"eventCategory", "readOnly", "resources.type"}

_ALL_OF_TYPE = {
    "AWS::S3::Object": ("arn:aws:s3", "arn:aws:s3:::"),
    "AWS::Lambda::Function": ("arn:aws:lambda",),
    "AWS::DynamoDB::Table": ("arn:aws:dynamodb",),
}
_SELECT: dict[str, Callable[[str, str], bool]] = {
    "Equals": str.__eq__,
    "StartsWith": str.startswith,
    "EndsWith": str.endswith,
}
_DESELECT: dict[str, Callable[[str, str], bool]] = {
    "NotEquals": str.__eq__,
    "NotStartsWith": str.startswith,
    "NotEndsWith": str.endswith,
}


def selects(selectors: Iterable[Mapping[str, Any]], record: Mapping[str, Any]) -> bool:
    """Whether any of a trail's selectors takes ``record``.

    Args:
        selectors: As PutEventSelectors takes them; advanced ones have ``FieldSelectors``.
        record: A CloudTrail record.
    """
    return any(
        _advanced(s["FieldSelectors"], record) if "FieldSelectors" in s else _basic(s, record) for s in selectors
    )


def refuse(basic: Sequence[Mapping[str, Any]], advanced: Sequence[Mapping[str, Any]]) -> str | None:
    """Why AWS would refuse selectors, or None.

    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/filtering-data-events.html

    Args:
        basic: ``EventSelectors``.
        advanced: ``AdvancedEventSelectors``.
    """
    resources = [data for selector in basic for data in selector.get("DataResources") or []]
    for data in resources:
        if data.get("Type") not in _ALL_OF_TYPE:
            return f"The data resource type {data.get('Type')} is not valid; valid are {', '.join(_ALL_OF_TYPE)}."
    if sum(len(data.get("Values") or []) for data in resources) > MAX_DATA_RESOURCES:
        return f"The total number of data resources cannot exceed {MAX_DATA_RESOURCES} across all event selectors."
    values = 0
    for selector in advanced:
        fields = {str(field.get("Field")): field for field in selector.get("FieldSelectors") or []}
        values += sum(len(field.get(name) or []) for field in fields.values() for name in (*_SELECT, *_DESELECT))
        refusal = _refuse_fields(fields)
        if refusal:
            return refusal
    if values > MAX_VALUES:
        return f"The total number of values for conditions cannot exceed {MAX_VALUES} across all selectors."
    return None


def _refuse_fields(fields: Mapping[str, Mapping[str, Any]]) -> str | None:
    unknown = sorted(set(fields) - _FIELDS)
    if unknown:
        return f"The field {unknown[0]} is not valid; valid are {', '.join(sorted(_FIELDS))}."
    for name in _EQUALS_ONLY & set(fields):
        if not fields[name].get("Equals") or any(fields[name].get(other) for other in (*_SELECT, *_DESELECT)[1:]):
            return f"The field {name} can only use the Equals operator."
    if "eventCategory" not in fields:
        return "The field eventCategory is required."
    if fields["eventCategory"]["Equals"] == ["Data"] and "resources.type" not in fields:
        return "The field resources.type is required to select data events."
    return None


def covers(record: Mapping[str, Any], *, home_region: str, multi_region: bool, global_events: bool) -> bool:
    """Whether a trail's Regions include that of ``record``; global services' events are those of us-east-1."""
    service = str(record.get("eventSource", "")).partition(".")[0]
    if service in GLOBAL_SERVICES and not global_events:
        return False
    return multi_region or record.get("awsRegion") == home_region


def is_read_only(record: Mapping[str, Any]) -> bool:
    """``readOnly`` of a record, which people's files also carry as text."""
    return str(record.get("readOnly", "")).lower() == "true"


def category(record: Mapping[str, Any]) -> str:
    """``eventCategory`` of a record; records older than it tell by ``managementEvent``, and before that were
    management events unless they name an object."""
    if record.get("eventCategory"):
        return str(record["eventCategory"])
    if "managementEvent" in record:
        return "Management" if str(record["managementEvent"]).lower() == "true" else "Data"
    types = {resource.get("type") for resource in record.get("resources") or []}
    return "Data" if types & {"AWS::S3::Object"} else "Management"


def _basic(selector: Mapping[str, Any], record: Mapping[str, Any]) -> bool:
    wanted = selector.get("ReadWriteType", "All")
    if wanted != "All" and (wanted == "ReadOnly") != is_read_only(record):
        return False
    match category(record):
        case "Management":
            excluded = selector.get("ExcludeManagementEventSources") or []
            return bool(selector.get("IncludeManagementEvents", True)) and record.get("eventSource") not in excluded
        case "Data":
            return any(_names(data, record) for data in selector.get("DataResources") or [])
    return False


def _names(data: Mapping[str, Any], record: Mapping[str, Any]) -> bool:
    kind, values = str(data.get("Type")), data.get("Values") or []
    for resource in record.get("resources") or []:
        if resource.get("type") != kind:
            continue
        arn = str(resource.get("ARN") or resource.get("ARNPrefix") or "")
        for value in values:
            if value in _ALL_OF_TYPE.get(kind, ()) or arn == value:
                return True
            if kind == "AWS::S3::Object" and arn.startswith(value):
                return True
    return False


def _advanced(fields: Iterable[Mapping[str, Any]], record: Mapping[str, Any]) -> bool:
    fields = list(fields)
    kinds = {value for field in fields if field.get("Field") == "resources.type" for value in field.get("Equals") or []}
    return all(_field(field, _values(str(field.get("Field")), record, kinds)) for field in fields)


def _values(field: str, record: Mapping[str, Any], kinds: set[str]) -> list[str]:
    resources = record.get("resources") or []
    match field:
        case "eventCategory":
            return [category(record)]
        case "readOnly":
            return ["true" if is_read_only(record) else "false"]
        case "resources.type":
            return [str(resource["type"]) for resource in resources if resource.get("type")]
        case "resources.ARN":
            of_kind = [r for r in resources if not kinds or r.get("type") in kinds]
            return [str(r.get("ARN") or r.get("ARNPrefix") or "") for r in of_kind]
        case "userIdentity.arn":
            identity = record.get("userIdentity") or {}
            return [str(identity.get("arn", ""))]
    value = record.get(field)
    return [] if value is None else [str(value)]


def _field(selector: Mapping[str, Any], values: list[str]) -> bool:
    """Operators that select are alternatives; operators that deselect must all hold."""
    wanted = [(test, operand) for name, test in _SELECT.items() for operand in selector.get(name) or []]
    unwanted = [(test, operand) for name, test in _DESELECT.items() for operand in selector.get(name) or []]
    if any(test(value, operand) for test, operand in unwanted for value in values):
        return False
    return not wanted or any(test(value, operand) for test, operand in wanted for value in values)
