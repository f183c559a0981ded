"""What of a function X-Ray has."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from botocore.exceptions import ClientError

from raytrail.cli._aws import Aws
from raytrail.cli._refusals import code_of
from raytrail.cli._traces._read import summaries, whole
from raytrail.cli._traces._window import Window
from raytrail.cli._why._seen import TracesSeen
from raytrail.traces import Span, Trace, service

MOST_COUNTED = 100
READ_WHOLE = 10
"""How many of the newest traces are read, to see whose spans are in them."""

LAMBDA_TYPES = frozenset({"AWS::Lambda", "AWS::Lambda::Function"})
SPANS = "aws/spans"
"""The log group of Transaction Search."""


def traces_of(aws: Aws, window: Window, name: str, arn: str, service_name: str) -> TracesSeen:
    """The traces that a function has a part in: by Lambda's own segments, and by spans of its code.

    Args:
        aws: Where it is.
        window: The time to look at.
        name: Of the function, after which Lambda names its segments.
        arn: Of the function, by which a span is known to be its.
        service_name: After which OpenTelemetry names the spans of its code.
    """
    ids: dict[str, None] = {}
    newest: dict[str, None] = {}
    for each in dict.fromkeys((name, service_name)):
        found = [summary.id for summary in summaries(aws, window, expression=service(each), limit=MOST_COUNTED)]
        ids |= dict.fromkeys(found)
        newest |= dict.fromkeys(found[-READ_WHOLE:])
    seen = TracesSeen()
    count = len(ids)
    for trace in sorted(whole(aws, list(newest)), key=lambda trace: trace.start):
        by_lambda, by_code = _parts(trace, name, arn)
        if not (by_lambda or by_code):
            # A namesake's.
            count -= 1
        seen = replace(
            seen,
            lambdas=trace.id if by_lambda else seen.lambdas,
            spans=trace.id if by_code else seen.spans,
            together=trace.id if by_lambda and by_code else seen.together,
        )
    return replace(seen, count=count)


def logged_trace(aws: Aws, window: Window, arn: str, traces: TracesSeen) -> TracesSeen:
    """Add the newest trace with a span of the function in Transaction Search's log group."""
    pages = (
        aws.client("logs")
        .get_paginator("filter_log_events")
        .paginate(
            logGroupName=SPANS,
            startTime=int(window.start.timestamp() * 1000),
            endTime=int((window.end + timedelta(seconds=60)).timestamp() * 1000),
            filterPattern=f'"{arn}"',
        )
    )
    try:
        events = [event for page in itertools.islice(pages, 5) for event in page.get("events", ())]
    except ClientError as error:
        if code_of(error) != "ResourceNotFoundException":
            raise
        return traces
    for event in sorted(events, key=lambda event: event.get("timestamp", 0), reverse=True):
        if (id := _trace_id(event.get("message", ""))) is not None:
            return replace(traces, logged=id, count=max(traces.count, 1))
    return traces


def _parts(trace: Trace, name: str, arn: str) -> tuple[bool, bool]:
    """Whether a trace has a segment that Lambda sent for the function, and a span of the function's code."""
    by_lambda = {
        span
        for span in trace.segments
        if span.type in LAMBDA_TYPES
        and not _is_code(trace, span)
        and not span.inferred
        and span.name == name
        and span.resource_arn in ("", arn)
    }
    by_code = any(
        _is_code(trace, span) and (_says(span, name, arn) or trace.parent_of(span) in by_lambda)
        for span, _ in trace.spans()
    )
    return bool(by_lambda), by_code


def _is_code(trace: Trace, span: Span) -> bool:
    """Whether a span is not one of Lambda's own: its two segments, and what they say of starting and waiting."""
    if span.inferred:
        return False
    made_with = span.aws.get("xray")
    if isinstance(made_with, Mapping) and made_with.get("sdk"):
        return True
    if span.is_segment:
        return span.type not in LAMBDA_TYPES
    # The X-Ray SDK puts its subsegments into Lambda's segment, where they are known by what they call.
    return trace.segment_of(span).type not in LAMBDA_TYPES or bool(span.namespace)


def _says(span: Span, name: str, arn: str) -> bool:
    """Whether a span says that it is of this function, as OpenTelemetry's resource does."""
    told = span.metadata.get("default")
    facts: Mapping[str, object] = told if isinstance(told, Mapping) else {}
    return (
        span.resource_arn == arn
        or span.aws.get("function_arn") == arn
        or any(facts.get(key) == arn for key in ("cloud.resource_id", "faas.id", "aws.lambda.invoked_arn"))
        or any(facts.get(key) == name for key in ("otel.resource.faas.name", "faas.name"))
    )


def _trace_id(message: str) -> str | None:
    try:
        id = json.loads(message)["traceId"]
        return f"1-{id[:8]}-{id[8:]}"
    except (ValueError, KeyError, TypeError):
        return None
