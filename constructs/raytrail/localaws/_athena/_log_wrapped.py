"""Records of any shape read by DuckDB: what does not fit the table is left for the one who reads by Hive's rules.

`_log_sql` reads files that are as CloudTrail writes them and refuses a file for one record that is not. Here each
record is a value inside of a line, so that one that does not fit costs nobody else anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb
from sqlglot import exp

from raytrail.localaws._athena._load import quoted
from raytrail.localaws._athena._log_sql import SPELLED, UNKNOWN, spelled
from raytrail.localaws._athena._plan import Scan
from raytrail.localaws._athena._table import duckdb_type

NUMBER, RECORD = "raytrail_row", "raytrail_record"
"""Names of a line's own values: its number, and the record."""

_RESOURCES = "resources"
# The objects that some tools write with names of their own spelling.
_NAMED = ("$", "$.userIdentity", "$.userIdentity.sessionContext")


def insert_wrapped(
    scan: Scan, lines: Path, connection: duckdb.DuckDBPyConnection, *, into: str, own: Sequence[str] = ()
) -> list[int]:
    """Put records into a table, and return the numbers of the lines whose records do not fit.

    Args:
        scan: The scan; its table has CloudTrail's columns, and those of the lines' own.
        lines: A JSON object a line: its `NUMBER`, its `RECORD`, and a value for each of its own columns.
        connection: Where the table is.
        into: The table; it has the scan's columns and the partition keys.
        own: Columns whose values stand in the line, outside of the record.

    Raises:
        duckdb.Error: A line is no JSON.
    """
    table = scan.table
    wanted = [name for name in table.columns if name in scan.columns and name not in own]
    outer = {NUMBER: "BIGINT", RECORD: "JSON"} | {
        name: duckdb_type(table.columns[name]) for name in own if name in scan.columns
    }
    spec = ", ".join(f"{quoted(name)}: {quoted(kind)}" for name, kind in outer.items())
    shape = ", ".join(f'"{spelled(name)}": {_shape(name, table.columns[name])}' for name in _read(wanted))
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE wrapped AS "
        f'SELECT * REPLACE (json_transform("{RECORD}", {quoted(f"{{{shape}}}")}) AS "{RECORD}"), '
        f"coalesce({_misfit(wanted, table.columns)}, false) AS misfit "
        f"FROM read_json({quoted(str(lines))}, format = 'newline_delimited', columns = {{{spec}}}, "
        f"maximum_object_size = {max(lines.stat().st_size, 1) + 1024})"
    )
    values = {name: _value(name, table.columns[name]) for name in wanted}
    values |= {name: f'"{name}"' for name in own if name in scan.columns}
    values |= _keys()
    names = ", ".join(f'"{name}"' for name in values)
    connection.execute(
        f'INSERT INTO "{into}" ({names}) SELECT {", ".join(values.values())} FROM wrapped WHERE NOT misfit'
    )
    return [number for (number,) in connection.execute(f'SELECT "{NUMBER}" FROM wrapped WHERE misfit').fetchall()]


def _read(wanted: Sequence[str]) -> list[str]:
    """The fields of a record that are read: those that are wanted, and those that say which partition it is of."""
    return list(dict.fromkeys([*wanted, "recipientaccountid", "awsregion", "eventtime", "useridentity"]))


def _shape(name: str, kind: exp.DataType) -> str:
    """What `json_transform` makes of a field: a text where it is one, the text of JSON where that is what it is."""
    if name == _RESOURCES:
        return '"VARCHAR"'
    if kind.this == exp.DataType.Type.STRUCT:
        fields = ", ".join(
            f'"{spelled(part.name)}": {_shape(part.name, part.args["kind"])}' for part in kind.expressions
        )
        return f"{{{fields}}}"
    return f'"{duckdb_type(kind)}"'


def _misfit(wanted: Sequence[str], kinds: dict[str, exp.DataType]) -> str:
    """Whether a field that has parts is something without parts."""
    found = [f"json_type(\"{RECORD}\") <> 'OBJECT'"]
    for name in wanted:
        kind = kinds[name]
        needed = {exp.DataType.Type.STRUCT: "OBJECT", exp.DataType.Type.ARRAY: "ARRAY", exp.DataType.Type.LIST: "ARRAY"}
        if kind.this in needed:
            path = quoted(f"$.{spelled(name)}")
            found.append(f"json_type(\"{RECORD}\", {path}) NOT IN ('{needed[kind.this]}', 'NULL')")
    # Hive takes a name in any case, DuckDB as it is spelled.
    lower = ", ".join(map(quoted, SPELLED))
    exact = ", ".join(map(quoted, SPELLED.values()))
    for path in _NAMED:
        other = f"lambda name: lower(name) IN ({lower}) AND name NOT IN ({exact})"
        found.append(f'len(list_filter(json_keys("{RECORD}", {quoted(path)}), {other})) > 0')
    return " OR ".join(f"coalesce({each}, false)" for each in found)


def _value(name: str, kind: exp.DataType) -> str:
    field = f'"{RECORD}"."{spelled(name)}"'
    if name != _RESOURCES:
        return field
    parts = ", ".join(
        f'"{spelled(part.name)}": "{duckdb_type(part.args["kind"])}"' for part in kind.expressions[0].expressions
    )
    # Services spell the ARN of a resource in two ways.
    return f"json_transform(replace({field}, '\"ARN\":', '\"arn\":'), {quoted(f'[{{{parts}}}]')})"


def _keys() -> dict[str, str]:
    """What the path of a file of CloudTrail would say."""
    record = f'"{RECORD}"'
    account = f'coalesce(nullif({record}."recipientAccountId", \'\'), {record}."userIdentity"."accountId")'
    day = f"replace(left({record}.\"eventTime\", 10), '-', '/')"
    return {
        "account": f"coalesce({account}, '{UNKNOWN}')",
        "region": f"coalesce({record}.\"awsRegion\", '{UNKNOWN}')",
        "timestamp": f"coalesce({day}, '{UNKNOWN}')",
    }
