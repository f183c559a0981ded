"""What was measured, compared: added milliseconds with their confidence, the goals, a table."""

from __future__ import annotations

import random
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.overhead._measure import Measurement
from benchmarks.overhead._variants import ADOT, ADOT_LITE, BARE, XRAY_SDK
from rich.table import Table

RESAMPLES = 300
COLD_BUDGETS = {ADOT_LITE.title: 1.5, ADOT.title: 3.0}
"""How many times as long as bare a cold start may be. README.md says why."""


@dataclass(frozen=True, kw_only=True)
class Added:
    """By how much one median is above another, in seconds, and between what it lies in 95 of 100 repetitions."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.median * 1e3:+.2f} ({self.low * 1e3:+.2f} to {self.high * 1e3:+.2f})"


@dataclass(frozen=True, kw_only=True)
class Goal:
    """A goal, what was measured for it, and whether that meets it."""

    goal: str
    measured: str
    met: bool


def added(seconds: Sequence[float], base: Sequence[float]) -> Added:
    """Compare the medians of two lists that were measured in the same rounds.

    The interval is the bootstrap's, of whole rounds: what made a round slow made both of its calls slow.
    """
    chance = random.Random(RESAMPLES)
    rounds = range(len(seconds))
    differences = []
    for _ in range(RESAMPLES):
        drawn = chance.choices(rounds, k=len(rounds))
        differences.append(
            statistics.median([seconds[each] for each in drawn]) - statistics.median([base[each] for each in drawn])
        )
    cuts = statistics.quantiles(differences, n=40, method="inclusive")
    return Added(median=statistics.median(seconds) - statistics.median(base), low=cuts[0], high=cuts[-1])


def percentile_95(seconds: Sequence[float]) -> float:
    """What 95 of 100 calls stay below."""
    return statistics.quantiles(seconds, n=20, method="inclusive")[-1]


def goals(measurements: Sequence[Measurement]) -> list[Goal]:
    """Every goal that these variants allow to check."""
    by_title = {measurement.variant.title: measurement for measurement in measurements}
    found: list[Goal] = []
    if XRAY_SDK.title in by_title:
        found += [
            _warm_goal(by_title[variant.title], by_title[XRAY_SDK.title])
            for variant in (ADOT_LITE, ADOT)
            if variant.title in by_title
        ]
    if by_title[BARE.title].loaded:
        found += [
            _cold_goal(by_title[title], by_title[BARE.title], budget)
            for title, budget in COLD_BUDGETS.items()
            if title in by_title
        ]
    return found


def _warm_goal(adot: Measurement, xray_sdk: Measurement) -> Goal:
    above = added(adot.calls, xray_sdk.calls)
    return Goal(
        goal=f"warm call: {adot.variant.title} adds no more than the {xray_sdk.variant.title}",
        measured=f"{above} ms above it",
        met=above.median <= 0,
    )


def _cold_goal(adot: Measurement, bare: Measurement, budget: float) -> Goal:
    ratio = statistics.median(adot.cold) / statistics.median(bare.cold)
    return Goal(
        goal=f"cold start: {adot.variant.title} at most {budget:g} times bare",
        measured=f"{ratio:.2f} times",
        met=ratio <= budget,
    )


def cold_table(measurements: Sequence[Measurement]) -> Table:
    """A row for each variant."""
    bare = measurements[0]
    table = Table(title=f"Cold start, median of {len(bare.loaded)} processes, ms", title_justify="left")
    table.add_column("variant", no_wrap=True)
    for heading in ("loaded after", "first call", "both, added", "processor, added", "times bare"):
        table.add_column(heading, justify="right")
    for one in measurements:
        table.add_row(
            one.variant.title,
            f"{statistics.median(one.loaded) * 1e3:.0f}",
            f"{statistics.median(one.first) * 1e3:.0f}",
            _above(one.cold, bare.cold, one is bare, "{:+.0f}"),
            _above(one.cold_processor, bare.cold_processor, one is bare, "{:+.0f}"),
            f"{statistics.median(one.cold) / statistics.median(bare.cold):.2f}",
        )
    return table


def warm_table(measurements: Sequence[Measurement]) -> Table:
    """The same of warm calls, with the memory and the proof."""
    bare = measurements[0]
    title = f"Warm call, {len(bare.calls)} of each, ms added to bare's median of {_ms(bare.calls)}"
    table = Table(title=title, title_justify="left")
    table.add_column("variant", no_wrap=True)
    for heading in ("median (95 % sure)", "95th percentile", "processor", "peak MB", "spans", "proven"):
        table.add_column(heading, justify="right", min_width=22 if "sure" in heading else None)
    for one in measurements:
        p95 = (percentile_95(one.calls) - percentile_95(bare.calls)) * 1e3
        table.add_row(
            one.variant.title,
            "" if one is bare else str(added(one.calls, bare.calls)),
            "" if one is bare else f"{p95:+.2f}",
            _above(one.processor, bare.processor, one is bare, "{:+.2f}"),
            f"{one.peak_mb:.0f}",
            str(len(one.spans)),
            str(one.proven),
        )
    return table


def summary(one: Measurement, bare: Measurement) -> dict[str, object]:
    """One variant and its figures, in milliseconds, for the written report."""
    warm = added(one.calls, bare.calls)
    figures: dict[str, object] = {
        "title": one.variant.title,
        "variables": dict(one.variant.variables),
        "spans": one.spans,
        "warm_added_median_ms": warm.median * 1e3,
        "warm_added_95_percent_interval_ms": [warm.low * 1e3, warm.high * 1e3],
        "warm_added_95th_percentile_ms": (percentile_95(one.calls) - percentile_95(bare.calls)) * 1e3,
        "warm_added_processor_ms": (statistics.median(one.processor) - statistics.median(bare.processor)) * 1e3,
        "peak_mb": one.peak_mb,
        "calls_proven": one.proven,
    }
    if one.loaded:
        figures["cold_added_ms"] = (statistics.median(one.cold) - statistics.median(bare.cold)) * 1e3
        figures["cold_times_bare"] = statistics.median(one.cold) / statistics.median(bare.cold)
    return figures


def _ms(seconds: Sequence[float]) -> str:
    return f"{statistics.median(seconds) * 1e3:.2f}"


def _above(seconds: Sequence[float], base: Sequence[float], same: bool, form: str) -> str:
    return "" if same else form.format((statistics.median(seconds) - statistics.median(base)) * 1e3)
