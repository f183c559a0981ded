"""Rules from a few lines, and the matcher of the embedded AWS, which is not ours."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from ministack.services import eventbridge as service
from sigma.rule import SigmaRule

from raytrail.sigma.compiler import EventBridgeBackend

CATALOG = Path(__file__).parents[2] / "constructs" / "raytrail" / "detection" / "catalog"
CLOUDTRAIL = {"product": "aws", "service": "cloudtrail"}


def rule(detection: str | Mapping[str, Any]) -> SigmaRule:
    """A rule with this detection, in YAML or as it is read from it."""
    given = yaml.safe_load(detection) if isinstance(detection, str) else dict(detection)
    given.setdefault("condition", "selection")
    return SigmaRule.from_dict({"title": "A rule", "logsource": CLOUDTRAIL, "detection": given})


def patterns(detection: str | Mapping[str, Any], backend: EventBridgeBackend | None = None) -> list[dict[str, Any]]:
    """The event patterns of a detection."""
    backend = backend or EventBridgeBackend()
    return backend.finalize_output_default(backend.convert_rule(rule(detection)))


def detail(detection: str | Mapping[str, Any]) -> dict[str, Any]:
    """What the only pattern says of the record."""
    (pattern,) = patterns(detection)
    assert pattern.keys() == {"source", "detail-type", "detail"}
    return pattern["detail"]


def event_of(record: Mapping[str, Any]) -> dict[str, Any]:
    """The event as the matcher takes it."""
    return {"Source": "aws.iam", "DetailType": "AWS API Call via CloudTrail", "Detail": json.dumps(record)}


def complaint(pattern: Mapping[str, Any]) -> str | None:
    """What the embedded EventBridge has against a pattern."""
    return service._event_pattern_error(json.dumps(pattern))


def matches(found: Iterable[Mapping[str, Any]], record: Mapping[str, Any]) -> bool:
    """Whether any pattern matches the record."""
    return any(service._matches_pattern(json.dumps(pattern), event_of(record)) for pattern in found)


def written(folder: Path, name: str, text: str) -> Path:
    """A file below ``folder``."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path
