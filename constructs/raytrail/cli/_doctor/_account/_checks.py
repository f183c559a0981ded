"""The checks in order, and what they come to."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from raytrail.cli._doctor._account import _checks_deploy as deploy
from raytrail.cli._doctor._account import _checks_names as names
from raytrail.cli._doctor._account import _checks_quotas as quotas
from raytrail.cli._doctor._account import _checks_settings as settings
from raytrail.cli._doctor._account import _checks_trails as trails
from raytrail.cli._doctor._account._seen import Seen
from raytrail.cli._doctor._model import Finding

Run = Callable[[Seen], "Finding | Iterable[Finding] | None"]


@dataclass(frozen=True)
class Check:
    """One thing that is looked at.

    Attributes:
        what: It, in words.
        asked: Whether there was anything to look at, and it could be: silence is no promise.
        runs: What looks at it.
    """

    what: str
    asked: Callable[[Seen], object]
    runs: tuple[Run, ...]


CHECKS: tuple[Check, ...] = (
    Check(
        "the states of the stacks", lambda seen: seen.plan.stacks and seen.stacks is not None, (deploy.stack_states,)
    ),
    Check("the bootstrap", lambda seen: seen.bootstraps, (deploy.bootstrap,)),
    Check(
        "the roles of the bootstrap",
        lambda seen: seen.permissions and seen.permissions.may_assume,
        (deploy.may_not_deploy,),
    ),
    Check(
        "the actions that the resources need",
        lambda seen: seen.permissions and seen.permissions.may,
        (deploy.lacking_actions,),
    ),
    Check("the names of the resources", lambda seen: seen.plan.names and seen.stacks is not None, (names.taken_names,)),
    Check("quotas", lambda seen: seen.quotas, (quotas.quotas,)),
    Check("layers", lambda seen: any(seen.layers.values()), (settings.layers,)),
    Check(
        "trails",
        lambda seen: seen.trails is not None,
        (trails.second_trails, trails.no_trail, trails.lake_without_trail),
    ),
    Check("sampling rules", lambda seen: seen.rules is not None, (names.sampling_rules,)),
    Check("Transaction Search", lambda seen: seen.spans_to, (settings.transaction_search,)),
    Check("X-Ray's key", lambda seen: seen.trace_key is not None, (settings.trace_key,)),
    Check("API Gateway's role", lambda seen: seen.gateway_role is not None, (settings.gateway_role,)),
    Check("Application Signals", lambda seen: seen.signals is not None, (settings.application_signals,)),
    Check("the price of dashboards", lambda seen: seen.dashboards is not None, (quotas.dashboards,)),
    Check("the Regions of the lake", lambda seen: seen.regions is not None, (settings.lake_regions,)),
)
"""What stops a deployment comes before what costs money, and that before what is worth knowing."""


def checked(seen: Seen) -> tuple[tuple[Finding, ...], tuple[str, ...]]:
    """The findings of every check, and what was looked at and is in order."""
    findings: list[Finding] = []
    in_order: list[str] = []
    for check in CHECKS:
        found = [finding for run in check.runs for finding in _findings(run, seen)]
        findings += found
        if check.asked(seen) and not found:
            in_order.append(check.what)
    in_order += [f"{each.what}: {each.after:,} of {each.limit:,}" for each in seen.quotas if each.is_in_order]
    return tuple(findings), tuple(f"{each} ({seen.plan.where.region})" for each in in_order)


def _findings(run: Run, seen: Seen) -> Iterable[Finding]:
    said = run(seen)
    return [said] if isinstance(said, Finding) else said or ()
