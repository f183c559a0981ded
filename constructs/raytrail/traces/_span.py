"""A span: one segment or subsegment of a trace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from raytrail.traces._inferred import node_name


@dataclass(frozen=True, kw_only=True, eq=False)
class Span:
    """One segment or subsegment, with what hangs under it. Two spans are equal only when they are one.

    Attributes:
        id: 16 hexadecimal digits.
        name: The service that did the work, or what was called, or the piece of code.
        start: Seconds since the epoch.
        end: Seconds since the epoch; None while it is in progress.
        is_segment: Whether it is the work of a service (a segment), or a piece of that work (a subsegment).
        origin: The type of AWS resource that did the work, such as ``AWS::Lambda::Function``; empty when unknown.
        namespace: For a subsegment that calls something: ``aws`` or ``remote``; otherwise empty.
        fault: A failure of the service itself (HTTP 5xx).
        error: A failure of the caller (HTTP 4xx).
        throttle: A call too many (HTTP 429), which is an error, too.
        inferred: Whether the service sent no segment of its own, and this is what its caller saw.
        parent_id: The span that it hangs under, whether or not that one has arrived.
        document: The segment or subsegment document, as it came.
        children: The subsegments and the segments called, by start time.
    """

    id: str
    name: str
    start: float
    end: float | None
    is_segment: bool
    origin: str
    namespace: str
    fault: bool
    error: bool
    throttle: bool
    inferred: bool
    parent_id: str | None
    document: Mapping[str, Any] = field(repr=False)
    children: tuple[Span, ...] = field(repr=False)

    @property
    def in_progress(self) -> bool:
        """Whether its end is not known yet."""
        return self.end is None

    @property
    def duration(self) -> float:
        """Seconds that it took; 0 while it is in progress."""
        return 0.0 if self.end is None else self.end - self.start

    @property
    def service(self) -> str:
        """The name of its node on the trace map: for an inferred segment the table, queue, bucket or function called.

        The document of such a segment is named after the service (``DynamoDB``), its node after the resource.
        """
        return node_name(self.document)

    @property
    def type(self) -> str:
        """The type of its node on the trace map: the origin, or ``remote`` for what a call other than to AWS reached.

        Empty for a segment of a service that does not say what it runs on.
        """
        return self.origin or ("remote" if self.inferred else "")

    @property
    def http(self) -> Mapping[str, Mapping[str, Any]]:
        """``request`` and ``response``, each an object that may be empty."""
        block = self._block("http")
        return {part: _object(block.get(part)) for part in ("request", "response")}

    @property
    def status(self) -> int | None:
        """The status code of the HTTP response."""
        status = self.http["response"].get("status")
        return status if isinstance(status, int) else None

    @property
    def aws(self) -> Mapping[str, Any]:
        """The resource that it ran on, or that it called, such as ``operation`` and ``table_name``."""
        return self._block("aws")

    @property
    def sql(self) -> Mapping[str, Any]:
        """The query to a database, such as ``sanitized_query`` and ``database_type``."""
        return self._block("sql")

    @property
    def annotations(self) -> Mapping[str, str | int | float | bool]:
        """What was indexed for search."""
        return self._block("annotations")

    @property
    def metadata(self) -> Mapping[str, Any]:
        """What was kept and not indexed, by namespace (``default``)."""
        return self._block("metadata")

    @property
    def user(self) -> str:
        """Who sent the request; empty when nobody said."""
        return str(self.document.get("user") or "")

    @property
    def resource_arn(self) -> str:
        """The ARN of the resource that did the work; empty when nobody said."""
        return str(self.document.get("resource_arn") or "")

    @property
    def exceptions(self) -> tuple[Mapping[str, Any], ...]:
        """The exceptions of its ``cause``, each with ``type`` and ``message``.

        None where the cause only names an exception of another span by its ID.
        """
        exceptions = _object(self.document.get("cause")).get("exceptions")
        return tuple(_object(each) for each in exceptions) if isinstance(exceptions, list | tuple) else ()

    def whole_document(self) -> dict[str, Any]:
        """The document with every subsegment in it, those that were sent alone among them."""
        whole: dict[str, Any] = dict(self.document)
        # A segment's children may be deeper than Python's stack.
        waiting = [(whole, self)]
        while waiting:
            document, span = waiting.pop()
            below = [(_embedded(child), child) for child in span.children if not child.is_segment]
            if below or "subsegments" in document:
                document["subsegments"] = [embedded for embedded, _ in below]
            waiting += below
        return whole

    def __str__(self) -> str:
        origin = f" ({self.origin})" if self.origin else ""
        return f"{self.service}{origin} {self.duration * 1000:.1f} ms" + (" FAULT" if self.fault else "")

    def _block(self, key: str) -> Mapping[str, Any]:
        return _object(self.document.get(key))


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _embedded(span: Span) -> dict[str, Any]:
    # What only a subsegment needs that is sent alone.
    return {key: value for key, value in span.document.items() if key not in ("type", "trace_id", "parent_id")}
