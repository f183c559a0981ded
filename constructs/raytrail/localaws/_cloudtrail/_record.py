"""One CloudTrail record from one HTTP exchange."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from botocore.model import ServiceModel

from raytrail.localaws._cloudtrail import _ec2_form, _s3_form
from raytrail.localaws._cloudtrail._calls import Call, identify
from raytrail.localaws._cloudtrail._decode import FIRST_ERROR, answer, request_parameters
from raytrail.localaws._cloudtrail._names import (
    GLOBAL_SERVICES,
    UNRECORDED,
    data_resource_type,
    event_name,
    is_read_only,
)
from raytrail.localaws._cloudtrail._render import render
from raytrail.localaws._cloudtrail._resources import resources
from raytrail.localaws._world import Exchange

EVENT_VERSION = "1.11"

_API_VERSIONS = {"logs": "20140328", "dynamodb": "2012-08-10"}
_ANSWERED_THOUGH_READ_ONLY = {"AssumeRole", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity"}
_HEAD_CODES = {"403": "AccessDenied", "404": "NoSuchKey"}


def build(exchange: Exchange, identity: dict[str, Any], account_id: str) -> dict[str, Any] | None:
    """The record of an exchange, or None when CloudTrail has none of it (no API call, or one it does not record).

    Args:
        exchange: The request and its answer.
        identity: Who called, as ``userIdentity``.
        account_id: The account in which it happened.
    """
    call = identify(exchange)
    if call is None:
        return None
    service, operation = call.service.service_name, call.operation.name
    if operation in UNRECORDED.get(exchange.service, ()):
        return None
    region = "us-east-1" if exchange.service in GLOBAL_SERVICES else exchange.region
    read_only = is_read_only(service, operation)
    output = answer(call, exchange)
    parameters = request_parameters(call, exchange)
    kind = data_resource_type(service, operation)
    record: dict[str, Any] = {
        "eventVersion": EVENT_VERSION,
        "userIdentity": identity,
        "eventTime": datetime.fromtimestamp(exchange.started_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "eventSource": f"{exchange.service}.amazonaws.com",
        "eventName": event_name(service, operation),
        "awsRegion": region,
        "sourceIPAddress": _source(exchange),
        "userAgent": _agent(exchange),
        **_error(call, exchange, output),
        "requestParameters": _request(call, exchange, parameters) or None,
        "responseElements": _response(call, exchange, output, read_only),
    }
    if service == "s3":
        record["additionalEventData"] = _s3_form.additional_data(exchange)
    record["requestID"] = _request_id(exchange)
    record["eventID"] = str(uuid.uuid4())
    record["readOnly"] = read_only
    touched = resources(call, parameters, output, account_id, region)
    if touched:
        record["resources"] = touched
    record["eventType"] = "AwsApiCall"
    if exchange.service in _API_VERSIONS:
        record["apiVersion"] = _API_VERSIONS[exchange.service]
    record["managementEvent"] = kind is None
    record["recipientAccountId"] = account_id
    record["eventCategory"] = "Management" if kind is None else "Data"
    return record


def _request(call: Call, exchange: Exchange, parameters: dict[str, Any]) -> dict[str, Any]:
    if call.service.service_name == "s3":
        return _s3_form.request_parameters(call, exchange)
    if call.wire == "ec2":
        return _ec2_form.request_parameters(call, parameters)
    shape = call.operation.input_shape
    shown: dict[str, Any] = render(call.service.service_name, shape, parameters) if shape else {}
    return shown


def _response(call: Call, exchange: Exchange, output: dict[str, Any], read_only: bool) -> dict[str, Any] | None:
    name = call.operation.name
    if exchange.status >= FIRST_ERROR or (read_only and name not in _ANSWERED_THOUGH_READ_ONLY):
        return None
    if call.service.service_name == "s3":
        return _s3_form.response_elements(exchange)
    if call.wire == "ec2":
        return _ec2_form.response_elements(call, exchange)
    shape = call.operation.output_shape
    if shape is None or call.operation.has_streaming_output:
        return None
    shown: dict[str, Any] = render(call.service.service_name, shape, output)
    for member, inner in shape.members.items():
        if inner.serialization.get("location") == "statusCode":
            shown.pop(member[:1].lower() + member[1:], None)
    return shown or None


def _error(call: Call, exchange: Exchange, output: dict[str, Any]) -> dict[str, str]:
    if exchange.status < FIRST_ERROR:
        return {}
    error = output.get("Error") or {}
    code = str(error.get("Code") or exchange.status)
    if exchange.method == "HEAD":
        code = _HEAD_CODES.get(code, code)
    if call.wire == "ec2":
        code = f"{'Client' if exchange.status < 500 else 'Server'}.{code}"
    elif exchange.service == "iam":
        code = _shape_name(call.service, code)
    found = {"errorCode": code}
    message = error.get("Message")
    if message:
        found["errorMessage"] = str(message)
    return found


def _shape_name(service: ServiceModel, code: str) -> str:
    """IAM answers ``NoSuchEntity``, and CloudTrail writes the exception's name, ``NoSuchEntityException``."""
    for shape in service.error_shapes:
        if shape.metadata.get("error", {}).get("code") == code:
            return shape.name
    return code


def _source(exchange: Exchange) -> str:
    forwarded = exchange.headers.get("x-forwarded-for", "").split(",")[0].strip()
    return forwarded or exchange.source_ip


def _agent(exchange: Exchange) -> str:
    agent = exchange.headers.get("user-agent", "")
    return f"[{agent}]" if exchange.service == "s3" else agent


def _request_id(exchange: Exchange) -> str:
    for name in ("x-amzn-requestid", "x-amz-request-id", "x-amzn-request-id"):
        if exchange.response_headers.get(name):
            return exchange.response_headers[name]
    return str(uuid.uuid4())
