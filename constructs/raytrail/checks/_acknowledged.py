"""Findings that somebody acknowledged with a reason, as a cloud assembly tells it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any

from raytrail.checks._catalogue import CHECKS
from raytrail.checks._model import NAMESPACE, Check, Finding

METADATA_KEY = "aws:cdk:acknowledged-rules"
"""The type of the metadata under which the CDK writes what `Validations.acknowledge` was told."""


@dataclass(frozen=True, slots=True)
class Acknowledgment:
    """What somebody said of a finding, and where."""

    id: str
    """As it was qualified: ``Raytrail::AlarmReachesNobody``."""
    reason: str
    construct: str
    """The path of the construct; it counts for all below."""


ACKNOWLEDGMENT_INVALID = Check(
    name="AcknowledgmentInvalid",
    level="error",
    title="an acknowledgment without a reason, or of no check",
    why="Who reads it later is to learn why the finding is accepted. One whose id is misspelt accepts nothing.",
    fix='write acknowledge(Acknowledgment(id="Raytrail::…", reason="…")) with a reason and an id of this page',
    trusts="Acknowledgments of other plugins.",
    source="https://docs.aws.amazon.com/cdk/v2/guide/policy-validation-synthesis.html",
    look=lambda app, floors: (),
)
"""What `raytrail.checks.plugin` finds besides: it is about the app, not about a template."""


def acknowledgments(metadata: Mapping[str, Any]) -> Iterator[Acknowledgment]:
    """Those of ours in the metadata of a stack, which is by ``/path`` of the construct."""
    for path, entries in metadata.items():
        for entry in entries if isinstance(entries, list) else ():
            if isinstance(entry, dict) and entry.get("type") == METADATA_KEY:
                yield from said_at(path.strip("/"), entry.get("data"))


def said_at(construct: str, data: Any) -> Iterator[Acknowledgment]:
    """Those of ours in one entry of metadata."""
    for id, reason in (data if isinstance(data, Mapping) else {}).items():
        if id.startswith(f"{NAMESPACE}::"):
            yield Acknowledgment(id, str(reason or "").strip(), construct)


def accept(findings: Iterable[Finding], said: Iterable[Acknowledgment]) -> tuple[Finding, ...]:
    """The findings, with the reason in those that were acknowledged at their construct or the nearest above it."""
    reasons = {(each.id, each.construct): each.reason for each in said}
    return tuple(replace(finding, accepted=_reason(finding, reasons)) for finding in findings)


def _reason(finding: Finding, reasons: Mapping[tuple[str, str], str]) -> str:
    path = finding.construct
    while path:
        if (finding.id, path) in reasons:
            return reasons[finding.id, path]
        path = path.rpartition("/")[0]
    return reasons.get((finding.id, ""), "")


def invalid(said: Iterable[Acknowledgment]) -> Iterator[tuple[Acknowledgment, str]]:
    """Acknowledgments that say nothing, and what is wrong with each."""
    ids = [check.id for check in (*CHECKS, ACKNOWLEDGMENT_INVALID)]
    for each in said:
        if each.id not in ids:
            near = get_close_matches(each.id, ids, n=1)
            yield each, f"{each.id} is no check{f'; did you mean {near[0]}' if near else ''}"
        elif not each.reason:
            yield each, f"{each.id} is acknowledged without a reason"
