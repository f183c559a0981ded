"""The ``resources`` of a record: on which resources the call acted."""

from __future__ import annotations

from typing import Any

from raytrail.localaws._cloudtrail._calls import Call
from raytrail.localaws._cloudtrail._names import data_resource_type

_LISTINGS = {"ListObjects", "ListObjectsV2", "ListObjectVersions", "ListMultipartUploads"}


def resources(
    call: Call, parameters: dict[str, Any], answer: dict[str, Any], account_id: str, region: str
) -> list[dict[str, str]] | None:
    """The resources that CloudTrail lists for a call, or None where it lists none.

    Args:
        call: The call.
        parameters: Its input by member name.
        answer: Its output by member name.
        account_id: The account of the resources.
        region: Their Region.
    """
    service, operation = call.service.service_name, call.operation.name
    arn = f"arn:aws:{service}:{region}:{account_id}"
    found: list[dict[str, str]] = []
    match service:
        case "s3":
            found = _s3(operation, call.labels.get("Bucket"), call.labels.get("Key"), account_id)
        case "lambda" if data_resource_type(service, operation):
            name = str(parameters.get("FunctionName", ""))
            full = name if name.startswith("arn:") else f"{arn}:function:{name.rpartition('function:')[2]}"
            found = [_resource("AWS::Lambda::Function", full, account_id)]
        case "dynamodb":
            found = [
                _resource("AWS::DynamoDB::Table", t if t.startswith("arn:") else f"{arn}:table/{t}", account_id)
                for t in _tables(parameters)
            ]
        case "sqs" if parameters.get("QueueUrl") and data_resource_type(service, operation):
            queue = str(parameters["QueueUrl"]).rpartition("/")[2]
            found = [_resource("AWS::SQS::Queue", f"{arn}:{queue}", account_id)]
        case "sns" if parameters.get("TopicArn") and data_resource_type(service, operation):
            found = [_resource("AWS::SNS::Topic", str(parameters["TopicArn"]), account_id)]
        case "kms":
            found = [_resource("AWS::KMS::Key", key, account_id) for key in _keys(parameters, answer, arn)]
        case "sts" if parameters.get("RoleArn"):
            role = str(parameters["RoleArn"])
            owner = role.split(":")[4] if role.count(":") > 4 else account_id
            found = [_resource("AWS::IAM::Role", role, owner)]
        case "ssm":
            names = parameters.get("Names") or ([parameters["Name"]] if "Parameter" in operation else [])
            found = [{"accountId": account_id, "ARN": f"{arn}:parameter/{str(n).lstrip('/')}"} for n in names]
        case "kinesis" if parameters.get("StreamARN") or parameters.get("StreamName"):
            full = str(parameters.get("StreamARN") or f"{arn}:stream/{parameters['StreamName']}")
            found = [_resource("AWS::Kinesis::Stream", full, account_id)]
    kind = data_resource_type(service, operation)
    if not found and kind:
        found = [{"accountId": account_id, "type": kind}]
    return found or None


def _resource(kind: str, arn: str, account_id: str) -> dict[str, str]:
    return {"accountId": account_id, "type": kind, "ARN": arn}


def _s3(operation: str, bucket: str | None, key: str | None, account_id: str) -> list[dict[str, str]]:
    if bucket is None or operation == "CreateBucket":
        return []
    found = [_resource("AWS::S3::Bucket", f"arn:aws:s3:::{bucket}", account_id)]
    if key is not None:
        found.insert(0, {"type": "AWS::S3::Object", "ARN": f"arn:aws:s3:::{bucket}/{key}"})
    elif operation in _LISTINGS:
        found.insert(0, {"type": "AWS::S3::Object", "ARNPrefix": f"arn:aws:s3:::{bucket}/"})
    elif data_resource_type("s3", operation):
        found.insert(0, {"type": "AWS::S3::Object", "ARN": f"arn:aws:s3:::{bucket}/"})
    return found


def _tables(parameters: dict[str, Any]) -> list[str]:
    if parameters.get("TableName"):
        return [str(parameters["TableName"])]
    if isinstance(parameters.get("RequestItems"), dict):
        return [str(name) for name in parameters["RequestItems"]]
    names = {
        str(action["TableName"])
        for item in parameters.get("TransactItems") or []
        for action in (item.values() if isinstance(item, dict) else [])
        if isinstance(action, dict) and action.get("TableName")
    }
    return sorted(names)


def _keys(parameters: dict[str, Any], answer: dict[str, Any], arn: str) -> list[str]:
    metadata = answer.get("KeyMetadata")
    candidates = [
        answer.get("KeyId"),
        metadata.get("Arn") if isinstance(metadata, dict) else None,
        parameters.get("KeyId"),
    ]
    named = [str(candidate) for candidate in candidates if candidate]
    full = next((name for name in named if ":key/" in name), None)
    if full:
        return [full]
    return [f"{arn}:key/{name}" for name in named[:1] if not name.startswith(("alias/", "arn:"))]
