"""The trace map: the services that a request went through, and the calls between them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from raytrail.traces._span import Span

if TYPE_CHECKING:
    from raytrail.traces._trace import Trace


@dataclass(frozen=True, kw_only=True)
class ServiceNode:
    """A service of a trace. Nodes are told apart by name and type: Lambda makes two of one name.

    Attributes:
        name: The name of its segments, or the resource that inferred ones stand for (`Span.service`).
        type: What it runs on, such as ``AWS::Lambda::Function``; ``remote`` for what a call other than to AWS reached;
            empty when nobody said.
        segments: Its segments, by start time.
    """

    name: str
    type: str
    segments: tuple[Span, ...] = field(repr=False, compare=False)

    @property
    def inferred(self) -> bool:
        """Whether none of its segments is its own."""
        return all(segment.inferred for segment in self.segments)


@dataclass(frozen=True, kw_only=True)
class Edge:
    """A service that calls another.

    Attributes:
        source: The caller.
        target: The called one.
        calls: The caller's view of each call, by start time: the subsegment that made it, or the called segment
            itself where a segment was called without one, as Lambda calls a function.
        called: The segment that each call reached, in the same order.
    """

    source: ServiceNode
    target: ServiceNode
    calls: tuple[Span, ...] = field(repr=False, compare=False)
    called: tuple[Span, ...] = field(repr=False, compare=False)


def services_of(segments: Iterable[Span]) -> tuple[ServiceNode, ...]:
    """The nodes of these segments, in the order of the first segment of each."""
    grouped: dict[tuple[str, str], list[Span]] = {}
    for segment in segments:
        grouped.setdefault((segment.service, segment.type), []).append(segment)
    return tuple(ServiceNode(name=name, type=type_, segments=tuple(own)) for (name, type_), own in grouped.items())


def edges_of(trace: Trace) -> tuple[Edge, ...]:
    """The calls of a trace from node to node, in the order of the first call of each."""
    node_of = {segment: node for node in trace.services for segment in node.segments}
    grouped: dict[tuple[ServiceNode, ServiceNode], list[tuple[Span, Span]]] = {}
    for segment in trace.segments:
        parent = trace.parent_of(segment)
        source = node_of.get(trace.segment_of(parent)) if parent else None
        if parent and source:
            call = segment if parent.is_segment else parent
            grouped.setdefault((source, node_of[segment]), []).append((call, segment))
    return tuple(
        Edge(
            source=source,
            target=target,
            calls=tuple(call for call, _ in pairs),
            called=tuple(called for _, called in pairs),
        )
        for (source, target), pairs in grouped.items()
    )
