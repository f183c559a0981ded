"""Result types and values as GetQueryResults gives them: Athena's type names, and every value as text."""

from __future__ import annotations

import datetime as dt
import decimal
import math
import re
from collections.abc import Callable
from typing import Any, NamedTuple

ZONED = "timestamp with time zone"

# Type names as drivers read them from ColumnInfo.Type.
_TYPES = {
    "BOOLEAN": "boolean",
    "TINYINT": "tinyint",
    "SMALLINT": "smallint",
    "INTEGER": "integer",
    "BIGINT": "bigint",
    "HUGEINT": "bigint",
    "FLOAT": "float",
    "DOUBLE": "double",
    "VARCHAR": "varchar",
    "JSON": "json",
    "BLOB": "varbinary",
    "DATE": "date",
    "TIMESTAMP": "timestamp",
    "TIMESTAMP_S": "timestamp",
    "TIMESTAMP_MS": "timestamp",
    "TIMESTAMP_NS": "timestamp",
    "TIMESTAMP WITH TIME ZONE": ZONED,
    '"NULL"': "unknown",
    "NULL": "unknown",
}
_PRECISION = {
    "boolean": 1,
    "tinyint": 3,
    "smallint": 5,
    "integer": 10,
    "bigint": 19,
    "float": 17,
    "double": 17,
    "varchar": 2_147_483_647,
    "timestamp": 3,
    ZONED: 3,
}


class ResultColumn(NamedTuple):
    """One column of a result."""

    name: str
    type: str
    """Athena's name, such as ``varchar``."""
    precision: int
    scale: int

    def info(self) -> dict[str, Any]:
        """The column as ``ColumnInfo``."""
        return {
            "CatalogName": "hive",
            "SchemaName": "",
            "TableName": "",
            "Name": self.name,
            "Label": self.name,
            "Type": self.type,
            "Precision": self.precision,
            "Scale": self.scale,
            "Nullable": "UNKNOWN",
            "CaseSensitive": self.type == "varchar",
        }


def result_column(name: str, duckdb_type: str) -> ResultColumn:
    """Return a result's column for DuckDB's name of its type."""
    if duckdb_type.endswith("]"):
        return ResultColumn(name, "array", 0, 0)
    if number := re.fullmatch(r"DECIMAL\((\d+),(\d+)\)", duckdb_type):
        return ResultColumn(name, "decimal", int(number[1]), int(number[2]))
    for prefix, kind in (("STRUCT(", "row"), ("MAP(", "map")):
        if duckdb_type.startswith(prefix):
            return ResultColumn(name, kind, 0, 0)
    kind = _TYPES.get(duckdb_type, "varchar")
    return ResultColumn(name, kind, _PRECISION.get(kind, 0), 0)


def text(value: Any) -> str | None:
    """Return a value as Athena writes it, or None for NULL."""
    return None if value is None else _text(value)


def _text(value: Any) -> str:
    for kind, write in _WRITERS:
        if isinstance(value, kind):
            return write(value)
    return str(value)


def _double(value: float) -> str:
    """Java's Double.toString: 1.0E7 from ten million up, 1.0E-4 below a thousandth."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        return repr(value) if "e" not in repr(value) else f"{value:f}".rstrip("0")
    mantissa, _, exponent = f"{decimal.Decimal(repr(value)):E}".partition("E")
    mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    return f"{mantissa if '.' in mantissa else mantissa + '.0'}E{int(exponent)}"


def _moment(value: dt.datetime) -> str:
    zone = " UTC" if value.tzinfo is not None else ""
    if value.tzinfo is not None:
        value = value.astimezone(dt.UTC)
    return f"{value:%Y-%m-%d %H:%M:%S}.{value.microsecond // 1000:03d}{zone}"


def _inner(value: Any) -> str:
    return "null" if value is None else _text(value)


def _pairs(value: dict[Any, Any]) -> str:
    return "{" + ", ".join(f"{key}={_inner(item)}" for key, item in value.items()) + "}"


_WRITERS: tuple[tuple[type, Callable[[Any], str]], ...] = (
    (bool, lambda value: "true" if value else "false"),
    (str, str),
    (int, str),
    (float, _double),
    (dt.datetime, _moment),
    (bytes, lambda value: value.hex(" ")),
    (dict, _pairs),
    ((list), lambda value: "[" + ", ".join(_inner(item) for item in value) + "]"),
)
