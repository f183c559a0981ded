"""The command as a process of its own, and a server between it and the embedded AWS that refuses what it is told to."""

from __future__ import annotations

import http.client
import os
import re
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

OF_THE_CALLER = {"AWS_PROFILE": "no-such-profile", "AWS_SESSION_TOKEN": "stale", "AWS_EC2_METADATA_DISABLED": "true"}
"""What a person may have set, none of which may reach the embedded AWS."""
FOREIGN = ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_DEFAULT_REGION")
UNUSUAL = "PYTHONUNBUFFERED"
"""What few people have set, and what hides that output may be written late."""


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a finished command wrote, and its status."""

    status: int
    out: str
    err: str


def environment_with(**given: str | None) -> dict[str, str]:
    """The caller's environment without its AWS, with what is given; None takes a variable away."""
    own: dict[str, str | None] = {name: value for name, value in os.environ.items() if name not in (*FOREIGN, UNUSUAL)}
    return {name: value for name, value in {**own, **OF_THE_CALLER, **given}.items() if value is not None}


def raytrail(*arguments: str, **environment: str | None) -> Said:
    """Run ``raytrail`` in a process of its own."""
    finished = subprocess.run(
        [str(Path(sys.executable).parent / "raytrail"), *arguments],
        env=environment_with(**{"PYTHONIOENCODING": "utf-8", **environment}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    assert "Traceback" not in finished.stderr, finished.stderr
    return Said(status=finished.returncode, out=finished.stdout, err=finished.stderr)


@dataclass(frozen=True, kw_only=True, eq=False)
class Refusal:
    """An answer in place of the embedded AWS's: for requests of a service whose path, target or body match."""

    service: str
    matching: str
    code: str
    message: str
    status: int = 403
    headers: Mapping[str, str] = field(default_factory=dict)
    times: int = 1_000_000
    """How often, before the request is let through."""


class Gatekeeper:
    """Stands in front of the embedded AWS on 127.0.0.1 and refuses as AWS refuses. A context manager."""

    def __init__(self, endpoint: str, *refusals: Refusal) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(urlsplit(endpoint).netloc, refusals))
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Gatekeeper:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler(behind: str, refusals: tuple[Refusal, ...]) -> type[BaseHTTPRequestHandler]:
    left = {refusal: refusal.times for refusal in refusals}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            service = re.search(r"Credential=[^,]*/([\w-]+)/aws4_request", self.headers.get("authorization", ""))
            asked = f"{self.path} {self.headers.get('x-amz-target', '')} {body.decode(errors='replace')}"
            for refusal in refusals:
                meant = service and service[1] == refusal.service and re.search(refusal.matching, asked)
                if meant and left[refusal] > 0:
                    left[refusal] -= 1
                    self._answer(*_refused(refusal))
                    return
            connection = http.client.HTTPConnection(behind)
            connection.request(self.command, self.path, body, dict(self.headers))
            answer = connection.getresponse()
            kept = {name: value for name, value in answer.getheaders() if name.lower() not in _OF_THE_HOP}
            self._answer(answer.status, kept, answer.read())
            connection.close()

        def _answer(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
            self.send_response_only(status)
            for name, value in {**headers, "content-length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

    for method in ("GET", "POST", "PUT", "DELETE", "HEAD"):
        setattr(Handler, f"do_{method}", Handler._serve)
    return Handler


_OF_THE_HOP = ("content-length", "transfer-encoding", "connection")


def _refused(refusal: Refusal) -> tuple[int, dict[str, str], bytes]:
    if refusal.service in ("iam", "sts"):
        body = (
            f"<ErrorResponse><Error><Type>Sender</Type><Code>{refusal.code}</Code><Message>{refusal.message}</Message>"
            "</Error><RequestId>1</RequestId></ErrorResponse>"
        )
        return refusal.status, {"content-type": "text/xml", **refusal.headers}, body.encode()
    headers = {"content-type": "application/json", "x-amzn-errortype": refusal.code, **refusal.headers}
    return refusal.status, headers, f'{{"__type": "{refusal.code}", "message": "{refusal.message}"}}'.encode()
