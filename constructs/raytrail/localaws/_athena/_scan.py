"""Which objects a scan reads: its partitions, pruned by the statement's predicates, and what lies below them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from urllib.parse import urlsplit

import duckdb
from sqlglot import exp

from raytrail.localaws._athena._plan import Scan
from raytrail.localaws._athena._projection import (
    MAX_INJECTED,
    Injected,
    injected_conditions,
    is_projected,
    location_of,
    projected_values,
)
from raytrail.localaws._athena._table import duckdb_type, folder
from raytrail.localaws._athena._translate import to_duckdb


class Store(Protocol):
    """The objects of S3."""

    def sizes(self, bucket: str) -> Mapping[str, int]:
        """Return the size of each object by key; raises QueryFailed for a bucket that is not there."""

    def read(self, bucket: str, key: str) -> bytes:
        """Return an object's bytes as stored."""


@dataclass(frozen=True)
class Split:
    """One object to read, and the partition that it lies in."""

    bucket: str
    key: str
    size: int
    partition: Mapping[str, str | None]

    @property
    def uri(self) -> str:
        """The object's S3 URI."""
        return f"s3://{self.bucket}/{self.key}"


def splits(scan: Scan, store: Store, connection: duckdb.DuckDBPyConnection, now: datetime) -> Iterator[Split]:
    """Return the objects that a scan reads, in order of their keys.

    Raises:
        QueryFailed: A bucket is missing, the projection is wrong, or an injected key is not named.
    """
    table = scan.table
    if not table.keys:
        folders: dict[str, Mapping[str, str | None]] = {table.location: {}}
    elif is_projected(table):
        folders = {location_of(table, values): dict(values) for values in _projected(scan, connection, now)}
    else:
        folders = _registered(scan, connection)
    return _objects(folders, store)


def _projected(scan: Scan, connection: duckdb.DuckDBPyConnection, now: datetime) -> list[dict[str, str]]:
    values = projected_values(scan.table, now)
    candidates = {
        key: _named(scan, key, connection) if isinstance(given, Injected) else given for key, given in values.items()
    }
    relations = []
    for number, (key, texts) in enumerate(candidates.items()):
        connection.execute(
            f'CREATE OR REPLACE TEMP TABLE "part_{number}" AS SELECT unnest(?::VARCHAR[]) AS "{key}"',
            [texts],
        )
        relations.append(f'"part_{number}"')
    product = f"(SELECT * FROM {' CROSS JOIN '.join(relations)})"
    return [dict(zip(candidates, row, strict=True)) for row in _matching(scan, product, connection)]


def _registered(scan: Scan, connection: duckdb.DuckDBPyConnection) -> dict[str, Mapping[str, str | None]]:
    keys = list(scan.table.keys)
    folders: dict[str, Mapping[str, str | None]] = {}
    for partition in scan.table.partitions:
        values = dict(zip(keys, partition["Values"], strict=True))
        row = ", ".join(f'{_literal(value)} AS "{key}"' for key, value in values.items())
        if _matching(scan, f"(SELECT {row})", connection):
            folders[folder(partition["StorageDescriptor"]["Location"])] = values
    return folders


def _matching(scan: Scan, relation: str, connection: duckdb.DuckDBPyConnection) -> list[tuple[str, ...]]:
    """Rows of key texts in ``relation`` that the predicates, on the keys in their own types, let through."""
    keys = scan.table.keys
    typed = ", ".join(f'CAST("text"."{key}" AS {duckdb_type(kind)}) AS "{key}"' for key, kind in keys.items())
    texts = ", ".join(f'"{key}" AS "text_{key}"' for key in keys)
    wanted = ", ".join(f'"text_{key}"' for key in keys)
    condition = " AND ".join(f"({to_duckdb(predicate)})" for predicate in scan.predicates) or "TRUE"
    return connection.execute(
        f'SELECT {wanted} FROM (SELECT {typed}, {texts} FROM {relation} AS "text") WHERE {condition}'
    ).fetchall()


def _named(scan: Scan, key: str, connection: duckdb.DuckDBPyConnection) -> list[str]:
    """The values that the statement names for an injected key."""
    named: list[list[str]] = []
    for predicate in scan.predicates:
        if any(column.name == key for column in predicate.find_all(exp.Column)):
            named.append(list(_equals(predicate, key, connection)))
    if not named:
        raise injected_conditions(key)
    # Each condition must hold, so the first names enough; the filter over the candidates applies the others.
    return list(dict.fromkeys(named[0]))


def _equals(predicate: exp.Expr, key: str, connection: duckdb.DuckDBPyConnection) -> Iterator[str]:
    predicate = predicate.unnest()
    if isinstance(predicate, exp.Or):
        for side in predicate.flatten():
            yield from _equals(side, key, connection)
        return
    if isinstance(predicate, exp.EQ):
        sides = [predicate.this.unnest(), predicate.expression.unnest()]
        constants = [side for side in sides if not side.find(exp.Column)]
        columns = [side for side in sides if isinstance(side, exp.Column) and side.name == key]
        if len(constants) != 1 or len(columns) != 1:
            raise injected_conditions(key)
    elif isinstance(predicate, exp.In) and isinstance(predicate.this, exp.Column) and not predicate.args.get("query"):
        constants = predicate.expressions
        if len(constants) > MAX_INJECTED or any(constant.find(exp.Column) for constant in constants):
            raise injected_conditions(key)
    else:
        raise injected_conditions(key)
    for constant in constants:
        row = connection.execute(f"SELECT CAST({to_duckdb(constant)} AS VARCHAR)").fetchone()
        assert row is not None
        if row[0] is not None:
            yield row[0]


def _objects(folders: Mapping[str, Mapping[str, str | None]], store: Store) -> Iterator[Split]:
    buckets = dict.fromkeys(urlsplit(location).netloc for location in folders)
    for bucket in buckets:
        for key, size in sorted(store.sizes(bucket).items()):
            home = next((at for at in _above(bucket, key) if at in folders), None)
            if home is not None and not _hidden(f"s3://{bucket}/{key}"[len(home) :]):
                yield Split(bucket, key, size, folders[home])


def _above(bucket: str, key: str) -> Iterator[str]:
    """The folders that an object lies in, from the innermost: Athena reads a location with all below it."""
    end = key.rfind("/")
    while end >= 0:
        yield f"s3://{bucket}/{key[: end + 1]}"
        end = key.rfind("/", 0, end)
    yield f"s3://{bucket}/"


def _hidden(path: str) -> bool:
    return not path or path.endswith("/") or any(part.startswith(("_", ".")) for part in path.split("/"))


def _literal(value: str) -> str:
    escaped = value.replace("'", "''")
    return f"'{escaped}'"
