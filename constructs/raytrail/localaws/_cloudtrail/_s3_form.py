"""S3 calls as CloudTrail writes them: the request's own words instead of the model's members."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree

from raytrail.localaws._cloudtrail._calls import Call
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
    if not exchange.body.lstrip().startswith(b"<"):
        return {}
    try:
        root = ElementTree.fromstring(exchange.body)  # noqa: S314 - a client's request on 127.0.0.1; expat caps expansion
    except ElementTree.ParseError:
        return {}
    name, space = _split(root.tag)
    value = element(root)
    if space:
        value = {"xmlns": space, **(value if isinstance(value, dict) else {"content": value})}
    return {name: value}


def element(node: ElementTree.Element) -> Any:
    """An XML element as JSON the way CloudTrail turns it: repeated children are a list, words that look like
    numbers or truth values are such."""
    found: dict[str, Any] = {}
    for key, text in node.attrib.items():
        found[_split(key)[0]] = text
    for child in node:
        name, value = _split(child.tag)[0], element(child)
        if name in found:
            found[name] = [*found[name], value] if isinstance(found[name], list) else [found[name], value]
        else:
            found[name] = value
    return found or _word((node.text or "").strip())


def _word(text: str) -> Any:
    if text in ("true", "false"):
        return text == "true"
    if text.isdigit() and (text == "0" or not text.startswith("0")):
        return int(text)
    return text


def _split(tag: str) -> tuple[str, str]:
    space, brace, name = tag.rpartition("}")
    return (name, space.lstrip("{")) if brace else (tag, "")
