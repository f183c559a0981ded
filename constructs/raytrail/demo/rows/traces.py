"""Rows of X-Ray."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from raytrail.demo._evidence import Evidence, wait_for
from raytrail.demo._scene import OURS, Scene
from raytrail.demo._spans import span_tree
from raytrail.errors import EvidenceMissing


def trace(scene: Scene) -> Evidence:
    """The span tree of the slowest request."""
    target, trace_id = scene.target, scene.traffic.slow.trace_id
    if not trace_id:
        raise EvidenceMissing("the API answered the slow request without an X-Amzn-Trace-Id header")
    xray, service = target.client("xray"), f"{target.kit}-orders"

    def look() -> list[dict[str, Any]] | None:
        traces = xray.batch_get_traces(TraceIds=[trace_id])["Traces"]
        documents = [json.loads(segment["Document"]) for found in traces for segment in found["Segments"]]
        # Both come from the instrumentation of the function alone, and last.
        names = {span.name for span in span_tree(documents)}
        return documents if {service, "DynamoDB"} <= names else None

    documents = wait_for(
        look,
        seconds=target.patience_seconds,
        what=f"trace {trace_id} with the spans of the function and of its call to DynamoDB",
    )
    spans = span_tree(documents)
    return Evidence(
        row="trace",
        seen=f"{len(spans)} spans, {spans[0].milliseconds:.0f} ms: " + " > ".join(_chain(documents)),
        proof=trace_id,
        read_with="xray:BatchGetTraces",
        made_by=target.made_by(f"{OURS}; spans by AWS's OpenTelemetry distribution"),
        lines=tuple(str(span) for span in spans),
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


def _chain(documents: list[dict[str, Any]]) -> list[str]:
    chain = [span.name for span in span_tree(documents)]
    return list(dict.fromkeys(chain))
