"""A table of the Glue catalog as a query needs it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlglot import exp

from raytrail.localaws._athena._errors import QueryFailed


@dataclass(frozen=True)
class Table:
    """One Glue table with its registered partitions."""

    database: str
    name: str
    glue: dict[str, Any]
    """The table as Glue keeps it (``StorageDescriptor``, ``PartitionKeys``, ``Parameters``)."""
    partitions: tuple[dict[str, Any], ...] = ()
    """Registered partitions; empty for a projected table."""

    @property
    def label(self) -> str:
        """``database.table``, as it stands in error messages."""
        return f"{self.database}.{self.name}"

    @cached_property
    def columns(self) -> dict[str, exp.DataType]:
        """Type of each data column by lower-case name, in order."""
        return {c["Name"].lower(): self._type(c) for c in self.storage.get("Columns") or ()}

    @cached_property
    def keys(self) -> dict[str, exp.DataType]:
        """Type of each partition key by lower-case name, from the outermost."""
        return {c["Name"].lower(): self._type(c) for c in self.glue.get("PartitionKeys") or ()}

    @property
    def storage(self) -> dict[str, Any]:
        """The storage descriptor."""
        return self.glue.get("StorageDescriptor") or {}

    @property
    def parameters(self) -> dict[str, str]:
        """The table properties."""
        return self.glue.get("Parameters") or {}

    @property
    def location(self) -> str:
        """The table's folder, ending in a slash."""
        return folder(self.storage.get("Location") or "")

    def _type(self, column: dict[str, Any]) -> exp.DataType:
        text = column.get("Type") or "string"
        try:
            return exp.DataType.build(text, dialect="hive")
        except ValueError as error:
            raise QueryFailed(
                f"HIVE_INVALID_METADATA: table {self.label} has an invalid type {text!r} in column {column['Name']!r}"
            ) from error


def folder(location: str) -> str:
    """A location as a folder: S3 would match siblings that start with the same letters otherwise."""
    return location if location.endswith("/") else f"{location}/"


def duckdb_type(kind: exp.DataType) -> str:
    """A Glue type in DuckDB's words."""
    return kind.sql("duckdb", identify=True)
