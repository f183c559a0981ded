"""Conditions of one selection about one array: the same element must answer them, for Athena as for EventBridge.

Each case is also put to the matcher of the embedded EventBridge, which is not ours, with the pattern of the same rule.
"""

from __future__ import annotations

from typing import Any

import pytest
from tests.sigma import sigma_kit
from tests.sigma.athena_kit import at, athena_of, compiled, completing, correlated, matching, record
from tests.trino_grammar import grammar_errors

EVERYBODY = r"""
selection:
  eventName: PutBucketPolicy
  requestParameters.bucketPolicy.Statement.Effect: Allow
  requestParameters.bucketPolicy.Statement.Principal.AWS: '\*'
"""
PORT = """
call:
  eventName: AuthorizeSecurityGroupIngress
port:
  requestParameters.ipPermissions.items.fromPort|lte: 22
  requestParameters.ipPermissions.items.toPort|gte: 22
  requestParameters.ipPermissions.items.ipRanges.items.cidrIp|endswith: /0
everything:
  requestParameters.ipPermissions.items.ipProtocol: '-1'
  requestParameters.ipPermissions.items.ipRanges.items.cidrIp: [0.0.0.0/0, 10.0.0.0/8]
condition: call and (port or everything)
"""
INNER = """
selection:
  requestParameters.ipPermissions.items.ipProtocol: tcp
  requestParameters.ipPermissions.items.ipRanges.items.cidrIp: 0.0.0.0/0
  requestParameters.ipPermissions.items.ipRanges.items.description: any
"""
RESOURCES = """
selection:
  resources.type: AWS::S3::Bucket
  resources.accountId|startswith: '4444'
"""
SEPARATE = r"""
allowed:
  requestParameters.bucketPolicy.Statement.Effect: Allow
everybody:
  requestParameters.bucketPolicy.Statement.Principal.AWS: '\*'
condition: allowed and everybody
"""


def _policy(*statements: dict[str, Any] | None) -> dict[str, Any]:
    return record(eventName="PutBucketPolicy", requestParameters={"bucketPolicy": {"Statement": list(statements)}})


def _statement(effect: str, principal: Any) -> dict[str, Any]:
    return {"Effect": effect, "Principal": {"AWS": principal}}


def _ingress(*permissions: dict[str, Any]) -> dict[str, Any]:
    return record(
        eventName="AuthorizeSecurityGroupIngress", requestParameters={"ipPermissions": {"items": list(permissions)}}
    )


def _permission(ports: tuple[int, int], *ranges: Any, protocol: str = "tcp") -> dict[str, Any]:
    found = [{"cidrIp": each} if isinstance(each, str) else each for each in ranges]
    return {"ipProtocol": protocol, "fromPort": ports[0], "toPort": ports[1], "ipRanges": {"items": found}}


def _object(made: dict[str, Any]) -> dict[str, Any]:
    """The record with the one statement itself in place of the array of it."""
    policy = made["requestParameters"]["bucketPolicy"]
    (policy["Statement"],) = policy["Statement"]
    return made


OWN = "arn:aws:iam::111122223333:root"
BUCKET, OBJECT = "AWS::S3::Bucket", "AWS::S3::Object"
CASES: dict[str, tuple[str, dict[str, Any], bool]] = {
    "both conditions hold of one": (EVERYBODY, _policy(_statement("Deny", OWN), _statement("Allow", "*")), True),
    "each holds of another": (EVERYBODY, _policy(_statement("Deny", "*"), _statement("Allow", OWN)), False),
    "one value of several in it": (EVERYBODY, _policy(_statement("Allow", [OWN, "*"])), True),
    "an object in place of the array": (EVERYBODY, _object(_policy(_statement("Allow", "*"))), True),
    "an object of which one holds": (EVERYBODY, _object(_policy(_statement("Deny", "*"))), False),
    "an empty array": (EVERYBODY, _policy(), False),
    "a null beside it": (EVERYBODY, _policy(None, _statement("Allow", "*")), True),
    "no array": (EVERYBODY, record(eventName="PutBucketPolicy"), False),
    "another call": (EVERYBODY, {**_policy(_statement("Allow", "*")), "eventName": "DeleteBucketPolicy"}, False),
    "the port of one, the range of another": (
        PORT,
        _ingress(_permission((22, 22), "10.1.0.0/16"), _permission((443, 443), "0.0.0.0/0")),
        False,
    ),
    "port and range of the second": (
        PORT,
        _ingress(_permission((443, 443), "10.1.0.0/16"), _permission((20, 25), "10.2.0.0/16", "0.0.0.0/0")),
        True,
    ),
    "from of one, to of another": (
        PORT,
        _ingress(_permission((22, 21), "0.0.0.0/0"), _permission((30, 40), "0.0.0.0/0")),
        False,
    ),
    "the other selection": (PORT, _ingress(_permission((0, 0), "10.0.0.0/8", protocol="-1")), True),
    "the other selection, of two": (
        PORT,
        _ingress(_permission((0, 0), "10.2.0.0/16", protocol="-1"), _permission((1, 2), "10.0.0.0/8")),
        False,
    ),
    "both hold of one in the inner array": (
        INNER,
        _ingress(_permission((1, 2), "10.0.0.0/8", {"cidrIp": "0.0.0.0/0", "description": "Any"})),
        True,
    ),
    "each holds of another in the inner array": (
        INNER,
        _ingress(_permission((1, 2), {"cidrIp": "0.0.0.0/0"}, {"cidrIp": "10.0.0.0/8", "description": "any"})),
        False,
    ),
    "the inner ones hold in an outer one of which the rest does not": (
        INNER,
        _ingress(
            _permission((1, 2), {"cidrIp": "0.0.0.0/0", "description": "any"}, protocol="udp"),
            _permission((1, 2), {"cidrIp": "10.0.0.0/8", "description": "any"}),
        ),
        False,
    ),
    "both hold of one struct": (
        RESOURCES,
        record(resources=[{"type": OBJECT, "accountId": "1"}, {"type": BUCKET, "accountId": "444455556666"}]),
        True,
    ),
    "each holds of another struct": (
        RESOURCES,
        record(resources=[{"type": OBJECT, "accountId": "444455556666"}, {"type": BUCKET, "accountId": "1"}]),
        False,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_one_element_answers_all_that_a_selection_asks(case: str) -> None:
    detection, event, expected = CASES[case]
    assert sigma_kit.matches(sigma_kit.patterns(detection), event) is expected
    assert matching(athena_of(detection), [event]) == [0] * expected


def test_an_independent_trino_grammar_takes_conditions_about_elements() -> None:
    conditions = [athena_of(each) for each in (EVERYBODY, PORT, INNER, RESOURCES)]
    assert all("any_match" in each for each in conditions)
    assert grammar_errors([f"SELECT 1 FROM t WHERE {each}" for each in conditions]) == [[]] * 4


def test_different_selections_may_be_answered_by_different_elements() -> None:
    split = _policy(_statement("Deny", "*"), _statement("Allow", OWN))
    assert matching(athena_of(SEPARATE), [split]) == [0]
    with pytest.raises(Exception, match="one element to answer all"):
        sigma_kit.patterns(SEPARATE)


def test_what_an_element_lacks_is_asked_of_the_element() -> None:
    # EventBridge cannot ask it: it would want an element in which the field is missing, or no array.
    found = athena_of(
        "selection: {requestParameters.bucketPolicy.Statement.Effect: Allow,"
        " requestParameters.bucketPolicy.Statement.Condition: null}"
    )
    limited = {**_statement("Allow", "*"), "Condition": {"Bool": {"aws:SecureTransport": "true"}}}
    assert matching(found, [_policy(limited, _statement("Deny", "*"))]) == []
    assert matching(found, [_policy(limited, _statement("Allow", OWN))]) == [0]


def test_a_negated_selection_is_false_where_one_element_answers_it() -> None:
    found = athena_of(EVERYBODY + "condition: not selection")
    events = [_policy(_statement("Allow", "*")), _policy(_statement("Deny", "*"), _statement("Allow", OWN)), record()]
    assert matching(found, events) == [1, 2]


@pytest.mark.parametrize(("ranges", "expected"), [(None, True), ([], True), (["10.0.0.0/8"], False), ("absent", True)])
def test_a_list_of_texts_is_missing_where_it_holds_none(ranges: Any, expected: bool) -> None:
    detection = "selection: {requestParameters.config.publicAccessCidrs: null}"
    config = {} if ranges == "absent" else {"publicAccessCidrs": ranges}
    event = record(requestParameters={"config": config})
    assert sigma_kit.matches(sigma_kit.patterns(detection), event) is expected
    assert matching(athena_of(detection), [event]) == [0] * expected


def test_all_values_of_one_field_may_be_those_of_different_elements() -> None:
    both = "selection: {requestParameters.bucketPolicy.Statement.Effect|all: [Allow, Deny]}"
    assert matching(athena_of(both), [_policy(_statement("Deny", "*"), _statement("Allow", OWN))]) == [0]


def test_each_element_of_an_array_is_a_value_that_is_counted() -> None:
    read = compiled("read", "eventname = 'GetParameters'")
    different = correlated("value_count", "read", seconds=60, count=3, value_field="requestParameters.names")

    def asked(*lists: Any) -> list[dict[str, Any]]:
        return [
            at(place, eventName="GetParameters", requestParameters={"names": each}) for place, each in enumerate(lists)
        ]

    assert completing([read, different], asked(["a", "b", "a"], ["b"], ["c", "d"], ["e"])) == [2]
    assert completing([read, different], asked(["a", "b"], ["a", "b"], ["b"])) == []
    assert completing([read, different], asked("a", "b", None, [], ["b"], [None, {"x": 1}], "c")) == [6], (
        "null, an object and an empty list are none"
    )


def test_one_event_with_many_elements_completes_a_count_of_values_once() -> None:
    stopped = compiled("stopped", "eventname = 'TerminateInstances'")
    field = "requestParameters.instancesSet.items.instanceId"
    many = correlated("value_count", "stopped", seconds=60, count=3, value_field=field)

    def of(place: int, *ids: str) -> dict[str, Any]:
        items = {"items": [{"instanceId": each} for each in ids]}
        return at(place, eventName="TerminateInstances", requestParameters={"instancesSet": items})

    assert completing([stopped, many], [of(0, "i-1"), of(1, "i-1", "i-2", "i-3", "i-4"), of(2, "i-5", "i-6")]) == [1]
    assert completing([stopped, many], [of(0, "i-1", "i-2"), of(70, "i-3", "i-4")]) == []


def test_the_elements_of_an_array_that_is_a_column_are_counted_too() -> None:
    touched = compiled("touched", "eventname = 'Touch'")
    many = correlated("value_count", "touched", seconds=60, count=3, value_field="resources.ARN")
    arns = [["a", "b"], ["b"], ["c"]]
    events = [at(place, eventName="Touch", resources=[{"ARN": arn} for arn in each]) for place, each in enumerate(arns)]
    assert completing([touched, many], events) == [2]
    assert completing([touched, many], events[:2]) == []
