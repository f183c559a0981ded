"""Trace IDs as people paste them."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from raytrail.cli._errors import WrongUse

_XRAY = re.compile(r"1-([0-9a-f]{8})-([0-9a-f]{24})")
_W3C = re.compile(r"[0-9a-f]{32}")


def read_trace_id(text: str) -> str:
    """The trace ID as X-Ray writes it, from that form or from W3C's 32 hexadecimal digits.

    Raises:
        WrongUse: It is neither.
    """
    id = text.strip().lower()
    if _XRAY.fullmatch(id):
        return id
    if _W3C.fullmatch(id):
        return f"1-{id[:8]}-{id[8:]}"
    raise WrongUse(
        f"a trace ID is 1-, 8 and 24 hexadecimal digits (1-67891233-abcdef012345678912345678), or the 32 digits of "
        f"W3C, got {text!r}"
    )


def began(trace_id: str) -> datetime:
    """When the trace began: X-Ray's IDs start with the second."""
    return datetime.fromtimestamp(int(trace_id.split("-")[1], 16), UTC)
