"""What a filter can ask about: the values that each keyword has for a trace, a segment, a call or a root cause."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from raytrail.traces._filter_keywords import Value
from raytrail.traces._root_causes import RootCause
from raytrail.traces._service_map import Edge, ServiceNode
from raytrail.traces._span import Span
from raytrail.traces._trace import Trace

Annotations: TypeAlias = Mapping[str, tuple[Value, ...]]

_SUCCESS = range(200, 300)


@dataclass(frozen=True, slots=True)
class Seen:
    """Something that a filter speaks of.

    Attributes:
        values: The values of a keyword; none when it is not there.
        annotations: The values of each annotation: its own (``""``), or those of the ``source`` or ``destination``.
    """

    values: Callable[[str], Iterable[Value]]
    annotations: Callable[[str], Annotations] = lambda side: {}


def whole(trace: Trace) -> Seen:
    """The trace as a whole."""
    spans = [span for span, _ in trace.spans()]

    def values(keyword: str) -> Iterable[Value]:
        match keyword:
            case "duration":
                return (trace.duration,)
            case "partial":
                return (trace.partial,)
            case "throttle":
                return (any(span.throttle for span in spans),)
            case "inferred":
                return (any(span.inferred for span in spans),)
            case "user" | "availabilityzone" | "instance.id" | "resource.arn":
                return [value for span in spans for value in _of_span(span, keyword)]
        return _of_span(trace.root, keyword)

    return Seen(values, lambda side: trace.annotations)


def requests(trace: Trace, node: ServiceNode) -> Iterator[Seen]:
    """The segments of a service."""
    for segment in node.segments:
        yield _request(trace, segment)


def _request(trace: Trace, segment: Span) -> Seen:
    def values(keyword: str) -> Iterable[Value]:
        match keyword:
            case "root":
                return (segment is trace.root,)
            case "inferred":
                return (segment.inferred,)
            case "name":
                return (segment.service,)
            case "type":
                return (segment.type,) if segment.type else ()
        return _of_span(segment, keyword)

    return Seen(values, lambda side: _annotations(_work_of(segment)))


def calls(trace: Trace, edge: Edge) -> Iterator[Seen]:
    """The calls over an edge."""
    for call, called in zip(edge.calls, edge.called, strict=True):
        yield _call(edge, call, called)


def _call(edge: Edge, call: Span, called: Span) -> Seen:
    def annotations(side: str) -> Annotations:
        if side == "":
            own = () if call.is_segment else (call,)
            return _annotations([*own, *_work_of(called)])
        node = edge.source if side == "source" else edge.target
        return _annotations([span for segment in node.segments for span in _work_of(segment)])

    return Seen(lambda keyword: _of_span(call, keyword), annotations)


def elements(cause: RootCause, level: str) -> Iterator[Seen]:
    """The services, entities or exceptions of a root cause, each with its place in its list."""
    for services in _lists(cause, level):
        for index, element in enumerate(services):
            yield _element(element, index, last=index == len(services) - 1)


def _lists(cause: RootCause, level: str) -> Iterator[list[Mapping[str, Any]]]:
    if level == "service":
        yield cause["Services"]
        return
    for service in cause["Services"]:
        if level == "entity":
            yield service["EntityPath"]
        else:
            yield from (entity["Exceptions"] for entity in service["EntityPath"])


def _element(element: Mapping[str, Any], index: int, *, last: bool) -> Seen:
    place: Mapping[str, Value] = {"index": index, "first": index == 0, "last": last}

    def values(keyword: str) -> Iterable[Value]:
        # X-Ray's keywords are the fields of a root cause in lower case.
        value = place.get(keyword, element.get(keyword.title()))
        return () if value is None else (value,)

    return Seen(values)


def _work_of(segment: Span) -> list[Span]:
    """A segment and its subsegments, without the segments that these call."""
    found, waiting = [], [segment]
    while waiting:
        span = waiting.pop()
        found.append(span)
        waiting += [child for child in span.children if not child.is_segment]
    return found


def _annotations(spans: Iterable[Span]) -> Annotations:
    found: dict[str, tuple[Value, ...]] = {}
    for span in spans:
        for key, value in span.annotations.items():
            found[key] = (*found.get(key, ()), value)
    return found


def _of_span(span: Span, keyword: str) -> Iterable[Value]:
    value = _FIELDS[keyword](span)
    # An empty string is what a span has that does not say.
    return () if value is None or value == "" else (value,)


def _text(value: object) -> str:
    return "" if value is None else str(value)


_FIELDS: Mapping[str, Callable[[Span], Value | None]] = {
    "ok": lambda span: (
        not (span.fault or span.error or span.throttle) and (span.status is None or span.status in _SUCCESS)
    ),
    "error": lambda span: span.error,
    "fault": lambda span: span.fault,
    "throttle": lambda span: span.throttle,
    "partial": lambda span: span.in_progress,
    "responsetime": lambda span: None if span.in_progress else span.duration,
    "duration": lambda span: None if span.in_progress else span.duration,
    "http.status": lambda span: span.status,
    "http.url": lambda span: _text(span.http["request"].get("url")),
    "http.method": lambda span: _text(span.http["request"].get("method")),
    "http.useragent": lambda span: _text(span.http["request"].get("user_agent")),
    "http.clientip": lambda span: _text(span.http["request"].get("client_ip")),
    "user": lambda span: span.user,
    "availabilityzone": lambda span: _text(_ec2(span).get("availability_zone")),
    "instance.id": lambda span: _text(_ec2(span).get("instance_id")),
    "resource.arn": lambda span: span.resource_arn,
}


def _ec2(span: Span) -> Mapping[str, Any]:
    block = span.aws.get("ec2")
    return block if isinstance(block, Mapping) else {}
