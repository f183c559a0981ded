"""Functions that send to partners outside AWS, with the real runtime layer: what arrives, and what a fault costs."""

from __future__ import annotations

import json
import socket
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.localaws.functions_kit import (
    ADOT_LAYER,
    FUNCTION,
    WRAPPER,
    Document,
    Functions,
    Partners,
    folder_files,
    package_files,
    root_of,
    sampled_header,
    segments_reader,
)

from raytrail.instrumentation import Exporter, Honeycomb, Otlp, Rollbar, SecretField, XRay
from raytrail.instrumentation._model_environment import HANDLER_VARIABLE, runtime_variables, to_json, variables
from raytrail.instrumentation._model_exporters import Signal
from raytrail.instrumentation._model_telemetry import Telemetry
from raytrail.localaws import LocalAws

pytestmark = pytest.mark.local

HONEYCOMB, ROLLBAR, COLLECTOR = "api.honeycomb.io", "api.rollbar.com", "otlp"
KEY, TOKEN = "hcaik_01hqk4k20cjeh63wca8vva5stw70nft6m5n8wr8f5mjx3762s8269j50wc", "aaaabbbbccccddddeeeeffff00001111"

HANDLER = """
    def handler(event, context):
        if event.get("fails"):
            raise LookupError("no such order")
        return {"statusCode": 200, "body": "fine"}
"""
FINE = {"statusCode": 200, "body": "fine"}


@pytest.fixture(scope="module")
def functions(local_aws: LocalAws) -> Iterator[Functions]:
    with Functions(local_aws) as made:
        yield made


@pytest.fixture(scope="module")
def runtime_layer(functions: Functions, root: Path) -> str:
    """The layer that the kit deploys beside ADOT's."""
    return functions.layer(folder_files(root / "constructs" / "raytrail" / "instrumentation" / "runtime"))


@pytest.fixture(scope="module")
def rollbar_layer(functions: Functions) -> str:
    """A layer with Rollbar's package, which the user of the kit brings."""
    return functions.layer(package_files(["rollbar"]))


@pytest.fixture(scope="module")
def secret(local_aws: LocalAws) -> str:
    """The name of a secret with the keys of both partners."""
    name = f"partners-{uuid.uuid4().hex[:8]}"
    value = json.dumps({"honeycomb": KEY, "rollbar": TOKEN})
    local_aws.client("secretsmanager").create_secret(Name=name, SecretString=value)
    return name


@pytest.fixture
def partners(local_aws: LocalAws) -> Iterator[Partners]:
    found = Partners(local_aws)
    found.ask("/forget", {})
    yield found
    found.ask("/forget", {})


@pytest.fixture(scope="module")
def segments(local_aws: LocalAws) -> Callable[..., list[Document]]:
    return segments_reader(local_aws)


def honeycomb(secret: str, *, signals: tuple[Signal, ...] = ("traces",), field: str | None = "honeycomb") -> Honeycomb:
    return Honeycomb(api_key_secret=SecretField(secret=secret, field=field), signals=signals, timeout_seconds=1)


def collector(endpoint: str) -> Otlp:
    return Otlp(name="collector", endpoint=endpoint, signals=("traces",), timeout_seconds=1)


def traced(service: str, *exporters: Exporter) -> dict[str, str]:
    """The environment that `instrument_lambda` gives a function with X-Ray and these exporters."""
    telemetry = Telemetry(language="python", service_name=service, exporters=(XRay(), *exporters))
    return {**WRAPPER, **variables(telemetry), **in_environment(telemetry)}


def reporting(secret: str) -> dict[str, str]:
    """The environment of a function whose errors go to Rollbar."""
    token = SecretField(secret=secret, field="rollbar")
    errors = Rollbar(access_token_secret=token, environment="test", timeout_seconds=1)
    telemetry = Telemetry(language="python", service_name="any", exporters=(XRay(),), errors=errors)
    return {HANDLER_VARIABLE: "app.handler", **in_environment(telemetry)}


def in_environment(telemetry: Telemetry) -> dict[str, str]:
    """The variables of the runtime layer, for secrets that are given by name."""
    return {name: to_json(value) for name, value in runtime_variables(telemetry, lambda at: str(at.secret)).items()}


def warnings(log: list[str]) -> list[Document]:
    """What the runtime layer complained of."""
    lines = [json.loads(line) for line in log if line.startswith("{")]
    return [line for line in lines if line.get("logger") == "raytrail"]


@pytest.fixture
def deploy(functions: Functions, runtime_layer: str) -> Callable[..., str]:
    def make(variables: Mapping[str, str], *more: str, **settings: Any) -> str:
        layers = [ADOT_LAYER, runtime_layer, *more]
        return functions.deploy({"app.py": HANDLER}, variables=variables, Layers=layers, **settings)

    return make


# --- what arrives ---


def test_one_trace_arrives_at_x_ray_and_at_honeycomb(
    deploy: Callable[..., str],
    functions: Functions,
    partners: Partners,
    segments: Callable[..., list[Document]],
    secret: str,
    local_aws: LocalAws,
) -> None:
    arn = deploy(traced("both", honeycomb(secret)))
    header = sampled_header()
    assert functions.invoke(arn, {}, header=header)["Payload"] == FINE
    trace_id = root_of(header)
    found = segments(trace_id, origins=(FUNCTION,), names=("both",))
    (segment,) = [segment for segment in found if segment["name"] == "both"]
    (span,) = partners.received(HONEYCOMB, "spans", "xray_trace_id", trace_id)
    assert (span["span_id"], span["parent_id"]) == (segment["id"], segment["parent_id"])
    assert (span["service"], span["kind"], span["resource"]["cloud.platform"]) == ("both", "server", "aws_lambda")
    (entry,) = partners.ask(f"/?host={HONEYCOMB}")
    assert (entry["status"], entry["headers"]["x-honeycomb-team"]) == (200, f"****{KEY[-4:]}")
    assert warnings(functions.log(arn)) == []
    # The function's configuration is as it was given: only its process knows the stand-in.
    name = arn.rpartition(":")[2]
    kept = local_aws.client("lambda").get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    assert json.loads(kept["RAYTRAIL_OTLP_EXPORTERS"])[0]["endpoint"] == "https://api.honeycomb.io"


def test_two_partners_get_the_same_spans(
    deploy: Callable[..., str], functions: Functions, partners: Partners, secret: str
) -> None:
    arn = deploy(traced("two", honeycomb(secret), collector(partners.url(COLLECTOR))))
    header = sampled_header()
    assert functions.invoke(arn, {}, header=header)["Payload"] == FINE
    (first,) = partners.received(HONEYCOMB, "spans", "xray_trace_id", root_of(header))
    (second,) = partners.received(COLLECTOR, "spans", "xray_trace_id", root_of(header))
    assert first == second


def test_the_small_sdk_sends_to_x_ray_and_to_nobody_else(
    deploy: Callable[..., str],
    functions: Functions,
    partners: Partners,
    segments: Callable[..., list[Document]],
    secret: str,
) -> None:
    arn = deploy({**traced("small", honeycomb(secret)), "OTEL_AWS_LAMBDA_FAST_START": "true"})
    header = sampled_header()
    assert functions.invoke(arn, {}, header=header)["Payload"] == FINE
    found = segments(root_of(header), origins=(FUNCTION,), names=("small",))
    assert "small" in {segment["name"] for segment in found}
    assert partners.ask("/") == []


def test_metrics_arrive_at_honeycomb(functions: Functions, runtime_layer: str, partners: Partners, secret: str) -> None:
    code = """
        from opentelemetry.metrics import get_meter
        sold = get_meter("shop").create_counter("orders.sold", unit="1")
        def handler(event, context):
            sold.add(2, {"sku": "tea"})
            return "counted"
    """
    counted = traced("metrics", honeycomb(secret, signals=("traces", "metrics")))
    arn = functions.deploy({"app.py": code}, variables=counted, Layers=[ADOT_LAYER, runtime_layer])
    assert functions.invoke(arn, {})["Payload"] == "counted"
    (point,) = partners.received(HONEYCOMB, "metrics", "name", "orders.sold")
    assert (point["value"], point["attributes"], point["service"]) == (2, {"sku": "tea"}, "metrics")


# --- errors ---


def test_an_error_arrives_at_rollbar_with_its_trace_and_is_raised_to_lambda(
    deploy: Callable[..., str],
    functions: Functions,
    partners: Partners,
    segments: Callable[..., list[Document]],
    rollbar_layer: str,
    secret: str,
) -> None:
    told_twice = traced("raising", honeycomb(secret)) | reporting(secret)
    arn = deploy(told_twice, rollbar_layer, handler="raytrail_runtime.entry.handler")
    header = sampled_header()
    answer = functions.invoke(arn, {"fails": True}, header=header)
    assert answer["FunctionError"] == "Unhandled"
    assert (answer["Payload"]["errorType"], answer["Payload"]["errorMessage"]) == ("LookupError", "no such order")
    (told,) = partners.ask(f"/?host={ROLLBAR}")
    assert (told["status"], told["problem"]) == (200, None)
    trace = told["item"]["body"]["trace"]
    assert trace["exception"] == {"class": "LookupError", "message": "no such order"}
    assert trace["frames"][-1]["filename"].endswith("app.py")
    assert told["item"]["custom"]["xray_trace_id"] == root_of(header)
    found = segments(root_of(header), origins=(FUNCTION,), names=("raising",))
    (segment,) = [segment for segment in found if segment["name"] == "raising"]
    assert segment["fault"] is True
    (span,) = partners.received(HONEYCOMB, "spans", "xray_trace_id", root_of(header))
    assert span["status"] == "error"
    assert told["item"]["custom"]["trace_id"] == span["trace_id"]
    assert TOKEN not in json.dumps(told)


def test_errors_are_reported_without_opentelemetry_too(
    functions: Functions, partners: Partners, runtime_layer: str, rollbar_layer: str, secret: str
) -> None:
    # What Rollbar's package needs comes with the ADOT layer, or with a layer of one's own.
    needs = functions.layer(package_files(["requests", "certifi", "idna", "charset-normalizer"]))
    arn = functions.deploy(
        {"app.py": HANDLER},
        handler="raytrail_runtime.entry.handler",
        variables=reporting(secret),
        Layers=[runtime_layer, rollbar_layer, needs],
    )
    assert functions.invoke(arn, {})["Payload"] == FINE
    assert functions.invoke(arn, {"fails": True})["Payload"]["errorType"] == "LookupError"
    (told,) = partners.ask(f"/?host={ROLLBAR}")
    assert told["item"]["body"]["trace"]["exception"]["class"] == "LookupError"


@pytest.mark.parametrize("kind", ["down", "unauthorized", "slow"])
def test_an_error_is_raised_to_lambda_though_rollbar_does_not_take_it(
    kind: str,
    deploy: Callable[..., str],
    functions: Functions,
    partners: Partners,
    rollbar_layer: str,
    secret: str,
) -> None:
    partners.fault(ROLLBAR, kind, 8)
    arn = deploy(reporting(secret), rollbar_layer, handler="raytrail_runtime.entry.handler")
    answer = functions.invoke(arn, {"fails": True})
    assert answer["Payload"]["errorType"] == "LookupError"
    (warning,) = warnings(functions.log(arn))
    assert warning["message"].startswith("an error was not sent to Rollbar: ")
    assert functions.invoke(arn, {})["Payload"] == FINE


def test_a_function_without_rollbars_package_answers_and_says_so(
    deploy: Callable[..., str], functions: Functions, partners: Partners, secret: str
) -> None:
    arn = deploy(reporting(secret), handler="raytrail_runtime.entry.handler")
    assert functions.invoke(arn, {"fails": True})["Payload"]["errorType"] == "LookupError"
    (warning,) = warnings(functions.log(arn))
    assert "the package rollbar is neither in the function's code nor in a layer" in warning["message"]
    assert partners.ask(f"/?host={ROLLBAR}") == []


# --- partners that fail ---


@pytest.fixture
def still_answers(functions: Functions, segments: Callable[..., list[Document]]) -> Callable[..., Document]:
    """Checks that a function answers, that X-Ray gets its span, and that one log line says what is wrong."""

    def check(arn: str, service: str) -> Document:
        header = sampled_header()
        answer = functions.invoke(arn, {}, header=header)
        assert "FunctionError" not in answer
        assert answer["Payload"] == FINE
        found = segments(root_of(header), origins=(FUNCTION,), names=(service,))
        assert {FUNCTION, service} <= {segment.get("origin") for segment in found} | {each["name"] for each in found}
        (warning,) = warnings(functions.log(arn))
        return warning

    return check


@pytest.mark.parametrize(
    ("kind", "said"), [("down", "HTTP 503"), ("unauthorized", "refused the key"), ("slow", "no answer within 1 second")]
)
def test_a_partner_that_fails_costs_a_line_in_the_log_and_nothing_else(
    kind: str,
    said: str,
    deploy: Callable[..., str],
    still_answers: Callable[..., Document],
    partners: Partners,
    secret: str,
) -> None:
    partners.fault(HONEYCOMB, kind, 8)
    warning = still_answers(deploy(traced(f"partner-{kind}", honeycomb(secret))), f"partner-{kind}")
    assert said in warning["message"]
    assert warning["destination"] == "honeycomb"


def test_a_collector_that_is_not_there_costs_a_line_in_the_log_and_nothing_else(
    deploy: Callable[..., str], still_answers: Callable[..., Document], partners: Partners, secret: str
) -> None:
    with socket.socket() as taken:  # bound, and nobody listens: a connection is refused
        taken.bind(("127.0.0.1", 0))
        down = collector(f"http://127.0.0.1:{taken.getsockname()[1]}")
        warning = still_answers(deploy(traced("refused", down, honeycomb(secret))), "refused")
    assert "Connection refused" in warning["message"]
    # The other partner is none the worse for it.
    assert partners.received(HONEYCOMB, "spans", "service", "refused")


@pytest.mark.parametrize(("name", "field"), [("nobody-made-this", "honeycomb"), (None, "no-such-field")])
def test_a_secret_that_is_missing_costs_a_line_in_the_log_and_nothing_else(
    name: str | None,
    field: str,
    deploy: Callable[..., str],
    still_answers: Callable[..., Document],
    partners: Partners,
    secret: str,
) -> None:
    service = f"secret-{field}"
    warning = still_answers(deploy(traced(service, honeycomb(name or secret, field=field))), service)
    assert (name or secret) in warning["message"]
    assert KEY not in json.dumps(warning)
    assert partners.ask(f"/?host={HONEYCOMB}") == []


def test_settings_that_cannot_be_read_cost_a_line_in_the_log_and_nothing_else(
    deploy: Callable[..., str], still_answers: Callable[..., Document], secret: str
) -> None:
    unreadable = {**traced("unreadable", honeycomb(secret)), "RAYTRAIL_OTLP_EXPORTERS": "{"}
    assert "RAYTRAIL_OTLP_EXPORTERS" in still_answers(deploy(unreadable), "unreadable")["message"]


def test_without_the_runtime_layer_the_function_answers_and_the_log_names_the_exporter(
    functions: Functions, secret: str
) -> None:
    arn = functions.deploy({"app.py": HANDLER}, variables=traced("bare", honeycomb(secret)), Layers=[ADOT_LAYER])
    assert functions.invoke(arn, {})["Payload"] == FINE
    assert any("raytrail_otlp" in line for line in functions.log(arn))


# --- what AWS sees of it ---


def test_a_key_is_read_from_secrets_manager_and_its_reading_recorded_without_it(
    deploy: Callable[..., str], functions: Functions, local_aws: LocalAws
) -> None:
    name, value = f"own-{uuid.uuid4().hex[:8]}", f"key-{uuid.uuid4().hex}"
    local_aws.client("secretsmanager").create_secret(Name=name, SecretString=json.dumps({"honeycomb": value}))
    arn = deploy(traced("recorded", honeycomb(name)))
    assert functions.invoke(arn, {}, header=sampled_header())["Payload"] == FINE
    attribute = {"AttributeKey": "EventName", "AttributeValue": "GetSecretValue"}
    pages = local_aws.client("cloudtrail").get_paginator("lookup_events").paginate(LookupAttributes=[attribute])
    records = [json.loads(event["CloudTrailEvent"]) for page in pages for event in page["Events"]]
    (record,) = [record for record in records if record["requestParameters"]["secretId"] == name]
    assert (record["eventSource"], record["responseElements"]) == ("secretsmanager.amazonaws.com", None)
    assert record["readOnly"] is True
    assert value not in json.dumps(record)
    assert all(value not in line for line in functions.log(arn))
