"""A process that stands for Lambda's X-Ray daemon: it keeps each datagram, and reads them all when it is asked to.

Reading waits until the measuring is over. What came is told as ``{trace: [[id, parent, name], …]}``, read with the
official Protocol Buffers of OpenTelemetry, or as the X-Ray SDK's segment documents. Unsampled spans, which ADOT sends
for the metrics of Application Signals, belong to no trace and are left out.
"""

import base64
import json
import socket
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

HEADER = {"format": "json", "version": 1}
LARGEST = 65_535
QUIET_SECONDS = 0.5
"""When so long nothing came, everything that was sent has."""

Span = tuple[str, str, str]
"""Its ID, its parent's, and its name."""


class Inbox:
    """What came on a UDP port of 127.0.0.1."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * 1024 * 1024)
        self._socket.bind(("127.0.0.1", 0))
        self._datagrams: list[bytes] = []
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while True:
            self._datagrams.append(self._socket.recv(LARGEST))

    def read(self) -> dict[str, list[Span]]:
        """Return the spans of each trace that came since the last time, once nothing more comes."""
        known = -1
        while known != len(self._datagrams):
            known = len(self._datagrams)
            time.sleep(QUIET_SECONDS)
        datagrams, self._datagrams = self._datagrams, []
        traces: dict[str, list[Span]] = defaultdict(list)
        for datagram in datagrams:
            for trace, span in spans(datagram):
                traces[trace].append(span)
        return traces


def spans(datagram: bytes) -> Iterator[tuple[str, Span]]:
    """Each span of a datagram with its trace's ID.

    Raises:
        ValueError: It carries neither spans of OTLP nor a segment document.
    """
    head, _, payload = datagram.partition(b"\n")
    if json.loads(head) != HEADER:
        raise ValueError(f"a datagram begins with {HEADER}, got {head[:60]!r}")
    if payload.startswith(b"T1S"):
        return _otlp(base64.b64decode(payload[3:], validate=True))
    if payload.startswith(b"T1U"):
        return iter(())
    if payload.startswith(b"{"):
        document = json.loads(payload)
        return _document(document, document["trace_id"], document.get("parent_id", ""))
    raise ValueError(f"a datagram carries spans or a segment document, got {payload[:60]!r}")


def _otlp(data: bytes) -> Iterator[tuple[str, Span]]:
    for group in ExportTraceServiceRequest.FromString(data).resource_spans:
        for scope in group.scope_spans:
            for span in scope.spans:
                trace = span.trace_id.hex()
                yield f"1-{trace[:8]}-{trace[8:]}", (span.span_id.hex(), span.parent_span_id.hex(), span.name)


def _document(document: dict[str, Any], trace: str, parent: str) -> Iterator[tuple[str, Span]]:
    yield trace, (document["id"], parent, document["name"])
    for inner in document.get("subsegments", ()):
        yield from _document(inner, trace, document["id"])


def main() -> None:
    """Say the address, and answer each line of standard input with what came since the last."""
    inbox = Inbox()
    print(json.dumps(inbox.address), flush=True)
    for _ in sys.stdin:
        print(json.dumps(inbox.read()), flush=True)


if __name__ == "__main__":
    main()
