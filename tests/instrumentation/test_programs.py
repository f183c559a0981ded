"""Programs as plain processes with the environment of a server: their traces arrive, by each protocol."""

from __future__ import annotations

import json

import pytest
from tests.instrumentation.programs import agent, documents, run_program
from tests.localaws.xray_kit import search_transactions

from raytrail.instrumentation import AgentConfig, AgentTraces, application_environment

pytestmark = pytest.mark.local

REGION = "ap-southeast-2"

# AWS's distribution, as `opentelemetry-instrument` starts it.
OPENTELEMETRY = """
from opentelemetry.instrumentation.auto_instrumentation import initialize
initialize()
from opentelemetry import trace
with trace.get_tracer("orders").start_as_current_span("place", kind=trace.SpanKind.SERVER) as span:
    id = format(span.get_span_context().trace_id, "032x")
trace.get_tracer_provider().force_flush()
print(f"1-{id[:8]}-{id[8:]}")
"""

XRAY_SDK = """
from aws_xray_sdk.core import xray_recorder
segment = xray_recorder.begin_segment(sampling=1)
xray_recorder.end_segment()
print(segment.trace_id)
"""


@pytest.fixture(scope="module")
def xray(local_aws):
    """X-Ray of a Region where transactions are searched and two services have sampling rules."""
    client = local_aws.client("xray", region=REGION)
    search_transactions(local_aws, client, REGION)
    for priority, (service, rate) in enumerate({"orders": 1.0, "quiet": 0.0}.items(), start=1):
        rule = {"RuleName": service, "Priority": priority, "FixedRate": rate, "ReservoirSize": 0, "Version": 1}
        rest = dict.fromkeys(("Host", "HTTPMethod", "URLPath", "ResourceARN", "ServiceType"), "*")
        client.create_sampling_rule(SamplingRule={**rule, **rest, "ServiceName": service})
    return client


def environment(service="orders", **traces):
    config = AgentConfig(traces=AgentTraces(**traces))
    return application_environment(service_name=service, config=config, environment="prod", language="python")


@pytest.mark.parametrize("traces", [{}, {"application_signals": True, "otlp": False}], ids=["otlp", "signals"])
def test_spans_of_opentelemetry_arrive_by_otlp_and_its_sampler_asks_the_agent(local_aws, xray, traces):
    with agent(local_aws, REGION) as here:
        trace_id = run_program(OPENTELEMETRY, here.here(environment(**traces)))
        segments = documents(xray, trace_id)
    assert [segment["name"] for segment in segments] == ["orders"], here.received
    assert "opentelemetry" in json.dumps(segments)
    assert here.received.index("/GetSamplingRules") < here.received.index("http")
    assert "udp" not in here.received


def test_a_sampling_rule_keeps_a_services_spans_at_home(local_aws, xray):
    with agent(local_aws, REGION) as here:
        trace_id = run_program(OPENTELEMETRY, here.here(environment("quiet")))
    assert "/GetSamplingRules" in here.received
    assert "http" not in here.received
    assert documents(xray, trace_id, wait=False) == []


def test_segments_of_an_xray_sdk_arrive_by_udp(local_aws, xray):
    with agent(local_aws, REGION) as here:
        trace_id = run_program(XRAY_SDK, here.here(environment()))
        segments = documents(xray, trace_id)
    assert here.refused == []
    assert [segment["name"] for segment in segments] == ["orders"]
    assert "udp" in here.received
    assert "http" not in here.received
