"""Which events a rule can match: never fewer than it does."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sigma.exceptions import SigmaFeatureNotSupportedByBackendError
from tests.sigma.sigma_kit import matches, patterns, rule

from raytrail.sigma import Call
from raytrail.sigma._calls import calls_of
from raytrail.sigma.compiler import EventBridgeBackend
from raytrail.tracing._model_globs import matches as fits

FOUND = {
    "{a: {eventSource: iam.amazonaws.com, eventName: [CreateUser, DeleteUser]}, condition: a}": [
        "iam.amazonaws.com:CreateUser",
        "iam.amazonaws.com:DeleteUser",
    ],
    "{a: {eventSource: IAM.amazonaws.com, eventName|startswith: Create}, condition: a}": ["iam.amazonaws.com:Create*"],
    "{a: {eventName|endswith|cased: User}, condition: a}": ["*:*User"],
    "{a: {eventName|endswith: User}, condition: a}": ["*:*User", "*:*user"],
    "{a: {eventName|contains|cased: Bucket}, condition: a}": ["*:*Bucket*"],
    "{a: {eventName|contains: bucket}, condition: a}": ["*:*"],
    "{a: {eventName: createuser}, condition: a}": ["*:*"],
    "{a: {eventName|re: 'Create.*'}, condition: a}": ["*:*"],
    "{a: {eventName: CreateUser}, b: {userAgent|re: x}, condition: a and not b}": ["*:CreateUser"],
    "{a: {eventName: CreateUser}, b: {userAgent|re: x}, condition: a or b}": ["*:*"],
    "{a: {eventName: CreateUser}, condition: not a}": ["*:*"],
    "{a: {eventName: [CreateUser, CreateRole]}, b: {eventName: CreateUser}, condition: a and not b}": ["*:CreateRole"],
    "{a: {eventName|startswith: Create}, b: {eventName|endswith: User}, condition: a and b}": ["*:Create*"],
    "{a: {userAgent: x}, condition: a}": ["*:*"],
    "{a: [word], condition: a}": ["*:*"],
    "{a: {eventName: CreateUser}, b: {eventName: DeleteUser}, condition: a and b}": [],
}


def called(detection):
    return calls_of(EventBridgeBackend().formula(rule(detection)))


@pytest.mark.parametrize("detection", FOUND)
def test_the_calls_of_a_rule_are(detection):
    assert called(detection) == tuple(Call(*text.split(":")) for text in FOUND[detection])


SOURCES = ["iam.amazonaws.com", "s3.amazonaws.com"]
NAMES = ["CreateUser", "DeleteUser", "PutObject", "CreateAccessKey"]
items = st.one_of(
    st.tuples(st.just("eventSource"), st.lists(st.sampled_from([*SOURCES, "*"]), min_size=1, max_size=2)),
    st.tuples(
        st.sampled_from(["eventName", "eventName|startswith", "eventName|endswith", "eventName|contains"]),
        st.lists(st.sampled_from([*NAMES, "Create", "User", "Access"]), min_size=1, max_size=2),
    ),
    st.tuples(st.just("errorCode"), st.sampled_from([None, "AccessDenied"])),
)
selections = st.lists(items, min_size=1, max_size=3).map(dict)
conditions = st.sampled_from(["a and b", "a or b", "a and not b", "not a or b", "not (a and b)", "1 of them"])


@settings(max_examples=150, deadline=None)
@given(selections, selections, conditions)
def test_every_event_that_a_pattern_matches_is_among_the_calls(a, b, condition):
    detection = {"a": a, "b": b, "condition": condition}
    calls = called(detection)
    try:
        found = patterns(detection)
    except SigmaFeatureNotSupportedByBackendError:
        assume(False)
    for source in SOURCES:
        for name in NAMES:
            if matches(found, {"eventSource": source, "eventName": name}):
                assert any(fits(call.source, source) and fits(call.name, name) for call in calls), (calls, found)
