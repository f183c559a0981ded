"""Records of one piece, read fast where they are plain, and by `raytrail.records` wherever they are not.

The outcomes are those of `raytrail.records.read_records`: a test compares them, shape by shape.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import orjson

from raytrail.cli._replay._pieces import DAMAGED, GZIP, Piece
from raytrail.records import Aside, Outcome, Refusal, missing_field, read_bytes, read_line

_RECORDS = re.compile(rb'\s*\{\s*"Records"\s*:\s*\[')
_FIRST_LINE = re.compile(rb"\s*([^\r\n]+)\r?\n[ \t\r\n]*\S")


class Read(NamedTuple):
    """A record of an event."""

    file: str
    line: int
    text: bytes
    """One line of JSON."""
    record: dict[str, Any]


def read_piece(piece: Piece) -> Iterator[Read | Aside | Refusal]:
    """The records of a piece, and what in it is none."""
    if piece.lines:
        yield from _lines(piece.data, piece.file, piece.first_line)
        return
    try:
        data = piece.data if piece.path is None else piece.path.read_bytes()
    except OSError as error:
        yield Refusal(file=piece.file, line=0, reason=f"cannot be read: {error.strerror or error}")
        return
    plain = data
    if data.startswith(GZIP):
        try:
            plain = gzip.decompress(data)
        except (*DAMAGED, OSError):
            # What comes before the damage is not lost with it.
            plain = b""
    rows = _rows(plain)
    if rows is not None:
        for place, row in enumerate(rows, 1):
            yield Read(piece.file, place, _one_line(row), row)
    elif _is_of_lines(plain):
        yield from _lines(plain, piece.file, 1)
    else:
        yield from map(_read, read_bytes(data, piece.file))


def _rows(data: bytes) -> list[dict[str, Any]] | None:
    """The records of a trail's file, or None when it is none, or holds anything else."""
    if not _RECORDS.match(data):
        return None
    try:
        rows = orjson.loads(data)["Records"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None
    return rows if isinstance(rows, list) and all(map(_is_record, rows)) else None


def _is_of_lines(data: bytes) -> bool:
    """Whether the first line is a value of its own, and there are others."""
    first = _FIRST_LINE.match(data)
    if first is None or data.count(b"\r") != data.count(b"\r\n"):
        return False
    try:
        orjson.loads(first[1])
    except orjson.JSONDecodeError:
        return False
    return True


def _lines(data: bytes, file: str, number: int) -> Iterator[Read | Aside | Refusal]:
    for place, line in enumerate(data.split(b"\n"), number):
        text = line.strip()
        if not text:
            continue
        try:
            value = orjson.loads(text)
        except orjson.JSONDecodeError:
            value = None
        if _is_record(value):
            yield Read(file, place, text, value)
        else:
            yield from map(_read, read_line(line.decode("utf-8", "surrogateescape"), file, place))


def _is_record(value: Any) -> bool:
    """Whether a value is a bare record of an event, and nothing that `raytrail.records` would look at twice."""
    return (
        type(value) is dict
        and missing_field(value) is None
        and value.get("eventType") != "AwsCloudTrailInsight"
        and value.get("eventCategory") != "Insight"
        and "digestS3Object" not in value
        and "timeWindow" not in value
    )


def _read(outcome: Outcome) -> Read | Aside | Refusal:
    if isinstance(outcome, Aside | Refusal):
        return outcome
    return Read(outcome.file, outcome.line, _one_line(outcome.record), outcome.record)


def _one_line(record: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(record)
    except TypeError:
        # A number of more than 64 bits, or half of a surrogate pair, which JSON may hold and UTF-8 not.
        return json.dumps(record, ensure_ascii=False).encode("utf-8", "replace")
