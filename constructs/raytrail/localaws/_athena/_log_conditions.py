"""Many conditions over batches of records: which of them each record meets, as Athena would decide it.

A replay asks a hundred conditions of a million records. Planning and loading for each of them would take hours; here
the conditions are checked and translated once, a batch is loaded once, and one prepared statement asks them all.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import duckdb
from sqlglot import exp

from raytrail.errors import RaytrailError
from raytrail.localaws._athena._errors import Malformed, QueryFailed
from raytrail.localaws._athena._grammar import parse, refuse_unknown_functions
from raytrail.localaws._athena._load import quoted
from raytrail.localaws._athena._log_sql import Read, create_table, insert_records
from raytrail.localaws._athena._plan import Scan, plan
from raytrail.localaws._athena._reader import row
from raytrail.localaws._athena._table import Table, duckdb_type
from raytrail.localaws._athena._translate import PRELUDE, to_duckdb

DATABASE = "files"
_NUMBER = "raytrail_row"
"""The column that carries a record's place in its batch."""
_NUMBER_NAME = _NUMBER.encode()
_ALIAS = "batch"
_RECORDS = f"{_ALIAS}_records"
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
_OPTIMIZERS = ("filter_pushdown", "unused_columns", "column_lifetime", "late_materialization", "common_subexpressions")
_LONGEST = 64 * 1024 * 1024
_REFUSED = (duckdb.InvalidInputException, duckdb.ConversionException, duckdb.OutOfRangeException)


class Record(NamedTuple):
    """A record of an event, as one line of JSON."""

    line: bytes
    """An object with ``eventSource`` and ``eventName``."""
    plain: bool
    """What `is_plain` says of it."""


class Met(NamedTuple):
    """A condition that a record meets."""

    condition: str
    """Its name."""
    place: int
    """The record's place in the batch, from 0."""


class Misfit(NamedTuple):
    """A record that does not fit the table: a query of Athena over its file would fail."""

    place: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """Conditions that were checked and translated. It can be pickled.

    Attributes:
        table: The table as Glue's CreateTable takes it.
        columns: The columns that the conditions need.
        sql: Each condition in DuckDB's SQL, by name.
    """

    table: Mapping[str, Any]
    columns: frozenset[str]
    sql: Mapping[str, str]


def check_conditions(conditions: Mapping[str, str], *, table: Mapping[str, Any]) -> Conditions:
    """Check conditions as Athena would check a query with each of them, and translate them.

    Args:
        conditions: What stands after WHERE in a query over the table, by a name.
        table: The table as Glue's CreateTable takes it, with CloudTrail's columns and partition keys.

    Raises:
        Malformed: A condition is not Athena's SQL; the message begins with its name.
        QueryFailed: Athena would refuse it, likewise.
    """
    try:
        columns, translated = _checked(list(conditions.values()), table)
    except RaytrailError:
        # Together they cost a tenth of what each by itself does; by itself each is named.
        for label, condition in conditions.items():
            try:
                _checked([condition], table)
            except (Malformed, QueryFailed) as error:
                raise type(error)(f"{label}: {error}") from error
        raise
    return Conditions(table=dict(table), columns=columns, sql=dict(zip(conditions, translated, strict=True)))


def _checked(conditions: Sequence[str], table: Mapping[str, Any]) -> tuple[frozenset[str], list[str]]:
    """The columns that conditions need, and each in DuckDB's SQL."""
    name = str(table["Name"])
    known = Table(DATABASE, name, dict(table))
    if not conditions:
        return frozenset(), []
    statement = f'SELECT {", ".join(f"({each})" for each in conditions)} FROM "{name}"'
    tree = parse(statement)
    refuse_unknown_functions(statement)
    planned, scans = plan(tree, DATABASE, lambda _database, _name: known)
    select = planned.find(exp.Select)
    assert select is not None  # the statement is one
    for column in select.find_all(exp.Column):
        # Which table it is of is plain: there is one.
        if column.table == name:
            column.set("table", None)
    return scans[0].columns, [to_duckdb(each) for each in select.expressions]


class Batches:
    """Records, a batch at a time, asked whether they meet conditions. A context manager.

    Args:
        conditions: The conditions.
        memory: What DuckDB may hold, in its words. Default: 400 MB; the rest goes to a temporary folder.
        threads: How many threads it may use. Default: one.
    """

    def __init__(self, conditions: Conditions, *, memory: str = "400MB", threads: int = 1) -> None:
        self._conditions = conditions
        self._names = list(conditions.sql)
        self._table = Table(DATABASE, str(conditions.table["Name"]), _with_number(conditions.table))
        self._scan = Scan(
            alias=_ALIAS,
            table=self._table,
            predicates=(),
            conditions=(),
            columns=conditions.columns | {_NUMBER},
        )
        self._memory, self._threads = memory, threads

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="raytrail-")
        self._lines = Path(self._folder.name) / "batch.ndjson"
        self._connection = duckdb.connect(":memory:")
        self._connection.execute(
            f"SET memory_limit = '{self._memory}'; SET threads = {self._threads}; "
            f"SET temp_directory = {quoted(self._folder.name)}; {PRELUDE}"
        )
        self._connection.execute(create_table(self._scan))
        self._connection.execute(f"SET disabled_optimizers = {quoted(self._useless_optimizers())}")
        for number, condition in enumerate(self._conditions.sql.values()):
            # One for each: together they take twice as long.
            question = f'SELECT "{_NUMBER}" FROM "{_RECORDS}" WHERE {condition}'
            self._connection.execute(f"PREPARE condition_{number} AS {question}")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._connection.close()
        self._folder.cleanup()

    def ask(self, records: Sequence[Record]) -> tuple[list[Met], list[Misfit]]:
        """Return the conditions that records meet, in the order of the records, and the records that do not fit.

        Args:
            records: A batch of records of events.

        Raises:
            QueryFailed: A condition fails on a record as it would on Athena.
        """
        if not self._names or not records:
            return [], []
        self._connection.execute(f'TRUNCATE "{_RECORDS}"')
        misfits = self._load(records)
        found = [(place, number) for number, name in enumerate(self._names) for place in self._meeting(number, name)]
        return [Met(self._names[number], place) for place, number in sorted(found)], misfits

    def _useless_optimizers(self) -> str:
        """What takes DuckDB longer to think about than it saves: a statement here is one filter over one table."""
        known = self._connection.execute("SELECT name FROM duckdb_optimizers()").fetchall()
        return ",".join(name for (name,) in known if name not in _OPTIMIZERS)

    def _meeting(self, number: int, name: str) -> list[int]:
        try:
            return [place for (place,) in self._connection.execute(f"EXECUTE condition_{number}").fetchall()]
        except duckdb.Error as error:
            raise QueryFailed(f"INVALID_FUNCTION_ARGUMENT: {name}: {str(error).splitlines()[0]}") from error

    def _load(self, records: Sequence[Record]) -> list[Misfit]:
        plain: list[int] = []
        odd: list[int] = []
        for place, each in enumerate(records):
            (plain if each.plain else odd).append(place)
        odd += self._load_plain(records, plain)
        return self._load_by_rule(records, odd) if odd else []

    def _load_plain(self, records: Sequence[Record], places: Sequence[int]) -> list[int]:
        """Let DuckDB read records that are as CloudTrail writes them; where it does not, their halves.

        Returns the places of those that it does not take, for a reason that `is_plain` does not see.
        """
        if not places:
            return []
        with self._lines.open("wb") as out:
            out.writelines(b'{"%b":%d,%b\n' % (_NUMBER_NAME, place, records[place].line[1:]) for place in places)
        try:
            self._connection.execute(insert_records(self._scan, [Read(self._lines, None)], lines=True, filtered=False))
        except _REFUSED:
            if len(places) == 1:
                return list(places)
            middle = len(places) // 2
            return [*self._load_plain(records, places[:middle]), *self._load_plain(records, places[middle:])]
        return []

    def _load_by_rule(self, records: Sequence[Record], places: Sequence[int]) -> list[Misfit]:
        """Load records by the rules of Hive's SerDe, which takes more shapes than DuckDB's reader does."""
        misfits = []
        kinds = {name: duckdb_type(kind) for name, kind in self._table.columns.items() if name in self._scan.columns}
        with self._lines.open("w", encoding="utf-8") as out:
            for place in places:
                try:
                    values = row(self._table, "the file", {**json.loads(records[place].line), _NUMBER: place})
                except QueryFailed as error:
                    misfits.append(Misfit(place, str(error).partition(": ")[2].removesuffix(" in the file")))
                    continue
                out.write(json.dumps({name: values[name] for name in kinds}) + "\n")
        spec = ", ".join(f"{quoted(name)}: {quoted(kind)}" for name, kind in kinds.items())
        names = ", ".join(f'"{name}"' for name in kinds)
        self._connection.execute(
            f'INSERT INTO "{_RECORDS}" ({names}) SELECT {names} FROM read_json({quoted(str(self._lines))}, '
            f"format = 'newline_delimited', columns = {{{spec}}}, maximum_object_size = {_LONGEST})"
        )
        return misfits


def is_plain(record: Mapping[str, Any]) -> bool:
    """Whether a record is written as CloudTrail writes them, and can be loaded in no time.

    What is not is loaded by the rules of Hive's SerDe: slower, with the same answers.
    """
    time, resources = record.get("eventTime"), record.get("resources")
    return (
        isinstance(time, str)
        and _TIME.fullmatch(time) is not None
        and isinstance(record.get("userIdentity", {}), dict)
        and (resources is None or isinstance(resources, list))
    )


def _with_number(table: Mapping[str, Any]) -> dict[str, Any]:
    storage = table["StorageDescriptor"]
    columns = [*storage["Columns"], {"Name": _NUMBER, "Type": "bigint"}]
    return {**table, "StorageDescriptor": {**storage, "Columns": columns}}
