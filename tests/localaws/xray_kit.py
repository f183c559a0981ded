"""What tests of X-Ray's API on the embedded AWS share: clients whose answers are checked, and traces to send."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.validate import ParamValidator

from raytrail.localaws import LocalAws

Regional = Callable[[str], Any]
"""X-Ray in a Region: each Region has its own groups, rules and traces."""


def regional(local_aws: LocalAws) -> Regional:
    """Clients that hold each answer against botocore's model of it."""

    def client(region: str) -> Any:
        xray = local_aws.client("xray", region=region)
        xray.meta.events.register("after-call.xray", check_answer)
        return xray

    return client


def check_answer(http_response: Any, model: Any, **_: Any) -> None:
    """Each member of an answer is in the model, with the type that the model says."""
    if http_response.status_code == 200:
        report = ParamValidator().validate(json.loads(http_response.content), model.output_shape)
        assert not report.has_errors(), report.generate_report()


def refusal(call: Callable[..., Any], **asked: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as raised:
        call(**asked)
    error = raised.value.response["Error"]
    return error["Code"], error["Message"]


def segment(**fields: Any) -> dict[str, Any]:
    now = time.time()
    made = {"id": secrets.token_hex(8), "name": "shop", "start_time": now, "end_time": now + 0.25}
    return {**made, "trace_id": f"1-{int(now):08x}-{secrets.token_hex(12)}", **fields}


def put(xray: Any, *documents: dict[str, Any]) -> list[dict[str, str]]:
    texts = [json.dumps(document) for document in documents]
    unprocessed: list[dict[str, str]] = xray.put_trace_segments(TraceSegmentDocuments=texts)["UnprocessedTraceSegments"]
    return unprocessed


def get(xray: Any, trace_id: str) -> list[dict[str, Any]]:
    (trace,) = xray.batch_get_traces(TraceIds=[trace_id])["Traces"]
    return [json.loads(part["Document"]) for part in trace["Segments"]]


KINDS = ("TraceId", "Event", "Service")


def summaries(xray: Any, **asked: Any) -> dict[str, Any]:
    now = time.time()
    pages = xray.get_paginator("get_trace_summaries").paginate(StartTime=now - 60, EndTime=now + 5, **asked)
    return {summary["Id"]: summary for page in pages for summary in page["TraceSummaries"]}


def let_x_ray_log(aws: LocalAws, region: str) -> None:
    """The resource policy that AWS's page on Transaction Search asks for."""
    statement = {
        "Sid": "TransactionSearchXRayAccess",
        "Effect": "Allow",
        "Principal": {"Service": "xray.amazonaws.com"},
        "Action": "logs:PutLogEvents",
        "Resource": [
            f"arn:aws:logs:{region}:111122223333:log-group:aws/spans:*",
            f"arn:aws:logs:{region}:111122223333:log-group:/aws/application-signals/data:*",
        ],
        "Condition": {
            "ArnLike": {"aws:SourceArn": f"arn:aws:xray:{region}:111122223333:*"},
            "StringEquals": {"aws:SourceAccount": "111122223333"},
        },
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    aws.client("logs", region=region).put_resource_policy(policyName="spans", policyDocument=policy)


def search_transactions(aws: LocalAws, xray: Any, region: str) -> None:
    let_x_ray_log(aws, region)
    xray.update_trace_segment_destination(Destination="CloudWatchLogs")
