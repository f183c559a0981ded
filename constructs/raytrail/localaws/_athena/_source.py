"""Where the rows of a scan come from: the objects of S3 below the partitions that it selects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import duckdb

from raytrail.localaws._athena._errors import QueryCancelled, QueryFailed
from raytrail.localaws._athena._load import insert_rows
from raytrail.localaws._athena._plan import Scan
from raytrail.localaws._athena._reader import records, refuse_unread_formats, row
from raytrail.localaws._athena._scan import Split, Store, splits


class Source(Protocol):
    """Gives the rows of a scan."""

    def fill(self, scan: Scan, connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
        """Put the rows that the scan's predicates let through into the table ``scan.alias``.

        The table is there, with all columns and partition keys. Columns that the scan does not need may stay NULL, and
        rows that its conditions refuse may be left out.

        Args:
            scan: The scan.
            connection: Where the table is.
            folder: Where temporary files go.

        Raises:
            QueryFailed: The rows cannot be read.
            QueryCancelled: They are more than the caller allows.
        """


class Skipped(NamedTuple):
    """A file, or one record of it, that could not be read and was left out."""

    uri: str
    place: int
    """The record's place in the file, from 1; 0 for the whole file."""
    reason: str


@dataclass(kw_only=True)
class Objects:
    """The objects of a store.

    Args:
        store: The store.
        cutoff_bytes: Cancel the query when it has read more bytes than this. Default: no limit.
        tolerant: Leave out what cannot be read and name it in `skipped`. Default: the query fails, as Athena's does.

    Attributes:
        scanned_bytes: Stored bytes of the objects that were read.
        skipped: What was left out.
    """

    store: Store
    cutoff_bytes: int | None = None
    tolerant: bool = False
    scanned_bytes: int = 0
    skipped: list[Skipped] = field(default_factory=list)

    def fill(self, scan: Scan, connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
        """Load the rows of the objects in the scan's partitions; see `Source`."""
        refuse_unread_formats(scan.table)
        insert_rows(scan, self._rows(scan, connection), connection, folder)

    def _rows(self, scan: Scan, connection: duckdb.DuckDBPyConnection) -> Iterator[dict[str, Any]]:
        for split in splits(scan, self.store, connection, datetime.now(UTC)):
            self.scanned_bytes += split.size
            if self.cutoff_bytes is not None and self.scanned_bytes > self.cutoff_bytes:
                raise QueryCancelled("Bytes scanned limit was exceeded")
            partition = dict(split.partition)
            for one in self._rows_of(scan, split):
                yield one | partition

    def _rows_of(self, scan: Scan, split: Split) -> Iterator[dict[str, Any]]:
        try:
            found = records(scan.table, split.uri, self.store.read(split.bucket, split.key))
        except QueryFailed as error:
            self._skip(error, split.uri, 0)
            return
        for place, record in enumerate(found, 1):
            try:
                yield row(scan.table, split.uri, record)
            except QueryFailed as error:
                self._skip(error, split.uri, place)

    def _skip(self, error: QueryFailed, uri: str, place: int) -> None:
        if not self.tolerant:
            raise error
        self.skipped.append(Skipped(uri, place, str(error)))
