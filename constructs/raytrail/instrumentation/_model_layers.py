"""Which ADOT Lambda layer a language and Region have: AWS's tables, with their date, in ``_layers.json``."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import Any, Literal, get_args

from raytrail.errors import InvalidProps

EXEC_WRAPPER = "/opt/otel-instrument"
"""The script of the layer that starts the function with OpenTelemetry; it has this name for each language."""

Language = Literal["python", "nodejs", "java", "dotnet"]
"""A language that AWS makes a Lambda layer for."""

LANGUAGES: tuple[Language, ...] = get_args(Language)

NAMES: dict[Language, str] = {"python": "Python", "nodejs": "Node.js", "java": "Java", "dotnet": ".NET"}


@cache
def _table() -> dict[str, Any]:
    text = resources.files("raytrail.instrumentation").joinpath("_layers.json").read_text(encoding="utf-8")
    table: dict[str, Any] = json.loads(text)
    return table


def adot_layer_arn(language: Language, region: str) -> str:
    """Return the ARN of AWS's layer for a language in a Region.

    Args:
        language: ``python``, ``nodejs``, ``java`` or ``dotnet``.
        region: The Region of the function.

    Raises:
        InvalidProps: AWS lists no layer there; the message says how to give one.
    """
    arns: dict[str, str] = _table()["languages"][language]["arns"]
    if region not in arns:
        raise InvalidProps(
            f"AWS lists no ADOT {NAMES[language]} layer for Region {region!r} (table of {_table()['read']}); choose "
            f"one of its {len(arns)} Regions, or give an ARN as layer_arn (sample.layer_arn in the settings)"
        )
    return arns[region]


def python_layer_arn(region: str) -> str:
    """Return the ARN of AWS's layer for Python in a Region.

    Args:
        region: The Region of the function.

    Raises:
        InvalidProps: AWS lists no layer there; the message says how to give one.
    """
    return adot_layer_arn("python", region)


def collector_layer_arn(architecture: str, region: str) -> str:
    """Return the ARN of AWS's layer that holds a collector.

    Args:
        architecture: ``x86_64`` or ``arm64``; the layer has a version for each.
        region: The Region of the function.

    Raises:
        InvalidProps: AWS lists no layer there.
    """
    collector = _table()["collector"]
    if region not in collector["regions"]:
        raise InvalidProps(
            f"AWS lists no collector layer for Region {region!r} (table of {collector['read']}); choose one of "
            f"{', '.join(collector['regions'])}, or give an ARN as collector_layer_arn"
        )
    return f"arn:aws:lambda:{region}:{collector['account']}:layer:{collector['layers'][architecture]}"


def documented_runtimes(language: Language) -> tuple[str, ...]:
    """Return the Lambda runtimes that AWS documents for the layer of a language, as ``python3.13``."""
    return tuple(_table()["languages"][language]["runtimes"])


def python_off_by_default() -> tuple[str, ...]:
    """Return the libraries that the layer for Python leaves alone unless told otherwise."""
    return tuple(_table()["languages"]["python"]["off_by_default"])


def check_runtime(runtime: str, language: Language | None, *, own_layer: bool, where: str) -> Language:
    """Return the language of a runtime that can be instrumented.

    Args:
        runtime: The runtime of a function, as ``python3.13``.
        language: Its language, or None where it has none of those that AWS makes a layer for.
        own_layer: Whether a layer is given, whose runtimes only its owner knows.
        where: The function, for the message.

    Raises:
        InvalidProps: There is no layer for it; the message says what AWS documents in its place.
    """
    if language is None:
        raise InvalidProps(
            f"AWS makes no ADOT layer that instruments runtime {runtime!r} of {where}: instrument its code with the "
            "OpenTelemetry SDK of its language, as AWS documents for Go, and give it the collector that the SDK sends "
            "to with add_collector"
        )
    runtimes = documented_runtimes(language)
    if runtime not in runtimes and not own_layer:
        raise InvalidProps(
            f"runtime {runtime!r} of {where} is not one that AWS documents for the ADOT {NAMES[language]} layer; use "
            f"one of {', '.join(runtimes)}, or give the ARN of a layer that you know to support it as layer_arn"
        )
    return language
