"""X-Ray's API on the embedded AWS: each answer is checked against botocore's model of it."""

from __future__ import annotations

import gzip
import json
import secrets
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from botocore.validate import ParamValidator
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from raytrail.localaws import LocalAws

pytestmark = pytest.mark.local

Regional = Callable[[str], Any]


def check_answer(http_response: Any, model: Any, **_: Any) -> None:
    """Each member of an answer is in the model, with the type that the model says."""
    if http_response.status_code == 200:
        report = ParamValidator().validate(json.loads(http_response.content), model.output_shape)
        assert not report.has_errors(), report.generate_report()


@pytest.fixture(scope="module")
def in_region(local_aws: LocalAws) -> Regional:
    """X-Ray in a Region: each Region has its own groups, rules and traces."""

    def client(region: str) -> Any:
        xray = local_aws.client("xray", region=region)
        xray.meta.events.register("after-call.xray", check_answer)
        return xray

    return client


@pytest.fixture
def xray(in_region: Regional) -> Any:
    return in_region("eu-west-1")


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


def summaries(xray: Any) -> dict[str, Any]:
    now = time.time()
    pages = xray.get_paginator("get_trace_summaries").paginate(StartTime=now - 60, EndTime=now + 5)
    return {summary["Id"]: summary for page in pages for summary in page["TraceSummaries"]}


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
    assert found["jobs"]["origin"] == "AWS::SQS::Queue"
    assert (found["jobs"]["inferred"], found["jobs"]["parent_id"]) == (True, part["id"])


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
    assert summary["FaultRootCauses"] == []


def test_summaries_come_in_pages(in_region: Regional) -> None:
    xray = in_region("eu-west-2")
    documents = [segment() for _ in range(250)]
    put(xray, *documents)
    assert summaries(xray).keys() == {document["trace_id"] for document in documents}


def test_a_filter_expression_is_refused_and_not_ignored(xray: Any) -> None:
    now = time.time()
    code, message = refusal(xray.get_trace_summaries, StartTime=now - 5, EndTime=now, FilterExpression="fault")
    assert code == "InvalidRequestException"
    assert "not emulated" in message


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


def test_the_graph_of_a_group_is_refused_only_when_the_group_filters(xray: Any) -> None:
    now = time.time()
    xray.create_group(GroupName="whole")
    xray.create_group(GroupName="part", FilterExpression="fault")
    assert "Services" in xray.get_service_graph(StartTime=now - 5, EndTime=now, GroupName="whole")
    assert "not emulated" in refusal(xray.get_service_graph, StartTime=now - 5, EndTime=now, GroupName="part")[1]
    assert "not found" in refusal(xray.get_service_graph, StartTime=now - 5, EndTime=now, GroupName="none")[1]


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
    xray.update_trace_segment_destination(Destination="CloudWatchLogs")
    packed = gzip.compress(request.SerializeToString())
    assert send_spans(local_aws, region, packed, Content_Encoding="gzip") == (200, b"")
    assert [document["name"] for document in get(xray, trace_id)] == ["GET /a"]


def test_the_otlp_endpoint_reads_json_with_hexadecimal_ids(local_aws: LocalAws, in_region: Regional) -> None:
    xray, region = in_region("ap-south-2"), "ap-south-2"
    xray.update_trace_segment_destination(Destination="CloudWatchLogs")
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
    in_region("ap-south-2").update_trace_segment_destination(Destination="CloudWatchLogs")
    assert send_spans(local_aws, "ap-south-2", b"\xff nonsense", **headers)[0] == 400


# Groups, rules and settings


def test_the_default_group_is_there_and_stays(xray: Any) -> None:
    (default,) = [group for group in xray.get_groups()["Groups"] if group["GroupName"] == "Default"]
    assert default["GroupARN"].endswith("group/Default")
    assert refusal(xray.delete_group, GroupName="Default")[0] == "InvalidRequestException"


def test_a_group_lives_and_dies(xray: Any) -> None:
    made = xray.create_group(GroupName="slow", FilterExpression="duration > 3", Tags=[{"Key": "team", "Value": "blue"}])
    arn = made["Group"]["GroupARN"]
    assert arn.startswith("arn:aws:xray:eu-west-1:111122223333:group/slow/")
    assert refusal(xray.create_group, GroupName="slow")[0] == "InvalidRequestException"
    changed = xray.update_group(GroupARN=arn, InsightsConfiguration={"InsightsEnabled": True})["Group"]
    assert (changed["FilterExpression"], changed["InsightsConfiguration"]["InsightsEnabled"]) == ("duration > 3", True)
    assert xray.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "team", "Value": "blue"}]
    xray.untag_resource(ResourceARN=arn, TagKeys=["team"])
    assert xray.list_tags_for_resource(ResourceARN=arn)["Tags"] == []
    xray.delete_group(GroupName="slow")
    assert refusal(xray.get_group, GroupName="slow")[0] == "InvalidRequestException"
    assert refusal(xray.list_tags_for_resource, ResourceARN=arn)[0] == "ResourceNotFoundException"


def test_notifications_need_insights(xray: Any) -> None:
    insights = {"InsightsEnabled": False, "NotificationsEnabled": True}
    assert refusal(xray.create_group, GroupName="n", InsightsConfiguration=insights)[0] == "InvalidRequestException"


def test_an_account_has_at_most_25_groups_of_its_own(in_region: Regional) -> None:
    xray = in_region("sa-east-1")
    for number in range(25):
        xray.create_group(GroupName=f"g{number}")
    assert refusal(xray.create_group, GroupName="one-too-many")[0] == "InvalidRequestException"


def rule(name: str, **fields: Any) -> dict[str, Any]:
    wild = dict.fromkeys(("ResourceARN", "ServiceName", "ServiceType", "Host", "HTTPMethod", "URLPath"), "*")
    return {"RuleName": name, "Priority": 10, "FixedRate": 0.0, "ReservoirSize": 0, "Version": 1, **wild, **fields}


def test_the_default_rule_is_one_a_second_and_five_percent_and_comes_last(in_region: Regional) -> None:
    xray = in_region("us-west-1")
    xray.create_sampling_rule(SamplingRule=rule("later", Priority=9000))
    xray.create_sampling_rule(SamplingRule=rule("sooner", Priority=2))
    rules = [record["SamplingRule"] for record in xray.get_sampling_rules()["SamplingRuleRecords"]]
    assert [each["RuleName"] for each in rules] == ["sooner", "later", "Default"]
    assert (rules[-1]["Priority"], rules[-1]["ReservoirSize"], rules[-1]["FixedRate"]) == (10_000, 1, 0.05)
    assert refusal(xray.delete_sampling_rule, RuleName="Default")[0] == "InvalidRequestException"
    update = {"RuleName": "Default", "FixedRate": 0.5}
    assert (
        xray.update_sampling_rule(SamplingRuleUpdate=update)["SamplingRuleRecord"]["SamplingRule"]["FixedRate"] == 0.5
    )
    assert refusal(xray.update_sampling_rule, SamplingRuleUpdate={**update, "URLPath": "/a"})[0] == (
        "InvalidRequestException"
    )


def test_two_rules_may_not_share_a_name_and_26_are_too_many(in_region: Regional) -> None:
    xray = in_region("us-west-2")
    xray.create_sampling_rule(SamplingRule=rule("first"))
    assert refusal(xray.create_sampling_rule, SamplingRule=rule("first"))[0] == "InvalidRequestException"
    for number in range(24):
        xray.create_sampling_rule(SamplingRule=rule(f"r{number}"))
    assert refusal(xray.create_sampling_rule, SamplingRule=rule("more"))[0] == "RuleLimitExceededException"


@pytest.mark.parametrize("fields", [{"Priority": 0}, {"FixedRate": 1.5}, {"ReservoirSize": -1}, {"Version": 2}])
def test_a_rule_out_of_range_is_refused_by_the_service_too(fields: dict[str, Any], local_aws: LocalAws) -> None:
    body = json.dumps({"SamplingRule": rule("bad", **fields)}).encode()
    url = f"{local_aws.endpoint}/CreateSamplingRule"
    request = AWSRequest("POST", url, data=body, headers={"Content-Type": "application/json"})
    SigV4Auth(Credentials(local_aws.config.account_id, "local"), "xray", "eu-west-1").add_auth(request)
    with pytest.raises(urllib.error.HTTPError) as raised:
        urllib.request.urlopen(urllib.request.Request(url, data=body, headers=dict(request.headers)))
    assert raised.value.code == 400
    assert raised.value.headers["x-amzn-ErrorType"] == "InvalidRequestException"


def test_clients_share_the_reservoir_of_a_rule(in_region: Regional) -> None:
    xray = in_region("ca-central-1")
    xray.create_sampling_rule(SamplingRule=rule("shared", ReservoirSize=10, FixedRate=0.1))
    report = {"RuleName": "shared", "Timestamp": time.time(), "RequestCount": 5, "SampledCount": 2}
    for expected in (10, 5):
        client = {**report, "ClientID": secrets.token_hex(12)}
        unknown = {**report, "ClientID": client["ClientID"], "RuleName": "unknown"}
        answer = xray.get_sampling_targets(SamplingStatisticsDocuments=[client, unknown])
        (target,) = answer["SamplingTargetDocuments"]
        assert (target["ReservoirQuota"], target["FixedRate"], target["Interval"]) == (expected, 0.1, 10)
        assert [problem["RuleName"] for problem in answer["UnprocessedStatistics"]] == ["unknown"]
    counted = xray.get_sampling_statistic_summaries()["SamplingStatisticSummaries"]
    assert sum(summary["RequestCount"] for summary in counted) == 10


def test_settings_are_kept_and_given_back(in_region: Regional) -> None:
    xray = in_region("ca-west-1")
    assert xray.get_encryption_config()["EncryptionConfig"] == {"Status": "ACTIVE", "Type": "NONE"}
    assert xray.put_encryption_config(Type="KMS", KeyId="alias/xray")["EncryptionConfig"]["Status"] == "UPDATING"
    assert xray.get_encryption_config()["EncryptionConfig"]["KeyId"] == "alias/xray"
    assert refusal(xray.put_encryption_config, Type="KMS")[0] == "InvalidRequestException"
    xray.put_telemetry_records(TelemetryRecords=[{"Timestamp": time.time()}])
    for number in range(5):
        xray.put_resource_policy(PolicyName=f"p{number}", PolicyDocument="{}")
    assert refusal(xray.put_resource_policy, PolicyName="p5", PolicyDocument="{}")[0] == (
        "PolicyCountLimitExceededException"
    )
    assert refusal(xray.put_resource_policy, PolicyName="p1", PolicyDocument="{")[0] == (
        "MalformedPolicyDocumentException"
    )
    xray.delete_resource_policy(PolicyName="p4")
    assert [policy["PolicyName"] for policy in xray.list_resource_policies()["ResourcePolicies"]] == (
        ["p0", "p1", "p2", "p3"]
    )


def test_an_operation_that_is_not_emulated_says_so(xray: Any) -> None:
    now = time.time()
    code, message = refusal(xray.get_insight_summaries, StartTime=now - 5, EndTime=now, States=["ACTIVE"])
    assert (code, "not emulated" in message) == ("InvalidRequestException", True)


# What API Gateway decides


@pytest.fixture
def stage(local_aws: LocalAws) -> Iterator[Callable[..., str]]:
    """Call a traced stage of a mock API in a Region; the answer is the tracing header."""
    gateway = local_aws.client("apigateway", region="eu-north-1")
    api = gateway.create_rest_api(name="mock")["id"]
    root = gateway.get_resources(restApiId=api)["items"][0]["id"]
    for path in ("health", "orders"):
        resource = gateway.create_resource(restApiId=api, parentId=root, pathPart=path)["id"]
        method = {"restApiId": api, "resourceId": resource, "httpMethod": "GET"}
        gateway.put_method(**method, authorizationType="NONE")
        gateway.put_integration(**method, type="MOCK", requestTemplates={"application/json": '{"statusCode": 200}'})
        gateway.put_integration_response(**method, statusCode="200")
    deployment = gateway.create_deployment(restApiId=api)["id"]
    gateway.create_stage(restApiId=api, stageName="v1", deploymentId=deployment, tracingEnabled=True)

    def call(path: str, **headers: str) -> str:
        url = f"{local_aws.endpoint}/restapis/{api}/v1/_user_request_{path}"
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
            header: str = answer.headers["X-Amzn-Trace-Id"]
            return header

    yield call
    gateway.delete_rest_api(restApiId=api)


def test_the_sampling_rules_choose_by_path_and_by_priority(in_region: Regional, stage: Callable[..., str]) -> None:
    xray = in_region("eu-north-1")
    rules = [
        rule("health", Priority=1, URLPath="*/health", FixedRate=0, ReservoirSize=0),
        rule("debug", Priority=2, ServiceName="mock/*", ServiceType="AWS::ApiGateway::Stage", FixedRate=1),
        rule("never", Priority=3),
    ]
    for each in rules:
        xray.create_sampling_rule(SamplingRule=each)
    try:
        checks = [stage("/health") for _ in range(20)]
        orders = [stage("/orders") for _ in range(20)]
        xray.delete_sampling_rule(RuleName="debug")
        unruled = stage("/orders")
    finally:
        for each in xray.get_sampling_rules()["SamplingRuleRecords"]:
            if each["SamplingRule"]["RuleName"] != "Default":
                xray.delete_sampling_rule(RuleName=each["SamplingRule"]["RuleName"])
    assert all(header.endswith("Sampled=0") for header in [*checks, unruled])
    assert all(header.endswith("Sampled=1") for header in orders)
    recorded = summaries(xray)
    assert recorded.keys() == {header.split(";")[0].removeprefix("Root=") for header in orders}
    (document,) = get(xray, next(iter(recorded)))
    assert document["aws"]["xray"]["sampling_rule_name"] == "debug"


def test_a_reservoir_is_filled_anew_each_second(in_region: Regional, stage: Callable[..., str]) -> None:
    xray = in_region("eu-north-1")
    xray.create_sampling_rule(SamplingRule=rule("three", Priority=1, ReservoirSize=3))
    try:
        for _ in range(5):
            time.sleep(1 - time.time() % 1)
            second = int(time.time())
            headers = [stage("/orders") for _ in range(10)]
            if int(time.time()) == second:  # or else two reservoirs were drawn on
                break
        first = sum(header.endswith("Sampled=1") for header in headers)
        time.sleep(1 - time.time() % 1)
        again = stage("/orders")
    finally:
        xray.delete_sampling_rule(RuleName="three")
    assert first == 3
    assert again.endswith("Sampled=1")


def test_a_rule_may_choose_by_a_request_header(in_region: Regional, stage: Callable[..., str]) -> None:
    xray = in_region("eu-north-1")
    xray.create_sampling_rule(SamplingRule=rule("vip", Priority=1, FixedRate=1, Attributes={"X-Tenant": "gold*"}))
    xray.create_sampling_rule(SamplingRule=rule("none", Priority=2))
    try:
        assert stage("/orders", **{"X-Tenant": "gold-7"}).endswith("Sampled=1")
        assert stage("/orders", **{"X-Tenant": "tin"}).endswith("Sampled=0")
    finally:
        xray.delete_sampling_rule(RuleName="vip")
        xray.delete_sampling_rule(RuleName="none")


# CloudFormation


def template(**changes: Any) -> str:
    sampling = {**rule("from-stack", ReservoirSize=1), **changes.get("rule", {})}
    group = {"GroupName": changes.get("group", "from-stack"), "FilterExpression": changes.get("expression", "fault")}
    return json.dumps(
        {
            "Resources": {
                "Group": {"Type": "AWS::XRay::Group", "Properties": group},
                "Rule": {"Type": "AWS::XRay::SamplingRule", "Properties": {"SamplingRule": sampling}},
                "Policy": {
                    "Type": "AWS::XRay::ResourcePolicy",
                    "Properties": {"PolicyName": "from-stack", "PolicyDocument": "{}"},
                },
                "Search": {"Type": "AWS::XRay::TransactionSearchConfig", "Properties": {"IndexingPercentage": 7}},
            },
            "Outputs": {
                name: {"Value": value}
                for name, value in {
                    "Group": {"Ref": "Group"},
                    "GroupArn": {"Fn::GetAtt": ["Group", "GroupARN"]},
                    "Rule": {"Ref": "Rule"},
                    "RuleArn": {"Fn::GetAtt": ["Rule", "RuleARN"]},
                    "Policy": {"Ref": "Policy"},
                    "Search": {"Ref": "Search"},
                }.items()
            },
        }
    )


def test_a_stack_makes_changes_and_deletes_the_resources_of_x_ray(local_aws: LocalAws, in_region: Regional) -> None:
    xray = in_region("af-south-1")
    cloudformation = local_aws.client("cloudformation", region="af-south-1")
    name = f"xray-{uuid.uuid4().hex[:8]}"

    def outputs() -> dict[str, str]:
        (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}

    cloudformation.create_stack(StackName=name, TemplateBody=template())
    cloudformation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    made = outputs()
    group = xray.get_group(GroupName="from-stack")["Group"]
    assert made["Group"] == made["GroupArn"] == group["GroupARN"]
    assert made["Rule"] == made["RuleArn"] == "arn:aws:xray:af-south-1:111122223333:sampling-rule/from-stack"
    assert (made["Policy"], made["Search"]) == ("from-stack", "111122223333")
    assert xray.get_trace_segment_destination()["Destination"] == "CloudWatchLogs"
    (indexing,) = xray.get_indexing_rules()["IndexingRules"]
    assert indexing["Rule"]["Probabilistic"]["DesiredSamplingPercentage"] == 7

    changed = template(expression="error", rule={"Priority": 77})
    cloudformation.update_stack(StackName=name, TemplateBody=changed)
    cloudformation.get_waiter("stack_update_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    assert outputs() == made
    assert xray.get_group(GroupName="from-stack")["Group"]["FilterExpression"] == "error"
    assert xray.get_sampling_rules()["SamplingRuleRecords"][0]["SamplingRule"]["Priority"] == 77

    cloudformation.update_stack(StackName=name, TemplateBody=template(group="renamed", rule={"RuleName": "renamed"}))
    cloudformation.get_waiter("stack_update_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    assert [each["GroupName"] for each in xray.get_groups()["Groups"]] == ["Default", "renamed"]
    assert outputs()["Rule"].endswith("/renamed")

    cloudformation.delete_stack(StackName=name)
    cloudformation.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    assert [each["GroupName"] for each in xray.get_groups()["Groups"]] == ["Default"]
    assert len(xray.get_sampling_rules()["SamplingRuleRecords"]) == 1
    assert xray.list_resource_policies()["ResourcePolicies"] == []
    assert xray.get_trace_segment_destination()["Destination"] == "XRay"
