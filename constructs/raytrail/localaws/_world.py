"""What every part of the embedded AWS shares: its settings, the calls it sees, and where to plug in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

Response = tuple[int, dict[str, str], bytes]


@dataclass(frozen=True, kw_only=True, slots=True)
class LocalAwsConfig:
    """How one embedded AWS is set up. A plain value."""

    port: int
    folder: Path
    """Everything it writes lies below this folder, which its owner deletes."""
    account_id: str = "111122223333"
    region: str = "us-east-1"
    delivery_seconds: float = 1.0
    """How long CloudTrail gathers records before it writes a file. AWS: about five minutes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Exchange:
    """One HTTP request that was dispatched, with its answer: what CloudTrail and the service metrics see."""

    method: str
    path: str
    query_string: str
    headers: dict[str, str]
    """Request headers, names in lower case."""
    body: bytes
    status: int
    response_headers: dict[str, str]
    """Response headers, names in lower case."""
    response_body: bytes
    service: str
    """The signing name in the credential scope (``s3``, ``monitoring``), empty for an unsigned request."""
    region: str
    access_key_id: str
    source_ip: str
    started_at: float
    """Seconds since the epoch."""
    duration_seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """One HTTP request for a service that ministack does not have."""

    method: str
    path: str
    query_string: str
    headers: dict[str, str]
    body: bytes
    region: str
    account_id: str


Observer = Callable[[Exchange], None]
Handler = Callable[[Request], Awaitable[Response]]


@dataclass(kw_only=True)
class World:
    """The embedded AWS as its parts see it.

    Each part is a module with ``install(world)``, called once in the server's process before it listens. A part
    adds itself here or wraps a ministack function through `raytrail.localaws._hooks`.
    """

    config: LocalAwsConfig
    observers: list[Observer] = field(default_factory=list)
    """Called after each dispatched request, in its account and Region context; must not raise or block for long."""
    services: dict[str, Handler] = field(default_factory=dict)
    """Handlers of whole services by signing name, for what ministack lacks (``xray``)."""
    before_dispatch: list[Callable[[dict[str, str], str], dict[str, str]]] = field(default_factory=list)
    """Functions (headers, path) -> headers applied to each request before ministack sees it."""
    on_stop: list[Callable[[], None]] = field(default_factory=list)

    @property
    def endpoint(self) -> str:
        """The URL that boto3 and the CDK CLI use."""
        return f"http://127.0.0.1:{self.config.port}"
