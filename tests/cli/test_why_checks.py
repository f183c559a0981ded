"""The checks of ``--why`` over facts alone: each cause, and its twin that is in order."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from raytrail._lambda_layers import LAYER_OF, RUNTIMES, WRAPPERS, otel_layers
from raytrail.cli._why._diagnosis import CHECKS, SAID_BY, diagnose
from raytrail.cli._why._policies import allows
from raytrail.cli._why._seen import FunctionSeen, RoleSeen, RuleSeen, SecretSeen, StageSeen, TracesSeen

LAYER = "arn:aws:lambda:us-east-1:615299751070:layer:AWSOpenTelemetryDistroPython:29"
COLLECTOR = "arn:aws:lambda:us-east-1:901920570463:layer:aws-otel-collector-amd64-ver-0-117-0:1"
OLDER = "arn:aws:lambda:us-east-1:901920570463:layer:aws-otel-python-arm64-ver-1-32-0:2"
WRAPPER = {"AWS_LAMBDA_EXEC_WRAPPER": WRAPPERS[0]}
TRACE = "1-6b037081-e1eadf41db3baff494dc8dd3"
ROLE = "arn:aws:iam::111122223333:role/orders"
STAGE = StageSeen(name="shop/v1", arn="arn:aws:apigateway:us-east-1::/restapis/a1/stages/v1", traced=True)
DEFAULT_RULE = RuleSeen(name="Default", priority=10_000, rate=0.05, reservoir=1)
HEALTH_RULE = RuleSeen(name="health", priority=100, rate=0, reservoir=0, path="*/health*")
LAMBDA_ALONE = TracesSeen(count=1, lambdas=TRACE)
WHOLE = TracesSeen(count=3, lambdas=TRACE, spans=TRACE, together=TRACE)
NOTHING = TracesSeen()

ORDERS = FunctionSeen(
    name="orders",
    arn="arn:aws:lambda:us-east-1:111122223333:function:orders",
    region="us-east-1",
    since=datetime(2026, 11, 22, 10, tzinfo=UTC),
    until=datetime(2026, 11, 22, 11, tzinfo=UTC),
    runtime="python3.13",
    layers=(LAYER,),
    variables=WRAPPER,
    invocations=3,
    role=RoleSeen(arn=ROLE, may_put_segments=True, how="IAM's simulator: allowed"),
    rules=(DEFAULT_RULE,),
    stages=(STAGE,),
    indexed_percent=-1,
    log_lines=(),
    traces=NOTHING,
)
"""A function whose every setting is in order, and which has no trace."""


def orders(variables: dict[str, str] | None = None, **facts: Any) -> FunctionSeen:
    return replace(ORDERS, variables={**WRAPPER, **(variables or {})}, **facts)


def causes(seen: FunctionSeen) -> list[str]:
    return [finding.name for finding in diagnose(seen).causes]


def test_whole_traces_are_the_answer_and_nothing_is_blamed():
    diagnosis = diagnose(orders(traces=WHOLE))
    assert (diagnosis.status, diagnosis.causes, diagnosis.notes) == (0, (), ())
    assert diagnosis.headline == f"traces of orders arrive: 3 traces, the newest {TRACE}"


@pytest.mark.parametrize(
    ("cause", "seen"),
    [
        ("active-tracing-off", orders(active=False)),
        ("wrapper-without-layer", orders(layers=())),
        ("wrapper-without-layer", orders(layers=(COLLECTOR,), traces=LAMBDA_ALONE)),
        ("layer-without-wrapper", replace(ORDERS, variables={}, traces=LAMBDA_ALONE)),
        (
            "layer-without-wrapper",
            orders({"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/own"}, traces=LAMBDA_ALONE),
        ),
        ("layer-of-another-language", orders(layers=(LAYER.replace("Python", "Js"),))),
        ("layer-of-another-region", orders(layers=(LAYER.replace("us-east-1", "eu-west-1"),))),
        ("layer-of-another-architecture", orders(layers=(OLDER,), traces=LAMBDA_ALONE)),
        ("unsupported-runtime", orders(runtime="python3.8", traces=LAMBDA_ALONE)),
        ("unsupported-runtime", orders(runtime="provided.al2023", layers=())),
        ("image-function", orders(runtime="", image=True, layers=(), traces=LAMBDA_ALONE)),
        ("sdk-disabled", orders({"OTEL_SDK_DISABLED": "TRUE"}, traces=LAMBDA_ALONE)),
        ("distro-unset", orders({"OTEL_AWS_APPLICATION_SIGNALS_ENABLED": "false"}, traces=LAMBDA_ALONE)),
        ("propagator-missing", orders({"OTEL_PROPAGATORS": "tracecontext,baggage"}, traces=LAMBDA_ALONE)),
        (
            "propagator-missing",
            orders({"OTEL_PROPAGATORS": "b3"}, traces=TracesSeen(count=2, lambdas=TRACE, spans="1-a-b")),
        ),
        ("sampler-off", orders({"OTEL_TRACES_SAMPLER": "always_off"}, traces=LAMBDA_ALONE)),
        (
            "sampler-off",
            orders({"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.0"}, traces=LAMBDA_ALONE),
        ),
        ("exported-elsewhere", orders({"OTEL_TRACES_EXPORTER": "none"}, traces=LAMBDA_ALONE)),
        ("exported-elsewhere", orders({"OTEL_TRACES_EXPORTER": "raytrail_otlp"}, traces=LAMBDA_ALONE)),
        (
            "collector-not-running",
            orders({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://localhost:4318/v1/traces"}, traces=LAMBDA_ALONE),
        ),
        (
            "endpoint-elsewhere",
            orders({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://api.honeycomb.io/v1/traces"}, traces=LAMBDA_ALONE),
        ),
        (
            "otlp-endpoint-refuses",
            orders(
                {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://xray.us-east-1.amazonaws.com/v1/traces"},
                traces=LAMBDA_ALONE,
            ),
        ),
        ("role-lacks-permission", orders(role=RoleSeen(arn=ROLE, may_put_segments=False, how="implicitDeny"))),
        ("role-missing", orders(role=RoleSeen(arn=ROLE, exists=False))),
        ("secret-missing", orders(secrets=(SecretSeen(id="key", used_by="honeycomb", state="missing"),), traces=WHOLE)),
        ("secret-missing", orders(secrets=(SecretSeen(id="key", used_by="honeycomb", state="deleted"),), traces=WHOLE)),
        (
            "secret-not-readable",
            orders(secrets=(SecretSeen(id="key", used_by="rollbar", state="found", may_read=False),), traces=WHOLE),
        ),
        ("start-failed", orders(log_lines=("Failed to auto initialize OpenTelemetry",), traces=LAMBDA_ALONE)),
        ("export-failed", orders(log_lines=("Failed to export span batch code: 401",), traces=LAMBDA_ALONE)),
        ("export-failed", orders(log_lines=("WARN raytrail traces were not taken by honeycomb: 401",))),
        ("sampled-away", orders(rules=(RuleSeen(name="quiet", priority=5, rate=0, reservoir=0), DEFAULT_RULE))),
        ("not-invoked", orders(invocations=0)),
        ("caller-decides", orders()),
        ("transaction-search", orders(indexed_percent=1.0)),
        (
            "legacy-sdk",
            replace(ORDERS, layers=(), variables={"AWS_XRAY_SDK_ENABLED": "false"}, traces=LAMBDA_ALONE),
        ),
    ],
)
def test_each_cause_is_named_first(cause: str, seen: FunctionSeen):
    diagnosis = diagnose(seen)
    assert causes(seen)[0] == cause
    assert diagnosis.status == 1
    for finding in diagnosis.causes:
        assert finding.seen
        assert finding.means
        assert finding.todo


@pytest.mark.parametrize(
    "seen",
    [
        # A caller's trace goes on through a function that passes it on.
        orders(active=False, traces=TracesSeen(count=1, spans=TRACE)),
        # AWS's older Python layer has its own collector, and its wrapper has the same name.
        orders(
            {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://localhost:4318"},
            layers=(OLDER,),
            architecture="arm64",
            traces=WHOLE,
        ),
        orders({"OTEL_PROPAGATORS": "tracecontext,xray"}, traces=WHOLE),
        orders({"OTEL_TRACES_SAMPLER": "parentbased_always_off"}, traces=WHOLE),
        orders(indexed_percent=1.0, traces=TracesSeen(count=1, logged=TRACE)),
        orders(secrets=(SecretSeen(id="key", used_by="honeycomb", state="found", may_read=True),), traces=WHOLE),
    ],
)
def test_what_works_is_not_blamed(seen: FunctionSeen):
    assert causes(seen) == []
    assert diagnose(seen).status == 0


def test_lambdas_own_segments_are_not_enough_where_the_code_was_to_be_traced():
    diagnosis = diagnose(orders(traces=LAMBDA_ALONE))
    assert diagnosis.status == 1
    assert diagnosis.headline == f"Lambda's own segments arrive for orders (newest: {TRACE}), and no span of its code:"


def test_lambdas_own_segments_are_enough_where_nobody_instrumented_the_code():
    diagnosis = diagnose(replace(ORDERS, layers=(), variables={}, traces=LAMBDA_ALONE))
    assert diagnosis.status == 0
    assert [note.name for note in diagnosis.notes] == ["not-instrumented"]


def test_a_role_that_lost_its_permission_is_named_although_traces_arrived_before():
    diagnosis = diagnose(orders(role=RoleSeen(arn=ROLE, may_put_segments=False), traces=WHOLE))
    assert (diagnosis.status, [cause.name for cause in diagnosis.causes]) == (1, ["role-lacks-permission"])
    assert diagnosis.headline.endswith(f"the newest {TRACE}), but:")


def test_where_x_ray_is_not_meant_to_get_the_spans_that_is_the_answer():
    elsewhere = {"OTEL_TRACES_EXPORTER": "raytrail_otlp", "OTEL_PROPAGATORS": "tracecontext,baggage"}
    assert causes(orders(elsewhere, active=False)) == ["exported-elsewhere", "active-tracing-off"]


def test_a_failed_export_is_no_cause_where_x_ray_has_the_spans():
    diagnosis = diagnose(orders(log_lines=("WARN raytrail traces were not sent to honeycomb: 401",), traces=WHOLE))
    assert (diagnosis.status, diagnosis.causes) == (0, ())
    assert [note.name for note in diagnosis.notes] == ["export-failed"]
    assert diagnose(orders(log_lines=("exported 3 rows",), traces=WHOLE)).notes == ()


def test_the_sign_of_a_cause_is_left_out_beside_the_cause():
    log = ("/opt/otel-instrument: does not exist", "Error: Runtime exited with error: exit status 127")
    assert causes(orders(layers=(), log_lines=log, traces=LAMBDA_ALONE)) == ["wrapper-without-layer"]
    endpoint = {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://localhost:4318/v1/traces"}
    log = ("Transient error ... Connection refused ... encountered while exporting span batch",)
    (found,) = diagnose(orders(endpoint, log_lines=log, traces=LAMBDA_ALONE)).causes
    assert found.name == "collector-not-running"
    assert log[0] in found.seen


def test_settings_of_exporters_mean_nothing_to_the_small_sdk_of_a_fast_start():
    for name in ("OTEL_AWS_LAMBDA_FAST_START", "AWS_LAMBDA_LITE_MODE"):
        fast = {
            name: "true",
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://localhost:4318",
            "OTEL_TRACES_EXPORTER": "none",
        }
        assert causes(orders(fast, traces=LAMBDA_ALONE)) == []


def test_a_layer_of_somebodys_own_may_hold_the_wrapper():
    own = "arn:aws:lambda:us-east-1:111122223333:layer:our-tracing:4"
    assert "wrapper-without-layer" not in causes(orders(layers=(own,), traces=LAMBDA_ALONE))
    log = ("/opt/otel-instrument: does not exist",)
    assert causes(orders(layers=(own,), log_lines=log, traces=LAMBDA_ALONE)) == ["wrapper-without-layer"]


@pytest.mark.parametrize(
    ("rules", "blamed"),
    [
        # The first rule that takes every request decides.
        (
            (
                RuleSeen(name="all", priority=1, rate=1, reservoir=1),
                RuleSeen(name="off", priority=2, rate=0, reservoir=0),
            ),
            None,
        ),
        ((RuleSeen(name="other", priority=1, rate=0, reservoir=0, service_name="other/*"), DEFAULT_RULE), None),
        ((RuleSeen(name="off", priority=1, rate=0, reservoir=0, service_name="SHOP/v?"), DEFAULT_RULE), "off"),
        (
            (RuleSeen(name="hosts", priority=1, rate=0, reservoir=0, service_type="AWS::EC2::Instance"), DEFAULT_RULE),
            None,
        ),
        ((RuleSeen(name="some", priority=1, rate=0, reservoir=1), DEFAULT_RULE), None),
        # One for a part of the requests leaves the others to those after it.
        ((replace(HEALTH_RULE, priority=1), RuleSeen(name="off", priority=2, rate=0, reservoir=0)), "off"),
        (
            (
                RuleSeen(name="part", priority=1, rate=1, reservoir=1, path="/checkout*"),
                RuleSeen(name="off", priority=2, rate=0, reservoir=0),
            ),
            "off",
        ),
        ((HEALTH_RULE, DEFAULT_RULE), None),
    ],
)
def test_a_sampling_rule_is_blamed_only_when_it_takes_the_stages_requests(rules, blamed):
    found = {finding.name: finding for finding in diagnose(orders(rules=rules)).causes}
    assert ("sampled-away" in found) == (blamed is not None)
    if blamed:
        assert f"rule {blamed!r}" in found["sampled-away"].seen
        # A narrower rule before it may have taken some, and sampled them.
        assert found["sampled-away"].means.endswith("no request that reaches the rule is traced")
    # Without a traced stage in front no rule has a say: Lambda asks none.
    assert "sampled-away" not in causes(orders(rules=rules, stages=(replace(STAGE, traced=False),)))


@pytest.mark.parametrize(
    ("narrowed", "words"),
    [
        ({}, "for path */health*"),
        ({"path": "*", "method": "POST"}, "for method POST"),
        ({"path": "*", "host": "old.example.com"}, "for host old.example.com"),
        ({"path": "*", "attributes": {"user-agent": "probe*"}}, "for header user-agent: probe*"),
    ],
)
def test_a_sampling_rule_for_some_requests_is_a_note_and_hides_no_cause(narrowed: dict[str, Any], words: str):
    rules = (replace(HEALTH_RULE, **narrowed), DEFAULT_RULE)
    for seen, cause in ((orders(rules=rules), "caller-decides"), (orders(rules=rules, invocations=0), "not-invoked")):
        diagnosis = diagnose(seen)
        assert [finding.name for finding in diagnosis.causes] == [cause]
        (note,) = diagnosis.notes
        assert note.name == "sampled-away-in-part"
        assert note.seen == f"rule 'health' (priority 100, rate 0, reservoir 0) fits the stage shop/v1 {words}"
    assert diagnose(orders(rules=rules, traces=WHOLE)).notes == ()


APART = TracesSeen(count=2, lambdas=TRACE, spans="1-6b037081-bbbbbbbbbbbbbbbbbbbbbbbb")
FAST = {"OTEL_AWS_LAMBDA_FAST_START": "true"}


@pytest.mark.parametrize(
    ("seen", "order"),
    [
        (orders(traces=APART), "baggage,tracecontext,xray"),
        (orders({"OTEL_PROPAGATORS": "xray,b3"}, traces=APART), "b3,xray"),
        (orders({"OTEL_PROPAGATORS": "xray, tracecontext"}, runtime="nodejs22.x", traces=APART), "tracecontext,xray"),
        (orders({"OTEL_PROPAGATORS": "tracecontext,xray", **FAST}, traces=APART), "baggage,tracecontext,xray"),
    ],
)
def test_a_clients_header_that_wins_over_lambdas_is_a_cause_where_spans_are_apart(seen: FunctionSeen, order: str):
    found = {finding.name: finding for finding in diagnose(seen).causes}["propagator-overridden"]
    assert f"set OTEL_PROPAGATORS to {order} " in found.todo
    assert ("without the fast start" in found.todo) == (seen.variable("OTEL_AWS_LAMBDA_FAST_START") == "true")
    assert APART.spans is not None
    assert APART.spans in found.seen
    # A client that decided against sampling leaves no span that would prove it.
    alone = diagnose(replace(seen, traces=LAMBDA_ALONE))
    assert "propagator-overridden" in [note.name for note in alone.notes]
    assert "propagator-overridden" not in [cause.name for cause in alone.causes]


@pytest.mark.parametrize(
    "seen",
    [
        orders({"OTEL_PROPAGATORS": "baggage,tracecontext,xray"}, traces=APART),
        orders(traces=WHOLE),
        orders(traces=NOTHING),
        replace(ORDERS, variables={}, traces=APART),
        # The layer for Node.js reads X-Ray's header last unless told otherwise.
        orders(runtime="nodejs22.x", traces=APART),
    ],
)
def test_propagators_that_are_in_order_or_did_no_harm_are_not_spoken_of(seen: FunctionSeen):
    diagnosis = diagnose(seen)
    assert "propagator-overridden" not in [finding.name for finding in (*diagnosis.causes, *diagnosis.notes)]


def test_what_could_not_be_looked_at_is_not_blamed():
    blind = replace(
        ORDERS, variables=None, role=None, rules=None, stages=None, indexed_percent=None, invocations=None, traces=None
    )
    diagnosis = diagnose(replace(blind, log_lines=None))
    assert diagnosis.causes == ()
    assert diagnosis.status == 1
    assert diagnosis.headline == "whether traces of orders arrive could not be looked at:"


def test_names_of_findings_that_hide_others_are_names_of_checks():
    # A renamed check must not bring its echo back unseen.
    every = {finding.name for seen in _one_of_each() for finding in (*diagnose(seen).causes, *diagnose(seen).notes)}
    assert set().union(*SAID_BY.values()) <= every
    assert len(CHECKS) == len(set(CHECKS))


def _one_of_each() -> list[FunctionSeen]:
    endpoints = (
        "http://localhost:4318",
        "https://otlp.example.com",
        "https://xray.us-east-1.amazonaws.com/v1/traces",
    )
    return [
        orders(layers=()),
        orders(layers=(LAYER.replace("Python", "Js"),)),
        orders({"OTEL_TRACES_EXPORTER": "none"}),
        orders({"OTEL_AWS_APPLICATION_SIGNALS_ENABLED": "false"}),
        orders(rules=(RuleSeen(name="off", priority=1, rate=0, reservoir=0),)),
        *(orders({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": endpoint}) for endpoint in endpoints),
    ]


# Knowledge held against the room that deploys it


def test_the_layers_known_here_are_those_that_instrument_lambda_adds():
    from raytrail.instrumentation import adot_layer_arn, collector_layer_arn
    from raytrail.instrumentation._model_layers import LANGUAGES

    for language in LANGUAGES:
        (layer,) = otel_layers((adot_layer_arn(language, "eu-west-1"),))
        assert (layer.name, layer.language, layer.region) == (LAYER_OF[language], language, "eu-west-1")
        assert not layer.collector
    (collector,) = otel_layers((collector_layer_arn("arm64", "eu-west-1"),))
    assert (collector.language, collector.collector, collector.architecture) == ("", True, "arm64")


def test_the_runtimes_known_here_are_those_that_the_room_documents():
    from raytrail.instrumentation._model_layers import LANGUAGES, documented_runtimes

    assert {language: documented_runtimes(language) for language in LANGUAGES} == RUNTIMES


# Policies, for callers who may not ask the simulator


def statement(effect: str = "Allow", action: Any = "xray:PutTraceSegments", **more: Any) -> dict[str, Any]:
    return {"Statement": {"Effect": effect, "Action": action, "Resource": "*", **more}}


@pytest.mark.parametrize(
    ("documents", "allowed"),
    [
        ([], False),
        ([statement()], True),
        ([statement(action=["logs:*", "XRAY:Put*"])], True),
        ([statement(action="*")], True),
        ([statement(action="xray:Get*")], False),
        ([statement(Resource="arn:aws:s3:::bucket")], False),
        ([statement(), statement("Deny", "xray:*")], False),
        ([statement(), statement("Deny", "xray:*", Condition={"Bool": {"aws:SecureTransport": "false"}})], True),
        ([{"Statement": [{"Effect": "Allow", "NotAction": "iam:*", "Resource": ["*"]}]}], True),
        ([{"Statement": [{"Effect": "Deny", "NotAction": "iam:*", "Resource": "*"}]}, statement()], False),
    ],
)
def test_policies_are_read_as_iam_reads_them(documents, allowed):
    assert allows(documents, "xray:PutTraceSegments") is allowed
