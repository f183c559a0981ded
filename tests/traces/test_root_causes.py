"""The root causes of a trace, held against the shapes of botocore's model of X-Ray."""

from __future__ import annotations

from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator
from hypothesis import given
from tests.traces.expressions_kit import TRACE_ID, traces

from raytrail.errors import InvalidProps
from raytrail.traces import Trace, root_causes
from raytrail.traces._root_causes import _FIELDS, check_root_cause, is_like

Json = dict[str, Any]
SHAPES = {"fault": "FaultRootCause", "error": "ErrorRootCause", "responsetime": "ResponseTimeRootCause"}


@pytest.fixture(scope="module")
def xray() -> Any:
    return botocore.session.get_session().get_service_model("xray")


def part(id: str, start: float, end: float, **fields: Any) -> Json:
    return {"id": id, "name": id, "start_time": start, "end_time": end, **fields}


def segment(id: str, start: float, end: float, **fields: Any) -> Json:
    return part(id, start, end, trace_id=TRACE_ID, **fields)


BROKEN_DATABASE = [
    segment("shop", 0, 10, fault=True, origin="AWS::ECS::Container")
    | {
        "subsegments": [
            part("checkout", 1, 9, fault=True)
            | {"subsegments": [part("call", 2, 9, namespace="remote", fault=True), part("log", 1, 2)]},
            part("thumbnail", 0, 1, error=True),
        ]
    },
    segment("orders", 3, 8, parent_id="call", fault=True, resource_arn="arn:aws:ecs:eu-west-1:123456789012:x/y")
    | {"cause": {"exceptions": [{"id": "e", "type": "DbError", "message": "down"}]}},
]


def paths(trace: Trace, of: Any) -> list[list[tuple[str, list[str]]]]:
    return [
        [(service["Name"], [entity["Name"] for entity in service["EntityPath"]]) for service in cause["Services"]]
        for cause in root_causes(trace, of)
    ]


def test_a_fault_is_followed_down_to_where_it_began() -> None:
    trace = Trace.from_documents(BROKEN_DATABASE)
    assert paths(trace, "fault") == [[("shop", ["shop", "checkout", "call"]), ("orders", ["orders"])]]
    (cause,) = root_causes(trace, "fault")
    assert cause["ClientImpacting"] is True
    assert cause["Services"][0]["Type"] == "AWS::ECS::Container"
    assert cause["Services"][1]["AccountId"] == "123456789012"
    assert cause["Services"][0]["EntityPath"][2]["Remote"] is True
    assert cause["Services"][1]["EntityPath"][0]["Exceptions"] == [{"Name": "DbError", "Message": "down"}]


def test_a_failure_that_was_handled_does_not_impact_the_client() -> None:
    trace = Trace.from_documents(BROKEN_DATABASE)
    assert paths(trace, "error") == [[("shop", ["thumbnail"])]]
    assert [cause["ClientImpacting"] for cause in root_causes(trace, "error")] == [False]


def test_two_failures_are_two_root_causes() -> None:
    trace = Trace.from_documents(
        [
            segment("shop", 0, 3, fault=True)
            | {"subsegments": [part("a", 0, 1, fault=True), part("b", 1, 2, fault=True), part("c", 2, 3)]}
        ]
    )
    assert paths(trace, "fault") == [[("shop", ["shop", "a"])], [("shop", ["shop", "b"])]]


def test_the_response_time_is_followed_down_to_where_most_of_it_went() -> None:
    trace = Trace.from_documents(BROKEN_DATABASE)
    assert paths(trace, "responsetime") == [[("shop", ["shop", "checkout", "call"]), ("orders", ["orders"])]]
    (cause,) = root_causes(trace, "responsetime")
    assert [entity["Coverage"] for service in cause["Services"] for entity in service["EntityPath"]] == [
        1,
        0.8,
        0.7,
        0.5,
    ]


def test_the_response_time_is_followed_no_further_than_to_where_it_spreads() -> None:
    trace = Trace.from_documents(
        [segment("shop", 0, 10) | {"subsegments": [part("a", 0, 5), part("b", 5, 9)]}],
    )
    assert paths(trace, "responsetime") == [[("shop", ["shop"])]]


def test_a_trace_without_failures_has_only_a_response_time() -> None:
    trace = Trace.from_documents([segment("shop", 0, 1)])
    assert (root_causes(trace, "fault"), root_causes(trace, "error")) == ((), ())
    assert paths(trace, "responsetime") == [[("shop", ["shop"])]]


@pytest.mark.parametrize("of", SHAPES)
@given(trace=traces())
def test_a_root_cause_has_the_shape_of_the_api(xray: Any, of: Any, trace: Trace) -> None:
    for cause in root_causes(trace, of):
        report = ParamValidator().validate(cause, xray.shape_for(SHAPES[of]))
        assert not report.has_errors(), report.generate_report()


def test_the_fields_that_may_be_asked_for_are_those_of_the_api(xray: Any) -> None:
    def members(name: str) -> set[str]:
        return {member for kind in ("Fault", "ResponseTime", "Error") for member in _members(xray, f"{kind}{name}")}

    assert set(_FIELDS[""]) == members("RootCause")
    assert set(_FIELDS["Services"]) == members("RootCauseService")
    assert set(_FIELDS["EntityPath"]) == members("RootCauseEntity")
    assert set(_FIELDS["Exceptions"]) == set(_members(xray, "RootCauseException"))


def _members(xray: Any, shape: str) -> list[str]:
    return list(xray.shape_for(shape).members)


@pytest.mark.parametrize(
    ("asked", "found", "alike"),
    [
        ({}, {"Name": "a"}, True),
        ({"Name": "a"}, {"Name": "a", "Remote": True}, True),
        ({"Name": "a"}, {"Name": "b"}, False),
        ({"Name": "a"}, {}, False),
        ({"Services": [{"Name": "a"}]}, {"Services": [{"Name": "a"}, {"Name": "b"}]}, False),
        ({"Services": [{"Name": "a"}, {}]}, {"Services": [{"Name": "a"}, {"Name": "b"}]}, True),
        ({"Services": []}, {"Services": {}}, False),
    ],
)
def test_a_field_that_is_not_asked_for_may_be_anything(asked: Any, found: Any, alike: bool) -> None:
    assert is_like(asked, found) is alike


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "1",
        "{",
        '{"No": 1}',
        '{"Services": 1}',
        '{"Services": [1]}',
        '{"Services": [{"EntityPath": [{"No": 1}]}]}',
        '{"Services": [' * 100_000,
    ],
)
def test_what_is_no_root_cause_is_refused(text: str) -> None:
    with pytest.raises(InvalidProps, match=r"root cause|Services|EntityPath"):
        check_root_cause(text)
