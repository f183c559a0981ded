"""What is to be read, in pieces that can be read side by side: small files whole, large files of lines in blocks."""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import orjson

from raytrail.records import Refusal

SUFFIXES = (".json", ".jsonl", ".ndjson", ".log", ".gz")
"""How the names of files end that are read below a folder or a prefix, as `raytrail.records` has it."""

DAMAGED = (EOFError, zlib.error, gzip.BadGzipFile)
"""What reading a gzip raises that is cut off or altered."""

GZIP = b"\x1f\x8b"
_LARGE = 4 * 1024 * 1024
_LONGEST_LINE = 4 * 1024 * 1024
# A hundred rules take a second to be asked, of a thousand records as of fifty thousand: blocks are large.
_BLOCK = 64 * 1024 * 1024
_JOB_BYTES = 64 * 1024 * 1024
_JOB_FILES = 2000
_CHUNK = 1024 * 1024
_GZIPPED = 8
"""About how many times smaller a gzip of CloudTrail's JSON is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A file, or some lines of one.

    Attributes:
        file: The name to give in each outcome.
        path: Where it is. None when `data` has it.
        data: Its bytes, gzipped or not.
        first_line: With `lines`: the number of the first.
        lines: Whether `data` is a block of a file of lines.
        stored: Stored bytes that are done with it.
        size: About how many bytes it is, decompressed.
    """

    file: str
    path: Path | None = None
    data: bytes = b""
    first_line: int = 1
    lines: bool = False
    stored: int = 0
    size: int = 0


def files_below(root: Path) -> Iterator[Path]:
    """The files of a folder in the order of their names, hidden ones passed over; or the one file."""
    if not root.is_dir():
        yield root
        return
    for path in sorted(root.rglob("*"), key=lambda found: found.relative_to(root).parts):
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(root).parts):
            yield path


def name_of(path: Path) -> str:
    """A file's name as text, which on Linux it need not be: what is none is told by a sign for it."""
    return os.fsencode(path).decode(errors="replace")


def pieces_of(path: Path) -> Iterator[Piece | Refusal]:
    """The pieces of a file."""
    try:
        stored = path.stat().st_size
        if stored < _LARGE:
            with path.open("rb") as stream:
                packed = stream.read(len(GZIP)) == GZIP
            yield Piece(file=name_of(path), path=path, stored=stored, size=stored * (_GZIPPED if packed else 1))
        else:
            yield from _of_large(path, stored)
    except OSError as error:
        yield Refusal(file=name_of(path), line=0, reason=f"cannot be read: {error.strerror or error}")


def jobs(pieces: Iterable[Piece]) -> Iterator[tuple[Piece, ...]]:
    """Pieces that are read together: enough to be worth a query, not so many that they fill the memory."""
    job: list[Piece] = []
    size = 0
    for piece in pieces:
        if job and (size + piece.size > _JOB_BYTES or len(job) == _JOB_FILES):
            yield tuple(job)
            job, size = [], 0
        job.append(piece)
        size += piece.size
    if job:
        yield tuple(job)


def _of_large(path: Path, stored: int) -> Iterator[Piece | Refusal]:
    """Blocks of lines where it is a file of lines, and the file itself otherwise."""
    whole = Piece(file=name_of(path), path=path, stored=stored, size=_BLOCK)
    with path.open("rb") as file:
        packed = file.read(len(GZIP)) == GZIP
        stream = cast("gzip.GzipFile", gzip.GzipFile(fileobj=file) if packed else file)
        file.seek(0)
        if not _is_of_lines(stream):
            yield whole
            return
        stream.seek(0)
        number, done = 1, 0
        try:
            for block in _blocks(stream):
                position = file.tell()
                yield Piece(
                    file=name_of(path),
                    data=block,
                    first_line=number,
                    lines=True,
                    stored=position - done,
                    size=len(block),
                )
                number += block.count(b"\n")
                done = position
        except DAMAGED as error:
            yield Refusal(file=name_of(path), line=0, reason=f"truncated or damaged gzip: {error}")


def _is_of_lines(stream: gzip.GzipFile) -> bool:
    """Whether the first line that is not blank is a JSON value of its own, and there is another line."""
    first = b""
    try:
        # No record is as long as this.
        while not first.strip():
            first = stream.readline(_LONGEST_LINE)
            if not first:
                return False
        orjson.loads(first)
        return bool(stream.readline(_LONGEST_LINE).strip())
    except (*DAMAGED, orjson.JSONDecodeError):
        return False


def _blocks(stream: gzip.GzipFile) -> Iterator[bytes]:
    """Whole lines, some megabytes at a time; those before damage, too."""
    held: list[bytes] = []
    size = 0
    damage: Exception | None = None
    while True:
        try:
            # What comes before damage is returned before it is raised.
            more = stream.read1(_CHUNK)
        except DAMAGED as error:
            more, damage = b"", error
        end = more.rfind(b"\n") + 1
        if more and (size + len(more) < _BLOCK or not end):
            held.append(more)
            size += len(more)
            continue
        whole = b"".join([*held, more[:end]])
        if damage is not None:
            whole = whole[: whole.rfind(b"\n") + 1]
        if whole:
            yield whole
        if damage is not None:
            raise damage
        if not more:
            return
        held, size = [more[end:]], len(more) - end
