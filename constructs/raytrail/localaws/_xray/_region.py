"""X-Ray as one account has it in one Region."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable
from typing import Any

from raytrail.localaws._xray._daemon import Daemon
from raytrail.localaws._xray._documents import UnfitDocument, read
from raytrail.localaws._xray._errors import XRayError
from raytrail.localaws._xray._graph import services
from raytrail.localaws._xray._groups import Groups
from raytrail.localaws._xray._model import check
from raytrail.localaws._xray._sampling import SamplingRules
from raytrail.localaws._xray._search import filtering, in_time, sample
from raytrail.localaws._xray._settings import Settings
from raytrail.localaws._xray._summaries import summarize
from raytrail.localaws._xray._tags import Tags
from raytrail.localaws._xray._traces import Traces
from raytrail.traces import Trace

MAX_TRACE_IDS = 5
"""How many traces one BatchGetTraces gives."""

PAGE = 100

Operation = Callable[[dict[str, Any]], dict[str, Any]]


class RegionalXRay:
    """The traces, groups, sampling rules and settings of one account and Region, and its operations by name."""

    def __init__(self, account_id: str, region: str) -> None:
        self.account_id = account_id
        self.traces = Traces()
        self.groups = Groups(account_id, region)
        self.sampling = SamplingRules(account_id, region)
        self.settings = Settings(account_id, region)
        self.tags = Tags(lambda arn: self.groups.has(arn) or self.sampling.has(arn))
        self._daemon: Daemon | None = None
        self._lock = threading.Lock()
        self._operations: dict[str, Operation] = {
            "PutTraceSegments": self._put_segments,
            "PutTelemetryRecords": lambda asked: {},
            "GetTraceSummaries": self._get_summaries,
            "BatchGetTraces": self._get_traces,
            "GetServiceGraph": self._get_service_graph,
            "GetTraceGraph": self._get_trace_graph,
            "CreateGroup": self._create_group,
            "GetGroup": self.groups.get,
            "GetGroups": self.groups.list_all,
            "UpdateGroup": self.groups.update,
            "DeleteGroup": self.groups.delete,
            "CreateSamplingRule": self._create_rule,
            "GetSamplingRules": self.sampling.list_all,
            "UpdateSamplingRule": self.sampling.update,
            "DeleteSamplingRule": self._delete_rule,
            "GetSamplingTargets": self.sampling.targets,
            "GetSamplingStatisticSummaries": self.sampling.statistics,
            "PutEncryptionConfig": self.settings.put_encryption,
            "GetEncryptionConfig": self.settings.get_encryption,
            "PutResourcePolicy": self.settings.put_policy,
            "ListResourcePolicies": self.settings.list_policies,
            "DeleteResourcePolicy": self.settings.delete_policy,
            "UpdateTraceSegmentDestination": self.settings.update_destination,
            "GetTraceSegmentDestination": self.settings.get_destination,
            "UpdateIndexingRule": self.settings.update_indexing,
            "GetIndexingRules": self.settings.get_indexing,
            "TagResource": self.tags.tag,
            "UntagResource": self.tags.untag,
            "ListTagsForResource": self.tags.list_all,
        }

    def run(self, operation: str, asked: dict[str, Any]) -> dict[str, Any]:
        """Run one operation of the API.

        Raises:
            XRayError: What was asked breaks the operation's model, or AWS would refuse it.
        """
        check(operation, asked)
        if operation not in self._operations:
            raise XRayError(f"{operation} is not emulated in this version.")
        return self._operations[operation](asked)

    @property
    def daemon_address(self) -> str:
        """The value of ``AWS_XRAY_DAEMON_ADDRESS``: a daemon that starts when it is first asked for."""
        with self._lock:
            if self._daemon is None:
                self._daemon = Daemon(self.traces)
            return self._daemon.address

    def close(self) -> None:
        """Stop the daemon, if it runs."""
        with self._lock:
            if self._daemon is not None:
                self._daemon.close()

    def _put_segments(self, asked: dict[str, Any]) -> dict[str, Any]:
        unprocessed = []
        for text in asked["TraceSegmentDocuments"]:
            try:
                unfit = self.traces.put(read(text))
            except UnfitDocument as error:
                unfit = error
            if unfit is not None:
                message = f"Invalid segment. ErrorCode: {unfit.code}"
                problem = {"Id": unfit.id, "ErrorCode": unfit.code, "Message": message}
                unprocessed.append({key: value for key, value in problem.items() if value is not None})
        return {"UnprocessedTraceSegments": unprocessed}

    def _get_summaries(self, asked: dict[str, Any]) -> dict[str, Any]:
        timely, sampled = in_time(asked), sample(asked)
        matches = filtering(asked.get("FilterExpression"), self.groups.expressions())
        looked_at = self.traces.select(lambda trace: timely(trace) and sampled(trace))
        found = [trace for trace in looked_at if matches(trace)]
        start = _offset(asked.get("NextToken"))
        page = {
            "TraceSummaries": [summarize(trace, self.account_id) for trace in found[start : start + PAGE]],
            "ApproximateTime": asked["EndTime"],
            "TracesProcessedCount": len(looked_at),
        }
        return page | _next(start, len(found))

    def _get_traces(self, asked: dict[str, Any]) -> dict[str, Any]:
        traces, missing = self._named(asked["TraceIds"])
        return {
            "Traces": [
                {
                    "Id": trace.id,
                    "Duration": round(trace.duration, 3),
                    "LimitExceeded": False,
                    "Segments": [
                        {"Id": document["id"], "Document": json.dumps(document)} for document in trace.documents()
                    ],
                }
                for trace in traces
            ],
            "UnprocessedTraceIds": missing,
        }

    def _get_service_graph(self, asked: dict[str, Any]) -> dict[str, Any]:
        timely, expression, changed = in_time(asked), None, False
        if asked.get("GroupName") or asked.get("GroupARN"):
            group = self.groups.get(asked)["Group"]
            expression = group.get("FilterExpression")
            changed = self.groups.changed_since(group["GroupARN"], float(asked["StartTime"]))
        matches = filtering(expression, self.groups.expressions())
        return {
            "StartTime": asked["StartTime"],
            "EndTime": asked["EndTime"],
            "Services": services(self.traces.select(lambda trace: timely(trace) and matches(trace)), self.account_id),
            "ContainsOldGroupVersions": changed,
        }

    def _get_trace_graph(self, asked: dict[str, Any]) -> dict[str, Any]:
        traces, _ = self._named(asked["TraceIds"])
        return {"Services": services(traces, self.account_id)}

    def _create_group(self, asked: dict[str, Any]) -> dict[str, Any]:
        made = self.groups.create(asked)
        self._tag(made["Group"]["GroupARN"], asked)
        return made

    def _create_rule(self, asked: dict[str, Any]) -> dict[str, Any]:
        made = self.sampling.create(asked)
        self._tag(made["SamplingRuleRecord"]["SamplingRule"]["RuleARN"], asked)
        return made

    def _delete_rule(self, asked: dict[str, Any]) -> dict[str, Any]:
        gone = self.sampling.delete(asked)
        # A rule's ARN is its name: the next rule of that name must not inherit its tags.
        self.tags.forget(gone["SamplingRuleRecord"]["SamplingRule"]["RuleARN"])
        return gone

    def _tag(self, arn: str, asked: dict[str, Any]) -> None:
        if asked.get("Tags"):
            self.tags.tag({"ResourceARN": arn, "Tags": asked["Tags"]})

    def _named(self, ids: list[str]) -> tuple[list[Trace], list[str]]:
        if not 0 < len(ids) <= MAX_TRACE_IDS:
            raise XRayError(f"Between 1 and {MAX_TRACE_IDS} trace IDs can be asked for at once, got {len(ids)}.")
        found = {id: self.traces.get(id) for id in ids}
        return [trace for trace in found.values() if trace], [id for id, trace in found.items() if not trace]


def _offset(token: str | None) -> int:
    if not token:
        return 0
    try:
        return int(base64.urlsafe_b64decode(token.encode()))
    except ValueError as error:
        raise XRayError("Invalid NextToken.") from error


def _next(start: int, total: int) -> dict[str, str]:
    following = start + PAGE
    return {"NextToken": base64.urlsafe_b64encode(str(following).encode()).decode()} if following < total else {}
