"""What EventBridge bounds, and which rules can be alerts."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from tests.detection.alerts_kit import pattern, rule

from raytrail.detection._bounds import (
    MOST_WILDCARD_RULES,
    check_rule,
    dead_rules,
    deployable,
    half_seen,
    quota_problems,
)
from raytrail.detection._model import MAX_PATTERN_CHARACTERS
from raytrail.errors import InvalidProps
from raytrail.sigma import Call, Correlation, Vantage, catalog

OBJECTS = replace(
    rule("object_read"),
    calls=(Call("s3.amazonaws.com", "GetObject"),),
    patterns=(pattern("s3.amazonaws.com", "GetObject"),),
)
TRAIL = Vantage(region="us-east-1", management="all", data=frozenset())


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"level": "low"}, "is of level low, which tells nobody: it is for hunting in the lake"),
        ({"own": False}, "is only part of a correlation, which tells nobody"),
        ({"patterns": (), "eventbridge_reason": "no regular expressions"}, "EventBridge: no regular expressions; run"),
        (
            {
                "patterns": (),
                "correlation": Correlation(type="event_count", rules=("a",), group_by=(), timespan_seconds=60),
            },
            "a correlation is about several events, and EventBridge sees one at a time",
        ),
        ({"name": "KeyMade"}, "name 'KeyMade' of a rule is in snake_case"),
        ({"name": "x" * 65}, "of a rule is in snake_case, of 3 to 64"),
    ],
)
def test_a_rule_that_cannot_be_an_alert_is_refused_with_the_reason(changes, said):
    with pytest.raises(InvalidProps) as refused:
        check_rule(replace(rule(), **changes))
    assert said in str(refused.value)


def test_a_pattern_may_be_as_long_as_eventbridge_takes_and_no_longer():
    """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html."""
    empty = len(json.dumps(pattern("iam.amazonaws.com", ""), separators=(",", ":")))
    room = MAX_PATTERN_CHARACTERS - empty
    check_rule(rule(patterns=(pattern("iam.amazonaws.com", "x" * room),)))
    with pytest.raises(InvalidProps) as refused:
        check_rule(rule(patterns=(pattern("iam.amazonaws.com", "x" * (room + 1)),)))
    assert str(refused.value) == (
        "a pattern of rule 'key_made' has 2049 characters; EventBridge takes 2048, so split it into several"
    )


def test_of_many_rules_those_are_deployed_that_alert_that_eventbridge_expresses_and_that_can_fire():
    hunting = replace(rule("hunting"), level="low")
    lake_only = replace(rule("lake_only"), patterns=())
    found, dead = deployable([rule(), hunting, lake_only, OBJECTS], TRAIL)
    assert [each.name for each in found] == ["key_made"]
    assert list(dead) == ["object_read"]
    assert "DataEvents" in dead["object_read"]


def test_what_is_not_known_is_held_against_no_rule():
    found, dead = deployable([rule(), OBJECTS], Vantage())
    assert ([each.name for each in found], dead) == (["key_made", "object_read"], {})


def test_a_rule_that_can_never_fire_is_told_with_the_setting_that_would_let_it():
    (problem,) = dead_rules([rule(), OBJECTS], TRAIL)
    assert problem.startswith("rule 'object_read' can never fire: ")
    assert "AWS::S3::Object" in problem


def test_a_rule_that_can_fire_is_told_what_it_does_not_see():
    both = replace(rule("both"), calls=(*rule().calls, *OBJECTS.calls))
    assert list(half_seen([rule(), both], TRAIL)) == ["both"]


@pytest.mark.parametrize(
    ("count", "region", "raised", "problems"),
    [
        (300, "us-east-1", None, 0),
        (301, "us-east-1", None, 1),
        (301, None, None, 1),
        (100, "af-south-1", None, 0),
        (101, "af-south-1", None, 1),
        (101, "eu-south-1", None, 1),
        (400, "eu-south-1", 500, 0),
    ],
)
def test_a_bus_takes_so_many_rules(count, region, raised, problems):
    """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html."""
    plain = replace(rule(), patterns=(pattern("iam.amazonaws.com", "CreateUser"),) * count)
    assert len(quota_problems([plain], region=region, most_rules=raised)) == problems


def test_what_to_leave_out_where_there_is_no_room_is_named_the_least_first():
    few = [replace(rule(f"rule_{n:02}"), level="high") for n in range(97)]
    wide = replace(rule("wide"), level="medium", patterns=rule().patterns * 3)
    (problem,) = quota_problems(
        [*few, replace(rule("narrow"), level="medium"), wide], region="af-south-1", most_rules=None
    )
    assert problem.startswith(
        "101 rules are more than the 100 that a bus takes in af-south-1; leave 1 out, the least of them wide ("
    )
    many = [replace(rule(f"other_{n}"), level="medium") for n in range(7)]
    (problem,) = quota_problems([*few, *many, wide], region="af-south-1", most_rules=None)
    assert "leave 7 out, the least of them wide, other_0, other_1, other_2, other_3 (" in problem
    (problem,) = quota_problems([*few, *few], region="af-south-1", most_rules=None)
    assert "rule_02 and others (" in problem


def test_a_bus_takes_thirty_rules_with_wildcards():
    wild = [replace(rule(), patterns=(pattern("iam.amazonaws.com", {"wildcard": "*Key"}),))] * MOST_WILDCARD_RULES
    assert quota_problems(wild, region="us-east-1", most_rules=None) == []
    (problem,) = quota_problems([*wild, wild[0]], region="us-east-1", most_rules=500)
    assert problem.startswith("31 rules have wildcards, and a bus takes 30")


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1", "af-south-1", "eu-south-1"])
def test_the_catalogue_fits_every_region(region):
    rules, _ = deployable(catalog(), Vantage(region=region))
    assert sum(len(found.patterns) for found in rules) >= 50
    assert quota_problems(rules, region=region, most_rules=None) == []
