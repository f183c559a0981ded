"""What was seen of a function: facts, gathered once, that the checks read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class NotLookedAt:
    """A fact that could not be had.

    Attributes:
        what: The fact, in words.
        reason: Which permission is missing, or what else went wrong.
    """

    what: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class RoleSeen:
    """What the function's role may do.

    Attributes:
        arn: The role.
        exists: Whether IAM knows it.
        may_put_segments: Whether it may call ``xray:PutTraceSegments``; None when nobody could tell.
        how: How that was found out, in words.
    """

    arn: str
    exists: bool = True
    may_put_segments: bool | None = None
    how: str = ""


@dataclass(frozen=True, kw_only=True)
class RuleSeen:
    """A sampling rule: which requests it takes (``*`` and ``?`` are wildcards), and what it samples of them."""

    name: str
    priority: int
    rate: float
    reservoir: int
    service_name: str = "*"
    service_type: str = "*"
    resource_arn: str = "*"
    host: str = "*"
    method: str = "*"
    path: str = "*"
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class StageSeen:
    """A stage of a REST API that may invoke the function.

    Attributes:
        name: As X-Ray names it: ``API/stage``.
        arn: Of the stage.
        traced: Whether its tracing is on.
    """

    name: str
    arn: str
    traced: bool


@dataclass(frozen=True, kw_only=True)
class SecretSeen:
    """A secret that an exporter of the function reads.

    Attributes:
        id: The name or ARN in the function's environment.
        used_by: Which exporter reads it.
        state: ``found``, ``missing``, or ``deleted`` (scheduled for deletion).
        may_read: Whether the role may read it; None when nobody could tell.
    """

    id: str
    used_by: str
    state: str
    may_read: bool | None = None


@dataclass(frozen=True, kw_only=True)
class TracesSeen:
    """What of the function X-Ray has, since the function was last changed. Each is a trace's ID, or None.

    Attributes:
        count: How many traces the function has a part in.
        lambdas: The newest trace with a segment that Lambda itself sent for the function.
        spans: The newest trace with a span of the function's own code.
        together: The newest trace with both.
        logged: The newest trace with a span of the function in the log group ``aws/spans``.
    """

    count: int = 0
    lambdas: str | None = None
    spans: str | None = None
    together: str | None = None
    logged: str | None = None

    @property
    def newest(self) -> str | None:
        """The trace to look at first."""
        return self.together or self.spans or self.lambdas or self.logged


@dataclass(frozen=True, kw_only=True)
class FunctionSeen:
    """A Lambda function and what is around it. None, where it is a default, means: not looked at.

    Attributes:
        name: Of the function.
        arn: Of the function.
        region: Where it is.
        since: The start of the time that was looked at: that asked for, or the function's last change if later.
        until: Its end.
        changed: Whether `since` is the function's last change.
        runtime: Such as ``python3.13``; empty for a container image.
        image: Whether it is a container image.
        architecture: ``x86_64`` or ``arm64``.
        active: Whether active tracing is on.
        layers: The ARNs of its layer versions.
        variables: Its environment; None when it could not be decrypted.
        in_vpc: Whether it is attached to a VPC.
        invocations: How often it was invoked.
        role: What its role may do.
        rules: The sampling rules of the Region, the first to be asked first.
        stages: The stages of REST APIs that may invoke it.
        indexed_percent: With Transaction Search on, the share of spans that become trace summaries; -1 when it is
            off.
        log_lines: Lines of its log that speak of tracing, the newest last.
        unsampled: How many of the reported requests Lambda did not sample, and how many were reported with a
            decision at all.
        traces: What arrived.
        secrets: Those that its exporters read.
        not_looked_at: What could not be had, and why.
    """

    name: str
    arn: str
    region: str
    since: datetime
    until: datetime
    changed: bool = False
    runtime: str = ""
    image: bool = False
    architecture: str = "x86_64"
    active: bool = True
    layers: tuple[str, ...] = ()
    variables: Mapping[str, str] | None = field(default_factory=dict)
    in_vpc: bool = False
    invocations: int | None = None
    role: RoleSeen | None = None
    rules: tuple[RuleSeen, ...] | None = None
    stages: tuple[StageSeen, ...] | None = None
    indexed_percent: float | None = None
    log_lines: tuple[str, ...] | None = None
    unsampled: tuple[int, int] | None = None
    traces: TracesSeen | None = None
    secrets: tuple[SecretSeen, ...] = ()
    not_looked_at: tuple[NotLookedAt, ...] = ()

    @property
    def arrived(self) -> TracesSeen:
        """What of the function X-Ray has; nothing where that could not be looked at."""
        return self.traces or TracesSeen()

    @property
    def anything_arrives(self) -> bool:
        """Whether a trace has a part of the function in it."""
        return self.arrived.newest is not None

    @property
    def spans_arrive(self) -> bool:
        """Whether spans of the function's own code do."""
        return bool(self.arrived.spans or self.arrived.together or self.arrived.logged)

    def variable(self, name: str) -> str:
        """A variable of its environment; empty when it is not set, or the environment is unknown."""
        return (self.variables or {}).get(name, "").strip()

    @property
    def wrapper(self) -> str:
        """The script that starts its runtime."""
        return self.variable("AWS_LAMBDA_EXEC_WRAPPER")

    @property
    def service_name(self) -> str:
        """The name of its spans' service."""
        return self.variable("OTEL_SERVICE_NAME") or self.name
