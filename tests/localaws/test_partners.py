"""The stand-ins for partners outside AWS, by what real senders send to them, and functions whose partners fail."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]  # googleapis-common-protos ships no types
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from tests.localaws.functions_kit import Document, Partners

from raytrail.localaws import LocalAws
from raytrail.localaws._partners import reroute
from raytrail.localaws._partners._inbox import masked

pytestmark = pytest.mark.local

HONEYCOMB, ROLLBAR, COLLECTOR = "api.honeycomb.io", "api.rollbar.com", "otlp"
KEY = "hcaik_01hqk4k20cjeh63wca8vva5stw70nft6m5n8wr8f5mjx3762s8269j50wc"
CLASSIC_KEY = "0123456789abcdef0123456789abcdef"
TOKEN = "aaaabbbbccccddddeeeeffff00001111"


@pytest.fixture
def partners(local_aws: LocalAws) -> Iterator[Partners]:
    found = Partners(local_aws)
    found.ask("/forget", {})
    yield found
    found.ask("/forget", {})


def post(url: str, body: bytes, **headers: str) -> tuple[int, bytes]:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, headers=sent)) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def one_span() -> bytes:
    """An export request with one span, as OpenTelemetry's SDK writes it."""
    memory, provider = InMemorySpanExporter(), TracerProvider(resource=Resource({"service.name": "orders"}))
    provider.add_span_processor(SimpleSpanProcessor(memory))
    with provider.get_tracer("shop").start_as_current_span("sell", attributes={"sku": "tea", "counts": [1, 2]}):
        pass
    body: bytes = encode_spans(memory.get_finished_spans()).SerializeToString()
    return body


PROTOBUF = {"content_type": "application/x-protobuf"}


# --- what is sent where ---


def test_the_address_of_a_partner_becomes_that_of_its_stand_in_and_its_path_stays() -> None:
    given_, expected = "https://api.honeycomb.io/v1/traces", "http://127.0.0.1:1/_partners/api.honeycomb.io/v1/traces"
    exporters = [{"endpoint": "https://api.eu1.honeycomb.io"}, {"endpoint": "https://API.rollbar.com:443/api/1/"}]
    changed = reroute({"A": given_, "B": json.dumps(exporters)}, "http://127.0.0.1:1")
    assert changed["A"] == expected
    assert json.loads(changed["B"]) == [
        {"endpoint": "http://127.0.0.1:1/_partners/api.eu1.honeycomb.io"},
        {"endpoint": "http://127.0.0.1:1/_partners/api.rollbar.com/api/1/"},
    ]


@pytest.mark.parametrize(
    "value",
    [
        "https://otel.example.org/v1/traces",
        "https://api.honeycomb.io.example.org",
        "https://api.honeycomb.io:8443",
        "http://api.honeycomb.io",
        "api.honeycomb.io",
        "https://api.honeycomb.iot",
        "https://xapi.rollbar.com",
    ],
)
def test_any_other_address_stays(value: str) -> None:
    assert reroute({"A": value}, "http://127.0.0.1:1") == {"A": value}


@given(st.dictionaries(st.text(), st.text(alphabet='htps:/.aiorlbcneym0123 "{}\\')))
def test_what_was_rerouted_once_is_not_rerouted_again(variables: dict[str, str]) -> None:
    once = reroute(variables, "http://127.0.0.1:1")
    assert reroute(once, "http://127.0.0.1:1") == once


@given(st.text(min_size=1))
def test_a_masked_key_shows_four_characters_at_most_and_a_short_one_none(secret: str) -> None:
    shown = masked(secret)
    assert shown == ("****" + secret[-4:] if len(secret) >= 12 else "****")


# --- OTLP ---


@pytest.mark.parametrize("compression", [Compression.Gzip, Compression.NoCompression])
def test_honeycomb_takes_the_spans_of_opentelemetrys_exporter(compression: Compression, partners: Partners) -> None:
    exporter = OTLPSpanExporter(
        endpoint=f"{partners.url(HONEYCOMB)}/v1/traces", headers={"x-honeycomb-team": KEY}, compression=compression
    )
    provider = TracerProvider(resource=Resource({"service.name": "orders", "team": "blue"}))
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("shop")
    with tracer.start_as_current_span("sell", attributes={"sku": "tea"}) as parent, tracer.start_as_current_span("pay"):
        pass
    (pay,) = partners.received(HONEYCOMB, "spans", "name", "pay")
    (sell,) = partners.received(HONEYCOMB, "spans", "name", "sell")
    trace_id = f"{parent.get_span_context().trace_id:032x}"
    assert (sell["trace_id"], sell["service"], sell["attributes"]) == (trace_id, "orders", {"sku": "tea"})
    assert sell["xray_trace_id"] == f"1-{trace_id[:8]}-{trace_id[8:]}"
    assert (pay["trace_id"], pay["parent_id"], sell["parent_id"]) == (trace_id, sell["span_id"], "")
    assert sell["resource"]["team"] == "blue"
    assert sell["start"] <= pay["start"] <= pay["end"] <= sell["end"]
    told = partners.ask(f"/?host={HONEYCOMB}")
    assert [(each["status"], each["path"], each["problem"]) for each in told] == [(200, "/v1/traces", None)] * 2


def test_honeycomb_takes_the_metrics_of_opentelemetrys_exporter(partners: Partners) -> None:
    exporter = OTLPMetricExporter(
        endpoint=f"{partners.url(HONEYCOMB)}/v1/metrics",
        headers={"x-honeycomb-team": KEY, "x-honeycomb-dataset": "metrics"},
    )
    provider = MeterProvider([PeriodicExportingMetricReader(exporter)], Resource({"service.name": "orders"}))
    meter = provider.get_meter("shop")
    meter.create_counter("sold", unit="1").add(3, {"sku": "tea"})
    meter.create_histogram("paid", unit="EUR").record(4.5)
    provider.shutdown()
    (sold,) = partners.received(HONEYCOMB, "metrics", "name", "sold")
    assert (sold["kind"], sold["value"], sold["attributes"], sold["service"]) == ("sum", 3, {"sku": "tea"}, "orders")
    (paid,) = partners.received(HONEYCOMB, "metrics", "name", "paid")
    assert (paid["kind"], paid["count"], paid["sum"], paid["unit"]) == ("histogram", 1, 4.5, "EUR")
    (told,) = partners.ask(f"/?host={HONEYCOMB}")
    assert told["headers"]["x-honeycomb-dataset"] == "metrics"


def test_json_is_read_with_hexadecimal_ids_and_answered_in_json(partners: Partners) -> None:
    # The example of https://opentelemetry.io/docs/specs/otlp/, shortened.
    span = {
        "traceId": "5B8EFFF798038103D269B633813FC60C",
        "spanId": "EEE19B7EC3C1B174",
        "parentSpanId": "EEE19B7EC3C1B173",
        "name": "I'm a server span",
        "startTimeUnixNano": "1544712660000000000",
        "endTimeUnixNano": "1544712661000000000",
        "kind": 2,
        "attributes": [{"key": "my.span.attr", "value": {"stringValue": "some value"}}],
    }
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "my.service"}}]}
    request = {"resourceSpans": [{"resource": resource, "scopeSpans": [{"scope": {"name": "s"}, "spans": [span]}]}]}
    body = gzip.compress(json.dumps(request).encode())
    headers = {"content_type": "application/json; charset=utf-8", "content_encoding": "gzip"}
    status, answer = post(f"{partners.url(COLLECTOR)}/v1/traces", body, **headers)
    assert (status, json.loads(answer)) == (200, {})
    (found,) = partners.received(COLLECTOR, "spans", "name", "I'm a server span")
    assert found["trace_id"] == "5b8efff798038103d269b633813fc60c"
    assert (found["span_id"], found["parent_id"]) == ("eee19b7ec3c1b174", "eee19b7ec3c1b173")
    assert (found["kind"], found["service"], found["start"]) == ("server", "my.service", 1544712660.0)


@pytest.mark.parametrize(
    ("headers", "status", "message"),
    [
        (PROTOBUF, 401, "missing 'x-honeycomb-team' header"),
        ({**PROTOBUF, "x_honeycomb_team": CLASSIC_KEY}, 401, "missing 'x-honeycomb-dataset' header"),
        ({**PROTOBUF, "x_honeycomb_team": CLASSIC_KEY, "x_honeycomb_dataset": "shop"}, 200, ""),
        ({"content_type": "text/plain", "x_honeycomb_team": KEY}, 415, "unsupported content-type"),
        ({**PROTOBUF, "x_honeycomb_team": KEY, "content_encoding": "gzip"}, 400, "failed to parse OTLP request body"),
        ({**PROTOBUF, "x_honeycomb_team": KEY, "content_encoding": "br"}, 415, "unsupported content-encoding"),
        ({"content_type": "application/json", "x_honeycomb_team": KEY}, 400, "failed to parse OTLP request body"),
        ({**PROTOBUF, "x_honeycomb_team": KEY}, 200, ""),
    ],
)
def test_honeycomb_checks_the_headers_as_its_own_library_does(
    headers: dict[str, str], status: int, message: str, partners: Partners
) -> None:
    answered, body = post(f"{partners.url(HONEYCOMB)}/v1/traces", one_span(), **headers)
    assert answered == status
    said = json.loads(body).get("message", "") if "json" in headers["content_type"] else Status.FromString(body).message
    assert said.startswith(message)
    (told,) = partners.ask("/")
    assert (told["status"], told["problem"] or "") == (status, said)
    assert ("spans" in told) == (status == 200)


def test_a_body_that_is_no_export_request_is_refused(partners: Partners) -> None:
    assert post(f"{partners.url(COLLECTOR)}/v1/traces", b"\xff\xff\xff", **PROTOBUF)[0] == 400
    assert post(f"{partners.url(COLLECTOR)}/v2/traces", one_span(), **PROTOBUF)[0] == 404


def test_a_collector_asks_for_no_key(partners: Partners) -> None:
    assert post(f"{partners.url(COLLECTOR)}/v1/traces", one_span(), **PROTOBUF) == (200, b"")
    assert partners.received(COLLECTOR, "spans", "name", "sell")[0]["attributes"]["counts"] == [1, 2]


def test_nobody_stands_in_for_a_host_that_is_not_known(partners: Partners) -> None:
    status, said = post(f"{partners.url('api.example.org')}/v1/traces", b"")
    assert (status, b"nobody stands in for api.example.org" in said) == (404, True)


def test_what_is_told_masks_each_header_that_could_be_a_key(partners: Partners) -> None:
    keys = {"x_honeycomb_team": KEY, "authorization": "Bearer secret-of-the-house", "my_own_header": "short"}
    post(f"{partners.url(HONEYCOMB)}/v1/traces", one_span(), **PROTOBUF, **keys)
    (told,) = partners.ask("/")
    assert told["headers"]["x-honeycomb-team"] == f"****{KEY[-4:]}"
    assert told["headers"]["authorization"] == "****ouse"
    assert told["headers"]["my-own-header"] == "****"
    assert told["headers"]["content-type"] == "application/x-protobuf"
    assert KEY not in json.dumps(told)


# --- Rollbar ---


REPORT = """
import os, rollbar, sys
rollbar.init(os.environ["TOKEN"], "test", endpoint=sys.argv[1], handler="blocking")
try:
    {}["order"]
except KeyError:
    print(rollbar.report_exc_info(extra_data={"trace_id": "1-2-3"}))
"""


def test_rollbar_takes_what_its_own_package_sends(partners: Partners) -> None:
    # In a process of its own: the package keeps its settings in its module.
    command, environment = [sys.executable, "-c", REPORT, f"{partners.url(ROLLBAR)}/api/1/"], {"TOKEN": TOKEN}
    occurrence = subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout.strip()
    (told,) = partners.ask(f"/?host={ROLLBAR}")
    assert (told["status"], told["problem"]) == (200, None)
    assert told["item"]["uuid"] == occurrence
    assert told["item"]["environment"] == "test"
    assert told["item"]["body"]["trace"]["exception"] == {"class": "KeyError", "message": "'order'"}
    assert told["item"]["custom"] == {"trace_id": "1-2-3"}
    assert TOKEN not in json.dumps(told)
    assert told["headers"]["x-rollbar-access-token"] == "****1111"


def item(**changes: Any) -> Document:
    return {"environment": "test", "body": {"message": {"body": "said"}}, **changes}


FRAMES = [{"filename": "app.py"}]


@pytest.mark.parametrize(
    "data",
    [
        item(),
        item(level="warning", custom={"a": 1}),
        item(body={"trace": {"frames": FRAMES, "exception": {"class": "E"}}}),
        item(body={"trace_chain": [{"frames": [], "exception": {"class": "E", "message": "m"}}]}),
        item(body={"crash_report": {"raw": "report"}}),
        item(body={"message": {"body": "said"}, "telemetry": []}),
    ],
)
def test_rollbar_takes_each_documented_body_and_answers_as_documented(data: Document, partners: Partners) -> None:
    url = f"{partners.url(ROLLBAR)}/api/1/item/"
    status, answer = post(url, json.dumps({"access_token": TOKEN, "data": data}).encode())
    told = json.loads(answer)
    assert (status, told["err"], told["result"]["id"]) == (200, 0, None)
    assert uuid.UUID(told["result"]["uuid"])


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (None, "data is required"),
        ({"body": {"message": {"body": "said"}}}, "data.environment is required"),
        (item(environment="e" * 256), "data.environment is required"),
        (item(level="fatal"), "data.level is one of critical, error, warning, info, debug, got 'fatal'"),
        (item(custom="text"), "data.custom is an object"),
        (item(uuid="u" * 37), "data.uuid has up to 36 characters"),
        (item(body={}), "exactly one of trace, trace_chain, message, crash_report, got none"),
        (item(body={"trace": {}, "message": {}}), "got trace and message"),
        (item(body={"message": {}}), "data.body.message.body is required"),
        (item(body={"trace": {"exception": {"class": "E"}}}), "data.body.trace.frames is required"),
        (item(body={"trace": {"frames": [{}], "exception": {"class": "E"}}}), "frames[0].filename is required"),
        (item(body={"trace": {"frames": FRAMES, "exception": {}}}), "data.body.trace.exception.class is required"),
        (item(body={"trace_chain": []}), "data.body.trace_chain is a list of at least one trace"),
        (item(body={"crash_report": {}}), "data.body.crash_report.raw is required"),
    ],
)
def test_rollbar_refuses_an_item_without_a_required_member(data: Any, problem: str, partners: Partners) -> None:
    url = f"{partners.url(ROLLBAR)}/api/1/item/"
    status, answer = post(url, json.dumps({"data": data}).encode(), x_rollbar_access_token=TOKEN)
    told = json.loads(answer)
    assert (status, told["err"]) == (422, 1)
    assert problem in told["message"]


def test_rollbar_refuses_what_has_no_token_is_no_json_or_goes_elsewhere(partners: Partners) -> None:
    url = f"{partners.url(ROLLBAR)}/api/1"
    assert post(f"{url}/item/", json.dumps({"data": item()}).encode())[0] == 401
    assert post(f"{url}/item/", b"{", x_rollbar_access_token=TOKEN)[0] == 400
    assert post(f"{url}/deploy/", b"{}", x_rollbar_access_token=TOKEN)[0] == 404


# --- faults ---


@pytest.mark.parametrize(("host", "status"), [(HONEYCOMB, 401), (ROLLBAR, 403), (COLLECTOR, 401)])
def test_a_partner_can_be_made_deaf_to_keys(host: str, status: int, partners: Partners) -> None:
    path, body = ("/api/1/item/", b"{}") if host == ROLLBAR else ("/v1/traces", one_span())
    faults = partners.fault(host, "unauthorized")
    assert faults == {host: {"kind": "unauthorized", "seconds": 0}}
    assert post(partners.url(host) + path, body, **PROTOBUF, x_honeycomb_team=KEY)[0] == status
    assert partners.fault(host, None) == {}


def test_a_partner_that_is_down_answers_503_and_the_others_go_on(partners: Partners) -> None:
    partners.fault(HONEYCOMB, "down")
    headers = {**PROTOBUF, "x_honeycomb_team": KEY}
    assert post(f"{partners.url(HONEYCOMB)}/v1/traces", one_span(), **headers)[0] == 503
    assert post(f"{partners.url('api.eu1.honeycomb.io')}/v1/traces", one_span(), **headers)[0] == 200
    assert [entry["status"] for entry in partners.ask("/")] == [503, 200]


def test_a_slow_partner_answers_late_and_keeps_nobody_else_waiting(partners: Partners) -> None:
    partners.fault(COLLECTOR, "slow", 30)
    with pytest.raises(TimeoutError):
        urllib.request.urlopen(f"{partners.url(COLLECTOR)}/v1/traces", b"", timeout=0.3)
    assert partners.ask("/") == []


def test_what_was_forgotten_does_not_come_back_from_a_slow_partner(partners: Partners) -> None:
    partners.fault(COLLECTOR, "slow", 0.5)
    with pytest.raises(TimeoutError):
        urllib.request.urlopen(f"{partners.url(COLLECTOR)}/v1/traces", b"", timeout=0.1)
    partners.ask("/forget", {})
    partners.fault(COLLECTOR, "slow", 0.6)
    # It answers after the forgotten one would have come.
    assert post(f"{partners.url(COLLECTOR)}/v1/traces", one_span(), **PROTOBUF)[0] == 200
    assert [entry["status"] for entry in partners.ask("/")] == [200]


@pytest.mark.parametrize(
    "fault",
    [
        {"host": "api.example.org", "fault": "down"},
        {"host": HONEYCOMB, "fault": "asleep"},
        {"host": HONEYCOMB, "fault": "slow", "seconds": -1},
        {"host": HONEYCOMB, "fault": "slow", "seconds": "long"},
        {"fault": "down"},
        [],
    ],
)
def test_a_fault_that_nobody_knows_is_refused(fault: object, partners: Partners) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        partners.ask("/faults", fault)
    assert refused.value.code == 400
