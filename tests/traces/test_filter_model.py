"""Filters as values: how they are written, how they combine, and what has no negation."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.traces.expressions_kit import filters

from raytrail.errors import InvalidProps
from raytrail.traces import (
    Filter,
    annotation,
    duration,
    edge,
    element,
    error,
    fault,
    group,
    http,
    ok,
    parse_filter,
    response_time,
    root_cause,
    service,
    user,
)
from raytrail.traces._filter_model import Annotation, Comparison, Is, IsSet


@given(filters)
def test_a_filter_reads_back_from_its_text(filter: Filter) -> None:
    assert parse_filter(str(filter)) == filter
    assert str(parse_filter(str(filter))) == str(filter)


@given(filters, filters)
def test_filters_are_equal_when_they_read_the_same(one: Filter, other: Filter) -> None:
    assert (one == other) is (str(one) == str(other))
    assert len({one, other}) == (1 if str(one) == str(other) else 2)


@given(filters)
def test_a_filter_survives_pickling(filter: Filter) -> None:
    assert pickle.loads(pickle.dumps(filter)) == filter


@given(filters)
def test_parentheses_stand_where_and_meets_or_and_nowhere_else(filter: Filter) -> None:
    # The strings of these filters may have parentheses too, so the parser says where there are some.
    assert filter.uses_parentheses is parse_filter(str(filter)).uses_parentheses
    alone = fault & filter
    assert (fault & ok & error).uses_parentheses is False
    assert (alone | ok).uses_parentheses is True


def test_filters_of_one_kind_share_a_level() -> None:
    assert str((fault & error) & ok) == str(fault & (error & ok)) == "fault AND error AND ok"
    assert (fault & error) & ok == fault & (error & ok)


def test_where_and_meets_or_the_inner_ones_stand_in_parentheses() -> None:
    assert str((fault | error) & ok) == "(fault OR error) AND ok"
    assert str(fault | (error & ok)) == "fault OR (error AND ok)"
    assert str(service("a").where((fault | error) & ok)) == 'service("a") { (fault OR error) AND ok }'


def test_braces_need_no_parentheses() -> None:
    filter = service("a").where(fault | (response_time > 2.5)) & (annotation["account"] == "12345")
    assert str(filter) == 'service("a") { fault OR responsetime > 2.5 } AND annotation[account] = "12345"'
    assert not filter.uses_parentheses


@pytest.mark.parametrize(
    ("value", "text"),
    [(5, "5"), (5.0, "5"), (-0.0, "0"), (0.1, "0.1"), (1e-7, "0.0000001"), (1e22, "10000000000000000000000")],
)
def test_numbers_are_written_without_exponents(value: float, text: str) -> None:
    assert str(duration > value) == f"duration > {text}"
    assert parse_filter(f"duration > {text}") == (duration > value)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_number_is_finite(value: float) -> None:
    with pytest.raises(InvalidProps, match="finite"):
        duration > value  # noqa: B015  # the comparison itself refuses


@pytest.mark.parametrize("text", ['say "hi"', "back\\slash", "two\nlines", "\x00"])
def test_a_string_that_cannot_be_written_is_refused_with_a_way_out(text: str) -> None:
    for make in (lambda: user == text, lambda: service(text), lambda: group.name == text):
        with pytest.raises(InvalidProps, match="AWS documents no escapes; compare with the part before or after"):
            make()


NEGATIONS: list[tuple[Filter, str]] = [
    (fault, "!fault"),
    (http.url.is_set, "!http.url"),
    (annotation["age"].is_set, "!annotation[age]"),
    (response_time > 5, "responsetime <= 5"),
    (duration == 5, "duration != 5"),
    (service("a"), '!service("a")'),
    (service("a").fault, '!service("a") { fault }'),
    (edge("a", "b").error, '!edge("a", "b") { error }'),
    (group.name == "slow", 'group.name != "slow"'),
    (root_cause.json({}), "rootcause.json != #[{}]"),
    (fault & (response_time > 5), "!fault OR responsetime <= 5"),
    (fault | error | ok, "!fault AND !error AND !ok"),
]


@pytest.mark.parametrize(("filter", "text"), NEGATIONS)
def test_the_negation_is_what_x_ray_writes(filter: Filter, text: str) -> None:
    assert str(~filter) == text
    assert ~~filter == filter
    assert parse_filter(text) == ~filter


@pytest.mark.parametrize(
    ("filter", "way_out"),
    [
        (http.status >= 500, "write http.status < 500"),
        (user == "x", 'write user != "x"'),
        (annotation["age"] > 29, "write annotation[age] <= 29"),
        (http.url.contains("x"), "a trace without http.url"),
        (root_cause.fault.service(element.last), "AWS shows ! before"),
        (fault & (http.status >= 500), "write http.status < 500"),
    ],
)
def test_what_has_no_exact_negation_is_refused_with_a_way_out(filter: Filter, way_out: str) -> None:
    with pytest.raises(InvalidProps) as refusal:
        ~filter  # noqa: B018  # the negation itself refuses
    assert way_out in str(refusal.value)


MISUSES: list[Any] = [
    lambda: bool(fault),
    lambda: fault and error,
    lambda: fault or error,
    lambda: not fault,
    lambda: 1 < duration < 5,
    lambda: "a" == user == "b",
]


@pytest.mark.parametrize("misuse", MISUSES)
def test_a_filter_is_neither_true_nor_false(misuse: Any) -> None:
    with pytest.raises(InvalidProps, match=r"combine filters with & \| ~"):
        misuse()


@pytest.mark.parametrize("misuse", [lambda: fault == True, lambda: fault != False, lambda: (fault & error) == "x"])  # noqa: E712  # it is the misuse
def test_a_filter_is_not_compared_with_a_value(misuse: Any) -> None:
    with pytest.raises(InvalidProps, match="no keyword to compare"):
        misuse()


@pytest.mark.parametrize(
    "make",
    [
        lambda: Is("duration"),
        lambda: Is("no such keyword"),
        lambda: IsSet("http.status"),
        lambda: IsSet("fault"),
        lambda: Comparison("fault", "=", True),
        lambda: Comparison("duration", "CONTAINS", "5"),
        lambda: Comparison("duration", ">", "5"),
        lambda: Comparison("duration", ">", True),
        lambda: Comparison("user", "<", "x"),
        lambda: Comparison("user", "=", 5),
        lambda: Comparison(Annotation("age"), ">", "29"),
        lambda: Comparison(Annotation("age"), "CONTAINS", 29),
        lambda: Annotation("no-dashes"),
        lambda: Annotation(""),
        lambda: Annotation("age", "middle"),
    ],
)
def test_nonsense_is_refused_when_it_is_made(make: Any) -> None:
    with pytest.raises(InvalidProps):
        make()


@given(st.sampled_from(["first", "last", "remote", "root"]))
def test_a_keyword_of_an_element_has_no_meaning_for_the_whole_trace(keyword: str) -> None:
    with pytest.raises(InvalidProps, match=f"{keyword} has no meaning outside braces; it stands in "):
        (fault & Is(keyword)).check()


def test_a_keyword_is_refused_in_braces_where_it_has_no_meaning() -> None:
    with pytest.raises(InvalidProps, match=r"last has no meaning in service\(\) \{ \}"):
        service("a").where(element.last)
    with pytest.raises(InvalidProps, match=r"service.* has no meaning in service"):
        service("a").where(service("b"))
    with pytest.raises(InvalidProps, match=r"coverage has no meaning in rootcause\.fault.entity"):
        root_cause.fault.entity(element.coverage > 1)
