"""Where a failure, or most of the time, came from: the root causes of a trace, in the shape of GetTraceSummaries.

The shape is that of https://docs.aws.amazon.com/xray/latest/api/API_TraceSummary.html. How X-Ray finds a root cause it
does not say; here

- a failure is followed from the span where it shows first down to each span in which it began, that is, which has no
  failed span below it. It impacts the client when it shows in the entry point;
- the response time is followed from the entry point to the child that took longest, for as long as that child took
  more than half of its parent's time.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, Literal

from raytrail.errors import InvalidProps

if TYPE_CHECKING:
    from raytrail.traces._span import Span
    from raytrail.traces._trace import Trace

RootCause = Mapping[str, Any]
"""A root cause, in the shape of GetTraceSummaries."""

_FIELDS: Mapping[str, tuple[str, ...]] = {
    "": ("Services", "ClientImpacting"),
    "Services": ("Name", "Names", "Type", "AccountId", "EntityPath", "Inferred"),
    "EntityPath": ("Name", "Coverage", "Exceptions", "Remote"),
    "Exceptions": ("Name", "Message"),
}
_HALF = 0.5


def root_causes(trace: Trace, of: Literal["fault", "error", "responsetime"]) -> tuple[RootCause, ...]:
    """The root causes of a trace, each as a ``FaultRootCause``, ``ErrorRootCause`` or ``ResponseTimeRootCause``.

    Args:
        trace: The trace.
        of: What to look for: faults (5xx), errors (4xx), or where the response time went.
    """
    if of == "responsetime":
        return (_cause(trace, _slowest_path(trace), timed=True),)
    return tuple(_cause(trace, path, timed=False) for path in _failed_paths(trace, of))


def check_root_cause(text: str) -> None:
    """Refuse what is no root cause, whole or in part.

    Raises:
        InvalidProps: It is no JSON object, or has a field that X-Ray's root causes lack.
    """
    try:
        asked = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidProps(f"a root cause is a JSON object, got {text[:60]!r}: {error}") from error
    _check_fields(asked, "")


def is_like(asked: object, found: object) -> bool:
    """Whether each field asked for is the same in what was found; a field not asked for may be anything."""
    match asked, found:
        case Mapping(), Mapping():
            return all(key in found and is_like(value, found[key]) for key, value in asked.items())
        case list(), list():
            return len(asked) == len(found) and all(map(is_like, asked, found))
        case _:
            return asked == found


def account_of(span: Span) -> str | None:
    """The account that a span says it ran in: ``aws.account_id``, or else that of its resource's ARN."""
    said = span.aws.get("account_id")
    if said:
        return str(said)
    arn = span.resource_arn.split(":")
    return arn[4] if len(arn) > 5 and arn[4] else None


def _failed_paths(trace: Trace, flag: Literal["fault", "error"]) -> Iterable[Sequence[Span]]:
    failed = [span for span, _ in trace.spans() if getattr(span, flag)]
    for span in failed:
        if any(getattr(child, flag) for child in span.children):
            continue
        path = [span]
        while (parent := trace.parent_of(path[-1])) is not None and getattr(parent, flag):
            path.append(parent)
        yield path[::-1]


def _slowest_path(trace: Trace) -> Sequence[Span]:
    path = [trace.root]
    while path[-1].children:
        slowest = max(path[-1].children, key=lambda child: child.duration)
        if slowest.duration <= path[-1].duration * _HALF:
            break
        path.append(slowest)
    return path


def _cause(trace: Trace, path: Sequence[Span], *, timed: bool) -> RootCause:
    services = []
    for segment, spans in groupby(path, trace.segment_of):
        service: dict[str, Any] = {
            "Name": segment.service,
            "Names": [segment.service],
            "Type": segment.type or None,
            "AccountId": account_of(segment),
            "EntityPath": [_timed(span, trace.root) if timed else _failed(span) for span in spans],
            "Inferred": segment.inferred,
        }
        services.append({key: value for key, value in service.items() if value is not None})
    return {"Services": services, "ClientImpacting": path[0] is trace.root}


def _failed(span: Span) -> dict[str, Any]:
    exceptions = [
        {"Name": str(each.get("type") or ""), "Message": str(each.get("message") or "")} for each in span.exceptions
    ]
    return {"Name": span.name, "Exceptions": exceptions, "Remote": span.namespace == "remote"}


def _timed(span: Span, root: Span) -> dict[str, Any]:
    # The share of an entry point that took no time, or has not ended, is the whole of it.
    coverage = round(span.duration / root.duration, 3) if root.duration else 1.0
    return {"Name": span.name, "Coverage": coverage, "Remote": span.namespace == "remote"}


def _check_fields(asked: object, what: str) -> None:
    if not isinstance(asked, dict):
        raise InvalidProps(f"{f'an entry of {what}' if what else 'a root cause'} is a JSON object, got {asked!r:.60}")
    for key, value in asked.items():
        if key not in _FIELDS[what]:
            raise InvalidProps(f"{what or 'a root cause'} has the fields {', '.join(_FIELDS[what])}, got {key}")
        if key in _FIELDS:
            if not isinstance(value, list):
                raise InvalidProps(f"{key} of a root cause is a list, got {value!r:.60}")
            for each in value:
                _check_fields(each, key)
