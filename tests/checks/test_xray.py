from __future__ import annotations

import pytest
from tests.checks.twins import a, found, ref, seen

from raytrail.checks import Floors
from raytrail.checks._catalogue import check_app
from raytrail.checks._templates import App, Template
from raytrail.errors import InvalidProps
from raytrail.tracing import SamplingRule
from raytrail.tracing._model_rules import check_beside

ANY = {"ServiceName": "*", "ServiceType": "*", "Host": "*", "HTTPMethod": "*", "URLPath": "*", "ResourceARN": "*"}


def group(expression):
    return {"Group": a("XRay::Group", GroupName="slow", FilterExpression=expression)}


def rule(priority, **patterns):
    return a("XRay::SamplingRule", SamplingRule={**ANY, "Priority": priority, "FixedRate": 0.1, **patterns})


def filters(resources, **how):
    return found("TraceFilterInvalid", resources, **how)


def idle(resources, **how):
    return found("SamplingRuleNeverDecides", resources, **how)


@pytest.mark.parametrize("wrong", ["duration > five", "latency > 5", 'service("a"', "fault AND"])
def test_an_expression_that_x_ray_cannot_read_is_found(wrong):
    assert filters(group(wrong)) == ["Group"]
    # In one line: a report shows it in one.
    assert "\n" not in seen("TraceFilterInvalid", group(wrong))


@pytest.mark.parametrize("right", ['service("a") { fault } AND responsetime > 5', "", ref("Expression")])
def test_one_that_it_can_read_or_that_is_not_known_is_in_order(right):
    assert filters(group(right)) == []


def test_two_rules_with_one_priority_decide_by_chance():
    assert idle({"One": rule(10, URLPath="/a"), "Two": rule(10, URLPath="/b")}) == ["Two"]
    assert idle({"One": rule(10, URLPath="/a"), "Two": rule(20, URLPath="/b")}) == []
    assert idle({"One": rule(10, URLPath="/a"), "Two": rule(ref("Priority"), URLPath="/b")}) == []


def test_rules_of_two_stacks_meet_where_both_are_known_to_be():
    def found_in(*accounts):
        templates = [Template({"Resources": {"Rule": rule(10)}}, region="eu-west-1", account=each) for each in accounts]
        return [each.id for each in check_app(App(templates), Floors())]

    assert found_in("111122223333", "111122223333") == ["Raytrail::SamplingRuleNeverDecides"]
    assert found_in("111122223333", "444455556666") == []
    # Two stages of one app, say, whose accounts are chosen at the deployment.
    assert found_in(None, None) == []


@pytest.mark.parametrize(
    ("wide", "narrow", "hidden"),
    [
        ({}, {"URLPath": "/orders/*"}, True),
        ({"URLPath": "/orders/*"}, {"URLPath": "/orders/*", "HTTPMethod": "GET"}, True),
        ({"URLPath": "/orders/?"}, {"URLPath": "/orders/1"}, True),
        ({"URLPath": "/orders/*"}, {"URLPath": "/carts/1"}, False),
        ({"URLPath": "/orders/*"}, {}, False),
        ({"HTTPMethod": "GET"}, {"URLPath": "/orders/*"}, False),
        ({"ResourceARN": "arn:aws:apigateway:*"}, {"ResourceARN": "arn:aws:apigateway:*", "Host": "a"}, False),
        ({"Attributes": {"tenant": "a"}}, {"URLPath": "/orders/1"}, False),
        ({"URLPath": ref("Path")}, {"URLPath": "/orders/1"}, False),
    ],
)
def test_a_rule_behind_a_wider_one_is_never_asked(wide, narrow, hidden):
    assert idle({"First": rule(10, **wide), "Second": rule(20, **narrow)}) == (["Second"] if hidden else [])


def test_a_narrow_rule_before_a_wide_one_decides():
    assert idle({"First": rule(20), "Second": rule(10, URLPath="/orders/*")}) == []


FIELDS = {"service_name": "ServiceName", "host": "Host", "http_method": "HTTPMethod", "url_path": "URLPath"}


@pytest.mark.parametrize("wide", [{}, {"url_path": "/a*"}, {"url_path": "/a?"}, {"host": "*.com", "url_path": "*"}])
@pytest.mark.parametrize("narrow", [{"url_path": "/ab"}, {"url_path": "/a*"}, {"host": "a.com"}, {"service_name": "s"}])
def test_what_is_called_hidden_the_constructs_refuse(wide, narrow):
    first = rule(10, **{FIELDS[name]: value for name, value in wide.items()})
    second = rule(20, **{FIELDS[name]: value for name, value in narrow.items()})
    hidden = idle({"First": first, "Second": second}) == ["Second"]
    one, two = (
        SamplingRule(name=name, priority=number, rate=0.1, **asked)
        for name, number, asked in (("first", 10, wide), ("second", 20, narrow))
    )
    if hidden:
        with pytest.raises(InvalidProps, match="would never decide"):
            check_beside(two, [one])
    else:
        check_beside(two, [one])


def test_lambda_asks_for_no_rule():
    assert idle({"Rule": rule(10, ServiceType="AWS::Lambda::Function")}) == ["Rule"]
    assert idle({"Rule": rule(10, ServiceType="AWS::ApiGateway::Stage")}) == []
