"""Trace groups and sampling rules as resources."""

from __future__ import annotations

import pytest
from tests.synth import only, properties

from raytrail.errors import InvalidProps
from raytrail.tracing import SamplingRule, SamplingRules, TraceGroup


def rule(number: int, **changes) -> SamplingRule:
    return SamplingRule(**{"name": f"rule-{number}", "priority": number, "rate": 0.5, **changes})


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
        "ResourceARN": "*",
        "Version": 1,
    }


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


def test_a_group_has_its_expression_and_looks_for_no_insights(stack, template):
    group = TraceGroup(stack, "Group", name="orders-faults", filter_expression="fault = true")
    assert group.group_name == "orders-faults"
    assert only(template(), "AWS::XRay::Group") == {
        "GroupName": "orders-faults",
        "FilterExpression": "fault = true",
        "InsightsConfiguration": {"InsightsEnabled": False, "NotificationsEnabled": False},
    }


def test_insights_and_their_notifications_are_switched_on_by_request(stack, template):
    TraceGroup(stack, "Group", name="orders", filter_expression="fault", insights=True, notifications=True)
    assert only(template(), "AWS::XRay::Group")["InsightsConfiguration"] == {
        "InsightsEnabled": True,
        "NotificationsEnabled": True,
    }


def test_notifications_without_insights_are_refused(stack):
    with pytest.raises(InvalidProps, match="notifications of trace group 'orders' need insights=True"):
        TraceGroup(stack, "Group", name="orders", filter_expression="fault", notifications=True)


@pytest.mark.parametrize("expression", ["", "  \n"])
def test_a_group_without_an_expression_is_refused(stack, expression):
    with pytest.raises(InvalidProps, match="filter_expression of trace group 'orders' is empty; a group needs one"):
        TraceGroup(stack, "Group", name="orders", filter_expression=expression)


@pytest.mark.parametrize("name", ["", "a" * 33, "under_score", "Default"])
def test_a_group_whose_name_x_ray_refuses_is_refused(stack, name):
    with pytest.raises(InvalidProps, match="name of trace group"):
        TraceGroup(stack, "Group", name=name, filter_expression="fault")
