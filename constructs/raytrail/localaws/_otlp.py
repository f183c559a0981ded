"""What all receivers of OTLP read alike: attributes as plain values, and requests in JSON.

https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from typing import Any, TypeVar

from google.protobuf import json_format
from google.protobuf.message import Message
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

_HEXADECIMAL = ("traceId", "spanId", "parentSpanId")

M = TypeVar("M", bound=Message)


def attributes(pairs: Iterable[KeyValue]) -> dict[str, Any]:
    """Attributes by their keys."""
    return {pair.key: plain(pair.value) for pair in pairs}


def plain(value: AnyValue) -> Any:
    """A value as Python has it; bytes in hexadecimal, None for an empty one."""
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [plain(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return attributes(value.kvlist_value.values)
    if kind == "bytes_value":
        return value.bytes_value.hex()
    return getattr(value, kind) if kind else None


def read_json(body: bytes, request: M) -> M:
    """Fill an export request from OTLP's JSON, where IDs are hexadecimal and not base64 as in other protobuf JSON.

    Raises:
        ValueError: The body is no such JSON.
    """
    try:
        json_format.ParseDict(_with_base64_ids(json.loads(body)), request, ignore_unknown_fields=True)
    except (json_format.ParseError, ValueError, RecursionError) as error:
        raise ValueError(f"not an OTLP export request in JSON: {error}") from error
    return request


def _with_base64_ids(node: Any) -> Any:
    if isinstance(node, dict):
        return {
            name: base64.b64encode(bytes.fromhex(value)).decode()
            if name in _HEXADECIMAL and isinstance(value, str)
            else _with_base64_ids(value)
            for name, value in node.items()
        }
    return [_with_base64_ids(item) for item in node] if isinstance(node, list) else node
