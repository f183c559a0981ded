"""A layer for the ATT&CK Navigator: the techniques that a replay saw.

https://github.com/mitre-attack/attack-navigator/blob/master/layers/spec/v4.5/layerformat.md
"""

from __future__ import annotations

from typing import Any

from raytrail.replay._report import Cell, Report
from raytrail.sigma import attack

LAYER_VERSION = "4.5"
"""The version of the layer format that is written."""
NAVIGATOR_VERSION = "5.2.0"
"""As in the example of the specification, which asks for 4.9.0 or later."""

_SEEN, _ALERTED = "#ffe08a", "#e05656"


def navigator_layer(report: Report, *, name: str = "raytrail replay", description: str = "") -> dict[str, Any]:
    """The layer of a report, ready to be written as JSON.

    A technique's score is the number of matches; its colour says whether it told somebody (level medium or above) or
    was only seen.

    Args:
        report: What a replay came to.
        name: How the Navigator calls the layer. Default: raytrail replay.
        description: What it says of it. Default: nothing.
    """
    cells = report.matrix()
    return {
        "name": name,
        "versions": {
            # The Navigator knows ATT&CK by its whole version: 18 for 18.1.
            "attack": attack().version.partition(".")[0],
            "navigator": NAVIGATOR_VERSION,
            "layer": LAYER_VERSION,
        },
        "domain": "enterprise-attack",
        "description": description,
        "sorting": 3,
        "layout": {"layout": "side", "showID": True, "showName": True, "expandedSubtechniques": "annotated"},
        "hideDisabled": False,
        "techniques": [_technique(cell) for cell in cells],
        "gradient": {"colors": ["#ffffff", _ALERTED], "minValue": 0, "maxValue": max([1, *(c.matches for c in cells)])},
        "legendItems": [
            {"label": "alerted: medium or above", "color": _ALERTED},
            {"label": "seen, kept for hunting", "color": _SEEN},
        ],
    }


def _technique(cell: Cell) -> dict[str, Any]:
    return {
        "techniqueID": cell.technique,
        "tactic": cell.tactic,
        "score": cell.matches,
        "color": _ALERTED if cell.alerted else _SEEN,
        "comment": ", ".join(cell.detections),
        "enabled": True,
        "metadata": [{"name": "detection", "value": detection} for detection in cell.detections],
        "showSubtechniques": "." in cell.technique,
    }
