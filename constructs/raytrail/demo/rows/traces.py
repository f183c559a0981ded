"""Rows of X-Ray."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from raytrail.demo._evidence import Evidence, wait_for
from raytrail.demo._scene import OURS, Scene
from raytrail.demo._target import Target
from raytrail.errors import EvidenceMissing
from raytrail.traces import Trace

SPANS = "spans by AWS's OpenTelemetry distribution"


def trace(scene: Scene) -> Evidence:
    """The span tree of the slowest request."""
    target, trace_id = scene.target, scene.traffic.slow.trace_id
    # Both come from the instrumentation of the function alone, and last.
    names = {f"{target.kit}-orders", "DynamoDB"}
    seen = _read(
        target,
        trace_id,
        lambda seen: names <= {span.name for span, _ in seen.spans()},
        what="with the spans of the function and of its call to DynamoDB",
    )
    return _told("trace", seen, target)


def failed_order(scene: Scene) -> Evidence:
    """The span tree of an order that failed, and the groups that caught it."""
    target, trace_id = scene.target, scene.traffic.faulty[-1].trace_id
    seen = _read(
        target,
        trace_id,
        lambda seen: (
            seen.root.fault
            and any(span.sql for span, _ in seen.spans())
            and any(span.name == "DynamoDB" for span, _ in seen.spans())
        ),
        what="as a fault, with the spans of its SQL statement and of its call to DynamoDB",
    )
    caught = wait_for(
        lambda: _groups_of(scene, seen),
        seconds=target.patience_seconds,
        what=f"trace {seen.id} in the X-Ray group {target.kit}-faults",
    )
    told = _told("failed order", seen, target)
    statement = next(str(span.sql.get("sanitized_query")) for span, _ in seen.spans() if span.sql)
    return replace(
        told,
        seen=f"{told.seen}; caught by {', '.join(caught)}",
        read_with="xray:BatchGetTraces, xray:GetTraceSummaries",
        lines=(*told.lines, f"SQL: {statement}"),
    )


def _groups_of(scene: Scene, trace: Trace) -> list[str] | None:
    """The kit's groups that have the trace, if that of the faults is one of them."""
    xray, kit = scene.target.client("xray"), scene.target.kit
    groups = [group["GroupName"] for group in xray.get_groups()["Groups"] if group["GroupName"].startswith(f"{kit}-")]
    caught = []
    for group in groups:
        pages = xray.get_paginator("get_trace_summaries").paginate(
            StartTime=trace.start - 60, EndTime=trace.end + 60, FilterExpression=f'group.name = "{group}"'
        )
        if any(summary["Id"] == trace.id for page in pages for summary in page["TraceSummaries"]):
            caught.append(group)
    return caught if f"{kit}-faults" in caught else None


def _read(target: Target, trace_id: str | None, complete: Callable[[Trace], bool], *, what: str) -> Trace:
    if not trace_id:
        raise EvidenceMissing("the API answered without an X-Amzn-Trace-Id header")
    xray = target.client("xray")

    def look() -> Trace | None:
        found = xray.batch_get_traces(TraceIds=[trace_id])["Traces"]
        if not found:
            return None
        seen = Trace.from_documents(segment["Document"] for segment in found[0]["Segments"])
        return seen if complete(seen) else None

    return wait_for(look, seconds=target.patience_seconds, what=f"trace {trace_id} {what}")


def _told(row: str, seen: Trace, target: Target) -> Evidence:
    spans = list(seen.spans())
    chain = dict.fromkeys(span.service for span, _ in spans)
    return Evidence(
        row=row,
        seen=f"{len(spans)} spans, {seen.response_time * 1000:.0f} ms: " + " > ".join(chain),
        proof=seen.id,
        read_with="xray:BatchGetTraces",
        made_by=target.made_by(f"{OURS}; {SPANS}"),
        lines=tuple(f"{'  ' * depth}{span}" for span, depth in spans),
    )


def trace_groups(scene: Scene) -> Evidence:
    """The kit's X-Ray groups and sampling rules."""
    xray, kit = scene.target.client("xray"), scene.target.kit
    groups = [group for group in xray.get_groups()["Groups"] if group["GroupName"].startswith(f"{kit}-")]
    records = xray.get_sampling_rules()["SamplingRuleRecords"]
    rules = [r["SamplingRule"]["RuleName"] for r in records if r["SamplingRule"]["RuleName"].startswith(f"{kit}-")]
    resources = scene.target.template("tracing")["Resources"].values()
    wanted = Counter(resource["Type"] for resource in resources)
    if len(groups) < wanted["AWS::XRay::Group"] or len(rules) < wanted["AWS::XRay::SamplingRule"]:
        raise EvidenceMissing(
            f"X-Ray has {len(groups)} of {wanted['AWS::XRay::Group']} groups and {len(rules)} of "
            f"{wanted['AWS::XRay::SamplingRule']} sampling rules of the template"
        )
    return Evidence(
        row="trace groups",
        seen=f"{len(groups)} groups, {len(rules)} sampling rules",
        proof=groups[0]["GroupARN"],
        read_with="xray:GetGroups, xray:GetSamplingRules",
        made_by=scene.target.made_by(OURS),
        lines=tuple(f"{group['GroupName']}: {group['FilterExpression']}" for group in groups),
    )
