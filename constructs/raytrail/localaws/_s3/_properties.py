"""What ``AWS::S3::Bucket`` properties mean as requests of the S3 API. Plain functions, no server.

CloudFormation and the S3 API name the same configuration differently in places; each translator here turns one
property into the members of the S3 operation that sets it, and `request_body` lets botocore's own model of S3
check the members and write the XML.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

Json = Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """One property of a bucket, and the S3 operation that sets it."""

    property: str
    operation: str
    """The operation in botocore's model, such as ``PutBucketTagging``."""
    member: str
    """The member of that operation that carries the configuration."""
    translate: Callable[[Json], Json]
    """From the property's value to the member's."""
    removed: Json | None = None
    """The member's value when an update drops the property, where S3 has no delete operation for it."""


def request_body(setting: Setting, bucket: str, value: Json) -> bytes:
    """The XML body that ``setting.operation`` sends for a property's ``value``.

    Raises:
        botocore.exceptions.ParamValidationError: S3 has no such member, or a member of another type.
    """
    return _body(setting, bucket, setting.translate(value))


def removal_body(setting: Setting, bucket: str) -> bytes:
    """The XML body that undoes a setting without a delete operation of its own."""
    return _body(setting, bucket, setting.removed)


def _body(setting: Setting, bucket: str, member: Json) -> bytes:
    serializer, service = _s3_model()
    operation = service.operation_model(setting.operation)
    body = serializer.serialize_to_request({"Bucket": bucket, setting.member: member}, operation)["body"]
    return body if isinstance(body, bytes) else str(body).encode()


@cache
def _s3_model() -> tuple[Any, Any]:
    import botocore.serialize
    import botocore.session

    service = botocore.session.get_session().get_service_model("s3")
    return botocore.serialize.create_serializer(service.metadata["protocol"], include_validation=True), service


def _tagging(tags: Json) -> Json:
    return {"TagSet": [{"Key": tag["Key"], "Value": tag["Value"]} for tag in tags]}


def _encryption(value: Json) -> Json:
    rules = []
    for rule in value["ServerSideEncryptionConfiguration"]:
        rules.append(_renamed(rule, {"ServerSideEncryptionByDefault": "ApplyServerSideEncryptionByDefault"}))
    return {"Rules": rules}


def _lifecycle(value: Json) -> Json:
    return {"Rules": [_lifecycle_rule(rule) for rule in value["Rules"]]}


def _lifecycle_rule(rule: Mapping[str, Json]) -> Json:
    out: dict[str, Json] = {"Status": rule["Status"], "Filter": _lifecycle_filter(rule)}
    if "Id" in rule:
        out["ID"] = rule["Id"]
    expiration = _renamed(
        {k: rule[k] for k in ("ExpirationInDays", "ExpirationDate", "ExpiredObjectDeleteMarker") if k in rule},
        {"ExpirationInDays": "Days", "ExpirationDate": "Date"},
    )
    if expiration:
        out["Expiration"] = expiration
    transitions = [*rule.get("Transitions", []), *([rule["Transition"]] if "Transition" in rule else [])]
    if transitions:
        out["Transitions"] = [_renamed(t, {"TransitionInDays": "Days", "TransitionDate": "Date"}) for t in transitions]
    if "NoncurrentVersionExpirationInDays" in rule:
        out["NoncurrentVersionExpiration"] = {"NoncurrentDays": rule["NoncurrentVersionExpirationInDays"]}
    if "NoncurrentVersionExpiration" in rule:
        out["NoncurrentVersionExpiration"] = dict(rule["NoncurrentVersionExpiration"])
    noncurrent = [
        *rule.get("NoncurrentVersionTransitions", []),
        *([rule["NoncurrentVersionTransition"]] if "NoncurrentVersionTransition" in rule else []),
    ]
    if noncurrent:
        out["NoncurrentVersionTransitions"] = [_renamed(t, {"TransitionInDays": "NoncurrentDays"}) for t in noncurrent]
    if "AbortIncompleteMultipartUpload" in rule:
        out["AbortIncompleteMultipartUpload"] = dict(rule["AbortIncompleteMultipartUpload"])
    return out


def _lifecycle_filter(rule: Mapping[str, Json]) -> Json:
    conditions: dict[str, Json] = {}
    if "Prefix" in rule:
        conditions["Prefix"] = rule["Prefix"]
    for size in ("ObjectSizeGreaterThan", "ObjectSizeLessThan"):
        if size in rule:
            conditions[size] = int(rule[size])
    tags = [{"Key": tag["Key"], "Value": tag["Value"]} for tag in rule.get("TagFilters", [])]
    if len(conditions) + len(tags) > 1:
        return {"And": conditions | ({"Tags": tags} if tags else {})}
    # A rule without conditions applies to the whole bucket, which S3 writes as an empty prefix.
    return {"Tag": tags[0]} if tags else conditions or {"Prefix": ""}


def _logging(value: Json) -> Json:
    enabled: dict[str, Json] = {
        "TargetBucket": value.get("DestinationBucketName", ""),
        "TargetPrefix": value.get("LogFilePrefix", ""),
    }
    if "TargetObjectKeyFormat" in value:
        enabled["TargetObjectKeyFormat"] = value["TargetObjectKeyFormat"]
    return {"LoggingEnabled": enabled}


def _object_lock(value: Json) -> Json:
    return dict(value)


def _renamed(value: Mapping[str, Json], names: Mapping[str, str]) -> dict[str, Json]:
    return {names.get(key, key): member for key, member in value.items()}


SETTINGS: tuple[Setting, ...] = (
    Setting(property="Tags", operation="PutBucketTagging", member="Tagging", translate=_tagging),
    Setting(
        property="BucketEncryption",
        operation="PutBucketEncryption",
        member="ServerSideEncryptionConfiguration",
        translate=_encryption,
    ),
    Setting(
        property="VersioningConfiguration",
        operation="PutBucketVersioning",
        member="VersioningConfiguration",
        translate=dict,
        removed={"Status": "Suspended"},
    ),
    Setting(
        property="LifecycleConfiguration",
        operation="PutBucketLifecycleConfiguration",
        member="LifecycleConfiguration",
        translate=_lifecycle,
    ),
    Setting(
        property="OwnershipControls",
        operation="PutBucketOwnershipControls",
        member="OwnershipControls",
        translate=dict,
    ),
    Setting(
        property="LoggingConfiguration",
        operation="PutBucketLogging",
        member="BucketLoggingStatus",
        translate=_logging,
        removed={},
    ),
    Setting(
        property="AccelerateConfiguration",
        operation="PutBucketAccelerateConfiguration",
        member="AccelerateConfiguration",
        translate=lambda value: {"Status": value["AccelerationStatus"]},
        removed={"Status": "Suspended"},
    ),
    Setting(
        property="ObjectLockConfiguration",
        operation="PutObjectLockConfiguration",
        member="ObjectLockConfiguration",
        translate=_object_lock,
    ),
)
"""The properties that are kept, in the order in which they are applied (a lock needs versioning)."""
