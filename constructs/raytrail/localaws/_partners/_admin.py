"""What the partners received, and their faults, under a signing name of our own.

- ``GET /``, or ``GET /?host=api.honeycomb.io``: the requests, oldest first, each with ``host``, ``method``, ``path``,
  ``received_at`` (seconds since the epoch), ``headers`` (keys masked but for their last four characters), ``status``,
  ``problem`` (why it was refused) and what it brought: ``spans``, ``metrics``, ``logs`` or ``item``.
- ``POST /forget``: forget them, and end all faults.
- ``POST /faults`` with ``{"host": …, "fault": "slow" | "down" | "unauthorized" | null, "seconds": 3}``: break a
  partner, or mend it; the answer is the faults in force. A slow one answers after so many seconds, one that is down
  answers 503, and one that is deaf to keys refuses each (401; Rollbar: 403).
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any
from urllib.parse import parse_qs

from raytrail.localaws._partners._inbox import KINDS, Fault, Inbox
from raytrail.localaws._partners._routes import HOSTS
from raytrail.localaws._world import Request, Response

LONGEST_SECONDS = 300


class Admin:
    """The HTTP handler of the signing name."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox

    async def __call__(self, request: Request) -> Response:
        """Answer one request."""
        match request.method, request.path:
            case "GET", "/":
                host = parse_qs(request.query_string).get("host", [None])[0]
                return _answer(200, [entry.told() for entry in self._inbox.received(host)])
            case "POST", "/forget":
                self._inbox.forget()
                return _answer(200, {})
            case "POST", "/faults":
                return self._break(request.body)
        message = f"there are only GET /, POST /forget and POST /faults, got {request.method} {request.path}"
        return _answer(404, {"message": message})

    def _break(self, body: bytes) -> Response:
        try:
            asked = json.loads(body)
            host, kind, seconds = asked["host"], asked.get("fault"), float(asked.get("seconds", 0))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return _answer(400, {"message": f"the body must be JSON with host, fault and seconds: {error!r}"})
        if host not in HOSTS:
            return _answer(400, {"message": f"host is one of {', '.join(HOSTS)}, got {host!r}"})
        if kind is not None and kind not in KINDS:
            return _answer(400, {"message": f"fault is one of {', '.join(KINDS)}, or null, got {kind!r}"})
        if not 0 <= seconds <= LONGEST_SECONDS:
            return _answer(400, {"message": f"seconds is from 0 to {LONGEST_SECONDS}, got {seconds:g}"})
        self._inbox.break_(host, Fault(kind=kind, seconds=seconds) if kind else None)
        return _answer(200, {host: asdict(fault) for host, fault in self._inbox.faults().items()})


def _answer(status: int, body: Any) -> Response:
    return status, {"content-type": "application/json"}, json.dumps(body).encode()
