"""Segment documents: what is accepted, what a tracing header says, what datagrams carry. No server is needed."""

from __future__ import annotations

import base64
import json
import re
import secrets
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from raytrail.localaws._functions._bootstrap import describe_failure
from raytrail.localaws._xray import _causes, _daemon
from raytrail.localaws._xray._documents import UnfitDocument, first_problem, fit_name, read
from raytrail.localaws._xray._header import TraceHeader, new_segment_id, new_trace_id
from raytrail.localaws._xray._sampling import Allowance, SampledRequest, matches
from raytrail.localaws._xray._traces import Traces

# Documents as the X-Ray developer guide prints them (xray-api-segmentdocuments), with its slips of JSON mended.
PRINTED: dict[str, dict[str, Any]] = {
    "minimal complete segment": {
        "name": "example.com",
        "id": "70de5b6f19ff9a0a",
        "start_time": 1.478293361271e9,
        "trace_id": "1-581cf771-a006649127e371903a2de979",
        "end_time": 1.478293361449e9,
    },
    "in-progress segment": {
        "name": "example.com",
        "id": "70de5b6f19ff9a0b",
        "start_time": 1.478293361271e9,
        "trace_id": "1-581cf771-a006649127e371903a2de979",
        "in_progress": True,
    },
    "independent subsegment": {
        "name": "api.example.com",
        "id": "53995c3f42cd8ad8",
        "start_time": 1.478293361271e9,
        "end_time": 1.478293361449e9,
        "type": "subsegment",
        "trace_id": "1-581cf771-a006649127e371903a2de979",
        "parent_id": "defdfd9912dc5a56",
        "namespace": "remote",
        "http": {
            "request": {"url": "https://api.example.com/health", "method": "POST", "traced": True},
            "response": {"status": 200, "content_length": 861},
        },
    },
    "segment with an embedded subsegment": {
        "trace_id": "1-5759e988-bd862e3fe1be46a994272793",
        "id": "defdfd9912dc5a56",
        "start_time": 1461096053.37518,
        "end_time": 1461096053.4042,
        "name": "www.example.com",
        "http": {
            "request": {"url": "https://www.example.com/health", "method": "GET", "client_ip": "11.0.3.111"},
            "response": {"status": 200, "content_length": 86},
        },
        "subsegments": [
            {
                "id": "53995c3f42cd8ad8",
                "name": "api.example.com",
                "start_time": 1461096053.37769,
                "end_time": 1461096053.40379,
                "namespace": "remote",
                "http": {"response": {"status": 200, "content_length": 861}},
            }
        ],
    },
    "API Gateway stage": {
        "id": "a1b2c3d4a1b2c3d4",
        "name": "testxray/dev",
        "start_time": 1533928226.229,
        "end_time": 1533928226.614,
        "trace_id": "1-a1b2c3d4-a1b2c3d4a1b2c3d4a1b2c3d4",
        "origin": "AWS::ApiGateway::Stage",
        "resource_arn": "arn:aws:apigateway:us-east-1::/restapis/a1b2c3d4e5/stages/dev",
        "aws": {"xray": {"sampling_rule_name": "Default"}, "api_gateway": {"stage": "dev"}},
        "annotations": {"aws:api_id": "a1b2c3d4e5", "aws:api_stage": "dev"},
    },
}
MINIMAL = PRINTED["minimal complete segment"]
SENT_IN_2016 = 1_478_293_362.0


@pytest.mark.parametrize("document", PRINTED.values(), ids=PRINTED)
def test_each_document_that_aws_prints_is_accepted(document: dict[str, Any]) -> None:
    assert first_problem(document) is None


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"id": "70DE5B6F19FF9A0A"}, "id"),
        ({"id": "70de"}, "id"),
        ({"name": "a" * 201}, "name"),
        ({"name": "a|b"}, "name"),
        ({"start_time": "now"}, "start_time"),
        ({"in_progress": True}, "in_progress: False was expected"),
        ({"type": "subsegment"}, "parent_id"),
        ({"annotations": {"list": [1]}}, "annotations.list"),
        ({"http": {"response": {"status": "200"}}}, "http.response.status"),
        ({"cause": {"exceptions": [{"stack": [{"line": "7"}]}]}}, "line"),
        ({"fault": "yes"}, "fault"),
        ({"subsegments": [{"id": "53995c3f42cd8ad8", "name": "x"}]}, "start_time"),
    ],
)
def test_a_document_that_breaks_a_rule_is_refused_and_the_rule_named(change: dict[str, Any], where: str) -> None:
    assert where in str(first_problem(MINIMAL | change))


@pytest.mark.parametrize("missing", ["id", "name", "trace_id", "start_time", "end_time"])
def test_a_segment_without_a_required_field_is_refused(missing: str) -> None:
    assert first_problem({key: value for key, value in MINIMAL.items() if key != missing}) is not None


@pytest.mark.parametrize("number", ["Infinity", "-Infinity", "NaN", "1e999", "1e300"])
@pytest.mark.parametrize("field", ["start_time", "end_time"])
def test_a_time_that_no_clock_shows_is_refused(field: str, number: str) -> None:
    text = json.dumps(MINIMAL | {field: "TIME"}).replace('"TIME"', number)
    with pytest.raises(UnfitDocument):
        read(text, now=SENT_IN_2016)


def test_a_number_that_json_does_not_have_is_refused_wherever_it_stands() -> None:
    with pytest.raises(UnfitDocument, match="JSON compliant"):
        read(json.dumps(MINIMAL | {"metadata": {"a": {"b": [float("nan")]}}}), now=SENT_IN_2016)


def test_what_was_read_is_kept_however_its_letters_are_written() -> None:
    long = MINIMAL | {"metadata": {"a": "é" * 30_000}}
    assert Traces().put(read(json.dumps(long, ensure_ascii=False), now=SENT_IN_2016)) is None


def test_subsegments_too_deep_to_look_at_are_refused() -> None:
    deep: dict[str, Any] = {**MINIMAL}
    for _ in range(400):
        deep = {**MINIMAL, "subsegments": [deep]}
    with pytest.raises(UnfitDocument):
        read(json.dumps(deep), now=SENT_IN_2016)


def test_reading_tells_bad_ids_from_other_mistakes_and_keeps_to_64_kb() -> None:
    assert read(json.dumps(MINIMAL), now=SENT_IN_2016) == MINIMAL
    month = 31 * 24 * 3600
    for text, now, code in (
        ("{", SENT_IN_2016, "ParseError"),
        ("[]", SENT_IN_2016, "ParseError"),
        (json.dumps(MINIMAL), SENT_IN_2016 + month, "InvalidTraceId"),
        (json.dumps(MINIMAL | {"trace_id": "1-2-3"}), SENT_IN_2016, "InvalidTraceId"),
        (json.dumps(MINIMAL | {"metadata": {"a": "x" * 65_536}}), SENT_IN_2016, "ParseError"),
        ("[" * 60_000, SENT_IN_2016, "ParseError"),
    ):
        with pytest.raises(UnfitDocument) as raised:
            read(text, now=now)
        assert raised.value.code == code


@given(st.text())
def test_any_name_can_be_made_fit(name: str) -> None:
    assert first_problem(MINIMAL | {"name": fit_name(name)}) is None


# Headers


@given(st.booleans() | st.none(), st.booleans())
def test_a_header_is_read_as_it_was_written(sampled: bool | None, with_parent: bool) -> None:
    header = TraceHeader(new_trace_id(), new_segment_id() if with_parent else None, sampled)
    assert TraceHeader.parse(str(header)) == header


@given(st.text())
def test_no_header_is_too_strange_to_read(text: str) -> None:
    header = TraceHeader.parse(text)
    assert header is None or re.fullmatch(r"1-[0-9a-f]{8}-[0-9a-f]{24}", header.root)


def test_an_undecided_or_foreign_part_of_a_header_is_left_out() -> None:
    root = "1-5759e988-bd862e3fe1be46a994272793"
    assert TraceHeader.parse(f"Self=1-67891234-a; Root={root} ;Parent=nonsense;Sampled=?") == TraceHeader(root)
    assert TraceHeader.parse(None) is None


# Sampling


def asked(**fields: Any) -> SampledRequest:
    known = {"service_name": "shop/v1", "service_type": "AWS::ApiGateway::Stage", "host": "api.example.com"}
    return SampledRequest(**{**known, "method": "GET", "path": "/v1/orders/7", "resource_arn": "arn:aws:x", **fields})


@pytest.mark.parametrize(
    ("pattern", "chosen"),
    [
        ("*", True),
        ("/v1/*", True),
        ("/v?/orders/?", True),
        ("/V1/ORDERS/7", True),
        ("/v1/orders", False),
        ("*.7", False),
    ],
)
def test_a_rule_matches_by_stars_and_question_marks_alone(pattern: str, chosen: bool) -> None:
    wild = dict.fromkeys(("ServiceName", "ServiceType", "Host", "HTTPMethod", "ResourceARN"), "*")
    assert matches({**wild, "URLPath": pattern}, asked()) is chosen


def test_an_allowance_gives_its_reservoir_each_second_and_then_its_share() -> None:
    none, half = Allowance(2, 0.0), Allowance(0, 0.5)
    assert [none.take(100.1 + step / 10) for step in range(5)] == [True, True, False, False, False]
    assert none.take(101.0)
    assert 300 < sum(half.take(100.0) for _ in range(1000)) < 700


# Failures


def test_what_lambda_says_of_a_real_exception_has_the_frames_of_the_function() -> None:
    def fail() -> None:
        raise LookupError("nothing")

    try:
        fail()
    except LookupError as error:
        told = describe_failure(error, "R1")
    assert told["payload"].items() >= {"errorType": "LookupError", "errorMessage": "nothing", "requestId": "R1"}.items()
    assert told["log"].startswith("[ERROR] LookupError: nothing\nTraceback (most recent call last):\n")
    (exception,) = _causes.exceptions("LookupError", "nothing", "".join(told["payload"]["stackTrace"]))
    assert exception["stack"][0]["label"] == "fail"


# Datagrams

HEADER = b'{"format":"json","version":1}\n'


def otlp_datagram(mark: bytes, *spans: Span) -> bytes:
    request = ExportTraceServiceRequest()
    request.resource_spans.add().scope_spans.add().spans.extend(spans or [server_span()])
    return HEADER + mark + base64.b64encode(request.SerializeToString())


def server_span(**attributes: str) -> Span:
    now = time.time_ns()
    made = Span(trace_id=secrets.token_bytes(16), span_id=secrets.token_bytes(8), name="GET /", kind=2)
    made.start_time_unix_nano, made.end_time_unix_nano = now, now + 5_000_000
    for key, value in attributes.items():
        made.attributes.add(key=key).value.string_value = value
    return made


def test_a_datagram_of_sampled_spans_makes_documents_and_one_of_unsampled_spans_none() -> None:
    (document,) = _daemon.parse(otlp_datagram(b"T1S"))
    assert first_problem(document) is None
    assert _daemon.parse(otlp_datagram(b"T1U")) == []
    assert _daemon.parse(HEADER + b"M1AAAA") == []


def test_a_span_that_x_ray_would_refuse_is_dropped_and_said_and_those_beside_it_are_kept(
    caplog: pytest.LogCaptureFixture,
) -> None:
    good, large, no_id = server_span(), server_span(body="x" * 66_000), server_span()
    no_id.span_id = b""
    traces = Traces()
    for document in _daemon.parse(otlp_datagram(b"T1S", large, no_id, good)):
        traces.put(document)
    (kept,) = traces.select(lambda trace: True)
    assert [span.id for span in kept.segments] == [good.span_id.hex()]
    said = [record.getMessage() for record in caplog.records]
    assert said[0].startswith(f"X-Ray dropped the document {large.span_id.hex()} (GET /): 66")
    assert said[0].endswith("larger than 65536")
    assert "'id' is a required property" in said[1]


def test_nothing_is_kept_of_documents_of_which_one_is_unfit() -> None:
    traces = Traces()
    unfit = traces.put(MINIMAL, {**MINIMAL, "id": "0" * 16, "start_time": 0})
    assert unfit is not None
    assert (unfit.id, traces.get(MINIMAL["trace_id"])) == ("0" * 16, None)
    assert traces.put({"trace_id": "1-5759e988-bd862e3fe1be46a994272793"}) is not None
    assert traces.select(lambda trace: True) == []


@pytest.mark.parametrize("datagram", [b"", b"{}\n{}", HEADER, HEADER + b"T1S***", HEADER + b"T1S" + b"/////w=="])
def test_a_datagram_that_cannot_be_read_is_refused(datagram: bytes) -> None:
    with pytest.raises(UnfitDocument):
        _daemon.parse(datagram)
