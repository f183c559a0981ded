"""Random conditions and records: our pattern, on a matcher that is not ours, against Sigma's words evaluated here."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from itertools import combinations, product
from typing import Any

import pytest
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st
from sigma.exceptions import SigmaFeatureNotSupportedByBackendError
from tests.sigma.sigma_kit import complaint, matches, patterns

from raytrail.sigma._eventbridge_pattern import MAX_CHARACTERS, compact

MISSING = object()
TEXTS = ["abc", "ABC", "abd", "xabc", "ab", "a*c", "a\\c", "", "443", "true"]
RECORDED: dict[str, list[Any]] = {
    "eventSource": ["iam.amazonaws.com", "s3.amazonaws.com"],
    "eventName": ["CreateUser", "DeleteUser", "CreateRole", "AssociateAddress", "DisassociateAddress", "Poweruser"],
    "errorCode": [MISSING, "AccessDenied", "NoSuchEntity"],
    "readOnly": [True, False, "true", "false"],
    "userAgent": [MISSING, "aws-cli/2", "AWS-CLI/2", "curl", "443", ""],
    "sourceIPAddress": ["10.1.2.3", "10.1.2.4", "192.0.2.7", "2001:db8::1", "AWS Internal", "s3.amazonaws.com"],
    "requestParameters.name": [MISSING, None, *TEXTS, 443, 1.5, True],
    "requestParameters.flag": [MISSING, None, True, False, "true", "False"],
    "requestParameters.count": [MISSING, None, -3, 0, 5, 443, 1000000, 1.5, "443", "abc"],
}
"""Values that the records have. Fields that AWS spells in one way have them in that."""
LIST = "requestParameters.list.items."
ARRAYS = {"requestParameters.list.items.x": ["abc", "abd", 443], "requestParameters.list.items.y": ["abc", None, True]}

words = st.sampled_from(["abc", "AB", "ABC", "c", "xa", "443", "true", "", "a\\*c", "a*c", "*", "*b*", "a\\\\c", "4*"])


def texts(*values: str) -> st.SearchStrategy[str]:
    return st.sampled_from(values)


def item(field: str, modifiers: str, values: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[str, Any]]:
    several = st.lists(values, min_size=1, max_size=3)
    return st.one_of(values, several).map(lambda value: (field + modifiers, value))


PARTS = ["", "|cased", "|startswith", "|endswith", "|contains", "|startswith|cased", "|contains|cased"]
NUMBERS = ["|lt", "|lte", "|gt", "|gte", ""]


def with_parts(field: str, values: st.SearchStrategy[Any], parts: list[str]) -> st.SearchStrategy[tuple[str, Any]]:
    return st.sampled_from(parts).flatmap(lambda part: item(field, part, values))


ITEMS: dict[str, st.SearchStrategy[tuple[str, Any]]] = {
    "eventSource": item("eventSource", "", texts("iam.amazonaws.com", "S3.amazonaws.com", "*.amazonaws.com")),
    "eventName": st.one_of(
        item("eventName", "", texts("CreateUser", "CreateRole", "DeleteUser", "createuser", "Create*", "*User")),
        with_parts("eventName", texts("Create", "User", "Delete", "Associate", "e"), PARTS[2:]),
    ),
    "errorCode": item("errorCode", "", st.sampled_from([None, "AccessDenied", "NoSuchEntity", "*"])),
    "readOnly": item("readOnly", "", st.sampled_from([True, False, "true", "false"])),
    "userAgent": with_parts(
        "userAgent", texts("aws-cli/", "aws-cli/2", "AWS-", "2", "curl", "CURL", "443"), [*PARTS, "|contains|all|cased"]
    ),
    "sourceIPAddress": st.one_of(
        item("sourceIPAddress", "|cidr", texts("10.0.0.0/8", "10.1.2.3/32", "2001:db8::/32", "10.1.0.0/16")),
        item("sourceIPAddress", "|endswith", texts(".amazonaws.com")),
        item("sourceIPAddress", "", texts("AWS Internal", "10.1.2.3")),
    ),
    "requestParameters.name": st.one_of(
        with_parts("requestParameters.name", words, [*PARTS, "|contains|all|cased"]),
        item("requestParameters.name", "", st.sampled_from([443, 1.5, None])),
        st.sampled_from([True, False]).map(lambda there: ("requestParameters.name|exists", there)),
    ),
    "requestParameters.flag": item("requestParameters.flag", "", st.sampled_from([True, False, "true", None])),
    "requestParameters.count": with_parts("requestParameters.count", st.sampled_from([-3, 0, 5, 443, 1.5]), NUMBERS),
    "requestParameters.list.items.x": item("requestParameters.list.items.x", "", st.sampled_from(["abc", "ABD", 443])),
    "requestParameters.list.items.y": item("requestParameters.list.items.y", "", st.sampled_from(["abc", True])),
}
ANY_ITEM = st.one_of(*ITEMS.values())
SELECTIONS = st.one_of(
    st.lists(ANY_ITEM, min_size=1, max_size=3).map(dict),
    st.lists(st.lists(ANY_ITEM, min_size=1, max_size=2).map(dict), min_size=1, max_size=3),
)
NAMES = ("a_one", "a_two", "b")
conditions = st.recursive(
    st.one_of(
        st.sampled_from(NAMES),
        st.sampled_from(["1 of them", "all of them", "1 of a_*", "all of a_*"]),
    ),
    lambda inner: st.one_of(st.tuples(st.just("not"), inner), st.tuples(inner, st.sampled_from(["and", "or"]), inner)),
    max_leaves=4,
)
records = st.tuples(
    st.fixed_dictionaries({field: st.sampled_from(values) for field, values in RECORDED.items()}),
    st.lists(
        st.fixed_dictionaries({field: st.sampled_from([MISSING, *values]) for field, values in ARRAYS.items()}),
        max_size=2,
    ),
)


def record_of(values: dict[str, Any], elements: list[dict[str, Any]]) -> dict[str, Any]:
    record: dict[str, Any] = {"requestParameters": {}}
    for field, value in values.items():
        *path, last = field.split(".")
        at = record
        for part in path:
            at = at[part]
        if value is not MISSING:
            at[last] = value
    items = [{field[-1]: value for field, value in each.items() if value is not MISSING} for each in elements]
    record["requestParameters"]["list"] = {"items": items}
    return record


def spelled(condition: Any) -> str:
    return condition if isinstance(condition, str) else f"({' '.join(map(spelled, condition))})"


def leaves(value: Any, path: list[str]) -> Iterator[Any]:
    if isinstance(value, list):
        for each in value:
            yield from leaves(each, path)
    elif not path:
        yield value
    elif isinstance(value, dict) and path[0] in value:
        yield from leaves(value[path[0]], path[1:])


def glob(text: str) -> str:
    """Sigma's wildcards as a regular expression."""
    found = ""
    for part in re.findall(r"\\[\\*?]|.", text, re.DOTALL):
        found += {"*": ".*", "?": "."}.get(part, re.escape(part[1:] if len(part) > 1 else part))
    return found


def says(field: str, modifiers: list[str], wanted: Any, values: list[Any]) -> bool:
    """Whether a field matches one value of the rule, in the words of Sigma's specification and of our meaning of it."""
    there = [value for value in values if value is not None]
    if "exists" in modifiers:
        return bool(there) is wanted
    if wanted is None:
        return not there
    if comparison := {"lt", "lte", "gt", "gte"} & set(modifiers):
        compare = {"lt": "__lt__", "lte": "__le__", "gt": "__gt__", "gte": "__ge__"}[comparison.pop()]
        numbers = [float(value) for value in there if isinstance(value, int | float) and not isinstance(value, bool)]
        return any(getattr(value, compare)(float(wanted)) for value in numbers)
    if "cidr" in modifiers:
        return any(in_network(value, wanted) for value in there)
    text = glob(wanted) if isinstance(wanted, str) else re.escape(json.dumps(wanted))
    start = ".*" if {"contains", "endswith"} & set(modifiers) else ""
    end = ".*" if {"contains", "startswith"} & set(modifiers) else ""
    flags = re.DOTALL | (0 if "cased" in modifiers else re.IGNORECASE)
    texts = [value if isinstance(value, str) else json.dumps(value) for value in there]
    return any(re.fullmatch(start + text + end, each, flags) for each in texts)


def in_network(value: Any, wanted: str) -> bool:
    try:
        return ip_address(value) in ip_network(wanted)
    except ValueError:
        return False


def holds(condition: Any, detection: dict[str, Any], record: dict[str, Any]) -> bool:
    match condition:
        case "not", inner:
            return not holds(inner, detection, record)
        case left, "and", right:
            return holds(left, detection, record) and holds(right, detection, record)
        case left, "or", right:
            return holds(left, detection, record) or holds(right, detection, record)
        case str() if " of " in condition:
            quantity, _, names = condition.split()
            chosen = [name for name in NAMES if names == "them" or name.startswith(names.rstrip("*"))]
            return (any if quantity == "1" else all)(selected(detection[name], record) for name in chosen)
    return selected(detection[condition], record)


def selected(selection: Any, record: dict[str, Any]) -> bool:
    if isinstance(selection, list):
        return any(selected(each, record) for each in selection)
    inside = {key: wanted for key, wanted in selection.items() if key.startswith(LIST)}
    if len({key.split("|")[0] for key in inside}) > 1:
        # Of one map: one element of the array answers them all.
        elements = record["requestParameters"]["list"]["items"]
        short = {key.removeprefix(LIST): wanted for key, wanted in inside.items()}
        if not any(mapped(short, element) for element in elements):
            return False
        selection = {key: wanted for key, wanted in selection.items() if key not in inside}
    return mapped(selection, record)


def mapped(selection: dict[str, Any], record: dict[str, Any]) -> bool:
    for key, wanted in selection.items():
        field, *modifiers = key.split("|")
        values = list(leaves(record, field.split(".")))
        each = [says(field, modifiers, one, values) for one in (wanted if isinstance(wanted, list) else [wanted])]
        if not (all if "all" in modifiers else any)(each):
            return False
    return True


def expressible(detection: dict[str, Any]) -> list[dict[str, Any]] | None:
    try:
        return patterns(detection)
    except SigmaFeatureNotSupportedByBackendError:
        return None


@settings(max_examples=150, deadline=None)
@given(st.fixed_dictionaries(dict.fromkeys(NAMES, SELECTIONS)), conditions, st.lists(records, min_size=4, max_size=12))
def test_a_pattern_matches_the_records_that_the_rule_does(selections, condition, given_records):
    found = expressible({**selections, "condition": spelled(condition)})
    event("expressible" if found is not None else "not expressible")
    assume(found is not None)
    for values, elements in given_records:
        record = record_of(values, elements)
        assert matches(found, record) is holds(condition, selections, record), json.dumps([found, record])


ELEMENTS = [dict(zip(ARRAYS, pair, strict=True)) for pair in product(*([MISSING, *each] for each in ARRAYS.values()))]
PAIRS = list(combinations(ELEMENTS, 2))
BOTH = ("a_one", "and", "b")
EITHER = ("a_one", "or", "b")
NEITHER = (("not", "a_one"), "and", ("not", "b"))
LESS = ("a_one", "and", ("not", "b"))
two = st.sampled_from(
    ["a_one", ("not", "a_one"), BOTH, EITHER, NEITHER, LESS, ("not", BOTH), ("not", EITHER), ("not", LESS)]
)


@pytest.mark.parametrize("field", RECORDED)
@settings(max_examples=60, deadline=None)
@given(st.data(), two)
def test_two_questions_about_one_field_match_all_its_values_that_the_rule_does(field, data, condition):
    selections = {name: dict([data.draw(ITEMS[field])]) for name in NAMES}
    found = expressible({**selections, "condition": spelled(condition)})
    assume(found is not None)
    for value in RECORDED[field]:
        record = record_of({field: value}, [])
        assert matches(found, record) is holds(condition, selections, record), json.dumps([found, record])


@settings(max_examples=100, deadline=None)
@given(st.data(), two)
def test_questions_about_an_array_match_the_elements_that_the_rule_does(data, condition):
    maps = st.lists(st.one_of(*(ITEMS[field] for field in ARRAYS)), min_size=1, max_size=2).map(dict)
    selections = {name: data.draw(st.one_of(maps, st.lists(maps, min_size=2, max_size=2))) for name in NAMES}
    found = expressible({**selections, "condition": spelled(condition)})
    assume(found is not None)
    for one, other in data.draw(st.sampled_from([PAIRS[start::4] for start in range(4)])):
        record = record_of({}, [one, other])
        assert matches(found, record) is holds(condition, selections, record), json.dumps([found, record])


@settings(max_examples=150, deadline=None)
@given(st.fixed_dictionaries(dict.fromkeys(NAMES, SELECTIONS)), conditions)
def test_a_pattern_is_in_the_language_of_eventbridge_and_within_its_length(selections, condition):
    found = expressible({**selections, "condition": spelled(condition)})
    assume(found is not None)
    for pattern in found:
        assert complaint(pattern) is None
        assert len(compact(pattern)) <= MAX_CHARACTERS
