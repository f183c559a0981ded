"""StartQuery and DescribeQueries; GetQueryResults and StopQuery are ministack's, over what these store."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterable
from typing import Any

from raytrail.localaws._hooks import hook
from raytrail.localaws._logs._api import Data, LogsError
from raytrail.localaws._logs._insights import LogEvent, run
from raytrail.localaws._logs._insights_grammar import MAX_LIMIT, parse
from raytrail.localaws._logs._insights_tree import QueryError

_MODULE = "ministack.services.cloudwatch_logs"
_MAX_GROUPS = 50


class InsightsQueries:
    """Runs each query at once, over the events that ministack stores."""

    def __init__(self) -> None:
        self._groups = hook(f"{_MODULE}:_log_groups")
        self._queries = hook(f"{_MODULE}:_queries")
        self._records = hook(f"{_MODULE}:_log_records")
        self._record = hook(f"{_MODULE}:_build_log_record")
        self._named = hook(f"{_MODULE}:_resolve_query_log_groups")
        self._lock = hook(f"{_MODULE}:_log_events_lock")
        self._account = hook("ministack.core.responses:get_account_id")

    def start_query(self, data: Data) -> Data:
        """https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_StartQuery.html."""
        names = self._log_groups(data)
        start, end, limit = data.get("startTime"), data.get("endTime"), data.get("limit")
        if start is None or end is None or start > end:
            raise LogsError("InvalidParameterException", "startTime must not be after endTime")
        if limit is not None and not 1 <= limit <= MAX_LIMIT:
            raise LogsError("InvalidParameterException", f"limit must be from 1 to {MAX_LIMIT}")
        query = data.get("queryString", "")
        try:
            commands = parse(query)
        except QueryError as error:
            location = {"startCharOffset": error.start, "endCharOffset": error.end}
            about = {"location": location, "message": error.message}
            raise LogsError("MalformedQueryException", error.message, queryCompileError=about) from error
        events = sorted(self._events(names, start * 1000, end * 1000 + 999), key=lambda event: event.timestamp)
        answer = run(commands, events, limit)
        query_id = str(uuid.uuid4())
        self._queries[query_id] = {
            "queryId": query_id,
            "logGroupName": names[0],
            "logGroupNames": names,
            "queryString": query,
            "startTime": start,
            "endTime": end,
            "createTime": int(time.time() * 1000),
            "status": "Complete",
            "results": answer.rows,
            "statistics": {
                "recordsMatched": float(answer.records_matched),
                "recordsScanned": float(len(events)),
                "estimatedRecordsSkipped": 0.0,
                "bytesScanned": float(sum(len(event.message.encode()) for event in events)),
                "estimatedBytesSkipped": 0.0,
                "logGroupsScanned": float(len(names)),
            },
        }
        return {"queryId": query_id}

    def describe_queries(self, data: Data) -> Data:
        """https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DescribeQueries.html."""
        found = [
            {
                "queryLanguage": "CWLI",
                "queryId": query["queryId"],
                "queryString": query["queryString"],
                "status": query["status"],
                "createTime": query["createTime"],
                "logGroupName": query["logGroupName"],
            }
            for query in self._queries.values()
            if data.get("status") in (None, query["status"])
            and (data.get("logGroupName") is None or data["logGroupName"] in query["logGroupNames"])
        ]
        found.sort(key=lambda query: query["createTime"], reverse=True)
        return {"queries": found[: data.get("maxResults") or 1000]}

    def _log_groups(self, data: Data) -> list[str]:
        language = data.get("queryLanguage", "CWLI")
        if language != "CWLI":
            raise LogsError("InvalidParameterException", f"the embedded AWS evaluates CWLI queries, not {language}")
        names: list[str] = self._named(data)
        if not names:
            raise LogsError("InvalidParameterException", "Exactly one log group parameter must be specified")
        if len(names) > _MAX_GROUPS:
            raise LogsError("InvalidParameterException", f"A query takes at most {_MAX_GROUPS} log groups")
        for name in names:
            if name not in self._groups:
                raise LogsError(
                    "ResourceNotFoundException",
                    f"Log group '{name}' does not exist for account ID "
                    f"'{self._account()}' (Service: AWSLogs; Status Code: 400)",
                )
        return names

    def _events(self, names: Iterable[str], start: int, end: int) -> Iterable[LogEvent]:
        for group in names:
            for stream, content in list(self._groups[group]["streams"].items()):
                with self._lock:
                    found = [event for event in content["events"] if start <= event["timestamp"] <= end]
                for event in found:
                    yield LogEvent(
                        timestamp=event["timestamp"],
                        ingestion_time=event["ingestionTime"],
                        message=event["message"],
                        stream=stream,
                        group=group,
                        account=self._account(),
                        pointer=self._pointer(event, group, stream),
                    )

    def _pointer(self, event: dict[str, Any], group: str, stream: str) -> str:
        """What GetLogRecord finds the event by; writers other than PutLogEvents have given it none yet."""
        pointer = event.setdefault("eventId", str(uuid.uuid4()))
        if pointer not in self._records:
            self._records[pointer] = self._record(
                ptr=pointer,
                timestamp_ms=event["timestamp"],
                message=event["message"],
                log_group=group,
                log_stream=stream,
            )
        return str(pointer)


class QueryDefinitions:
    """Saved queries: PutQueryDefinition, DescribeQueryDefinitions and DeleteQueryDefinition."""

    def __init__(self) -> None:
        self._saved = hook("ministack.core.responses:AccountRegionScopedDict")()

    def put(self, data: Data) -> Data:
        """https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutQueryDefinition.html."""
        if not data.get("name") or not data.get("queryString"):
            raise LogsError("InvalidParameterException", "name and queryString are required")
        if len(data["queryString"]) > MAX_LIMIT:
            raise LogsError("InvalidParameterException", "queryString has at most 10000 characters")
        id = data.get("queryDefinitionId")
        if id and id not in self._saved:
            raise LogsError("ResourceNotFoundException", "Query definition not found")
        id = id or str(uuid.uuid4())
        kept = {name: data[name] for name in ("name", "queryString", "logGroupNames", "parameters") if data.get(name)}
        self._saved[id] = {
            "queryLanguage": data.get("queryLanguage", "CWLI"),
            "queryDefinitionId": id,
            "lastModified": int(time.time() * 1000),
            **json.loads(json.dumps(kept)),
        }
        return {"queryDefinitionId": id}

    def describe(self, data: Data) -> Data:
        """https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DescribeQueryDefinitions.html."""
        prefix, language = data.get("queryDefinitionNamePrefix", ""), data.get("queryLanguage")
        found = [
            saved
            for saved in self._saved.values()
            if saved["name"].startswith(prefix) and language in (None, saved["queryLanguage"])
        ]
        found.sort(key=lambda saved: (saved["name"], saved["queryDefinitionId"]))
        begin, count = int(data.get("nextToken") or 0), data.get("maxResults") or 1000
        answer: Data = {"queryDefinitions": found[begin : begin + count]}
        if len(found) > begin + count:
            answer["nextToken"] = str(begin + count)
        return answer

    def delete(self, data: Data) -> Data:
        """https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DeleteQueryDefinition.html."""
        if self._saved.pop(data.get("queryDefinitionId"), None) is None:
            raise LogsError("ResourceNotFoundException", "Query definition not found")
        return {"success": True}
