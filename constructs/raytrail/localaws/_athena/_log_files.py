"""A folder of CloudTrail's files as the source of a query's rows: no bucket, and no layout that must be kept to.

Files of a trail, and files of one record a line, are read by DuckDB (`_log_sql`). What it refuses is read by
`raytrail.records`, which knows every other shape and names what it cannot read, so that one bad file or record never
loses the rest.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from raytrail.localaws._athena._errors import QueryFailed
from raytrail.localaws._athena._load import insert_rows
from raytrail.localaws._athena._log_list import LogFile
from raytrail.localaws._athena._log_pieces import DAMAGED, ByteStream, Kind, Piece, batches
from raytrail.localaws._athena._log_sql import (
    PLACE_KEYS,
    UNKNOWN,
    Place,
    Read,
    create_table,
    insert_records,
    join_tables,
)
from raytrail.localaws._athena._plan import Scan
from raytrail.localaws._athena._reader import row
from raytrail.localaws._athena._source import Skipped
from raytrail.localaws._athena._translate import to_duckdb
from raytrail.records import Outcome, RecordLine, Refusal, read_bytes, read_records

MAX_DOCUMENT = 64 * 1024 * 1024
"""A JSON value that is read whole, in bytes: somewhat more than CloudTrail puts into a file (50 MB)."""

_WORD = re.compile(r"[A-Za-z0-9_.-]+")
_REFUSED = (duckdb.InvalidInputException, duckdb.ConversionException, duckdb.OutOfRangeException)


class Progress(NamedTuple):
    """How far a table's files are read, in stored bytes."""

    done: int
    total: int


@dataclass(kw_only=True)
class LogFiles:
    """Files of logs.

    Args:
        files: What may be read.
        on_progress: Is told how far the reading is. Default: nobody.

    Attributes:
        scanned_bytes: Stored bytes of the files that were read.
        scanned_files: How many they are.
        skipped: What could not be read, in the order in which it was found.
    """

    files: Sequence[LogFile]
    on_progress: Callable[[Progress], None] = lambda _: None
    scanned_bytes: int = 0
    scanned_files: int = 0
    _skipped: dict[tuple[str, int], Skipped] = field(default_factory=dict)

    @property
    def skipped(self) -> list[Skipped]:
        """What could not be read, in the order in which it was found."""
        return list(self._skipped.values())

    def fill(self, scan: Scan, connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
        """Put the records of the files in the scan's partitions into its table; see `Source`."""
        wanted = self._wanted(scan, connection)
        total = sum(file.size for file in wanted)
        self.scanned_bytes += total
        self.scanned_files += len(wanted)
        with (
            tempfile.TemporaryDirectory(dir=folder) as pieces,
            batches(wanted, Path(pieces)) as made,
        ):
            loading = _Loading(scan, connection, folder, self._skip)
            done = 0
            for batch in made:
                loading.take(batch)
                done += sum(piece.stored for piece in batch)
                self.on_progress(Progress(done, total))
            loading.join()

    def _wanted(self, scan: Scan, connection: duckdb.DuckDBPyConnection) -> list[LogFile]:
        """The files whose place the predicates let through, and those that have none."""
        places = {file.place for file in self.files if file.place}
        columns = ", ".join(f'unnest(?::VARCHAR[]) AS "{key}"' for key in PLACE_KEYS)
        values = [[place[number] for place in places] for number in range(len(PLACE_KEYS))]
        condition = " AND ".join(f"({to_duckdb(predicate)})" for predicate in scan.predicates) or "TRUE"
        found = connection.execute(f"SELECT * FROM (SELECT {columns}) WHERE {condition}", values).fetchall()
        kept = {Place(*each) for each in found}
        return [file for file in self.files if file.place is None or file.place in kept]

    def _skip(self, file: Path, line: int, reason: str) -> None:
        self._skipped.setdefault((str(file), line), Skipped(str(file), line, reason))


@dataclass
class _Loading:
    """Puts pieces of files into the table of one scan."""

    scan: Scan
    connection: duckdb.DuckDBPyConnection
    folder: Path
    skip: Callable[[Path, int, str], None]
    # Files that `raytrail.records` has read to their end: their other pieces have nothing new.
    finished: set[Path] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.connection.execute(create_table(self.scan))

    def take(self, batch: Sequence[Piece]) -> None:
        """Read pieces of one kind: all at once, or each for itself where one is not as it should be."""
        left = [piece for piece in batch if piece.file.path not in self.finished]
        if left and not self._read(left, filtered=True):
            for piece in left:
                self._take_one(piece)

    def join(self) -> None:
        """Let the scan's table have what was read."""
        self.connection.execute(join_tables(self.scan))

    def _take_one(self, piece: Piece) -> None:
        path = piece.file.path
        # A condition may be what failed; then the statement is to say so and not the reading.
        if path in self.finished or self._read([piece], filtered=False):
            return
        if piece.kind is Kind.CUT:
            self.skip(path, 0, f"read up to line {piece.line}: {piece.reason}")
        elif piece.kind is Kind.LINES and piece.line > 1:
            self._insert(piece, read_bytes(piece.path.read_bytes(), str(path)))
        else:
            self.finished.add(path)
            if _is_too_large(path):
                self.skip(path, 0, f"one JSON value of more than {MAX_DOCUMENT // 1024**2} MB: write one record a line")
            else:
                self._insert(piece, read_records(path))

    def _read(self, pieces: Sequence[Piece], *, filtered: bool) -> bool:
        """Let DuckDB read pieces; return whether it could."""
        kind = pieces[0].kind
        if kind not in (Kind.RECORDS, Kind.LINES):
            return False
        reads = [Read(piece.path, piece.file.place) for piece in pieces]
        sql = insert_records(self.scan, reads, lines=kind is Kind.LINES, filtered=filtered)
        try:
            self.connection.execute(sql)
        except _REFUSED:
            return False
        return True

    def _insert(self, piece: Piece, outcomes: Iterable[Outcome]) -> None:
        insert_rows(self.scan, self._rows(piece, outcomes), self.connection, self.folder)

    def _rows(self, piece: Piece, outcomes: Iterable[Outcome]) -> Iterator[dict[str, Any]]:
        path = piece.file.path
        for outcome in outcomes:
            line = outcome.line + piece.line - 1 if outcome.line else 0
            if isinstance(outcome, Refusal):
                self.skip(path, line, outcome.reason)
            elif isinstance(outcome, RecordLine):
                record = _encodable(outcome.record)
                try:
                    place = piece.file.place or place_of(record)
                    yield row(self.scan.table, str(path), record) | dict(zip(PLACE_KEYS, place, strict=True))
                except QueryFailed as error:
                    _, _, reason = str(error).partition(": ")
                    self.skip(path, line, reason.removesuffix(f" in {path}"))
                except ValueError as error:
                    self.skip(path, line, f"record {record.get('eventID', 'without eventID')}: {error}")


def place_of(record: Mapping[str, Any]) -> Place:
    """What a file's path would say, from a record.

    Raises:
        ValueError: It has no time.
    """
    identity = record.get("userIdentity")
    account = record.get("recipientAccountId") or (identity.get("accountId") if isinstance(identity, Mapping) else None)
    time = record.get("eventTime")
    try:
        moment = datetime.fromisoformat(str(time))
    except ValueError:
        raise ValueError(f"eventTime is a time such as 2026-01-31T23:59:59Z, got {time!r}") from None
    moment = moment if moment.tzinfo is None else moment.astimezone(UTC)
    return Place(_word(account), _word(record.get("awsRegion")), moment.strftime("%Y/%m/%d"))


def _word(value: object) -> str:
    return value if isinstance(value, str) and _WORD.fullmatch(value) else UNKNOWN


def _encodable(record: dict[str, Any]) -> dict[str, Any]:
    """The record with a question mark, as Java writes it, for each half of a surrogate pair that JSON may hold."""
    text = json.dumps(record, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        replaced: dict[str, Any] = json.loads(text.encode(errors="replace"))
        return replaced
    return record


def _is_too_large(path: Path) -> bool:
    """Whether a file is more than can be read whole, and is not read line by line."""
    try:
        with ByteStream(path) as stream:
            head = stream.read()
            size = len(head)
            while size <= MAX_DOCUMENT and (more := stream.read()):
                size += len(more)
    except DAMAGED:
        return False
    if size <= MAX_DOCUMENT:
        return False
    try:
        json.loads(head[: head.index(b"\n")])
    except ValueError:
        return True
    return False
