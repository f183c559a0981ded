"""The content of a gzipped object, and its hash, in pieces."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator
from typing import IO

from raytrail.errors import RaytrailError

PIECE = 256 * 1024
"""Bytes in hand at once, compressed or not."""
MAX_DIGEST_BYTES = 256 * 1024 * 1024
"""A digest of an hour with half a million log files is smaller."""
_GZIP = 16 + zlib.MAX_WBITS


class Damaged(RaytrailError):
    """The bytes are no whole gzip."""


class Followed(RaytrailError):
    """Bytes follow the end of the gzip."""


def content_hash(stream: IO[bytes]) -> str:
    """SHA-256 of what was compressed, in hexadecimal: what digests state of log files and of one another.

    Args:
        stream: The object, compressed.

    Raises:
        Damaged: It is no gzip, or a truncated one.
        Followed: More follows where it ends. The hash would not show it, and readers of several gzips in one file,
            as Athena is, would read it.
        OSError: It cannot be read.
    """
    found = hashlib.sha256()
    for piece in _inflate(stream):
        found.update(piece)
    return found.hexdigest()


def content(stream: IO[bytes]) -> bytes:
    """What was compressed, for an object that is read whole.

    Raises:
        Damaged: As of `content_hash`; or it is larger than any digest.
        Followed: As of `content_hash`.
        OSError: It cannot be read.
    """
    pieces, size = [], 0
    for piece in _inflate(stream):
        pieces.append(piece)
        size += len(piece)
        if size > MAX_DIGEST_BYTES:
            raise Damaged(f"more than {MAX_DIGEST_BYTES} bytes are in it, which no digest has")
    return b"".join(pieces)


def _inflate(stream: IO[bytes]) -> Iterator[bytes]:
    inflater = zlib.decompressobj(_GZIP)
    while compressed := stream.read(PIECE):
        try:
            while compressed and not inflater.eof:
                yield inflater.decompress(compressed, PIECE)
                compressed = inflater.unconsumed_tail
        except zlib.error as error:
            raise Damaged(f"no readable gzip: {error}") from error
        if inflater.eof and (inflater.unused_data or stream.read(1)):
            raise Followed("bytes follow the end of its gzip, which some readers would take for records")
    # What is left of the last piece, where a full piece ended just before it.
    if rest := inflater.flush():
        yield rest
    if not inflater.eof:
        raise Damaged("a truncated gzip")
