"""A program that runs as a plain process with the environment under test, and a stand-in for the agent that it needs.

The stand-in is not the CloudWatch agent, which cannot be had here: it takes what the agent documents to take (segments
by UDP, questions about sampling by TCP at the same port, OTLP by HTTP) and hands it on to X-Ray's API of the embedded
AWS, as the agent does. How the agent reads its configuration is not shown by it.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from tests.instrumentation.partners import Answer, Request, partner

if TYPE_CHECKING:
    from raytrail.localaws import LocalAws


@dataclass
class Agent:
    """A stand-in for an agent on free ports of this machine.

    Attributes:
        ports: The port that stands for each documented one.
        received: What came in: ``udp``, ``http`` for spans, or a question's path.
        refused: What X-Ray said of segments that it did not take.
    """

    ports: dict[int, int]
    received: list[str] = field(default_factory=list)
    refused: list[Any] = field(default_factory=list)

    def here(self, environment: Mapping[str, str]) -> dict[str, str]:
        """Return an environment with the stand-in's ports in place of the documented ones."""
        moved = dict(environment)
        for name, value in environment.items():
            for documented, port in self.ports.items():
                moved[name] = moved[name].replace(f":{documented}", f":{port}")
            assert name not in _ADDRESSES or moved[name] != value, f"{name} names no port of the agent: {value}"
        return moved


_ADDRESSES = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_TRACES_SAMPLER_ARG", "AWS_XRAY_DAEMON_ADDRESS")


@contextmanager
def agent(aws: LocalAws, region: str) -> Iterator[Agent]:
    """An agent that sends to X-Ray of a Region of the embedded AWS, which searches transactions there."""
    xray = aws.client("xray", region=region)
    made = Agent({})

    def answer(request: Request) -> Answer:
        made.received.append("http" if request.path == "/v1/traces" else request.path)
        return _forward(aws, region, request)

    with partner(answer) as http, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        port = int(http.url.rpartition(":")[2])
        # One HTTP server stands for the three documented ports; by UDP the same number is free, being another protocol.
        udp.bind(("127.0.0.1", port))
        made.ports.update(dict.fromkeys((2000, 4316, 4318), port))

        def listen() -> None:
            while True:
                try:
                    header, _, segment = udp.recv(1 << 16).partition(b"\n")
                except OSError:
                    return
                assert header.replace(b" ", b"") == b'{"format":"json","version":1}'
                made.received.append("udp")
                answer = xray.put_trace_segments(TraceSegmentDocuments=[segment.decode()])
                made.refused += answer["UnprocessedTraceSegments"]

        threading.Thread(target=listen, daemon=True).start()
        yield made


def _forward(aws: LocalAws, region: str, request: Request) -> Answer:
    signed = AWSRequest("POST", aws.endpoint + request.path, data=request.body)
    signed.headers["content-type"] = request.headers.get("content-type", "application/json")
    SigV4Auth(aws.session().get_credentials(), "xray", region).add_auth(signed)
    answer = urllib3.request("POST", signed.url, body=request.body, headers=dict(signed.headers))
    return answer.status, answer.data


def run_program(code: str, environment: Mapping[str, str]) -> str:
    """Run a program of Python with the variables and nothing else of this process; return what it prints."""
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env={"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout.strip()


def documents(xray: Any, trace_id: str, *, wait: bool = True) -> list[Any]:
    """Return the segments of a trace; where none is there yet, wait for it as long as one could be on its way."""
    for _ in range(50 if wait else 1):
        traces = xray.batch_get_traces(TraceIds=[trace_id])["Traces"]
        if found := [json.loads(segment["Document"]) for trace in traces for segment in trace["Segments"]]:
            return found
        time.sleep(0.1)
    return []
