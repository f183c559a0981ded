"""The fields that Logs Insights discovers in a log event.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_AnalyzeLogData-discoverable-fields.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

MAX_DISCOVERED = 1000
"""Of one log event, as AWS discovers."""

_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_PLATFORM = re.compile(rf"(START|END|REPORT|INIT_START)\b(?:.*?RequestId: ({_UUID}))?", re.DOTALL)
_LOGGED = re.compile(rf"(?:\[\w+\]\t)?\d{{4}}-\d\d-\d\dT[\d:.]+Z\t({_UUID})\t")
_REPORTED = {
    "@duration": (re.compile(r"\tDuration: ([\d.]+) ms"), 1.0),
    "@billedDuration": (re.compile(r"\tBilled Duration: ([\d.]+) ms"), 1.0),
    "@initDuration": (re.compile(r"\tInit Duration: ([\d.]+) ms"), 1.0),
    "@memorySize": (re.compile(r"\tMemory Size: (\d+) MB"), 1e6),
    "@maxMemoryUsed": (re.compile(r"\tMax Memory Used: (\d+) MB"), 1e6),
}
_TRACE = {
    "@xrayTraceId": re.compile(r"XRAY TraceId: (\S+)"),
    "@xraySegmentId": re.compile(r"\tSegmentId: (\S+)"),
}
_DECODER = json.JSONDecoder()


def discover(message: str, group: str) -> dict[str, Any]:
    """The fields of ``message``, a log event of log group ``group``, by name."""
    is_lambda = group.startswith("/aws/lambda/")
    fields = dict(_of_lambda(message)) if is_lambda else {}
    document = _document(message, anywhere=is_lambda)
    for number, (name, value) in enumerate(_flat(document, "")):
        if number >= MAX_DISCOVERED:
            break
        fields.setdefault(name, value)
    return fields


def _of_lambda(message: str) -> Iterator[tuple[str, Any]]:
    if platform := _PLATFORM.match(message):
        yield "@type", platform[1]
        if platform[2]:
            yield "@requestId", platform[2]
        if platform[1] == "REPORT":
            for name, (pattern, scale) in _REPORTED.items():
                if found := pattern.search(message):
                    yield name, float(found[1]) * scale
        for name, pattern in _TRACE.items():
            if found := pattern.search(message):
                yield name, found[1]
    elif logged := _LOGGED.match(message):
        yield "@requestId", logged[1]


def _document(message: str, *, anywhere: bool) -> Any:
    """The event as JSON; of a function's line, the first fragment of JSON in it."""
    start = message.find("{") if anywhere else len(message) - len(message.lstrip())
    if start < 0 or message[start : start + 1] != "{":
        return None
    try:
        document, end = _DECODER.raw_decode(message, start)
    except ValueError:
        return None
    return document if anywhere or not message[end:].strip() else None


def _flat(value: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    """Members by their path: ``userIdentity.type``, ``items.0.id``."""
    if isinstance(value, dict):
        members: Any = value.items()
    elif isinstance(value, list):
        members = ((str(index), member) for index, member in enumerate(value))
    elif prefix and value is not None:
        yield prefix, value
        return
    else:
        return
    for name, member in members:
        yield from _flat(member, f"{prefix}.{name}" if prefix else name)
