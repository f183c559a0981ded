"""Functions on the embedded AWS, by public API alone: what they trace, how they fail, where their output goes."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.localaws.functions_kit import (
    ADOT_LAYER,
    FUNCTION,
    POWERTOOLS_LAYER,
    SERVICE,
    STAGE,
    WRAPPER,
    Api,
    Document,
    Functions,
    by_origin,
    sampled_header,
    segments_reader,
)

from raytrail.instrumentation import XRay
from raytrail.instrumentation._model_environment import variables
from raytrail.instrumentation._model_telemetry import Telemetry
from raytrail.localaws import LocalAws

pytestmark = pytest.mark.local

ORDERS = Path(__file__).resolve().parents[2] / "lambda" / "orders"

SAMPLE = {"POWERTOOLS_SERVICE_NAME": "orders", "POWERTOOLS_METRICS_NAMESPACE": "Orders"}


def walk(document):
    """A segment document and each subsegment in it."""
    yield document
    for subsegment in document.get("subsegments", ()):
        yield from walk(subsegment)


def orders_code() -> dict[str, str]:
    return {path.name: path.read_text() for path in ORDERS.iterdir() if path.is_file()}


@pytest.fixture(scope="module")
def functions(local_aws: LocalAws) -> Iterator[Functions]:
    with Functions(local_aws) as made:
        yield made


@pytest.fixture(scope="module")
def table(local_aws: LocalAws) -> Iterator[str]:
    name = f"orders-{uuid.uuid4().hex[:8]}"
    dynamodb = local_aws.client("dynamodb")
    dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    yield name
    dynamodb.delete_table(TableName=name)


@pytest.fixture(scope="module", params=["false", "true"], ids=["application-signals-off", "application-signals-on"])
def shop(request: pytest.FixtureRequest, local_aws: LocalAws, functions: Functions, table: str) -> Api:
    """The orders service behind a traced stage, instrumented by the layer."""
    variables = {
        "TABLE_NAME": table,
        **SAMPLE,
        "OTEL_SERVICE_NAME": "orders-service",
        "OTEL_AWS_APPLICATION_SIGNALS_ENABLED": request.param,
        **WRAPPER,
    }
    logging = {"LogGroup": f"/shop/{request.param}", "LogFormat": "Text"}
    arn = functions.deploy(
        orders_code(), Layers=[ADOT_LAYER, POWERTOOLS_LAYER], variables=variables, LoggingConfig=logging
    )
    return Api(local_aws, "shop", arn, traced=True)


@pytest.fixture(scope="module")
def segments(local_aws: LocalAws) -> Callable[..., list[Document]]:
    return segments_reader(local_aws)


ALL = (STAGE, SERVICE, FUNCTION, "AWS::DynamoDB::Table")
ORDER = {"customer": "Ada", "items": [{"sku": "tea", "quantity": 2}]}


def test_an_order_makes_one_trace_from_the_stage_to_the_table(
    shop: Api, segments: Callable[..., list[Document]], table: str
) -> None:
    answer = shop.call("POST", "/orders", ORDER, X_Amzn_Trace_Id=sampled_header())
    assert answer.status == 201
    found = segments(answer.trace_id, origins=ALL, names=("orders-service",))
    stage, service, function = (by_origin(found, origin) for origin in (STAGE, SERVICE, FUNCTION))
    span = next(segment for segment in found if segment["name"] == "orders-service")
    assert stage["name"] == "shop/v1"
    assert "parent_id" not in stage
    assert stage["subsegments"][0]["name"] == "Lambda"
    assert service["parent_id"] == stage["subsegments"][0]["id"]
    assert function["parent_id"] == service["id"]
    assert span["parent_id"] == function["id"]
    assert span["http"]["response"]["status"] == 201
    (put,) = [part for part in walk(span) if part.get("namespace") == "aws"]
    assert put["name"] == "DynamoDB"
    assert put["aws"]["operation"] == "PutItem"
    assert put["aws"]["table_name"] == table
    assert put["aws"]["region"] == "us-east-1"
    assert put["aws"]["request_id"]
    inferred = by_origin(found, "AWS::DynamoDB::Table")
    assert (inferred["aws"]["table_name"], inferred["parent_id"], inferred["inferred"]) == (table, put["id"], True)


def test_segments_of_aws_services_say_that_they_are_emulated_and_spans_do_not(
    shop: Api, segments: Callable[..., list[Document]]
) -> None:
    answer = shop.call("GET", "/orders", X_Amzn_Trace_Id=sampled_header())
    found = segments(answer.trace_id, origins=ALL, names=("orders-service",))
    marked = {
        segment["name"] + str(segment.get("origin")): "raytrail" in segment.get("metadata", {}) for segment in found
    }
    assert {key for key, emulated in marked.items() if emulated} == {
        segment["name"] + str(segment["origin"])
        for segment in found
        if segment.get("origin") in (STAGE, SERVICE, FUNCTION)
    }


def test_the_log_lines_carry_the_trace_and_request_ids_that_the_client_was_answered(
    shop: Api, local_aws: LocalAws
) -> None:
    answer = shop.call("POST", "/orders", ORDER)
    logs = local_aws.client("logs")
    groups = [group["logGroupName"] for group in logs.describe_log_groups(logGroupNamePrefix="/shop/")["logGroups"]]
    events = [event for group in groups for event in logs.filter_log_events(logGroupName=group)["events"]]
    lines = [json.loads(event["message"]) for event in events if event["message"].startswith("{")]
    ours = [line for line in lines if line.get("xray_trace_id") == answer.trace_id]
    assert [line["message"] for line in ours] == ["request received", "order created", "request answered"]
    assert {line["api_request_id"] for line in ours} == {answer.headers["x-amzn-requestid"]}
    assert ours[-1]["order_id"] == answer.body["id"]
    started = f"START RequestId: {ours[0]['function_request_id']} "
    assert any(event["message"].startswith(started) for event in events)


def test_an_unhandled_error_is_a_fault_with_its_exception_and_stack(
    shop: Api, segments: Callable[..., list[Document]], local_aws: LocalAws
) -> None:
    answer = shop.call("GET", "/orders?fault=error", X_Amzn_Trace_Id=sampled_header())
    assert (answer.status, answer.body) == (502, {"message": "Internal server error"})
    found = segments(answer.trace_id, origins=(STAGE, SERVICE, FUNCTION), names=("orders-service",))
    span = next(segment for segment in found if segment["name"] == "orders-service")
    for segment in (by_origin(found, STAGE), by_origin(found, FUNCTION), span):
        assert segment["fault"] is True
    for segment in (by_origin(found, FUNCTION), span):
        (exception,) = segment["cause"]["exceptions"]
        assert exception["type"].endswith("PaymentProviderDown")
        assert exception["message"] == "the payment provider did not answer"
        assert exception["stack"][0]["label"] == "route"
        assert exception["stack"][0]["path"].endswith("app.py")
    now = time.time()
    summaries = local_aws.client("xray").get_trace_summaries(StartTime=now - 60, EndTime=now + 1)["TraceSummaries"]
    (summary,) = [summary for summary in summaries if summary["Id"] == answer.trace_id]
    assert summary["HasFault"] is True
    assert [service["Type"] for service in summary["FaultRootCauses"][0]["Services"][:1]] == [STAGE]


def test_a_slow_request_takes_its_time_inside_the_function(shop: Api, segments: Callable[..., list[Document]]) -> None:
    answer = shop.call("GET", "/orders?fault=slow&delay_ms=300", X_Amzn_Trace_Id=sampled_header())
    found = segments(answer.trace_id, names=("orders-service",))
    span = next(segment for segment in found if segment["name"] == "orders-service")
    assert span["end_time"] - span["start_time"] >= 0.3


def test_an_exception_does_not_end_the_execution_environment(
    shop: Api, segments: Callable[..., list[Document]]
) -> None:
    shop.call("GET", "/orders?fault=error")
    answer = shop.call("GET", "/orders", X_Amzn_Trace_Id=sampled_header())
    found = segments(answer.trace_id, origins=(FUNCTION,))
    assert "subsegments" not in by_origin(found, FUNCTION)  # no Init: the environment was there


def test_a_client_that_decides_against_sampling_is_obeyed(shop: Api, local_aws: LocalAws) -> None:
    answer = shop.call("GET", "/orders", X_Amzn_Trace_Id=sampled_header(sampled=False))
    assert answer.headers["X-Amzn-Trace-Id"].endswith("Sampled=0")
    later = shop.call("GET", "/orders", X_Amzn_Trace_Id=sampled_header())
    # When the later request's span is there, the earlier one's would be too.
    xray = local_aws.client("xray")
    for _ in range(100):
        traces = xray.batch_get_traces(TraceIds=[answer.trace_id, later.trace_id])["Traces"]
        if any("orders-service" in segment["Document"] for trace in traces for segment in trace["Segments"]):
            break
        time.sleep(0.05)
    assert [trace["Id"] for trace in traces] == [later.trace_id]


REPORT = """
    import os, sys
    def handler(event, context):
        return {
            "header": os.environ.get("_X_AMZN_TRACE_ID"),
            "instrumented": "opentelemetry" in sys.modules,
            "environment": {k: v for k, v in os.environ.items() if k.startswith(("OTEL_", "AWS_", "_H", "ORIG"))},
        }
"""


def test_the_layer_script_sets_its_defaults_and_the_functions_own_variables_win(functions: Functions) -> None:
    own = {"OTEL_PROPAGATORS": "tracecontext", "OTEL_RESOURCE_ATTRIBUTES": "team=blue", **WRAPPER}
    arn = functions.deploy({"app.py": REPORT}, Layers=[ADOT_LAYER], variables=own)
    told = functions.invoke(arn)["Payload"]
    name = arn.rsplit(":", 1)[1]
    environment = told["environment"]
    assert told["instrumented"]
    assert environment["OTEL_SERVICE_NAME"] == name
    assert environment["OTEL_PROPAGATORS"] == "tracecontext"
    assert environment["OTEL_AWS_APPLICATION_SIGNALS_ENABLED"] == "true"
    assert environment["OTEL_METRICS_EXPORTER"] == environment["OTEL_LOGS_EXPORTER"] == "none"
    assert environment["OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"].endswith(",aws-lambda")
    assert ",cloud.region=us-east-1,cloud.platform=aws_lambda," in environment["OTEL_RESOURCE_ATTRIBUTES"]
    assert environment["OTEL_RESOURCE_ATTRIBUTES"].endswith(",team=blue")
    assert environment["ORIG_HANDLER"] == "app.handler"


def test_the_layers_small_sdk_sends_the_same_spans(
    local_aws: LocalAws, functions: Functions, segments: Callable[..., list[Document]], table: str
) -> None:
    variables = {
        "TABLE_NAME": table,
        **SAMPLE,
        "OTEL_SERVICE_NAME": "small",
        "OTEL_AWS_LAMBDA_FAST_START": "true",
        **WRAPPER,
    }
    arn = functions.deploy(orders_code(), Layers=[ADOT_LAYER, POWERTOOLS_LAYER], variables=variables)
    answer = Api(local_aws, "small", arn, traced=True).call("POST", "/orders", ORDER, X_Amzn_Trace_Id=sampled_header())
    found = segments(answer.trace_id, origins=ALL, names=("small",))
    span = next(segment for segment in found if segment["name"] == "small")
    assert span["parent_id"] == by_origin(found, FUNCTION)["id"]
    assert [part["name"] for part in span["subsegments"]] == ["DynamoDB"]


@pytest.mark.parametrize(
    "layers", [[ADOT_LAYER, POWERTOOLS_LAYER], [POWERTOOLS_LAYER]], ids=["layer-without-wrapper", "neither"]
)
def test_without_the_wrapper_the_functions_spans_are_missing(
    layers: list[str],
    local_aws: LocalAws,
    functions: Functions,
    segments: Callable[..., list[Document]],
    table: str,
) -> None:
    variables = {"TABLE_NAME": table, **SAMPLE, "OTEL_SERVICE_NAME": "orders-service"}
    arn = functions.deploy(orders_code(), Layers=layers, variables=variables)
    answer = Api(local_aws, "bare", arn, traced=True).call("POST", "/orders", ORDER, X_Amzn_Trace_Id=sampled_header())
    assert answer.status == 201
    found = segments(answer.trace_id, origins=(STAGE, SERVICE, FUNCTION))
    assert {segment.get("origin") for segment in found} == {STAGE, SERVICE, FUNCTION}


def test_a_wrapper_without_its_layer_does_not_start_as_on_aws(functions: Functions) -> None:
    answer = functions.invoke(functions.deploy({"app.py": REPORT}, variables=WRAPPER))
    assert answer["FunctionError"] == "Unhandled"
    assert answer["Payload"]["errorType"] == "Runtime.ExitError"
    assert answer["Payload"]["errorMessage"].endswith("exit status 127")


@pytest.mark.parametrize("sampled", ["01", "00"])
def test_a_client_of_opentelemetrys_takes_no_span_out_of_the_trace_that_the_stage_began(
    sampled: str, local_aws: LocalAws, functions: Functions, segments: Callable[..., list[Document]], table: str
) -> None:
    telemetry = Telemetry(language="python", service_name="joined", exporters=(XRay(),))
    own = {"TABLE_NAME": table, **SAMPLE, **WRAPPER, **variables(telemetry)}
    arn = functions.deploy(orders_code(), Layers=[ADOT_LAYER, POWERTOOLS_LAYER], variables=own)
    theirs = uuid.uuid4().hex
    answer = Api(local_aws, "joined", arn, traced=True).call(
        "POST",
        "/orders",
        ORDER,
        X_Amzn_Trace_Id=sampled_header(),
        traceparent=f"00-{theirs}-53995c3f42cd8ad8-{sampled}",
    )
    found = segments(answer.trace_id, origins=ALL, names=("joined",))
    span = next(segment for segment in found if segment["name"] == "joined")
    assert span["parent_id"] == by_origin(found, FUNCTION)["id"]
    trace_id = f"1-{theirs[:8]}-{theirs[8:]}"
    assert local_aws.client("xray").batch_get_traces(TraceIds=[trace_id])["Traces"] == []


def test_without_active_tracing_nothing_is_recorded(local_aws: LocalAws, functions: Functions, table: str) -> None:
    variables = {"TABLE_NAME": table, **SAMPLE, **WRAPPER}
    arn = functions.deploy(orders_code(), active=False, Layers=[ADOT_LAYER, POWERTOOLS_LAYER], variables=variables)
    answer = Api(local_aws, "untraced", arn, traced=False).call("POST", "/orders", ORDER)
    assert answer.status == 201
    assert local_aws.client("xray").batch_get_traces(TraceIds=[answer.trace_id])["Traces"] == []


def test_pass_through_hands_on_the_callers_header_and_decides_against_sampling_without_one(
    functions: Functions,
) -> None:
    arn = functions.deploy({"app.py": REPORT}, active=False)
    header = f"{sampled_header().removesuffix(';Sampled=1')};Parent=53995c3f42cd8ad8;Sampled=1"
    assert functions.invoke(arn, header=header)["Payload"]["header"] == header
    assert functions.invoke(arn)["Payload"]["header"].endswith(";Sampled=0")


def test_active_tracing_continues_the_callers_trace_under_the_functions_own_segment(
    functions: Functions, segments: Callable[..., list[Document]]
) -> None:
    header = sampled_header()
    told = functions.invoke(functions.deploy({"app.py": REPORT}), header=header)["Payload"]["header"]
    root, parent, sampled = told.split(";")
    assert (root, sampled) == (header.split(";")[0], "Sampled=1")
    found = segments(root.removeprefix("Root="), origins=(SERVICE, FUNCTION))
    assert parent == f"Parent={by_origin(found, FUNCTION)['id']}"
    assert [part["name"] for part in by_origin(found, FUNCTION)["subsegments"]] == ["Init"]


def test_a_function_may_send_its_own_segment_documents_to_the_daemon(
    functions: Functions, segments: Callable[..., list[Document]]
) -> None:
    sender = """
        import json, os, socket, time
        def handler(event, context):
            fields = dict(part.split("=") for part in os.environ["_X_AMZN_TRACE_ID"].split(";"))
            now = time.time()
            part = {"id": "53995c3f42cd8ad8", "name": "work", "type": "subsegment", "trace_id": fields["Root"],
                    "parent_id": fields["Parent"], "start_time": now, "end_time": now + 0.1}
            host, port = os.environ["AWS_XRAY_DAEMON_ADDRESS"].split(":")
            wire = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            for document in ("not JSON", json.dumps(part)):
                text = '{"format": "json", "version": 1}\\n' + document
                wire.sendto(text.encode(), (host, int(port)))
            return fields["Root"]
    """
    root = functions.invoke(functions.deploy({"app.py": sender}), header=sampled_header())["Payload"]
    for _ in range(100):
        function = by_origin(segments(root, origins=(FUNCTION,)), FUNCTION)
        if len(function["subsegments"]) == 2:
            break
        time.sleep(0.05)
    assert [part["name"] for part in function["subsegments"]] == ["Init", "work"]


@pytest.mark.parametrize(
    ("code", "type_", "message"),
    [
        ("import nothing_of_that_name", "Runtime.ImportModuleError", "Unable to import module 'app'"),
        ("def handler(:", "Runtime.UserCodeSyntaxError", "Syntax error in module 'app'"),
        ("other = 1", "Runtime.HandlerNotFound", "Handler 'handler' missing on module 'app'"),
        ("1 / 0", "ZeroDivisionError", "division by zero"),
        ("import os; os._exit(3)", "Runtime.ExitError", "exit status 3"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "Runtime.ExitError", "signal: 9"),
        ("def handler(event, context): raise KeyError('id')", "KeyError", "'id'"),
        ("import sys\ndef handler(event, context): sys.exit(4)", "Runtime.ExitError", "exit status 4"),
    ],
)
def test_a_function_that_fails_says_why_in_the_words_of_the_runtime(
    code: str, type_: str, message: str, functions: Functions
) -> None:
    answer = functions.invoke(functions.deploy({"app.py": code}))
    assert answer["FunctionError"] == "Unhandled"
    assert answer["Payload"]["errorType"] == type_
    assert message in answer["Payload"]["errorMessage"]
    assert answer["Payload"]["requestId"]


def test_a_function_that_never_gets_ready_fails_with_a_timeout(functions: Functions) -> None:
    # Ten seconds to get ready, as Lambda gives, and then the function's own timeout.
    answer = functions.invoke(functions.deploy({"app.py": "import time; time.sleep(600)"}, Timeout=1))
    assert answer["Payload"]["errorType"] == "Sandbox.Timedout"
    assert answer["Payload"]["errorMessage"].endswith("Task timed out after 1.00 seconds")


def test_output_goes_whole_to_the_log_group_that_the_function_names(local_aws: LocalAws, functions: Functions) -> None:
    code = """
        def handler(event, context):
            for number in range(500):
                print(f"line {number}")
            return context.log_group_name
    """
    group = f"/own/{uuid.uuid4().hex[:8]}"
    arn = functions.deploy({"app.py": code}, LoggingConfig={"LogGroup": group, "LogFormat": "Text"})
    assert functions.invoke(arn)["Payload"] == group
    pages = local_aws.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group)
    messages = [event["message"] for page in pages for event in page["events"]]
    assert [message for message in messages if message.startswith("line ")] == [f"line {n}" for n in range(500)]
    assert sum(message.startswith(("START", "END", "REPORT")) for message in messages) == 3


def test_lambda_samples_the_first_request_of_a_second_and_few_others(functions: Functions) -> None:
    arn = functions.deploy({"app.py": REPORT})
    functions.invoke(arn)
    headers, end = [], time.time() + 2.2
    while time.time() < end:
        headers.append(functions.invoke(arn)["Payload"]["header"])
    sampled = sum(header.endswith("Sampled=1") for header in headers)
    assert 2 <= sampled < len(headers)


def test_a_log_group_that_the_role_may_not_make_is_not_made(local_aws: LocalAws, functions: Functions) -> None:
    iam, name = local_aws.client("iam"), f"silent-{uuid.uuid4().hex[:8]}"
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    function = functions.deploy({"app.py": "def handler(event, context):\n    print('said')\n"}, Role=arn)
    local_aws.client("lambda").invoke(FunctionName=function)
    groups = local_aws.client("logs").describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{function}")["logGroups"]
    assert groups == []


def test_metrics_that_opentelemetry_writes_into_the_log_are_metrics_of_cloudwatch(
    functions: Functions, local_aws: LocalAws
) -> None:
    code = """
        from opentelemetry.metrics import get_meter
        meter = get_meter("shop")
        sold, paid = meter.create_counter("sold", unit="Count"), meter.create_histogram("paid", unit="ms")
        def handler(event, context):
            sold.add(3, {"sku": "tea"})
            for amount in (10, 10, 40):
                paid.record(amount, {"sku": "tea"})
    """
    namespace = f"Shop{uuid.uuid4().hex[:8]}"
    variables = {
        **WRAPPER,
        "OTEL_METRICS_EXPORTER": "awsemf",
        "OTEL_EXPORTER_OTLP_LOGS_HEADERS": f"x-aws-metric-namespace={namespace}",
    }
    functions.invoke(functions.deploy({"app.py": code}, Layers=[ADOT_LAYER], variables=variables))
    cloudwatch = local_aws.client("cloudwatch")
    dimensions = {
        metric["MetricName"]: metric["Dimensions"] for metric in cloudwatch.list_metrics(Namespace=namespace)["Metrics"]
    }
    assert sorted(dimensions) == ["paid", "sold"]
    assert {"Name": "sku", "Value": "tea"} in dimensions["sold"]

    def statistics(name: str) -> dict[str, Any]:
        now = time.time()
        (point,) = cloudwatch.get_metric_statistics(
            Namespace=namespace,
            MetricName=name,
            Dimensions=dimensions[name],
            StartTime=now - 600,
            EndTime=now + 60,
            Period=3600,
            Statistics=["Sum", "SampleCount", "Maximum"],
        )["Datapoints"]
        return {key: point[key] for key in ("Sum", "SampleCount", "Maximum", "Unit")}

    assert statistics("sold") == {"Sum": 3, "SampleCount": 1, "Maximum": 3, "Unit": "Count"}
    paid = statistics("paid")
    # A histogram arrives as the middles of its buckets, which are narrow.
    assert (paid["SampleCount"], paid["Unit"]) == (3, "Milliseconds")
    assert paid["Sum"] == pytest.approx(60, rel=0.05)
    assert paid["Maximum"] == pytest.approx(40, rel=0.05)
