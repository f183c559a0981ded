"""OpenTelemetry layers by their names, and which functions they fit.

The names are those of https://aws-otel.github.io/docs/getting-started/lambda and of
https://github.com/open-telemetry/opentelemetry-lambda.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

RUNTIMES = {
    "python": ("python3.10", "python3.11", "python3.12", "python3.13"),
    "nodejs": ("nodejs18.x", "nodejs20.x", "nodejs22.x"),
    "java": ("java11", "java17", "java21"),
    "dotnet": ("dotnet8",),
}
"""Runtimes of each language that AWS documents for its layer (22 July 2026)."""

LAYER_OF = {
    "python": "AWSOpenTelemetryDistroPython",
    "nodejs": "AWSOpenTelemetryDistroJs",
    "java": "AWSOpenTelemetryDistroJava",
    "dotnet": "AWSOpenTelemetryDistroDotNet",
}
"""The name of AWS's layer for each language."""

WRAPPERS = (
    "/opt/otel-instrument",
    "/opt/otel-handler",
    "/opt/otel-stream-handler",
    "/opt/otel-proxy-handler",
    "/opt/otel-sqs-handler",
)
"""The scripts of OpenTelemetry layers, the first of which all of AWS's recommended layers have."""

_ARN = re.compile(r"arn:aws[^:]*:lambda:(?P<region>[^:]+):\d+:layer:(?P<name>[^:]+):\d+")
_DISTRO = re.compile(r"AWSOpenTelemetryDistro(Python|Js|Java|DotNet)")
_OLDER = re.compile(r"(?:aws-otel|opentelemetry)-(python|nodejs|java(?:-?agent|-?wrapper)?|dotnet|collector)\b")
_OTHERS = ("AWSLambdaPowertools", "LambdaInsights", "AWS-Parameters-and-Secrets", "AWS-AppConfig", "aws-otel-collector")
"""Well-known layers without such a script."""
_LANGUAGES = {"Python": "python", "Js": "nodejs", "Java": "java", "DotNet": "dotnet"}


@dataclass(frozen=True, kw_only=True)
class OtelLayer:
    """A layer that carries OpenTelemetry.

    Attributes:
        arn: Of the version.
        name: Of the layer.
        region: Where it is.
        language: Of the functions that it instruments; empty for a collector alone.
        collector: Whether it starts a collector beside the function.
        architecture: The only one that it fits, or empty.
    """

    arn: str
    name: str
    region: str
    language: str
    collector: bool
    architecture: str = ""


def otel_layers(arns: tuple[str, ...]) -> tuple[OtelLayer, ...]:
    """Those of the layers that carry OpenTelemetry, as far as their names tell."""
    return tuple(layer for arn in arns if (layer := _read(arn)) is not None)


def may_hold_a_wrapper(arn: str) -> bool:
    """Whether a layer may bring OpenTelemetry's script: one of OpenTelemetry's, or one of somebody's own."""
    found = _ARN.fullmatch(arn)
    return found is None or not any(found["name"].startswith(other) for other in _OTHERS)


def language_of(runtime: str) -> str:
    """The language of a runtime, or empty when it has no layer of AWS's."""
    return next((language for language in RUNTIMES if runtime.startswith(language)), "")


def _read(arn: str) -> OtelLayer | None:
    found = _ARN.fullmatch(arn)
    if found is None:
        return None
    name, region = found["name"], found["region"]
    if distro := _DISTRO.fullmatch(name):
        return OtelLayer(arn=arn, name=name, region=region, language=_LANGUAGES[distro[1]], collector=False)
    older = _OLDER.match(name)
    if older is None:
        return None
    kind = older[1]
    return OtelLayer(
        arn=arn,
        name=name,
        region=region,
        language="" if kind == "collector" else "java" if kind.startswith("java") else kind,
        # AWS's older layers bring a collector along; OpenTelemetry's own do not.
        collector=kind == "collector" or name.startswith("aws-otel-"),
        architecture=next((each for each in ("amd64", "arm64") if f"-{each}" in name), ""),
    )
