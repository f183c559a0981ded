"""A table or a view of the Glue catalog as a query needs it."""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlglot import exp

from raytrail.localaws._athena._errors import QueryFailed

_PRESTO_VIEW = re.compile(r"/\* Presto View: ([A-Za-z0-9+/=]+) \*/")


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


@dataclass(frozen=True)
class View:
    """One view as Athena keeps it in Glue: a comment whose base64 is JSON with the statement and the columns."""

    database: str
    name: str
    glue: dict[str, Any]

    @property
    def label(self) -> str:
        """``catalog.database.view``, as it stands in error messages."""
        return f"awsdatacatalog.{self.database}.{self.name}"

    @property
    def sql(self) -> str:
        """The statement that it stands for."""
        return str(self._definition["originalSql"])

    @property
    def schema(self) -> str:
        """The database in which the names of the statement are looked up."""
        return str(self._definition["schema"]).lower()

    @property
    def columns(self) -> list[str]:
        """The names of its columns, in order."""
        return [str(column["name"]).lower() for column in self._definition["columns"]]

    @cached_property
    def _definition(self) -> dict[str, Any]:
        found = _PRESTO_VIEW.fullmatch((self.glue.get("ViewOriginalText") or "").strip())
        if found is None:
            raise QueryFailed(f"NOT_SUPPORTED: {self.label} is a view of another engine than Athena's")
        try:
            definition = json.loads(base64.b64decode(found[1], validate=True))
        except (binascii.Error, ValueError) as error:
            raise QueryFailed(f"INVALID_VIEW: Invalid view JSON of {self.label}: {error}") from error
        missing = {"originalSql", "schema", "columns"} - set(definition)
        if missing:
            raise QueryFailed(f"INVALID_VIEW: Invalid view JSON of {self.label}: no {min(missing)}")
        return dict(definition)


def folder(location: str) -> str:
    """A location as a folder: S3 would match siblings that start with the same letters otherwise."""
    return location if location.endswith("/") else f"{location}/"


def duckdb_type(kind: exp.DataType) -> str:
    """A Glue type in DuckDB's words."""
    return kind.sql("duckdb", identify=True)
