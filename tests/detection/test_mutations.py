"""Rules with one mistake each: some record of the rule must tell each of them from the rule.

The mistakes are drawn by a seed, so that a run is quick and is the same each time; ``python -m
tests.detection.mutation_kit`` tries them all. Survivors are printed, and only those that are listed here may be.
"""

from __future__ import annotations

import random

import pytest
from tests.detection import record_kit
from tests.detection.mutation_kit import (
    Mutant,
    correlation_mutants,
    documents,
    mutants,
    surviving_correlations,
    survivors,
)

from raytrail.sigma import catalog

SEED = 6
OF_EACH_RULE = 1
BESIDES = 160
OF_CORRELATIONS = 16

RECORDED = frozenset(record_kit.names())
"""Rules without records are named by `test_catalog`."""

CORRELATIONS = [rule for rule in catalog() if rule.correlation is not None and rule.name in RECORDED]

SURVIVORS: dict[str, str] = {}
"""Mutants that no record can tell from the rule, by `Mutant.key`, each with the reason."""


@pytest.fixture
def draw() -> random.Random:
    return random.Random(SEED)


def test_records_tell_a_rule_from_one_with_a_mistake(draw, capsys):
    of_rules = {name: list(mutants(name)) for name in documents() if name in RECORDED}
    drawn = {each.key: each for found in of_rules.values() for each in draw.sample(found, OF_EACH_RULE)}
    others = [each for found in of_rules.values() for each in found if each.key not in drawn]
    alive, count = survivors([*drawn.values(), *draw.sample(others, BESIDES)])
    with capsys.disabled():
        total = sum(map(len, of_rules.values()))
        print(
            f"\n{count} of {total} mutants of rules tried, {len(alive)} survive",
            *(each.key for each in alive),
            sep="\n  ",
        )
    assert count > 200
    assert {each.key for each in alive} <= set(SURVIVORS)


def test_sequences_tell_a_correlation_from_one_with_a_mistake(draw, capsys, tmp_path):
    found = [each for rule in CORRELATIONS for each in correlation_mutants(rule)]
    drawn = draw.sample(found, OF_CORRELATIONS)
    alive = surviving_correlations(drawn, tmp_path)
    with capsys.disabled():
        print(f"\n{len(drawn)} of {len(found)} mutants of correlations tried, {len(alive)} survive", end="")
        print("", *(each.key for each in alive), sep="\n  ")
    assert {each.key for each in alive} <= set(SURVIVORS)


def test_a_rule_without_a_mistake_survives(draw):
    """Otherwise the tests above would find nothing but that the records do not fit the rules."""
    names = draw.sample(sorted(RECORDED & set(documents())), 20)
    alive, count = survivors(Mutant(name, "nothing", documents()[name]) for name in names)
    assert (len(alive), count) == (20, 20)


def test_each_survivor_that_is_listed_survives():
    listed = [mutant for name in documents() for mutant in mutants(name) if mutant.key in SURVIVORS]
    of_correlations = {each.key for rule in CORRELATIONS for each in correlation_mutants(rule)}
    assert {each.key for each in survivors(listed)[0]} == set(SURVIVORS) - of_correlations
    assert all(SURVIVORS.values())
