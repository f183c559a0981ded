"""The answer: the checks in order, and what they come to."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from raytrail.cli._why import _checks_around as around
from raytrail.cli._why import _checks_settings as settings
from raytrail.cli._why import _checks_start as start
from raytrail.cli._why._finding import Finding
from raytrail.cli._why._seen import FunctionSeen

Check = Callable[[FunctionSeen], "Finding | Iterable[Finding] | None"]

CHECKS: tuple[Check, ...] = (
    # Where X-Ray is not meant to get anything, the rest is as it should be.
    settings.exported_elsewhere,
    # What is wrong with the function, in the order in which a request meets it.
    start.active_tracing_off,
    start.layer_of_another_region,
    start.unsupported_runtime,
    start.wrapper_without_layer,
    start.layer_of_another_language,
    start.layer_of_another_architecture,
    start.layer_without_wrapper,
    start.image_function,
    settings.sdk_disabled,
    settings.distro_unset,
    settings.propagator_missing,
    settings.propagator_overridden,
    settings.sampler_off,
    settings.endpoint_elsewhere,
    around.role_lacks_permission,
    around.secret_unreadable,
    # What its log says of it, for what no setting shows.
    around.start_failed,
    around.export_failed,
    # What is around it.
    around.sampled_away,
    around.not_invoked,
    around.sampled_away_in_part,
    around.transaction_search,
    around.caller_decides,
    around.legacy_sdk,
    around.untraced_stage,
    around.not_instrumented,
)
"""Each looks at one possible cause; the first that finds one is named first."""

SAID_BY = {
    "propagator-missing": {"exported-elsewhere"},
    "start-failed": {"wrapper-without-layer", "layer-of-another-language"},
    "export-failed": {"collector-not-running", "endpoint-elsewhere", "distro-unset", "otlp-endpoint-refuses"},
    "caller-decides": {"sampled-away"},
}
"""Findings that are only the sign of another, and are left out beside it."""


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """Why a function has no trace, or that it has.

    Attributes:
        seen: What was looked at.
        causes: Reasons for traces, or parts of them, to be missing; the likeliest first.
        notes: What is worth knowing and no reason.
    """

    seen: FunctionSeen
    causes: tuple[Finding, ...]
    notes: tuple[Finding, ...]

    @property
    def traced(self) -> bool:
        """Whether traces arrive, with spans of the code where somebody meant it to be traced."""
        seen = self.seen
        return seen.spans_arrive or (seen.anything_arrives and not around.wants_spans(seen))

    @property
    def status(self) -> int:
        """The status to end with: 0 when traces arrive and nothing speaks against it, otherwise 1."""
        return 0 if self.traced and not self.causes else 1

    @property
    def headline(self) -> str:
        """The answer in a sentence."""
        name, arrived = self.seen.name, self.seen.arrived
        many = f"{arrived.count} trace{'s' if arrived.count != 1 else ''}"
        if self.status == 0:
            return f"traces of {name} arrive: {many}, the newest {arrived.newest}"
        if self.traced:
            return f"traces of {name} arrived ({many}, the newest {arrived.newest}), but:"
        if self.seen.anything_arrives:
            what = "Lambda's own segments arrive" if arrived.lambdas else "traces arrive"
            return f"{what} for {name} (newest: {arrived.newest}), and no span of its code:"
        if self.seen.traces is None:
            return f"whether traces of {name} arrive could not be looked at:"
        return f"no trace of {name} arrived:" if self.causes else f"no trace of {name} arrived, and no check knows why"

    def as_json(self) -> dict[str, Any]:
        """The answer for a program."""
        return {
            "function": self.seen.arn,
            "from": self.seen.since.isoformat(),
            "to": self.seen.until.isoformat(),
            "traces_arrive": self.status == 0,
            "traces": self.seen.arrived.count,
            "newest_trace": self.seen.arrived.newest,
            "causes": [finding.as_json() for finding in self.causes],
            "notes": [finding.as_json() for finding in self.notes],
            "not_looked_at": [{"what": each.what, "reason": each.reason} for each in self.seen.not_looked_at],
        }


def diagnose(seen: FunctionSeen) -> Diagnosis:
    """Run every check over what was seen."""
    found: list[Finding] = []
    for check in CHECKS:
        said = check(seen)
        found += [said] if isinstance(said, Finding) else said or ()
    names = {finding.name for finding in found}
    told = [finding for finding in found if not names & SAID_BY.get(finding.name, set())]
    return Diagnosis(
        seen=seen,
        causes=tuple(finding for finding in told if finding.cause),
        notes=tuple(finding for finding in told if not finding.cause),
    )
