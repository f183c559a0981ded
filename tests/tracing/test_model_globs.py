"""Patterns with wildcards, held against regular expressions, brute force, and the samplers that AWS publishes."""

from __future__ import annotations

import itertools
import re

import pytest
from amazon.opentelemetry.distro.sampler._matcher import _Matcher
from aws_xray_sdk.core.utils.search_pattern import wildcard_match
from hypothesis import given
from hypothesis import strategies as st

from raytrail.tracing._model_globs import covers, matches

# "z" is in no pattern: it is what only a wildcard matches.
TEXTS = ["".join(letters) for length in range(8) for letters in itertools.product("abz", repeat=length)]

patterns = st.text("ab*?", max_size=4)
long_patterns = st.text("ab/*?", max_size=128)
texts = st.text("abz/", max_size=12)


def expression(pattern: str) -> re.Pattern[str]:
    wildcards = {"*": ".*", "?": "."}
    return re.compile("".join(wildcards.get(each, re.escape(each)) for each in pattern), re.DOTALL)


@given(patterns, texts)
def test_a_pattern_matches_what_its_regular_expression_does(pattern, text):
    assert matches(pattern, text) == bool(expression(pattern).fullmatch(text))


@given(st.text("abAB*?.+[", max_size=6), st.text("abAB.+[", max_size=8))
def test_a_pattern_matches_what_it_does_in_the_sampler_of_aws_distribution(pattern, text):
    assert matches(pattern, text) == _Matcher.wild_card_match(text, pattern)


@given(patterns, texts)
def test_in_lower_case_a_pattern_matches_what_it_does_in_the_x_ray_sdk(pattern, text):
    assert matches(pattern, text) == wildcard_match(pattern, text)


@given(patterns, patterns)
def test_what_covers_a_pattern_matches_all_that_it_matches(wide, narrow):
    """Texts of up to seven characters tell two patterns of up to four apart, but for those that need longer ones."""
    narrow_texts = [text for text in TEXTS if expression(narrow).fullmatch(text)]
    missed = [text for text in narrow_texts if not expression(wide).fullmatch(text)]
    if covers(wide, narrow):
        assert missed == []
    else:
        assert missed or len(narrow) + len(wide) > 7, f"{wide!r} was said to miss a text of {narrow!r}"


@given(patterns, patterns)
def test_what_does_not_cover_a_pattern_misses_a_text_that_can_be_shown(wide, narrow):
    """Each ``*`` stands for some number of strangers, up to one more than the other pattern has places."""
    stars = narrow.count("*")
    runs = itertools.product(range(len(wide) + 2), repeat=stars)
    instances = (filled(narrow, run) for run in runs)
    assert covers(wide, narrow) == all(expression(wide).fullmatch(text) for text in instances)


def filled(pattern: str, run: tuple[int, ...]) -> str:
    lengths = iter(run)
    return "".join("z" * next(lengths) if each == "*" else "z" if each == "?" else each for each in pattern)


@given(long_patterns)
def test_each_pattern_covers_itself_and_is_covered_by_the_star(pattern):
    assert covers(pattern, pattern)
    assert covers("*", pattern)


@given(patterns, patterns, patterns)
def test_to_cover_is_transitive(first, second, third):
    if covers(first, second) and covers(second, third):
        assert covers(first, third)


@pytest.mark.parametrize(
    ("wide", "narrow"),
    [
        ("/api/*", "/api/orders/*"),
        ("*", "GET"),
        ("a*", "a*b*"),
        ("*b*", "a*b?"),
        ("G?T", "GET"),
        ("?*", "??*"),
    ],
)
def test_a_pattern_covers_a_narrower_one_and_not_the_other_way_round(wide, narrow):
    assert covers(wide, narrow)
    assert not covers(narrow, wide)


@pytest.mark.parametrize(("one", "other"), [("?*", "*?"), ("**", "*"), ("a**?b", "a?*b")])
def test_two_ways_to_write_the_same_pattern_cover_each_other(one, other):
    assert covers(one, other)
    assert covers(other, one)


@pytest.mark.parametrize(
    ("wide", "narrow"),
    [("/api/*", "/apis/*"), ("?*", "*"), ("*a", "*"), ("a*b", "a*c"), ("*ab*", "*a*b*"), ("G?T", "G*T"), ("a", "A")],
)
def test_a_pattern_that_misses_one_text_does_not_cover(wide, narrow):
    assert not covers(wide, narrow)


def test_patterns_as_long_as_they_may_be_with_wildcards_all_over_are_decided():
    wide = "*" + "a?" * 60 + "*"
    narrow = "*?a*" * 30
    assert not covers(wide, narrow)
    assert covers(narrow, wide)
