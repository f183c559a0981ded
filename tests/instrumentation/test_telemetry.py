"""What goes together, in which language, and what a function finds in its environment."""

from __future__ import annotations

from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raytrail.errors import InvalidProps
from raytrail.instrumentation import CloudWatchMetrics, Honeycomb, Otlp, Prometheus, Rollbar, SecretField, XRay
from raytrail.instrumentation._model_environment import check_size, runtime_variables, variables
from raytrail.instrumentation._model_telemetry import Telemetry

EMF = CloudWatchMetrics(namespace="Shop")
OTLP = Otlp(endpoint="https://otlp.example.com", headers={"x-dataset": "a b"})
HIVE = Honeycomb(api_key_secret="hive")
PROMETHEUS = Prometheus.self_hosted(endpoint="http://prometheus.internal:9090/api/v1/write")


def telemetry(*exporters, language="python", **changes):
    return Telemetry(**{"language": language, "service_name": "orders", "exporters": exporters or (XRay(),), **changes})


def exported(*exporters, language="python"):
    made = variables(telemetry(*exporters, language=language))
    return made.get("OTEL_TRACES_EXPORTER"), made.get("OTEL_METRICS_EXPORTER")


def test_to_x_ray_alone_the_layer_needs_to_be_told_little():
    assert variables(telemetry()) == {
        "OTEL_SERVICE_NAME": "orders",
        "OTEL_AWS_APPLICATION_SIGNALS_ENABLED": "false",
        "OTEL_PROPAGATORS": "baggage,tracecontext,xray",
        "OTEL_PYTHON_DISTRO": "aws_distro",
        "OTEL_PYTHON_CONFIGURATOR": "aws_configurator",
    }


def test_exporters_are_named_as_the_layer_knows_them():
    assert exported(XRay(), EMF) == (None, "awsemf")
    assert exported(XRay(), HIVE) == ("otlp_proto_http,raytrail_otlp", "raytrail_otlp")
    assert exported(HIVE) == ("raytrail_otlp", "raytrail_otlp")
    assert exported(EMF) == ("none", "awsemf")
    assert exported(XRay(), OTLP, EMF) == ("otlp_proto_http,raytrail_otlp", "awsemf,raytrail_otlp")
    assert exported(XRay(), PROMETHEUS) == (None, "raytrail_otlp")


def test_prometheus_gets_totals_from_a_collector_on_this_machine():
    value = telemetry(XRay(), PROMETHEUS)
    assert variables(value)["OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"] == "cumulative"
    [entry] = runtime_variables(value, str)["RAYTRAIL_OTLP_EXPORTERS"]
    assert (entry["endpoint"], entry["signals"]) == ("http://localhost:4318", ["metrics"])


def test_without_x_ray_a_trace_is_carried_on_by_what_partners_know():
    assert variables(telemetry(OTLP))["OTEL_PROPAGATORS"] == "tracecontext,baggage"


@pytest.mark.parametrize("language", ["python", "nodejs", "java"])
def test_with_x_ray_lambdas_trace_wins_over_that_of_a_client(language):
    assert variables(telemetry(language=language))["OTEL_PROPAGATORS"].endswith(",tracecontext,xray")
    own = telemetry(language=language, propagators=("b3", "xray", "baggage"))
    assert variables(own)["OTEL_PROPAGATORS"] == "b3,xray,baggage"
    # Where X-Ray has no part, any order will do.
    assert telemetry(OTLP, language=language, propagators=("xray", "tracecontext")).propagators


def test_the_layer_for_net_keeps_its_own_propagators():
    assert "OTEL_PROPAGATORS" not in variables(telemetry(language="dotnet"))


@given(st.text(min_size=1))
def test_the_value_of_a_resource_attribute_survives_its_encoding(value):
    attributes = variables(telemetry(resource_attributes={"team.name": value}))["OTEL_RESOURCE_ATTRIBUTES"]
    assert attributes.count(",") == 0
    name, _, encoded = attributes.partition("=")
    assert (name, unquote(encoded)) == ("team.name", value)


def test_libraries_are_turned_on_by_leaving_them_out_of_what_is_off():
    off = variables(telemetry(instrumentations=("sqlite3",)))["OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"].split(",")
    assert "sqlite3" not in off
    assert {"redis", "logging"} <= set(off)
    made = variables(telemetry(log_correlation=True))
    assert "logging" not in made["OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"].split(",")
    assert made["OTEL_PYTHON_LOG_CORRELATION"] == "true"


def test_the_runtime_layer_learns_where_keys_are_and_never_what_they_are():
    value = telemetry(
        XRay(),
        Otlp(endpoint="https://otlp.example.com", header_secrets={"api-key": SecretField(secret="all", field="otlp")}),
        errors=Rollbar(access_token_secret="rollbar", environment="test"),
    )
    made = runtime_variables(value, lambda key: f"<{key.secret}>")
    [entry] = made["RAYTRAIL_OTLP_EXPORTERS"]
    assert entry["secrets"] == {"api-key": {"id": "<all>", "field": "otlp"}}
    assert made["RAYTRAIL_ROLLBAR"]["token"] == {"id": "<rollbar>", "field": None}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        (
            {"exporters": ()},
            "exporters say where traces and metrics go, got none; to turn tracing off use",
        ),
        ({"exporters": (XRay(), XRay())}, "exporter XRay is given twice"),
        ({"service_name": " "}, "service_name is what traces call the service, got none"),
        (
            {"instrumentations": ("sqllite",)},
            "'sqllite' is no instrumentation of the ADOT Python layer; it is one of",
        ),
        ({"instrumentations": ("redis", "redis")}, "is given twice in redis, redis"),
        ({"propagators": ("tracecontext",)}, "propagators lack xray, got tracecontext"),
        (
            {"propagators": ("xray", "tracecontext", "b3")},
            "propagators have tracecontext and b3 after xray, and the last one that finds a trace wins: a client's "
            "header would take the function's spans out of the trace that Lambda has begun; give tracecontext,b3,xray",
        ),
        ({"propagators": ("zipkin",)}, "'zipkin' is no propagator; it is one of xray"),
        ({"resource_detectors": ("aws_ec2",)}, "'aws_ec2' is no resource detector"),
        ({"resource_attributes": {"a b": "c"}}, "a resource attribute's name is as team.name, got 'a b'"),
        (
            {"resource_attributes": {"team.api_key": "0123456789abcdef0123456789abcdef"}},
            "resource attribute 'team.api_key' holds a key of 32 hexadecimal digits",
        ),
        ({"resource_attributes": {"team": "hcaik_01hq9e8ba1q2k3nq7m5w3h0"}}, "'team' holds a key of Honeycomb"),
        ({"resource_attributes": {"team": "Bearer abc"}}, "'team' holds the value of an authorization header"),
        ({"resource_attributes": {"team": "-----BEGIN PRIVATE KEY-----"}}, "'team' holds a private key"),
        ({"resource_attributes": {"team": "{{resolve:secretsmanager:a}}"}}, "'team' holds a reference that"),
        (
            {"resource_attributes": {"vcs": "https://me:secret@example.com/a"}},
            "'vcs' holds a URL with a password in it",
        ),
        ({"resource_attributes": {"service.name": "c"}}, "service.name is given as service_name"),
        ({"exporters": (XRay(), EMF), "fast_start": True}, "leave out CloudWatchMetrics, or fast_start"),
    ],
)
def test_what_cannot_be_is_refused(changes, why):
    with pytest.raises(InvalidProps) as refused:
        Telemetry(**{"language": "python", "service_name": "orders", "exporters": (XRay(),), **changes})
    assert why in str(refused.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("build.id", "0af7651916cd43dd8448eb211c80319c"),
        ("vcs.author.id", "0af7651916cd43dd8448eb211c80319c"),
        ("vcs.repository.url.full", "ssh://git@github.com/acme/orders.git"),
        ("vcs.repository.url.full", "https://example.com:8443/@acme/orders"),
        ("team", "access=internal"),
    ],
)
def test_a_resource_attribute_that_may_be_anything_is_no_key(name, value):
    made = variables(telemetry(resource_attributes={name: value}))["OTEL_RESOURCE_ATTRIBUTES"]
    assert unquote(made) == f"{name}={value}"


def test_other_languages_speak_otlp_by_the_variables_of_every_sdk():
    made = variables(telemetry(OTLP, language="java"))
    assert made["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] == "https://otlp.example.com/v1/traces"
    assert made["OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"] == "https://otlp.example.com/v1/metrics"
    assert made["OTEL_EXPORTER_OTLP_TRACES_HEADERS"] == "x-dataset=a%20b"
    assert made["OTEL_EXPORTER_OTLP_TRACES_TIMEOUT"] == "2000"
    assert (made["OTEL_TRACES_EXPORTER"], made["OTEL_METRICS_EXPORTER"]) == ("otlp", "otlp")
    assert "OTEL_PYTHON_DISTRO" not in made


def test_other_languages_send_metrics_where_they_can():
    assert exported(XRay(), EMF, language="nodejs") == (None, "awsemf")
    made = variables(telemetry(XRay(), PROMETHEUS, language="dotnet"))
    assert made["OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"] == "http://localhost:4318/v1/metrics"
    assert "OTEL_TRACES_EXPORTER" not in made


def test_libraries_and_a_fast_start_have_other_names_in_other_languages():
    node = variables(telemetry(language="nodejs", instrumentations=("pg", "mysql2"), fast_start=True))
    assert node["OTEL_NODE_ENABLED_INSTRUMENTATIONS"] == "aws-sdk,pg,mysql2"
    assert node["OTEL_AWS_LAMBDA_FAST_START"] == "true"
    java = variables(telemetry(language="java", instrumentations=("spring-webmvc",), fast_start=True))
    assert java["OTEL_INSTRUMENTATION_SPRING_WEBMVC_ENABLED"] == "true"
    assert java["OTEL_JAVA_AGENT_FAST_STARTUP_ENABLED"] == "true"


@pytest.mark.parametrize(
    ("language", "changes", "why"),
    [
        ("nodejs", {"exporters": (XRay(), HIVE)}, "the Node.js layer takes the key of an exporter from an environment"),
        ("java", {"exporters": (XRay(), OTLP)}, "the Java layer sends traces to one place, got XRay and Otlp"),
        ("dotnet", {"exporters": (XRay(), EMF)}, "AWS documents no EMF exporter for the .NET layer"),
        ("nodejs", {"log_correlation": True}, "are for the Python layer, not for Node.js's"),
        ("dotnet", {"fast_start": True}, "the .NET layer turns on all that it has, and has no fast_start"),
        ("java", {"instrumentations": ("Spring MVC",)}, "an instrumentation is named as OpenTelemetry's documentation"),
        (
            "java",
            {"errors": Rollbar(access_token_secret="rollbar", environment="test")},
            "errors go to Rollbar from Python alone; in Java use Rollbar's package in the code",
        ),
    ],
)
def test_what_a_language_cannot_is_refused_with_what_to_do(language, changes, why):
    with pytest.raises(InvalidProps) as refused:
        Telemetry(**{"language": language, "service_name": "orders", "exporters": (XRay(),), **changes})
    assert why in str(refused.value)


def test_more_than_lambda_takes_is_refused():
    # Lambda measures the text of JSON: {"A":"…"}.
    check_size({"A": "x" * 4088}, "here")
    for much in ("x" * 4089, "é" * 2045, '"' * 2045):
        with pytest.raises(InvalidProps, match=r"^the environment of here takes at most 4096 bytes, and telemetry"):
            check_size({"A": much}, "here")


BAR = Rollbar(access_token_secret="rollbar", environment="test", timeout_seconds=3)
TRACES = Otlp(endpoint="https://a.example.com", signals=["traces"], timeout_seconds=1)
METRICS = Otlp(endpoint="https://b.example.com", signals=["metrics"], timeout_seconds=4)


@pytest.mark.parametrize(
    ("exporters", "errors", "seconds"),
    [
        ((XRay(), EMF), None, 0),
        ((OTLP,), None, 2),
        # Traces are waited for first, and metrics then.
        ((TRACES, METRICS), None, 5),
        # Both signals of one endpoint share its time, and its key.
        ((HIVE,), None, 4),
        ((XRay(), HIVE, PROMETHEUS), None, 6),
        # Two endpoints of one signal may fall silent in two batches.
        ((OTLP, HIVE), None, 6),
        ((Otlp(endpoint="https://a.example.com", header_secrets={"x-key": "a"}), TRACES), None, 4),
        ((XRay(),), BAR, 6),
        ((XRay(), HIVE), BAR, 10),
    ],
)
def test_a_request_waits_for_each_endpoint_each_key_and_rollbar(exporters, errors, seconds):
    assert telemetry(*exporters, errors=errors).longest_wait_seconds == seconds


def test_how_long_other_languages_wait_is_their_own_affair():
    assert telemetry(OTLP, language="java").longest_wait_seconds == 0
