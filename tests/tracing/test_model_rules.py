"""Rules beside one another."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from amazon.opentelemetry.distro.sampler._clock import _Clock
from amazon.opentelemetry.distro.sampler._sampling_rule import _SamplingRule
from amazon.opentelemetry.distro.sampler._sampling_rule_applier import _SamplingRuleApplier
from aws_xray_sdk.core.sampling.rule_cache import RuleCache
from aws_xray_sdk.core.sampling.sampling_rule import SamplingRule as SdkRule
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.resources import Resource

from raytrail.errors import InvalidProps
from raytrail.tracing import SamplingRule
from raytrail.tracing._model import PATTERNS
from raytrail.tracing._model_rules import applies, check_beside, hides

RULE = SamplingRule(name="first", priority=10, rate=0.5)

pattern = st.text("ab*?", min_size=1, max_size=3)
word = st.text("abz", min_size=1, max_size=3)


def rules(**more):
    fields = {name: pattern for name in PATTERNS if name != "resource_arn"}
    return st.builds(SamplingRule, name=st.just("a"), priority=st.just(1), rate=st.just(0), **fields, **more)


requests = st.fixed_dictionaries(dict.fromkeys(PATTERNS, word))
attributes = st.dictionaries(st.sampled_from("xy"), word, max_size=2)


@given(rules(), rules(), st.lists(requests, min_size=1, max_size=20))
def test_what_a_rule_hides_it_matches(first, second, requests):
    if hides(first, second):
        assert all(applies(first, each, {}) for each in requests if applies(second, each, {}))


@given(rules(attributes=st.dictionaries(st.sampled_from("xy"), pattern, max_size=2)), requests, attributes)
def test_a_rule_applies_where_it_does_in_the_sampler_of_aws_distribution(rule, request, attributes):
    theirs = _SamplingRuleApplier(
        _SamplingRule(
            Attributes=dict(rule.attributes),
            FixedRate=0,
            HTTPMethod=rule.http_method,
            Host=rule.host,
            Priority=1,
            ReservoirSize=0,
            ResourceARN="*",
            RuleName="a",
            ServiceName=rule.service_name,
            ServiceType="*",
            URLPath=rule.url_path,
            Version=1,
        ),
        request["service_name"],
        "client",
        _Clock(),
    )
    # OpenTelemetry knows the type of a service by its cloud alone: here any type, there any pattern.
    ours = replace(rule, service_type="*")
    told = {
        "url.path": request["url_path"],
        "http.request.method": request["http_method"],
        "server.address": request["host"],
        **attributes,
    }
    assert applies(ours, request, attributes) == theirs.matches(
        Resource({"service.name": request["service_name"]}), told
    )


@given(st.lists(rules(), min_size=1, max_size=5), requests)
def test_of_several_rules_the_one_decides_that_decides_in_the_x_ray_sdk(several, request):
    several = [replace(rule, name=f"r{index}", priority=index) for index, rule in enumerate(several, 1)]
    cache = RuleCache()
    cache.load_rules(
        [
            SdkRule(
                name=rule.name,
                priority=rule.priority,
                rate=0,
                reservoir_size=0,
                host=rule.host,
                method=rule.http_method,
                path=rule.url_path,
                service=rule.service_name,
                service_type=rule.service_type,
            )
            for rule in reversed(several)
        ]
    )
    cache.last_updated = 100
    theirs = cache.get_matched_rule(
        {
            "host": request["host"],
            "method": request["http_method"],
            "path": request["url_path"],
            "service": request["service_name"],
            "service_type": request["service_type"],
        },
        100,
    )
    ours = next((rule.name for rule in several if applies(rule, request, {})), None)
    assert ours == (theirs.name if theirs else None)


def refusal(rule: SamplingRule, *others: SamplingRule) -> str:
    with pytest.raises(InvalidProps) as refused:
        check_beside(rule, others)
    return str(refused.value)


def test_a_rule_that_an_earlier_one_always_hides_is_refused():
    late = SamplingRule(name="late", priority=20, rate=1, url_path="/orders*")
    said = (
        "sampling rule 'late' (priority 20) would never decide: 'first' (priority 10) is looked at first and matches "
        "all that it matches; give 'late' a number below 10, or narrow 'first'"
    )
    assert refusal(late, RULE) == said
    assert refusal(RULE, late) == said, "whichever was there before"


def test_the_rule_behind_may_be_wider():
    check_beside(replace(RULE, name="late", priority=20), [replace(RULE, url_path="/orders*")])


@pytest.mark.parametrize("field", [name for name in PATTERNS if name != "resource_arn"])
def test_one_field_in_which_the_earlier_rule_is_narrower_lets_the_later_decide(field):
    narrow = replace(RULE, **{field: "GET"})
    assert not hides(narrow, RULE)
    assert hides(RULE, narrow)
    assert hides(narrow, narrow)


def test_a_rule_that_asks_for_attributes_or_an_arn_hides_nothing_since_the_sdks_pass_over_it():
    for asking in (replace(RULE, attributes={"x-debug": "*"}), replace(RULE, resource_arn="arn:aws:*")):
        assert not hides(asking, RULE)
        assert not hides(asking, asking)
        assert hides(RULE, asking)


def test_two_rules_that_hide_a_third_only_together_are_let_pass():
    """The docstring says so, and it is shown here so that nobody relies on more."""
    halves = [replace(RULE, name="short", priority=1, url_path="a"), replace(RULE, name="long", url_path="a?*")]
    check_beside(SamplingRule(name="both", priority=20, rate=1, url_path="a*"), halves)


def test_the_order_in_which_rules_are_given_does_not_matter():
    several = [
        SamplingRule.for_debugging(name="debug", url_path="/debug*"),
        SamplingRule.of_health_checks(name="health", url_path="/health*"),
        SamplingRule(name="rest", priority=9000, rate=0.1),
    ]
    for order in itertools.permutations(several):
        for index, rule in enumerate(order):
            check_beside(rule, order[:index])
