"""S3 calls as CloudTrail writes them: the request's own words instead of the model's members."""

from __future__ import annotations

import json
from typing import Any

from raytrail.localaws._cloudtrail._calls import Call
from raytrail.localaws._cloudtrail._xml import document
from raytrail.localaws._world import Exchange

_SIGNING = ("x-amz-date", "x-amz-content-sha256", "x-amz-security-token", "x-amz-user-agent", "x-amz-decoded")
_UNTOLD = (
    *_SIGNING,
    "x-amz-sdk",
    "x-amz-checksum",
    "x-amz-trailer",
    "x-amz-meta",
    "x-amz-id-2",
    "x-amz-request-id",
    "x-amz-server-side-encryption-customer-key",
    "x-amz-bucket-region",
)
_QUERY_UNTOLD = ("X-Amz-", "x-id", "AWSAccessKeyId", "Signature", "Expires")
_BODY_UNTOLD = {"PutObject", "UploadPart", "DeleteObjects", "CompleteMultipartUpload", "SelectObjectContent"}


def request_parameters(call: Call, exchange: Exchange) -> dict[str, Any]:
    """What S3 tells of a request: bucket, key, host, the query's words, its own headers, and the configuration sent."""
    parameters: dict[str, Any] = _body(call, exchange)
    parameters |= {name: value for name, value in call.query.items() if not name.startswith(_QUERY_UNTOLD)}
    if "Bucket" in call.labels:
        parameters["bucketName"] = call.labels["Bucket"]
    if "Bucket" in call.labels or parameters:
        parameters["Host"] = exchange.headers.get("host", "")
    if "Key" in call.labels:
        parameters["key"] = call.labels["Key"]
    parameters |= _amz(exchange.headers)
    return parameters


def response_elements(exchange: Exchange) -> dict[str, Any] | None:
    """The headers of S3's own in an answer, of which an object's encryption and version are the usual ones."""
    return _amz(exchange.response_headers) or None


def additional_data(exchange: Exchange) -> dict[str, Any]:
    """What S3 adds about how the request came."""
    in_query = "X-Amz-Signature" in exchange.query_string
    return {
        "SignatureVersion": "SigV4",
        "bytesTransferredIn": len(exchange.body),
        "AuthenticationMethod": "QueryString" if in_query else "AuthHeader",
        "x-amz-id-2": exchange.response_headers.get("x-amz-id-2", ""),
        "bytesTransferredOut": len(exchange.response_body),
    }


def _amz(headers: dict[str, str]) -> dict[str, Any]:
    return {k: v for k, v in headers.items() if k.startswith("x-amz-") and not k.startswith(_UNTOLD)}


def _body(call: Call, exchange: Exchange) -> dict[str, Any]:
    if not exchange.body or call.operation.name in _BODY_UNTOLD:
        return {}
    if call.operation.name == "PutBucketPolicy":
        try:
            return {"bucketPolicy": json.loads(exchange.body)}
        except ValueError:
            return {}
    found = document(exchange.body)
    return {found[0]: found[1]} if found else {}
