"""A trace's segment documents as one tree, in the order in which one reads it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """One segment or subsegment of a trace."""

    name: str
    depth: int
    milliseconds: float
    fault: bool
    origin: str

    def __str__(self) -> str:
        marks = " FAULT" if self.fault else ""
        origin = f" ({self.origin})" if self.origin else ""
        return f"{'  ' * self.depth}{self.name}{origin} {self.milliseconds:.1f} ms{marks}"


def span_tree(documents: list[dict[str, Any]]) -> list[Span]:
    """Return the spans, each parent before its children, children by start time.

    A segment hangs under the segment or subsegment that its ``parent_id`` names; one whose parent is not there is a
    root.
    """
    children: dict[str, list[dict[str, Any]]] = {}
    ids = {piece["id"] for document in documents for piece in _pieces(document)}
    roots = []
    for document in documents:
        parent = document.get("parent_id")
        if isinstance(parent, str) and parent in ids:
            children.setdefault(parent, []).append(document)
        else:
            roots.append(document)

    def walk(piece: dict[str, Any], depth: int) -> Iterator[Span]:
        end = piece.get("end_time", piece["start_time"])
        yield Span(
            name=piece["name"],
            depth=depth,
            milliseconds=(end - piece["start_time"]) * 1000,
            fault=bool(piece.get("fault")),
            origin=piece.get("origin", ""),
        )
        below = [*piece.get("subsegments", []), *children.get(piece["id"], [])]
        for child in sorted(below, key=lambda each: float(each["start_time"])):
            yield from walk(child, depth + 1)

    ordered = sorted(roots, key=lambda each: float(each["start_time"]))
    return [span for root in ordered for span in walk(root, 0)]


def _pieces(piece: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield piece
    for child in piece.get("subsegments", []):
        yield from _pieces(child)
