"""A trace: the segments of one request as one tree."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from raytrail.errors import InvalidProps
from raytrail.traces._documents import Document, Piece, below, pieces, plant, read
from raytrail.traces._inferred import inferred_segment
from raytrail.traces._service_map import Edge, ServiceNode, edges_of, services_of
from raytrail.traces._span import Span


@dataclass(frozen=True, kw_only=True, eq=False)
class Trace:
    """What is known of one request. Make it with `from_documents`.

    Attributes:
        id: The trace ID, as X-Ray writes it.
        roots: The spans that no span of the trace called, by start time. More than one when a parent has not
            arrived.
    """

    id: str
    roots: tuple[Span, ...]

    @classmethod
    def from_documents(cls, documents: Iterable[str | Mapping[str, Any]]) -> Trace:
        """Return the trace of segment documents: what BatchGetTraces gives as ``Segments[].Document``.

        What was sent to X-Ray will do as well: subsegments that were sent alone are put where they belong, work in
        progress gives way to the complete piece of the same ID, and a call to a service that sent no segment gets
        the inferred one that X-Ray adds.

        Args:
            documents: Each as text or read, in any order.

        Raises:
            InvalidProps: There is no document; one is no JSON object, lacks ``id``, ``name``, ``trace_id`` or
                ``start_time``, or has a field of the wrong type; or they are of more than one trace.
        """
        read_ones = [read(document) for document in documents]
        if not read_ones:
            raise InvalidProps("a trace is made of segment documents, got none: has the trace arrived yet?")
        found = pieces(read_ones)
        ids = sorted({str(document["trace_id"]) for document in read_ones})
        if len(ids) > 1:
            raise InvalidProps(f"the segment documents of a trace have one trace_id, got {', '.join(ids)}")
        for segment in _inferred(found, ids[0]):
            found |= pieces([segment])
        return cls(id=ids[0], roots=tuple(_span(root) for root in plant(found)))

    def spans(self) -> Iterator[tuple[Span, int]]:
        """Each span with its depth (0 for a root): depth first, parents before children, children by start time."""
        waiting = [(root, 0) for root in reversed(self.roots)]
        while waiting:
            span, depth = waiting.pop()
            yield span, depth
            waiting.extend((child, depth + 1) for child in reversed(span.children))

    @cached_property
    def segments(self) -> tuple[Span, ...]:
        """The spans that are segments, inferred ones among them, by start time."""
        return tuple(sorted((span for span, _ in self.spans() if span.is_segment), key=lambda span: span.start))

    @property
    def root(self) -> Span:
        """The entry point: the first root that is a segment of a service."""
        return next((span for span in self.roots if span.is_segment and not span.inferred), self.roots[0])

    @property
    def start(self) -> float:
        """When the first of the work began, in seconds since the epoch."""
        return min(span.start for span in self.roots)

    @property
    def end(self) -> float:
        """When the last of the work ended, in seconds since the epoch; work in progress counts with its start."""
        return max(span.start + span.duration for span, _ in self.spans())

    @property
    def duration(self) -> float:
        """Seconds from the first start to the last end."""
        return self.end - self.start

    @property
    def response_time(self) -> float:
        """Seconds that the entry point took to answer; work that went on after it is not counted."""
        return self.root.duration

    @property
    def partial(self) -> bool:
        """Whether some of the work is in progress."""
        return any(span.in_progress for span, _ in self.spans())

    @cached_property
    def annotations(self) -> Mapping[str, tuple[str | int | float | bool, ...]]:
        """The values of each annotation, from every span."""
        found: dict[str, tuple[Any, ...]] = {}
        for span, _ in self.spans():
            for key, value in span.annotations.items():
                found[key] = (*found.get(key, ()), value)
        return found

    def segment_of(self, span: Span) -> Span:
        """The segment whose work a span is part of: the span itself when it is one, or a subsegment without one.

        Args:
            span: A span of this trace; another is a KeyError.
        """
        return self._owners[span]

    def parent_of(self, span: Span) -> Span | None:
        """The span that a span hangs under; None for a root.

        Args:
            span: A span of this trace.
        """
        return self._parents.get(span)

    @cached_property
    def services(self) -> tuple[ServiceNode, ...]:
        """The nodes of the trace map, in the order in which the request reached them.

        X-Ray also shows a node of type ``client`` before each entry point; it stands for no segment and is not here.
        """
        return services_of(self.segments)

    @cached_property
    def edges(self) -> tuple[Edge, ...]:
        """The calls between nodes of the trace map, by the start of the first."""
        return edges_of(self)

    def documents(self) -> list[dict[str, Any]]:
        """The segment documents by start time, as BatchGetTraces gives them: whole, and with the inferred ones."""
        alone = [span for span in self.roots if not span.is_segment]
        return [span.whole_document() for span in sorted([*self.segments, *alone], key=lambda span: span.start)]

    @cached_property
    def _owners(self) -> Mapping[Span, Span]:
        owners: dict[Span, Span] = {}
        for span, _ in self.spans():
            parent = self._parents.get(span)
            owners[span] = span if span.is_segment or parent is None else owners[parent]
        return owners

    @cached_property
    def _parents(self) -> Mapping[Span, Span]:
        return {child: span for span, _ in self.spans() for child in span.children}


def _inferred(found: Mapping[str, Piece], trace_id: str) -> list[Document]:
    answered = {piece.parent_id for piece in found.values() if piece.is_segment}
    return [
        inferred_segment(piece.document, trace_id)
        for piece in found.values()
        if not piece.is_segment
        and piece.document.get("namespace")
        and piece.id not in answered
        and not _promised(piece.document)
    ]


def _promised(subsegment: Document) -> bool:
    """Whether the caller says that the called service will send a segment itself."""
    request = subsegment.get("http", {}).get("request")
    return isinstance(request, Mapping) and request.get("traced") is True


def _span(root: Piece) -> Span:
    # From the leaves up, and not by recursion: a trace may be deeper than Python's stack.
    made: dict[str, Span] = {}
    for piece in reversed(list(below(root))):
        document = piece.document
        end = document.get("end_time")
        made[piece.id] = Span(
            id=piece.id,
            name=document["name"],
            start=piece.start,
            end=None if end is None else float(end),
            is_segment=piece.is_segment,
            origin=document.get("origin") or "",
            namespace=document.get("namespace") or "",
            fault=bool(document.get("fault")),
            error=bool(document.get("error")),
            throttle=bool(document.get("throttle")),
            inferred=bool(document.get("inferred")),
            parent_id=piece.parent_id,
            document=document,
            children=tuple(made[child.id] for child in piece.children),
        )
    return made[root.id]
