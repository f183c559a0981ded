"""The layers that instrumentation adds to a function."""

from __future__ import annotations

from aws_cdk import Stack, Token
from aws_cdk import aws_lambda as lambda_

from raytrail.errors import InvalidProps
from raytrail.instrumentation._model_images import RUNTIME_FOLDER
from raytrail.instrumentation._model_layers import (
    Language,
    adot_layer_arn,
    check_runtime,
    collector_layer_arn,
)

IMAGE = "FROM_IMAGE"
"""What the CDK calls the runtime of a container image."""

_ADOT, _COLLECTOR = "AdotLayer", "CollectorLayer"
"""Ids below the function; the CDK gives a layer of adot_instrumentation the first one too."""

_LANGUAGES: dict[lambda_.RuntimeFamily, Language] = {
    lambda_.RuntimeFamily.PYTHON: "python",
    lambda_.RuntimeFamily.NODEJS: "nodejs",
    lambda_.RuntimeFamily.JAVA: "java",
    lambda_.RuntimeFamily.DOTNET_CORE: "dotnet",
}


def check_made_here(function: lambda_.IFunction) -> None:
    """Refuse what is no function of the app's own.

    Raises:
        InvalidProps: It is imported, an alias, or a version.
    """
    if not isinstance(function, lambda_.Function):
        raise InvalidProps(
            f"{function.node.path} is no lambda.Function that this app makes, and an imported one, an alias or a "
            "version takes no layers or variables; give the Function itself, in the app that makes it"
        )


def is_image(function: lambda_.Function) -> bool:
    """Whether a function is a container image, which takes no layers."""
    return function.runtime.name == IMAGE


def language_of(function: lambda_.Function, given: Language | None, *, own_layer: bool) -> Language:
    """Return the language of a function that can be instrumented.

    Raises:
        InvalidProps: It has none of those that AWS makes a layer for, or it is not known.
    """
    where = function.node.path
    if is_image(function):
        if given is None:
            raise InvalidProps(f"{where} is a container image, which does not tell its language; give it as language")
        return given
    family = function.runtime.family
    language = check_runtime(
        function.runtime.name, _LANGUAGES.get(family) if family else None, own_layer=own_layer, where=where
    )
    if given not in {None, language}:
        raise InvalidProps(f"language of {where} is given as {given!r}, and its runtime is {function.runtime.name!r}")
    return language


def add_adot(function: lambda_.Function, language: Language, arn: str | None) -> lambda_.ILayerVersion:
    """Add AWS's layer: the one given, or that of the stack's Region.

    Raises:
        InvalidProps: The function has the CDK's own, or the Region has none in the table.
    """
    if function.node.try_find_child(_ADOT) is not None:
        raise InvalidProps(
            f"{function.node.path} has the CDK's adot_instrumentation, which is AWS's legacy layer; leave "
            "adot_instrumentation out"
        )
    arn = arn or adot_layer_arn(language, _region(function, "layer_arn"))
    return _add(function, _ADOT, arn)


def add_collector_layer(function: lambda_.Function, arn: str | None) -> lambda_.ILayerVersion:
    """Add AWS's collector layer: the one given, or that of the stack's Region and the function's architecture.

    Raises:
        InvalidProps: The function has it already, or the Region has none in the table.
    """
    if function.node.try_find_child(_COLLECTOR) is not None:
        raise InvalidProps(
            f"{function.node.path} has a collector already, from add_collector or for Prometheus; name all its "
            "exporters in one call"
        )
    arn = arn or collector_layer_arn(function.architecture.name, _region(function, "collector_layer_arn"))
    return _add(function, _COLLECTOR, arn)


def add_runtime(function: lambda_.Function) -> lambda_.LayerVersion:
    """Add our own layer, one for the functions of a stack."""
    stack = Stack.of(function)
    layer = stack.node.try_find_child("RaytrailRuntime")
    if layer is None:
        layer = lambda_.LayerVersion(
            stack,
            "RaytrailRuntime",
            description="raytrail: telemetry to partners by OTLP, and errors to Rollbar",
            code=lambda_.Code.from_asset(RUNTIME_FOLDER, exclude=["**/__pycache__", "**/*.pyc"]),
        )
    assert isinstance(layer, lambda_.LayerVersion)
    function.add_layers(layer)
    return layer


def _add(function: lambda_.Function, id: str, arn: str) -> lambda_.ILayerVersion:
    layer = lambda_.LayerVersion.from_layer_version_arn(function, id, arn)
    function.add_layers(layer)
    return layer


def _region(function: lambda_.Function, parameter: str) -> str:
    region = Stack.of(function).region
    if Token.is_unresolved(region):
        raise InvalidProps(
            f"the stack of {function.node.path} has no Region, and the layer's version differs by Region; "
            f"give the stack an env with a region, or give {parameter}"
        )
    return region
