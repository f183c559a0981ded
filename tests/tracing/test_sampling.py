"""Sampling rules as resources."""

from __future__ import annotations

import pytest
from aws_cdk import App, Environment, Stack
from tests.synth import only, properties

from raytrail.errors import InvalidProps
from raytrail.tracing import SamplingRateBoost, SamplingRule, SamplingRules


def rule(number: int, **changes) -> SamplingRule:
    values = {"name": f"rule-{number}", "priority": number, "rate": 0.5, "url_path": f"/{number}"}
    return SamplingRule(**{**values, **changes})


def test_a_rule_becomes_a_resource_with_each_of_its_values(stack, template):
    given = SamplingRule(
        name="orders",
        priority=7,
        rate=0.25,
        reservoir_per_second=3,
        service_name="orders",
        service_type="AWS::ApiGateway::Stage",
        host="api.example.com",
        http_method="POST",
        url_path="/orders/*",
        resource_arn="arn:aws:apigateway:us-east-1::/restapis/*",
        attributes={"x-beta": "yes"},
        boost=SamplingRateBoost(max_rate=0.5, cooldown_minutes=10),
    )
    SamplingRules(stack, "Rules", rules=[given])
    assert only(template(), "AWS::XRay::SamplingRule")["SamplingRule"] == {
        "RuleName": "orders",
        "Priority": 7,
        "FixedRate": 0.25,
        "ReservoirSize": 3,
        "ServiceName": "orders",
        "ServiceType": "AWS::ApiGateway::Stage",
        "Host": "api.example.com",
        "HTTPMethod": "POST",
        "URLPath": "/orders/*",
        "ResourceARN": "arn:aws:apigateway:us-east-1::/restapis/*",
        "Attributes": {"x-beta": "yes"},
        "SamplingRateBoost": {"MaxRate": 0.5, "CooldownWindowMinutes": 10},
        "Version": 1,
    }


def test_a_rule_asks_for_nothing_that_it_was_not_given(stack, template):
    SamplingRules(stack, "Rules", rules=[SamplingRule(name="all", priority=1, rate=0.1)])
    made = only(template(), "AWS::XRay::SamplingRule")["SamplingRule"]
    assert made["ResourceARN"] == "*"
    assert not {"Attributes", "SamplingRateBoost"} & made.keys()


def test_two_rules_may_not_share_a_name(stack):
    with pytest.raises(InvalidProps, match="sampling rule 'same' is defined twice; rename one"):
        SamplingRules(stack, "Rules", rules=[rule(1, name="same"), rule(2, name="same")])


def test_two_rules_may_not_share_a_priority(stack):
    with pytest.raises(InvalidProps) as refused:
        SamplingRules(stack, "Rules", rules=[rule(1), rule(2, priority=1)])
    assert str(refused.value) == (
        "sampling rules 'rule-1' and 'rule-2' share priority 1; which one decides would be chance, so give one another"
    )


def test_x_ray_takes_25_rules_and_no_more(stack, template):
    rules = SamplingRules(stack, "Rules", rules=[rule(number) for number in range(1, 26)])
    with pytest.raises(InvalidProps, match="'rule-26' is one more than the 25 that X-Ray allows; drop one"):
        rules.add_rule(rule(26))
    assert len(properties(template(), "AWS::XRay::SamplingRule")) == 25


def test_a_rule_added_later_is_returned_and_kept_by_its_name(stack):
    rules = SamplingRules(stack, "Rules")
    assert rules.add_rule(rule(1)) is rules.rules["rule-1"]


def test_a_rule_that_could_never_decide_is_refused_when_it_is_added_and_makes_no_resource(stack, template):
    rules = SamplingRules(stack, "Rules", rules=[rule(1, url_path="*")])
    with pytest.raises(InvalidProps, match=r"'rule-2' \(priority 2\) would never decide: 'rule-1' \(priority 1\)"):
        rules.add_rule(rule(2))
    assert len(properties(template(), "AWS::XRay::SamplingRule")) == 1
    assert list(rules.rules) == ["rule-1"]


def test_two_constructs_of_an_app_may_not_make_rules_of_one_name_for_one_account_and_region(stack):
    SamplingRules(stack, "Rules", rules=[rule(1)])
    with pytest.raises(InvalidProps) as refused:
        SamplingRules(stack, "More", rules=[rule(2, name="rule-1")])
    assert str(refused.value) == (
        "sampling rule 'rule-1' of 111122223333/us-east-1 is made twice: 'Test/Rules' has that name; rename one"
    )


def test_the_25_rules_are_those_of_the_account_and_region():
    app = App()
    here, there = (
        Stack(app, region, env=Environment(account="111122223333", region=region))
        for region in ("eu-west-1", "eu-west-2")
    )
    SamplingRules(here, "Rules", rules=[rule(number) for number in range(1, 26)])
    SamplingRules(there, "Rules", rules=[rule(1)])
    with pytest.raises(InvalidProps, match="'rule-26' is one more than the 25 that X-Ray allows in an account and"):
        SamplingRules(here, "More", rules=[rule(26)])


def test_rules_of_two_constructs_may_not_share_a_priority_in_one_account_and_region(stack, template):
    SamplingRules(stack, "Rules", rules=[rule(1)])
    more = SamplingRules(stack, "More")
    with pytest.raises(InvalidProps) as refused:
        more.add_rule(rule(2, priority=1))
    assert str(refused.value) == (
        "sampling rules 'rule-1' and 'rule-2' share priority 1; which one decides would be chance, so give one another "
        "('rule-1' is made by 'Test/Rules')"
    )
    # What was refused has taken no name.
    more.add_rule(rule(2))
    assert len(properties(template(), "AWS::XRay::SamplingRule")) == 2


def test_a_rule_of_one_construct_may_not_hide_one_of_another():
    app, here = App(), Environment(account="111122223333", region="eu-west-1")
    beta = {"x-beta": "yes"}
    SamplingRules(Stack(app, "One", env=here), "Rules", rules=[rule(2, url_path="*", attributes=beta), rule(5)])
    # What asks for an attribute hides nothing.
    two = SamplingRules(Stack(app, "Two", env=here), "Rules", rules=[rule(3)])
    with pytest.raises(InvalidProps, match=r"'rule-5' .* would never decide: .*\('rule-5' is made by 'One/Rules'\)"):
        two.add_rule(rule(4, url_path="/?"))


def test_rules_of_two_regions_have_nothing_to_do_with_one_another():
    app = App()
    for region in ("eu-west-1", "eu-west-2"):
        stack = Stack(app, region, env=Environment(account="111122223333", region=region))
        SamplingRules(stack, "Rules", rules=[rule(1, name=f"of-{region}")])


def test_the_rate_of_a_rule_with_a_boost_can_be_watched(stack):
    boost = SamplingRateBoost(max_rate=0.9, cooldown_minutes=5)
    rules = SamplingRules(stack, "Rules", rules=[rule(1, boost=boost), rule(2)])
    metric = rules.metric_sampling_rate("rule-1")
    assert (metric.namespace, metric.metric_name) == ("AWS/X-Ray", "SamplingRate")
    assert metric.dimensions == {"RuleName": "rule-1"}
    assert (metric.statistic, metric.period.to_seconds()) == ("Maximum", 60)


@pytest.mark.parametrize("name", ["rule-2", "unknown"])
def test_a_rule_without_a_boost_has_no_rate_to_watch(stack, name):
    boost = SamplingRateBoost(max_rate=0.9, cooldown_minutes=5)
    rules = SamplingRules(stack, "Rules", rules=[rule(1, boost=boost), rule(2)])
    with pytest.raises(InvalidProps, match=f"'{name}' has no boost, .*; rules with one: rule-1"):
        rules.metric_sampling_rate(name)
