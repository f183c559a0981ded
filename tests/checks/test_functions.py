from __future__ import annotations

import pytest
from tests.checks.twins import a, found, ref, seen

PYTHON = "arn:aws:lambda:eu-west-1:615299751070:layer:AWSOpenTelemetryDistroPython:26"
WRAPPED = {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/otel-instrument"}


def function(*layers, variables=None, mode="Active", runtime="python3.13", **more):
    return {
        "Function": a(
            "Lambda::Function",
            Runtime=runtime,
            Layers=list(layers),
            Environment={"Variables": WRAPPED if variables is None else variables},
            **({"TracingConfig": {"Mode": mode}} if mode else {}),
            **more,
        )
    }


def misfits(resources, **how):
    return found("TracingLayerMisfit", resources, **how)


def idle(resources, **how):
    return found("TracingLayerIdle", resources, **how)


def test_a_layer_that_fits_is_in_order():
    assert misfits(function(PYTHON)) == []
    assert idle(function(PYTHON)) == []


def test_a_layer_is_of_the_functions_region():
    assert misfits(function(PYTHON), region="us-east-1") == ["Function"]
    assert misfits(function(PYTHON), region=None) == []


def test_a_layer_is_of_the_functions_language():
    assert "is for python" in seen("TracingLayerMisfit", function(PYTHON, runtime="nodejs22.x"))


def test_an_older_layer_is_of_the_functions_processor():
    older = "arn:aws:lambda:eu-west-1:901920570463:layer:aws-otel-python-amd64-ver-1-32-0:2"
    assert misfits(function(older)) == []
    assert misfits(function(older, Architectures=["arm64"])) == ["Function"]
    assert misfits(function(PYTHON, Architectures=["arm64"])) == []


def test_a_wrapper_is_in_a_layer():
    assert misfits(function()) == ["Function"]
    insights = "arn:aws:lambda:eu-west-1:580247275435:layer:LambdaInsightsExtension:60"
    assert misfits(function(insights)) == ["Function"]
    own = "arn:aws:lambda:eu-west-1:111122223333:layer:ours:1"
    assert misfits(function(own)) == []
    assert misfits(function(ref("Layer"))) == []


@pytest.mark.parametrize("runtime", ["provided.al2023", None])
def test_what_has_no_wrapper_of_a_layer_is_left_alone(runtime):
    assert misfits(function(runtime=runtime)) == []


def test_a_layer_that_nothing_starts_is_idle():
    assert idle(function(PYTHON, variables={})) == ["Function"]
    other = {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/own"}
    assert seen("TracingLayerIdle", function(PYTHON, variables=other)).endswith("AWS_LAMBDA_EXEC_WRAPPER is /opt/own")
    assert idle(function(PYTHON, variables={"AWS_LAMBDA_EXEC_WRAPPER": ref("Wrapper")})) == []
    assert idle(function(variables={})) == []


@pytest.mark.parametrize("mode", ["PassThrough", None])
def test_without_active_tracing_a_layer_is_idle(mode):
    assert idle(function(PYTHON, mode=mode)) == ["Function"]
    sampled = {**WRAPPED, "OTEL_TRACES_SAMPLER": "always_on"}
    assert idle(function(PYTHON, mode=mode, variables=sampled)) == []


def test_a_collector_needs_no_wrapper():
    collector = "arn:aws:lambda:eu-west-1:901920570463:layer:aws-otel-collector-amd64-ver-0-117-0:1"
    assert idle(function(collector, variables={})) == []
