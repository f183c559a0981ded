"""Which ADOT Lambda layer a Region has: AWS's table, with its date, in ``_layers.json``."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import Any

from raytrail.errors import InvalidProps

EXEC_WRAPPER = "/opt/otel-instrument"
"""The script of the layer that starts the function with OpenTelemetry."""


@cache
def _table() -> dict[str, Any]:
    text = resources.files("raytrail.instrumentation").joinpath("_layers.json").read_text(encoding="utf-8")
    table: dict[str, Any] = json.loads(text)
    return table


def python_layer_arn(region: str) -> str:
    """Return the ARN of the layer ``AWSOpenTelemetryDistroPython`` in ``region``.

    Raises:
        InvalidProps: AWS lists no layer there; the message says how to give one.
    """
    table = _table()
    try:
        arn: str = table["python"][region]
    except KeyError:
        raise InvalidProps(
            f"AWS lists no ADOT Python layer for Region {region!r} (table of {table['read']}); choose one of its "
            f"{len(table['python'])} Regions, or give an ARN as layer_arn (sample.layer_arn in the settings)"
        ) from None
    return arn


def python_runtimes() -> tuple[str, ...]:
    """Return the Lambda runtimes that AWS documents for the layer, as ``python3.13``."""
    return tuple(_table()["runtimes"])
