"""Traces in X-Ray's API on the embedded AWS: each answer is checked against botocore's model of it."""

from __future__ import annotations

import gzip
import json
import secrets
import time
import urllib.error
import urllib.request
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from tests.localaws.xray_kit import (
    KINDS,
    Regional,
    get,
    put,
    refusal,
    regional,
    search_transactions,
    segment,
    summaries,
)

from raytrail.localaws import LocalAws

pytestmark = pytest.mark.local


@pytest.fixture(scope="module")
def in_region(local_aws: LocalAws) -> Regional:
    return regional(local_aws)


@pytest.fixture
def xray(in_region: Regional) -> Any:
    return in_region("eu-west-1")


# Traces


def test_a_segment_that_was_put_comes_back(xray: Any) -> None:
    document = segment(annotations={"order": "a-1", "total": 9.5, "new": True}, user="ada")
    assert put(xray, document) == []
    assert get(xray, document["trace_id"]) == [document]


def test_a_bad_document_is_named_and_the_good_ones_beside_it_are_kept(xray: Any) -> None:
    # The answer that the X-Ray developer guide prints for a trace ID too far in the past.
    old = segment(trace_id="1-5960082b-ab52431b496add878434aa25", id="6226467e3f845502")
    good, nameless = segment(), segment(name="")
    assert put(xray, old, nameless, good) == [
        {
            "Id": "6226467e3f845502",
            "ErrorCode": "InvalidTraceId",
            "Message": "Invalid segment. ErrorCode: InvalidTraceId",
        },
        {"Id": nameless["id"], "ErrorCode": "ParseError", "Message": "Invalid segment. ErrorCode: ParseError"},
    ]
    assert get(xray, good["trace_id"]) == [good]


def test_a_complete_segment_replaces_its_beginning_and_not_the_other_way_round(xray: Any) -> None:
    whole = segment()
    begun = {key: value for key, value in whole.items() if key != "end_time"} | {"in_progress": True}
    put(xray, begun)
    assert summaries(xray)[whole["trace_id"]]["IsPartial"] is True
    put(xray, whole)
    put(xray, begun)
    assert get(xray, whole["trace_id"]) == [whole]


def test_a_subsegment_on_its_own_lands_in_its_segment_and_infers_what_it_called(xray: Any) -> None:
    whole = segment(origin="AWS::EC2::Instance")
    part = segment(name="SQS", namespace="aws", type="subsegment", aws={"queue_url": "https://sqs/1/jobs"})
    part |= {"trace_id": whole["trace_id"], "parent_id": whole["id"]}
    put(xray, part, whole)
    found = {document["name"]: document for document in get(xray, whole["trace_id"])}
    assert [subsegment["id"] for subsegment in found["shop"]["subsegments"]] == [part["id"]]
    assert found["SQS"]["origin"] == "AWS::SQS::Queue"
    assert (found["SQS"]["inferred"], found["SQS"]["parent_id"]) == (True, part["id"])


def test_a_summary_tells_the_entry_point_and_not_the_faults_that_were_handled(xray: Any) -> None:
    http = {"request": {"method": "GET", "url": "https://shop/a"}, "response": {"status": 200}}
    failed = {"name": "pay", "namespace": "remote", "fault": True, "throttle": True, "id": secrets.token_hex(8)}
    root = segment(http=http, annotations={"n": 1, "yes": True, "who": "ada"}, user="ada")
    failed |= {key: root[key] for key in ("start_time", "end_time")}
    put(xray, {**root, "subsegments": [failed]})
    summary = summaries(xray)[root["trace_id"]]
    assert (summary["HasFault"], summary["HasError"], summary["HasThrottle"]) == (False, False, True)
    assert summary["Http"] == {"HttpMethod": "GET", "HttpURL": "https://shop/a", "HttpStatus": 200}
    assert summary["EntryPoint"]["Name"] == "shop"
    assert summary["Users"][0]["UserName"] == "ada"
    values = {key: value[0]["AnnotationValue"] for key, value in summary["Annotations"].items()}
    assert values == {"n": {"NumberValue": 1}, "yes": {"BooleanValue": True}, "who": {"StringValue": "ada"}}
    assert summary["Duration"] == summary["ResponseTime"] == 0.25
    (cause,) = summary["FaultRootCauses"]
    assert [service["Name"] for service in cause["Services"]] == ["shop", "pay"]
    assert cause["ClientImpacting"] is False


def test_summaries_come_in_pages(in_region: Regional) -> None:
    xray = in_region("eu-west-2")
    documents = [segment() for _ in range(250)]
    put(xray, *documents)
    assert summaries(xray).keys() == {document["trace_id"] for document in documents}


def test_a_filter_expression_selects_traces(in_region: Regional) -> None:
    xray = in_region("ap-northeast-1")
    slow, failed = segment(name="slow"), segment(name="failed", fault=True, annotations={"tenant": "blue"})
    slow["end_time"] += 5
    put(xray, slow, failed)
    for expression, expected in {
        "fault": {failed["trace_id"]},
        "responsetime > 5": {slow["trace_id"]},
        'service("slow")': {slow["trace_id"]},
        'annotation[tenant] = "blue"': {failed["trace_id"]},
        "ok": {slow["trace_id"]},
        "duration >= 0": {slow["trace_id"], failed["trace_id"]},
        "throttle": set(),
    }.items():
        assert summaries(xray, FilterExpression=expression).keys() == expected, expression
    now = time.time()
    processed = xray.get_trace_summaries(StartTime=now - 60, EndTime=now + 5, FilterExpression="fault")
    assert processed["TracesProcessedCount"] == 2


def test_a_wrong_filter_expression_is_refused_with_the_column(xray: Any) -> None:
    now = time.time()
    code, message = refusal(xray.get_trace_summaries, StartTime=now - 5, EndTime=now, FilterExpression="fault &")
    assert code == "InvalidRequestException"
    assert message.startswith("Invalid filter expression: ")
    assert "column 7" in message


def test_a_filter_expression_may_name_a_group(in_region: Regional) -> None:
    xray = in_region("ap-northeast-2")
    failed = segment(fault=True)
    put(xray, failed, segment())
    xray.create_group(GroupName="failures", FilterExpression="fault")
    assert summaries(xray, FilterExpression='group.name = "failures"').keys() == {failed["trace_id"]}
    # A group without an expression has every trace.
    everything = xray.create_group(GroupName="everything")["Group"]["GroupARN"]
    for expression in ('group.name = "everything"', f'group.arn = "{everything}"', 'group.name = "Default"'):
        assert len(summaries(xray, FilterExpression=expression)) == 2
    assert summaries(xray, FilterExpression='group.name != "everything"') == {}
    now = time.time()
    asked = {"StartTime": now - 60, "EndTime": now + 5, "FilterExpression": 'group.name = "none"'}
    assert "none" in refusal(xray.get_trace_summaries, **asked)[1]


def test_the_time_asked_for_may_be_that_of_the_start_of_the_work_or_of_its_end(in_region: Regional) -> None:
    xray = in_region("ap-northeast-3")
    now = int(time.time())
    long = segment(start_time=now - 100, end_time=now - 40)
    put(xray, long)

    def found(kind: str, start: int, end: int) -> bool:
        answer = xray.get_trace_summaries(StartTime=now + start, EndTime=now + end, TimeRangeType=kind)
        return [summary["Id"] for summary in answer["TraceSummaries"]] == [long["trace_id"]]

    windows = {"before": (-120, -101), "start": (-110, -90), "during": (-80, -60), "end": (-50, -30), "after": (-30, 0)}
    seen = {kind: [name for name, window in windows.items() if found(kind, *window)] for kind in KINDS}
    assert seen == {"TraceId": ["start"], "Event": ["start", "during", "end"], "Service": ["end"]}


def test_a_fixed_share_of_the_traces_may_be_asked_for(in_region: Regional) -> None:
    xray = in_region("ap-southeast-1")
    put(xray, *(segment() for _ in range(200)))
    fixed = {"Sampling": True, "SamplingStrategy": {"Name": "FixedRate", "Value": 0.5}}
    half = summaries(xray, **fixed).keys()
    assert 60 < len(half) < 140
    assert summaries(xray, **fixed).keys() == half
    assert len(summaries(xray, Sampling=True)) == len(summaries(xray)) == 200
    now = time.time()
    for strategy, said in (
        ({"Name": "PartialScan"}, "PartialScan"),
        ({"Name": "FixedRate", "Value": 2}, "from 0 to 1"),
    ):
        asked = {"StartTime": now - 60, "EndTime": now, "Sampling": True, "SamplingStrategy": strategy}
        assert said in refusal(xray.get_trace_summaries, **asked)[1]


@pytest.mark.parametrize("operation", ["get_trace_summaries", "get_service_graph"])
def test_no_more_than_six_hours_are_looked_at(operation: str, xray: Any) -> None:
    now = time.time()
    assert refusal(getattr(xray, operation), StartTime=now - 6 * 3600 - 1, EndTime=now)[0] == "InvalidRequestException"
    assert refusal(getattr(xray, operation), StartTime=now, EndTime=now - 1)[0] == "InvalidRequestException"


def test_a_trace_that_is_not_there_is_named_as_unprocessed(xray: Any) -> None:
    missing = f"1-{int(time.time()):08x}-{'0' * 24}"
    answer = xray.batch_get_traces(TraceIds=[missing])
    assert (answer["Traces"], answer["UnprocessedTraceIds"]) == ([], [missing])
    assert refusal(xray.batch_get_traces, TraceIds=[missing] * 6)[0] == "InvalidRequestException"


def test_the_graph_leads_from_the_client_by_the_service_to_what_it_calls(in_region: Regional) -> None:
    xray = in_region("eu-west-3")
    root = segment(fault=True)
    call = {"id": secrets.token_hex(8), "name": "DynamoDB", "namespace": "aws", "aws": {"table_name": "orders"}}
    call |= {key: root[key] for key in ("start_time", "end_time")}
    put(xray, {**root, "subsegments": [call]})
    now = time.time()
    graphs = [
        xray.get_trace_graph(TraceIds=[root["trace_id"]])["Services"],
        xray.get_service_graph(StartTime=now - 60, EndTime=now + 5)["Services"],
    ]
    for services in graphs:
        by_type = {service.get("Type"): service for service in services}
        assert by_type.keys() == {"client", None, "AWS::DynamoDB::Table"}
        shop, table = by_type[None], by_type["AWS::DynamoDB::Table"]
        assert [edge["ReferenceId"] for edge in by_type["client"]["Edges"]] == [shop["ReferenceId"]]
        assert [edge["ReferenceId"] for edge in shop["Edges"]] == [table["ReferenceId"]]
        assert shop["Root"] is True
        assert shop["SummaryStatistics"]["FaultStatistics"]["TotalCount"] == 1
        assert table["SummaryStatistics"]["OkCount"] == 1


def test_the_graph_of_a_group_is_that_of_the_traces_it_catches(in_region: Regional) -> None:
    xray = in_region("ap-southeast-2")
    put(xray, segment(name="good"), segment(name="bad", fault=True))
    xray.create_group(GroupName="whole")
    arn = xray.create_group(GroupName="part", FilterExpression="fault")["Group"]["GroupARN"]
    time.sleep(1)  # the client sends whole seconds
    now = int(time.time())

    def names(**group: str) -> set[str]:
        answer = xray.get_service_graph(StartTime=now - 60, EndTime=now + 5, **group)
        return {service["Name"] for service in answer["Services"]}

    assert names() == names(GroupName="whole") == {"good", "bad"}
    assert names(GroupName="part") == names(GroupARN=arn) == {"bad"}
    assert "not found" in refusal(xray.get_service_graph, StartTime=now - 5, EndTime=now, GroupName="none")[1]
    xray.update_group(GroupName="part", FilterExpression="ok")
    assert names(GroupName="part") == {"good"}
    for start, old_versions in ((now - 5, True), (now + 60, False)):
        answer = xray.get_service_graph(StartTime=start, EndTime=start + 60, GroupName="part")
        assert answer["ContainsOldGroupVersions"] is old_versions


# Spans over HTTP


def send_spans(aws: LocalAws, region: str, body: bytes, **headers: str) -> tuple[int, bytes]:
    url = f"{aws.endpoint}/v1/traces"
    headers = {"Content-Type": "application/x-protobuf", **{k.replace("_", "-"): v for k, v in headers.items()}}
    request = AWSRequest("POST", url, data=body, headers=headers)
    SigV4Auth(Credentials(aws.config.account_id, "local"), "xray", region).add_auth(request)
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data=body, headers=dict(request.headers))) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def one_span() -> tuple[ExportTraceServiceRequest, str]:
    request = ExportTraceServiceRequest()
    now = time.time_ns()
    raw = int(now / 1e9).to_bytes(4, "big") + secrets.token_bytes(12)
    span = Span(trace_id=raw, span_id=secrets.token_bytes(8), name="GET /a", kind=Span.SPAN_KIND_SERVER)
    span.start_time_unix_nano, span.end_time_unix_nano = now, now + 1000
    request.resource_spans.add().scope_spans.add().spans.append(span)
    return request, f"1-{raw.hex()[:8]}-{raw.hex()[8:]}"


def test_the_otlp_endpoint_takes_spans_once_transaction_search_is_on(local_aws: LocalAws, in_region: Regional) -> None:
    xray, region = in_region("ap-south-1"), "ap-south-1"
    request, trace_id = one_span()
    status, answer = send_spans(local_aws, region, request.SerializeToString())
    assert (status, b"CloudWatch Logs as a Trace Segment Destination" in answer) == (400, True)
    search_transactions(local_aws, xray, region)
    packed = gzip.compress(request.SerializeToString())
    assert send_spans(local_aws, region, packed, Content_Encoding="gzip") == (200, b"")
    assert [document["name"] for document in get(xray, trace_id)] == ["GET /a"]


def test_the_otlp_endpoint_reads_json_with_hexadecimal_ids(local_aws: LocalAws, in_region: Regional) -> None:
    xray, region = in_region("ap-south-2"), "ap-south-2"
    search_transactions(local_aws, xray, region)
    request, trace_id = one_span()
    span = request.resource_spans[0].scope_spans[0].spans[0]
    in_json = {
        "traceId": span.trace_id.hex(),
        "spanId": span.span_id.hex(),
        "name": span.name,
        "kind": 2,
        "startTimeUnixNano": str(span.start_time_unix_nano),
        "endTimeUnixNano": str(span.end_time_unix_nano),
    }
    body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [in_json]}]}]}).encode()
    assert send_spans(local_aws, region, body, Content_Type="application/json")[0] == 200
    assert get(xray, trace_id)[0]["id"] == span.span_id.hex()


@pytest.mark.parametrize("headers", [{}, {"Content_Encoding": "gzip"}, {"Content_Type": "application/json"}])
def test_the_otlp_endpoint_refuses_what_it_cannot_read(
    headers: dict[str, str], local_aws: LocalAws, in_region: Regional
) -> None:
    search_transactions(local_aws, in_region("ap-south-2"), "ap-south-2")
    assert send_spans(local_aws, "ap-south-2", b"\xff nonsense", **headers)[0] == 400


def test_the_otlp_endpoint_keeps_the_spans_beside_one_that_is_too_large(
    local_aws: LocalAws, in_region: Regional
) -> None:
    region = "ap-south-2"
    search_transactions(local_aws, in_region(region), region)
    request, trace_id = one_span()
    large = request.resource_spans[0].scope_spans[0].spans.add()
    large.CopyFrom(request.resource_spans[0].scope_spans[0].spans[0])
    large.span_id = secrets.token_bytes(8)
    large.attributes.add(key="body").value.string_value = "x" * 200 * 1024
    status, body = send_spans(local_aws, region, request.SerializeToString())
    answer = ExportTraceServiceResponse.FromString(body)
    assert (status, answer.partial_success.rejected_spans) == (200, 1)
    assert len(get(in_region(region), trace_id)) == 1


@pytest.mark.parametrize(
    "change", [{"trace_id": b""}, {"span_id": b"\x01"}, {"start_time_unix_nano": 0}, {"end_time_unix_nano": 0}]
)
def test_the_otlp_endpoint_rejects_a_span_without_id_or_time_and_x_ray_works_on(
    change: dict[str, Any], local_aws: LocalAws, in_region: Regional
) -> None:
    region = "ap-south-2"
    search_transactions(local_aws, in_region(region), region)
    request, trace_id = one_span()
    spans = request.resource_spans[0].scope_spans[0].spans
    spans.add().CopyFrom(spans[0])
    for field, value in change.items():
        setattr(spans[1], field, value)
    status, body = send_spans(local_aws, region, request.SerializeToString())
    partial = ExportTraceServiceResponse.FromString(body).partial_success
    assert (status, partial.rejected_spans) == (200, 1)
    assert partial.error_message.startswith("A span is not one that X-Ray takes: ")
    assert trace_id in summaries(in_region(region))
