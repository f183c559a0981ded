"""One invocation of a function as Lambda sees it: its tracing header, its failure, its two segments.

The segments have the newer of the two forms of
https://docs.aws.amazon.com/lambda/latest/dg/services-xray.html: the service's (``AWS::Lambda``) and the function's
(``AWS::Lambda::Function``), the latter with ``Init`` at a cold start and without ``Invocation``.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from raytrail.localaws._xray import (
    EMULATED,
    Allowance,
    Document,
    RegionalXRay,
    TraceHeader,
    causes,
    new_segment_id,
    new_trace_id,
)


@dataclass(kw_only=True)
class Invocation:
    """An invocation while it runs."""

    config: Mapping[str, Any]
    request_id: str
    started: float
    """Seconds since the epoch."""
    header: TraceHeader
    """What the function is told in ``_X_AMZN_TRACE_ID``; its parent is the function's segment."""
    caller: str | None = None
    """The ID of the calling segment, if there is one."""
    recorded: bool = False
    """Whether Lambda records segments of its own."""
    init: tuple[float, float] | None = None
    """Start and end of the preparation of the execution environment, when this invocation had to wait for it."""
    failure: dict[str, Any] | None = None
    """Lambda's answer for a failed invocation, when the function's process told why."""


current: ContextVar[Invocation | None] = ContextVar("the invocation that runs", default=None)


class Decisions:
    """Lambda's own sampling: one request a second for each function, and 5 % of the others. No rule changes it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._allowances: dict[str, Allowance] = {}

    def take(self, function_arn: str) -> bool:
        """Decide for one invocation that brings no decision."""
        with self._lock:
            return self._allowances.setdefault(function_arn, Allowance(1, 0.05)).take()


def begin(
    config: Mapping[str, Any], request_id: str, started: float, given: TraceHeader | None, decisions: Decisions
) -> Invocation:
    """Decide what an invocation records and what its function is told.

    ``Active`` follows the caller's decision, or decides; ``PassThrough`` records nothing, hands on the caller's
    header, and tells a function without one that the request is not sampled.
    """
    root = given.root if given else new_trace_id()
    sampled = given.sampled if given else None
    active = config.get("TracingConfig", {}).get("Mode") == "Active"
    if active and sampled is None:
        sampled = decisions.take(config["FunctionArn"])
    recorded = active and bool(sampled)
    caller = given.parent if given else None
    parent = new_segment_id() if recorded or caller is None else caller
    return Invocation(
        config=config,
        request_id=request_id,
        started=started,
        header=TraceHeader(root, parent, bool(sampled)),
        caller=caller,
        recorded=recorded,
    )


def record(invocation: Invocation, result: Mapping[str, Any], here: RegionalXRay) -> None:
    """Send the two segments of a finished invocation."""
    if not invocation.recorded:
        return
    ended = time.time()
    config, header = invocation.config, invocation.header
    name, arn = config["FunctionName"], config["FunctionArn"]
    common: Document = {
        "name": name,
        "trace_id": header.root,
        "start_time": invocation.started,
        "end_time": ended,
        "resource_arn": arn,
        "metadata": EMULATED,
    }
    service: Document = {
        **common,
        "id": new_segment_id(),
        "origin": "AWS::Lambda",
        "http": {"response": {"status": 200}},
        "aws": {"request_id": invocation.request_id, "function_arn": arn, "resource_names": [name]},
    }
    if invocation.caller:
        service["parent_id"] = invocation.caller
    function: Document = {
        **common,
        "id": header.parent,
        "parent_id": service["id"],
        "origin": "AWS::Lambda::Function",
        "aws": {"account_id": here.account_id, "function_arn": arn, "resource_names": [name]},
    }
    if invocation.init:
        start, end = invocation.init
        init = {"id": new_segment_id(), "name": "Init", "start_time": start, "end_time": end}
        function["subsegments"] = [init]
    if result.get("error"):
        payload = invocation.failure or result.get("body") or {}
        type_, message = str(payload.get("errorType", "")), str(payload.get("errorMessage", ""))
        function["fault"] = True
        function["cause"] = {"exceptions": causes(type_, message, "".join(payload.get("stackTrace", ())))}
    here.traces.put(service)
    here.traces.put(function)
