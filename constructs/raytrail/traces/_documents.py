"""Segment documents as they come, read and put where they belong.

The format is that of https://docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html. Only what a
trace cannot be drawn without is asked for; that a document is one that X-Ray would take is for X-Ray to say.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from raytrail.errors import InvalidProps

Document = Mapping[str, Any]

_BLOCKS = ("http", "aws", "sql", "annotations", "metadata")


@dataclass(kw_only=True, slots=True)
class Piece:
    """A segment or subsegment before it has its place in the tree."""

    id: str
    document: Document
    parent_id: str | None
    is_segment: bool
    children: list[Piece] = field(default_factory=list)

    @property
    def start(self) -> float:
        """When it began, in seconds since the epoch."""
        return float(self.document["start_time"])


def read(given: str | Document) -> Document:
    """A document from its JSON, or as it is when it has been read already.

    Raises:
        InvalidProps: It is no JSON object.
    """
    if not isinstance(given, str):
        document = given
    else:
        try:
            document = json.loads(given)
        except (ValueError, RecursionError) as error:
            raise InvalidProps(f"a segment document is a JSON object, got {given[:60]!r}: {error}") from error
    if not isinstance(document, Mapping):
        raise InvalidProps(f"a segment document is a JSON object, got {type(document).__name__}: {given!r:.60}")
    return document


def pieces(documents: Iterable[Document]) -> dict[str, Piece]:
    """Every segment and subsegment by its ID. Where an ID comes twice, the complete one counts, or else the first.

    Raises:
        InvalidProps: A piece lacks what places it in a trace, or a field has the wrong type.
    """
    found: dict[str, Piece] = {}
    for document in documents:
        for piece in _walk(document):
            earlier = found.get(piece.id)
            if earlier is None or ("end_time" in piece.document and "end_time" not in earlier.document):
                found[piece.id] = piece
    return found


def plant(found: Mapping[str, Piece]) -> list[Piece]:
    """Give each piece its children, by start time; return those that are nobody's children, by start time.

    A piece whose parent is not there is a root. Where pieces name each other as parents in a circle, the earliest
    is taken for the root, so that none is lost.
    """
    in_order = sorted(found.values(), key=lambda piece: piece.start)
    roots = []
    for piece in in_order:
        parent = found.get(piece.parent_id) if piece.parent_id else None
        if parent is None or parent is piece:
            roots.append(piece)
        else:
            parent.children.append(piece)
    reached = {piece.id for root in roots for piece in below(root)}
    for piece in in_order:
        if piece.id not in reached:
            found[str(piece.parent_id)].children.remove(piece)
            roots.append(piece)
            reached |= {each.id for each in below(piece)}
    return sorted(roots, key=lambda piece: piece.start)


def below(root: Piece) -> Iterator[Piece]:
    """The piece and all below it, parents before children."""
    waiting = [root]
    while waiting:
        piece = waiting.pop()
        yield piece
        waiting.extend(reversed(piece.children))


def _walk(document: Document) -> Iterator[Piece]:
    # A chain of subsegments may be longer than Python's stack is deep.
    waiting: list[tuple[Document, str | None]] = [(document, None)]
    while waiting:
        here, embedded_in = waiting.pop()
        alone = embedded_in is None
        _check(here, alone=alone)
        yield Piece(
            id=here["id"],
            document=here,
            parent_id=here.get("parent_id") if alone else embedded_in,
            is_segment=alone and here.get("type") != "subsegment",
        )
        waiting.extend((subsegment, here["id"]) for subsegment in here.get("subsegments", ()))


def _check(document: object, *, alone: bool) -> None:
    if not isinstance(document, Mapping):
        raise InvalidProps(f"a subsegment is a JSON object, got {type(document).__name__}: {document!r:.60}")
    what = f"segment document {document.get('id', '<no id>')!r}"
    for key in ("id", "name", *(("trace_id",) if alone else ())):
        if not isinstance(document.get(key), str) or not document[key]:
            raise InvalidProps(f"{key} of {what} is a string that is not empty, got {document.get(key)!r}")
    for key in ("start_time", "end_time"):
        value = document.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float):
            if key == "end_time" and value is None:
                continue
            raise InvalidProps(f"{key} of {what} is a number of seconds since the epoch, got {value!r}")
    for key in _BLOCKS:
        if not isinstance(document.get(key, {}), Mapping):
            raise InvalidProps(f"{key} of {what} is an object, got {document[key]!r:.60}")
    if not isinstance(document.get("subsegments", []), list | tuple):
        raise InvalidProps(f"subsegments of {what} is a list, got {document['subsegments']!r:.60}")
