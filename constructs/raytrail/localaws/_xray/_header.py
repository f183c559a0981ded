"""The tracing header: how one service tells the next which trace a request belongs to.

``Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1``, in the HTTP header
``X-Amzn-Trace-Id`` and in a function's environment variable ``_X_AMZN_TRACE_ID``.
"""

from __future__ import annotations

import re
import secrets
import time
from contextvars import ContextVar
from dataclasses import dataclass

TRACE_ID = re.compile(r"1-[0-9a-f]{8}-[0-9a-f]{24}")
SEGMENT_ID = re.compile(r"[0-9a-f]{16}")
HEADER_NAME = "X-Amzn-Trace-Id"


@dataclass(frozen=True, slots=True)
class TraceHeader:
    """What a tracing header says. A plain value.

    Args:
        root: The trace ID.
        parent: The ID of the segment or subsegment that calls. None: the caller is not traced.
        sampled: Whether the trace is recorded. None: nobody has decided yet.
    """

    root: str
    parent: str | None = None
    sampled: bool | None = None

    @classmethod
    def parse(cls, text: str | None) -> TraceHeader | None:
        """Read a header; None when there is none, or when it names no trace ID that X-Ray accepts."""
        fields = dict(part.strip().split("=", 1) for part in (text or "").split(";") if "=" in part)
        root = fields.get("Root", "")
        if not TRACE_ID.fullmatch(root):
            return None
        parent = fields.get("Parent", "")
        return cls(
            root=root,
            parent=parent if SEGMENT_ID.fullmatch(parent) else None,
            sampled={"1": True, "0": False}.get(fields.get("Sampled", "")),
        )

    def __str__(self) -> str:
        parts = [f"Root={self.root}"]
        if self.parent is not None:
            parts.append(f"Parent={self.parent}")
        if self.sampled is not None:
            parts.append(f"Sampled={int(self.sampled)}")
        return ";".join(parts)


incoming: ContextVar[TraceHeader | None] = ContextVar("incoming trace header", default=None)
"""The tracing header of the request that is being served, for whatever it invokes."""


def new_trace_id() -> str:
    """A trace ID: the version, the time in eight hexadecimal digits, 96 random bits."""
    return f"1-{int(time.time()):08x}-{secrets.token_hex(12)}"


def new_segment_id() -> str:
    """A segment or subsegment ID: 64 random bits."""
    return secrets.token_hex(8)
