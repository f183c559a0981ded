"""A query run by Athena: started, watched, stopped on Ctrl-C, and its rows fetched a page at a time."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from raytrail.cli._aws import Aws, asking
from raytrail.cli._query._answer import Column
from raytrail.cli._query._cost import size
from raytrail.cli._query._progress import Say
from raytrail.cli._refusals import Refused, code_of
from raytrail.cli._signals import Stopped

PAGE = 1000
"""Rows that GetQueryResults gives at once, the names of the columns among them
(https://docs.aws.amazon.com/athena/latest/APIReference/API_GetQueryResults.html)."""

_SHORTEST_WAIT, _LONGEST_WAIT = 0.2, 2.0
_LIMIT_HIT = re.compile(r"bytes scanned limit", re.IGNORECASE)
_NO_WORKGROUP = re.compile(r"workgroup\b.*not found", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Workgroup:
    """A workgroup of Athena, and the database that its queries run in."""

    aws: Aws
    name: str
    database: str

    def run(self, sql: str, literals: Sequence[str], say: Say) -> dict[str, Any]:
        """Run a statement to its end and return its ``QueryExecution``.

        Ctrl-C stops it at Athena too.

        Raises:
            Refused: It could not start, failed, or was cancelled.
            Stopped: Somebody wants the command to end.
        """
        execution_id = self._start(sql, literals)
        try:
            say(f"execution {execution_id} in workgroup {self.name}, {self.aws}", once=True)
            execution = self._wait(execution_id, say)
        except Stopped:
            self._stop(execution_id)
            raise
        self._refuse_failure(execution)
        return execution

    def columns(self, execution_id: str) -> list[Column]:
        """The columns of a finished execution's answer.

        Raises:
            Refused: Athena does not give them.
        """
        with asking(self.aws):
            page = self._client.get_query_results(QueryExecutionId=execution_id, MaxResults=1)
        return [Column(each["Name"], each["Type"]) for each in page["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]]

    def rows(self, execution_id: str, limit: int) -> Iterator[list[str | None]]:
        """The rows of a finished execution.

        Args:
            execution_id: Which.
            limit: How many are wanted; somewhat more come, so that one can see that there are. 0 for all.

        Raises:
            Refused: Athena does not give them.
        """
        # One line for the names of the columns, and one to see that there are more.
        pages = self._client.get_paginator("get_query_results").paginate(
            QueryExecutionId=execution_id, PaginationConfig={"PageSize": min(PAGE, limit + 2) if limit else PAGE}
        )
        with asking(self.aws):
            for number, page in enumerate(pages):
                for row in page["ResultSet"]["Rows"][0 if number else 1 :]:
                    yield [datum.get("VarCharValue") for datum in row["Data"]]

    @cached_property
    def _client(self) -> Any:
        return self.aws.client("athena")

    def _start(self, sql: str, literals: Sequence[str]) -> str:
        # Athena refuses an empty list.
        parameters: dict[str, Any] = {"ExecutionParameters": list(literals)} if literals else {}
        try:
            with asking(self.aws):
                started = self._client.start_query_execution(
                    QueryString=sql,
                    WorkGroup=self.name,
                    QueryExecutionContext={"Database": self.database},
                    **parameters,
                )
        except Refused as error:
            cause = error.__cause__
            if isinstance(cause, ClientError) and code_of(cause) == "InvalidRequestException":
                raise Refused(self._why_not_started(cause)) from error
            raise
        return str(started["QueryExecutionId"])

    def _why_not_started(self, error: ClientError) -> str:
        said = _sentence(error.response["Error"].get("Message"))
        if _NO_WORKGROUP.search(said):
            return (
                f"there is no workgroup {self.name!r} in {self.aws}: deploy the audit stack there, or give the "
                "--region, the --kit (its name in cdk.json) or the --workgroup"
            )
        return f"Athena refuses the query in workgroup {self.name!r}: {said}"

    def _wait(self, execution_id: str, say: Say) -> dict[str, Any]:
        began, pause = time.monotonic(), _SHORTEST_WAIT
        client = self._client
        while True:
            with asking(self.aws):
                execution: dict[str, Any] = client.get_query_execution(QueryExecutionId=execution_id)["QueryExecution"]
            state = execution["Status"]["State"]
            if state not in ("QUEUED", "RUNNING"):
                return execution
            say(f"{state.lower()}, {size(scanned(execution))} read, {time.monotonic() - began:.0f} s")
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_WAIT)

    def _stop(self, execution_id: str) -> None:
        try:
            self._client.stop_query_execution(QueryExecutionId=execution_id)
        except (BotoCoreError, ClientError) as error:
            sys.stderr.write(f"raytrail: execution {execution_id} goes on, it could not be stopped: {error}\n")

    def _refuse_failure(self, execution: dict[str, Any]) -> None:
        state, read = execution["Status"]["State"], size(scanned(execution))
        said = _sentence(execution["Status"].get("StateChangeReason"))
        which = f"execution {execution['QueryExecutionId']}"
        if state == "SUCCEEDED":
            return
        if state == "CANCELLED" and _LIMIT_HIT.search(said):
            raise Refused(
                f"workgroup {self.name!r} ended the query at its limit of bytes for one query, with {read} read "
                f"({which}): ask about fewer days, accounts or Regions, or raise audit.query_limit_gb and deploy"
            )
        if state == "CANCELLED":
            raise Refused(f"the query was cancelled with {read} read ({which}): {said or 'somebody stopped it'}")
        raise Refused(f"Athena could not answer ({which}): {said or 'it gives no reason'}")


def scanned(execution: dict[str, Any]) -> int:
    """Bytes that an execution has read so far."""
    return int((execution.get("Statistics") or {}).get("DataScannedInBytes") or 0)


def _sentence(text: object) -> str:
    return " ".join(str(text or "").split()).rstrip(".")
