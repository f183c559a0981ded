"""``raytrail traces --why`` on the embedded AWS: functions with planted causes, and one that is in order."""

from __future__ import annotations

import io
import json
import time
import urllib.request
import uuid
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.cli.command import Gatekeeper, Refusal, Said, raytrail

from raytrail.localaws import LocalAws

pytestmark = pytest.mark.local

LAYER = "arn:aws:lambda:us-east-1:615299751070:layer:AWSOpenTelemetryDistroPython:29"
ADOT = {
    "AWS_LAMBDA_EXEC_WRAPPER": "/opt/otel-instrument",
    "OTEL_SERVICE_NAME": "orders-service",
    "OTEL_AWS_APPLICATION_SIGNALS_ENABLED": "false",
    "OTEL_PYTHON_DISTRO": "aws_distro",
    "OTEL_PYTHON_CONFIGURATOR": "aws_configurator",
}
CODE = "def handler(event, context):\n    return {'statusCode': 200, 'body': '{}'}\n"
BASIC = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
WRITE = {
    "Statement": [{"Effect": "Allow", "Action": ["xray:PutTraceSegments", "xray:PutTelemetryRecords"], "Resource": "*"}]
}


def new(prefix: str) -> str:
    return f"{prefix}-{uuid.uuid4().hex[:8]}"


def in_zip(text: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("app.py", text)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def role(local_aws: LocalAws) -> Callable[..., str]:
    """Makes a role that may write logs and, unless told otherwise, send traces."""
    iam = local_aws.client("iam")

    def make(*, may_send: bool = True) -> str:
        name = new("why")
        arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        iam.attach_role_policy(RoleName=name, PolicyArn=BASIC)
        if may_send:
            iam.put_role_policy(RoleName=name, PolicyName="traces", PolicyDocument=json.dumps(WRITE))
        return arn

    return make


@pytest.fixture(scope="module")
def deploy(local_aws: LocalAws, role: Callable[..., str]) -> Iterator[Callable[..., str]]:
    """Makes instrumented functions that are in order but for what is given, and deletes them in the end."""
    client = local_aws.client("lambda")
    sender, names = role(), []

    def make(variables: dict[str, str] | None = None, **settings: Any) -> str:
        name = new("why")
        names.append(name)
        wanted = {
            "Runtime": "python3.13",
            "Handler": "app.handler",
            "Role": sender,
            "Timeout": 30,
            "Layers": [LAYER],
            "TracingConfig": {"Mode": "Active"},
            **settings,
        }
        own = {**ADOT, "OTEL_SERVICE_NAME": name, **(variables or {})}
        environment = {"Variables": {key: value for key, value in own.items() if value}}
        client.create_function(FunctionName=name, Code={"ZipFile": in_zip(CODE)}, Environment=environment, **wanted)
        return name

    yield make
    for name in names:
        client.delete_function(FunctionName=name)


@pytest.fixture
def invoke(local_aws: LocalAws) -> Callable[..., None]:
    """Invokes a function, with the trace header of a caller if one is given."""

    def call(name: str, header: str | None = None) -> None:
        client = local_aws.client("lambda")
        if header:
            client.meta.events.register(
                "before-call.lambda.Invoke", lambda params, **_: params["headers"].update({"X-Amzn-Trace-Id": header})
            )
        client.invoke(FunctionName=name)

    return call


@pytest.fixture
def why(local_aws: LocalAws, here: Callable[..., Said]) -> Callable[..., tuple[int, dict[str, Any]]]:
    """The status of the command, and what it says in JSON."""

    def ask(name: str, *options: str) -> tuple[int, dict[str, Any]]:
        said = here("traces", "--why", name, "--json", "--endpoint", local_aws.endpoint, *options)
        assert said.err == ""
        return said.status, json.loads(said.out)

    return ask


def causes(found: dict[str, Any]) -> list[str]:
    return [cause["name"] for cause in found["causes"]]


def eventually(ask: Callable[[], Any], good: Callable[[Any], bool]) -> Any:
    """The answer, once it is good: spans arrive by datagram."""
    deadline = time.monotonic() + 20
    while not good(answer := ask()) and time.monotonic() < deadline:
        time.sleep(0.3)
    return answer


# In order


def test_a_healthy_function_has_traces_and_the_newest_is_named(local_aws, deploy, invoke, why):
    name = deploy()
    invoke(name)
    status, found = eventually(lambda: why(name), lambda answer: answer[0] == 0)
    assert (status, found["causes"], found["not_looked_at"]) == (0, [], [])
    assert found["traces_arrive"] is True
    trace = local_aws.client("xray").batch_get_traces(TraceIds=[found["newest_trace"]])["Traces"][0]
    origins = [json.loads(segment["Document"]).get("origin") for segment in trace["Segments"]]
    assert origins.count("AWS::Lambda::Function") == 1
    assert any(name == json.loads(segment["Document"])["name"] for segment in trace["Segments"])
    said = raytrail("traces", "--why", name, "--endpoint", local_aws.endpoint)
    assert said.status == 0
    assert said.out.splitlines()[0] == f"traces of {name} arrive: 1 trace, the newest {found['newest_trace']}"


def test_a_function_without_instrumentation_has_lambdas_segments_and_is_told_how_to_get_more(deploy, invoke, why):
    name = deploy(dict.fromkeys(ADOT, ""), Layers=[])
    invoke(name)
    status, found = why(name)
    assert (status, causes(found)) == (0, [])
    assert [note["name"] for note in found["notes"]] == ["not-instrumented"]


# Planted causes


def plant(name: str) -> dict[str, Any]:
    """What `deploy` is given to plant a cause."""
    endpoint = "http://localhost:4318/v1/traces"
    return {
        "active-tracing-off": {"TracingConfig": {"Mode": "PassThrough"}},
        "wrapper-without-layer": {"Layers": []},
        "layer-without-wrapper": {"variables": {"AWS_LAMBDA_EXEC_WRAPPER": ""}},
        "layer-of-another-language": {"Layers": [LAYER.replace("Python", "Js")]},
        "propagator-missing": {"variables": {"OTEL_PROPAGATORS": "tracecontext,baggage"}},
        "sdk-disabled": {"variables": {"OTEL_SDK_DISABLED": "true"}},
        "sampler-off": {"variables": {"OTEL_TRACES_SAMPLER": "always_off"}},
        "collector-not-running": {"variables": {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": endpoint}},
        "exported-elsewhere": {"variables": {"OTEL_TRACES_EXPORTER": "none"}},
    }[name]


@pytest.mark.parametrize(
    ("cause", "evidence"),
    [
        ("active-tracing-off", "TracingConfig.Mode is PassThrough"),
        ("wrapper-without-layer", "/opt/otel-instrument: does not exist"),
        ("layer-without-wrapper", "AWS_LAMBDA_EXEC_WRAPPER is not set"),
        ("layer-of-another-language", "runtime python3.13; layer AWSOpenTelemetryDistroJs"),
        ("propagator-missing", "its spans are in trace 1-"),
        ("sdk-disabled", "OTEL_SDK_DISABLED is true"),
        ("sampler-off", "OTEL_TRACES_SAMPLER is always_off"),
        ("collector-not-running", "Connection refused"),
        ("exported-elsewhere", "OTEL_TRACES_EXPORTER is none"),
    ],
)
def test_a_planted_cause_is_named_alone_with_what_was_seen_of_it(cause, evidence, deploy, invoke, why):
    name = deploy(**plant(cause))
    invoke(name)
    status, found = eventually(lambda: why(name), lambda answer: evidence in str(answer[1]["causes"]))
    assert (status, causes(found)) == (1, [cause])
    assert evidence in found["causes"][0]["seen"]
    assert found["not_looked_at"] == []


def test_a_role_that_may_not_send_traces_is_named_first(deploy, invoke, role, why):
    name = deploy(Role=role(may_send=False))
    invoke(name)
    status, found = why(name)
    assert (status, causes(found)[0]) == (1, "role-lacks-permission")
    assert "implicitDeny" in found["causes"][0]["seen"]


def test_a_sampling_rule_that_takes_the_requests_of_the_api_is_named_first(local_aws, deploy, why):
    name = deploy()
    path = api(local_aws, name, traced=True)
    xray = local_aws.client("xray")
    rule = new("none")
    xray.create_sampling_rule(SamplingRule={**ALL, "RuleName": rule, "ServiceName": f"{name}/v1"})
    try:
        assert request(local_aws, path) == 200
        status, found = why(name)
        assert (status, causes(found)) == (1, ["sampled-away"])
        assert f"rule {rule!r} (priority 7, rate 0, reservoir 0)" in found["causes"][0]["seen"]
    finally:
        xray.delete_sampling_rule(RuleName=rule)
    assert request(local_aws, path) == 200
    assert eventually(lambda: why(name), lambda answer: answer[0] == 0)[0] == 0


def test_an_api_without_tracing_in_front_is_worth_a_note(local_aws, deploy, why):
    name = deploy()
    path = api(local_aws, name, traced=False)
    assert request(local_aws, path) == 200
    status, found = eventually(lambda: why(name), lambda answer: answer[0] == 0)
    assert (status, [note["name"] for note in found["notes"]]) == (0, ["untraced-stage"])


def test_a_function_that_nobody_invoked_is_said_to_be_so(deploy, why):
    status, found = why(deploy())
    assert (status, causes(found)) == (1, ["not-invoked"])


def test_a_caller_that_decided_against_a_trace_is_named(deploy, invoke, why):
    name = deploy()
    invoke(name, f"Root=1-{int(time.time()):08x}-{uuid.uuid4().hex[:24]};Sampled=0")
    status, found = why(name)
    assert (status, causes(found)) == (1, ["caller-decides"])


def test_traces_of_before_a_change_do_not_speak_for_what_is_there_now(local_aws, deploy, invoke, why):
    name = deploy()
    invoke(name)
    assert eventually(lambda: why(name), lambda answer: answer[0] == 0)[0] == 0
    time.sleep(1.1)
    broken = {**ADOT, "OTEL_SDK_DISABLED": "true"}
    local_aws.client("lambda").update_function_configuration(FunctionName=name, Environment={"Variables": broken})
    status, found = why(name)
    assert (status, found["newest_trace"]) == (1, None)
    assert "sdk-disabled" in causes(found)


def test_an_exporters_secret_that_is_missing_is_named_although_x_ray_gets_its_traces(local_aws, deploy, invoke, why):
    secret = new("key")
    exporter = {"name": "honeycomb", "signals": ["traces"], "endpoint": "https://api.honeycomb.io", "headers": {}}
    exporter |= {"secrets": {"x-honeycomb-team": {"id": secret, "field": None}}, "timeout_seconds": 2}
    name = deploy({"RAYTRAIL_OTLP_EXPORTERS": json.dumps([exporter])})
    invoke(name)
    status, found = eventually(lambda: why(name), lambda answer: answer[1]["newest_trace"])
    assert (status, causes(found)) == (1, ["secret-missing"])
    assert f"{secret}, for honeycomb" in found["causes"][0]["seen"]
    made = local_aws.client("secretsmanager").create_secret(Name=secret, SecretString="k")
    assert causes(why(name)[1]) == ["secret-not-readable"]
    reading = {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": made["ARN"]}
    role = local_aws.client("lambda").get_function_configuration(FunctionName=name)["Role"].rpartition("/")[2]
    policy = {"RoleName": role, "PolicyName": "secret"}
    iam = local_aws.client("iam")
    iam.put_role_policy(**policy, PolicyDocument=json.dumps({"Statement": [reading]}))
    assert why(name)[0] == 0
    iam.delete_role_policy(**policy)


def test_several_causes_are_named_in_the_order_in_which_a_request_meets_them(deploy, invoke, role, why):
    name = deploy({"OTEL_SDK_DISABLED": "true"}, TracingConfig={"Mode": "PassThrough"}, Role=role(may_send=False))
    invoke(name)
    assert causes(why(name)[1]) == ["active-tracing-off", "sdk-disabled", "role-lacks-permission"]


def test_in_words_each_cause_has_what_was_seen_what_it_means_and_what_to_do(local_aws, deploy, invoke):
    name = deploy(**plant("active-tracing-off"))
    invoke(name)
    said = raytrail("traces", "--why", name, "--endpoint", local_aws.endpoint)
    assert (said.status, said.err) == (1, "")
    headline, arn, since, cause, seen, means, todo = said.out.splitlines()
    assert headline == f"no trace of {name} arrived:"
    assert arn.strip().endswith(f":function:{name}")
    assert since.strip().startswith("since its last change, ")
    assert since.endswith("invoked once")
    assert cause == "1. active tracing is off [active-tracing-off]"
    assert [line.split()[0] for line in (seen, means, todo)] == ["seen", "means", "do"]


# What the caller may not look at


DENIED = "AccessDeniedException"
EVERYTHING = (
    Refusal(service="iam", matching="Action=", code="AccessDenied", message="no"),
    Refusal(service="xray", matching="GetSamplingRules", code=DENIED, message="no"),
    Refusal(service="xray", matching="TraceSummaries|Traces", code=DENIED, message="no"),
    Refusal(service="xray", matching="TraceSegmentDestination", code=DENIED, message="no"),
    Refusal(service="logs", matching="FilterLogEvents", code=DENIED, message="no"),
    Refusal(service="monitoring", matching="GetMetricStatistics", code="AccessDenied", message="no"),
    Refusal(service="lambda", matching="/policy", code=DENIED, message="no"),
)


def test_what_the_caller_may_not_look_at_is_said_and_the_rest_is_looked_at(local_aws, deploy, invoke, here):
    name = deploy(**plant("active-tracing-off"))
    invoke(name)
    with Gatekeeper(local_aws.endpoint, *EVERYTHING) as gate:
        said = here("traces", "--why", name, "--endpoint", gate.endpoint)
        found = json.loads(here("traces", "--why", name, "--json", "--endpoint", gate.endpoint).out)
    assert (said.status, said.err) == (1, "")
    assert causes(found) == ["active-tracing-off"]
    needed = " ".join(each["reason"] for each in found["not_looked_at"])
    for permission in (
        "iam:SimulatePrincipalPolicy",
        "iam:GetRolePolicy",
        "xray:GetSamplingRules",
        "xray:GetTraceSummaries",
        "xray:GetTraceSegmentDestination",
        "logs:FilterLogEvents",
        "cloudwatch:GetMetricStatistics",
        "lambda:GetPolicy",
    ):
        assert permission in needed
    assert "not looked at: the sampling rules (needs xray:GetSamplingRules)" in said.out


@pytest.mark.parametrize("may_send", [True, False])
def test_without_the_simulator_the_roles_policies_are_read(may_send, local_aws, deploy, invoke, role, here):
    name = deploy(Role=role(may_send=may_send))
    invoke(name)
    refusal = Refusal(service="iam", matching="Action=SimulatePrincipalPolicy", code="AccessDenied", message="no")
    with Gatekeeper(local_aws.endpoint, refusal) as gate:
        found = json.loads(here("traces", "--why", name, "--json", "--endpoint", gate.endpoint).out)
    assert found["not_looked_at"] == []
    assert ("role-lacks-permission" in causes(found)) is not may_send
    if not may_send:
        assert "read from its policies" in found["causes"][0]["seen"]


def test_a_service_that_fails_is_not_the_end_of_the_diagnosis(local_aws, deploy, here):
    broken = Refusal(service="logs", matching="FilterLogEvents", code="InternalFailure", message="oops", status=400)
    with Gatekeeper(local_aws.endpoint, broken) as gate:
        found = json.loads(here("traces", "--why", deploy(), "--json", "--endpoint", gate.endpoint).out)
    assert [each["reason"] for each in found["not_looked_at"]] == ["FilterLogEvents failed: InternalFailure"]
    assert causes(found) == ["not-invoked"]


# What cannot be answered is status 2


def test_a_function_of_another_region_is_found_there(local_aws, deploy, here):
    name = deploy()
    at = ["--endpoint", local_aws.endpoint, "--region", "eu-west-1"]
    said = here("traces", "--why", name, *at)
    assert (said.status, said.out) == (2, "")
    assert f"there is no function {name!r} in Region eu-west-1" in said.err
    assert "there is one in us-east-1: ask there with --region" in said.err
    arn = f"arn:aws:lambda:us-east-1:111122223333:function:{name}"
    assert "the ARN is of us-east-1, and --region says eu-west-1" in here("traces", "--why", arn, *at).err
    said = here("traces", "--why", arn, "--json", "--endpoint", local_aws.endpoint, AWS_REGION="eu-west-1")
    assert json.loads(said.out)["function"] == arn


def test_a_function_that_is_nowhere_is_one_sentence(local_aws, here):
    said = here("traces", "--why", "no-such-function", "--endpoint", local_aws.endpoint)
    assert (said.status, said.out) == (2, "")
    assert len(said.err.splitlines()) == 1
    assert "or in another Region that is on by default" in said.err


def test_an_expired_session_is_the_answer_and_not_a_cause(local_aws, deploy, here, tmp_path):
    (tmp_path / "credentials").write_text(
        "[work]\naws_access_key_id = ASIAQQQQQQQQQQQQWXYZ\naws_secret_access_key = s\naws_session_token = t\n",
        encoding="utf-8",
    )
    expired = Refusal(service="lambda", matching="configuration", code="ExpiredTokenException", message="expired")
    with Gatekeeper(local_aws.endpoint, expired) as gate:
        at = ["--endpoint", gate.endpoint, "--profile", "work", "--region", "us-east-1"]
        said = here("traces", "--why", deploy(), *at, AWS_SHARED_CREDENTIALS_FILE=str(tmp_path / "credentials"))
    assert (said.status, said.out) == (2, "")
    assert "has expired (ExpiredTokenException)" in said.err


# What the API in front needs

ALL = {
    "Priority": 7,
    "FixedRate": 0,
    "ReservoirSize": 0,
    "ServiceName": "*",
    "ServiceType": "*",
    "Host": "*",
    "HTTPMethod": "*",
    "URLPath": "*",
    "ResourceARN": "*",
    "Version": 1,
}


def api(aws: LocalAws, function: str, *, traced: bool) -> str:
    """A REST API of the function's name in front of it: its URL on the embedded AWS."""
    gateway, client = aws.client("apigateway"), aws.client("lambda")
    id = gateway.create_rest_api(name=function)["id"]
    root = gateway.get_resources(restApiId=id)["items"][0]["id"]
    method = {"restApiId": id, "resourceId": root, "httpMethod": "GET"}
    gateway.put_method(**method, authorizationType="NONE")
    target = client.get_function_configuration(FunctionName=function)["FunctionArn"]
    uri = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{target}/invocations"
    gateway.put_integration(**method, type="AWS_PROXY", integrationHttpMethod="POST", uri=uri)
    deployment = gateway.create_deployment(restApiId=id)["id"]
    gateway.create_stage(restApiId=id, stageName="v1", deploymentId=deployment, tracingEnabled=traced)
    client.add_permission(
        FunctionName=function,
        StatementId="api",
        Action="lambda:InvokeFunction",
        Principal="apigateway.amazonaws.com",
        SourceArn=f"arn:aws:execute-api:us-east-1:111122223333:{id}/*/GET/",
    )
    return f"{aws.endpoint}/restapis/{id}/v1/_user_request_/"


def request(aws: LocalAws, url: str) -> int:
    with urllib.request.urlopen(url) as answer:
        status: int = answer.status
        return status
