"""One question to the lake, through the Athena API."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from raytrail.demo._evidence import wait_for
from raytrail.demo._target import Target
from raytrail.errors import EvidenceMissing

SECONDS = 120.0
"""How long a query may run."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """The rows of a query, without the row of names, and what it read for them."""

    rows: tuple[tuple[str, ...], ...]
    bytes_scanned: int
    execution_id: str


def ask(target: Target, sql: str, parameters: Sequence[str] = ()) -> Answer:
    """Run a query in the kit's workgroup and database.

    Args:
        target: Where.
        sql: The statement.
        parameters: An SQL literal for each question mark in it, in their order. Default: it has none.

    Raises:
        EvidenceMissing: It failed, or did not end.
    """
    athena = target.client("athena")
    execution_id = athena.start_query_execution(
        QueryString=sql,
        QueryExecutionContext={"Database": target.output("DatabaseName")},
        WorkGroup=target.output("WorkGroupName"),
        # Athena takes no empty list.
        **({"ExecutionParameters": list(parameters)} if parameters else {}),
    )["QueryExecutionId"]

    def ended() -> dict[str, Any] | None:
        execution: dict[str, Any] = athena.get_query_execution(QueryExecutionId=execution_id)["QueryExecution"]
        return execution if execution["Status"]["State"] in {"SUCCEEDED", "FAILED", "CANCELLED"} else None

    execution = wait_for(ended, seconds=SECONDS, what=f"the end of the query {execution_id}")
    if execution["Status"]["State"] != "SUCCEEDED":
        raise EvidenceMissing(f"a query failed: {execution['Status'].get('StateChangeReason')}")
    pages = athena.get_paginator("get_query_results").paginate(QueryExecutionId=execution_id)
    rows = [
        tuple(cell.get("VarCharValue", "") for cell in row["Data"])
        for page in pages
        for row in page["ResultSet"]["Rows"]
    ]
    return Answer(
        rows=tuple(rows[1:]),
        bytes_scanned=int(execution["Statistics"]["DataScannedInBytes"]),
        execution_id=execution_id,
    )
