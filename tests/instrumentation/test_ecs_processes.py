"""An application of ECS as a plain process, with the variables that the template gives its container.

No container runs here. What stands for the task: the process has the container's variables, with the folder of the init
container replaced by that of the same packages installed here, and each address by a free port of this machine. What
stands for the agent: a server that receives as the agent does, and hands spans on to the embedded AWS as the agent
would, by its OTLP endpoint or, for segments by UDP, by its own X-Ray daemon.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from aws_xray_sdk.core.daemon_config import DEFAULT_ADDRESS
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from opentelemetry.instrumentation import auto_instrumentation
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from tests.instrumentation.ecs_kit import containers, fargate, on_ec2
from tests.instrumentation.partners import TRACES, Answer, Request, partner
from tests.localaws.xray_kit import search_transactions

from raytrail.instrumentation import (
    AutoInstrumentation,
    CloudWatchAgentContainer,
    CollectorContainer,
    XRayDaemonContainer,
    instrument_ecs,
)
from raytrail.localaws import LocalAws
from raytrail.localaws._xray._region import RegionalXRay

REGION = "eu-north-1"
SITE_PACKAGES = Path(auto_instrumentation.__file__).parents[3]

# What the application's image holds. It knows OpenTelemetry's API alone, and no address.
APPLICATION = """
import sqlite3

from opentelemetry import trace

with trace.get_tracer("shop").start_as_current_span("checkout", kind=trace.SpanKind.SERVER) as span:
    sqlite3.connect(":memory:").cursor().execute("select 1")
    print(format(span.get_span_context().trace_id, "032x"))
"""

# An older application, of X-Ray's SDK.
OLD_APPLICATION = """
from aws_xray_sdk.core import xray_recorder

with xray_recorder.in_segment() as segment, xray_recorder.in_subsegment("prices"):
    print(segment.trace_id)
"""

pytestmark = pytest.mark.local


@pytest.fixture(scope="module")
def xray(local_aws: LocalAws) -> Iterator[Any]:
    """X-Ray in a Region whose spans go to CloudWatch Logs, without which the OTLP endpoint takes none."""
    client = local_aws.client("xray", region=REGION)
    search_transactions(local_aws, client, REGION)
    # X-Ray's own rule records the first request of a second and 5 % of the others: too few for a test of one.
    rule = {"RuleName": "all", "ResourceARN": "*", "Priority": 1, "FixedRate": 1.0, "ReservoirSize": 0, "Version": 1}
    matches = dict.fromkeys(("ServiceName", "ServiceType", "Host", "HTTPMethod", "URLPath"), "*")
    client.create_sampling_rule(SamplingRule={**rule, **matches})
    yield client
    # The server is shared with other files' tests, and the rule would decide for their requests too.
    client.delete_sampling_rule(RuleName="all")


def handed_on(aws: LocalAws) -> Callable[[Request], Answer]:
    """What an agent does with a request: signs it and sends it to X-Ray."""

    def answer(request: Request) -> Answer:
        kept = {"content-type": request.headers["content-type"]}
        signed = AWSRequest("POST", aws.endpoint + request.path, data=request.body, headers=kept)
        SigV4Auth(Credentials(aws.config.account_id, "local"), "xray", REGION).add_auth(signed)
        sent = urllib.request.Request(signed.url, data=request.body, headers=dict(signed.headers))
        try:
            with urllib.request.urlopen(sent) as answered:
                return answered.status, answered.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    return answer


@contextmanager
def grpc_agent(answer: Callable[[Request], Answer]) -> Iterator[tuple[str, list[Any]]]:
    """An agent that receives by gRPC: its address, and the requests that it got."""
    got: list[Any] = []

    class Servicer(trace_service_pb2_grpc.TraceServiceServicer):
        def Export(self, request: Any, context: Any) -> Any:
            got.append(request)
            headers = {"content-type": "application/x-protobuf"}
            status, body, *_ = answer(Request(TRACES, headers, request.SerializeToString()))
            assert status == 200, body
            return trace_service_pb2.ExportTraceServiceResponse.FromString(body)

    server = grpc.server(ThreadPoolExecutor(1))
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(Servicer(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}", got
    finally:
        server.stop(None).wait()


def run(folder: Path, code: str, variables: Mapping[str, str], addresses: Mapping[str, str]) -> str:
    """Run an application with its container's variables; returns what it prints."""
    (folder / "main.py").write_text(code, encoding="utf-8")
    environment = {}
    for name, value in variables.items():
        here = value.replace("/otel-auto-instrumentation-python", str(SITE_PACKAGES)).replace("/app", str(folder))
        for there, address in addresses.items():
            here = here.replace(there, address)
        environment[name] = here
    ran = subprocess.run(
        [sys.executable, folder / "main.py"],
        env={"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", **environment},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stderr
    assert "Traceback" not in ran.stderr, ran.stderr
    return ran.stdout.strip()


def names(xray: Any, trace_id: str) -> set[str]:
    [trace] = xray.batch_get_traces(TraceIds=[trace_id])["Traces"]
    return set(re.findall(r'"name": ?"([^"]+)"', " ".join(segment["Document"] for segment in trace["Segments"])))


def as_xray(trace_id: str) -> str:
    """A trace's id as X-Ray writes it, which begins with the time: X-Ray refuses one of another day."""
    assert abs(int(trace_id[:8], 16) - time.time()) < 600
    return f"1-{trace_id[:8]}-{trace_id[8:]}"


@pytest.mark.parametrize(
    ("agent", "port"),
    [
        (CloudWatchAgentContainer(application_signals=True), 4316),
        (CloudWatchAgentContainer(), 4318),
        (CollectorContainer(), 4318),
    ],
    ids=["application signals, 4316", "cloudwatch agent, 4318", "collector, 4318"],
)
def test_spans_by_http_reach_x_ray(local_aws, xray, stack, template, tmp_path, agent, port):
    auto = AutoInstrumentation(language="python", app_path="/app")
    instrument_ecs(fargate(stack), service_name="shop", environment="prod", agent=agent, auto=auto)
    variables = containers(template())["app"]["Environment"]
    with partner(handed_on(local_aws)) as receiver:
        here = receiver.url.removeprefix("http://")
        printed = run(tmp_path, APPLICATION, variables, {f"localhost:{port}": here, "localhost:2000": here})
        [request] = receiver.at(TRACES)
        # The sampler asks for the rules where the agent stands in for X-Ray.
        assert receiver.at("/GetSamplingRules")
    assert request.resource["service.name"] == "shop"
    assert request.resource["deployment.environment"] == "prod"
    assert {span.name for span in request.spans} == {"checkout", "select"}
    # With Application Signals the distribution names the database, which then names the subsegment.
    assert names(xray, as_xray(printed)) == {"shop", "sqlite" if agent.application_signals else "select"}


def test_spans_by_grpc_reach_x_ray(local_aws, xray, stack, template, tmp_path):
    auto = AutoInstrumentation(language="python", app_path="/app")
    instrument_ecs(fargate(stack), service_name="shop", agent=CollectorContainer(), auto=auto, protocol="grpc")
    variables = containers(template())["app"]["Environment"]
    with partner(handed_on(local_aws)) as sampler, grpc_agent(handed_on(local_aws)) as (address, got):
        here = {"localhost:4317": address, "localhost:2000": sampler.url.removeprefix("http://")}
        printed = run(tmp_path, APPLICATION, variables, here)
    [request] = got
    spans = [span for group in request.resource_spans for scope in group.scope_spans for span in scope.spans]
    assert {span.name for span in spans} == {"checkout", "select"}
    assert "shop" in names(xray, as_xray(printed))


@pytest.mark.parametrize("agent", [XRayDaemonContainer(), CollectorContainer()], ids=["daemon", "collector"])
def test_segments_by_udp_reach_the_agent(stack, template, tmp_path, agent):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.settimeout(60)
        printed = run_old_application(stack, template, tmp_path, agent, "{}:{}".format(*listener.getsockname()))
        header, _, body = listener.recv(1 << 16).partition(b"\n")
    assert json.loads(header) == {"format": "json", "version": 1}
    document = json.loads(body)
    assert (document["name"], document["trace_id"]) == ("cart", printed)
    assert [each["name"] for each in document["subsegments"]] == ["prices"]
    assert as_xray(printed.replace("-", "")[1:]) == printed


def test_segments_by_udp_reach_x_ray(stack, template, tmp_path):
    region = RegionalXRay("111122223333", REGION)
    try:
        printed = run_old_application(stack, template, tmp_path, XRayDaemonContainer(), region.daemon_address)
        arrived = eventually(lambda: region.traces.get(printed))
    finally:
        region.close()
    # What its calls reached sent no segment, and X-Ray infers one for each.
    [document] = [each for each in arrived.documents() if not each.get("inferred")]
    assert (document["name"], document["trace_id"]) == ("cart", printed)


def run_old_application(stack, template, folder, agent, address: str) -> str:
    """Run the application of X-Ray's SDK in a task in bridge mode; returns the id of its trace."""
    instrument_ecs(on_ec2(stack), service_name="cart", agent=agent)
    variables = containers(template())["app"]["Environment"]
    assert variables["AWS_XRAY_DAEMON_ADDRESS"] == f"{agent.container_name}:2000"
    here = {variables["AWS_XRAY_DAEMON_ADDRESS"]: address}
    return run(folder, OLD_APPLICATION, variables, here)


def test_in_awsvpc_the_sdk_finds_the_daemon_without_being_told(stack, template):
    instrument_ecs(fargate(stack), service_name="cart", agent=XRayDaemonContainer())
    found = containers(template())
    assert "AWS_XRAY_DAEMON_ADDRESS" not in found["app"]["Environment"]
    [mapping] = found["xray-daemon"]["PortMappings"]
    assert f"127.0.0.1:{mapping['ContainerPort']}" == DEFAULT_ADDRESS


def eventually(look: Callable[[], Any]) -> Any:
    for _ in range(200):
        if (found := look()) is not None:
            return found
        time.sleep(0.05)
    raise AssertionError("nothing arrived")
