"""What the stand-ins received, and what is wrong with them just now."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

KEPT = 1000
"""How many requests are kept, the newest."""

Kind = Literal["slow", "down", "unauthorized"]
KINDS: tuple[Kind, ...] = ("slow", "down", "unauthorized")

PLAIN_HEADERS = frozenset(
    {
        "accept",
        "accept-encoding",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "host",
        "traceparent",
        "transfer-encoding",
        "user-agent",
        "x-honeycomb-dataset",
    }
)
"""What cannot be a key. The value of any other header is masked: a collector's key may be in a header of any name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """One HTTP request to a partner."""

    host: str
    method: str
    path: str
    """The path that the partner would see."""
    headers: Mapping[str, str]
    """By name in lower case."""
    body: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """What a partner answers, and what it read."""

    status: int
    content_type: str = "application/json"
    body: bytes = b""
    problem: str | None = None
    """Why the request was refused."""
    content: Mapping[str, Any] = field(default_factory=dict)
    """What was in the request: ``spans``, ``metrics``, ``logs`` or ``item``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """What is wrong with a partner."""

    kind: Kind
    seconds: float = 0
    """How long a slow one takes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Received:
    """One request as it is told of: keys are masked."""

    host: str
    method: str
    path: str
    received_at: float
    """Seconds since the epoch."""
    headers: dict[str, str]
    status: int
    problem: str | None
    content: dict[str, Any]

    def told(self) -> dict[str, Any]:
        """As JSON: the content's members beside the others."""
        about = asdict(self)
        return {**about, **about.pop("content")}


class Inbox:
    """The newest requests to all partners, and the partners' faults."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._received: deque[Received] = deque(maxlen=KEPT)
        self._faults: dict[str, Fault] = {}
        self._since = 0.0

    def put(self, call: Call, reply: Reply, received_at: float) -> None:
        """Keep a request, unless it came before the last `forget`, from which a slow partner may still be at work."""
        entry = Received(
            host=call.host,
            method=call.method,
            path=call.path,
            received_at=received_at,
            headers={name: value if name in PLAIN_HEADERS else masked(value) for name, value in call.headers.items()},
            status=reply.status,
            problem=reply.problem,
            content=dict(reply.content),
        )
        with self._lock:
            if received_at >= self._since:
                self._received.append(entry)

    def received(self, host: str | None = None) -> list[Received]:
        """The requests to ``host``, or to all, oldest first."""
        with self._lock:
            return [entry for entry in self._received if host in (None, entry.host)]

    def forget(self) -> None:
        """Be as at the start: nothing received, no faults."""
        with self._lock:
            self._received.clear()
            self._faults.clear()
            self._since = time.time()

    def break_(self, host: str, fault: Fault | None) -> None:
        """Give ``host`` a fault, or none."""
        with self._lock:
            self._faults.pop(host, None)
            if fault is not None:
                self._faults[host] = fault

    def fault_of(self, host: str) -> Fault | None:
        """The fault of ``host``."""
        with self._lock:
            return self._faults.get(host)

    def faults(self) -> dict[str, Fault]:
        """The faults by host."""
        with self._lock:
            return dict(self._faults)


def masked(secret: str) -> str:
    """A key as it may be shown: its last four characters, and of a short one nothing."""
    return f"****{secret[-4:]}" if len(secret) >= 12 else "****"
