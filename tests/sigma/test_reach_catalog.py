"""The rules of the catalogue, each where it is to run."""

from __future__ import annotations

from dataclasses import replace

import pytest

from raytrail.sigma import GLOBAL_REGION, GLOBAL_SOURCES, Vantage, availability, catalog, partly, unreachable
from raytrail.sigma._reach_facts import DATA_EVENTS

AMONG = {rule.name: rule for rule in catalog()}
EVERYTHING = Vantage(
    region=GLOBAL_REGION,
    management="all",
    excluded_sources=frozenset(),
    data=frozenset(type for types in DATA_EVENTS.values() for type in types),
    network=frozenset({"s3.amazonaws.com"}),
    insights=True,
)
ELSEWHERE = replace(EVERYTHING, region="eu-west-1", forwarded="write")


@pytest.mark.parametrize("name", AMONG)
def test_each_rule_can_fire_where_everything_is_recorded(name):
    rule = AMONG[name]
    assert [str(each) for each in unreachable(rule, EVERYTHING, among=AMONG)] == []
    if rule.predicate:
        assert [str(each) for each in unreachable(rule, EVERYTHING, engine="athena")] == []


@pytest.mark.parametrize("name", [rule.name for rule in catalog() if rule.alerts and rule.patterns])
def test_each_alert_sees_all_of_its_calls_in_a_home_that_global_events_are_forwarded_to(name):
    assert [str(each) for each in (*unreachable(AMONG[name], ELSEWHERE), *partly(AMONG[name], ELSEWHERE))] == []


def test_without_a_forwarder_the_alerts_about_global_services_alone_are_dead_elsewhere():
    alone = Vantage(region="eu-west-1", forwarded="none", management="all")
    alerts = [rule for rule in catalog() if rule.alerts and rule.patterns]
    dead = {rule.name for rule in alerts if unreachable(rule, alone)}
    assert dead == {rule.name for rule in alerts if {call.source for call in rule.calls} <= set(GLOBAL_SOURCES)}
    assert len(dead) >= 10


def test_each_rule_has_an_engine_and_a_region():
    found = [availability(rule, among=AMONG) for rule in catalog()]
    assert found
    assert all(each.engines and each.regions for each in found)
