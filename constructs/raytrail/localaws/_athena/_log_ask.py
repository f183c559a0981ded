"""One statement over files of logs: the engine without Glue, S3 or the API of Athena."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from raytrail.localaws._athena._engine import Run, execute
from raytrail.localaws._athena._errors import QueryFailed
from raytrail.localaws._athena._log_files import LogFiles
from raytrail.localaws._athena._source import Source
from raytrail.localaws._athena._table import Table

DATABASE = "files"
# It reports each statement that it cannot parse; the caller gets that as an error.
logging.getLogger("sqlglot").setLevel(logging.ERROR)


class Places(NamedTuple):
    """What the records are of, each in order."""

    accounts: tuple[str, ...]
    regions: tuple[str, ...]
    days: tuple[str, ...]
    """``yyyy/MM/dd``."""


def ask(
    sql: str,
    *,
    table: Mapping[str, Any],
    files: Source,
    parameters: Sequence[str] = (),
    most: int | None = None,
    folder: Path | None = None,
) -> Run:
    """Run a statement over files.

    Args:
        sql: One SELECT statement in Athena's SQL, over the one table.
        table: The table as Glue's CreateTable takes it, with CloudTrail's columns and partition keys. Its location
            and projection do not matter: the values of its keys are those of the files' paths, or of their records.
        files: The files, or the records of somebody who has read them. What cannot be read is left out and named in
            its ``skipped``.
        parameters: Literals for the statement's question marks, in order.
        most: How many rows are wanted at most. Default: all.
        folder: Where temporary files go: what the statement needs of the records. Default: the system's.

    Raises:
        Malformed: The statement is not Athena's SQL.
        QueryFailed: It fails as Athena lets it fail.
    """
    name = str(table["Name"])

    def find(database: str, asked: str) -> Table:
        if (database, asked) != (DATABASE, name):
            raise QueryFailed(f"TABLE_NOT_FOUND: Table 'awsdatacatalog.{database}.{asked}' does not exist")
        return Table(database, asked, dict(table))

    run = Run(most=most)
    with tempfile.TemporaryDirectory(dir=folder, prefix="raytrail-") as temporary:
        execute(
            run,
            sql,
            database=DATABASE,
            lookup=find,
            source=files,
            folder=Path(temporary),
            parameters=parameters,
        )
    return run


def places_of(files: LogFiles, *, table: Mapping[str, Any], folder: Path | None = None) -> Places:
    """Return the accounts, Regions and days that files have records of.

    What a file's path says is believed; the others are read.

    Args:
        files: The files.
        table: As of `ask`.
        folder: As of `ask`.
    """
    found: set[tuple[str | None, ...]] = {file.place for file in files.files if file.place}
    others = [file for file in files.files if file.place is None]
    if others:
        sql = f'SELECT DISTINCT account, region, "timestamp" FROM "{table["Name"]}"'
        files = replace(files, files=others)
        found |= {tuple(row) for row in ask(sql, table=table, files=files, folder=folder).rows}
    accounts, regions, days = (
        (tuple(sorted(set(values))) for values in zip(*found, strict=True)) if found else ((),) * 3
    )
    return Places(accounts, regions, days)
