"""Compiled rules as JSON, and back."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raytrail.errors import InvalidProps
from raytrail.sigma import LEVELS, Call, CompiledRule, Correlation, catalog_rule
from raytrail.sigma._store import from_json, to_json

words = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=8)
several = st.lists(words, max_size=3).map(tuple)
names = st.from_regex(r"[a-z]{1,6}(_[a-z]{1,4})?", fullmatch=True)
sources = st.from_regex(r"[a-z*]{1,6}", fullmatch=True)
values = st.recursive(words | st.booleans() | st.none() | st.integers(-5, 5), lambda below: st.lists(below, max_size=2))
correlations = st.builds(
    Correlation,
    type=st.sampled_from(["event_count", "value_count", "temporal", "temporal_ordered"]),
    rules=several,
    group_by=several,
    timespan_seconds=st.integers(1, 9),
    count=st.integers(0, 9),
    value_field=st.none() | words,
)
rules = st.builds(
    CompiledRule,
    name=names,
    id=words,
    title=words,
    level=st.sampled_from(LEVELS),
    description=words,
    techniques=several,
    tactics=several,
    false_positives=several,
    next_steps=several,
    references=several,
    calls=st.lists(st.builds(Call, sources, words), max_size=3).map(tuple),
    patterns=st.lists(st.dictionaries(words, st.lists(values, max_size=2), max_size=2), max_size=2).map(tuple),
    eventbridge_reason=st.none() | words,
    predicate=st.none() | words,
    correlation=st.none() | correlations,
    own=st.booleans(),
)


@given(st.lists(rules, max_size=4, unique_by=lambda rule: rule.name))
def test_rules_come_back_as_they_were_sorted_by_name(given_rules):
    text = to_json(given_rules)
    assert from_json(text) == tuple(sorted(given_rules, key=lambda rule: rule.name))
    assert to_json(reversed(given_rules)) == text
    assert to_json(from_json(text)) == text


def test_what_is_the_default_is_not_written():
    rule = CompiledRule(
        name="a", id="b", title="c", level="low", description="d", techniques=("T1562",), tactics=("impact",)
    )
    (stored,) = json.loads(to_json([rule]))["rules"]
    assert list(stored) == ["name", "id", "title", "level", "description", "techniques", "tactics"]


@pytest.mark.parametrize("text", ['{"format": 2, "rules": []}', "[]"])
def test_rules_of_another_format_are_refused(text):
    with pytest.raises(InvalidProps, match="format 1 is read; compile them again"):
        from_json(text)


def test_a_rule_is_found_by_its_name_and_a_wrong_name_by_what_it_resembles():
    assert catalog_rule("trail_tampering").name == "trail_tampering"
    with pytest.raises(InvalidProps, match=r"no rule 'trail_tempering'; did you mean 'trail_tampering'\?"):
        catalog_rule("trail_tempering")
