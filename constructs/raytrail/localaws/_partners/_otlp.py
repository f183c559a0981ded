"""OTLP over HTTP as a receiver sees it: reading an export request, saying what is in it, answering.

https://opentelemetry.io/docs/specs/otlp/#otlphttp
"""

from __future__ import annotations

import gzip
import zlib
from typing import Protocol

from google.protobuf import json_format
from google.protobuf.message import DecodeError, Message
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]  # googleapis-common-protos ships no types
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from raytrail.localaws._otlp import read_json
from raytrail.localaws._partners._content import content_of
from raytrail.localaws._partners._inbox import Call, Reply

JSON = "application/json"
PROTOBUF = ("application/x-protobuf", "application/protobuf")

_SIGNALS: dict[str, tuple[type[Message], type[Message]]] = {
    "/v1/traces": (ExportTraceServiceRequest, ExportTraceServiceResponse),
    "/v1/metrics": (ExportMetricsServiceRequest, ExportMetricsServiceResponse),
    "/v1/logs": (ExportLogsServiceRequest, ExportLogsServiceResponse),
}


class Refusal(Exception):
    """A request that is answered with an error; `status` is HTTP's."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Check(Protocol):
    """What a partner asks of a request before it reads its body."""

    def __call__(self, call: Call) -> None:
        """Raise `Refusal` if the request is not welcome."""


def receive(call: Call, check: Check = lambda call: None) -> Reply:
    """Answer an export request, and say what it brought.

    Args:
        call: The request.
        check: What is asked of it first. Default: nothing.
    """
    try:
        if call.path not in _SIGNALS:
            raise Refusal(404, f"there is only {', '.join(_SIGNALS)}, got {call.path}")
        if call.method != "POST":
            raise Refusal(405, f"an export request is a POST, got {call.method}")
        check(call)
        request_type, response_type = _SIGNALS[call.path]
        request = _read(call, request_type)
    except Refusal as refusal:
        return refuse(call, refusal)
    content_type, body = _written(call, response_type())
    return Reply(status=200, content_type=content_type, body=body, content=content_of(request))


def refuse(call: Call, refusal: Refusal) -> Reply:
    """A refusal as OTLP has it: a Status in the encoding of the request."""
    content_type, body = _written(call, Status(message=str(refusal)))
    return Reply(status=refusal.status, content_type=content_type, body=body, problem=str(refusal))


def _read(call: Call, request_type: type[Message]) -> Message:
    content_type, request = media_type(call), request_type()
    try:
        body = _unpacked(call)
        if content_type == JSON:
            read_json(body, request)
        elif content_type in PROTOBUF:
            request.ParseFromString(body)
        else:
            allowed = ", ".join((*PROTOBUF, JSON))
            raise Refusal(415, f"unsupported content-type, valid types are: {allowed}")
    except (DecodeError, ValueError, OSError, EOFError, zlib.error) as error:
        raise Refusal(400, f"failed to parse OTLP request body: {error}") from error
    return request


def _unpacked(call: Call) -> bytes:
    encoding = call.headers.get("content-encoding", "")
    if encoding not in ("", "identity", "gzip"):
        raise Refusal(415, f"unsupported content-encoding {encoding!r}, valid is: gzip")
    return gzip.decompress(call.body) if encoding == "gzip" else call.body


def _written(call: Call, message: Message) -> tuple[str, bytes]:
    if media_type(call) == JSON:
        return JSON, json_format.MessageToJson(message, indent=None).encode()
    return PROTOBUF[0], message.SerializeToString()


def media_type(call: Call) -> str:
    """The request's content type without its parameters."""
    return call.headers.get("content-type", "").partition(";")[0].strip().lower()
