"""Sampling rules as values, held against CloudFormation's schema of AWS::XRay::SamplingRule."""

from __future__ import annotations

import string
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raytrail.errors import InvalidProps
from raytrail.tracing import SamplingRule
from raytrail.tracing._model import check_name

NAMES = st.text(string.ascii_letters + string.digits + "-", min_size=1, max_size=32).filter(
    lambda name: name != "Default"
)
LIMITS = {"service_name": 64, "service_type": 64, "host": 64, "http_method": 10, "url_path": 128}


def texts(limit: int) -> st.SearchStrategy[str]:
    return st.text(min_size=1, max_size=limit)


RULES = st.builds(
    SamplingRule,
    name=NAMES,
    priority=st.integers(1, 9999),
    rate=st.floats(0, 1),
    reservoir_per_second=st.integers(0, 10_000),
    **{field: texts(limit) for field, limit in LIMITS.items()},
)
RULE = SamplingRule(name="orders", priority=100, rate=0.05)


def refusal(**changes: Any) -> str:
    with pytest.raises(InvalidProps) as refused:
        replace(RULE, **changes)
    return str(refused.value)


@given(RULES)
def test_a_rule_within_x_rays_limits_is_taken_as_it_is(rule):
    assert replace(rule) == rule


@given(st.integers().filter(lambda number: not 1 <= number <= 9999))
def test_a_priority_is_from_1_to_9999(priority):
    assert refusal(priority=priority) == f"priority of sampling rule 'orders' is from 1 (first) to 9999, got {priority}"


@given(
    st.one_of(st.floats(max_value=0, exclude_max=True), st.floats(min_value=1, exclude_min=True), st.just(float("nan")))
)
def test_a_rate_is_a_share_from_0_to_1(rate):
    assert refusal(rate=rate) == f"rate of sampling rule 'orders' is a share from 0 to 1, got {rate}"


@given(st.integers(max_value=-1))
def test_a_reservoir_is_not_negative(reservoir):
    said = refusal(reservoir_per_second=reservoir)
    assert said == f"reservoir_per_second of sampling rule 'orders' is 0 or more, got {reservoir}"


@pytest.mark.parametrize(("field", "limit"), LIMITS.items())
@pytest.mark.parametrize("too_long", [False, True])
def test_a_matcher_is_neither_empty_nor_longer_than_x_ray_takes(field, limit, too_long):
    length = limit + 1 if too_long else 0
    assert refusal(**{field: "x" * length}) == (
        f"{field} of sampling rule 'orders' has 1 to {limit} characters, got {length}"
    )
    assert replace(RULE, **{field: "x" * limit})


@given(st.one_of(st.just(""), NAMES.map(lambda name: name + "_"), st.text(string.ascii_letters, min_size=33)))
def test_a_name_has_1_to_32_letters_digits_and_dashes(name):
    assert refusal(name=name) == f"name of sampling rule {name!r} has 1 to 32 letters, digits and dashes"


@pytest.mark.parametrize("name", ["tracé", "a\n", "a b", "\u0661"])
def test_letters_and_digits_of_a_name_are_those_of_ascii(name):
    with pytest.raises(InvalidProps):
        check_name("trace group", name)


def test_the_name_of_x_rays_own_rule_is_reserved():
    assert refusal(name="Default") == "name of sampling rule 'Default' is X-Ray's own; choose another"


def test_health_checks_record_nothing():
    rule = SamplingRule.of_health_checks(name="health", url_path="/health*")
    assert (rule.rate, rule.reservoir_per_second, rule.url_path) == (0, 0, "/health*")


def test_a_debug_rule_records_everything_on_its_path():
    rule = SamplingRule.for_debugging(name="debug", url_path="/debug*")
    assert (rule.rate, rule.url_path) == (1, "/debug*")


def test_a_debug_rule_is_looked_at_before_one_of_health_checks():
    debug = SamplingRule.for_debugging(name="debug", url_path="*")
    assert debug.priority < SamplingRule.of_health_checks(name="health", url_path="*").priority
