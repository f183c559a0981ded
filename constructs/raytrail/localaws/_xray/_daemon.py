"""The X-Ray daemon of one account and Region: it takes datagrams on 127.0.0.1 and hands on what they carry.

A datagram is a header line ``{"format": "json", "version": 1}`` and then either one segment document in JSON, or
OTLP in base64 after a mark: ``T1S`` for sampled spans, ``T1U`` for unsampled ones, ``M1`` for metrics.
Unsampled spans and metrics are what Application Signals lives on; they make no trace, here as at X-Ray.
"""

from __future__ import annotations

import base64
import binascii
import json
import logging
import socket
import threading

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from raytrail.localaws._xray._documents import Document, UnfitDocument, read
from raytrail.localaws._xray._otlp import documents
from raytrail.localaws._xray._traces import Traces

logger = logging.getLogger(__name__)

_LARGEST_DATAGRAM = 65_535
_SAMPLED, _UNSAMPLED, _METRICS = b"T1S", b"T1U", b"M1"


class Daemon:
    """Listens on a free UDP port of 127.0.0.1 until `close`."""

    def __init__(self, traces: Traces) -> None:
        self._traces = traces
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        # A burst of invocations sends more than the default buffer of the system holds.
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * 1024 * 1024)
        self._socket.bind(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._listen, name=f"xray-daemon-{self.address}", daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        self._socket.close()

    def _listen(self) -> None:
        while True:
            try:
                datagram = self._socket.recv(_LARGEST_DATAGRAM)
            except OSError:
                return
            try:
                for document in parse(datagram):
                    self._traces.put(document)
            except UnfitDocument as unfit:
                logger.warning("the X-Ray daemon dropped a datagram: %s", unfit.reason)


def parse(datagram: bytes) -> list[Document]:
    """The documents that a datagram carries, those of spans as they are.

    Raises:
        UnfitDocument: The header is missing, or what follows cannot be read.
    """
    head, _, payload = datagram.partition(b"\n")
    try:
        header = json.loads(head)
        known = header["format"] == "json" and header["version"] == 1
    except (ValueError, KeyError, TypeError):
        known = False
    if not known:
        raise UnfitDocument("ParseError", None, f"no header of format json, version 1, but {head[:60]!r}")
    if payload.startswith(_SAMPLED):
        request = ExportTraceServiceRequest()
        try:
            request.ParseFromString(base64.b64decode(payload.removeprefix(_SAMPLED), validate=True))
        except (binascii.Error, DecodeError) as error:
            raise UnfitDocument("ParseError", None, f"not OTLP in base64: {error}") from error
        return list(documents(request))
    if payload.startswith((_UNSAMPLED, _METRICS)):
        return []
    return [read(payload.decode("utf-8", errors="replace"))]
