"""A trail's bucket, its table and a workgroup on the embedded AWS, made through the public API."""

from __future__ import annotations

import gzip
import json
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from raytrail.audit import _model_schema as schema

TABLE = "cloudtrail_events"


@dataclass(frozen=True)
class Answer:
    """How a query ended, and what it answered."""

    state: str
    reason: str
    scanned: int
    columns: list[str]
    types: list[str]
    rows: list[list[str | None]]


class Lake:
    """One bucket in the layout of CloudTrail, with the table that the package defines over it."""

    def __init__(
        self,
        aws: Any,
        *,
        accounts: Sequence[str],
        regions: Sequence[str],
        start_date: date,
        prefix: str = "",
        organization_id: str | None = None,
    ) -> None:
        self.name = f"lake-{uuid.uuid4().hex[:8]}"
        self.database = self.name.replace("-", "_")
        self.s3, self.glue, self.athena = aws.client("s3"), aws.client("glue"), aws.client("athena")
        self.prefix, self.organization_id = prefix, organization_id
        self.sizes: dict[tuple[str, str, str], int] = {}
        """Stored bytes by account, Region and day (yyyy/MM/dd)."""
        self.records: list[tuple[str, str, str, dict[str, Any]]] = []
        """Account, Region and day of the file, and the record, for each that was written."""
        self.s3.create_bucket(Bucket=self.name)
        self.s3.create_bucket(Bucket=f"{self.name}-results")
        self.glue.create_database(DatabaseInput={"Name": self.database})
        self.athena.create_work_group(
            Name=self.name,
            Configuration={
                "EnforceWorkGroupConfiguration": True,
                "ResultConfiguration": {"OutputLocation": f"s3://{self.name}-results/"},
            },
        )
        where: dict[str, Any] = {"bucket": self.name, "prefix": prefix, "organization_id": organization_id}
        self.create_table(
            TABLE,
            location=schema.table_location(**where),
            keys=[column._asdict() for column in schema.PARTITION_KEYS],
            parameters=schema.projection_parameters(**where, accounts=accounts, regions=regions, start_date=start_date),
        )

    def create_table(
        self,
        name: str,
        *,
        location: str,
        keys: Sequence[dict[str, str]] = (),
        parameters: dict[str, str] | None = None,
        columns: Sequence[dict[str, str]] | None = None,
        input_format: str = schema.INPUT_FORMAT,
    ) -> None:
        """Create a table of the lake's database; default: CloudTrail's columns and format."""
        of_trail = [column._asdict() for column in schema.CLOUDTRAIL_COLUMNS]
        self.glue.create_table(
            DatabaseName=self.database,
            TableInput={
                "Name": name,
                "TableType": "EXTERNAL_TABLE",
                "PartitionKeys": [_glue(column) for column in keys],
                "Parameters": {"EXTERNAL": "TRUE", **(parameters or {})},
                "StorageDescriptor": {
                    "Columns": [_glue(column) for column in (of_trail if columns is None else columns)],
                    "Location": location,
                    "InputFormat": input_format,
                    "OutputFormat": schema.OUTPUT_FORMAT,
                    "SerdeInfo": {"SerializationLibrary": schema.SERDE},
                },
            },
        )

    def put(self, account: str, region: str, day: date, records: Sequence[dict[str, Any]]) -> str:
        """Write one file of records where CloudTrail would; return its key."""
        body = gzip.compress(json.dumps({"Records": records}).encode())
        key = self.key(account, region, day)
        self.s3.put_object(Bucket=self.name, Key=key, Body=body)
        part = (account, region, f"{day:%Y/%m/%d}")
        self.sizes[part] = self.sizes.get(part, 0) + len(body)
        self.records += [(*part, record) for record in records]
        return key

    def key(self, account: str, region: str, day: date) -> str:
        """Return a fresh key in CloudTrail's layout."""
        folders = [self.prefix, "AWSLogs", self.organization_id or "", account, "CloudTrail", region, f"{day:%Y/%m/%d}"]
        name = f"{account}_CloudTrail_{region}_{day:%Y%m%d}T0005Z_{uuid.uuid4().hex[:16]}.json.gz"
        return "/".join(folder for folder in [*folders, name] if folder)

    def start(self, sql: str, **options: Any) -> str:
        """StartQueryExecution in the lake's database and workgroup; return the execution's id."""
        options = {"WorkGroup": self.name, "QueryExecutionContext": {"Database": self.database}, **options}
        query_id: str = self.athena.start_query_execution(QueryString=sql, **options)["QueryExecutionId"]
        return query_id

    def ask(self, sql: str, **options: Any) -> Answer:
        """Run a query to its end and return the answer with all its pages."""
        query_id = self.start(sql, **options)
        execution = self.wait(query_id)
        columns: list[str] = []
        types: list[str] = []
        rows: list[list[str | None]] = []
        if execution["Status"]["State"] == "SUCCEEDED":
            pages = self.athena.get_paginator("get_query_results").paginate(QueryExecutionId=query_id)
            for page in pages:
                info = page["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]
                columns, types = [column["Name"] for column in info], [column["Type"] for column in info]
                rows += [[datum.get("VarCharValue") for datum in row["Data"]] for row in page["ResultSet"]["Rows"]]
        return Answer(
            state=execution["Status"]["State"],
            reason=execution["Status"].get("StateChangeReason", ""),
            scanned=execution["Statistics"]["DataScannedInBytes"],
            columns=columns,
            types=types,
            rows=rows[1:],
        )

    def rows(self, sql: str, **options: Any) -> list[list[str | None]]:
        """Run a query that must succeed and return its rows."""
        answer = self.ask(sql, **options)
        assert answer.state == "SUCCEEDED", answer.reason
        return answer.rows

    def wait(self, query_id: str) -> dict[str, Any]:
        """Return the execution once it has ended."""
        while True:
            execution: dict[str, Any] = self.athena.get_query_execution(QueryExecutionId=query_id)["QueryExecution"]
            if execution["Status"]["State"] not in ("QUEUED", "RUNNING"):
                return execution
            time.sleep(0.02)


def _glue(column: dict[str, str]) -> dict[str, str]:
    return {"Name": column["name"], "Type": column["type"], "Comment": column.get("comment", "")}
