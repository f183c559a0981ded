"""Traces and maps, read with the public API."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from raytrail.cli._aws import Aws, asking
from raytrail.cli._traces._ids import began
from raytrail.cli._traces._window import RETENTION, Window, local_time
from raytrail.errors import RaytrailError
from raytrail.traces import Filter, Trace, parse_filter

THROTTLED = 429
"""The HTTP status of a request that was one too many."""

MOST_TRACES = 5
"""How many traces one BatchGetTraces gives."""


@dataclass(frozen=True, kw_only=True)
class Summary:
    """One line of the list of traces.

    Attributes:
        id: As X-Ray writes it.
        start: When it began.
        seconds: How long it took, or None while it is in progress.
        status: OK, ERROR (4xx), THROTTLE (429) or FAULT (5xx) of the entry point.
        method: The HTTP method; empty where no request by HTTP began the trace.
        url: The URL that was asked for; likewise.
        http_status: The status of the HTTP response.
        services: The nodes that it went through, the entry point first, each name once.
    """

    id: str
    start: datetime
    seconds: float | None
    status: str
    method: str
    url: str
    http_status: int | None
    services: tuple[str, ...]

    @property
    def path(self) -> str:
        """The path of the URL."""
        return urlsplit(self.url).path

    @classmethod
    def from_api(cls, found: Mapping[str, Any]) -> Summary:
        """What GetTraceSummaries answers, of which X-Ray may leave out all but the ID."""
        http = found.get("Http") or {}
        entry = found.get("EntryPoint") or {}
        names = [entry.get("Name"), *(service.get("Name") for service in found.get("ServiceIds") or ())]
        start = found.get("StartTime")
        return cls(
            id=found["Id"],
            start=start.astimezone(UTC) if isinstance(start, datetime) else began(found["Id"]),
            seconds=None if found.get("IsPartial") else found.get("Duration"),
            status=_status(found),
            method=http.get("HttpMethod") or "",
            url=http.get("HttpURL") or "",
            http_status=http.get("HttpStatus"),
            services=tuple(dict.fromkeys(name for name in names if name)),
        )

    def as_json(self) -> dict[str, Any]:
        """The line for a program: times in UTC, lengths in seconds."""
        return {
            "id": self.id,
            "start": self.start.isoformat(),
            "duration_seconds": self.seconds,
            "status": self.status,
            "method": self.method or None,
            "url": self.url or None,
            "http_status": self.http_status,
            "services": list(self.services),
        }


def newest(aws: Aws, window: Window, *, expression: Filter | None, limit: int) -> list[Summary]:
    """The newest traces of the window, the oldest of them first.

    Raises:
        Refused: AWS refused, or did not answer.
    """
    with asking(aws):
        return summaries(aws, window, expression=expression, limit=limit)


def summaries(aws: Aws, window: Window, *, expression: Filter | None, limit: int) -> list[Summary]:
    """The same, with boto3's own errors."""
    found: dict[str, Summary] = {}
    for piece in window.pieces():
        for page in _pages(aws, piece, expression):
            found |= {each["Id"]: Summary.from_api(each) for each in page}
        if len(found) >= limit:
            break
    return sorted(found.values(), key=lambda summary: (summary.start, summary.id))[-limit:]


def one(aws: Aws, trace_id: str) -> Trace:
    """The trace with this ID, as X-Ray writes it.

    Raises:
        RaytrailError: X-Ray has none, or not any more; or AWS refused.
    """
    with asking(aws):
        found = whole(aws, [trace_id])
    if not found:
        raise RaytrailError(_nothing(aws, trace_id))
    return found[0]


def whole(aws: Aws, trace_ids: Sequence[str]) -> list[Trace]:
    """Those of the traces that X-Ray has, with boto3's own errors."""
    segments: dict[str, list[str]] = {}
    paginator = aws.client("xray").get_paginator("batch_get_traces")
    for start in range(0, len(trace_ids), MOST_TRACES):
        for page in paginator.paginate(TraceIds=list(trace_ids[start : start + MOST_TRACES])):
            for trace in page.get("Traces", ()):
                documents = [segment["Document"] for segment in trace.get("Segments", ())]
                segments.setdefault(trace["Id"], []).extend(documents)
    return [Trace.from_documents(documents) for documents in segments.values() if documents]


def group_filter(aws: Aws, name: str) -> Filter | None:
    """What selects the traces of a group: its expression as it is now; None for a group of all traces.

    Raises:
        RaytrailError: There is no such group, or its expression cannot be read.
    """
    with asking(aws):
        pages = aws.client("xray").get_paginator("get_groups").paginate()
        groups = {group["GroupName"]: group for page in pages for group in page.get("Groups", ())}
    if name not in groups and name != "Default":
        others = ", ".join(sorted(groups)) or "none"
        raise RaytrailError(f"there is no group {name!r} in {aws}; there are: {others} (names are case-sensitive)")
    text = groups.get(name, {}).get("FilterExpression")
    return parse_filter(text) if text else None


def service_graph(aws: Aws, window: Window, group: str | None) -> Iterator[list[dict[str, Any]]]:
    """The services of the window, or of a group's traces in it: a list for each piece of at most six hours.

    Raises:
        Refused: AWS refused, or did not answer.
    """
    chosen = {"GroupName": group} if group else {}
    with asking(aws):
        paginator = aws.client("xray").get_paginator("get_service_graph")
        for start, end in window.six_hours():
            pages = paginator.paginate(StartTime=start, EndTime=end, **chosen)
            yield [service for page in pages for service in page.get("Services", ())]


def trace_graph(aws: Aws, trace_id: str) -> list[dict[str, Any]]:
    """The services of one trace.

    Raises:
        RaytrailError: X-Ray has no such trace; or AWS refused.
    """
    with asking(aws):
        pages = aws.client("xray").get_paginator("get_trace_graph").paginate(TraceIds=[trace_id])
        services = [service for page in pages for service in page.get("Services", ())]
    if not services:
        raise RaytrailError(_nothing(aws, trace_id))
    return services


def _pages(aws: Aws, piece: tuple[datetime, datetime], expression: Filter | None) -> Iterator[list[dict[str, Any]]]:
    start, end = piece
    chosen = {} if expression is None else {"FilterExpression": str(expression)}
    paginator = aws.client("xray").get_paginator("get_trace_summaries")
    for page in paginator.paginate(StartTime=start, EndTime=end, **chosen):
        yield page.get("TraceSummaries", [])


def _status(found: Mapping[str, Any]) -> str:
    if found.get("HasFault"):
        return "FAULT"
    if not found.get("HasError"):
        return "OK"
    # HasFault and HasError are those of the entry point; HasThrottle is that of any segment, also of a call that was
    # throttled and tried again.
    throttled = found.get("HasThrottle") or (found.get("Http") or {}).get("HttpStatus") == THROTTLED
    return "THROTTLE" if throttled else "ERROR"


def _nothing(aws: Aws, trace_id: str) -> str:
    start = began(trace_id)
    age = datetime.now(UTC) - start
    if age > RETENTION:
        why = f"it began {local_time(start)}, and X-Ray keeps traces for {RETENTION.days} days"
    elif age < -timedelta(minutes=5):
        why = f"its ID says that it begins {local_time(start)}, which is in the future"
    elif age < timedelta(minutes=1):
        why = "it began just now, and spans take up to half a minute to arrive: try again"
    else:
        why = (
            "it was not sampled, or is in another Region or account; with Transaction Search on, it may be in the log "
            "group aws/spans alone"
        )
    return f"there is no trace {trace_id} in {aws}: {why}"
