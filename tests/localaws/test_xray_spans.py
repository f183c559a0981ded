"""What OpenTelemetry spans become, held against what the collector's ``awsxray`` exporter makes of them.

A test that names a test of the exporter has its attributes and its expectations from there
(exporter/awsxrayexporter/internal/translator/*_test.go in open-telemetry/opentelemetry-collector-contrib).
"""

from __future__ import annotations

import io
import json
import secrets
import time
import uuid
import zipfile
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from raytrail.localaws import LocalAws
from raytrail.localaws._xray import _otlp
from raytrail.localaws._xray._documents import first_problem
from raytrail.localaws._xray._graph import services
from raytrail.localaws._xray._span_segments import segments
from raytrail.localaws._xray._summaries import summarize
from raytrail.localaws._xray._traces import Traces
from raytrail.traces import Trace

Json = dict[str, Any]

SERVER, CLIENT, INTERNAL = Span.SPAN_KIND_SERVER, Span.SPAN_KIND_CLIENT, Span.SPAN_KIND_INTERNAL
PRODUCER, CONSUMER = Span.SPAN_KIND_PRODUCER, Span.SPAN_KIND_CONSUMER
LOCAL_ROOT = {"aws.span.kind": "LOCAL_ROOT", "aws.local.service": "shop"}

# The published schema is older than annotations with dots in their keys, which AWS's page on filter expressions knows.
TEXT = (Path(__file__).parent / "printed" / "segment_schema.json").read_text()
PUBLISHED = json.loads(TEXT.replace("^[a-zA-Z0-9_]{1,500}$", "^[a-zA-Z0-9_.]{1,500}$"))["schema"]
AS_SEGMENT = jsonschema.Draft4Validator(PUBLISHED)
AS_SUBSEGMENT = jsonschema.Draft4Validator(
    {**PUBLISHED["definitions"]["subsegment"], "definitions": PUBLISHED["definitions"]}
)


def value_of(value: Any) -> AnyValue:
    if isinstance(value, list):
        return AnyValue(array_value=ArrayValue(values=[value_of(item) for item in value]))
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, int):
        return AnyValue(int_value=value)
    if isinstance(value, float):
        return AnyValue(double_value=value)
    return AnyValue(string_value=value)


def pairs(attributes: Json) -> list[KeyValue]:
    return [KeyValue(key=key, value=value_of(value)) for key, value in attributes.items()]


def span(kind: Any, attributes: Json | None = None, *, name: str = "GET /{id}", parent: bool = False) -> Span:
    now = time.time_ns()
    made = Span(trace_id=secrets.token_bytes(16), span_id=secrets.token_bytes(8), name=name, kind=kind)
    made.parent_span_id = secrets.token_bytes(8) if parent else b""
    made.start_time_unix_nano, made.end_time_unix_nano = now, now + 5_000_000
    made.attributes.extend(pairs(attributes or {}))
    return made


def failed(made: Span, message: str = "") -> Span:
    made.status.code, made.status.message = Status.STATUS_CODE_ERROR, message
    return made


def translated(made: Span, resource: Json | None = None) -> list[Json]:
    """The documents of a span, each held against the schema that AWS publishes and against ours."""
    documents = segments(_otlp.to_translate(made, resource or {}))
    for document in documents:
        assert first_problem(document) is None
        AS_SEGMENT.validate(document)
        if document.get("type") == "subsegment":
            AS_SUBSEGMENT.validate(document)
    return documents


def one(made: Span, resource: Json | None = None) -> Json:
    (document,) = translated(made, resource)
    return document


def test_the_published_schema_tells_a_good_document_from_a_bad_one() -> None:
    good = one(span(SERVER))
    for change in ({"name": "a|b"}, {"start_time": "now"}, {"annotations": {"a": [1]}}, {"metadata": {"a": 1}}):
        assert not AS_SEGMENT.is_valid(good | change)


# Attributes that are read, with values that nobody expects of them.
READ = [
    "aws.dynamodb.table_names",
    "aws.log.group.arns",
    "aws.log.group.names",
    "aws.operation",
    "aws.queue_url",
    "aws.span.kind",
    "aws.xray.annotations",
    "aws.xray.metadata.x",
    "client.address",
    "cloud.account.id",
    "cloud.platform",
    "db.connection_string",
    "db.name",
    "db.statement",
    "db.system",
    "enduser.id",
    "host.id",
    "http.method",
    "http.response.status_code",
    "http.scheme",
    "http.status_code",
    "http.url",
    "message.type",
    "messaging.message_payload_size_bytes",
    "net.host.name",
    "peer.service",
    "rpc.method",
    "rpc.system",
    "server.address",
    "server.port",
    "service.instance.id",
    "service.name",
    "service.version",
    "url.full",
    "url.path",
    "user_agent.original",
]
STRANGE = st.dictionaries(
    st.sampled_from(READ),
    st.one_of(
        st.sampled_from(["", "x", "http://[", "aws-api", "mysql", "RECEIVED", "LOCAL_ROOT", '{"a": 1}']),
        st.booleans(),
        st.integers(-(2**63), 2**63 - 1),
        st.floats(),
        st.text(),
        st.lists(st.sampled_from(["x", 1, ""])),
    ),
    max_size=12,
)


@given(attributes=STRANGE, resource=STRANGE, kind=st.sampled_from([SERVER, CLIENT, INTERNAL, PRODUCER, CONSUMER]))
def test_no_span_is_too_strange_to_be_kept_and_looked_at_or_refused(
    attributes: Json, resource: Json, kind: Any
) -> None:
    traces = Traces()
    traces.put(*segments(_otlp.to_translate(failed(span(kind, attributes)), resource)))
    for trace in traces.select(lambda trace: True):
        json.dumps([summarize(trace, "111122223333"), services([trace], "111122223333")], allow_nan=False)


# Segments and subsegments


def test_a_server_span_is_a_segment_named_after_its_service() -> None:
    attributes = {"http.method": "GET", "http.target": "/a", "net.host.name": "shop.example", "tenant": "7"}
    resource = {"service.name": "shop", "cloud.platform": "aws_ecs", "aws.ecs.launchtype": "fargate"}
    document = one(span(SERVER, attributes | {"http.status_code": 404}), resource)
    assert (document["name"], document["origin"]) == ("shop", "AWS::ECS::Fargate")
    assert document["http"]["request"] == {"method": "GET", "url": "http://shop.example/a"}
    assert (document["error"], "fault" in document, "type" in document) == (True, False, False)
    assert document["metadata"]["default"] == {
        "tenant": "7",
        **{f"otel.resource.{key}": value for key, value in resource.items()},
    }


DYNAMODB = {
    "http.method": "POST",
    "http.scheme": "https",
    "http.host": "dynamodb.us-east-1.amazonaws.com",
    "http.target": "/",
    "aws.request_id": "18BO1FEPJSSAOGNJEDPTPCMIU7VV4KQNSO5AEMVJF66Q9ASUAAJG",
    "aws.table_name": "otel-dev-Testing",
}


@pytest.mark.parametrize(
    "attributes",
    [
        {"rpc.system": "aws-api", "rpc.service": "DynamoDB", "rpc.method": "GetItem"},
        {"aws.service": "DynamoDB", "rpc.method": "IncorrectAWSSDKOperation", "aws.operation": "GetItem"},
    ],
    ids=["TestClientSpanWithRpcAwsSdkClientAttributes", "TestClientSpanWithLegacyAwsSdkClientAttributes"],
)
def test_a_call_of_aws_is_a_subsegment_with_what_was_called(attributes: Json) -> None:
    document = one(span(CLIENT, DYNAMODB | attributes, name="AmazonDynamoDB.getItem", parent=True))
    assert (document["name"], document["namespace"], document["type"]) == ("DynamoDB", "aws", "subsegment")
    assert (document["aws"]["operation"], document["aws"]["table_name"]) == ("GetItem", "otel-dev-Testing")
    assert document["http"]["request"]["url"] == "https://dynamodb.us-east-1.amazonaws.com/"
    assert "user" not in document


def test_the_peer_service_names_a_call_before_the_aws_service_does() -> None:
    """TestClientSpanWithPeerService."""
    attributes = {"peer.service": "cats-table", "aws.service": "DynamoDB", "aws.operation": "GetItem"}
    assert one(span(CLIENT, DYNAMODB | attributes, parent=True))["name"] == "cats-table"


@pytest.mark.parametrize(
    ("more", "name"),
    [({"http.host": "foo.com"}, "foo.com"), ({}, "bar.com"), ({"rpc.service": "com.foo.Animals"}, "com.foo.Animals")],
    ids=["TestClientSpanWithHttpHost", "TestClientSpanWithoutHttpHost", "TestClientSpanWithRpcHost"],
)
def test_a_call_is_named_after_its_service_or_else_its_host(more: Json, name: str) -> None:
    attributes = {"http.method": "GET", "http.scheme": "https", "net.peer.ip": "2607:f8b0:4000:80c::2004"}
    attributes |= {"net.peer.port": "9443", "http.target": "/", "net.peer.name": "bar.com"}
    assert one(span(CLIENT, attributes | more, name="GET /", parent=True))["name"] == name


def test_a_span_without_a_parent_is_a_segment_whatever_its_kind() -> None:
    """TestSpanNoParentId."""
    document = one(span(PRODUCER, name="my-topic send"))
    assert ("parent_id" in document, "type" in document, document["name"]) == (False, False, "my-topic send")


def test_work_of_ones_own_is_a_subsegment_of_no_namespace() -> None:
    own = one(span(INTERNAL, parent=True))
    assert (own["type"], "namespace" in own, own["name"]) == ("subsegment", False, "GET /id")


@pytest.mark.parametrize(
    ("name", "fit"),
    [
        ("EP @ test_15.testing-d\u00f6main.org#GO", "EP @ test_15.testing-d\u00f6main.org#GO"),
        ("<subDomain>.example.com", "subDomain.example.com"),
        ("<>", "span"),
    ],
)
def test_a_name_loses_what_x_ray_refuses(name: str, fit: str) -> None:
    """TestFixSegmentName."""
    assert one(span(INTERNAL, name=name, parent=True))["name"] == fit


def test_a_call_that_is_the_first_span_of_its_process_is_the_services_segment_and_the_call_in_it() -> None:
    attributes: Json = {**LOCAL_ROOT, "rpc.system": "aws-api", "rpc.method": "SendMessage", "aws.region": "us-east-1"}
    attributes |= {"aws.remote.service": "AWS.SDK.SQS", "http.url": "https://sqs.us-east-1.amazonaws.com/", "n": 1}
    made = span(PRODUCER, attributes, parent=True)
    call, service = translated(made, {"service.name": "ignored"})
    assert (call["id"], call["type"], call["name"], call["namespace"]) == (
        made.span_id.hex(),
        "subsegment",
        "SQS",
        "aws",
    )
    assert (service["name"], service["parent_id"]) == ("shop", made.parent_span_id.hex())
    assert call["parent_id"] == service["id"] != call["id"]
    assert not {"type", "namespace", "http"} & service.keys()
    assert not {"operation", "region"} & service["aws"].keys()
    assert call["aws"].items() >= {"operation": "SendMessage", "region": "us-east-1"}.items()
    assert call["metadata"]["default"]["n"] == 1
    assert "metadata" not in service
    trace = Trace.from_documents([call, service])
    assert [(edge.source.name, edge.target.type) for edge in trace.edges] == [("shop", "AWS::SQS")]


@pytest.mark.parametrize("kind", [SERVER, INTERNAL])
def test_the_first_span_of_a_process_that_calls_nobody_is_one_segment(kind: Any) -> None:
    document = one(span(kind, LOCAL_ROOT, parent=True))
    assert (document["name"], "type" in document, "namespace" in document) == ("shop", False, False)


def test_the_link_of_a_consumer_is_kept_by_the_service_and_not_by_the_call() -> None:
    def linked(kind: Any) -> Span:
        made = span(kind, LOCAL_ROOT, parent=True)
        made.links.add(trace_id=bytes.fromhex("4efaaf4d1e8720b39541901950019ee5"), span_id=b"12345678")
        made.links[0].attributes.extend(pairs({"kind": "queue"}))
        return made

    link = {
        "trace_id": "1-4efaaf4d-1e8720b39541901950019ee5",
        "id": b"12345678".hex(),
        "attributes": {"kind": "queue"},
    }
    assert [document.get("links") for document in translated(linked(CONSUMER))] == [None, [link]]
    assert [document.get("links") for document in translated(linked(PRODUCER))] == [[link], None]


# HTTP

JUNIT = "https://api.example.com/users/junit"
KB234 = "http://kb234.example.com:8080/users/junit"


@pytest.mark.parametrize(
    ("kind", "attributes", "url"),
    [
        (CLIENT, {"http.method": "GET", "http.url": JUNIT}, JUNIT),
        (CLIENT, {"http.request.method": "GET", "url.full": JUNIT}, JUNIT),
        (CLIENT, {"http.scheme": "https", "http.host": "api.example.com", "http.target": "/users/junit"}, JUNIT),
        (CLIENT, {"url.scheme": "https", "http.host": "api.example.com"}, "https://api.example.com/"),
        (
            CLIENT,
            {"http.scheme": "http", "net.peer.name": "kb234.example.com", "net.peer.port": 8080, "http.target": "/a"},
            "http://kb234.example.com:8080/a",
        ),
        (
            CLIENT,
            {"http.scheme": "http", "net.peer.ip": "10.8.17.36", "net.peer.port": "8080", "http.target": "/a"},
            "http://10.8.17.36:8080/a",
        ),
        (
            SERVER,
            {"http.scheme": "https", "http.server_name": "api.example.com", "net.host.port": 443, "http.target": "/a"},
            "https://api.example.com/a",
        ),
        (
            SERVER,
            {"url.scheme": "https", "server.address": "api.example.com", "url.path": "/users/junit"},
            JUNIT,
        ),
        (
            SERVER,
            {
                "http.scheme": "http",
                "host.name": "kb234.example.com",
                "net.host.port": 8080,
                "http.target": "/users/junit",
            },
            KB234,
        ),
        (
            SERVER,
            {
                "url.scheme": "http",
                "server.address": "kb234.example.com",
                "server.port": 8080,
                "url.path": "/users/junit",
            },
            KB234,
        ),
        (SERVER, {"http.method": "GET", "http.scheme": "http", "http.target": "/a", "net.host.port": 443}, None),
        (SERVER, {"http.request.method": "GET", "url.scheme": "http", "url.path": "/a", "server.port": 443}, None),
    ],
    ids=[
        "TestClientSpanWithURLAttribute",
        "TestClientSpanWithURLAttributeStable",
        "TestClientSpanWithSchemeHostTargetAttributes",
        "TestClientSpanWithSchemeHostTargetAttributesStable",
        "TestClientSpanWithPeerAttributes",
        "TestClientSpanWithPeerIp4Attributes",
        "TestServerSpanWithSchemeServernamePortTargetAttributes",
        "TestServerSpanWithSchemeHostTargetAttributesStable",
        "TestServerSpanWithSchemeNamePortTargetAttributes",
        "TestServerSpanWithSchemeNamePortTargetAttributesStable",
        "TestSpanWithNotEnoughHTTPRequestURLAttributes",
        "TestSpanWithNotEnoughHTTPRequestURLAttributesStable",
    ],
)
def test_the_url_is_put_together_from_what_old_and_new_conventions_say(
    kind: Any, attributes: Json, url: str | None
) -> None:
    document = one(span(kind, attributes, parent=kind == CLIENT))
    assert document.get("http", {}).get("request", {}).get("url") == url


@pytest.mark.parametrize(
    "attributes",
    [
        {"http.url": JUNIT, "http.client_ip": "1.2.3.4", "net.peer.ip": "10.8.17.36"},
        {"url.full": JUNIT, "client.address": "1.2.3.4", "network.peer.address": "10.8.17.36"},
    ],
    ids=["TestClientSpanWithHttpPeerAttributes", "TestClientSpanWithHttpPeerAttributesStable"],
)
def test_what_a_header_says_of_the_client_comes_before_the_address_of_the_connection(attributes: Json) -> None:
    request = one(span(CLIENT, attributes, parent=True))["http"]["request"]
    assert (request["client_ip"], request["x_forwarded_for"]) == ("1.2.3.4", True)
    without = {key: value for key, value in attributes.items() if key not in ("http.client_ip", "client.address")}
    request = one(span(CLIENT, without, parent=True))["http"]["request"]
    assert (request["client_ip"], "x_forwarded_for" in request) == ("10.8.17.36", False)


def test_the_size_of_the_answer_is_that_of_the_message_received() -> None:
    made = span(SERVER, {"http.status_code": 200, "http.host": "a"})
    for kind, size in (("SENT", 7), ("RECEIVED", 12_452)):
        said = {"message.type": kind, "messaging.message_payload_size_bytes": size}
        made.events.add(name="message").attributes.extend(pairs(said))
    assert one(made)["http"]["response"] == {"status": 200, "content_length": 12_452}


# Databases

STATEMENT = "call update_user_preference( ?, ?, ? )"


def test_a_query_is_named_after_database_and_host_and_has_the_statement() -> None:
    """TestClientSpanWithDbComponent."""
    attributes = {"db.system": "mysql", "db.name": "customers", "db.statement": STATEMENT, "db.user": "userprefsvc"}
    attributes |= {"db.connection_string": "mysql://db.dev.example.com:3306", "net.peer.name": "db.dev.example.com"}
    attributes |= {"net.peer.port": "3306", "enterprise.app.id": "25F2E73B"}
    document = one(span(CLIENT, attributes, name=STATEMENT, parent=True))
    assert (document["name"], document["namespace"]) == ("customers@db.dev.example.com", "remote")
    assert document["sql"] == {
        "url": STATEMENT,
        "connection_string": "mysql://db.dev.example.com:3306/customers",
        "database_type": "mysql",
        "user": "userprefsvc",
        "sanitized_query": STATEMENT,
    }
    assert document["metadata"]["default"] == {"enterprise.app.id": "25F2E73B"}
    assert not {"http", "cause", "fault", "error", "annotations"} & document.keys()
    assert [node.type for node in Trace.from_documents([document]).services] == ["Database::SQL"]


def test_a_database_that_says_no_address_is_taken_to_be_here() -> None:
    """TestClientSpanWithoutDBurlAttribute."""
    attributes = {"db.system": "postgresql", "db.name": "customers", "db.statement": "SELECT 1", "db.user": "reader"}
    document = one(span(CLIENT, attributes, parent=True))
    assert (document["sql"]["connection_string"], document["name"]) == ("localhost/customers", "customers")


def test_a_database_of_no_sql_keeps_its_attributes_as_metadata() -> None:
    """TestClientSpanWithNonSQLDatabase."""
    attributes = {"db.system": "redis", "db.name": "0", "db.statement": "SET key value"}
    document = one(span(CLIENT, attributes, parent=True))
    assert ("sql" in document, document["metadata"]["default"]) == (False, attributes)


def test_a_query_may_be_told_in_the_newer_conventions() -> None:
    attributes = {"db.system.name": "microsoft.sql_server", "db.namespace": "customers", "db.query.text": "SELECT 1"}
    document = one(span(CLIENT, attributes | {"server.address": "db.example"}, name="SELECT", parent=True))
    assert document["sql"] == {
        "url": "SELECT",
        "connection_string": "db.example/customers",
        "database_type": "mssql",
        "sanitized_query": "SELECT 1",
    }


# Failures


@pytest.mark.parametrize("convention", ["http.status_code", "http.response.status_code"])
@pytest.mark.parametrize(
    ("status", "says_failed", "flags"),
    [
        (200, False, set()),
        (302, True, {"fault"}),
        (404, True, {"error"}),
        (429, True, {"error", "throttle"}),
        (500, False, {"fault"}),
        (599, False, {"fault"}),
        (None, True, {"fault"}),
        (None, False, set()),
    ],
)
def test_the_status_code_says_whose_fault_it_is_and_the_span_only_where_there_is_none(
    convention: str, status: int | None, says_failed: bool, flags: set[str]
) -> None:
    made = span(SERVER, {} if status is None else {convention: status})
    document = one(failed(made) if says_failed else made)
    assert {"fault", "error", "throttle"} & document.keys() == flags


def test_a_failed_span_is_a_fault_with_the_chain_of_its_exceptions() -> None:
    traceback = (
        'Traceback (most recent call last):\n  File "app.py", line 3, in find\n    return orders[id]\n'
        "KeyError: 'a'\n\nDuring handling of the above exception, another exception occurred:\n\n"
        'Traceback (most recent call last):\n  File "app.py", line 9, in handler\n    find(id)\n'
        '  File "app.py", line 5, in find\n    raise Missing(id)\nMissing: a\n'
    )
    made = failed(span(SERVER))
    said = {"exception.type": "Missing", "exception.message": "a", "exception.stacktrace": traceback}
    made.events.add(name="exception").attributes.extend(pairs(said))
    document = one(made, {"telemetry.sdk.language": "python"})
    first, cause = document["cause"]["exceptions"]
    assert document["fault"] is True
    assert (first["type"], first["message"], first["cause"]) == ("Missing", "a", cause["id"])
    assert [frame["line"] for frame in first["stack"]] == [5, 9]
    assert (cause["type"], cause["message"], cause["stack"][0]["label"]) == ("KeyError", "'a'", "find")


def test_each_failed_try_of_an_aws_call_is_an_exception_of_its_own() -> None:
    made = span(CLIENT, {"rpc.system": "aws-api"}, parent=True)
    event = made.events.add(name="HTTP request failure", time_unix_nano=1_700_000_000_000_000_000)
    event.attributes.extend(pairs({"http.response.status_code": 503, "aws.http.error_message": "slow down"}))
    (exception,) = one(made)["cause"]["exceptions"]
    assert exception.items() >= {"type": "aws.http.error.event", "remote": True}.items()
    assert exception["message"] == "503@1700000000.000000@slow down"


def test_a_failure_without_an_exception_is_told_by_its_message() -> None:
    (exception,) = one(failed(span(SERVER), "no stock"))["cause"]["exceptions"]
    assert exception["message"] == "no stock"
    (exception,) = one(failed(span(SERVER, {"http.status_text": "teapot"})))["cause"]["exceptions"]
    assert exception["message"] == "teapot"


# Annotations and metadata


def test_nothing_is_indexed_but_what_the_span_names() -> None:
    """TestSpanWithAttributesDefaultNotIndexed."""
    attributes = {"aws.xray.annotations": ["tenant", "otel.resource.team", "many"], "tenant": "7", "many": ["a"]}
    document = one(span(SERVER, attributes | {"other": True}), {"team": "blue", "zone": 1})
    assert document["annotations"] == {"tenant": "7", "otel.resource.team": "blue"}
    assert document["metadata"]["default"] == {"other": True, "otel.resource.zone": 1}


def test_the_key_of_an_annotation_loses_what_x_ray_refuses_and_keeps_its_dots() -> None:
    """TestFixAnnotationKey, with the exporter's default since 0.97."""
    made = span(SERVER, {"aws.xray.annotations": ["Key_1", "Key@1"], "Key_1": 1, "Key@1": 2.5})
    assert one(made)["annotations"] == {"Key_1": 2.5}
    assert one(span(SERVER, {"aws.xray.annotations": ["a.b"], "a.b": "c"}))["annotations"] == {"a.b": "c"}


def test_metadata_may_be_given_a_namespace_as_json() -> None:
    attributes = {
        "aws.xray.metadata.orders": '{"a": {"b": 1}}',
        "aws.xray.metadata.default": '{"c": 2}',
        "aws.xray.metadata.bad": "{",
    }
    assert one(span(INTERNAL, attributes, parent=True))["metadata"] == {
        "orders": {"a": {"b": 1}},
        "default": {"c": 2, "aws.xray.metadata.bad": "{"},
    }


def test_the_user_of_a_request_is_told_and_is_no_metadata() -> None:
    document = one(span(SERVER, {"enduser.id": "ada"}))
    assert (document["user"], "metadata" in document) == ("ada", False)


# Where it ran


@pytest.mark.parametrize(
    ("resource", "origin", "block"),
    [
        (
            {"cloud.platform": "aws_ec2", "host.id": "i-1", "cloud.availability_zone": "us-east-1a"},
            "AWS::EC2::Instance",
            {"ec2": {"instance_id": "i-1", "availability_zone": "us-east-1a"}},
        ),
        (
            {"cloud.platform": "aws_ecs", "container.name": "web", "aws.ecs.task.family": "shop"},
            "AWS::ECS::Container",
            {"ecs": {"container": "web", "task_family": "shop"}},
        ),
        (
            {"cloud.platform": "aws_elastic_beanstalk", "service.namespace": "dev", "service.instance.id": "32"},
            "AWS::ElasticBeanstalk::Environment",
            {"elastic_beanstalk": {"environment_name": "dev", "deployment_id": 32}},
        ),
        (
            {"cloud.platform": "aws_eks", "k8s.cluster.name": "c1", "k8s.pod.name": "p1"},
            "AWS::EKS::Container",
            {"eks": {"cluster_name": "c1", "pod": "p1"}},
        ),
        ({"cloud.platform": "aws_lambda"}, None, {}),
        ({"cloud.provider": "gcp", "cloud.platform": "aws_ec2"}, None, None),
    ],
)
def test_the_resource_says_what_a_service_runs_on(resource: Json, origin: str | None, block: Json | None) -> None:
    document = one(span(SERVER), resource)
    assert document.get("origin") == origin
    if block is None:
        assert "aws" not in document
    else:
        assert {key: value for key, value in document["aws"].items() if key != "xray"} == block


def test_log_groups_are_told_by_arn_or_else_by_name() -> None:
    arn = "arn:aws:logs:us-east-1:123456789012:log-group:/shop"
    named = {"aws.log.group.names": "/a&/b"}
    assert one(span(SERVER), named)["aws"]["cloudwatch_logs"] == [{"log_group": "/a"}, {"log_group": "/b"}]
    both = {**named, "aws.log.group.arns": [arn]}
    assert one(span(SERVER), both)["aws"]["cloudwatch_logs"] == [{"arn": arn, "log_group": "/shop"}]


def test_the_sdk_is_told_as_x_ray_has_it() -> None:
    resource = {
        "telemetry.sdk.name": "opentelemetry",
        "telemetry.sdk.language": "python",
        "telemetry.auto.version": "1",
    }
    assert one(span(SERVER), resource | {"telemetry.sdk.version": "1.33"})["aws"]["xray"] == {
        "sdk": "opentelemetry for python",
        "sdk_version": "1.33",
        "auto_instrumentation": True,
    }


# Too much for one datagram

LAYER = "arn:aws:lambda:us-east-1:615299751070:layer:AWSOpenTelemetryDistroPython:29"
HANDLER = """
from opentelemetry import trace

def handler(event, context):
    tracer = trace.get_tracer("orders")
    with tracer.start_as_current_span("work") as span:
        span.set_attribute("body", "x" * event["bytes"])
    return {"answered": True}
"""


@pytest.fixture(scope="module")
def function(local_aws: LocalAws) -> str:
    """A traced function with AWS's OpenTelemetry distribution, whose span has as many bytes as its event says."""
    name = f"large-{uuid.uuid4().hex[:8]}"
    iam = local_aws.client("iam")
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    for policy in ("service-role/AWSLambdaBasicExecutionRole", "AWSXRayDaemonWriteAccess"):
        iam.attach_role_policy(RoleName=name, PolicyArn=f"arn:aws:iam::aws:policy/{policy}")
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("app.py", HANDLER)
    local_aws.client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.13",
        Handler="app.handler",
        Role=role,
        Code={"ZipFile": code.getvalue()},
        Layers=[LAYER],
        Timeout=10,
        TracingConfig={"Mode": "Active"},
        Environment={"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/otel-instrument"}},
    )
    return name


def invoke(aws: LocalAws, function: str, size: int) -> tuple[Json, str]:
    """The function's answer, and the ID of its trace, which is sampled."""
    trace_id = f"1-{int(time.time()):08x}-{secrets.token_hex(12)}"
    client = aws.client("lambda")
    header = f"Root={trace_id};Parent={secrets.token_hex(8)};Sampled=1"
    client.meta.events.register(
        "before-sign.lambda.Invoke", lambda request, **_: request.headers.add_header("X-Amzn-Trace-Id", header)
    )
    answer = client.invoke(FunctionName=function, Payload=json.dumps({"bytes": size}))
    assert "FunctionError" not in answer
    return json.load(answer["Payload"]), trace_id


def logged(aws: LocalAws, function: str, text: str) -> bool:
    for _ in range(100):
        events = aws.client("logs").filter_log_events(logGroupName=f"/aws/lambda/{function}")["events"]
        if any(text in event["message"] for event in events):
            return True
        time.sleep(0.1)
    return False


def names(aws: LocalAws, trace_id: str) -> list[str]:
    (found,) = aws.client("xray").batch_get_traces(TraceIds=[trace_id])["Traces"]
    trace = Trace.from_documents(segment["Document"] for segment in found["Segments"])
    return [span.name for span, _ in trace.spans()]


@pytest.mark.local
def test_a_span_too_large_to_be_sent_is_lost_and_said_and_the_request_is_answered(
    local_aws: LocalAws, function: str
) -> None:
    answer, trace_id = invoke(local_aws, function, 100)
    assert answer == {"answered": True}
    for _ in range(100):
        if "work" in names(local_aws, trace_id):
            break
        time.sleep(0.1)
    assert "work" in names(local_aws, trace_id)

    answer, trace_id = invoke(local_aws, function, 100_000)
    assert answer == {"answered": True}
    # The distribution logs what the operating system says of more than a datagram holds.
    assert logged(local_aws, function, "Message too long")
    assert "work" not in names(local_aws, trace_id)
