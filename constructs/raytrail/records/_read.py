"""Reads CloudTrail files of every shape, by content."""

from __future__ import annotations

import gzip
import io
import itertools
import json
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, cast

from raytrail.records._model import Outcome, Refusal
from raytrail.records._unfold import unfold

_GZIP = b"\x1f\x8b"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_SUFFIXES = (".json", ".jsonl", ".ndjson", ".log", ".gz")
_WHITESPACE = re.compile(r"\s*")
_DAMAGED = (EOFError, zlib.error, gzip.BadGzipFile)


def read_records(path: str | Path) -> Iterator[Outcome]:
    """Read a file, or every file below a folder in the order of their names.

    A file of one object a line is streamed: memory does not grow with it. In a folder, hidden files are passed
    over, and a file whose name does not end in .json, .jsonl, .ndjson, .log or .gz is refused unread.

    Args:
        path: The file or folder. One that does not exist gives a `Refusal`.

    Yields:
        What was found, in the order of the file, as it is read.
    """
    root = Path(path)
    if root.is_dir():
        for file in sorted(root.rglob("*"), key=lambda found: found.relative_to(root).parts):
            if not file.is_file() or any(part.startswith(".") for part in file.relative_to(root).parts):
                continue
            if file.name.lower().endswith(_SUFFIXES):
                yield from _read_file(file)
            else:
                yield Refusal(file=str(file), line=0, reason=f"left unread: the name ends in none of {_SUFFIXES}")
    else:
        yield from _read_file(root)


def read_bytes(data: bytes, file: str = "<bytes>") -> Iterator[Outcome]:
    """Read a file's content that is already in hand (an S3 object, an upload), gzipped or not.

    Args:
        data: The content.
        file: The name to give in each outcome. Default: ``<bytes>``.

    Yields:
        What was found, in the order of the content, as it is read.
    """
    yield from _read_stream(io.BytesIO(data), file)


def _read_file(path: Path) -> Iterator[Outcome]:
    try:
        with path.open("rb") as stream:
            yield from _read_stream(stream, str(path))
    except OSError as error:
        yield Refusal(file=str(path), line=0, reason=f"cannot be read: {error.strerror or error}")


def _read_stream(stream: IO[bytes], file: str) -> Iterator[Outcome]:
    head = stream.read(2)
    stream.seek(0)
    try:
        if head == _GZIP:
            stream = cast("IO[bytes]", gzip.GzipFile(fileobj=stream))
            head = stream.read(2)
            stream.seek(0)
        encoding = "utf-16" if head in _UTF16 else "utf-8-sig"
        # A byte that is not text must cost its own line only: it is let through here and refused there.
        errors = "strict" if encoding == "utf-16" else "surrogateescape"
        yield from _read_text(io.TextIOWrapper(stream, encoding=encoding, errors=errors), file)
    except _DAMAGED as error:
        yield Refusal(file=file, line=0, reason=f"truncated or damaged gzip: {error}")
    except UnicodeError as error:
        yield Refusal(file=file, line=0, reason=f"not text: {error}")


def _read_text(text: IO[str], file: str) -> Iterator[Outcome]:
    number, first = 0, ""
    for line in text:
        number, first = number + 1, line
        if line.strip():
            break
    if not first.strip():
        return
    try:
        _parse(first)
    except ValueError:
        # Not one value a line: a document over several lines, several of them, or a bad first line.
        yield from _read_values(first + text.read(), number, file)
        return
    rest = ((place, line) for place, line in enumerate(text, number + 1) if line.strip())
    second = next(rest, None)
    if second is None:
        yield from unfold(_parse(first), file, None)
        return
    for place, line in itertools.chain([(number, first), second], rest):
        yield from read_line(line, file, place)


def read_line(line: str, file: str, number: int) -> Iterator[Outcome]:
    """Read one line of a file of lines.

    Args:
        line: The line; a byte that is not UTF-8 as a half of a surrogate pair (``surrogateescape``).
        file: The name to give in each outcome.
        number: The line's number, from 1.

    Yields:
        What was found. Of a line that holds a list it is more than one outcome.
    """
    try:
        value = _parse(line.rstrip("\n"))
    except ValueError as error:
        yield Refusal(file=file, line=number, reason=f"not JSON: {error}")
        return
    yield from unfold(value, file, number)


def _read_values(text: str, number: int, file: str) -> Iterator[Outcome]:
    """JSON values one after the other, over any number of lines; a broken one is passed over to the next line that
    could start another."""
    decoder = json.JSONDecoder()
    parsed: list[tuple[int, Any]] = []
    position, counted = 0, 0
    while (position := _blank(text, position)) < len(text):
        number += text.count("\n", counted, position)
        counted = position
        try:
            value, end = decoder.raw_decode(text, position)
            _refuse_bytes(text[position:end])
        except (ValueError, RecursionError) as error:
            reason = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
            value, end = Refusal(file=file, line=number, reason=f"not JSON: {reason}"), _next_start(text, position)
        parsed.append((number, value))
        position = end
    for line, value in parsed:
        if isinstance(value, Refusal):
            yield value
        else:
            yield from unfold(value, file, None if len(parsed) == 1 else line)


def _blank(text: str, position: int) -> int:
    match = _WHITESPACE.match(text, position)
    return match.end() if match else position


def _next_start(text: str, position: int) -> int:
    """Where the next line begins that is not the inside or the end of the value that broke at ``position``."""
    while True:
        newline = text.find("\n", position)
        if newline < 0:
            return len(text)
        position = newline + 1
        if text[position : position + 1] not in (" ", "\t", "}", "]", "\n"):
            return position


def _parse(line: str) -> Any:
    _refuse_bytes(line)
    try:
        return json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"{error.msg} at column {error.colno}") from error
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _refuse_bytes(text: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError("a byte that is not UTF-8 text") from error
