"""A process that stands for DynamoDB: it answers every GetItem with the same item at once, and counts them."""

import asyncio
import json
import sys
import zlib
from collections import Counter

ITEM = {
    "Item": {
        "id": {"S": "0193b0f2-6f0e-7c0a-9d0e-3f1f2a8c4b11"},
        "status": {"S": "received"},
        "created_at": {"S": "2026-11-22T12:00:00.000+00:00"},
        "customer": {"S": "Ada"},
        "items": {"L": [{"M": {"sku": {"S": "lamp"}, "quantity": {"N": "2"}, "price": {"N": "19.5"}}}]},
        "total": {"N": "39"},
    }
}
BODY = json.dumps(ITEM).encode()
HEAD = (
    "HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.0\r\n"
    f"x-amz-crc32: {zlib.crc32(BODY)}\r\nContent-Length: {len(BODY)}\r\n"
    "x-amzn-RequestId: {request:032X}\r\n\r\n"
)
REFUSED = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"


class Connection(asyncio.Protocol):
    """One kept-alive connection, on which requests come one after the other."""

    def __init__(self, calls: Counter[str]) -> None:
        self._calls = calls
        self._received = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what to write to."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer each request that is complete."""
        assert self._transport is not None
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            lines = self._received[:end].decode("latin-1").split("\r\n")[1:]
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            after = end + 4 + int(headers.get("content-length", 0))
            if len(self._received) < after:
                return
            self._received = self._received[after:]
            operation = headers.get("x-amz-target", "").removeprefix("DynamoDB_20120810.")
            self._calls[operation] += 1
            known = operation == "GetItem"
            self._transport.write(HEAD.format(request=self._calls.total()).encode() + BODY if known else REFUSED)


async def serve() -> None:
    """Say the address, and answer each line of standard input with the calls of each operation so far."""
    calls: Counter[str] = Counter()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(calls), "127.0.0.1", 0)
    print(json.dumps("http://{}:{}".format(*server.sockets[0].getsockname())), flush=True)
    while await loop.run_in_executor(None, sys.stdin.readline):
        print(json.dumps(calls), flush=True)


if __name__ == "__main__":
    asyncio.run(serve())
