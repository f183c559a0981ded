"""What X-Ray keeps: documents as they arrived, and the trace that they make together."""

from __future__ import annotations

import copy
import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from raytrail.localaws._xray._documents import Document, ended, walk

_RESOURCES = (
    ("table_name", "AWS::DynamoDB::Table"),
    ("bucket_name", "AWS::S3::Bucket"),
    ("queue_url", "AWS::SQS::Queue"),
    ("topic_arn", "AWS::SNS::Topic"),
    ("function_name", "AWS::Lambda"),
)
"""Fields of a subsegment's ``aws`` object that name the resource called, and the type of its node."""


class Traces:
    """The documents of one account and Region. Safe for threads: datagrams and requests arrive side by side."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._documents: dict[str, dict[str, Document]] = {}
        self._starts: dict[str, float] = {}

    def put(self, document: Document) -> None:
        """Keep a document; a complete one replaces its in-progress fragment, never the other way."""
        with self._lock:
            id, start = document["trace_id"], document["start_time"]
            self._starts[id] = min(start, self._starts.get(id, start))
            trace = self._documents.setdefault(id, {})
            earlier = trace.get(document["id"])
            if earlier is None or "end_time" in document or "end_time" not in earlier:
                trace[document["id"]] = document

    def get(self, trace_id: str) -> Trace | None:
        """The trace with this ID, or None."""
        with self._lock:
            documents = copy.deepcopy(list(self._documents.get(trace_id, {}).values()))
        return Trace(trace_id, assemble(documents)) if documents else None

    def between(self, start: float, end: float) -> list[str]:
        """The IDs of the traces that started in this time, the oldest first (seconds since the epoch)."""
        with self._lock:
            found = [(began, id) for id, began in self._starts.items() if start <= began <= end]
        return [id for _, id in sorted(found)]


@dataclass(frozen=True)
class Trace:
    """All that is known of one request: its segments, subsegments in them, inferred segments among them."""

    id: str
    segments: list[Document]

    @property
    def start(self) -> float:
        """When the first of its work began, in seconds since the epoch."""
        return float(min(segment["start_time"] for segment in self.segments))

    @property
    def end(self) -> float:
        """When the last of its work ended; work in progress counts with its start."""
        return max(ended(segment) for segment in self.segments)

    @property
    def root(self) -> Document:
        """The segment that no other segment of the trace called: the entry point."""
        return next(
            (segment for segment in self.segments if segment.get("parent_id") not in self.by_id), self.segments[0]
        )

    @cached_property
    def by_id(self) -> dict[str, Document]:
        """Each segment and subsegment by its ID."""
        return {document["id"]: document for document in self.walk()}

    @cached_property
    def owner(self) -> dict[str, Document]:
        """For each segment and subsegment ID, the segment that it belongs to."""
        return {document["id"]: segment for segment in self.segments for document in walk(segment)}

    def walk(self) -> Iterator[Document]:
        """Each segment and subsegment."""
        for segment in self.segments:
            yield from walk(segment)

    def documents(self) -> list[dict[str, str]]:
        """The segments as the API gives them: each one's ID and its document in JSON."""
        return [{"Id": segment["id"], "Document": json.dumps(segment)} for segment in self.segments]

    def called_by(self, segment: Document) -> list[Document]:
        """The segments that this segment, or a subsegment in it, called."""
        return [
            other
            for other in self.segments
            if other is not segment and self.owner.get(other.get("parent_id", "")) is segment
        ]


def assemble(documents: list[Document]) -> list[Document]:
    """Segments in order of their start: subsegments sent on their own put where they belong, inferred ones added."""
    placed = {part["id"]: part for document in documents for part in walk(document)}
    segments = []
    for document in documents:
        parent = placed.get(document.get("parent_id", "")) if document.get("type") == "subsegment" else None
        if parent is None:
            segments.append(document)
        else:
            parent.setdefault("subsegments", []).append(document)
            for key in ("type", "trace_id", "parent_id"):
                del document[key]
    answered = {segment.get("parent_id") for segment in segments}
    inferred = [
        infer(part, segment["trace_id"])
        for segment in segments
        for part in walk(segment)
        if part is not segment and "namespace" in part and part["id"] not in answered
    ]
    for part in placed.values():
        part.get("subsegments", []).sort(key=lambda subsegment: subsegment["start_time"])
    return sorted([*segments, *inferred], key=lambda segment: segment["start_time"])


def infer(subsegment: Document, trace_id: str) -> Document:
    """The segment of a service that sends none of its own, as its caller saw it."""
    name, origin = subsegment["name"], None
    if subsegment["namespace"] == "aws":
        aws: dict[str, Any] = subsegment.get("aws", {})
        origin = f"AWS::{name}"
        for field, type_ in _RESOURCES:
            if aws.get(field):
                name, origin = aws[field].replace(":", "/").rsplit("/", 1)[-1], type_
                break
    segment: Document = {
        # The same subsegment always infers the same segment.
        "id": hashlib.sha256(f"inferred {subsegment['id']}".encode()).hexdigest()[:16],
        "name": name,
        "trace_id": trace_id,
        "parent_id": subsegment["id"],
        "inferred": True,
    }
    if origin:
        segment["origin"] = origin
    kept = ("start_time", "end_time", "in_progress", "http", "aws", "error", "fault", "throttle")
    segment |= {key: copy.deepcopy(subsegment[key]) for key in kept if key in subsegment}
    for callers_own in ("xray", "cloudwatch_logs"):
        segment.get("aws", {}).pop(callers_own, None)
    return segment
