"""StartQueryExecution and GetQueryResults: from the API to the engine, and from its answer to S3 and the caller.

An execution is kept in ministack's own store, so that its GetQueryExecution, ListQueryExecutions and
StopQueryExecution serve it.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from raytrail.localaws._athena._catalog import GlueCatalog, S3Store
from raytrail.localaws._athena._engine import Run, execute
from raytrail.localaws._athena._errors import Malformed, QueryCancelled, QueryFailed
from raytrail.localaws._athena._grammar import parse
from raytrail.localaws._athena._source import Objects
from raytrail.localaws._athena._workgroups import Refused, Workgroups
from raytrail.localaws._hooks import hook
from raytrail.localaws._world import Response

logger = logging.getLogger(__name__)

MAX_RESULTS = 1000
_MAX_QUERY_BYTES = 262_144
_ENGINE = "Athena engine version 3"
Execution = dict[str, Any]


class Executions:
    """The executions of queries, as handlers for ministack's Athena.

    Args:
        folder: Where temporary files go.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._store = hook("ministack.services.athena:_executions")
        self._parse_ddl = hook("ministack.services.athena:_parse_ddl")
        self._run_ddl = hook("ministack.services.athena:_run_ddl")
        self._new_id = hook("ministack.services.athena:new_uuid")
        self._put_object = hook("ministack.services.s3:_put_object")
        self._json = hook("ministack.core.responses:json_response")
        self._error = hook("ministack.core.responses:error_response_json")
        self._workgroups = Workgroups()
        self._lookup = GlueCatalog().find
        self._objects = S3Store()
        self._running: set[asyncio.Task[None]] = set()

    def start(self, data: dict[str, Any]) -> Response:
        """StartQueryExecution."""
        try:
            execution, work = self._begin(data)
        except Refused as refused:
            return self._refuse(str(refused))
        except Malformed as malformed:
            return self._refuse(str(malformed), "MALFORMED_QUERY")
        self._store[execution["QueryExecutionId"]] = execution
        task = asyncio.create_task(self._run(execution, work))
        self._running.add(task)  # the loop itself keeps no strong reference
        task.add_done_callback(self._running.discard)
        return self._answer({"QueryExecutionId": execution["QueryExecutionId"]})

    def results(self, data: dict[str, Any]) -> Response:
        """GetQueryResults."""
        query_id = data.get("QueryExecutionId")
        execution = self._store.get(query_id)
        if execution is None:
            return self._refuse(f"QueryExecution {query_id} was not found")
        state = execution["Status"]["State"]
        if state != "SUCCEEDED":
            reason = execution["Status"].get("StateChangeReason", "")
            ended = f"Query did not finish successfully. Final query state: {state}. {reason}".strip()
            return self._refuse(
                ended if state in ("FAILED", "CANCELLED") else f"Query has not yet finished. Current state: {state}"
            )
        size = data.get("MaxResults", MAX_RESULTS)
        token = data.get("NextToken") or "0"
        if not isinstance(size, int) or not 1 <= size <= MAX_RESULTS:
            return self._refuse(f"MaxResults is more than maximum allowed length {MAX_RESULTS}.")
        if not token.isdigit():
            return self._refuse("Invalid nextToken")
        run: Run = execution["_run"]
        # The first page starts with the names of the columns, and they count.
        lines = _lines(run)
        start = int(token)
        page = lines[start : start + size]
        answer: dict[str, Any] = {
            "UpdateCount": 0,
            "ResultSet": {
                "Rows": [
                    {"Data": [{} if value is None else {"VarCharValue": value} for value in line]} for line in page
                ],
                "ResultSetMetadata": {"ColumnInfo": [column.info() for column in run.columns]},
            },
        }
        if start + size < len(lines):
            answer["NextToken"] = str(start + size)
        return self._answer(answer)

    def _begin(self, data: dict[str, Any]) -> tuple[Execution, Callable[[Run], None]]:
        sql = data.get("QueryString") or ""
        if not sql or len(sql.encode()) > _MAX_QUERY_BYTES:
            raise Refused(f"QueryString takes 1 to {_MAX_QUERY_BYTES} bytes")
        workgroup, result_configuration, cutoff = self._workgroups.settings(data)
        context = data.get("QueryExecutionContext") or {}
        database = context.get("Database") or "default"
        parameters = data.get("ExecutionParameters") or []
        objects = Objects(store=self._objects, cutoff_bytes=cutoff)
        statement = self._parse_ddl(sql)
        if statement is not None:
            if getattr(statement, "external", True) is False and not getattr(statement, "iceberg", False):
                raise Malformed("External keyword required for table type HIVE")
            kind = "DDL"

            def work(run: Run) -> None:
                self._define(statement, database)
        else:
            parse(sql, parameters)
            kind = "DML"

            def work(run: Run) -> None:
                execute(
                    run,
                    sql,
                    database=database,
                    lookup=self._lookup,
                    source=objects,
                    folder=self._folder,
                    parameters=parameters,
                )

        query_id = self._new_id()
        suffix = "csv" if kind == "DML" else "txt"
        output = f"{result_configuration['OutputLocation'].rstrip('/')}/{query_id}.{suffix}"
        execution: Execution = {
            "QueryExecutionId": query_id,
            "Query": sql,
            "StatementType": kind,
            "SubstatementType": sql.split(None, 1)[0].upper() if kind == "DML" else "CREATE_TABLE",
            "ResultConfiguration": {**result_configuration, "OutputLocation": output},
            "QueryExecutionContext": {"Database": database, "Catalog": context.get("Catalog") or "AwsDataCatalog"},
            "Status": {"State": "QUEUED", "SubmissionDateTime": time.time()},
            "Statistics": {"DataScannedInBytes": 0},
            "WorkGroup": workgroup,
            "EngineVersion": {"SelectedEngineVersion": "AUTO", "EffectiveEngineVersion": _ENGINE},
            "_run": Run(),
            "_objects": objects,
        }
        if parameters:
            execution["ExecutionParameters"] = parameters
        return execution, work

    def _define(self, statement: Any, database: str) -> None:
        try:
            self._run_ddl(statement, database)
        except ValueError as error:
            raise QueryFailed(f"FAILED: {error}") from error

    async def _run(self, execution: Execution, work: Callable[[Run], None]) -> None:
        status = execution["Status"]
        run: Run = execution["_run"]
        if status["State"] != "QUEUED":
            return
        status["State"] = "RUNNING"
        started = time.time()
        state, reason = "SUCCEEDED", ""
        try:
            await asyncio.to_thread(work, run)
        except QueryCancelled as cancelled:
            state, reason = "CANCELLED", str(cancelled)
        except QueryFailed as failed:
            state, reason = "FAILED", str(failed)
        except Exception as error:
            logger.exception("query %s", execution["QueryExecutionId"])
            state, reason = "FAILED", f"GENERIC_INTERNAL_ERROR: {error}"
        if status["State"] != "RUNNING":  # stopped by its owner meanwhile
            return
        if state == "SUCCEEDED":
            reason = self._save(execution, run)
            state = "FAILED" if reason else state
        self._end(execution, state, reason, started)

    def _end(self, execution: Execution, state: str, reason: str, started: float) -> None:
        milliseconds = int((time.time() - started) * 1000)
        execution["Statistics"] = {
            "EngineExecutionTimeInMillis": milliseconds,
            "DataScannedInBytes": execution["_objects"].scanned_bytes,
            "TotalExecutionTimeInMillis": milliseconds,
            "QueryQueueTimeInMillis": 0,
            "ServiceProcessingTimeInMillis": 0,
        }
        status = execution["Status"]
        if reason:
            status["StateChangeReason"] = reason
        if state == "FAILED":
            # 2: the error is the user's, not the service's.
            status["AthenaError"] = {"ErrorCategory": 2, "Retryable": False, "ErrorMessage": reason}
        status["CompletionDateTime"] = time.time()
        status["State"] = state

    def _save(self, execution: Execution, run: Run) -> str:
        """Write the result to its location; return what went wrong, if anything did."""
        place = urlsplit(execution["ResultConfiguration"]["OutputLocation"])
        body = "".join(f"{','.join(_quoted(value) for value in line)}\n" for line in _lines(run)).encode()
        headers = {"content-type": "application/octet-stream", "content-length": str(len(body))}
        status, _, answer = self._put_object(place.netloc, place.path.lstrip("/"), body, headers)
        if status < 300:
            return ""
        message = re.search(r"<Message>(.*?)</Message>", answer.decode())
        return f"Access denied when writing output to url: {place.geturl()} . {message[1] if message else status}"

    def _answer(self, body: dict[str, Any]) -> Response:
        response: Response = self._json(body)
        return response

    def _refuse(self, message: str, athena_code: str | None = None) -> Response:
        extra = {"AthenaErrorCode": athena_code} if athena_code else None
        response: Response = self._error("InvalidRequestException", message, 400, extra)
        return response


def _lines(run: Run) -> list[list[str | None]]:
    """The rows of a result below the names of its columns."""
    return [[column.name for column in run.columns], *run.rows] if run.columns else []


def _quoted(value: str | None) -> str:
    """A field of the result's file: always in quotes, NULL as nothing at all."""
    if value is None:
        return ""
    doubled = value.replace('"', '""')
    return f'"{doubled}"'
