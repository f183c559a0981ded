"""From OpenTelemetry spans to X-Ray segment documents, by the rules of the collector's ``awsxray`` exporter.

The rules are those of
https://github.com/open-telemetry/opentelemetry-collector-contrib/tree/main/exporter/awsxrayexporter: a server span,
or one without a parent, is a segment; any other is a subsegment that is sent on its own.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Any

from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from raytrail.localaws._xray._causes import exceptions
from raytrail.localaws._xray._documents import Document, fit_name
from raytrail.localaws._xray._header import new_segment_id

Attributes = dict[str, Any]

_ORIGINS = {
    "aws_ec2": "AWS::EC2::Instance",
    "aws_ecs": "AWS::ECS::Container",
    "aws_eks": "AWS::EKS::Container",
    "aws_elastic_beanstalk": "AWS::ElasticBeanstalk::Environment",
    "aws_app_runner": "AWS::AppRunner::Service",
}
_ECS_ORIGINS = {"ec2": "AWS::ECS::EC2", "fargate": "AWS::ECS::Fargate"}
_CALLS = (Span.SPAN_KIND_CLIENT, Span.SPAN_KIND_PRODUCER, Span.SPAN_KIND_CONSUMER)
_INDEXED = "aws.xray.annotations"
"""The span attribute that names those to index."""


def documents(request: ExportTraceServiceRequest) -> Iterator[Document]:
    """Each span of an export request as a segment document, in the order of the request."""
    for group in request.resource_spans:
        resource = _attributes(group.resource.attributes)
        for scope in group.scope_spans:
            for span in scope.spans:
                yield document(span, resource)


def document(span: Span, resource: Mapping[str, Any]) -> Document:
    """One span as a segment, or as a subsegment on its own."""
    # What a block of the document has taken is gone from here; what remains becomes metadata.
    left = _attributes(span.attributes)
    attributes = dict(left)
    is_segment = span.kind == Span.SPAN_KIND_SERVER or not span.parent_span_id
    is_segment = is_segment or attributes.get("aws.span.kind") == "LOCAL_ROOT"
    http = _http(span, left)
    aws = _aws(left, resource)
    indexed = set(left.pop(_INDEXED, ()))
    user = left.pop("enduser.id", None)
    metadata = {key: value for key, value in left.items() if key not in indexed}
    if is_segment:
        metadata |= {f"otel.resource.{key}": value for key, value in resource.items()}
    made: Document = {
        "id": span.span_id.hex(),
        "trace_id": trace_id(span.trace_id),
        "name": fit_name(_name(span, attributes, resource)),
        "start_time": span.start_time_unix_nano / 1e9,
        "end_time": span.end_time_unix_nano / 1e9,
        "parent_id": span.parent_span_id.hex(),
        "user": user,
        "http": http,
        "aws": aws,
        "annotations": {
            key: value for key, value in attributes.items() if key in indexed and isinstance(value, str | int | float)
        },
        "metadata": {"default": metadata} if metadata else {},
        **_errors(span, attributes, resource),
    }
    if is_segment:
        made["origin"] = _origin(resource)
        made["service"] = {"version": resource["service.version"]} if "service.version" in resource else {}
    else:
        made["type"] = "subsegment"
        made["namespace"] = _namespace(span, attributes)
    return {key: value for key, value in made.items() if value not in (None, "", {}, [])}


def trace_id(raw: bytes) -> str:
    """A trace ID of OpenTelemetry as X-Ray writes it."""
    text = raw.hex()
    return f"1-{text[:8]}-{text[8:]}"


def _name(span: Span, attributes: Attributes, resource: Mapping[str, Any]) -> str:
    # X-Ray names a segment after the service; a span is named after the operation.
    if span.kind == Span.SPAN_KIND_SERVER or attributes.get("aws.span.kind") == "LOCAL_ROOT":
        first = attributes.get("aws.local.service")
    elif span.kind in _CALLS and "aws.remote.service" in attributes:
        first = str(attributes["aws.remote.service"])
        if attributes.get("rpc.system") == "aws-api":
            first = first.removeprefix("AWS.SDK.").removeprefix("AWS::")
    else:
        first = None
    server = resource.get("service.name") if span.kind == Span.SPAN_KIND_SERVER else None
    names = ("peer.service", "aws.service", "db.name")
    fallbacks = ("rpc.service", "http.host", "net.peer.name", "server.address")
    candidates = [
        first,
        *(attributes.get(key) for key in names),
        server,
        *(attributes.get(key) for key in fallbacks),
        span.name,
    ]
    return str(next((name for name in candidates if name), ""))


def _namespace(span: Span, attributes: Attributes) -> str | None:
    if attributes.get("rpc.system") == "aws-api" or "aws.service" in attributes:
        return "aws"
    called = span.kind == Span.SPAN_KIND_CLIENT or (span.kind in _CALLS and "aws.remote.service" in attributes)
    return "remote" if called else None


def _origin(resource: Mapping[str, Any]) -> str | None:
    if resource.get("cloud.provider", "aws") != "aws":
        return None
    if resource.get("cloud.platform") == "aws_ecs":
        return _ECS_ORIGINS.get(str(resource.get("aws.ecs.launchtype", "")).lower(), _ORIGINS["aws_ecs"])
    return _ORIGINS.get(resource.get("cloud.platform", ""))


def _http(span: Span, left: Attributes) -> Document:
    def take(*keys: str) -> Any:
        values = [left.pop(key, None) for key in keys]
        return next((value for value in values if value is not None), None)

    request: Document = {
        "method": take("http.request.method", "http.method"),
        "user_agent": take("user_agent.original", "http.user_agent"),
        "client_ip": take("client.address", "http.client_ip"),
        "url": take("url.full", "http.url"),
    }
    if request["client_ip"]:
        request["x_forwarded_for"] = True
    if span.kind == Span.SPAN_KIND_SERVER:
        scheme = take("url.scheme", "http.scheme") or "http"
        host = take("http.host", "http.server_name", "net.host.name", "server.address")
        port = take("net.host.port", "server.port")
        target = take("http.target", "url.path")
        if not request["url"] and host and (target or request["method"]):
            standard = {"http": 80, "https": 443}.get(scheme)
            suffix = f":{port}" if port and int(port) != standard and ":" not in host else ""
            request["url"] = f"{scheme}://{host}{suffix}{target or '/'}"
    response: Document = {
        "status": take("http.response.status_code", "http.status_code"),
        "content_length": take("http.response.body.size", "http.response_content_length"),
    }
    parts = {"request": _filled(request), "response": _filled(response)}
    return {key: value for key, value in parts.items() if value}


def _aws(left: Attributes, resource: Mapping[str, Any]) -> Document:
    if resource.get("cloud.provider", "aws") != "aws":
        return {}
    method, operation = left.pop("rpc.method", None), left.pop("aws.operation", None)
    request_ids = [left.pop("aws.request_id", None), left.pop("aws.requestId", None)]
    queues = [left.pop(key, None) for key in ("messaging.url", "aws.queue.url", "aws.queue_url")]
    tables = left.pop("aws.dynamodb.table_names", None) or left.pop("aws.table.name", None)
    tables = [tables] if isinstance(tables, str) else list(tables or ())
    groups = resource.get("aws.log.group.names") or ()
    groups = groups.split("&") if isinstance(groups, str) else groups
    language = resource.get("telemetry.sdk.language")
    sdk = resource.get("telemetry.sdk.name")
    return _filled(
        {
            "account_id": left.pop("aws.account_id", None) or resource.get("cloud.account.id"),
            "operation": operation or method,
            "region": left.pop("aws.region", None),
            "request_id": next(filter(None, request_ids), None),
            "queue_url": next(filter(None, queues), None),
            "table_name": tables[0] if len(tables) == 1 else None,
            "table_names": tables if len(tables) > 1 else None,
            "cloudwatch_logs": [{"log_group": group} for group in groups if group],
            "xray": _filled(
                {
                    "sdk": f"{sdk} for {language}" if sdk and language else sdk,
                    "sdk_version": resource.get("telemetry.sdk.version"),
                    "auto_instrumentation": "telemetry.auto.version" in resource,
                }
            ),
        }
    )


def _errors(span: Span, attributes: Attributes, resource: Mapping[str, Any]) -> Document:
    status = int(attributes.get("http.status_code") or attributes.get("http.response.status_code") or 0)
    failed = span.status.code == Status.STATUS_CODE_ERROR
    flags: Document = {}
    if 400 <= status < 500:
        flags["error"] = True
        if status == 429:
            flags["throttle"] = True
    elif 500 <= status < 600 or failed:
        flags["fault"] = True
    chain: list[Document] = []
    for event in span.events:
        if event.name == "exception":
            said = _attributes(event.attributes)
            python = resource.get("telemetry.sdk.language") == "python"
            chain += exceptions(
                str(said.get("exception.type", "")),
                str(said.get("exception.message", "")),
                str(said.get("exception.stacktrace", "")) if python else "",
                remote=span.kind in (Span.SPAN_KIND_CLIENT, Span.SPAN_KIND_PRODUCER),
            )
    if not chain and failed and span.status.message:
        chain = [{"id": new_segment_id(), "message": span.status.message}]
    if chain:
        flags["cause"] = {"exceptions": chain}
    return flags


def _filled(block: Document) -> Document:
    return {key: value for key, value in block.items() if value not in (None, "", [], {})}


def _attributes(pairs: Any) -> Attributes:
    found: Attributes = {}
    pair: KeyValue
    for pair in pairs:
        found[pair.key] = _value(pair.value)
    return found


def _value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return _attributes(value.kvlist_value.values)
    if kind == "bytes_value":
        return value.bytes_value.hex()
    return getattr(value, kind) if kind else None


def read_json(body: bytes) -> ExportTraceServiceRequest:
    """An export request in OTLP's JSON, where IDs are hexadecimal and not base64 as in other protobuf JSON.

    Raises:
        ValueError: The body is no such JSON.
    """

    def with_base64_ids(node: Any) -> Any:
        if isinstance(node, dict):
            return {
                key: base64.b64encode(bytes.fromhex(value)).decode()
                if key in ("traceId", "spanId", "parentSpanId") and isinstance(value, str)
                else with_base64_ids(value)
                for key, value in node.items()
            }
        return [with_base64_ids(item) for item in node] if isinstance(node, list) else node

    try:
        request: ExportTraceServiceRequest = json_format.ParseDict(
            with_base64_ids(json.loads(body)), ExportTraceServiceRequest(), ignore_unknown_fields=True
        )
    except (json_format.ParseError, ValueError) as error:
        raise ValueError(f"not an OTLP export request in JSON: {error}") from error
    return request
