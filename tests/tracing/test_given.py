"""Tracing in an account that has rules, log groups and policies of its own."""

from __future__ import annotations

import json

import pytest
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from tests.synth import ACCOUNT, REGION, only, properties, resources

from raytrail.errors import InvalidProps
from raytrail.tracing import SamplingRule, SamplingRules, TraceEncryption, TransactionSearch, span_log_statements

THEIRS = SamplingRule(name="theirs", priority=100, rate=0.5, reservoir_per_second=1, service_name="pay*")


def rule(name: str = "ours", priority: int = 200, **given: str) -> SamplingRule:
    return SamplingRule(name=name, priority=priority, rate=0.1, reservoir_per_second=1, **given)


def test_rules_of_others_are_not_made_again(stack, template):
    SamplingRules(stack, "Rules", rules=[rule()], existing=[THEIRS])
    (made,) = properties(template(), "AWS::XRay::SamplingRule")
    assert made["SamplingRule"]["RuleName"] == "ours"


@pytest.mark.parametrize(
    ("ours", "said"),
    [
        (rule(name="theirs"), "'theirs' is defined twice; rename one"),
        (rule(priority=100), "share priority 100"),
        (rule(service_name="payments"), "'ours' .priority 200. would never decide: 'theirs'"),
        (rule(priority=1), "'theirs' .priority 100. would never decide: 'ours'"),
    ],
    ids=["name", "priority", "hidden by theirs", "hides theirs"],
)
def test_a_rule_that_cannot_stand_beside_theirs_is_refused_and_theirs_is_named(stack, ours, said):
    with pytest.raises(InvalidProps, match=f"{said}.*'theirs' exists already, and is not of this app"):
        SamplingRules(stack, "Rules", rules=[ours], existing=[THEIRS])


def test_theirs_count_among_the_25(stack):
    theirs = [rule(name=f"theirs-{n}", priority=1000 + n, service_name=f"s{n}") for n in range(24)]
    made = SamplingRules(stack, "Rules", rules=[rule(service_name="a")], existing=theirs)
    with pytest.raises(InvalidProps, match="one more than the 25 that X-Ray allows, of which 24 exist already"):
        made.add_rule(rule(name="second", priority=201, service_name="b"))


def test_where_the_ten_policies_of_logs_are_used_up_transaction_search_makes_none(stack, template):
    search = TransactionSearch(stack, "Search", log_policy=False)
    assert search.policy is None
    made = template()
    assert not resources(made, "AWS::Logs::ResourcePolicy")
    assert len(resources(made, "AWS::XRay::TransactionSearchConfig")) == 1


def test_what_one_of_the_ten_is_to_say_is_what_would_have_been_made(stack, template):
    """Which test_search.py holds against AWS's page."""
    TransactionSearch(stack, "Search")
    said = iam.PolicyDocument(statements=span_log_statements(account=ACCOUNT, region=REGION))
    document = json.loads(only(template(), "AWS::Logs::ResourcePolicy")["PolicyDocument"])
    assert document == stack.resolve(said)


def test_the_function_that_sets_the_key_logs_where_it_is_told(stack, template):
    group = logs.LogGroup.from_log_group_name(stack, "Group", "/teams/tracing")
    TraceEncryption(stack, "Encryption", log_group=group)
    made = template()
    assert not resources(made, "AWS::Logs::LogGroup")
    assert only(made, "AWS::Lambda::Function")["LoggingConfig"] == {"LogGroup": "/teams/tracing"}
