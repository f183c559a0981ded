"""One rule, two engines, one answer: on every record that EventBridge can see."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
from tests.detection.record_kit import load, names

from raytrail.cli._replay._correlate import TABLE
from raytrail.cli._replay._pieces import Piece, pieces_of
from raytrail.cli._replay._reading import Read, read_piece
from raytrail.localaws.athena import Batches, Record, check_conditions, is_plain
from raytrail.replay import ALL_MANAGEMENT, Detection, EventBus, EventRule, event_of, is_quiet
from raytrail.sigma import CompiledRule, catalog, reads

LEAST_REAL, LEAST_OWN = 300, 500
"""Matches that both engines must have: fewer would compare nothing with nothing."""

RULES = [rule for rule in catalog() if rule.patterns and rule.predicate is not None]


def on_bus(rules: list[CompiledRule]) -> EventBus:
    """All rules, those that are only part of a correlation too, in the states that they would have."""
    return EventBus(
        EventRule(
            name=rule.name,
            detection=Detection.of(rule),
            pattern=pattern,
            state=ALL_MANAGEMENT if reads(rule) else "ENABLED",
        )
        for rule in rules
        for pattern in rule.patterns
    )


def compared(records: list[Read]) -> Counter[str]:
    """What both engines matched, by rule; the records on which they differ fail."""
    conditions = check_conditions({rule.name: str(rule.predicate) for rule in RULES}, table=TABLE)
    with Batches(conditions) as batches:
        met, misfits = batches.ask([Record(each.text, is_plain(each.record)) for each in records])
    left_out = {misfit.place for misfit in misfits}
    athena: dict[int, set[str]] = {}
    for name, place in met:
        athena.setdefault(place, set()).add(name)
    bus = on_bus(RULES)
    waits = {rule.name for rule in RULES if not reads(rule)}
    agreed: Counter[str] = Counter()
    differ = []
    for place, each in enumerate(records):
        if place in left_out:
            continue
        eventbridge = {detection.name for detection in bus.detections(each.record)}
        # What no rule in state ENABLED gets to see.
        unseen = waits if is_quiet(event_of(each.record)) else set()
        expected = athena.get(place, set()) - unseen
        if eventbridge != expected:
            differ.append(
                f"{each.file}:{each.line}: EventBridge {eventbridge - expected}, Athena {expected - eventbridge}"
            )
        agreed.update(eventbridge & expected)
    assert not differ, "\n".join(differ[:20])
    return agreed


def test_the_engines_agree_on_all_real_records(attack_logs: Path):
    pieces = [
        piece for path in sorted(attack_logs.glob("*.gz")) for piece in pieces_of(path) if isinstance(piece, Piece)
    ]
    records = [each for piece in pieces for each in read_piece(piece) if isinstance(each, Read)]
    agreed = compared(records)
    print(f"{agreed.total()} matches of {len(agreed)} rules in {len(records)} real records: both engines say the same")
    assert agreed.total() >= LEAST_REAL


def own_records(name: str) -> Iterator[dict[str, Any]]:
    """The records that a rule is held to, those that it must not match too."""
    found = load(name)
    for match in found.matches:
        yield match.record
    for near in found.near_misses:
        yield near.record
    for sequence in (*found.sequences, *(near.events for near in found.near_sequences)):
        yield from sequence


def test_the_engines_agree_on_the_rules_own_records():
    records = [
        Read(name, line, orjson.dumps(record), record)
        for name in names()
        for line, record in enumerate(own_records(name), 1)
    ]
    agreed = compared(records)
    print(f"{agreed.total()} matches of {len(agreed)} rules in {len(records)} own records: both engines say the same")
    assert agreed.total() >= LEAST_OWN
    # Each rule that both can express matches something.
    assert set(agreed) == {rule.name for rule in RULES}
