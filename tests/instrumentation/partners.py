"""Stand-ins on 127.0.0.1 for who is at the other end: partners that take OTLP, Rollbar, Secrets Manager, and X-Ray."""

from __future__ import annotations

import base64
import gzip
import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

TRACES, METRICS = "/v1/traces", "/v1/metrics"


@dataclass(frozen=True)
class Request:
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def spans(self) -> list[Any]:
        """The spans of a request that OTLP's own classes decode."""
        decoded = ExportTraceServiceRequest.FromString(self.body)
        return [span for resource in decoded.resource_spans for scope in resource.scope_spans for span in scope.spans]

    @property
    def resource(self) -> dict[str, str]:
        """The attributes of the first resource."""
        decoded = ExportTraceServiceRequest.FromString(self.body)
        return {each.key: each.value.string_value for each in decoded.resource_spans[0].resource.attributes}

    @property
    def metrics(self) -> dict[str, Any]:
        """The metrics by name."""
        decoded = ExportMetricsServiceRequest.FromString(self.body)
        scopes = (scope for resource in decoded.resource_metrics for scope in resource.scope_metrics)
        return {metric.name: metric for scope in scopes for metric in scope.metrics}


Answer = tuple[int, bytes] | tuple[int, bytes, Mapping[str, str]]


@dataclass
class Partner:
    """An HTTP server that keeps what it gets, and answers as it is told."""

    url: str = ""
    requests: list[Request] = field(default_factory=list)
    answer: Callable[[Request], Answer] = lambda request: (200, b"")
    stopped: threading.Event = field(default_factory=threading.Event)

    def at(self, path: str) -> list[Request]:
        return [request for request in self.requests if request.path == path]

    def never(self, request: Request) -> Answer:
        """Answer nothing for as long as the test lasts."""
        self.stopped.wait()
        return (200, b"")


@contextmanager
def partner(answer: Callable[[Request], Answer] | None = None) -> Iterator[Partner]:
    """A partner on a free port of this machine."""
    made = Partner()
    if answer:
        made.answer = answer

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Request(self.path, headers, body)
            made.requests.append(request)
            status, content, *more = made.answer(request)
            self.send_response(status)
            for name, value in {**(more[0] if more else {}), "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

        def handle(self) -> None:
            try:
                super().handle()
            except ConnectionError:
                # A client that waits no longer.
                self.close_connection = True

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    made.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield made
    finally:
        made.stopped.set()
        server.shutdown()
        server.server_close()


def secrets_manager(secrets: dict[str, str]) -> Callable[[Request], Answer]:
    """Answer GetSecretValue as Secrets Manager does; botocore reads the answer. ``secrets`` may change meanwhile."""

    def answer(request: Request) -> Answer:
        assert request.headers["x-amz-target"] == "secretsmanager.GetSecretValue"
        id = json.loads(request.body)["SecretId"]
        if id not in secrets:
            error = {
                "__type": "ResourceNotFoundException",
                "Message": "Secrets Manager can't find the specified secret.",
            }
            return 400, json.dumps(error).encode()
        value = {"ARN": f"arn:aws:secretsmanager:us-east-1:111122223333:secret:{id}-AbCdEf", "Name": id}
        return 200, json.dumps({**value, "SecretString": secrets[id]}).encode()

    return answer


def rollbar(tokens: set[str]) -> Callable[[Request], Answer]:
    """Answer as Rollbar's API does for an item: https://docs.rollbar.com/reference/create-item."""

    def answer(request: Request) -> Answer:
        if request.headers.get("x-rollbar-access-token") not in tokens:
            return 401, json.dumps({"err": 1, "message": "invalid access token"}).encode()
        if problem := problem_of(json.loads(request.body)):
            return 422, json.dumps({"err": 1, "message": problem}).encode()
        uuid = json.loads(request.body)["data"]["uuid"]
        return 200, json.dumps({"err": 0, "result": {"id": None, "uuid": uuid}}).encode()

    return answer


def problem_of(item: Any) -> str:
    """Return what an item lacks of what Rollbar's documentation calls required, if anything."""
    data = item.get("data")
    if not isinstance(data, dict):
        return "data is required"
    environment, body = data.get("environment"), data.get("body")
    if not isinstance(environment, str) or not 1 <= len(environment) <= 255:
        return "data.environment is required: a string of at most 255 characters"
    kinds = {"trace", "trace_chain", "message", "crash_report"} & set(body or {})
    if len(kinds) != 1:
        return "data.body is required, with exactly one of trace, trace_chain, message and crash_report"
    if data.get("level", "error") not in {"critical", "error", "warning", "info", "debug"}:
        return "data.level is none of the known"
    traces = body.get("trace_chain") or ([body["trace"]] if "trace" in body else [])
    frames = [frame for trace in traces for frame in trace.get("frames", [{}])]
    whole = all("filename" in frame for frame in frames) and all(trace["exception"]["class"] for trace in traces)
    return "" if whole else "a trace has frames, each with a filename, and an exception with a class"


@dataclass
class Daemon:
    """The X-Ray daemon's port: what the ADOT layer sends there, which is OTLP too."""

    address: str
    _socket: socket.socket

    def spans(self) -> list[Any]:
        found: list[Any] = []
        self._socket.setblocking(False)
        while True:
            try:
                datagram = self._socket.recv(1 << 16)
            except BlockingIOError:
                return found
            header, _, body = datagram.partition(b"\n")
            assert json.loads(header) == {"format": "json", "version": 1}
            assert body.startswith(b"T1S")
            found += Request("", {}, base64.b64decode(body[3:])).spans


@contextmanager
def daemon() -> Iterator[Daemon]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        yield Daemon("{}:{}".format(*listener.getsockname()), listener)
