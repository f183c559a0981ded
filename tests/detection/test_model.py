"""Detections as values."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raytrail.detection import DETECTIONS, Detection
from raytrail.detection._model import MAX_PATTERN_CHARACTERS
from raytrail.errors import InvalidProps


def detection(**changes: Any) -> Detection:
    given = {"id": "Something", "title": "Something happened", "level": "low", "techniques": (), "detail": {}}
    return Detection(**{**given, **changes})


def test_there_are_nine_detections_and_each_has_an_id_of_its_own():
    assert len({each.id for each in DETECTIONS}) == len(DETECTIONS) == 9


def test_each_detection_names_a_technique():
    assert all(each.techniques for each in DETECTIONS)


@given(st.from_regex(r"[A-Z][A-Za-z0-9]{2,63}", fullmatch=True))
def test_an_id_is_a_noun_in_pascal_case(id):
    assert detection(id=id).id == id


@pytest.mark.parametrize("id", ["", "Ab", "lower", "With-Dash", "With Space", "X" * 65, "Ünlaut"])
def test_an_id_that_cannot_name_a_construct_is_refused(id):
    with pytest.raises(InvalidProps) as refused:
        detection(id=id)
    assert str(refused.value) == (f"id of detection {id!r} is a noun in PascalCase of 3 to 64 letters and digits")


@given(st.from_regex(r"T[0-9]{4}(\.[0-9]{3})?", fullmatch=True))
def test_a_technique_is_an_id_of_attack(technique):
    assert detection(techniques=(technique,)).techniques == (technique,)


@pytest.mark.parametrize("technique", ["", "T12", "T1078.4", "TA0001", "t1078", "T1078.004\n"])
def test_a_technique_that_is_none_is_refused(technique):
    with pytest.raises(InvalidProps) as refused:
        detection(techniques=("T1078", technique))
    assert str(refused.value) == f"technique {technique!r} of detection 'Something' is not an ATT&CK id, as T1562.008"


def test_a_pattern_may_be_as_long_as_eventbridge_takes_and_no_longer():
    empty = len(json.dumps(detection(detail={"eventName": [""]}).pattern(), separators=(",", ":")))
    room = MAX_PATTERN_CHARACTERS - empty
    assert detection(detail={"eventName": ["x" * room]})
    with pytest.raises(InvalidProps) as refused:
        detection(detail={"eventName": ["x" * (room + 1)]})
    assert str(refused.value) == (
        "the pattern of detection 'Something' has 2049 characters; EventBridge takes 2048, so split it into two "
        "detections"
    )


def test_a_pattern_takes_events_of_aws_alone():
    """Anybody may put an event that looks like CloudTrail's on the bus, but none whose source begins with aws."""
    assert all(each.pattern()["source"] == [{"prefix": "aws."}] for each in DETECTIONS)


@pytest.mark.parametrize(
    ("call", "source", "id"),
    [
        ("dynamodb:DeleteTable", "dynamodb.amazonaws.com", "DynamodbDeleteTable"),
        ("cloudwatch:DeleteAlarms", "monitoring.amazonaws.com", "CloudwatchDeleteAlarms"),
        ("ses:DeleteIdentity", "email.amazonaws.com", "SesDeleteIdentity"),
        ("access-analyzer:DeleteAnalyzer", "access-analyzer.amazonaws.com", "AccessAnalyzerDeleteAnalyzer"),
    ],
)
def test_a_call_named_as_in_an_iam_policy_is_looked_for_as_cloudtrail_records_it(call, source, id):
    made = Detection.of_api_call(call)
    assert (made.id, made.title, made.level) == (id, f"{call} was called", "medium")
    assert made.detail == {"eventSource": [source], "eventName": [call.split(":")[1]]}


@pytest.mark.parametrize("call", ["", "DeleteTable", "dynamodb:", "dynamodb:deleteTable", "dynamodb:*", "a:B c"])
def test_a_call_that_is_not_named_so_is_refused(call):
    with pytest.raises(InvalidProps) as refused:
        Detection.of_api_call(call)
    assert str(refused.value) == f"API call {call!r} is written as in an IAM policy: 'dynamodb:DeleteTable'"
