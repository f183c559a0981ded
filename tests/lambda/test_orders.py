"""The orders service's handler, called as Lambda calls it, on a real table of the embedded AWS."""

from __future__ import annotations

import base64
import importlib.util
import json
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from raytrail.localaws import LocalAws

pytestmark = pytest.mark.local

FOLDER = Path(__file__).resolve().parents[2] / "lambda" / "orders"
TRACE_ID = "1-5759e988-bd862e3fe1be46a994272793"
ITEM = {"sku": "tea", "quantity": 2}
PRICED = {**ITEM, "price": 3.25}


@dataclass(frozen=True)
class Context:
    aws_request_id: str = "26d87fb1-0f32-4b3c-a3d1-0a6a7d0b2b7e"
    function_name: str = "orders"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:111122223333:function:orders"


@pytest.fixture(scope="module")
def app(local_aws: LocalAws) -> Iterator[ModuleType]:
    """The function's module, loaded by its path with the environment of a function."""
    name = f"orders-{uuid.uuid4().hex[:8]}"
    dynamodb = local_aws.client("dynamodb")
    dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    header = f"Root={TRACE_ID};Parent=53995c3f42cd8ad8;Sampled=1"
    variables = {
        "TABLE_NAME": name,
        "POWERTOOLS_SERVICE_NAME": "orders",
        "POWERTOOLS_METRICS_NAMESPACE": "shop",
        "AWS_LAMBDA_FUNCTION_NAME": "orders",
        "_X_AMZN_TRACE_ID": header,
    }
    with pytest.MonkeyPatch.context() as patch:
        for key, value in {**local_aws.environment, **variables}.items():
            patch.setenv(key, value)
        patch.syspath_prepend(FOLDER)
        spec = importlib.util.spec_from_file_location("orders_app", FOLDER / "app.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        yield module
    sys.modules.pop("catalog", None)
    dynamodb.delete_table(TableName=name)


Call = Callable[..., tuple[int, Any]]


@pytest.fixture(scope="module")
def call(app: ModuleType) -> Call:
    def send(method: str, path: str, body: object = None, **query: str) -> tuple[int, Any]:
        text = body if isinstance(body, str) or body is None else json.dumps(body)
        event = {
            "httpMethod": method,
            "path": path,
            "body": text,
            "isBase64Encoded": False,
            "queryStringParameters": query or None,
            "requestContext": {"requestId": "api-1"},
        }
        answer = app.handler(event, Context())
        assert answer["headers"]["Content-Type"] == "application/json"
        return answer["statusCode"], json.loads(answer["body"])

    return send


@pytest.fixture
def output(
    app: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[], list[dict[str, Any]]]:
    """What the function wrote since it was last asked: each line, read."""
    # The logger keeps the stream that it began with, and each test has another.
    today = SimpleNamespace(write=partial(print, end=""), flush=lambda: None)
    monkeypatch.setattr(app.logger.registered_handler, "stream", today)
    return lambda: [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_an_order_that_was_made_can_be_read_again(call: Call) -> None:
    status, order = call("POST", "/orders", {"customer": "Ada", "items": [ITEM, {"sku": "sugar", "quantity": 2}]})
    assert status == 201
    assert (order["customer"], order["status"], order["total"]) == ("Ada", "received", 6.7)
    assert order["items"] == [PRICED, {"sku": "sugar", "quantity": 2, "price": 0.1}]
    assert call("GET", f"/orders/{order['id']}") == (200, order)


def test_the_service_may_be_mounted_below_another_path(call: Call) -> None:
    status, order = call("POST", "/shop/orders", {"customer": "Ada", "items": [ITEM]})
    assert status == 201
    assert call("GET", f"/shop/orders/{order['id']}/")[0] == 200


def test_a_body_in_base64_is_read(app: ModuleType) -> None:
    body = base64.b64encode(json.dumps({"customer": "Ada", "items": [ITEM]}).encode()).decode()
    event = {"httpMethod": "POST", "path": "/orders", "body": body, "isBase64Encoded": True}
    assert app.handler(event, Context())["statusCode"] == 201


def test_a_list_comes_in_pages_that_miss_nothing(call: Call) -> None:
    made = {call("POST", "/orders", {"customer": "Bo", "items": [ITEM]})[1]["id"] for _ in range(5)}
    seen: list[str] = []
    query = {"limit": "2"}
    while True:
        status, page = call("GET", "/orders", **query)
        assert status == 200
        assert len(page["orders"]) <= 2
        seen += [order["id"] for order in page["orders"]]
        if "next" not in page:
            break
        query["next"] = page["next"]
    assert len(seen) == len(set(seen))
    assert made <= set(seen)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/orders/none"),
        ("GET", "/orders/" + "x" * 3000),
        ("GET", "/"),
        ("DELETE", "/orders"),
        ("POST", "/orders/1"),
    ],
)
def test_what_is_not_there_is_answered_404(method: str, path: str, call: Call) -> None:
    status, body = call(method, path)
    assert (status, list(body)) == (404, ["error"])


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (None, "the body must be JSON"),
        ("{", "the body must be JSON"),
        ([], "the body must be a JSON object"),
        ({"items": [ITEM]}, "customer must be"),
        ({"customer": "", "items": [ITEM]}, "customer must be"),
        ('{"customer": "\\ud800", "items": [{"sku": "tea", "quantity": 1}]}', "customer must be"),
        ("[" * 100_000, "the body must be JSON"),
        ({"customer": "a", "items": []}, "items must be"),
        ({"customer": "a", "items": [ITEM] * 51}, "items must be"),
        ({"customer": "a", "items": ["tea"]}, "items[0] must be an object"),
        ({"customer": "a", "items": [ITEM, {**ITEM, "sku": 7}]}, "items[1].sku"),
        ({"customer": "a", "items": [{**ITEM, "quantity": 0}]}, "items[0].quantity"),
        ({"customer": "a", "items": [{**ITEM, "quantity": True}]}, "items[0].quantity"),
        ({"customer": "a", "items": [{**ITEM, "quantity": 1.5}]}, "items[0].quantity"),
        ({"customer": "a", "items": [ITEM, {**ITEM, "sku": "gold"}]}, "items[1].sku must be in the catalogue"),
        ({"customer": "a", "items": [{**ITEM, "sku": "' OR 1=1 --"}]}, "items[0].sku must be in the catalogue"),
    ],
)
def test_a_bad_order_is_answered_400_with_what_is_wrong(body: object, said: str, call: Call) -> None:
    status, answer = call("POST", "/orders", body)
    assert status == 400
    assert said in answer["error"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.fixed_dictionaries(
        {
            "customer": JSON,
            "items": JSON
            | st.lists(
                st.fixed_dictionaries({}, optional={"sku": JSON | st.just("tea"), "quantity": JSON}), max_size=2
            ),
        }
    )
    | JSON
)
def test_no_body_makes_the_service_fail(call: Call, body: object) -> None:
    assert call("POST", "/orders", json.dumps(body))[0] in (201, 400)


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "0"},
        {"limit": "101"},
        {"limit": "ten"},
        {"limit": "²"},
        {"next": "%"},
        {"next": ""},
        {"next": "_w=="},
        {"fault": "x"},
    ],
)
def test_a_bad_query_is_answered_400(query: dict[str, str], call: Call) -> None:
    assert call("GET", "/orders", **query)[0] == 400


def test_a_fault_is_raised_when_the_work_is_done(app: ModuleType, call: Call) -> None:
    before = len(app.table.scan()["Items"])
    with pytest.raises(app.PaymentProviderDown):
        call("POST", "/orders", {"customer": "Ada", "items": [ITEM]}, fault="error")
    assert len(app.table.scan()["Items"]) == before + 1


def test_slowness_is_real_and_capped(call: Call) -> None:
    started = time.monotonic()
    assert call("GET", "/orders", fault="slow", delay_ms="200")[0] == 200
    assert time.monotonic() - started >= 0.2
    assert call("GET", "/orders", fault="slow", delay_ms="3001")[0] == 400


def test_each_log_line_is_json_that_finds_the_request_again(
    app: ModuleType, call: Call, output: Callable[[], list[dict[str, Any]]]
) -> None:
    _, order = call("POST", "/orders", {"customer": "Ada", "items": [ITEM]})
    with pytest.raises(app.PaymentProviderDown):
        call("GET", "/orders", fault="error")
    lines = [line for line in output() if "_aws" not in line]
    for line in lines:
        common = {"service": "orders", "xray_trace_id": TRACE_ID, "api_request_id": "api-1"}
        assert line.items() >= {**common, "function_request_id": Context().aws_request_id}.items()
    assert [line["level"] for line in lines] == ["INFO", "INFO", "INFO", "INFO", "ERROR"]
    assert [line.get("order_id") for line in lines[:3]] == [None, order["id"], order["id"]]
    assert lines[-1]["error_type"] == "PaymentProviderDown"


def test_each_order_is_measured_in_the_embedded_metric_format(
    call: Call, output: Callable[[], list[dict[str, Any]]]
) -> None:
    call("GET", "/orders")
    call("POST", "/orders", {"customer": "Ada", "items": [ITEM]})
    (line,) = [line for line in output() if "_aws" in line]
    (told,) = line["_aws"]["CloudWatchMetrics"]
    assert (told["Namespace"], told["Dimensions"], line["service"]) == ("shop", [["service"]], "orders")
    assert {metric["Name"]: line[metric["Name"]] for metric in told["Metrics"]} == {
        "OrdersCreated": [1.0],
        "OrderValue": [6.5],
    }
