"""What constructs say of themselves, where CDK's report leaves it out.

The report holds annotations under the feature flag `FLAG` alone, which a new app has in its ``cdk.json`` and an older
one may not have. The metadata of the stacks has them always, but for those of the app and of stages themselves; nor
does any file of the assembly hold what was acknowledged there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from raytrail.cli._findings._places import artifacts, stacks

FLAG = "@aws-cdk/core:annotationsInValidationReport"
UNSEEN = (
    f"annotations were read from the metadata of the stacks, as {FLAG} is not set: what was acknowledged on the app or "
    "on a stage is not seen there and stands as open; set that flag in cdk.json, or acknowledge on a stack or below"
)
"""Said where an annotation is open that may have been acknowledged."""
PLUGIN = "Construct Annotations"
"""As CDK names it in the report."""
_LEVELS = {"aws:cdk:warning": "warning", "aws:cdk:error": "error"}
_ACKNOWLEDGED = "aws:cdk:acknowledged-rules"
_MESSAGE = re.compile(r"(?P<text>.*?)\s*\[ack: (?P<id>[^\]]+)\]", re.DOTALL)
"""As CDK writes a message that has an id."""


def unreported_annotations(assembly: Path) -> dict[str, Any] | None:
    """Return the annotations of the stacks in the form of a plugin's report; None where CDK's report has them."""
    try:
        if _are_reported(assembly):
            return None
        found = [each for _, metadata in stacks(assembly) for each in _of_stack(metadata)]
    except (AttributeError, KeyError, TypeError, RecursionError):
        # A damaged manifest costs what it says itself, and not what is in the report.
        return None
    return {
        "pluginName": PLUGIN,
        "violations": [each for each in found if "reason" not in each],
        "suppressedViolations": [each for each in found if "reason" in each],
    }


def _are_reported(assembly: Path) -> bool:
    return any(
        artifact.get("type") == "cdk:feature-flag-report"
        and artifact["properties"]["flags"].get(FLAG, {}).get("userValue") is True
        for _, artifact in artifacts(assembly)
    )


def _of_stack(metadata: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    accepted = {
        (path.strip("/"), id): reason
        for path, entries in metadata.items()
        for entry in entries
        if entry.get("type") == _ACKNOWLEDGED
        for id, reason in entry["data"].items()
    }
    for path, entries in metadata.items():
        for entry in entries:
            if (level := _LEVELS.get(entry.get("type"))) is None:
                continue
            said = str(entry["data"])
            named = _MESSAGE.match(said)
            id = f"Annotation::{named['id'] if named else f'{level}-annotation'}"
            reason = None if level == "error" else _reason(path.strip("/"), id, accepted)
            yield {
                "ruleName": id,
                "description": named["text"] if named else said,
                "severity": level,
                "ruleMetadata": {"cdk:annotation": "true"},
                "violatingConstructs": [{"constructPath": path.strip("/")}],
                **({} if reason is None else {"reason": reason}),
            }


def _reason(path: str, id: str, accepted: Mapping[tuple[str, str], str]) -> str | None:
    """Why an annotation was accepted, on its construct or the nearest above it; None where it was not."""
    while path:
        if (path, id) in accepted:
            return accepted[path, id]
        path = path.rpartition("/")[0]
    return None
