"""Functions on the embedded AWS, by public API alone: what they trace, how they fail, where their output goes."""

from __future__ import annotations

import io
import json
import textwrap
import time
import urllib.error
import urllib.request
import uuid
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from raytrail.localaws import LocalAws
from raytrail.localaws._xray._documents import first_problem, walk

pytestmark = pytest.mark.local

ORDERS = Path(__file__).resolve().parents[2] / "lambda" / "orders"
LAYER = "arn:aws:lambda:us-east-1:615299751070:layer:AWSOpenTelemetryDistroPython:29"
WRAPPER = {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/otel-instrument"}

Document = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What an HTTP client gets."""

    status: int
    headers: dict[str, str]
    body: Any

    @property
    def trace_id(self) -> str:
        return self.headers["X-Amzn-Trace-Id"].split(";")[0].removeprefix("Root=")


class Api:
    """A REST API whose every path and method reaches one function."""

    def __init__(self, aws: LocalAws, name: str, function_arn: str, *, traced: bool) -> None:
        gateway = aws.client("apigateway")
        self.id = gateway.create_rest_api(name=name)["id"]
        root = gateway.get_resources(restApiId=self.id)["items"][0]["id"]
        resource = gateway.create_resource(restApiId=self.id, parentId=root, pathPart="{proxy+}")["id"]
        method = {"restApiId": self.id, "resourceId": resource, "httpMethod": "ANY"}
        gateway.put_method(**method, authorizationType="NONE")
        uri = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{function_arn}/invocations"
        gateway.put_integration(**method, type="AWS_PROXY", integrationHttpMethod="POST", uri=uri)
        deployment = gateway.create_deployment(restApiId=self.id)["id"]
        gateway.create_stage(restApiId=self.id, stageName="v1", deploymentId=deployment, tracingEnabled=traced)
        self._url = f"{aws.endpoint}/restapis/{self.id}/v1/_user_request_"

    def call(self, method: str, path: str, body: object = None, **headers: str) -> Answer:
        data = json.dumps(body).encode() if body is not None else None
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(self._url + path, method=method, data=data, headers=sent)
        try:
            with urllib.request.urlopen(request) as response:
                return Answer(status=response.status, headers=dict(response.headers), body=json.load(response))
        except urllib.error.HTTPError as error:
            return Answer(status=error.code, headers=dict(error.headers), body=json.load(error))


def in_zip(files: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, textwrap.dedent(text))
    return buffer.getvalue()


def orders_code() -> dict[str, str]:
    return {path.name: path.read_text() for path in ORDERS.glob("*.py")}


def sampled_header(*, sampled: bool = True) -> str:
    return f"Root=1-{int(time.time()):08x}-{uuid.uuid4().hex[:24]};Sampled={int(sampled)}"


@pytest.fixture(scope="module")
def role(local_aws: LocalAws) -> str:
    name = f"functions-{uuid.uuid4().hex[:8]}"
    iam = local_aws.client("iam")
    arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    basic = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
    iam.attach_role_policy(RoleName=name, PolicyArn=basic)
    return arn


@pytest.fixture(scope="module")
def deploy(local_aws: LocalAws, role: str) -> Iterator[Callable[..., str]]:
    """Make functions, and delete them in the end."""
    client = local_aws.client("lambda")
    names = []

    def make(files: dict[str, str], *, handler: str = "app.handler", active: bool = True, **settings: Any) -> str:
        name = f"fn-{uuid.uuid4().hex[:8]}"
        names.append(name)
        function = client.create_function(
            FunctionName=name,
            Runtime="python3.13",
            Handler=handler,
            Code={"ZipFile": in_zip(files)},
            TracingConfig={"Mode": "Active" if active else "PassThrough"},
            **{"Timeout": 10, "Role": role, **settings},
        )
        arn: str = function["FunctionArn"]
        return arn

    yield make
    for name in names:
        client.delete_function(FunctionName=name)


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
def shop(request: pytest.FixtureRequest, local_aws: LocalAws, deploy: Callable[..., str], table: str) -> Api:
    """The orders service behind a traced stage, instrumented by the layer."""
    variables = {
        "TABLE_NAME": table,
        "OTEL_SERVICE_NAME": "orders-service",
        "OTEL_AWS_APPLICATION_SIGNALS_ENABLED": request.param,
        **WRAPPER,
    }
    logging = {"LogGroup": f"/shop/{request.param}", "LogFormat": "Text"}
    arn = deploy(orders_code(), Layers=[LAYER], Environment={"Variables": variables}, LoggingConfig=logging)
    return Api(local_aws, "shop", arn, traced=True)


@pytest.fixture(scope="module")
def segments(local_aws: LocalAws) -> Callable[..., list[Document]]:
    """The segments of a trace, once so many of them are there (spans arrive by datagram), each a good document."""
    xray = local_aws.client("xray")

    def fetch(trace_id: str, *, origins: tuple[str, ...] = (), names: tuple[str, ...] = ()) -> list[Document]:
        found: list[Document] = []
        for _ in range(100):
            traces = xray.batch_get_traces(TraceIds=[trace_id])["Traces"]
            found = [json.loads(segment["Document"]) for trace in traces for segment in trace["Segments"]]
            seen = {segment.get("origin") for segment in found} | {segment["name"] for segment in found}
            if seen >= {*origins, *names}:
                break
            time.sleep(0.05)
        assert [problem for segment in found if (problem := first_problem(segment))] == []
        return found

    return fetch


def by_origin(found: list[Document], origin: str | None) -> Document:
    return next(segment for segment in found if segment.get("origin") == origin)


STAGE, SERVICE, FUNCTION = "AWS::ApiGateway::Stage", "AWS::Lambda", "AWS::Lambda::Function"
ALL = (STAGE, SERVICE, FUNCTION, "AWS::DynamoDB::Table")
ORDER = {"customer": "Ada", "items": [{"sku": "tea", "quantity": 2, "price": 3.25}]}


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
    assert (inferred["name"], inferred["parent_id"], inferred["inferred"]) == (table, put["id"], True)


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
    ours = [line for line in lines if line["xray_trace_id"] == answer.trace_id]
    assert [line["message"] for line in ours] == ["request received", "order created", "request answered"]
    assert {line["api_request_id"] for line in ours} == {answer.headers["x-amzn-requestid"]}
    assert ours[-1]["order_id"] == answer.body["id"]
    started = f"START RequestId: {ours[0]['request_id']} "
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
        assert exception["stack"][0]["label"] == "misbehave"
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


def invoke(local_aws: LocalAws, arn: str, payload: object = None, *, header: str | None = None) -> dict[str, Any]:
    client = local_aws.client("lambda")
    if header:
        client.meta.events.register(
            "before-sign.lambda.Invoke", lambda request, **_: request.headers.add_header("X-Amzn-Trace-Id", header)
        )
    answer = client.invoke(FunctionName=arn, Payload=json.dumps(payload))
    return {**answer, "Payload": json.load(answer["Payload"])}


def test_the_layer_script_sets_its_defaults_and_the_functions_own_variables_win(
    local_aws: LocalAws, deploy: Callable[..., str]
) -> None:
    own = {"OTEL_PROPAGATORS": "tracecontext", "OTEL_RESOURCE_ATTRIBUTES": "team=blue", **WRAPPER}
    arn = deploy({"app.py": REPORT}, Layers=[LAYER], Environment={"Variables": own})
    told = invoke(local_aws, arn)["Payload"]
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
    local_aws: LocalAws, deploy: Callable[..., str], segments: Callable[..., list[Document]], table: str
) -> None:
    variables = {
        "TABLE_NAME": table,
        "OTEL_SERVICE_NAME": "small",
        "OTEL_AWS_LAMBDA_FAST_START": "true",
        **WRAPPER,
    }
    arn = deploy(orders_code(), Layers=[LAYER], Environment={"Variables": variables})
    answer = Api(local_aws, "small", arn, traced=True).call("POST", "/orders", ORDER, X_Amzn_Trace_Id=sampled_header())
    found = segments(answer.trace_id, origins=ALL, names=("small",))
    span = next(segment for segment in found if segment["name"] == "small")
    assert span["parent_id"] == by_origin(found, FUNCTION)["id"]
    assert [part["name"] for part in span["subsegments"]] == ["DynamoDB"]


@pytest.mark.parametrize("settings", [{"Layers": [LAYER]}, {}], ids=["layer-without-wrapper", "neither"])
def test_without_the_wrapper_the_functions_spans_are_missing(
    settings: dict[str, Any],
    local_aws: LocalAws,
    deploy: Callable[..., str],
    segments: Callable[..., list[Document]],
    table: str,
) -> None:
    variables = {"TABLE_NAME": table, "OTEL_SERVICE_NAME": "orders-service"}
    arn = deploy(orders_code(), Environment={"Variables": variables}, **settings)
    answer = Api(local_aws, "bare", arn, traced=True).call("POST", "/orders", ORDER, X_Amzn_Trace_Id=sampled_header())
    assert answer.status == 201
    found = segments(answer.trace_id, origins=(STAGE, SERVICE, FUNCTION))
    assert {segment.get("origin") for segment in found} == {STAGE, SERVICE, FUNCTION}


def test_a_wrapper_without_its_layer_does_not_start_as_on_aws(local_aws: LocalAws, deploy: Callable[..., str]) -> None:
    answer = invoke(local_aws, deploy({"app.py": REPORT}, Environment={"Variables": WRAPPER}))
    assert answer["FunctionError"] == "Unhandled"
    assert answer["Payload"]["errorType"] == "Runtime.ExitError"
    assert answer["Payload"]["errorMessage"].endswith("exit status 127")


def test_without_active_tracing_nothing_is_recorded(
    local_aws: LocalAws, deploy: Callable[..., str], table: str
) -> None:
    variables = {"TABLE_NAME": table, **WRAPPER}
    arn = deploy(orders_code(), active=False, Layers=[LAYER], Environment={"Variables": variables})
    answer = Api(local_aws, "untraced", arn, traced=False).call("POST", "/orders", ORDER)
    assert answer.status == 201
    assert local_aws.client("xray").batch_get_traces(TraceIds=[answer.trace_id])["Traces"] == []


def test_pass_through_hands_on_the_callers_header_and_decides_against_sampling_without_one(
    local_aws: LocalAws, deploy: Callable[..., str]
) -> None:
    arn = deploy({"app.py": REPORT}, active=False)
    header = f"{sampled_header().removesuffix(';Sampled=1')};Parent=53995c3f42cd8ad8;Sampled=1"
    assert invoke(local_aws, arn, header=header)["Payload"]["header"] == header
    assert invoke(local_aws, arn)["Payload"]["header"].endswith(";Sampled=0")


def test_active_tracing_continues_the_callers_trace_under_the_functions_own_segment(
    local_aws: LocalAws, deploy: Callable[..., str], segments: Callable[..., list[Document]]
) -> None:
    header = sampled_header()
    told = invoke(local_aws, deploy({"app.py": REPORT}), header=header)["Payload"]["header"]
    root, parent, sampled = told.split(";")
    assert (root, sampled) == (header.split(";")[0], "Sampled=1")
    found = segments(root.removeprefix("Root="), origins=(SERVICE, FUNCTION))
    assert parent == f"Parent={by_origin(found, FUNCTION)['id']}"
    assert [part["name"] for part in by_origin(found, FUNCTION)["subsegments"]] == ["Init"]


def test_a_function_may_send_its_own_segment_documents_to_the_daemon(
    local_aws: LocalAws, deploy: Callable[..., str], segments: Callable[..., list[Document]]
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
    root = invoke(local_aws, deploy({"app.py": sender}), header=sampled_header())["Payload"]
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
    code: str, type_: str, message: str, local_aws: LocalAws, deploy: Callable[..., str]
) -> None:
    answer = invoke(local_aws, deploy({"app.py": code}))
    assert answer["FunctionError"] == "Unhandled"
    assert answer["Payload"]["errorType"] == type_
    assert message in answer["Payload"]["errorMessage"]
    assert answer["Payload"]["requestId"]


def test_a_function_that_never_gets_ready_fails_with_a_timeout(local_aws: LocalAws, deploy: Callable[..., str]) -> None:
    # Ten seconds to get ready, as Lambda gives, and then the function's own timeout.
    answer = invoke(local_aws, deploy({"app.py": "import time; time.sleep(600)"}, Timeout=1))
    assert answer["Payload"]["errorType"] == "Sandbox.Timedout"
    assert answer["Payload"]["errorMessage"].endswith("Task timed out after 1.00 seconds")


def test_output_goes_whole_to_the_log_group_that_the_function_names(
    local_aws: LocalAws, deploy: Callable[..., str]
) -> None:
    code = """
        def handler(event, context):
            for number in range(500):
                print(f"line {number}")
            return context.log_group_name
    """
    group = f"/own/{uuid.uuid4().hex[:8]}"
    arn = deploy({"app.py": code}, LoggingConfig={"LogGroup": group, "LogFormat": "Text"})
    assert invoke(local_aws, arn)["Payload"] == group
    pages = local_aws.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group)
    messages = [event["message"] for page in pages for event in page["events"]]
    assert [message for message in messages if message.startswith("line ")] == [f"line {n}" for n in range(500)]
    assert sum(message.startswith(("START", "END", "REPORT")) for message in messages) == 3


def test_lambda_samples_the_first_request_of_a_second_and_few_others(
    local_aws: LocalAws, deploy: Callable[..., str]
) -> None:
    arn = deploy({"app.py": REPORT})
    invoke(local_aws, arn)
    headers, end = [], time.time() + 2.2
    while time.time() < end:
        headers.append(invoke(local_aws, arn)["Payload"]["header"])
    sampled = sum(header.endswith("Sampled=1") for header in headers)
    assert 2 <= sampled < len(headers)


def test_a_log_group_that_the_role_may_not_make_is_not_made(local_aws: LocalAws, deploy: Callable[..., str]) -> None:
    iam, name = local_aws.client("iam"), f"silent-{uuid.uuid4().hex[:8]}"
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    function = deploy({"app.py": "def handler(event, context):\n    print('said')\n"}, Role=arn)
    local_aws.client("lambda").invoke(FunctionName=function)
    groups = local_aws.client("logs").describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{function}")["logGroups"]
    assert groups == []
