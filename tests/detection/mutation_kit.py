"""Rules with one mistake each, to see whether the records of the rule would find it.

``python -m tests.detection.mutation_kit`` tries every mutant there is, and prints those that no record finds.
"""

from __future__ import annotations

import copy
import re
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from sigma.exceptions import SigmaError
from sigma.rule import SigmaRule
from tests.detection import record_kit
from tests.detection.engines import athena_answers, athena_meets, on_day
from tests.detection.record_kit import Json

from raytrail.replay import compile_pattern
from raytrail.sigma import CompiledRule, catalog
from raytrail.sigma._athena_backend import predicate
from raytrail.sigma._eventbridge import EventBridgeBackend, patterns
from raytrail.sigma.compiler import InvalidRule, NotExpressible

CATALOG = Path(__file__).parents[2] / "constructs" / "raytrail" / "detection" / "catalog"
_TERM = r"(?:\d+ of [\w*]+|all of [\w*]+|\([^()]*\)|(?!and\b|or\b|not\b)[\w*]+)"


@dataclass(frozen=True)
class Mutant:
    """A rule with one mistake."""

    rule: str
    mistake: str
    """What was changed, as ``selection.eventName: without DeleteTrail``."""
    document: Json
    """The Sigma rule."""

    @property
    def key(self) -> str:
        """What it is called among the survivors."""
        return f"{self.rule}: {self.mistake}"


@dataclass(frozen=True)
class CorrelationMutant:
    """A correlation with one mistake."""

    rule: str
    mistake: str
    compiled: CompiledRule

    @property
    def key(self) -> str:
        """What it is called among the survivors."""
        return f"{self.rule}: {self.mistake}"


@cache
def documents() -> dict[str, Json]:
    """The rules of the catalogue about single events, as written, by name."""
    found: dict[str, Json] = {}
    for path in sorted(CATALOG.glob("*.yml")):
        for document in yaml.load_all(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader):
            if "detection" in document:
                found[document["name"]] = document
    return found


def mutants(name: str) -> Iterator[Mutant]:
    """Every mistake of a kind that is tried, in one rule."""
    document = documents()[name]
    for mistake, detection in _mistakes(document["detection"]):
        yield Mutant(name, mistake, {**document, "detection": detection})


def _mistakes(detection: Json) -> Iterator[tuple[str, Json]]:
    for section, items in detection.items():
        if section == "condition":
            for mistake, condition in _in_condition(items):
                yield mistake, {**detection, "condition": condition}
        else:
            for mistake, changed in _in_section(items):
                yield f"{section}{mistake}", {**detection, section: changed}


def _in_section(items: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(items, list):
        for index, item in enumerate(items):
            if len(items) > 1:
                yield f": without {item!r:.60}", [*items[:index], *items[index + 1 :]]
            if isinstance(item, dict):
                for mistake, changed in _in_section(item):
                    yield f"[{index}]{mistake}", [*items[:index], changed, *items[index + 1 :]]
        return
    for key, value in items.items():
        if len(items) > 1:
            yield f".{key}: dropped", {other: items[other] for other in items if other != key}
        values = value if isinstance(value, list) else [value]
        for index, each in enumerate(values):
            if len(values) > 1:
                yield f".{key}: without {each!r:.60}", {**items, key: [*values[:index], *values[index + 1 :]]}
            if (other := _other(each)) is not None:
                yield f".{key}: {other!r:.60}", {**items, key: [*values[:index], other, *values[index + 1 :]]}


def _other(value: Any) -> Any:
    """Another value than the one that is right; None where there is no sensible one."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, str):
        # In the middle, so that a prefix, a suffix and a part are all spoilt.
        return f"{value[: len(value) // 2]}~{value[len(value) // 2 :]}"
    return None


def _in_condition(condition: str) -> Iterator[tuple[str, str]]:
    condition = " ".join(condition.split())
    for found in re.finditer(r"\bnot ", condition):
        yield f"condition: {found.start()} without not", condition[: found.start()] + condition[found.end() :]
    for found in re.finditer(rf" (and|or) (?:not )?{_TERM}", condition):
        yield f"condition: dropped{found.group()}", condition[: found.start()] + condition[found.end() :]
    for found in re.finditer(rf"(?:not )?{_TERM} (?:and|or) ", condition):
        yield f"condition: dropped {found.group()}", condition[: found.start()] + condition[found.end() :]
    for word, other in (("and", "or"), ("or", "and")):
        for found in re.finditer(rf" {word} ", condition):
            changed = f"{condition[: found.start()]} {other} {condition[found.end() :]}"
            yield f"condition: {found.start()} {other} for {word}", changed


def correlation_mutants(rule: CompiledRule) -> Iterator[CorrelationMutant]:
    """Every mistake of a kind that is tried, in one correlation."""
    about = rule.correlation
    assert about is not None
    changes: dict[str, dict[str, Any]] = {
        "one more": {"count": about.count + 1},
        "one less": {"count": about.count - 1},
        "half the time": {"timespan_seconds": about.timespan_seconds // 2},
        "twice the time": {"timespan_seconds": about.timespan_seconds * 2},
    }
    if about.value_field is not None:
        changes["events for values"] = {"type": "event_count", "value_field": None}
    for field in about.group_by:
        changes[f"not by {field}"] = {"group_by": tuple(other for other in about.group_by if other != field)}
    if about.type == "temporal_ordered":
        changes["in any order"] = {"type": "temporal"}
    for mistake, change in changes.items():
        counted = about.type in ("event_count", "value_count")
        if counted or "count" not in change:
            yield CorrelationMutant(rule.name, mistake, replace(rule, correlation=replace(about, **change)))


def survivors(tried: Iterable[Mutant]) -> tuple[list[Mutant], int]:
    """The mutants that every record of their rule is right about, and how many were rules at all."""
    asked: list[tuple[Mutant, str]] = []
    alive: list[Mutant] = []
    count = 0
    for mutant in tried:
        try:
            rule = SigmaRule.from_dict(copy.deepcopy(mutant.document))
            found = patterns(EventBridgeBackend().formula(rule))
        except (NotExpressible, SigmaError, InvalidRule):
            # Not for EventBridge, or no rule at all; Athena's backend tells which.
            try:
                asked.append((mutant, predicate(SigmaRule.from_dict(copy.deepcopy(mutant.document)))))
            except (NotExpressible, SigmaError, InvalidRule):
                continue
            count += 1
            continue
        count += 1
        compiled = [compile_pattern(pattern) for pattern in found]
        wanted, others = _events(mutant.rule)
        if all(any(each.matches(event) for each in compiled) for event in wanted) and not any(
            each.matches(event) for event in others for each in compiled
        ):
            alive.append(mutant)
    return alive + _alive_on_athena(asked), count


@cache
def _events(name: str) -> tuple[list[Json], list[Json]]:
    loaded = record_kit.load(name)
    return (
        [record_kit.event_of(each.record) for each in loaded.matches],
        [record_kit.event_of(each.record) for each in loaded.near_misses],
    )


def _alive_on_athena(asked: Sequence[tuple[Mutant, str]]) -> list[Mutant]:
    names = sorted({mutant.rule for mutant, _ in asked})
    records: list[Json] = []
    wanted: dict[str, set[int]] = defaultdict(set)
    own: dict[str, set[int]] = defaultdict(set)
    for name in names:
        matching, others = _events(name)
        wanted[name] = {len(records) + index for index in range(len(matching))}
        own[name] = wanted[name] | {len(records) + len(matching) + index for index in range(len(others))}
        records += [event["detail"] for event in (*matching, *others)]
    if not records:
        return []
    met = athena_meets({str(index): condition for index, (_, condition) in enumerate(asked)}, records)
    return [
        mutant for index, (mutant, _) in enumerate(asked) if met[str(index)] & own[mutant.rule] == wanted[mutant.rule]
    ]


def surviving_correlations(tried: Sequence[CorrelationMutant], folder: Path) -> list[CorrelationMutant]:
    """The mutants of correlations that every sequence of their rule is right about."""
    events: list[Json] = []
    ids: dict[str, tuple[list[set[str]], list[set[str]]]] = {}
    day = 0
    for name in sorted({mutant.rule for mutant in tried}):
        loaded = record_kit.load(name)
        ids[name] = ([], [])
        for kind, sequences in enumerate((loaded.sequences, [each.events for each in loaded.near_sequences])):
            for sequence in sequences:
                moved = on_day(sequence, day := day + 3)
                events += moved
                ids[name][kind].append({event["eventID"] for event in moved})
    named = [replace(mutant.compiled, name=f"mutant_{index}") for index, mutant in enumerate(tried)]
    found = athena_answers(named, events, folder, among=catalog())
    alive = []
    for mutant, rule in zip(tried, named, strict=True):
        whole, lacking = ids[mutant.rule]
        if all(found[rule.name] & each for each in whole) and not any(found[rule.name] & each for each in lacking):
            alive.append(mutant)
    return alive


def main() -> None:
    """Try every mutant of every rule that has records."""
    recorded = set(record_kit.names())
    alive, count = survivors(mutant for name in documents() if name in recorded for mutant in mutants(name))
    correlations = [
        mutant
        for rule in catalog()
        if rule.correlation is not None and rule.name in recorded
        for mutant in correlation_mutants(rule)
    ]
    with tempfile.TemporaryDirectory() as folder:
        left = surviving_correlations(correlations, Path(folder))
    print(*(each.key for each in alive), *(each.key for each in left), sep="\n")
    print(f"{len(alive)} of {count} mutants of rules and {len(left)} of {len(correlations)} of correlations survive")


if __name__ == "__main__":
    main()
