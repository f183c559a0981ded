"""Files of logs made ready for DuckDB: decompressed a little at a time, and one batch ahead of who reads them."""

from __future__ import annotations

import gzip
import itertools
import re
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import cast

from raytrail.localaws._athena._log_list import LogFile

DAMAGED = (EOFError, zlib.error, OSError)
"""What reading a file raises that is cut off, or is not what its first bytes say (`gzip.BadGzipFile` is an OSError)."""

_GZIP = b"\x1f\x8b"
_CHUNK = 1024 * 1024
_BLOCK = 16 * 1024 * 1024
# Decompressed bytes, and files, of a batch: enough to keep DuckDB's threads busy.
_BATCH_BYTES = 48 * 1024 * 1024
_BATCH_FILES = 400
_RECORDS = re.compile(rb'\s*\{\s*"Records"\s*:\s*(?=\[)')
# No white space after a list is longer than this.
_TAIL = 64
_END_OF_RECORDS = re.compile(rb"\]\s*\}\s*\Z")
_OBJECT = re.compile(rb"\s*\{")


class Kind(Enum):
    """What DuckDB may be told that a piece is."""

    RECORDS = "a list of records"
    LINES = "one record a line"
    OTHER = "none of these"
    CUT = "where a file of lines is damaged"


@dataclass(frozen=True, slots=True)
class Piece:
    """A file, or some lines of one.

    Attributes:
        file: Where it is from.
        kind: How it is to be read.
        path: The decompressed bytes of a list or of lines; the file itself for the others.
        size: How many bytes these are.
        line: The line of the file that it starts with, from 1.
        stored: Stored bytes of the file that are done with it.
        reason: What is wrong with the file, for `Kind.CUT`.
    """

    file: LogFile
    kind: Kind
    path: Path
    size: int = 0
    line: int = 1
    stored: int = 0
    reason: str = ""


class ByteStream:
    """The decompressed bytes of a file. A context manager.

    Raises:
        OSError: The file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        head = self._file.read(len(_GZIP))
        self._file.seek(0)
        self._plain = cast("gzip.GzipFile", gzip.GzipFile(fileobj=self._file) if head == _GZIP else self._file)

    def __enter__(self) -> ByteStream:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def read(self) -> bytes:
        """Return some more bytes, none at the end; what comes before damage is returned before it is raised.

        Raises:
            OSError: It is damaged, as may do the others of `DAMAGED`.
        """
        return self._plain.read1(_CHUNK)

    @property
    def stored(self) -> int:
        """Stored bytes that were read so far."""
        return self._file.tell()


class _LongLine(Exception):
    """No record is as long as this line."""


@contextmanager
def batches(files: Sequence[LogFile], folder: Path) -> Iterator[Iterator[list[Piece]]]:
    """Pieces of one kind in batches, each made ready while the one before is read.

    The decompressed bytes of a batch are gone when the next is asked for.

    Args:
        files: In the order in which they are read.
        folder: Where the decompressed bytes go: a few times 48 MB, and more for larger lists.
    """
    made = _batches(files, folder)
    # Who leaves early waits for the batch that is being made.
    with ThreadPoolExecutor(max_workers=1) as ahead:

        def ready() -> Iterator[list[Piece]]:
            coming = ahead.submit(next, made, None)
            while (batch := coming.result()) is not None:
                coming = ahead.submit(next, made, None)
                yield batch
                for piece in batch:
                    if piece.path != piece.file.path:
                        piece.path.unlink()

        yield ready()


def _batches(files: Sequence[LogFile], folder: Path) -> Iterator[list[Piece]]:
    names = (folder / f"{number}.json" for number in itertools.count())
    batch: list[Piece] = []
    size = 0
    for piece in itertools.chain.from_iterable(_pieces(file, names) for file in files):
        full = size + piece.size > _BATCH_BYTES or len(batch) == _BATCH_FILES
        if batch and (full or piece.kind is not batch[0].kind):
            yield batch
            batch, size = [], 0
        batch.append(piece)
        size += piece.size
    if batch:
        yield batch


def _pieces(file: LogFile, names: Iterator[Path]) -> Iterator[Piece]:
    other = Piece(file, Kind.OTHER, file.path, stored=file.size)
    try:
        with ByteStream(file.path) as stream:
            head = stream.read()
            if start := _RECORDS.match(head):
                yield _list(file, head[start.end() :], stream, next(names)) or other
            elif _OBJECT.match(head):
                yield from _lines(file, head, stream, names)
            else:
                yield other
    except (*DAMAGED, _LongLine):
        yield other


def _list(file: LogFile, head: bytes, stream: ByteStream, path: Path) -> Piece | None:
    """The list of a trail's file without the braces around it; None when it does not end as such a file does."""
    held, size = head, 0
    try:
        with path.open("wb") as out:
            while more := stream.read():
                held += more
                size += out.write(held[:-_TAIL])
                held = held[-_TAIL:]
            end = _END_OF_RECORDS.search(held)
            if end is not None:
                size += out.write(held[: end.start() + 1])
    except DAMAGED:
        path.unlink()
        raise
    if end is None:
        path.unlink()
        return None
    return Piece(file, Kind.RECORDS, path, size=size, stored=file.size)


def _lines(file: LogFile, head: bytes, stream: ByteStream, names: Iterator[Path]) -> Iterator[Piece]:
    line, done = 1, 0
    try:
        for block in _blocks(head, stream):
            path = next(names)
            path.write_bytes(block)
            stored, done = stream.stored - done, stream.stored
            yield Piece(file, Kind.LINES, path, size=len(block), line=line, stored=stored)
            line += block.count(b"\n")
    except (*DAMAGED, _LongLine) as error:
        if line == 1:
            raise
        yield Piece(file, Kind.CUT, file.path, line=line, stored=file.size - done, reason=str(error))


def _blocks(head: bytes, stream: ByteStream) -> Iterator[bytes]:
    """Whole lines, some megabytes at a time; those before damage, too."""
    held = bytearray(head)
    try:
        while more := stream.read():
            held += more
            if len(held) >= _BLOCK:
                end = held.rfind(b"\n") + 1
                if not end:
                    raise _LongLine(f"a line of more than {_BLOCK} bytes")
                yield bytes(held[:end])
                del held[:end]
    except DAMAGED:
        if end := held.rfind(b"\n") + 1:
            yield bytes(held[:end])
        raise
    if held:
        yield bytes(held)
