"""The engine of the embedded Athena by itself: tables and views in a dictionary, files in memory, no server."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from raytrail.localaws._athena._engine import Run, execute
from raytrail.localaws._athena._errors import QueryFailed
from raytrail.localaws._athena._source import Objects
from raytrail.localaws._athena._table import Table, View
from raytrail.queries import EVENTS

TODAY = datetime.now(UTC).date()
ACCOUNTS, REGIONS = ("111122223333", "444455556666"), ("us-east-1", "eu-west-1")
DATABASE = "lake"


def packed(*records: Any) -> bytes:
    return gzip.compress(json.dumps({"Records": records}).encode())


def prefix(account: str = ACCOUNTS[0], region: str = REGIONS[0]) -> str:
    """The folder of today's events."""
    return f"AWSLogs/{account}/CloudTrail/{region}/{TODAY:%Y/%m/%d}/"


@dataclass
class Store:
    """Objects by their keys, and which of them were read."""

    bodies: dict[str, bytes] = field(default_factory=dict)
    read_keys: list[str] = field(default_factory=list)

    def sizes(self, bucket: str) -> dict[str, int]:
        return {key: len(body) for key, body in self.bodies.items()}

    def read(self, bucket: str, key: str) -> bytes:
        self.read_keys.append(key)
        return self.bodies[key]


@dataclass
class Engine:
    """Asks a store through the kit's table of events, and through views of the test's own."""

    folder: Path
    store: Store = field(default_factory=Store)
    views: dict[str, View] = field(default_factory=dict)

    def view(self, name: str, sql: str, columns: Sequence[str], *, schema: str = DATABASE) -> None:
        definition = {
            "originalSql": sql,
            "catalog": "awsdatacatalog",
            "schema": schema,
            "columns": [{"name": column, "type": "varchar"} for column in columns],
        }
        encoded = base64.b64encode(json.dumps(definition).encode()).decode()
        self.view_of_text(name, f"/* Presto View: {encoded} */")

    def view_of_text(self, name: str, text: str) -> None:
        self.views[name] = View(DATABASE, name, {"TableType": "VIRTUAL_VIEW", "ViewOriginalText": text})

    def find(self, database: str, name: str) -> Table | View:
        if database == DATABASE and name in self.views:
            return self.views[name]
        if (database, name) == (DATABASE, EVENTS.name):
            given = EVENTS.table_input(bucket="b", accounts=ACCOUNTS, regions=REGIONS, start_date=TODAY)
            return Table(DATABASE, EVENTS.name, given)
        raise QueryFailed(f"TABLE_NOT_FOUND: Table 'awsdatacatalog.{database}.{name}' does not exist")

    def ask(self, sql: str, *, objects: Objects | None = None, parameters: Sequence[str] = ()) -> list[Any]:
        run = Run()
        execute(
            run,
            sql,
            database=DATABASE,
            lookup=self.find,
            source=objects or Objects(store=self.store),
            folder=self.folder,
            parameters=parameters,
        )
        return run.rows
