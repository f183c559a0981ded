"""Our event patterns beside an engine that is not ours, and beside what AWS's documentation and its matcher say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st
from tests.replay import matcher

from raytrail.replay import InvalidPattern, compile_pattern

Json = dict[str, Any]

# Few names and values, so that patterns and events meet.
FIELDS = st.sampled_from(["a", "b", "c"])
WORDS = st.sampled_from(
    [
        "",
        "x",
        "X",
        "xy",
        "XY",
        "xyx",
        "yxx",
        "x*y",
        "x\\y",
        "10.0.0.5",
        "10.1.2.3",
        "2001:db8::1",
        "ß",
        "SS",
        "\u212a",
        "k",
        "true",
        "1",
    ]
)
NUMBERS = st.one_of(st.integers(-2, 3), st.sampled_from([0.5, 1.0, 2.5, -0.0, 1e300, 2**53]))
VALUES = st.one_of(WORDS, NUMBERS, st.booleans(), st.none())
PIECES = st.sampled_from(["x", "y", "xy", "X", "\\*", "\\\\", ""])


def wildcards() -> st.SearchStrategy[str]:
    return st.lists(PIECES, min_size=1, max_size=4).map("*".join).filter(lambda text: "**" not in text)


BLOCKS = st.sampled_from(
    ["10.0.0.0/8", "10.0.0.5/24", "10.0.0.4/31", "0.0.0.0/0", "2001:db8::/32", "::/0", "010.0.0.0/8"]
)
BOUNDS = st.one_of(
    st.tuples(st.sampled_from(["=", "<", "<=", ">", ">="]), NUMBERS).map(list),
    st.tuples(
        st.sampled_from([">", ">="]), st.just(-1), st.sampled_from(["<", "<="]), NUMBERS.filter(lambda n: n > -1)
    ).map(list),
)
AFFIX = st.one_of(WORDS, WORDS.map(lambda word: {"equals-ignore-case": word}))
NOT_EMPTY = WORDS.filter(bool)


def one_or_more(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(values, st.lists(values, min_size=1, max_size=3))


OPERATORS = st.one_of(
    AFFIX.map(lambda operand: {"prefix": operand}),
    AFFIX.map(lambda operand: {"suffix": operand}),
    WORDS.map(lambda operand: {"equals-ignore-case": operand}),
    WORDS.map(lambda operand: {"exactly": operand}),
    wildcards().map(lambda operand: {"wildcard": operand}),
    BLOCKS.map(lambda operand: {"cidr": operand}),
    BOUNDS.map(lambda operand: {"numeric": operand}),
    st.booleans().map(lambda operand: {"exists": operand}),
    one_or_more(WORDS).map(lambda operand: {"anything-but": operand}),
    one_or_more(NUMBERS).map(lambda operand: {"anything-but": operand}),
    one_or_more(NOT_EMPTY).map(lambda operand: {"anything-but": {"prefix": operand}}),
    one_or_more(NOT_EMPTY).map(lambda operand: {"anything-but": {"suffix": operand}}),
    one_or_more(WORDS).map(lambda operand: {"anything-but": {"equals-ignore-case": operand}}),
    one_or_more(wildcards()).map(lambda operand: {"anything-but": {"wildcard": operand}}),
)
ALTERNATIVES = st.lists(st.one_of(VALUES, OPERATORS), min_size=1, max_size=3)


def _objects(children: st.SearchStrategy[Any]) -> st.SearchStrategy[Json]:
    return st.dictionaries(FIELDS, children, min_size=1, max_size=3)


def _or_objects(children: st.SearchStrategy[Any]) -> st.SearchStrategy[Json]:
    objects = _objects(children)
    either = st.lists(objects, min_size=2, max_size=3).map(lambda members: {"$or": members})
    return st.one_of(objects, either, st.tuples(objects, either).map(lambda both: {**both[0], **both[1]}))


PATTERNS = _or_objects(st.recursive(ALTERNATIVES, _or_objects, max_leaves=6))
EVENTS = st.dictionaries(
    FIELDS,
    st.recursive(
        VALUES,
        lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(FIELDS, inner, max_size=3)),
        max_leaves=10,
    ),
    max_size=3,
)


def leaves(node: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], list[Any]]]:
    """The lists of alternatives in a pattern, and where they are."""
    for key, value in node.items():
        if key == "$or":
            for member in value:
                yield from leaves(member, path)
        elif isinstance(value, dict):
            yield from leaves(value, (*path, key))
        else:
            yield (*path, key), value


def differs_by_design(pattern: Json, given_event: Json) -> bool:
    """Where ministack is known not to follow AWS's matcher: a missing field inside an array of objects, and a path that
    is asked for a value and for fields."""
    paths = {path for path, _ in leaves(pattern)}
    both = any(shorter == longer[: len(shorter)] for shorter in paths for longer in paths if shorter != longer)
    absent = any(
        isinstance(each, dict) and each.get("exists") is False for _, found in leaves(pattern) for each in found
    )
    return both or (absent and _has_array_of_objects(given_event))


def _has_array_of_objects(value: Any) -> bool:
    if isinstance(value, list):
        return any(isinstance(each, (dict, list)) for each in value) or any(map(_has_array_of_objects, value))
    return isinstance(value, dict) and any(map(_has_array_of_objects, value.values()))


@settings(max_examples=150, deadline=None)
@given(pattern=PATTERNS, given_event=EVENTS)
def test_a_pattern_matches_what_the_other_engine_says_that_it_matches(pattern: Json, given_event: Json):
    assume(matcher.refusal(pattern) is None)
    assume(not differs_by_design(pattern, given_event))
    expected = matcher.matches(pattern, given_event)
    event(f"matches: {expected}")
    assert compile_pattern(pattern).matches(given_event) is expected


@settings(max_examples=150, deadline=None)
@given(alternatives=ALTERNATIVES, value=st.one_of(VALUES, st.lists(VALUES, max_size=3)))
def test_a_list_of_alternatives_matches_what_the_other_engine_says_that_it_matches(alternatives: list[Any], value: Any):
    pattern, given_event = {"a": alternatives}, {"a": value}
    assume(matcher.refusal(pattern) is None)
    expected = matcher.matches(pattern, given_event)
    event(f"matches: {expected}")
    assert compile_pattern(pattern).matches(given_event) is expected


def match(pattern: Any, value: Any) -> bool:
    return compile_pattern({"detail": {"a": pattern}}).matches({"detail": {"a": value}})


# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html, in the order of the page.
@pytest.mark.parametrize(
    ("alternatives", "seen", "passed_over"),
    [
        ([{"prefix": "2017-10-02"}], ["2017-10-02T15:00"], ["2017-10-03", 20171002]),
        ([{"prefix": {"equals-ignore-case": "EventB"}}], ["eventbridge"], ["vent"]),
        ([{"suffix": ".png"}], ["a.png"], ["a.PNG", "png"]),
        ([{"suffix": {"equals-ignore-case": ".png"}}], ["a.PNG"], ["a.pngx"]),
        ([{"anything-but": "initializing"}], ["terminated", 5, None, True], ["initializing"]),
        ([{"anything-but": [100, 200]}], [300, "100"], [100, 200.0]),
        ([{"anything-but": {"equals-ignore-case": ["initializing", "stopped"]}}], ["on"], ["INITIALIZING", "Stopped"]),
        ([{"anything-but": {"prefix": "init"}}], ["stop", 1], ["initializing"]),
        ([{"anything-but": {"suffix": [".txt", ".rtf"]}}], ["a.png"], ["a.txt", "a.rtf"]),
        ([{"anything-but": {"wildcard": "*/lib/*"}}], ["a/bin/b"], ["a/lib/b"]),
        ([{"numeric": [">", 0, "<=", 5]}], [1, 5, 0.5], [0, 6, "3", True]),
        ([{"numeric": ["=", 3.018e2]}], [301.8], [301]),
        ([{"cidr": "10.0.0.0/24"}], ["10.0.0.255"], ["10.0.1.0", "10.0.0.1/24", "x", 167772161]),
        ([{"cidr": "2001:db8::/32"}], ["2001:db8:1::1"], ["2001:db9::", "10.0.0.1"]),
        ([{"exists": True}], ["", 0, False, None, [1]], [{}, [], {"b": 1}]),
        ([{"exists": False}], [{}, [], {"b": 1}, [[], {}]], ["", None]),
        ([{"equals-ignore-case": "alice@example.com"}], ["ALICE@example.COM"], ["alice@example.co"]),
        ([{"wildcard": "dir/*.png"}], ["dir/a/b.png", "dir/.png"], ["dir/a.jpg", "dir.png"]),
        ([{"wildcard": "a\\*b*"}], ["a*b", "a*bc"], ["axb"]),
        (["", None], ["", None], ["null", 0, False]),
        ([1, True], [1, 1.0, True], ["1", "true", 0]),
    ],
)
def test_each_operator_matches_what_its_page_says(alternatives: list[Any], seen: list[Any], passed_over: list[Any]):
    assert {repr(value): match(alternatives, value) for value in seen} == {repr(value): True for value in seen}
    assert {repr(value): match(alternatives, value) for value in passed_over} == {repr(v): False for v in passed_over}
    pattern = {"detail": {"a": alternatives}}
    assert all(matcher.matches(pattern, {"detail": {"a": value}}) for value in seen)
    assert not any(matcher.matches(pattern, {"detail": {"a": value}}) for value in passed_over)


ITEMS = {"items": [{"name": "a", "port": 22, "open": "0.0.0.0/0"}, {"name": "b", "port": 443}, {"port": 80}]}


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ({"items": {"name": ["a"], "port": [22]}}, True),
        # Each of them is there, in another element.
        ({"items": {"name": ["a"], "port": [443]}}, False),
        ({"items": {"name": ["c"]}}, False),
        ({"items": {"port": [{"numeric": [">", 400]}], "name": [{"exists": True}]}}, True),
        ({"items": {"state": [{"exists": False}]}}, True),
        # Some element has it.
        ({"items": {"name": [{"exists": False}]}}, False),
        # The element whose name is b has none; that it is asked after the name is the order of the paths.
        ({"items": {"name": ["b"], "open": [{"exists": False}]}}, True),
        ({"items": {"name": ["a"], "open": [{"exists": False}]}}, False),
        ({"items": {"name": ["a"], "open": [{"exists": False}, {"suffix": "/0"}]}}, True),
        ({"other": {"name": [{"exists": False}]}}, True),
    ],
)
def test_fields_of_objects_in_one_array_match_in_one_element(pattern: Json, expected: bool):
    assert compile_pattern(pattern).matches(ITEMS) is expected


def test_arrays_in_arrays_are_followed():
    nested = {"a": [[{"b": [1, [2]]}], [{"b": 3, "c": 4}]]}
    assert compile_pattern({"a": {"b": [2]}}).matches(nested)
    assert compile_pattern({"a": {"b": [3], "c": [4]}}).matches(nested)
    assert not compile_pattern({"a": {"b": [2], "c": [4]}}).matches(nested)


def test_a_field_inside_and_outside_of_or_keeps_what_was_written_last():
    pattern = {"a": ["1"], "$or": [{"a": ["2"]}, {"b": ["3"]}]}
    found = [compile_pattern(pattern).matches(each) for each in ({"a": "2"}, {"a": "1"}, {"a": "1", "b": "3"})]
    assert found == [True, False, True]
    assert found == [matcher.matches(pattern, each) for each in ({"a": "2"}, {"a": "1"}, {"a": "1", "b": "3"})]


REFUSED = [
    {},
    {"a": "x"},
    {"a": []},
    {"a": {}},
    {"a": [["x"]]},
    {"a": [{"prefix": 5}]},
    {"a": [{"prefix": {"wildcard": "x"}}]},
    {"a": [{"like": "x"}]},
    {"a": [{"prefix": "x", "suffix": "y"}]},
    {"a": [{"exists": "yes"}]},
    {"a": [{"numeric": ["=", "5"]}]},
    {"a": [{"numeric": [">", 5, "<", 1]}]},
    {"a": [{"numeric": ["<", 5, ">", 1]}]},
    {"a": [{"numeric": []}]},
    {"a": [{"cidr": "10.0.0.0"}]},
    {"a": [{"cidr": "10.0.0.0/32"}]},
    {"a": [{"cidr": "10.0.0.300/8"}]},
    {"a": [{"wildcard": "a**b"}]},
    {"a": [{"wildcard": "a\\b"}]},
    {"a": [{"anything-but": ["x", 1]}]},
    {"a": [{"anything-but": []}]},
    {"a": [{"anything-but": None}]},
    {"a": [{"anything-but": {"prefix": ""}}]},
    {"a": [{"anything-but": {"cidr": "10.0.0.0/8"}}]},
    {"a": [{"anything-but": {"wildcard": "a**"}}]},
    {"$or": [{"a": ["x"]} for _ in range(1001)]},
]


@pytest.mark.parametrize("pattern", REFUSED, ids=lambda pattern: str(pattern)[:60])
def test_what_eventbridge_refuses_is_refused(pattern: Json):
    assert matcher.refusal(pattern) is not None
    with pytest.raises(InvalidPattern):
        compile_pattern(pattern)
