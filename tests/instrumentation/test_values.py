"""Exporters, errors and keys as plain values."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from raytrail.errors import InvalidProps
from raytrail.instrumentation import CloudWatchMetrics, Honeycomb, Otlp, Prometheus, Rollbar, SecretField

HERE = "https://otlp.example.com"


@pytest.mark.parametrize(
    ("endpoint", "why"),
    [
        ("otlp.example.com", "is a URL as https://otlp.example.com, got 'otlp.example.com'"),
        ("grpc://otlp.example.com:4317", "is a URL as"),
        ("https://", "is a URL as"),
        ("https://otlp.example.com:port", "is a URL as"),
        ("https://me:secret@otlp.example.com", "has no user, query or fragment, got 'otlp.example.com' with one"),
        ("https://otlp.example.com?key=1", "has no user, query or fragment"),
        ("https://:secret@otlp.example.com", "has no user, query or fragment"),
        ("me:secret@otlp.example.com", "is a URL as https://otlp.example.com, got another text"),
    ],
)
def test_an_endpoint_is_a_url_that_carries_no_key(endpoint, why):
    with pytest.raises(InvalidProps) as refused:
        Otlp(endpoint=endpoint)
    assert why in str(refused.value)
    assert "secret" not in str(refused.value)


def test_an_endpoint_is_a_base():
    assert Otlp(endpoint=f"{HERE}/").endpoint == HERE
    assert Otlp(endpoint=HERE).name == "otlp.example.com"
    assert Otlp(endpoint=f"{HERE}/v1/traces-of-mine").endpoint == f"{HERE}/v1/traces-of-mine"


@pytest.mark.parametrize(
    ("endpoint", "why"),
    [
        (f"{HERE}/v1/traces", "is the base URL, to which the signal's path is added; leave out /v1/traces at its end"),
        (f"{HERE}/otlp/v1/metrics/", "leave out /v1/metrics at its end"),
        ("https://${Token[TOKEN.7]}/v1/logs", "leave out /v1/logs at its end"),
        ("https://xray.eu-west-1.amazonaws.com", "takes requests signed with Signature Version 4 alone"),
        ("https://xray.${Token[AWS.Region.3]}.amazonaws.com", "use XRay() for traces"),
        ("https://monitoring.us-east-1.amazonaws.com", "or have a bearer token; put 'Bearer …' into Secrets Manager"),
        ("https://logs.cn-north-1.amazonaws.com.cn", "takes logs alone, and an OTLP exporter sends traces and metrics"),
        ("https://vpce-1a-2b.xray.us-east-1.vpce.amazonaws.com", "use XRay() for traces"),
    ],
)
def test_an_endpoint_to_which_nothing_could_be_sent_is_refused(endpoint, why):
    with pytest.raises(InvalidProps) as refused:
        Otlp(endpoint=endpoint)
    assert why in str(refused.value)


@pytest.mark.parametrize("name", ["Authorization", "authorization"])
def test_cloudwatch_takes_metrics_with_a_bearer_token(name):
    token = {name: "cloudwatch/bearer"}
    there = "https://monitoring.us-east-1.amazonaws.com"
    assert Otlp(endpoint=there, header_secrets=token, signals=["metrics"]).endpoint == there
    with pytest.raises(InvalidProps, match="Version 4 alone"):
        Otlp(endpoint="https://xray.us-east-1.amazonaws.com", header_secrets=token)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("authorization", "anything"),
        ("Authorization", "Bearer abc"),
        ("x-honeycomb-team", "anything"),
        ("api-key", "anything"),
        ("DD-API-KEY", "anything"),
        ("lightstep-access-token", "anything"),
        ("api_key", "z"),
        ("x-key", "anything"),
        ("signoz-ingestion-key", "2b9c8f10-1111-2222-3333-444455556666"),
        ("lightstep-access", "anything"),
        ("uptrace-dsn", "https://abc@api.uptrace.dev/1"),
        ("x-sentry-auth", "sentry sentry_key=0123456789abcdef"),
        ("x-license", "anything"),
        ("x-plain", "https://abc@api.uptrace.dev/1"),
        ("x-plain", "sentry sentry_version=7, sentry_key=0123456789abcdef"),
        ("x-plain", "{{resolve:secretsmanager:hive}}"),
        ("x-plain", "-----BEGIN RSA PRIVATE KEY-----"),
        ("x-plain", "0123456789abcdef0123456789abcdef"),
        ("x-plain", "hcaik_01hq9e8ba1q2k3nq7m5w3h0abcdefghij"),
        ("x-plain", "Basic dXNlcjpwYXNz"),
    ],
)
def test_a_header_that_carries_a_key_is_refused_without_repeating_it(name, value):
    with pytest.raises(InvalidProps) as refused:
        Otlp(endpoint=HERE, headers={name: value})
    assert str(refused.value).startswith(f"header {name!r} carries ")
    assert str(refused.value).endswith("put the key into Secrets Manager and name the secret in header_secrets")
    assert value not in str(refused.value) or value == "anything"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-author", "shop"),
        ("x-authors-team", "shop"),
        ("x-keyword", "tea"),
        ("x-tenant", "2b9c8f10-1111-2222-3333-444455556666"),
        ("x-scope-orgid", "42"),
        ("x-page", "https://example.com/@shop"),
        ("x-options", "level=info,monkey=1"),
    ],
)
def test_a_header_without_a_key_is_taken(name, value):
    assert Otlp(endpoint=HERE, headers={name: value}).headers == {name: value}


@pytest.mark.parametrize("token", ["${Token[AWS.Region.4]}", "${Token[TOKEN.12]}"])
def test_an_endpoint_that_the_deployment_completes_carries_no_key_either(token):
    for taken in (token, f"{token}/otlp", f"https://{token}:4318", f"https://otlp.example.com:{token}/x"):
        assert Otlp(endpoint=taken).name == "otlp"
    for refused in (f"https://me:secret@{token}", f"https://{token}/?token=secret", f"{token}?token=secret"):
        with pytest.raises(InvalidProps, match="has no user, query or fragment") as raised:
            Otlp(endpoint=refused)
        assert "secret" not in str(raised.value)


def test_a_key_is_not_sent_in_clear_but_to_this_machine():
    keys = {"api-key": "partner"}
    with pytest.raises(InvalidProps, match=r"would send a key in clear to http://otlp.example.com; use https$"):
        Otlp(endpoint="http://otlp.example.com", header_secrets=keys)
    for safe in (HERE, "http://localhost:4318", "http://127.0.0.1:4318"):
        assert Otlp(endpoint=safe, header_secrets=keys).endpoint == safe
    assert Otlp(endpoint="http://collector.internal:4318").header_secrets == {}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"signals": []}, "signals of an OTLP exporter are traces, metrics or both, got []"),
        ({"signals": ["logs"]}, "signals of an OTLP exporter are traces, metrics or both, got ['logs']"),
        (
            {"timeout_seconds": 0},
            "timeout_seconds of OTLP exporter 'otlp.example.com' is more than 0",
        ),
        ({"timeout_seconds": 11}, "is more than 0 and at most 10, got 11"),
        ({"headers": {"a b": "c"}}, "a header's name has no spaces or separators, got 'a b'"),
        ({"headers": {"a": "b\nc"}}, "value of header 'a' has characters that a header cannot have"),
        ({"headers": {"A": "b"}, "header_secrets": {"a": "partner"}}, "header 'a' of OTLP exporter"),
    ],
)
def test_an_otlp_exporter_refuses(changes, why):
    with pytest.raises(InvalidProps) as refused:
        Otlp(endpoint=HERE, **changes)
    assert why in str(refused.value)


@pytest.mark.parametrize(
    ("secret", "why"),
    [
        ("0123456789abcdef0123456789abcdef", "looks like a key of 32 hexadecimal digits, as those of Rollbar"),
        ("hcaik_01hq9e8ba1q2k3nq7m5w3h0abcdefghij", "looks like a key of Honeycomb"),
        ("Bearer abc", "looks like the value of an authorization header"),
        ("aB3dE5fG7hJ9kL1mN2pQ4r", "looks like a key of 22 letters and digits, as those of Honeycomb"),
        ("two words", "a secret's name has 1 to 512 of the characters"),
        ("", "a secret's name has 1 to 512 of the characters"),
    ],
)
def test_a_secret_is_given_by_name_and_the_key_itself_is_refused(secret, why):
    for made in (
        lambda: Honeycomb(api_key_secret=secret),
        lambda: Rollbar(access_token_secret=secret, environment="test"),
        lambda: Otlp(endpoint=HERE, header_secrets={"x-key": secret}),
    ):
        with pytest.raises(InvalidProps) as refused:
            made()
        assert why in str(refused.value)
        assert "looks like" not in why or str(refused.value).endswith("give the secret as its ARN or as a construct")


@given(st.text("ABCxyz019/_+=.@-", min_size=1, max_size=21))
@example("productionhoneycombkey")
@example("ProductionHoneycombKey")
@example("prod2honeycombingest01")
@example("HoneycombIngestKeyEu01")
@example("ProdHoneycombApiKeyV02")
@example("Eu1ProdV2HoneycombKey1")
@example("ProdHcApiKeyOfTeamEu01")
def test_any_name_that_secrets_manager_takes_is_taken(name):
    assert SecretField(secret=name).secret == name


def test_an_arn_is_taken():
    arn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:team/honeycomb-AbCdEf"
    assert SecretField(secret=arn).secret == arn


def test_a_field_has_a_name():
    with pytest.raises(InvalidProps, match=r"^field of a secret is a name in its JSON, got ''"):
        SecretField(secret="partners", field="")


def test_honeycomb_is_otlp_with_a_dataset_for_metrics_alone():
    traces, metrics = Honeycomb(api_key_secret="hive", region="eu").otlp("orders")
    assert {traces.endpoint, metrics.endpoint} == {"https://api.eu1.honeycomb.io"}
    assert (traces.signals, metrics.signals) == (("traces",), ("metrics",))
    assert traces.headers == {}
    assert metrics.headers == {"x-honeycomb-dataset": "orders"}
    assert traces.secrets == {"x-honeycomb-team": SecretField(secret="hive")}
    [alone] = Honeycomb(api_key_secret="hive", dataset="shop", signals=["metrics"]).otlp("orders")
    assert alone.headers == {"x-honeycomb-dataset": "shop"}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"region": "mars"}, "region of Honeycomb is us or eu, got 'mars'"),
        ({"dataset": " "}, "dataset of Honeycomb is a name, got ' '"),
        ({"signals": ["logs"]}, "signals of an OTLP exporter"),
        ({"timeout_seconds": 60}, "at most 10, got 60"),
    ],
)
def test_honeycomb_refuses(changes, why):
    with pytest.raises(InvalidProps) as refused:
        Honeycomb(api_key_secret="hive", **changes)
    assert why in str(refused.value)


@pytest.mark.parametrize("namespace", ["", "AWS/Lambda", "a b", "x" * 256])
def test_a_namespace_is_one_of_ones_own(namespace):
    with pytest.raises(InvalidProps, match=r"^namespace of CloudWatch metrics has 1 to 255 of the characters"):
        CloudWatchMetrics(namespace=namespace)


def test_managed_prometheus_is_a_workspace_of_a_region():
    value = Prometheus.managed(workspace_id="ws-0a1b2c3d-4e5f", region="eu-west-1")
    assert value.endpoint == (
        "https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-0a1b2c3d-4e5f/api/v1/remote_write"
    )
    in_china = Prometheus.managed(workspace_id="ws-1", region="cn-north-1")
    assert in_china.endpoint.startswith("https://aps-workspaces.cn-north-1.amazonaws.com.cn/workspaces/")
    with pytest.raises(InvalidProps, match=r"^workspace_id of managed Prometheus begins with ws-, got 'mine'"):
        Prometheus.managed(workspace_id="mine", region="eu-west-1")
    with pytest.raises(InvalidProps, match=r"^region of managed Prometheus is a Region, as eu-west-1, got 'Europe'"):
        Prometheus.managed(workspace_id="ws-1", region="Europe")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"environment": ""}, "environment of Rollbar has 1 to 255 characters, got 0"),
        ({"code_version": "x" * 41}, "code_version of Rollbar has 1 to 40 characters, got 41"),
        ({"endpoint": "http://rollbar.example.com"}, "the token would be sent to Rollbar in clear"),
        ({"endpoint": "rollbar"}, "endpoint of Rollbar is a URL"),
        ({"timeout_seconds": -1}, "timeout_seconds of Rollbar is more than 0 and at most 10, got -1"),
    ],
)
def test_rollbar_refuses(changes, why):
    with pytest.raises(InvalidProps) as refused:
        Rollbar(**{"access_token_secret": "rollbar", "environment": "test", **changes})
    assert why in str(refused.value)


def test_rollbars_endpoint_is_a_folder():
    value = Rollbar(access_token_secret="rollbar", environment="test", endpoint="https://rollbar.example.com/api/1")
    assert value.endpoint == "https://rollbar.example.com/api/1/"
