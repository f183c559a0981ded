"""The findings as SARIF 2.1.0, as GitHub's code scanning reads it.

What it needs beyond the standard is at
https://docs.github.com/en/code-security/reference/code-scanning/sarif-support-for-code-scanning: a place in a file for
each result, texts for each rule, and a fingerprint that stays the same when lines move.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from importlib.metadata import version
from typing import Any
from urllib.parse import quote

from raytrail.cli._findings._model import Finding, Place, Report
from raytrail.cli._findings._read import FILE
from raytrail.cli._terminal import shortened

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
LONGEST = 1024
"""Of a rule's texts, in characters."""


def sarif_log(report: Report) -> dict[str, Any]:
    """Return the log, ready for JSON."""
    everything = (*report.found, *report.acknowledged)
    rules = {finding.rule: finding for finding in reversed(everything)}
    names = sorted(rules)
    seen: Counter[str] = Counter()
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "raytrail findings",
                        "semanticVersion": version("raytrail"),
                        "rules": [_rule(rules[name]) for name in names],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "results": [_result(finding, names.index(finding.rule), seen) for finding in everything],
            }
        ],
    }


def _rule(example: Finding) -> dict[str, Any]:
    """What is known of a rule from one of its findings: CDK's report has no more."""
    about = (f"{key}: {value}" for key, value in example.about.items())
    help_ = "\n".join(part for part in (example.description, example.fix, *about, example.advice) if part)
    described = {
        "id": example.rule,
        "name": example.rule.rpartition("::")[2],
        "shortDescription": {"text": shortened(f"{example.rule} ({example.plugin})", LONGEST)},
        "fullDescription": {"text": shortened(example.description, LONGEST)},
        "help": {"text": help_},
        "defaultConfiguration": {"level": example.severity},
        "properties": {"tags": ["aws-cdk", example.plugin]},
    }
    return described if example.help_uri is None else {**described, "helpUri": example.help_uri}


def _result(finding: Finding, index: int, seen: Counter[str]) -> dict[str, Any]:
    said = f"{finding.description} ({finding.construct or 'the app'})"
    result: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": index,
        "level": finding.severity,
        "message": {"text": f"{said} {finding.fix}".strip()},
        "locations": [_location(finding)],
        "partialFingerprints": {"primaryLocationLineHash": _fingerprint(finding, seen)},
        "properties": {"id": finding.id, "severity": finding.said, "properties": list(finding.properties)},
    }
    if finding.source and finding.template:
        result["relatedLocations"] = [{"id": 1, "physicalLocation": _physical(finding.template)}]
    if finding.acknowledged is not None:
        result["suppressions"] = [{"kind": "inSource", "justification": finding.acknowledged}]
    return result


def _location(finding: Finding) -> dict[str, Any]:
    location: dict[str, Any] = {
        # Without a place GitHub does not show a result: of what is about no file, the report is one.
        "physicalLocation": _physical(finding.place or Place(file=FILE, line=1)),
    }
    logical = {"fullyQualifiedName": finding.construct, "name": finding.logical_id, "kind": "resource"}
    if finding.construct:
        location["logicalLocations"] = [{key: value for key, value in logical.items() if value}]
    return location


def _physical(place: Place) -> dict[str, Any]:
    return {
        "artifactLocation": {"uri": _uri(place.file)},
        # Meant is the line. How long it is is not known, and code scanning wants a column: its first letter will do.
        "region": {"startLine": place.line, "startColumn": 1, "endLine": place.line, "endColumn": 2},
    }


def _uri(file: str) -> str:
    """The address of a file, on Windows too: relative to the repository where its path is."""
    if re.match("[A-Za-z]:/", file):
        return f"file:///{quote(file, safe='/:')}"
    return f"file://{quote(file)}" if file.startswith("/") else quote(file)


def _fingerprint(finding: Finding, seen: Counter[str]) -> str:
    """The same for the same finding of the same construct, wherever its line is; numbered where there are several."""
    about = "\n".join((finding.id, finding.construct, finding.logical_id, *finding.properties))
    digest = hashlib.sha256(about.encode()).hexdigest()[:16]
    seen[digest] += 1
    return f"{digest}:{seen[digest]}"
