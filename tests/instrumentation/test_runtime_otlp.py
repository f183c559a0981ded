"""Spans and metrics that leave a function for partners, in a process with the real distribution of OpenTelemetry."""

from __future__ import annotations

import socket

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from tests.instrumentation.partners import METRICS, TRACES, partner

from raytrail.instrumentation import CloudWatchMetrics, Honeycomb, Otlp, SecretField, XRay


def otlp(to, **changes):
    return Otlp(
        **{
            "endpoint": to.url,
            "header_secrets": {"x-team": "honeycomb"},
            "name": "beehive",
            "timeout_seconds": 10,
            **changes,
        }
    )


@pytest.fixture
def beehive():
    with partner() as made:
        yield made


def names(requests):
    return {span.name for request in requests for span in request.spans}


def test_spans_reach_x_ray_and_a_partner_with_the_key_from_its_secret(function, beehive):
    ran = function.run(
        exporters=[XRay(), otlp(beehive, headers={"x-plain": "yes"})], resource_attributes={"team": "a,b"}
    )
    assert ran.results == [{"result": {"placed": True}}]
    assert ran.warnings == []
    [request] = beehive.at(TRACES)
    assert request.headers["content-type"] == "application/x-protobuf"
    assert request.headers["x-team"] == "the-key"
    assert request.headers["x-plain"] == "yes"
    assert request.resource["service.name"] == "orders"
    assert request.resource["team"] == "a,b"
    assert "step 0" in {span.name for span in request.spans}
    assert {span.span_id for span in request.spans} == {span.span_id for span in function.daemon.spans()}
    assert {span.trace_id.hex() for span in request.spans} == {"692237c0" + "0" * 24}


def test_metrics_reach_a_partner_as_deltas_and_the_log_as_embedded_metrics(function, beehive):
    exporters = [XRay(), CloudWatchMetrics(namespace="Shop"), otlp(beehive)]
    ran = function.run(exporters=exporters, events=[{}, {}])
    values = [request.metrics["orders.placed"].sum for request in beehive.at(METRICS)]
    assert [value.data_points[0].as_int for value in values] == [1, 1]
    assert {value.aggregation_temporality for value in values} == {1}
    lines = [line for line in ran.log if "_aws" in line]
    assert {line["_aws"]["CloudWatchMetrics"][0]["Namespace"] for line in lines} == {"Shop"}
    assert [line["orders.placed"] for line in lines] == [1.0, 1.0]


def test_honeycomb_gets_what_it_documents(function, beehive):
    value = Honeycomb(api_key_secret=SecretField(secret="partners", field="honeycomb"), dataset="shop-metrics")
    function.secrets["partners"] = '{"honeycomb": "hive-key", "other": "not this"}'
    here = [
        otlp(beehive, headers=each.headers, header_secrets=each.header_secrets, signals=each.signals, name=each.name)
        for each in value.otlp("orders")
    ]
    ran = function.run(exporters=[XRay(), *here])
    assert ran.warnings == []
    [traces], [metrics] = beehive.at(TRACES), beehive.at(METRICS)
    assert {request.headers["x-honeycomb-team"] for request in (traces, metrics)} == {"hive-key"}
    assert "x-honeycomb-dataset" not in traces.headers
    assert metrics.headers["x-honeycomb-dataset"] == "shop-metrics"
    assert len(function.secrets_manager.requests) == 1


def test_a_secret_is_read_once_and_neither_its_call_nor_the_export_is_traced(function, beehive):
    function.run(exporters=[XRay(), otlp(beehive)], events=[{}, {}, {}], instrumentations=("requests",))
    assert len(function.secrets_manager.requests) == 1
    assert len(beehive.at(TRACES)) == 3
    found = {span.name for span in function.daemon.spans()}
    assert not [name for name in found if "Secrets" in name or "POST" in name]
    assert found == names(beehive.at(TRACES))


def test_a_key_that_was_replaced_is_read_again_when_the_old_one_is_refused(function, beehive):
    def answer(request):
        if request.headers["x-team"] != "new-key":
            function.secrets["honeycomb"] = "new-key"
            return 401, b"unknown API key"
        return 200, b""

    beehive.answer = answer
    ran = function.run(exporters=[otlp(beehive, signals=["traces"])], events=[{}, {}])
    assert ran.warnings == []
    assert [request.headers["x-team"] for request in beehive.at(TRACES)] == ["the-key", "new-key", "new-key"]
    assert len(function.secrets_manager.requests) == 2


def test_a_refused_key_pauses_the_partner_and_the_log_never_shows_it(function, beehive):
    beehive.answer = lambda request: (401, b"unknown API key")
    ran = function.run(exporters=[XRay(), otlp(beehive)], events=[{}, {}])
    assert [each["result"] for each in ran.results] == [{"placed": True}] * 2
    [warning] = ran.warnings
    assert (
        warning
        == "traces were not sent to beehive: it refused the key (HTTP 401); nothing is sent there for 30 seconds"
    )
    assert "the-key" not in ran.output
    assert len(function.daemon.spans()) == 4


@pytest.mark.parametrize("keys", [{}, {"x-team": "honeycomb"}], ids=["without a key", "with a key"])
def test_a_partner_that_never_answers_holds_up_one_request_and_no_more(function, beehive, keys):
    beehive.answer = beehive.never
    exporter = otlp(beehive, timeout_seconds=0.5, header_secrets=keys)
    ran = function.run(exporters=[XRay(), exporter], events=[{}, {}, {}])
    assert [each["result"] for each in ran.results] == [{"placed": True}] * 3
    assert len(beehive.requests) == 1
    [warning] = ran.warnings
    assert "beehive: no answer within 0.5 seconds; nothing is sent there for 30 seconds" in warning
    assert len(function.daemon.spans()) == 6


def test_a_partner_that_is_down_is_tried_once(function):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        gone = Otlp(endpoint=f"http://127.0.0.1:{unused.getsockname()[1]}", name="gone")
        ran = function.run(exporters=[XRay(), gone], events=[{}, {}])
    assert [each["result"] for each in ran.results] == [{"placed": True}] * 2
    [warning] = ran.warnings
    assert warning.startswith("traces were not sent to gone: Connection refused; nothing is sent there for 30 seconds")


def test_a_partner_that_fails_does_not_keep_another_from_its_spans(function, beehive):
    with partner(lambda request: (503, b"", {"Retry-After": "120"})) as failing:
        ran = function.run(exporters=[otlp(failing, name="failing"), otlp(beehive)], events=[{}, {}])
    assert len(beehive.at(TRACES)) == 2
    assert len(failing.requests) == 1
    assert ran.warnings == ["traces were not sent to failing: HTTP 503; nothing is sent there for 120 seconds"]


def test_a_request_with_many_spans_waits_no_longer_for_a_slow_partner_than_one_with_few(function, beehive):
    beehive.answer = slowly(beehive)
    exporter = otlp(beehive, signals=["traces"], timeout_seconds=0.7, header_secrets={})
    # The layer hands spans over in tens.
    ran = function.run(exporters=[exporter], events=[{"spans": 200}])
    assert ran.results == [{"result": {"placed": True}}]
    assert 1 <= len(beehive.requests) <= 4
    assert len(ran.warnings) == 1
    assert "nothing is sent there for 30 seconds" in ran.warnings[0]


def slowly(beehive):
    def answer(request):
        beehive.stopped.wait(0.3)
        return 200, b""

    return answer


def test_reading_a_key_slowly_is_not_held_against_the_partner(function, beehive):
    quickly = function.secrets_manager.answer

    def slowly_once(request):
        function.secrets_manager.stopped.wait(1.9)
        return quickly(request)

    function.secrets_manager.answer = slowly_once
    exporter = otlp(beehive, signals=["traces"], timeout_seconds=1.5)
    ran = function.run(exporters=[exporter], events=[{"spans": 15}])
    assert ran.warnings == []
    assert len(beehive.at(TRACES)) == 2


@pytest.mark.parametrize(
    ("secret", "why"),
    [
        (None, "secret 'honeycomb' cannot be read: ResourceNotFoundException"),
        ("not json", "secret 'honeycomb' is not JSON, so it has no field 'key'"),
        ('{"other": "value"}', "secret 'honeycomb' has no field 'key' of text"),
        ('{"key": "two\\nlines"}', "secret 'honeycomb' holds no key: it is empty, or has line breaks inside"),
    ],
)
def test_a_secret_that_is_missing_or_wrong_costs_the_request_nothing_but_a_line(function, beehive, secret, why):
    function.secrets.clear()
    if secret is not None:
        function.secrets["honeycomb"] = secret
    keys = {"x-team": SecretField(secret="honeycomb", field="key")}
    ran = function.run(exporters=[XRay(), otlp(beehive, header_secrets=keys)], events=[{}, {}])
    assert [each["result"] for each in ran.results] == [{"placed": True}] * 2
    assert beehive.requests == []
    assert ran.warnings == [f"traces were not sent to beehive: {why}; nothing is sent there for 30 seconds"]
    assert "value" not in ran.output


def test_a_variable_that_was_edited_by_hand_is_a_line_in_the_log(function, beehive):
    ran = function.run(exporters=[XRay(), otlp(beehive)], environment={"RAYTRAIL_OTLP_EXPORTERS": '[{"name": "x"}]'})
    assert ran.results == [{"result": {"placed": True}}]
    [warning] = ran.warnings
    assert warning == (
        "nothing is sent by OTLP: RAYTRAIL_OTLP_EXPORTERS is not what instrument_lambda writes: KeyError('signals')"
    )
    assert len(function.daemon.spans()) == 2


def test_a_span_too_large_for_the_daemon_still_reaches_a_partner(function, beehive):
    ran = function.run(exporters=[XRay(), otlp(beehive)], events=[{"size": 100_000}])
    assert ran.results == [{"result": {"placed": True}}]
    assert "step 0" in names(beehive.at(TRACES))
    assert "step 0" not in {span.name for span in function.daemon.spans()}
    assert "Error sending UDP data" in ran.output


def test_a_batch_that_a_partner_finds_too_large_is_dropped_and_the_next_is_sent(function, beehive):
    beehive.answer = lambda request: (413 if len(request.body) > 50_000 else 200, b"")
    exporter = otlp(beehive, signals=["traces"])
    ran = function.run(exporters=[exporter], events=[{"size": 100_000}, {}])
    assert len(beehive.requests) == 2
    assert ran.warnings == ["traces were not taken by beehive: HTTP 413"]


def test_what_a_partner_rejects_of_a_batch_is_a_line_in_the_log(function, beehive):
    answer = ExportTraceServiceResponse()
    answer.partial_success.rejected_spans = 1
    answer.partial_success.error_message = "span too old"
    beehive.answer = lambda request: (200, answer.SerializeToString())
    ran = function.run(exporters=[otlp(beehive, signals=["traces"])])
    assert ran.warnings == ["traces were not taken by beehive: 1 spans rejected: span too old"]


def test_without_x_ray_nothing_reaches_the_daemon_and_a_trace_begins_with_the_function(function, beehive):
    function.run(exporters=[otlp(beehive, signals=["traces"])])
    assert function.daemon.spans() == []
    [request] = beehive.at(TRACES)
    [root] = [span for span in request.spans if not span.parent_span_id]
    assert {span.trace_id for span in request.spans} == {root.trace_id}
    assert root.trace_id.hex() != "692237c0" + "0" * 24


def test_log_records_carry_the_ids_of_the_trace_when_asked(function):
    function.code = """
import logging

logging.basicConfig(format="%(message)s %(otelTraceID)s", level="INFO", force=True)


def handler(event, context):
    logging.getLogger().info("placed in trace")
"""
    ran = function.run(exporters=[XRay()], log_correlation=True)
    assert "placed in trace 692237c0" + "0" * 24 in ran.output


def test_a_library_that_is_turned_on_makes_spans(function):
    function.code = """
import sqlite3


def handler(event, context):
    sqlite3.connect(":memory:").cursor().execute("select 1")
"""
    function.run(exporters=[XRay()])
    assert len(function.daemon.spans()) == 1
    function.run(exporters=[XRay()], instrumentations=("sqlite3",))
    assert "select" in {span.name for span in function.daemon.spans()}
