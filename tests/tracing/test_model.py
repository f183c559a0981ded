"""Sampling rules as values, held against CloudFormation's schema of AWS::XRay::SamplingRule."""

from __future__ import annotations

import string
from dataclasses import replace
from typing import Any

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raytrail.errors import InvalidProps
from raytrail.localaws._cloudformation._schemas import resource_schema
from raytrail.tracing import SamplingRateBoost, SamplingRule
from raytrail.tracing._model import MAX_ATTRIBUTES, PATTERNS, check_name

NAMES = st.text(string.ascii_letters + string.digits + "-", min_size=1, max_size=32).filter(
    lambda name: name != "Default"
)
LIMITS = {"service_name": 64, "service_type": 64, "host": 64, "http_method": 10, "url_path": 128, "resource_arn": 500}


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
    assert refusal(priority=priority) == (
        f"priority of sampling rule 'orders' is a whole number from 1 (first) to 9999, got {priority}"
    )


@pytest.mark.parametrize("value", [1.5, 2.0, True, "3", None])
def test_a_priority_and_a_reservoir_are_whole_numbers(value):
    assert refusal(priority=value) == (
        f"priority of sampling rule 'orders' is a whole number from 1 (first) to 9999, got {value}"
    )
    assert refusal(reservoir_per_second=value) == (
        f"reservoir_per_second of sampling rule 'orders' is a whole number, 0 or more, got {value}"
    )


@given(
    st.one_of(st.floats(max_value=0, exclude_max=True), st.floats(min_value=1, exclude_min=True), st.just(float("nan")))
)
def test_a_rate_is_a_share_from_0_to_1(rate):
    assert refusal(rate=rate) == f"rate of sampling rule 'orders' is a share from 0 to 1, got {rate}"


@given(st.integers(max_value=-1))
def test_a_reservoir_is_not_negative(reservoir):
    said = refusal(reservoir_per_second=reservoir)
    assert said == f"reservoir_per_second of sampling rule 'orders' is a whole number, 0 or more, got {reservoir}"


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


# --- Attributes, ARN, boost -------------------------------------------------------------------------------------------


def test_the_values_of_a_rule_are_of_the_lengths_in_cloudformations_schema():
    schema = resource_schema("AWS::XRay::SamplingRule", "us-east-1")
    assert schema is not None
    fields = schema.document["definitions"]["SamplingRule"]["properties"]
    names = {
        "service_name": "ServiceName",
        "service_type": "ServiceType",
        "host": "Host",
        "http_method": "HTTPMethod",
        "url_path": "URLPath",
        "resource_arn": "ResourceARN",
    }
    assert {field: fields[name]["maxLength"] for field, name in names.items()} == dict(PATTERNS)


def test_a_rule_asks_for_as_many_attributes_as_x_rays_model_allows():
    shapes = boto3.client("xray", region_name="us-east-1").meta.service_model
    sizes = shapes.shape_for("AttributeMap").metadata, shapes.shape_for("AttributeKey").metadata
    assert sizes == ({"max": MAX_ATTRIBUTES}, {"max": 32, "min": 1})
    most = {f"x-{number}": "v" * 32 for number in range(MAX_ATTRIBUTES)}
    assert replace(RULE, attributes=most).attributes == most
    assert refusal(attributes={**most, "x-more": "v"}) == "attributes of sampling rule 'orders' are at most 5, got 6"


@pytest.mark.parametrize(("key", "value"), [("", "v"), ("k" * 33, "v"), ("k", ""), ("k", "v" * 33)])
def test_an_attribute_has_1_to_32_characters_on_each_side(key, value):
    said = refusal(attributes={key: value})
    assert said == f"attribute {key!r}: {value!r} of sampling rule 'orders' has 1 to 32 characters on each side"


def test_the_attributes_of_a_rule_do_not_change_with_what_they_were_made_of():
    given = {"x-beta": "yes"}
    rule = replace(RULE, attributes=given)
    given["x-beta"] = "no"
    assert rule.attributes == {"x-beta": "yes"}
    with pytest.raises(TypeError):
        rule.attributes["x-beta"] = "no"  # type: ignore[index]  # read-only, as shown here
    assert hash(rule) == hash(replace(rule))


@pytest.mark.parametrize(
    ("max_rate", "cooldown", "said"),
    [
        (1.1, 5, "max_rate of a sampling rate boost is a share from 0 to 1, got 1.1"),
        (-0.1, 5, "max_rate of a sampling rate boost is a share from 0 to 1, got -0.1"),
        (0.5, 0, "cooldown_minutes of a sampling rate boost is a whole number, 1 or more, got 0"),
        (0.5, 1.5, "cooldown_minutes of a sampling rate boost is a whole number, 1 or more, got 1.5"),
        (0.5, True, "cooldown_minutes of a sampling rate boost is a whole number, 1 or more, got True"),
    ],
)
def test_a_boost_is_within_x_rays_limits(max_rate, cooldown, said):
    with pytest.raises(InvalidProps) as refused:
        SamplingRateBoost(max_rate=max_rate, cooldown_minutes=cooldown)
    assert str(refused.value) == said


@pytest.mark.parametrize("max_rate", [0.01, 0.05])
def test_a_boost_that_could_never_raise_the_rate_is_refused(max_rate):
    said = refusal(boost=SamplingRateBoost(max_rate=max_rate, cooldown_minutes=1))
    assert said == (
        f"boost of sampling rule 'orders' could never raise its rate: max_rate {max_rate} is not above 0.05"
    )
