"""Functions that are container images, which take no layers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from aws_cdk import Stack
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_lambda as lambda_
from aws_cdk.assertions import Annotations, Match
from tests.synth import only

from raytrail.errors import InvalidProps
from raytrail.instrumentation import (
    RUNTIME_FOLDER,
    Honeycomb,
    Prometheus,
    Rollbar,
    XRay,
    add_collector,
    image_instructions,
    instrument_lambda,
)

# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-Application-Signals-Enable-LambdaMain.html,
# for Python, with the lines of one RUN joined.
PRINTED = [
    "RUN dnf install -y unzip wget",
    "RUN wget https://github.com/aws-observability/aws-otel-python-instrumentation/releases/latest/download/layer.zip "
    "-O /tmp/layer.zip",
    "RUN mkdir -p /opt && unzip /tmp/layer.zip -d /opt/ && chmod -R 755 /opt/ && rm /tmp/layer.zip",
]


def image(stack: Stack) -> lambda_.DockerImageFunction:
    repository = ecr.Repository.from_repository_name(stack, "Images", "orders")
    return lambda_.DockerImageFunction(stack, "Function", code=lambda_.DockerImageCode.from_ecr(repository))


def test_the_lines_are_those_that_aws_prints():
    assert list(image_instructions("python")) == PRINTED


@pytest.mark.parametrize("language", ["nodejs", "java", "dotnet"])
def test_each_language_has_a_distribution_of_its_own(language):
    repository = {"nodejs": "js"}.get(language, language)
    assert f"/aws-otel-{repository}-instrumentation/releases/" in image_instructions(language)[1]


def test_a_release_may_be_pinned():
    assert "/releases/download/v0.18.0/layer.zip " in image_instructions("python", release="v0.18.0")[1]


def test_our_own_layer_is_copied_and_the_handler_wrapped():
    lines = image_instructions("python", handler="app.handler")
    assert list(lines[3:]) == [
        "COPY --from=raytrail / /opt/",
        "ENV RAYTRAIL_HANDLER=app.handler",
        'CMD ["raytrail_runtime.entry.handler"]',
    ]
    assert (Path(RUNTIME_FOLDER) / "python" / "raytrail_runtime" / "entry.py").is_file()
    assert image_instructions("python", runtime=True)[-1] == "COPY --from=raytrail / /opt/"


def test_the_function_gets_everything_but_layers_and_says_what_its_image_needs(stack, template):
    made = instrument_lambda(
        image(stack),
        service_name="orders",
        language="python",
        exporters=[XRay(), Honeycomb(api_key_secret="hive")],
        errors=Rollbar(access_token_secret="rollbar", environment="prod"),
    )
    resource = only(template(), "AWS::Lambda::Function")
    assert "Layers" not in resource
    assert "Handler" not in resource
    assert resource["TracingConfig"] == {"Mode": "Active"}
    variables = resource["Environment"]["Variables"]
    assert variables["AWS_LAMBDA_EXEC_WRAPPER"] == "/opt/otel-instrument"
    assert {"RAYTRAIL_OTLP_EXPORTERS", "RAYTRAIL_ROLLBAR"} <= set(variables)
    assert "RAYTRAIL_HANDLER" not in variables
    assert made.image_instructions[:3] == tuple(PRINTED)
    assert made.layer is None
    told: Any = Annotations.from_stack(stack)
    told.has_info("*", Match.string_like_regexp(r"a container image takes no layers.*COPY --from=raytrail"))


def test_an_image_does_not_tell_its_language(stack):
    with pytest.raises(InvalidProps) as refused:
        instrument_lambda(image(stack), service_name="orders")
    assert str(refused.value) == (
        "Test/Function is a container image, which does not tell its language; give it as language"
    )


def test_an_image_is_instrumented_once(stack):
    function = image(stack)
    instrument_lambda(function, service_name="orders", language="python")
    with pytest.raises(InvalidProps, match=r"^Test/Function is instrumented already"):
        instrument_lambda(function, service_name="orders", language="python")


def test_the_collector_is_a_layer_alone(stack):
    function = image(stack)
    exporter = Prometheus.self_hosted(endpoint="http://prometheus.internal:9090/api/v1/write")
    with pytest.raises(InvalidProps, match="AWS publishes its collector for Lambda as a layer alone"):
        instrument_lambda(function, service_name="orders", language="python", exporters=[exporter])
    with pytest.raises(InvalidProps, match="is a container image, which takes no layer"):
        add_collector(function, service_name="orders")
