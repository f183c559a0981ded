"""Where a rule is available and what it needs, for tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from raytrail.sigma._model import Call, CompiledRule, Engine
from raytrail.sigma._reach import reads
from raytrail.sigma._reach_calls import data_types, home_of, only_data, read_only
from raytrail.sigma._reach_demands import demands_of
from raytrail.sigma._reach_facts import SIGN_IN_REGIONS, SIGN_IN_SOURCE

EVERY_REGION = "every Region"


@dataclass(frozen=True, kw_only=True, slots=True)
class Availability:
    """Where a rule is available and what it needs."""

    engines: tuple[Engine, ...]
    """Those that can express it."""
    regions: tuple[str, ...]
    """Where its events reach an EventBridge rule: ``every Region``, the one Region of a global service, or those that
    AWS names for sign-ins. Athena sees every Region."""
    needs: tuple[str, ...]
    """What a trail or a rule is to have beyond write management events, as ``data events of AWS::S3::Object``; with
    ``(some calls)`` behind it where the others do without."""


def availability(rule: CompiledRule, *, among: Mapping[str, CompiledRule] | None = None) -> Availability:
    """Where ``rule`` is available and what it needs.

    Args:
        rule: The rule.
        among: Rules by name, of which a correlation names some: it needs what they need. Default: none are known.
    """
    if rule.correlation is not None:
        parts = [availability(among[name]) for name in rule.correlation.rules if among and name in among]
        return Availability(
            engines=() if rule.athena_reason else ("athena",),
            regions=(EVERY_REGION,),
            needs=tuple(dict.fromkeys(need for part in parts for need in part.needs)),
        )
    engines: list[Engine] = ["eventbridge"] if rule.patterns else []
    if rule.predicate:
        engines.append("athena")
    regions = {region for call in rule.calls for region in _regions(call)} if rule.patterns else set()
    return Availability(
        engines=tuple(engines),
        regions=tuple(sorted(regions, key=lambda region: (region != EVERY_REGION, region))) or (EVERY_REGION,),
        needs=_needs(rule),
    )


def _regions(call: Call) -> tuple[str, ...]:
    return SIGN_IN_REGIONS if call.source == SIGN_IN_SOURCE else (home_of(call) or EVERY_REGION,)


def _needs(rule: CompiledRule) -> tuple[str, ...]:
    categories = demands_of(rule).categories
    needs = []
    if reads(rule):
        needs.append(
            _some(rule, "read-only management events", lambda call: read_only(call) is True and not only_data(call))
        )
    if "Data" in categories:
        types = {_plainest(data_types(call)) for call in rule.calls if only_data(call)}
        needs += [_some(rule, f"data events of {type}", partial(_is_of, type)) for type in sorted(types)]
    if categories == {"NetworkActivity"}:
        needs += [f"network activity of {source}" for source in sorted({call.source for call in rule.calls})]
    if categories == {"Insight"}:
        needs.append("Insights")
    return tuple(needs)


def _some(rule: CompiledRule, need: str, needed: Callable[[Call], bool]) -> str:
    return need if all(needed(call) for call in rule.calls) else f"{need} (some calls)"


def _is_of(type: str, call: Call) -> bool:
    return type in data_types(call)


def _plainest(types: frozenset[str]) -> str:
    """Of several types that let a call in: AWS::S3::Object, not AWS::S3::AccessPoint."""
    return min(types, key=lambda type: (len(type), type))
