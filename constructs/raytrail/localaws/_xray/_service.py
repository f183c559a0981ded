"""X-Ray's HTTP interface: the API (rest-json) and the OTLP endpoint for traces."""

from __future__ import annotations

import gzip
import json
import logging
import threading
import zlib
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from raytrail.localaws._otlp import read_json
from raytrail.localaws._world import Request, Response
from raytrail.localaws._xray import _otlp
from raytrail.localaws._xray._errors import XRayError
from raytrail.localaws._xray._model import service_model
from raytrail.localaws._xray._region import RegionalXRay
from raytrail.localaws._xray._span_segments import segments

logger = logging.getLogger(__name__)

OTLP_PATH = "/v1/traces"
MAX_OTLP_BYTES = 5 * 1024 * 1024
MAX_OTLP_SPANS = 10_000
MAX_OTLP_SPAN_BYTES = 200 * 1024
"""https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-OTLPEndpoint.html"""


class XRay:
    """X-Ray of every account and Region. Call it with a request; ask `at` for what others record with.

    Each request is checked against botocore's model of its operation before it is looked at.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._regions: dict[tuple[str, str], RegionalXRay] = {}
        model = service_model()
        self._operations = {
            operation.http["requestUri"]: operation
            for operation in (model.operation_model(name) for name in model.operation_names)
        }

    def at(self, account_id: str, region: str) -> RegionalXRay:
        """X-Ray of one account and Region, which exists from the first time it is asked for."""
        with self._lock:
            key = (account_id, region)
            if key not in self._regions:
                self._regions[key] = RegionalXRay(account_id, region)
            return self._regions[key]

    def close(self) -> None:
        """Stop every daemon."""
        with self._lock:
            for region in self._regions.values():
                region.close()

    async def __call__(self, request: Request) -> Response:
        """Answer one request, with AWS's error when it cannot be served."""
        here = self.at(request.account_id, request.region)
        try:
            if request.path == OTLP_PATH:
                return self._take_spans(here, request)
            return _json(200, self._operate(here, request))
        except XRayError as error:
            status, headers, body = _json(error.status, {"Message": error.message})
            return status, {**headers, "x-amzn-ErrorType": error.code}, body

    def _operate(self, here: RegionalXRay, request: Request) -> dict[str, Any]:
        operation = self._operations.get(request.path) if request.method == "POST" else None
        if operation is None:
            raise XRayError(f"Unknown operation: {request.method} {request.path}")
        try:
            asked = json.loads(request.body or b"{}")
        except ValueError as error:
            raise XRayError("The request body is not valid JSON.") from error
        return here.run(operation.name, asked)

    def _take_spans(self, here: RegionalXRay, request: Request) -> Response:
        if not here.settings.spans_go_to_logs:
            raise XRayError("The OTLP API is supported with CloudWatch Logs as a Trace Segment Destination.")
        body = request.body
        if request.headers.get("content-encoding") == "gzip":
            try:
                body = gzip.decompress(body)
            except (OSError, EOFError, zlib.error) as error:
                raise XRayError("The request body is not valid gzip.") from error
        if len(body) > MAX_OTLP_BYTES:
            raise XRayError(f"The request body is larger than {MAX_OTLP_BYTES} bytes.")
        in_json = request.headers.get("content-type", "").startswith("application/json")
        spans = ExportTraceServiceRequest()
        try:
            if in_json:
                read_json(body, spans)
            else:
                spans.ParseFromString(body)
        except (DecodeError, ValueError) as error:
            raise XRayError("The request body is not a valid OTLP export request.") from error
        count = sum(1 for _ in _otlp.spans(spans))
        if count > MAX_OTLP_SPANS:
            raise XRayError(f"A request can hold up to {MAX_OTLP_SPANS} spans, got {count}.")
        answer = ExportTraceServiceResponse()
        for span, resource in _otlp.spans(spans):
            if span.ByteSize() > MAX_OTLP_SPAN_BYTES:
                answer.partial_success.rejected_spans += 1
                answer.partial_success.error_message = f"A span can have up to {MAX_OTLP_SPAN_BYTES} bytes."
                continue
            if unfit := here.traces.put(*segments(_otlp.to_translate(span, resource))):
                answer.partial_success.rejected_spans += 1
                answer.partial_success.error_message = f"A span is not one that X-Ray takes: {unfit.reason}"
        if in_json:
            return 200, {"content-type": "application/json"}, json_format.MessageToJson(answer).encode()
        return 200, {"content-type": "application/x-protobuf"}, answer.SerializeToString()


def _json(status: int, body: dict[str, Any]) -> Response:
    return status, {"content-type": "application/json"}, json.dumps(body).encode()
