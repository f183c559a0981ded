"""Records that somebody has read already as the source of a query's rows, with the place that each is from."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from raytrail.localaws._athena._errors import QueryFailed
from raytrail.localaws._athena._load import insert_rows
from raytrail.localaws._athena._log_files import place_of
from raytrail.localaws._athena._log_sql import PLACE_KEYS, create_table, join_tables, records_table
from raytrail.localaws._athena._log_wrapped import NUMBER, RECORD, insert_wrapped
from raytrail.localaws._athena._plan import Scan
from raytrail.localaws._athena._reader import row
from raytrail.localaws._athena._source import Skipped

FILE, LINE = "raytrail_file", "raytrail_line"
"""Columns of a table `with_places`: where a record is from."""

# Records that are loaded at once: some ten megabytes.
_BATCH = 20_000


class Located(NamedTuple):
    """A record and where it is from."""

    file: str
    line: int
    record: bytes
    """One JSON object as CloudTrail writes it, in UTF-8, without line breaks."""


def with_places(table: Mapping[str, Any]) -> dict[str, Any]:
    """Return a table, as Glue's CreateTable takes it, with the columns that say where a record is from."""
    storage = table["StorageDescriptor"]
    places = [{"Name": FILE, "Type": "string"}, {"Name": LINE, "Type": "bigint"}]
    return {**table, "StorageDescriptor": {**storage, "Columns": [*storage["Columns"], *places]}}


@dataclass(kw_only=True)
class Records:
    """Records in memory, or that are made as they are asked for.

    Args:
        records: The records; iterated once for each scan of the table.

    Attributes:
        skipped: Records that do not fit the table, and were left out.
    """

    records: Iterable[Located]
    skipped: list[Skipped] = field(default_factory=list)

    def fill(self, scan: Scan, connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
        """Put the records into the scan's table; see `Source`."""
        connection.execute(create_table(scan))
        others: list[Located] = []
        coming = iter(self.records)
        while batch := list(itertools.islice(coming, _BATCH)):
            others.extend(_load(batch, scan, connection, folder / f"{scan.alias}.ndjson"))
        insert_rows(scan, self._rows(scan, others), connection, folder)
        connection.execute(join_tables(scan))

    def _rows(self, scan: Scan, located: Sequence[Located]) -> Iterator[dict[str, Any]]:
        """Rows by the rules of Hive's SerDe, which say why a record does not fit."""
        for each in located:
            try:
                record = json.loads(each.record)
                values = row(scan.table, each.file, {**record, FILE: each.file, LINE: each.line})
                place = dict(zip(PLACE_KEYS, place_of(record), strict=True))
            except (QueryFailed, ValueError, TypeError) as error:
                self.skipped.append(Skipped(each.file, each.line, str(error)))
            else:
                yield values | place


def _load(
    records: Sequence[Located], scan: Scan, connection: duckdb.DuckDBPyConnection, lines: Path
) -> Iterator[Located]:
    """Let DuckDB read records, and return those that it does not take."""
    try:
        misfits = _read(records, scan, connection, lines)
    except duckdb.Error:
        readable = []
        for each in records:
            if _is_json(each.record):
                readable.append(each)
            else:
                yield each
        misfits = _read(readable, scan, connection, lines)
        records = readable
    yield from (records[number] for number in misfits)


def _read(records: Sequence[Located], scan: Scan, connection: duckdb.DuckDBPyConnection, lines: Path) -> list[int]:
    with lines.open("wb") as out:
        for number, each in enumerate(records):
            head = json.dumps({NUMBER: number, FILE: each.file, LINE: each.line})[:-1]
            out.write(b'%b,"%b":%b}\n' % (head.encode(), RECORD.encode(), each.record))
    return insert_wrapped(scan, lines, connection, into=records_table(scan), own=[FILE, LINE])


def _is_json(record: bytes) -> bool:
    try:
        json.loads(record)
    except ValueError:
        return False
    return True
