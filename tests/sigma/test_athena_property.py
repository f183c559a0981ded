"""Random rules and records: the engine's answer against Sigma's words evaluated here."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sigma.athena_kit import Record, athena_of, holds, matching, record

WORDS = ["abc", "ABC", "ab", "xabcx", "a*c", "a_c", "a%c", "a'c", 'a"c', "a\\c", "443", "true", "", "10.1.2.3"]
LEAVES = st.none() | st.booleans() | st.sampled_from([0, 5, 443, 1.5, *WORDS])
NESTED = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b-c"]), inner, max_size=2),
    max_leaves=6,
)
# Arrays right inside of arrays are not in CloudTrail's records; SQL/JSON unwraps one level at each step.
FLAT = NESTED.filter(lambda value: "[[" not in str(value).replace(" ", "") and "],[" not in str(value).replace(" ", ""))
FIELDS = ["eventName", "userAgent", "errorCode", "userIdentity.userName", "resources.ARN"]
INSIDE = ["requestParameters.a", "requestParameters.b-c", "requestParameters.a.b-c", "requestParameters.a.a"]

records = st.builds(
    record,
    eventName=st.sampled_from(["CreateUser", "abc", "ABC", None]),
    userAgent=st.sampled_from([*WORDS, None]),
    errorCode=st.sampled_from(["AccessDenied", None]),
    userIdentity__userName=st.sampled_from([*WORDS, None]),
    resources=st.none() | st.lists(st.sampled_from([{"ARN": "abc"}, {"ARN": "xABC"}, {"type": "x"}]), max_size=2),
    requestParameters=st.none() | st.dictionaries(st.sampled_from(["a", "b-c"]), FLAT, max_size=2),
)
patterns = st.sampled_from(
    [*(word.replace("\\", "\\\\").replace("*", "\\*") for word in WORDS), "a?c", "*b*", "a*", "*"]
)
one = patterns | st.sampled_from([None, True, False, 0, 443, 1.5])
values = one | st.lists(one, min_size=1, max_size=3)
texts = patterns.filter(bool) | st.lists(patterns.filter(bool), min_size=1, max_size=3)
items = st.one_of(
    st.tuples(st.sampled_from([*FIELDS, *INSIDE]), values),
    st.tuples(
        st.sampled_from([*FIELDS, *INSIDE]).flatmap(
            lambda field: st.sampled_from(["startswith", "endswith", "contains", "contains|all", "contains|cased"]).map(
                lambda modifier: f"{field}|{modifier}"
            )
        ),
        texts,
    ),
    st.tuples(st.sampled_from([f"{field}|exists" for field in [*FIELDS, *INSIDE]]), st.booleans()),
    st.tuples(st.sampled_from([f"{field}|{word}" for field in INSIDE for word in ("lt", "gte")]), st.just(5)),
    st.tuples(st.sampled_from(["userAgent|cidr", "requestParameters.a|cidr"]), st.just("10.0.0.0/8")),
    st.tuples(st.sampled_from(["userAgent|re", "requestParameters.a|re|i"]), st.sampled_from(["^a.c$", "b", r"\d+"])),
)
selections = st.lists(items, min_size=1, max_size=2).map(dict)
detections = st.builds(
    lambda a, b, condition: {"a": a, "b": b, "condition": condition},
    selections | st.lists(selections, min_size=1, max_size=2),
    selections,
    st.sampled_from(["a or b", "a and not b", "not (a and b)", "not a and not (b or a)", "a and b or not b"]),
)


@settings(max_examples=30, deadline=None)
@given(detection=detections, events=st.lists(records, min_size=8, max_size=16))
def test_a_rule_matches_the_records_that_sigma_says_it_matches(detection: dict[str, Any], events: list[Record]) -> None:
    wanted = [place for place, each in enumerate(events) if holds(detection, each)]
    assert matching(athena_of(detection), events) == wanted, athena_of(detection)
