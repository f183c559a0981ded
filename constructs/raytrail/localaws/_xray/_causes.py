"""From a Python traceback to the exceptions of a segment's ``cause``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from raytrail.localaws._xray._header import new_segment_id

_FRAME = re.compile(r'^\s*File "(?P<path>[^"]+)", line (?P<line>\d+), in (?P<label>.+?)\s*$', re.MULTILINE)
_CHAIN = re.compile(
    r"\n+(?:During handling of the above exception, another exception occurred|"
    r"The above exception was the direct cause of the following exception):\n+"
)


def stack_frames(traceback: str) -> list[dict[str, Any]]:
    """The frames of one traceback, the innermost first as X-Ray lists them."""
    frames = [
        {"path": frame["path"], "line": int(frame["line"]), "label": frame["label"]}
        for frame in _FRAME.finditer(traceback)
    ]
    return frames[::-1]


def exceptions(type_: str, message: str, traceback: str = "", *, remote: bool = False) -> list[dict[str, Any]]:
    """The exception and, chained to it by ``cause``, those that led to it."""
    *earlier, last = _CHAIN.split(traceback)
    chain = [_exception(type_, message, last, remote)]
    for text in reversed(earlier):
        # The last line that is not indented names the exception: "KeyError: 'id'".
        named = [line for line in text.splitlines() if line and not line[0].isspace()]
        cause_type, _, cause_message = (named[-1] if named else "").partition(": ")
        chain.append(_exception(cause_type, cause_message, text, remote))
        chain[-2]["cause"] = chain[-1]["id"]
    return chain


def _exception(type_: str, message: str, traceback: str, remote: bool) -> dict[str, Any]:
    found: dict[str, Any] = {"id": new_segment_id(), "type": type_, "message": message}
    if remote:
        found["remote"] = True
    stack: Sequence[dict[str, Any]] = stack_frames(traceback)
    if stack:
        found["stack"] = stack
    return found
